// SPDX-License-Identifier: GPL-2.0
/* The same name as in byname.bpf.c for a map that is another: not to be taken for it. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} shared SEC(".maps");

SEC("xdp")
int other_xdp(struct xdp_md *ctx)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&shared, &key) ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
