// SPDX-License-Identifier: GPL-2.0

#include <linux/bpf.h>
#include <linux/btf.h>

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
