// SPDX-License-Identifier: GPL-2.0
/*
 * Count packets and bytes per IP protocol.
 *
 * classify looks at the EtherType and tail calls, through the program array
 * jump, into the program that knows that kind of packet. Only those programs
 * count: when a counter moves, the tail call worked.
 *
 * Load and pin everything, without a loader of one's own:
 *	bpftool prog loadall counter.bpf.o /sys/fs/bpf/demo \
 *		pinmaps /sys/fs/bpf/demo/maps
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "counter.h"

enum { JUMP_IPV4, JUMP_IPV6, JUMP_MAX };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, struct counter);
} counters SEC(".maps");

static __always_inline int count(struct xdp_md *ctx, __u32 protocol)
{
	struct counter *c = bpf_map_lookup_elem(&counters, &protocol);

	if (!c)
		return XDP_ABORTED;
	__sync_fetch_and_add(&c->packets, 1);
	__sync_fetch_and_add(&c->bytes, ctx->data_end - ctx->data);
	return XDP_PASS;
}

SEC("xdp")
int count_ipv4(struct xdp_md *ctx)
{
	struct iphdr *ip = (void *)(long)ctx->data + sizeof(struct ethhdr);

	if ((void *)(ip + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	return count(ctx, ip->protocol);
}

SEC("xdp")
int count_ipv6(struct xdp_md *ctx)
{
	struct ipv6hdr *ip = (void *)(long)ctx->data + sizeof(struct ethhdr);

	if ((void *)(ip + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	/* An extension header counts as a protocol of its own. */
	return count(ctx, ip->nexthdr);
}

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, JUMP_MAX);
	__uint(key_size, sizeof(__u32));
	__array(values, int (struct xdp_md *));
} jump SEC(".maps") = {
	/* libbpf fills the array when it loads the object. */
	.values = {
		[JUMP_IPV4] = &count_ipv4,
		[JUMP_IPV6] = &count_ipv6,
	},
};

SEC("xdp")
int classify(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;

	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;

	switch (eth->h_proto) {
	case bpf_htons(ETH_P_IP):
		bpf_tail_call(ctx, &jump, JUMP_IPV4);
		break;
	case bpf_htons(ETH_P_IPV6):
		bpf_tail_call(ctx, &jump, JUMP_IPV6);
		break;
	}

	/* Reached for other packets, or when the array's entry is empty. */
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
