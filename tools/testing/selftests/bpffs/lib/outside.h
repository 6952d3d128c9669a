/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Objects that are exposed outside the file system: files in the directories of cgroups and of
 * sysfs, which are nodes of the kernel's kernfs.
 */
#ifndef BPFFS_SELFTEST_OUTSIDE_H
#define BPFFS_SELFTEST_OUTSIDE_H

#include "sys.h"

/* Where the hierarchy of cgroups v2 is mounted, and the cgroup of tests in it. */
#define CGROUPS	"cg"
#define CGROUP	CGROUPS "/bpffs_test"

/* Mounts the hierarchy, and removes the cgroup if a test has left it; 0 or -errno. */
int cgroups_enter(void);
/* Removes the cgroup with those below it, in which no process may be, and unmounts; 0 or -errno. */
int cgroups_leave(void);

/*
 * The files below the root of cgroups v2 whose names begin with "bpf.", a line each. The kernel
 * has none of that name. "" if the hierarchy cannot be mounted. The caller frees the text.
 */
char *outside_files(void);

/*
 * The number of nodes of all kernfs file systems, of which caches hold none any more, as soon as
 * the number has stopped changing. Exact, if nobody else makes or removes cgroups, devices or
 * modules; -1 if it cannot be had.
 */
long kernfs_nodes(void);
/* 0 as soon as there are so many; 1, which is printed, if that does not come about. */
int kernfs_nodes_check(long before);

#endif /* BPFFS_SELFTEST_OUTSIDE_H */
