/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counts the instructions of system calls, in a guest whose time stamp counter counts
 * instructions.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>

/* Calls of an operation in a round, at most. */
#define BATCH 64

/* The file system that an operation is counted on. */
enum fs { BPF, TMPFS, FS_COUNT };

/* Where its operations are, and the directories on which new instances are mounted. */
extern const char *const fs_name[FS_COUNT];
extern const char *const fs_dir[FS_COUNT];
#define MOUNTS_DIR "/tmp/bench/mounts"

/*
 * An operation. Each function makes one call; it gets the number of the call in its round, and
 * ends the program if the result is not what it has to be.
 */
struct op {
	const char *name;
	/* None for an operation that tmpfs has nothing like. */
	void (*run[FS_COUNT])(int i);
	/* What each call finds, and what is done about its result. These are not counted. */
	void (*before)(int i);
	void (*after)(int i);
	/* Calls in a round; 0 for BATCH. */
	int batch;
	/* The result is divided by that. */
	int divisor;
	/* Fewer rounds do. */
	int rounds;
};

/* A list of these ends with one that has no name. */
extern const struct op plain_ops[];
extern const struct op mount_ops[];
/* Those that fail before they do anything. */
extern const struct op entry_ops[];
/* Those that are also counted in a directory that has very many entries. */
extern const struct op full_ops[];

/* The entries of the directory that is read. */
#define ENTRIES 128

/* The file system of the operations that follow. */
void ops_use(enum fs fs);
/* The pins of a directory that is full: their number is told to the operations. */
void ops_fill(int pins);
/* Makes so many new instances, which stay. */
void ops_instances(int number);

/* Objects to pin, as file descriptors. */
struct objects {
	int map;
	int prog;
	int link;
};

struct objects objects_new(void);
/* As bpf(2); -errno if they fail. */
int obj_pin(int fd, const char *path);
int obj_get(const char *path, unsigned int flags);

/* Ends the program with a message, and errno's if there is one. */
void die(int error, const char *format, ...) __attribute__((noreturn, format(printf, 2, 3)));

/* Ends the program unless a call succeeded. */
#define MUST(call) \
	do { \
		if ((call) < 0) \
			die(errno, "%s", #call); \
	} while (0)

/* Likewise, of one that gives -errno: unless it gave this. */
#define MUST_BE(want, call) \
	do { \
		int got_ = (call); \
		if (got_ != (want)) \
			die(got_ < 0 ? -got_ : 0, "%s gave %d instead of %d", #call, got_, (want)); \
	} while (0)

#endif
