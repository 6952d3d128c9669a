/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a task can see that a system call may leave or take: its own file
 * descriptors, its mounts, references to the module, a directory tree, and what
 * the suite's subject.add_state() adds.
 */
#ifndef SELFTEST_STATE_H
#define SELFTEST_STATE_H

/* The state as a text, with the tree at @dir, which may be NULL. The caller frees the text. */
char *state_read(const char *dir);
/*
 * 0 if the state is @state again, soon; otherwise 1, and the first line that differs is
 * printed.
 */
int state_check(const char *state, const char *dir);

#endif /* SELFTEST_STATE_H */
