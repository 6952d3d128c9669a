/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The newer system calls for mounting (fsopen(2) and its kin), on a context of
 * any type of file system; and the list of mounts.
 */
#ifndef SELFTEST_FSMOUNT_H
#define SELFTEST_FSMOUNT_H

#include <sys/mount.h>

#include "sys.h"

/* fsopen(): a context for a new mount, or -errno. */
int fs_open_type(const char *type);
/* fsconfig() with a string, with a flag, and to make the superblock; 0 or -errno. */
int fs_set(int fs, const char *key, const char *value);
int fs_flag(int fs, const char *key);
int fs_create(int fs);
int fs_create_excl(int fs);
/* fsmount(): a mount that is attached nowhere, or -errno. */
int fs_mount(int fs, unsigned int attrs);
/* Attaches a mount at @dir, which is made if it is missing; 0 or -errno. */
int mnt_attach(int mnt, const char *dir);
/* Reads the next message in the log of the context; false when there is none. */
bool fs_log(int fs, char *buf, size_t size);
/* Reads all messages in the log of the context; true if one of them contains @text. */
bool fs_logged(int fs, const char *text);

/* Fields of the line for @dir in /proc/self/mountinfo. */
struct mountinfo {
	unsigned int id;
	char type[32];
	char source[128];
	char mnt_opts[256];
	char sb_opts[1024];
};
/* Of several mounts at @dir the topmost one; false if @dir is no mount point. */
bool mountinfo(const char *dir, struct mountinfo *info);
/* The options of the superblock; "" if @dir is no mount point. Good until the next call. */
const char *shown(const char *dir);

#endif /* SELFTEST_FSMOUNT_H */
