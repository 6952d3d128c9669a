/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of notefs share: the file system under test and what it may do in its
 * own way, mounts of it, contents that can be told apart, and its use of the limit.
 *
 * Each test of behaviour is run on tmpfs, too, as a variant: what fails there is a
 * fault of the test. NOTEFS_TYPE=tmpfs runs that variant alone, for which no module is
 * needed. NOTEFS_MODULE is the notefs.ko to load.
 */
#ifndef NOTEFS_SELFTEST_NOTEFS_H
#define NOTEFS_SELFTEST_NOTEFS_H

#include <stdint.h>
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
#include "module.h"
#include "namespace.h"
#include "parameters.h"
#include "process.h"
#include "wait.h"

#define NOTEFS "notefs"
#define NOTEFS_CACHE "notefs_inode_cache"

/* What a file system in memory may do as it likes, see kinds[] in notefs.c. */
struct kind {
	const char *type;
	bool ours;
	/* The limit counts in units of so many bytes, for each file. */
	unsigned int unit;
	/* Zeros that nobody wrote are kept, and take their part of the limit. */
	bool zeros_kept;
	/* Answers of those that a file system may refuse: 0 or -errno. */
	int link, symlink, fifo, exchange, mmap, splice_write, user_mount, exec;
	/* What is as f_type. */
	long magic;
};

/* The one under test. */
extern const struct kind *kind;
/* Chooses it; returns 0 or -errno. */
int kind_use(const char *type);

/* Where tests mount it, and the limit there. */
#define M "m"
#define LIMIT (1 << 20)

/* ---- mounts ---- */

/* Makes the directory if it is missing; @opts may be NULL. The root is root's, 0755. */
int mount_notes(const char *dir, const char *opts);
int umount_notes(const char *dir);

/* ---- the limit ---- */

/* By statfs(2), in bytes. */
uint64_t total_bytes(const char *dir);
uint64_t free_bytes(const char *dir);
/* What a file of this size takes of the limit. */
uint64_t taken(uint64_t size);
/* Whether df says so when files of these sizes in sum have been taken of the limit. */
bool df_says(const char *dir, uint64_t limit, uint64_t used);

/* ---- files ---- */

/* A file of that many bytes of a pattern. */
int put_pattern(const char *path, size_t size, unsigned int seed);
/* Whether the file is just that. */
bool is_pattern(const char *path, size_t size, unsigned int seed);
/* Each byte depends on the seed and on its place. */
void pattern(void *buf, size_t size, unsigned int seed, off_t at);
bool pattern_at(const void *buf, size_t size, unsigned int seed, off_t at);
/* All of it is zero. */
bool zeros(const void *buf, size_t size);
/* Writes zeros until an error comes, which must be ENOSPC; bytes written or -errno. */
ssize_t fill(int fd, size_t piece);

/* Memory that is shared with children, zeroed. */
void *shared_memory(size_t size);
/* Two pages of which the second is not there: addresses that end in a fault. */
char *page_before_fault(void);

/* xorshift: each process has a state of its own, which must not be 0. */
uint64_t next_random(uint64_t *state);
/* Seconds that tests of many writers take: BPFFS_STORM, by default 4. */
unsigned int storm_seconds(void);

#endif /* NOTEFS_SELFTEST_NOTEFS_H */
