/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rules of the bpf match (xt_bpf), set as iptables-legacy does: for its programs
 * the kernel itself goes through bpffs.
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

/* The table "filter": a rule that drops incoming what the program matches. */
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
	/* Not part of what is set: where the kernel stores the old rules' counters. */
	struct xt_counters counters[8];
};

#define TABLE_SIZE offsetof(struct table, counters)

/* Before the tests: modules as iptables loads them; what is built in needs none. */
void xtables_prepare(void);

/* A network namespace of its own, with loopback; returns a socket for its rules. */
int netns_new(void);

/*
 * The table that drops what the program pinned at @path matches, or without one
 * drops nothing; for IPT_SO_SET_REPLACE. Returns 0 or -errno.
 */
int make_table(struct table *table, int sock, const char *path);
/* Makes it and sets it. */
int set_rule(int sock, const char *path);

#endif /* BPFFS_SELFTEST_XTABLES_H */
