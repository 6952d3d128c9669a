// SPDX-License-Identifier: GPL-2.0
/* See xtables.h. */
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "kselftest.h"
#include "module.h"
#include "nft.h"
#include "xtables.h"

/* Whether there is no other way but nftables. */
static bool by_nft;

/* The verdict of a standard target is its negation, less one. */
#define VERDICT(v)	(-(v) - 1)

static void set_policy(struct policy *policy, unsigned int size, int verdict)
{
	policy->entry.target_offset = size - sizeof(policy->target);
	policy->entry.next_offset = size;
	policy->target.target.u.user.target_size = sizeof(policy->target);
	policy->target.verdict = verdict;
}

#define AT(member) offsetof(struct table, member)

int make_table(struct table *table, int sock, const char *path)
{
	struct match_rule *rule = &table->rule;
	struct ipt_getinfo old = { .name = "filter" };
	socklen_t len = sizeof(old);

	if (getsockopt(sock, SOL_IP, IPT_SO_GET_INFO, &old, &len))
		return -errno;
	if (old.num_entries > ARRAY_SIZE(table->counters))
		return -E2BIG;
	*table = (struct table){
		.head = {
			.name = "filter",
			.valid_hooks = 1 << NF_INET_LOCAL_IN | 1 << NF_INET_FORWARD |
				       1 << NF_INET_LOCAL_OUT,
			.num_entries = 5,
			.size = TABLE_SIZE - AT(rule),
			.hook_entry = {
				[NF_INET_LOCAL_IN] = AT(rule) - AT(rule),
				[NF_INET_FORWARD] = AT(forward) - AT(rule),
				[NF_INET_LOCAL_OUT] = AT(output) - AT(rule),
			},
			.underflow = {
				[NF_INET_LOCAL_IN] = AT(input) - AT(rule),
				[NF_INET_FORWARD] = AT(forward) - AT(rule),
				[NF_INET_LOCAL_OUT] = AT(output) - AT(rule),
			},
			.num_counters = old.num_entries,
			.counters = table->counters,
		},
	};

	rule->entry.target_offset = offsetof(struct match_rule, target);
	rule->entry.next_offset = sizeof(*rule);
	rule->match.u.user.match_size = sizeof(rule->match) + sizeof(rule->info);
	strcpy(rule->match.u.user.name, "bpf");
	rule->match.u.user.revision = 1;
	rule->target.target.u.user.target_size = sizeof(rule->target);
	rule->target.verdict = VERDICT(NF_DROP);
	if (path) {
		rule->info.mode = XT_BPF_MODE_PATH_PINNED;
		strcpy(rule->info.path, path);
	} else {
		/* The classic program "return 0" matches nothing. */
		rule->info.mode = XT_BPF_MODE_BYTECODE;
		rule->info.bpf_program_num_elem = 1;
		rule->info.bpf_program[0] = (struct sock_filter){ .code = BPF_RET | BPF_K };
	}

	set_policy(&table->input, sizeof(table->input), VERDICT(NF_ACCEPT));
	set_policy(&table->forward, sizeof(table->forward), VERDICT(NF_ACCEPT));
	set_policy(&table->output, sizeof(table->output), VERDICT(NF_ACCEPT));

	table->end.entry.target_offset = sizeof(table->end.entry);
	table->end.entry.next_offset = sizeof(table->end);
	table->end.target.target.u.user.target_size = sizeof(table->end.target);
	strcpy(table->end.target.target.u.user.name, XT_ERROR_TARGET);
	strcpy(table->end.target.errorname, "ERROR");

	return 0;
}

int set_rule(int sock, const char *path)
{
	struct xt_bpf_info_v1 info = { .mode = XT_BPF_MODE_PATH_PINNED };
	struct table table;
	int err;

	if (by_nft) {
		strcpy(info.path, path ?: "");
		return nft_set_rule(sock, path ? &info : NULL);
	}
	err = make_table(&table, sock, path);
	return err ?: sys(setsockopt(sock, SOL_IP, IPT_SO_SET_REPLACE, &table, TABLE_SIZE));
}

void xtables_prepare(void)
{
	if ((!module_need("iptable_filter") && !module_need("nft_compat")) || !module_need("xt_bpf"))
		fprintf(stderr, "# no modules iptable_filter or nft_compat, and xt_bpf to load\n");
}

int netns_new(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	struct ipt_getinfo info = { .name = "filter" };
	socklen_t len = sizeof(info);
	int sock;

	if (unshare(CLONE_NEWNET))
		return -errno;
	sock = sys(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	if (sock >= 0 && ioctl(sock, SIOCSIFFLAGS, &ifr))
		return -errno;
	close(sock);
	sock = sys(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
	by_nft = sock >= 0 && getsockopt(sock, SOL_IP, IPT_SO_GET_INFO, &info, &len) &&
		 errno == ENOPROTOOPT;
	if (!by_nft)
		return sock;
	close(sock);
	return nft_socket();
}

