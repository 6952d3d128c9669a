// SPDX-License-Identifier: GPL-2.0
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#include "guard.h"
#include "kernel_log.h"
#include "module.h"
#include "process.h"
#include "subject.h"
#include "wait.h"

struct guard {
	int log;
	int mntns;
	int refcnt;
	/* What the suite has noted. */
	char noted[];
};

struct guard *guard_new(void)
{
	struct guard *guard = calloc(1, sizeof(*guard) + subject.noted_size);

	if (!guard)
		return NULL;
	/*
	 * One open file for all tests of a program, so that a warning that
	 * comes late is found by the next of them.
	 */
	guard->log = kernel_log_open();
	if (guard->log < 0) {
		fprintf(stderr, "/dev/kmsg: %s\n", strerror(-guard->log));
		free(guard);
		return NULL;
	}
	if (subject.prepare)
		subject.prepare();
	return guard;
}

void guard_note(struct guard *guard)
{
	if (subject.note)
		subject.note(guard->noted);
	guard->refcnt = module_refcnt();
}

int guard_enter(struct guard *guard)
{
	/* Orphans of the test become ours, so none escapes. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		return -errno;
	guard_note(guard);
	guard->mntns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (guard->mntns < 0)
		return -errno;
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", "/tmp", "tmpfs", 0, "mode=0755") ||
	    chdir("/tmp"))
		return -errno;
	umask(022);
	return 0;
}

static int check_references(struct guard *guard)
{
	/* A test may load or unload the module: then there is nothing to compare. */
	if (guard->refcnt < 0 || module_refcnt() < 0 ||
	    wait_until(module_refcnt() == guard->refcnt, PATIENCE))
		return 0;
	fprintf(stderr, "# guard: module references %d -> %d: a superblock or context is left\n",
		guard->refcnt, module_refcnt());
	return 1;
}

int guard_leaks(struct guard *guard)
{
	return (subject.check ? subject.check(guard->noted) : 0) + check_references(guard);
}

int guard_log(struct guard *guard)
{
	return kernel_log_faults(guard->log);
}

int guard_leave(struct guard *guard)
{
	int bad = end_children();

	if (bad)
		fprintf(stderr, "# guard: %d processes left behind\n", bad);
	if (setns(guard->mntns, CLONE_NEWNS)) {
		perror("# guard: cannot go back to the mount namespace");
		return bad + 1;
	}
	close(guard->mntns);
	bad += guard_leaks(guard);
	bad += guard_log(guard);
	return bad;
}
