/* SPDX-License-Identifier: GPL-2.0 */
/* BPF links of every type, each with a way to tell whether it is attached. */
#ifndef BPFFS_SELFTEST_LINK_TYPES_H
#define BPFFS_SELFTEST_LINK_TYPES_H

#include "bpf_objects.h"

struct link_type;

/* A link, what it needs around it, and the programs it runs. */
struct link_env {
	const struct link_type *type;
	/* An array map of one int, to which the program adds one when it runs. */
	int counter;
	int prog;
	int link;
	/* What the link is attached to, or the map of its struct_ops. */
	int target;
};

struct link_type {
	const char *name;
	/* What bpf_link_info says, a constant of enum bpf_link_type. */
	const char *link_type;
	unsigned int prog_type;
	unsigned int attach_type;
	/* Function, or type of a tracepoint, in the kernel's BTF that is attached to. */
	const char *btf_name;
	/* What the program returns, so that whatever it looks at takes its course. */
	int ret;
	/* Only what this process does is counted. */
	bool own;
	/* What giving the link another program returns. */
	int update;
	/* Whether it can be detached. */
	bool detaches;
	/* Prepare @env->target and surroundings; may be NULL. 0 or -errno. */
	int (*prepare)(struct link_env *env);
	/* The link for @env->prog; fd or -errno. */
	int (*attach)(struct link_env *env);
	/* Do what lets the program run. */
	void (*hit)(struct link_env *env);
	/* Whether it is attached, if that is not seen by the counter. */
	bool (*attached)(struct link_env *env);
};

extern const struct link_type link_types[];
extern const unsigned int link_types_cnt;

const struct link_type *link_type_by_name(const char *name);
/* The program of the type, counting in @counter; fd or -errno. */
int link_type_prog(const struct link_type *type, int counter);
/* Everything in @env, in a network namespace of its own; 0 or -errno. */
int link_env_new(struct link_env *env, const struct link_type *type);
/* Whether @counter is counting. */
bool link_counts(struct link_env *env, int counter);
/* Whether the link is in effect. */
bool link_attached(struct link_env *env);
/* True as soon as it is not, which may take a while after the last reference. */
bool link_detached(struct link_env *env);
/* BPF_LINK_UPDATE with another program, or map, that counts in @counter. */
int link_update(struct link_env *env, int link, int counter);

#define STRUCT_OPS_NAME	"bpffs_test"
/* A map of a TCP congestion control of that name, to be linked; fd or -errno. */
int struct_ops_new(void);

#endif /* BPFFS_SELFTEST_LINK_TYPES_H */
