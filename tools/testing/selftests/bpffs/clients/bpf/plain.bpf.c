// SPDX-License-Identifier: GPL-2.0
/* Programs of several types that share a map which is not pinned by itself. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} runs SEC(".maps");

static void count(__u32 which)
{
	__u64 *value = bpf_map_lookup_elem(&runs, &which);

	if (value)
		__sync_fetch_and_add(value, 1);
}

SEC("xdp")
int pass_xdp(struct xdp_md *ctx)
{
	count(0);
	return XDP_PASS;
}

SEC("classifier")
int pass_tc(struct __sk_buff *skb)
{
	count(1);
	return 0;
}

SEC("socket")
int match_all(struct __sk_buff *skb)
{
	count(2);
	return 1;
}

SEC("cgroup_skb/egress")
int allow(struct __sk_buff *skb)
{
	count(3);
	return 1;
}

char _license[] SEC("license") = "GPL";
