/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the result of a call shows: as text, without what differs from run to run, such
 * as numbers of inodes and file descriptors and the time. The functions add to the line
 * of the call that is being made.
 */
#ifndef BPFFS_SELFTEST_FUZZ_RESULTS_H
#define BPFFS_SELFTEST_FUZZ_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct arg;

/* Results go to @text, which has @size bytes. */
void result_to(char *text, size_t size);
/* Ends the line of a call. */
void result_end(void);

void __attribute__((format(printf, 1, 2))) put(const char *fmt, ...);
/* A result, or the name of -errno. */
void put_ret(long ret);
/* All bytes if they are few; otherwise their number and a hash. */
void put_bytes(const void *data, size_t len);
/* A number that stands for a number (@a, @b) of the kernel's: when it was first seen. */
unsigned int nth(uint64_t a, uint64_t b);
/* Numbers that may since stand for something else are to be taken for new ones. */
void nth_forget(bool (*gone)(uint64_t a));
void put_inode(dev_t dev, ino_t ino);
/* A time that was set is far in the past or the future; any other shows as now. */
void put_time(const char *name, int64_t sec, uint32_t nsec);
/* A new file descriptor, which goes to its slot, or -errno. */
void put_fd(const struct arg *slot, long fd);
/* What was read into text_buffer(); if nothing was, whether the buffer was touched. */
void put_read(const unsigned char *buf, size_t size, long ret);

#endif /* BPFFS_SELFTEST_FUZZ_RESULTS_H */
