/* SPDX-License-Identifier: GPL-2.0 */
/* Links of iterators, whose programs write what the tests know. Programs link with libbpf. */
#ifndef BPFFS_SELFTEST_ITERATORS_H
#define BPFFS_SELFTEST_ITERATORS_H

#include "bpf_objects.h"

/*
 * A program for the iterator over @target, which the kernel calls "bpf_iter_TARGET"; descriptor
 * or -errno. Looking the target up takes long, but the first time only.
 */
int iterator_prog(const char *target, const struct bpf_insn *insns, unsigned int cnt);
/* A link that runs the program; @info may be NULL. Descriptor or -errno. */
int iterator_link(int prog, const union bpf_iter_link_info *info);

/* ---- elements of a map ---- */

/* Fields of the context of such a program, struct bpf_iter__bpf_map_elem. */
#define ELEM_KEY	16
#define ELEM_VALUE	24

/*
 * A program that writes @size bytes of what is at @field, for each element, and returns
 * @ret; descriptor or -errno.
 */
int elem_prog(int field, int size, int ret);
/* The link that lets @prog go through @map. */
int elem_link(int prog, int map);

/* ---- tasks ---- */

/* The link of an iterator over the task with this id alone, which writes the id, an int. */
int task_link(pid_t tid);

/* ---- cgroups ---- */

/* What a view writes for a cgroup; its id is the inode number of its directory. */
struct viewed {
	/* 0 for the last call, without a cgroup, that reading an iterator's pin makes. */
	uint64_t cgroup;
	uint64_t seq_num;
};

/* A view: an iterator over cgroups. */
struct view {
	/* BPF_CGROUP_ITER_SELF_ONLY if it is not said. */
	enum bpf_cgroup_iter_order order;
	/* Where the iterator begins; 0: at the root. */
	int cgroup;
	/* What the program returns. */
	int ret;
	/* Not 0: the program counts its runs in this array map of an int. */
	int runs;
	/* Not 0: the program writes the first @size bytes of this array map's first value. */
	int text;
	int size;
};

int view_prog(const struct view *view);
int view_link(const struct view *view);

#endif /* BPFFS_SELFTEST_ITERATORS_H */
