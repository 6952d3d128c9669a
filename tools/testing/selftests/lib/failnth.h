/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Failing the 1st, 2nd, 3rd ... allocation of a system call, until the call succeeds
 * without a failed allocation. The kernel needs CONFIG_FAILSLAB and
 * CONFIG_FAIL_PAGE_ALLOC.
 *
 * Variables of the environment: FAILNTH_CALL names the only call to be made. With
 * FAILNTH_VERBOSE=2 the kernel logs where an allocation is made to fail. With
 * FAILNTH_ALL=1 every allocation fails of calls that take long, too, for which such a
 * call takes minutes. Without FAILNTH_ALL, BPFFS_SEED tells which allocations of these
 * calls are chosen.
 */
#ifndef SELFTEST_FAILNTH_H
#define SELFTEST_FAILNTH_H

#include "sys.h"

/* How a call is made again and again. The functions return 0 or -errno. */
struct call {
	const char *name;
	/* Makes what the call needs each time; NULL if the call needs nothing. */
	int (*prepare)(void);
	/* The call: makes exactly one system call through armed(). */
	long (*call)(void);
	/*
	 * Undoes what prepare() did, and what the call did if @ret says that the
	 * call succeeded. Fails if @ret says so and the call has done nothing, or
	 * the other way round.
	 */
	int (*restore)(long ret);
	/* What the call gives when no allocation fails, if not success: -errno. */
	int result;
	/* What the call may give besides ENOMEM, as NO_INODE; the user of it says why. */
	int also;
	/*
	 * What another implementation does wrong in this call, so that the kernel
	 * would not be sound afterwards. The call is not made while
	 * subject.other_serves().
	 */
	const char *not_on_c;
	/*
	 * For a call that takes long: the seconds for which allocations are made to
	 * fail. The chosen ones are spread over all, from a random one on.
	 */
	unsigned int seconds;
	/*
	 * A function of the kernel in which, and below which, no allocation fails,
	 * because the kernel itself cannot do with that; the user of it says why.
	 */
	const char *spared;
	/* The call allocates nothing. Any other call must have an allocation that fails. */
	bool no_points;
};

/* new_inode() does not say why there is no inode; file systems take that for a full device. */
#define NO_INODE ENOSPC

/* syscall(), with the allocation failing that is to fail; result or -errno. */
long armed(long nr, ...);
/* Opens what armed() needs, for a process that cannot open that later; 0 or -errno. */
int armed_prepare(void);

/*
 * Makes the call with each of its allocations failing. Each time, the state
 * (state.h), with the tree at @dir, which may be NULL, must be as before. Returns the
 * number of complaints, each printed as a line of diagnostics.
 */
int fail_each(const struct call *call, const char *dir);

/* What calls are made in. The functions return 0 or -errno. */
struct fail_setup {
	/* The directory whose tree is compared after each call. */
	const char *dir;
	/* Makes what is there; takes it away. */
	int (*make)(void);
	int (*remove)(void);
	/* Whether that is there still, as far as the tree does not tell; may be NULL. */
	int (*kept)(void);
	/* Slab caches that must have as many objects as before; those that are there. */
	const char *caches[4];
};

/*
 * fail_each() for all calls, in a world that is made and removed. Returns the number of
 * complaints.
 */
int fail_all_in(const struct fail_setup *setup, const struct call *calls, unsigned int cnt);

/*
 * For restore(): @err is the result of undoing. The undoing must have succeeded if
 * the call succeeded; otherwise there must have been nothing to undo (ENOENT).
 */
int undone(long ret, int err);
/* A restore() for calls that return a descriptor. */
int restore_fd(long ret);

/* Complaints after which no more calls are made. */
#define MAX_COMPLAINTS 5

/*
 * The whole program: sets the kernel up, calls prepare() (may be NULL) and run(), and
 * prints the table of calls when the program ends.
 */
int failnth_main(int argc, char **argv, void (*prepare)(void),
		 int (*run)(int argc, char **argv));
/* Why the kernel could not be set up: -errno, or 0. */
int failnth_error(void);

#endif /* SELFTEST_FAILNTH_H */
