// SPDX-License-Identifier: GPL-2.0

#include <linux/bpf.h>

__rust_helper bool rust_helper_bpf_map_support_seq_show(const struct bpf_map *map);
__rust_helper bool rust_helper_bpf_map_support_seq_show(const struct bpf_map *map)
{
	return bpf_map_support_seq_show(map);
}
