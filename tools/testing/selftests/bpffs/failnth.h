/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Failing the 1st, 2nd, 3rd ... allocation of a system call, until it succeeds
 * without one having failed. Needs CONFIG_FAILSLAB and CONFIG_FAIL_PAGE_ALLOC.
 *
 * In the environment, FAILNTH_CALL names the only call to be made, and with
 * FAILNTH_VERBOSE=2 the kernel logs where it makes an allocation fail. FAILNTH_ALL=1
 * leaves none out of the calls that take long, for which it takes minutes; otherwise
 * BPFFS_SEED tells which are chosen.
 */
#ifndef BPFFS_SELFTEST_FAILNTH_H
#define BPFFS_SELFTEST_FAILNTH_H

#include "progs.h"

/* How a call is made again and again. Functions return 0 or -errno. */
struct call {
	const char *name;
	/* What it needs each time, if it needs something. */
	int (*prepare)(void);
	/* The call: makes exactly one system call through armed(). */
	long (*call)(void);
	/*
	 * Undoes what prepare() did, and what the call did if @ret says that it
	 * succeeded. Fails if the call has not done, or has done, that.
	 */
	int (*restore)(long ret);
	/* What it gives when nothing fails, if not success: -errno. */
	int result;
	/* What it may give besides ENOMEM, as NO_INODE; or say why. */
	int also;
	/* What C does wrong, so that the kernel would not be sound afterwards. */
	const char *not_on_c;
	/*
	 * It takes long, so only some of its allocations are made to fail, spread over
	 * all of them from a random one on: as many as that many seconds allow.
	 */
	unsigned int seconds;
	/*
	 * A function of the kernel in which, and below which, no allocation fails,
	 * because the kernel itself cannot do with that; say why.
	 */
	const char *spared;
	/* It allocates nothing. Any other call must have a point to fail at. */
	bool no_points;
};

/* new_inode() does not say why there is none; C takes that for a full device. */
#define NO_INODE ENOSPC

/* syscall(), with the allocation failing that is to fail; result or -errno. */
long armed(long nr, ...);
/* For a process that cannot open its own file in /proc later. */
int armed_prepare(void);

/*
 * Makes the call with each of its allocations failing. Each time, what is seen
 * of ids, descriptors, mounts, references to the module, and the tree at @dir
 * (may be NULL) must be as before. Returns the number of complaints, each
 * printed as a line of diagnostics.
 */
int fail_each(const struct call *call, const char *dir);

/*
 * That for several calls, in a world (see below) that is made for them. At the
 * end there must be as many inodes and mounts as before, and each user of the
 * program array.
 */
int fail_all(const struct call *calls, unsigned int cnt);
#define FAIL_ALL(calls) fail_all(calls, sizeof(calls) / sizeof((calls)[0]))

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
	/* Mounts it, if it is not to be just a mount of the type. */
	int (*mount)(const char *dir);
};
extern struct world world;

/*
 * For restore(): @err is what undoing gave. That must be success if the call
 * succeeded, and otherwise that there is nothing to undo (ENOENT).
 */
int undone(long ret, int err);
/* For calls that return a descriptor. */
int restore_fd(long ret);

/* Complaints after which calls are given up. */
#define MAX_COMPLAINTS 5

/* The whole program: sets the kernel up, runs the tests, prints the table. */
int failnth_main(int argc, char **argv, int (*run)(int argc, char **argv));
int failnth_error(void);

#define FAILNTH_MAIN							\
	int main(int argc, char **argv)					\
	{								\
		return failnth_main(argc, argv, run_all_guarded);	\
	}

#endif /* BPFFS_SELFTEST_FAILNTH_H */
