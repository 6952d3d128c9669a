// SPDX-License-Identifier: GPL-2.0
/* See nft.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "nft.h"
#include "sys.h"

/* Messages that are carried out together, or not at all. */
struct batch {
	char data[2048];
	size_t len;
	uint32_t seq;
};

/* Room for @len bytes, which are 0 up to the next multiple of 4. The batches here are never longer. */
static void *put(struct batch *b, size_t len)
{
	void *at = b->data + b->len;

	b->len += NLMSG_ALIGN(len);
	if (b->len > sizeof(b->data))
		abort();
	return at;
}

static struct nlmsghdr *begin(struct batch *b, int type, int flags, int resource)
{
	struct nlmsghdr *message = put(b, sizeof(*message));
	struct nfgenmsg *head = put(b, sizeof(*head));

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	message->nlmsg_seq = b->seq++;
	head->nfgen_family = NFPROTO_IPV4;
	head->version = NFNETLINK_V0;
	head->res_id = htons(resource);
	return message;
}

static struct nlmsghdr *begin_nft(struct batch *b, int type, int flags)
{
	return begin(b, NFNL_SUBSYS_NFTABLES << 8 | type, flags, 0);
}

static void end(struct batch *b, struct nlmsghdr *message)
{
	message->nlmsg_len = b->data + b->len - (char *)message;
}

static void attr(struct batch *b, int type, const void *value, size_t len)
{
	struct nlattr *attr = put(b, NLA_HDRLEN + len);

	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN + len;
	memcpy((char *)attr + NLA_HDRLEN, value, len);
}

static void attr_text(struct batch *b, int type, const char *value)
{
	attr(b, type, value, strlen(value) + 1);
}

static void attr_number(struct batch *b, int type, uint32_t value)
{
	value = htonl(value);
	attr(b, type, &value, sizeof(value));
}

static struct nlattr *nest(struct batch *b, int type)
{
	struct nlattr *attr = put(b, NLA_HDRLEN);

	attr->nla_type = type | NLA_F_NESTED;
	return attr;
}

static void unnest(struct batch *b, struct nlattr *attr)
{
	attr->nla_len = b->data + b->len - (char *)attr;
}

static void add_table(struct batch *b)
{
	struct nlmsghdr *message = begin_nft(b, NFT_MSG_NEWTABLE, NLM_F_CREATE);

	attr_text(b, NFTA_TABLE_NAME, "filter");
	end(b, message);
}

static void add_chain(struct batch *b)
{
	struct nlmsghdr *message = begin_nft(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	struct nlattr *hook;

	attr_text(b, NFTA_CHAIN_TABLE, "filter");
	attr_text(b, NFTA_CHAIN_NAME, "INPUT");
	hook = nest(b, NFTA_CHAIN_HOOK);
	attr_number(b, NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_IN);
	attr_number(b, NFTA_HOOK_PRIORITY, 0);
	unnest(b, hook);
	attr_text(b, NFTA_CHAIN_TYPE, "filter");
	end(b, message);
}

/* All of the chain's. */
static void delete_rules(struct batch *b)
{
	struct nlmsghdr *message = begin_nft(b, NFT_MSG_DELRULE, 0);

	attr_text(b, NFTA_RULE_TABLE, "filter");
	attr_text(b, NFTA_RULE_CHAIN, "INPUT");
	end(b, message);
}

static void add_match(struct batch *b, const struct xt_bpf_info_v1 *info)
{
	struct nlattr *element = nest(b, NFTA_LIST_ELEM), *data;

	attr_text(b, NFTA_EXPR_NAME, "match");
	data = nest(b, NFTA_EXPR_DATA);
	attr_text(b, NFTA_MATCH_NAME, "bpf");
	attr_number(b, NFTA_MATCH_REV, 1);
	attr(b, NFTA_MATCH_INFO, info, sizeof(*info));
	unnest(b, data);
	unnest(b, element);
}

static void add_drop(struct batch *b)
{
	struct nlattr *element = nest(b, NFTA_LIST_ELEM), *data, *value, *verdict;

	attr_text(b, NFTA_EXPR_NAME, "immediate");
	data = nest(b, NFTA_EXPR_DATA);
	attr_number(b, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	value = nest(b, NFTA_IMMEDIATE_DATA);
	verdict = nest(b, NFTA_DATA_VERDICT);
	attr_number(b, NFTA_VERDICT_CODE, NF_DROP);
	unnest(b, verdict);
	unnest(b, value);
	unnest(b, data);
	unnest(b, element);
}

static void add_rule(struct batch *b, const struct xt_bpf_info_v1 *info)
{
	struct nlmsghdr *message = begin_nft(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	struct nlattr *list;

	attr_text(b, NFTA_RULE_TABLE, "filter");
	attr_text(b, NFTA_RULE_CHAIN, "INPUT");
	list = nest(b, NFTA_RULE_EXPRESSIONS);
	add_match(b, info);
	add_drop(b);
	unnest(b, list);
	end(b, message);
}

/* All answers have come when the batch is sent: one, for what failed. */
static int answer(int sock)
{
	union {
		char data[4096];
		struct nlmsghdr head;
	} buf;
	const struct nlmsgerr *err = NLMSG_DATA(&buf.head);
	ssize_t len;

	while ((len = recv(sock, &buf, sizeof(buf), MSG_DONTWAIT)) >= 0) {
		if (len < (ssize_t)NLMSG_LENGTH(sizeof(*err)))
			return -EBADMSG;
		if (buf.head.nlmsg_type == NLMSG_ERROR && err->error)
			return err->error;
	}
	return errno == EAGAIN ? 0 : -errno;
}

int nft_set_rule(int sock, const struct xt_bpf_info_v1 *info)
{
	struct batch b = {};

	end(&b, begin(&b, NFNL_MSG_BATCH_BEGIN, 0, NFNL_SUBSYS_NFTABLES));
	add_table(&b);
	add_chain(&b);
	delete_rules(&b);
	if (info)
		add_rule(&b, info);
	end(&b, begin(&b, NFNL_MSG_BATCH_END, 0, NFNL_SUBSYS_NFTABLES));
	if (send(sock, b.data, b.len, 0) != (ssize_t)b.len)
		return -errno;
	return answer(sock);
}

int nft_socket(void)
{
	return sys(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
}
