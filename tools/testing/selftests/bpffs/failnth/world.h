/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The world in which calls on the BPF file system are made to fail (failnth.h): an
 * instance, and BPF objects that are pinned in it.
 */
#ifndef BPFFS_SELFTEST_WORLD_H
#define BPFFS_SELFTEST_WORLD_H

#include "bpffs.h"
#include "failnth.h"

/*
 * What calls find: an instance at "bpf" with a pin of each kind, a pinned
 * iterator, maps that can be read, a directory with a directory in it, and a
 * symlink to the program array.
 */
struct world {
	struct calls calls;	/* bpf/array, and its caller */
	int prog;		/* bpf/prog */
	int link;		/* bpf/link */
	int text;		/* bpf/text: an array map that can be read */
	int hash;		/* bpf/hash: a hash map that can be read */
	int iter;		/* bpf/iter */
	/* Mounts the instance; NULL: the instance is just a mount of the type. */
	int (*mount)(const char *dir);
};
extern struct world world;

/*
 * fail_each() for several calls, in a world that is made for these calls. At the end
 * the numbers of inodes and mounts must be as before, and the program array must have
 * the same users.
 */
int fail_all(const struct call *calls, unsigned int cnt);
#define FAIL_ALL(calls) fail_all(calls, sizeof(calls) / sizeof((calls)[0]))

/* For failnth_main(): makes once what is made only once, or takes long the first time. */
void world_prepare(void);

#define FAILNTH_MAIN								\
	int main(int argc, char **argv)						\
	{									\
		return failnth_main(argc, argv, world_prepare, run_all_guarded);	\
	}

#endif /* BPFFS_SELFTEST_WORLD_H */
