// SPDX-License-Identifier: GPL-2.0
/* The operations that are counted. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "bench.h"

const char *const fs_name[FS_COUNT] = { "bpf", "tmpfs" };
const char *const fs_dir[FS_COUNT] = { "/tmp/bench/bpf", "/tmp/bench/tmpfs" };

#define PATH_SIZE 48
#define ATTRIBUTE "trusted.bench"
static const char value[] = "value";

static enum fs now;
static struct objects objects;
/* What is there as long as the file system is used. */
static char map[PATH_SIZE], prog[PATH_SIZE], link_[PATH_SIZE], symlink_[PATH_SIZE];
static char attributed[PATH_SIZE], entries[PATH_SIZE];
/* What is not. */
static char absent[PATH_SIZE];
/* What the calls of a round make; all names are of the same length. */
static char made[BATCH][PATH_SIZE], renamed[BATCH][PATH_SIZE], mounts[BATCH][PATH_SIZE];
/* What they fetch: a pin, or if there are many, pins from all over the directory. */
static char fetched[BATCH][PATH_SIZE];
static int fds[BATCH];
/* The directory that is read, and the mount namespace. */
static int dir_fd, namespace;

static void name(char *path, const char *word, int number)
{
	snprintf(path, PATH_SIZE, "%s/%s%06d", fs_dir[now], word, number);
}

/* A new file: a pin of the map, or on tmpfs an empty one. */
static void create(const char *path)
{
	if (now == BPF)
		MUST_BE(0, obj_pin(objects.map, path));
	else
		MUST(mknod(path, S_IFREG | 0600, 0));
}

static void getppid_run(int i)
{
	syscall(SYS_getppid);
}

/* Pinning and fetching; on tmpfs, making an empty file and opening one. */

static void pin_map_run(int i)
{
	MUST_BE(0, obj_pin(objects.map, made[i]));
}

static void pin_prog_run(int i)
{
	MUST_BE(0, obj_pin(objects.prog, made[i]));
}

static void pin_link_run(int i)
{
	MUST_BE(0, obj_pin(objects.link, made[i]));
}

static void pin_exists_run(int i)
{
	MUST_BE(-EEXIST, obj_pin(objects.map, map));
}

static void mknod_run(int i)
{
	MUST(mknod(made[i], S_IFREG | 0600, 0));
}

static void mknod_exists_run(int i)
{
	if (mknod(map, S_IFREG | 0600, 0) == 0 || errno != EEXIST)
		die(errno, "mknod did not give EEXIST");
}

static void get(int i, const char *path)
{
	fds[i] = obj_get(path, 0);
	if (fds[i] < 0)
		die(-fds[i], "bpf_obj_get %s", path);
}

static void get_map_run(int i)
{
	get(i, fetched[i]);
}

static void get_prog_run(int i)
{
	get(i, prog);
}

static void get_link_run(int i)
{
	get(i, link_);
}

static void get_symlink_run(int i)
{
	get(i, symlink_);
}

static void get_absent_run(int i)
{
	MUST_BE(-ENOENT, obj_get(absent, 0));
}

/* What asks for only reading and only writing is refused at once. */
static void get_invalid_run(int i)
{
	MUST_BE(-EINVAL, obj_get(map, BPF_F_RDONLY | BPF_F_WRONLY));
}

static void open_(int i, const char *path)
{
	fds[i] = open(path, O_RDONLY | O_CLOEXEC);
	if (fds[i] < 0)
		die(errno, "open %s", path);
}

static void open_run(int i)
{
	open_(i, fetched[i]);
}

static void open_map_run(int i)
{
	open_(i, map);
}

static void open_symlink_run(int i)
{
	open_(i, symlink_);
}

static void open_absent_run(int i)
{
	if (open(absent, O_RDONLY | O_CLOEXEC) >= 0 || errno != ENOENT)
		die(errno, "open did not give ENOENT");
}

static void close_after(int i)
{
	MUST(close(fds[i]));
}

static void open_before(int i)
{
	open_map_run(i);
}

/* Once only for each time it is opened: C's map file has nothing more to say then. */
static void read_run(int i)
{
	char buffer[4096];
	ssize_t got = read(fds[i], buffer, sizeof(buffer));

	if (got <= 0)
		die(got < 0 ? errno : 0, "%s has nothing to read", map);
}

/* Names. */

static void create_before(int i)
{
	create(made[i]);
}

static void unlink_run(int i)
{
	MUST(unlink(made[i]));
}

static void unlink_after(int i)
{
	MUST(unlink(made[i]));
}

static void stat_run(int i)
{
	struct stat st;

	MUST(stat(fetched[i], &st));
}

static void readlink_run(int i)
{
	char buffer[PATH_SIZE];

	MUST(readlink(symlink_, buffer, sizeof(buffer)));
}

/* All of the directory. */
static void readdir_run(int i)
{
	static char buffer[32768];
	long got;

	MUST(lseek(dir_fd, 0, SEEK_SET));
	do {
		got = syscall(SYS_getdents64, dir_fd, buffer, sizeof(buffer));
		MUST(got);
	} while (got > 0);
}

static void rename_run(int i)
{
	MUST(rename(made[i], renamed[i]));
}

static void rename_after(int i)
{
	MUST(unlink(renamed[i]));
}

static void link_run(int i)
{
	MUST(link(map, made[i]));
}

static void symlink_run(int i)
{
	MUST(symlink("target", made[i]));
}

static void mkdir_run(int i)
{
	MUST(mkdir(made[i], 0700));
}

static void rmdir_run(int i)
{
	MUST(rmdir(made[i]));
}

static void chmod_run(int i)
{
	MUST(chmod(map, 0600));
}

/* To see also what the kernel does later, when no reader can be using what was freed. */
static void cycle_run(int i)
{
	create(made[i]);
	MUST(unlink(made[i]));
}

/* Extended attributes. */

static void setxattr_run(int i)
{
	MUST(setxattr(made[i], ATTRIBUTE, value, sizeof(value), XATTR_CREATE));
}

static void replace_xattr_run(int i)
{
	MUST(setxattr(attributed, ATTRIBUTE, value, sizeof(value), XATTR_REPLACE));
}

static void getxattr_run(int i)
{
	char buffer[sizeof(value)];

	MUST(getxattr(attributed, ATTRIBUTE, buffer, sizeof(buffer)));
}

static void listxattr_run(int i)
{
	char buffer[256];

	MUST(listxattr(attributed, buffer, sizeof(buffer)));
}

static void removexattr_before(int i)
{
	create(made[i]);
	setxattr_run(i);
}

static void removexattr_run(int i)
{
	MUST(removexattr(made[i], ATTRIBUTE));
}

/*
 * Mounting. The first mount in a mount namespace makes an instance, and so does each mount of C's,
 * which has no option "newinstance" and ignores it.
 */

static void namespace_before(int i)
{
	MUST(unshare(CLONE_NEWNS));
}

static void namespace_after(int i)
{
	MUST(setns(namespace, CLONE_NEWNS));
}

static void mount_bpf_run(int i)
{
	MUST(mount("bpf", mounts[i], "bpf", 0, NULL));
}

static void mount_tmpfs_run(int i)
{
	MUST(mount("tmpfs", mounts[i], "tmpfs", 0, NULL));
}

static void mount_newinstance_run(int i)
{
	MUST(mount("bpf", mounts[i], "bpf", 0, "newinstance"));
}

static void mount_after(int i)
{
	MUST(umount2(mounts[i], MNT_DETACH));
}

#define BOTH(function) { function, function }

const struct op entry_ops[] = {
	{ "get, EINVAL", { get_invalid_run } },
	{ NULL }
};

const struct op plain_ops[] = {
	{ "empty system call", BOTH(getppid_run) },
	{ "pin map", { pin_map_run, mknod_run }, NULL, unlink_after },
	{ "pin prog", { pin_prog_run }, NULL, unlink_after },
	{ "pin link", { pin_link_run }, NULL, unlink_after },
	{ "pin, EEXIST", { pin_exists_run, mknod_exists_run } },
	{ "get map", { get_map_run, open_run }, NULL, close_after },
	{ "get prog", { get_prog_run }, NULL, close_after },
	{ "get link", { get_link_run }, NULL, close_after },
	{ "get map by symlink", { get_symlink_run, open_symlink_run }, NULL, close_after },
	{ "get, ENOENT", { get_absent_run, open_absent_run } },
	{ "pin, unlink, and later", BOTH(cycle_run), .batch = 10000, .rounds = 3 },
	{ "stat", BOTH(stat_run) },
	{ "readdir, an entry", BOTH(readdir_run), .batch = 8, .divisor = ENTRIES },
	{ "rename", BOTH(rename_run), create_before, rename_after },
	{ "unlink", BOTH(unlink_run), create_before },
	{ "hard link", BOTH(link_run), NULL, unlink_after },
	{ "symlink", BOTH(symlink_run), NULL, unlink_after },
	{ "readlink", BOTH(readlink_run) },
	{ "mkdir", BOTH(mkdir_run), NULL, rmdir_run },
	{ "rmdir", BOTH(rmdir_run), mkdir_run },
	{ "chmod", BOTH(chmod_run) },
	{ "xattr: set a new one", BOTH(setxattr_run), create_before, unlink_after },
	{ "xattr: set another value", BOTH(replace_xattr_run) },
	{ "xattr: get", BOTH(getxattr_run) },
	{ "xattr: list", BOTH(listxattr_run) },
	{ "xattr: remove", BOTH(removexattr_run), removexattr_before, unlink_after },
	{ "map file: open", BOTH(open_map_run), NULL, close_after },
	{ "map file: read", BOTH(read_run), open_before, close_after },
	{ NULL }
};

const struct op mount_ops[] = {
	{ "mount a new instance", { mount_bpf_run, mount_tmpfs_run }, namespace_before,
	  namespace_after, .batch = 1 },
	{ "mount, newinstance", { mount_newinstance_run }, NULL, mount_after, },
	{ "mount, joining", { mount_bpf_run }, NULL, mount_after },
	{ NULL }
};

const struct op full_ops[] = {
	{ "pin map", { pin_map_run, mknod_run }, NULL, unlink_after },
	{ "pin, EEXIST", { pin_exists_run, mknod_exists_run } },
	{ "get map", { get_map_run, open_run }, NULL, close_after },
	{ "get, ENOENT", { get_absent_run, open_absent_run } },
	{ "stat", BOTH(stat_run) },
	{ "rename", BOTH(rename_run), create_before, rename_after },
	{ "unlink", BOTH(unlink_run), create_before },
	/* The divisor is known when the directory is full. */
	{ "readdir, an entry", BOTH(readdir_run), .batch = 1, .rounds = 5, .divisor = -1 },
	{ NULL }
};

static int open_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		die(errno, "open %s", path);
	return fd;
}

void ops_use(enum fs fs)
{
	char path[2 * PATH_SIZE];

	now = fs;
	if (!objects.map) {
		objects = objects_new();
		namespace = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
		MUST(namespace);
	}
	name(map, "_map__", 0);
	name(prog, "_prog_", 0);
	name(link_, "_link_", 0);
	name(symlink_, "_syml_", 0);
	name(attributed, "_attr_", 0);
	name(entries, "_dir__", 0);
	name(absent, "_none_", 0);
	for (int i = 0; i < BATCH; i++) {
		name(made[i], "_made_", i);
		name(renamed[i], "_name_", i);
		memcpy(fetched[i], map, PATH_SIZE);
		snprintf(mounts[i], PATH_SIZE, MOUNTS_DIR "/_%06d", i);
		if (mkdir(mounts[i], 0700) && errno != EEXIST)
			die(errno, "mkdir %s", mounts[i]);
	}
	create(map);
	if (fs == BPF) {
		MUST_BE(0, obj_pin(objects.prog, prog));
		MUST_BE(0, obj_pin(objects.link, link_));
	}
	MUST(symlink(strrchr(map, '/') + 1, symlink_));
	create(attributed);
	MUST(setxattr(attributed, ATTRIBUTE, value, sizeof(value), XATTR_CREATE));
	MUST(mkdir(entries, 0700));
	for (int i = 0; i < ENTRIES; i++) {
		snprintf(path, sizeof(path), "%s/%06d", entries, i);
		create(path);
	}
	if (fs == TMPFS) {
		/* About as much as is read of the map. */
		int fd = open(map, O_WRONLY | O_CLOEXEC);
		static const char text[256];

		MUST(fd);
		MUST(write(fd, text, sizeof(text)));
		MUST(close(fd));
	}
	dir_fd = open_directory(entries);
}

void ops_fill(int pins)
{
	char path[PATH_SIZE];

	for (int i = 0; i < pins; i++) {
		name(path, "__pin_", i);
		create(path);
	}
	for (int i = 0; i < BATCH; i++)
		name(fetched[i], "__pin_", (long)i * (pins - 1) / (BATCH - 1));
	close(dir_fd);
	dir_fd = open_directory(fs_dir[now]);
}

void ops_instances(int number)
{
	struct rlimit limit = { number + 1000, number + 1000 };

	MUST(setrlimit(RLIMIT_NOFILE, &limit));
	/* Mounted nowhere, lest a copy of the mount namespace take that much longer. */
	for (int i = 0; i < number; i++) {
		int context = fsopen("bpf", FSOPEN_CLOEXEC);

		MUST(context);
		MUST(fsconfig(context, FSCONFIG_SET_FLAG, "newinstance", NULL, 0));
		MUST(fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
		MUST(fsmount(context, FSMOUNT_CLOEXEC, 0));
		MUST(close(context));
	}
}
