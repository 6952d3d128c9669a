/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rules with the bpf match (xt_bpf), set as iptables-legacy sets them, or as iptables-nft does
 * where the kernel has no legacy iptables. The kernel itself looks up the program of such a
 * rule by a path in the BPF file system.
 */
#ifndef BPFFS_SELFTEST_XTABLES_H
#define BPFFS_SELFTEST_XTABLES_H

#include <stddef.h>
#include <net/if.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_bpf.h>
#include <linux/netfilter_ipv4/ip_tables.h>

#include "bpf_objects.h"

struct policy {
	struct ipt_entry entry;
	struct xt_standard_target target;
};

struct match_rule {
	struct ipt_entry entry;
	struct xt_entry_match match;
	struct xt_bpf_info_v1 info;
	struct xt_standard_target target;
};

/* The table "filter", with a rule that drops incoming packets that the program matches. */
struct table {
	struct ipt_replace head;
	struct match_rule rule;
	struct policy input;
	struct policy forward;
	struct policy output;
	struct {
		struct ipt_entry entry;
		struct xt_error_target target;
	} end;
	/* Where the kernel stores the counters of the old rules; no part of the new table. */
	struct xt_counters counters[8];
};

#define TABLE_SIZE offsetof(struct table, counters)

/* To be called before the tests: loads the modules that iptables loads, if there are such. */
void xtables_prepare(void);

/* Enters a new network namespace with loopback; returns a socket for the rules of that, or -errno. */
int netns_new(void);

/*
 * Makes the table for IPT_SO_SET_REPLACE: one that drops what the program pinned at
 * @path matches, or one that drops nothing if @path is NULL. Returns 0 or -errno.
 */
int make_table(struct table *table, int sock, const char *path);
/* Makes the table and sets it; 0 or -errno. */
int set_rule(int sock, const char *path);

#endif /* BPFFS_SELFTEST_XTABLES_H */
