/* SPDX-License-Identifier: GPL-2.0 */
/* Files that are written: their contents, sizes and names. */
#ifndef SELFTEST_CONTENTS_H
#define SELFTEST_CONTENTS_H

#include "sys.h"

/* All zero if there is nothing. */
struct stat stat_of(const char *path);
/* The size, or -errno. */
off_t size_of(const char *path);
/* renameat2(); 0 or -errno. */
int rename2(const char *from, const char *to, unsigned int flags);
/* Makes a file with this content, or replaces the content; 0 or -errno. */
int put(const char *path, const void *data, size_t size);
/* Whether that is the whole file. */
bool is_content(const char *path, const void *data, size_t size);
/* Writes until all is written or an error comes; bytes or -errno. */
ssize_t write_all(int fd, const void *buf, size_t size);
/* Reads until the end, or until @size bytes are read; bytes or -errno. */
ssize_t read_all(int fd, void *buf, size_t size);

#endif /* SELFTEST_CONTENTS_H */
