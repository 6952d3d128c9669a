/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of rust/fs share. testfs.rs says what is in a mount of testfs. What
 * testfs refuses by itself it refuses with EDOM.
 */
#ifndef TESTFS_SELFTEST_TESTFS_H
#define TESTFS_SELFTEST_TESTFS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "contents.h"
#include "file.h"
#include "fsmount.h"
#include "namespace.h"
#include "process.h"
#include "wait.h"

#define TESTFS "testfs"
#define TESTFS_CACHE "testfs_inode_cache"
#define BARE "testfs_bare"
#define BARE_CACHE "testfs_bare_inode_cache"

/* Where tests mount it. */
#define M "m"
/* MAX_FILE_SIZE of testfs. */
#define MAX_SIZE 100001

/* Makes the directory if it is missing; @opts may be NULL. 0 or -errno. */
int mount_at(const char *dir, const char *type, const char *opts);
int umount_at(const char *dir);

/* Kinds of what the module counts, as counted.rs has them. */
enum {
	CONTEXTS, SUPER_BLOCKS, INODES, OPEN, SEQUENCES, WAITING, FILLS, LOOKUPS, RELEASES, ENDS, DEFERRED,
	KINDS,
};

/* How many there are now, and how many were ever made; with those of a mount to look by. */
struct tally {
	long live[KINDS];
	long made[KINDS];
};
struct tally tally(void);
/* One of these. */
long live(int kind);
long made(int kind);

/* Whether that is what the last operation on the mount at M was told. */
bool logged(const char *text);
/* Gives a command to the mount at M. */
int control(const char *command);

#endif /* TESTFS_SELFTEST_TESTFS_H */
