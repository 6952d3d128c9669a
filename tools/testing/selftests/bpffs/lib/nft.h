/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rules with the bpf match (xt_bpf), set as iptables-nft sets them: in a table of nftables,
 * by messages of netlink. Realtime kernels have no other way.
 */
#ifndef BPFFS_SELFTEST_NFT_H
#define BPFFS_SELFTEST_NFT_H

#include <linux/netfilter/xt_bpf.h>

/* A socket for the rules of this network namespace, or -errno. */
int nft_socket(void);

/*
 * Has the table "filter" drop incoming packets that the match with @info matches, or none if @info is
 * NULL. Returns 0 or -errno.
 */
int nft_set_rule(int sock, const struct xt_bpf_info_v1 *info);

#endif /* BPFFS_SELFTEST_NFT_H */
