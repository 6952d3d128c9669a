// SPDX-License-Identifier: GPL-2.0
/* A map that loaders pin, and find again, by its name. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} shared SEC(".maps");

static void count(__u32 which)
{
	__u64 one = 1, *value = bpf_map_lookup_elem(&shared, &which);

	if (value)
		__sync_fetch_and_add(value, 1);
	else
		bpf_map_update_elem(&shared, &which, &one, BPF_ANY);
}

SEC("xdp")
int shared_xdp(struct xdp_md *ctx)
{
	count(1);
	return XDP_PASS;
}

SEC("classifier")
int shared_tc(struct __sk_buff *skb)
{
	count(2);
	return 0;
}

char _license[] SEC("license") = "GPL";
