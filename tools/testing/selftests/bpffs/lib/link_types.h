/* SPDX-License-Identifier: GPL-2.0 */
/* BPF links of every type, each with a way to tell whether it is attached. */
#ifndef BPFFS_SELFTEST_LINK_TYPES_H
#define BPFFS_SELFTEST_LINK_TYPES_H

#include "bpf_objects.h"

struct link_type;

/* A link, what the link needs around it, and the program that the link runs. */
struct link_env {
	const struct link_type *type;
	/* An array map of one int, to which the program adds one each time it runs. */
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
	/* What the program returns: a value with which the kernel goes on as without it. */
	int ret;
	/* The program counts only what this process does. */
	bool own;
	/* What giving the link another program returns. */
	int update;
	/* Whether BPF_LINK_DETACH works on the link. */
	bool detaches;
	/* Prepares @env->target and what is around it; may be NULL. 0 or -errno. */
	int (*prepare)(struct link_env *env);
	/* Makes the link for @env->prog; descriptor or -errno. */
	int (*attach)(struct link_env *env);
	/* Does what makes the program run. */
	void (*hit)(struct link_env *env);
	/* Whether the link is attached, where the counter does not show that; may be NULL. */
	bool (*attached)(struct link_env *env);
};

/* X(name) for each type, for the variants of a fixture. */
#define EACH_LINK_TYPE(X)						\
	X(raw_tracepoint) X(tp_btf) X(fentry) X(fexit) X(fsession) \
	X(fmod_ret) X(lsm) X(freplace) X(tracing_multi) X(perf_tracepoint) \
	X(perf_kprobe) X(perf_uprobe) X(kprobe_multi) X(kprobe_session) \
	X(uprobe_multi) X(cgroup) X(lsm_cgroup) X(netns) X(xdp) X(tcx) \
	X(netkit) X(netfilter) X(sockmap) X(struct_ops)

extern const struct link_type link_types[];
extern const unsigned int link_types_cnt;

const struct link_type *link_type_by_name(const char *name);
/* Loads the program of the type, which counts in @counter; descriptor or -errno. */
int link_type_prog(const struct link_type *type, int counter);
/* Makes everything in @env, in a network namespace of its own; 0 or -errno. */
int link_env_new(struct link_env *env, const struct link_type *type);
/* Whether @counter counts when the program should run. */
bool link_counts(struct link_env *env, int counter);
/* Whether the link is in effect. */
bool link_attached(struct link_env *env);
/* True as soon as the link is not in effect, which may take a while after the last reference. */
bool link_detached(struct link_env *env);
/* BPF_LINK_UPDATE with another program, or map, that counts in @counter. */
int link_update(struct link_env *env, int link, int counter);

#define STRUCT_OPS_NAME	"bpffs_test"
/* A map of a TCP congestion control of that name, which a link can be made of; descriptor or -errno. */
int struct_ops_new(void);

#endif /* BPFFS_SELFTEST_LINK_TYPES_H */
