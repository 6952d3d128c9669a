/* SPDX-License-Identifier: GPL-2.0 */
/* Processes, and the user that a process runs as. */
#ifndef SELFTEST_PROCESS_H
#define SELFTEST_PROCESS_H

#include "sys.h"

/* A child that shares the table of file descriptors, but not memory. */
pid_t fork_files(void);
/* Waits for the child; its exit status, or -signal. */
int wait_child(pid_t pid);
/*
 * Kills all children of this process, and their children if this process is a
 * subreaper; returns how many processes were killed.
 */
int end_children(void);
/* Becomes a user without any capability or supplementary group, for good. */
int become(uid_t uid, gid_t gid);

/* The user and the group that own nothing. */
#define NOBODY 65534

/*
 * Runs the block that follows in a child process. *@status is then the exit
 * status of the child (0 when the block just ends), or -signal. The parent
 * counts EXPECT_*() of the child.
 *
 *	in_child(&status) {
 *		become(NOBODY, NOBODY);
 *		EXPECT_EQ(-EACCES, sys(mkdir("fs/x", 0755)));
 *	}
 */
#define in_child(status)						\
	for (pid_t __pid = fork(), __once = 1; __once;			\
	     __pid ? (void)(*(status) = wait_child(__pid)) : _exit(0),	\
	     __once = 0)						\
		if (__pid)						\
			;						\
		else

#endif /* SELFTEST_PROCESS_H */
