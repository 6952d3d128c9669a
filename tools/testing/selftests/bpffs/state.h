/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a task can see that a system call may leave or take: ids of BPF objects,
 * its own file descriptors, its mounts, references to the module, a directory tree.
 */
#ifndef BPFFS_SELFTEST_STATE_H
#define BPFFS_SELFTEST_STATE_H

/* With the tree at @dir, which may be NULL. A text, to be freed. */
char *state_read(const char *dir);
/* 0 if it is as @state again, soon; 1 if not, and then the first difference is printed. */
int state_check(const char *state, const char *dir);

#endif /* BPFFS_SELFTEST_STATE_H */
