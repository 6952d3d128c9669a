/* SPDX-License-Identifier: GPL-2.0 */
/* A file system in which path look-ups sleep: a system call that is held up where it looks up a path. */
#ifndef SELFTEST_UNSERVED_H
#define SELFTEST_UNSERVED_H

#include "sys.h"

/*
 * Mounts such a file system at @dir, which is made if it is missing. A look-up of a name in @dir
 * sleeps until the descriptor that is returned is closed, and then fails with ENOTCONN. Or -errno.
 */
int mount_unserved(const char *dir);
/* Whether the process sleeps, and is not to be interrupted. */
bool asleep(pid_t pid);

#endif /* SELFTEST_UNSERVED_H */
