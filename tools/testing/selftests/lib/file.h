/* SPDX-License-Identifier: GPL-2.0 */
/* Files: reading and writing whole ones, and asking what is at a path. */
#ifndef SELFTEST_FILE_H
#define SELFTEST_FILE_H

#include "sys.h"

/* Writes @text to an existing file; 0 or -errno. */
int write_file(const char *path, const char *text);
/* Reads at most @size - 1 bytes and terminates them; their number or -errno. */
ssize_t read_file(const char *path, char *buf, size_t size);
/* The device and the inode number; 0 if stat() fails, because 0 is neither. */
dev_t dev_of(const char *path);
ino_t ino_of(const char *path);
/* Whether there is something at the path, be it a dangling symlink. */
bool exists(const char *path);

#endif /* SELFTEST_FILE_H */
