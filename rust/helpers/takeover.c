// SPDX-License-Identifier: GPL-2.0
/*
 * C macros and inline functions, which Rust cannot call, for the crate takeover. Each gets a
 * one-line function; nothing else is in C. Sorted alphabetically.
 */

#include <linux/mnt_namespace.h>
#include <linux/ns_common.h>

/* The kernel's own rust/helpers may inline theirs into Rust; these are called. */
#ifndef __rust_helper
#define __rust_helper
#endif

__rust_helper u64 rust_helper_mnt_ns_id(struct mnt_namespace *ns);
__rust_helper u64 rust_helper_mnt_ns_id(struct mnt_namespace *ns)
{
	return from_mnt_ns(ns)->ns_id;
}
