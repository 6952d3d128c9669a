// SPDX-License-Identifier: GPL-2.0
/* Operations of a storm: names and what they stand for. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <linux/magic.h>

#include "storm.h"

/* ---- names ---- */

unsigned int some_mount(struct storm_worker *w)
{
	/* Mostly the one that is always there. */
	return pick(w, 4) < 3 ? 0 : 1 + pick(w, STORM_MOUNTS - 1);
}

static char some_name(struct storm_worker *w)
{
	return STORM_NAMES[pick(w, strlen(STORM_NAMES))];
}

void some_path_on(struct storm_worker *w, char *path, unsigned int mount)
{
	char first = some_name(w), second = some_name(w);

	if (pick(w, 6))
		snprintf(path, STORM_PATH, "m%u/%c", mount, first);
	else
		snprintf(path, STORM_PATH, "m%u/%c/%c", mount, first, second);
}

void some_path(struct storm_worker *w, char *path)
{
	some_path_on(w, path, some_mount(w));
}

/* Two, mostly on one mount. */
static void some_paths(struct storm_worker *w, char *a, char *b)
{
	unsigned int mount = some_mount(w);

	some_path_on(w, a, mount);
	some_path_on(w, b, pick(w, 8) ? mount : some_mount(w));
}

/* ---- pins ---- */

static long op_pin(struct storm_worker *w)
{
	char path[STORM_PATH];

	some_path(w, path);
	return obj_pin(some_obj(w)->fd, path);
}

/* A map that is nothing but a pin. */
static long op_pin_new(struct storm_worker *w)
{
	char path[STORM_PATH];
	int map = map_new(), err;

	some_path(w, path);
	if (map < 0 || map_set(map, 0, STORM_BORN))
		storm_wrong(w, "new map: %d", map);
	err = obj_pin(map, path);
	close(map);
	return err;
}

static long op_pin_at(struct storm_worker *w)
{
	int dir = w->held[pick(w, STORM_HELD)];
	char name[2] = { some_name(w) };

	if (dir < 0)
		return NOT_TRIED;
	return obj_pin_at(some_obj(w)->fd, dir, name, BPF_F_PATH_FD);
}

static long checked(struct storm_worker *w, int fd, bool readable)
{
	if (fd < 0)
		return fd;
	storm_check(w, fd, readable);
	close(fd);
	return 0;
}

static long op_get(struct storm_worker *w)
{
	char path[STORM_PATH];

	some_path(w, path);
	return checked(w, obj_get(path), true);
}

static long op_get_flags(struct storm_worker *w)
{
	unsigned int flags = pick(w, 2) ? BPF_F_RDONLY : BPF_F_WRONLY;
	char path[STORM_PATH];

	some_path(w, path);
	return checked(w, obj_get_at(0, path, flags), flags == BPF_F_RDONLY);
}

static long op_get_at(struct storm_worker *w)
{
	int dir = w->held[pick(w, STORM_HELD)];
	char name[2] = { some_name(w) };

	if (dir < 0)
		return NOT_TRIED;
	return checked(w, obj_get_at(dir, name, BPF_F_PATH_FD), true);
}

/* ---- names ---- */

static long op_unlink(struct storm_worker *w)
{
	char path[STORM_PATH];

	some_path(w, path);
	return sys(unlink(path));
}

static long op_mkdir(struct storm_worker *w)
{
	char path[STORM_PATH];

	some_path(w, path);
	return sys(mkdir(path, 0755));
}

static long op_rmdir(struct storm_worker *w)
{
	char path[STORM_PATH];

	some_path(w, path);
	return sys(rmdir(path));
}

static long do_rename(struct storm_worker *w, unsigned int flags)
{
	char from[STORM_PATH], to[STORM_PATH];

	some_paths(w, from, to);
	return sys(renameat2(AT_FDCWD, from, AT_FDCWD, to, flags));
}

static long op_rename(struct storm_worker *w)
{
	return do_rename(w, 0);
}

static long op_rename_noreplace(struct storm_worker *w)
{
	return do_rename(w, RENAME_NOREPLACE);
}

static long op_rename_exchange(struct storm_worker *w)
{
	return do_rename(w, RENAME_EXCHANGE);
}

static long op_link(struct storm_worker *w)
{
	char from[STORM_PATH], to[STORM_PATH];

	some_paths(w, from, to);
	return sys(link(from, to));
}

/* Short ones and long ones: they are kept differently elsewhere. */
#define LONG_TARGET 301

static long op_symlink(struct storm_worker *w)
{
	char path[STORM_PATH], target[LONG_TARGET + 2];
	char name = some_name(w);
	unsigned int i, mount = some_mount(w);

	some_path(w, path);
	switch (pick(w, 3)) {
	case 0:
		snprintf(target, sizeof(target), "%c", name);
		break;
	case 1:
		snprintf(target, sizeof(target), STORM_DIR "/m%u/%c", mount, name);
		break;
	default:
		for (i = 0; i < LONG_TARGET; i++)
			target[i] = "./"[i % 2];
		/* An odd number: the name comes after "./". */
		target[LONG_TARGET - 1] = name;
		target[LONG_TARGET] = '\0';
	}
	return sys(symlink(target, path));
}

static long op_readlink(struct storm_worker *w)
{
	char path[STORM_PATH], target[512];
	size_t dots;
	long len;

	some_path(w, path);
	len = sys(readlink(path, target, sizeof(target) - 1));
	if (len < 0)
		return len;
	target[len] = '\0';
	dots = strspn(target, "./");
	if (!(len == 1 || (len == LONG_TARGET && dots == len - 1) ||
	      !strncmp(target, STORM_DIR "/m", strlen(STORM_DIR "/m"))) ||
	    !strchr(STORM_NAMES, target[len - 1]))
		storm_wrong(w, "target of %ld: %s", len, target);
	return 0;
}

/* ---- reading ---- */

static long op_read(struct storm_worker *w)
{
	static const char header[] = "# WARNING!!";
	char path[STORM_PATH], text[512] = "";
	long len;
	int fd;

	some_path(w, path);
	fd = sys(open(path, O_RDONLY | O_CLOEXEC));
	if (fd < 0)
		return fd;
	len = sys(read(fd, text, sizeof(text) - 1));
	close(fd);
	/* A readable map of the set, or the iterator, which prints nothing. */
	if (len > 0 && (strncmp(text, header, strlen(header)) || !strstr(text, "\n0: 1001\n")))
		storm_wrong(w, "read %ld: %s", len, text);
	return len;
}

static long op_readdir(struct storm_worker *w)
{
	unsigned int mount = some_mount(w);
	char path[STORM_PATH];
	struct dirent *entry;
	DIR *dir;
	long err;

	if (pick(w, 2))
		some_path_on(w, path, mount);
	else
		snprintf(path, sizeof(path), "m%u", mount);
	dir = opendir(path);
	if (!dir)
		return -errno;
	errno = 0;
	while ((entry = readdir(dir))) {
		const char *name = entry->d_name;

		/* "p1" is a worker's own, see storm_arrays.c; the kernel's have a dot. */
		if (!strchr(name, '.') && name[0] != 'p' &&
		    (!strchr(STORM_NAMES, name[0]) || name[1]))
			storm_wrong(w, "%s has %s", path, name);
		if (entry->d_type != DT_DIR && entry->d_type != DT_LNK && entry->d_type != DT_REG)
			storm_wrong(w, "%s/%s is a %d", path, name, entry->d_type);
	}
	err = -errno;
	closedir(dir);
	return err;
}

static long op_stat(struct storm_worker *w)
{
	char path[STORM_PATH];
	struct stat st;
	long err;

	some_path(w, path);
	err = sys(pick(w, 2) ? stat(path, &st) : lstat(path, &st));
	if (err)
		return err;
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		storm_wrong(w, "%s has mode %o", path, st.st_mode);
	/* A directory that was removed has none, one that is has two and more. */
	if (S_ISDIR(st.st_mode) ? st.st_nlink == 1 || st.st_nlink > 2 + 4 :
				  st.st_nlink > 3 * 20)
		storm_wrong(w, "%s, mode %o, has %lu links", path, st.st_mode,
			    (unsigned long)st.st_nlink);
	return 0;
}

static long op_statfs(struct storm_worker *w)
{
	char path[STORM_PATH];
	struct statfs st;
	long err;

	snprintf(path, sizeof(path), "m%u", some_mount(w));
	err = sys(statfs(path, &st));
	if (!err && st.f_type != BPF_FS_MAGIC && st.f_type != TMPFS_MAGIC)
		storm_wrong(w, "%s is a %lx", path, (long)st.f_type);
	return err;
}

/* ---- attributes ---- */

static long op_chmod(struct storm_worker *w)
{
	unsigned int mode = pick(w, 01000);
	char path[STORM_PATH];

	some_path(w, path);
	return sys(chmod(path, mode));
}

static long op_chown(struct storm_worker *w)
{
	uid_t uid = pick(w, 2) ? NOBODY : 0;
	char path[STORM_PATH];

	some_path(w, path);
	return sys(lchown(path, uid, -1));
}

static long op_utimens(struct storm_worker *w)
{
	struct timespec times[2] = { { pick(w, 100000) }, { pick(w, 100000) } };
	char path[STORM_PATH];

	some_path(w, path);
	return sys(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW));
}

static const char *some_xattr(struct storm_worker *w)
{
	static const char *const names[] = { "trusted.a", "security.storm" };

	return names[pick(w, ARRAY_SIZE(names))];
}

/* As many of a letter as it says. */
static long op_setxattr(struct storm_worker *w)
{
	const char *name = some_xattr(w);
	unsigned int len = 1 + pick(w, 60), flags = pick(w, 3);
	char path[STORM_PATH], value[64];

	some_path(w, path);
	memset(value, len, sizeof(value));
	return sys(lsetxattr(path, name, value, len, flags));
}

static long op_getxattr(struct storm_worker *w)
{
	const char *name = some_xattr(w);
	char path[STORM_PATH], value[64];
	long len, i;

	some_path(w, path);
	len = sys(lgetxattr(path, name, value, sizeof(value)));
	for (i = 0; i < len; i++) {
		if (value[i] != len)
			storm_wrong(w, "%s of %s, %ld bytes: %d", name, path, len, value[i]);
	}
	return len;
}

static long op_listxattr(struct storm_worker *w)
{
	char path[STORM_PATH], names[128], *name;
	long len;

	some_path(w, path);
	len = sys(llistxattr(path, names, sizeof(names)));
	for (name = names; name < names + len; name += strlen(name) + 1) {
		if (strncmp(name, "trusted.", 8) && strcmp(name, "security.storm"))
			storm_wrong(w, "%s has the attribute %s", path, name);
	}
	return len;
}

static long op_removexattr(struct storm_worker *w)
{
	const char *name = some_xattr(w);
	char path[STORM_PATH];

	some_path(w, path);
	return sys(lremovexattr(path, name));
}

/* ---- what is kept open ---- */

static void hold(struct storm_worker *w, unsigned int slot, int fd)
{
	if (w->held[slot] >= 0)
		close(w->held[slot]);
	w->held[slot] = fd;
}

static long op_hold(struct storm_worker *w)
{
	unsigned int slot = pick(w, STORM_HELD), what = pick(w, 4);
	unsigned int mount = some_mount(w);
	char path[STORM_PATH];
	int fd;

	some_path_on(w, path, mount);
	if (what == 0)
		fd = sys(open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC));
	else if (what == 1)
		fd = sys(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	else if (what == 2)
		fd = obj_get(path);
	else {
		snprintf(path, sizeof(path), "m%u", mount);
		fd = sys(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	}
	if (fd < 0)
		return fd;
	if (what == 2)
		storm_check(w, fd, true);
	hold(w, slot, fd);
	return 0;
}

static long op_drop(struct storm_worker *w)
{
	unsigned int slot = pick(w, STORM_HELD);

	if (w->held[slot] < 0)
		return NOT_TRIED;
	hold(w, slot, -1);
	return 0;
}

#define FILES		STORM_FILES
/* Root may not follow all symbolic links: the mounts' roots are sticky (protected_symlinks). */
#define FOLLOWED	PATH_ERRNOS, EACCES
#define ALL		(STORM_FILES | STORM_ARRAYS)

const struct storm_op storm_file_ops[] = {
	{ "pin", ALL, 12, op_pin, { PATH_ERRNOS, EEXIST, EROFS }, .may_switching = { EPERM } },
	{ "pin_new", FILES, 4, op_pin_new, { PATH_ERRNOS, EEXIST, EROFS }, .may_switching = { EPERM } },
	/* What is held may be no directory, or one of another file system. */
	{ "pin_at", FILES, 4, op_pin_at, { PATH_ERRNOS, EEXIST, EROFS }, .may_switching = { EPERM } },
	/* EACCES: also a directory. */
	{ "get", ALL, 14, op_get, { FOLLOWED, EROFS } },
	/* EINVAL: a link. */
	{ "get_flags", FILES, 4, op_get_flags, { FOLLOWED, EROFS, EINVAL } },
	{ "get_at", FILES, 4, op_get_at, { FOLLOWED, EROFS } },
	{ "unlink", ALL, 7, op_unlink, { PATH_ERRNOS, EISDIR, EROFS } },
	{ "mkdir", FILES, 7, op_mkdir, { PATH_ERRNOS, EEXIST, EROFS } },
	{ "rmdir", FILES, 6, op_rmdir, { PATH_ERRNOS, ENOTEMPTY, EROFS } },
	{ "rename", ALL, 6, op_rename,
	  { PATH_ERRNOS, EISDIR, ENOTEMPTY, EINVAL, EXDEV, EROFS } },
	{ "noreplace", FILES, 6, op_rename_noreplace,
	  { PATH_ERRNOS, EEXIST, ENOTEMPTY, EINVAL, EXDEV, EROFS } },
	{ "exchange", FILES, 4, op_rename_exchange, { PATH_ERRNOS, EINVAL, EXDEV, EROFS } },
	/* EPERM: a directory. */
	{ "link", ALL, 7, op_link, { PATH_ERRNOS, EEXIST, EPERM, EXDEV, EROFS } },
	{ "symlink", FILES, 5, op_symlink, { PATH_ERRNOS, EEXIST, EROFS } },
	{ "readlink", FILES, 6, op_readlink, { PATH_ERRNOS, EINVAL } },
	/* EIO: what has no content. */
	{ "read", FILES, 8, op_read, { FOLLOWED, EIO, EISDIR } },
	{ "readdir", FILES, 4, op_readdir, { FOLLOWED } },
	{ "stat", FILES, 5, op_stat, { FOLLOWED } },
	{ "statfs", FILES, 1, op_statfs, { 0 } },
	{ "chmod", FILES, 3, op_chmod, { FOLLOWED, EROFS } },
	{ "chown", FILES, 2, op_chown, { PATH_ERRNOS, EROFS } },
	{ "utimens", FILES, 2, op_utimens, { PATH_ERRNOS, EROFS } },
	{ "setxattr", FILES, 8, op_setxattr, { PATH_ERRNOS, EEXIST, ENODATA, EROFS } },
	{ "getxattr", FILES, 6, op_getxattr, { PATH_ERRNOS, ENODATA } },
	{ "listxattr", FILES, 3, op_listxattr, { PATH_ERRNOS } },
	{ "removexattr", FILES, 6, op_removexattr, { PATH_ERRNOS, ENODATA, EROFS } },
	{ "hold", ALL, 5, op_hold, { FOLLOWED, EROFS } },
	{ "drop", ALL, 5, op_drop, { 0 } },
	{ }
};
