// SPDX-License-Identifier: GPL-2.0
/*
 * C macros and inline functions, which Rust cannot call, for the crate bpf. Each gets a
 * one-line function; nothing else is in C. Sorted alphabetically.
 */

#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/user_namespace.h>

/* The kernel's own rust/helpers may inline theirs into Rust; these are called. */
#ifndef __rust_helper
#define __rust_helper
#endif

__rust_helper bool rust_helper_bpf_map_support_seq_show(const struct bpf_map *map);
__rust_helper bool rust_helper_bpf_map_support_seq_show(const struct bpf_map *map)
{
	return bpf_map_support_seq_show(map);
}

__rust_helper struct btf_enum *rust_helper_btf_enum(const struct btf_type *t);
__rust_helper struct btf_enum *rust_helper_btf_enum(const struct btf_type *t)
{
	return btf_enum(t);
}

__rust_helper u32 rust_helper_btf_vlen(const struct btf_type *t);
__rust_helper u32 rust_helper_btf_vlen(const struct btf_type *t)
{
	return btf_vlen(t);
}

__rust_helper struct user_namespace *rust_helper_get_user_ns(struct user_namespace *ns);
__rust_helper struct user_namespace *rust_helper_get_user_ns(struct user_namespace *ns)
{
	return get_user_ns(ns);
}
