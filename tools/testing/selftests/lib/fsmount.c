// SPDX-License-Identifier: GPL-2.0
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "fsmount.h"

int fs_open_type(const char *type)
{
	return sys(fsopen(type, FSOPEN_CLOEXEC));
}

int fs_set(int fs, const char *key, const char *value)
{
	return sys(fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0));
}

int fs_flag(int fs, const char *key)
{
	return sys(fsconfig(fs, FSCONFIG_SET_FLAG, key, NULL, 0));
}

int fs_create(int fs)
{
	return sys(fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
}

int fs_create_excl(int fs)
{
	return sys(fsconfig(fs, FSCONFIG_CMD_CREATE_EXCL, NULL, NULL, 0));
}

int fs_mount(int fs, unsigned int attrs)
{
	return sys(fsmount(fs, FSMOUNT_CLOEXEC, attrs));
}

int mnt_attach(int mnt, const char *dir)
{
	if (mkdir(dir, 0755) && errno != EEXIST)
		return -errno;
	return sys(move_mount(mnt, "", AT_FDCWD, dir, MOVE_MOUNT_F_EMPTY_PATH));
}

bool fs_log(int fs, char *buf, size_t size)
{
	ssize_t len = read(fs, buf, size - 1);

	if (len < 0)
		return false;
	buf[len] = '\0';
	return true;
}

bool fs_logged(int fs, const char *text)
{
	bool found = false;
	char buf[512];

	while (fs_log(fs, buf, sizeof(buf)))
		found |= !!strstr(buf, text);
	return found;
}

bool mountinfo(const char *dir, struct mountinfo *info)
{
	char line[4096], path[PATH_MAX], at[PATH_MAX];
	bool found = false;
	FILE *file;

	if (!realpath(dir, path))
		return false;
	file = fopen("/proc/self/mountinfo", "re");
	if (!file)
		return false;
	/* The last one is the topmost mount at that place. */
	while (fgets(line, sizeof(line), file)) {
		char *tail = strstr(line, " - ");
		struct mountinfo m = {};

		if (!tail ||
		    sscanf(line, "%u %*u %*s %*s %4095s %255s", &m.id, at, m.mnt_opts) != 3 ||
		    sscanf(tail, " - %31s %127s %1023s", m.type, m.source, m.sb_opts) != 3 ||
		    strcmp(at, path))
			continue;
		*info = m;
		found = true;
	}
	fclose(file);
	return found;
}

const char *shown(const char *dir)
{
	static struct mountinfo info;

	return mountinfo(dir, &info) ? info.sb_opts : "";
}
