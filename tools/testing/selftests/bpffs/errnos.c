// SPDX-License-Identifier: GPL-2.0
/* What pin and get refuse, and with which errno. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "bpffs_harness.h"

FIXTURE(errnos) {
	int map;
};

FIXTURE_SETUP(errnos)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "plain/socket" };
	int sock = socket(AF_UNIX, SOCK_STREAM, 0);

	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	self->map = map_new();
	ASSERT_LE(0, self->map);
	ASSERT_EQ(0, obj_pin(self->map, "bpf/map"));
	ASSERT_EQ(0, sys(mkdir("bpf/dir", 0755)));
	ASSERT_EQ(0, obj_pin(self->map, "bpf/dir/map"));
	ASSERT_EQ(0, sys(symlink("map", "bpf/to_map")));
	ASSERT_EQ(0, sys(symlink("dir", "bpf/to_dir")));
	ASSERT_EQ(0, sys(symlink("nowhere", "bpf/dangling")));
	ASSERT_EQ(0, sys(symlink("loop", "bpf/loop")));

	ASSERT_EQ(0, sys(mkdir("plain", 0755)));
	ASSERT_EQ(0, sys(mknod("plain/file", S_IFREG | 0644, 0)));
	ASSERT_EQ(0, sys(mknod("plain/fifo", S_IFIFO | 0644, 0)));
	ASSERT_EQ(0, sys(symlink("../bpf/map", "plain/to_map")));
	ASSERT_EQ(0, sys(bind(sock, (void *)&addr, sizeof(addr))));
}

FIXTURE_TEARDOWN(errnos)
{
}

static int count_entries(const char *path)
{
	DIR *dir = opendir(path);
	int cnt = 0;

	if (!dir)
		return -errno;
	while (readdir(dir))
		cnt++;
	closedir(dir);
	return cnt;
}

/* The lowest descriptor that is free: what a failing call must not take. */
static int next_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

#define GIVES_FD 0

static const struct {
	const char *path;
	int pin;
	int get;
} paths[] = {
	{ "",			-ENOENT,	-ENOENT },
	{ "/",			-EEXIST,	-EACCES },
	{ ".",			-EEXIST,	-EACCES },
	{ "bpf",		-EEXIST,	-EACCES },
	{ "bpf/",		-EEXIST,	-EACCES },
	{ "bpf/.",		-EEXIST,	-EACCES },
	{ "bpf/..",		-EEXIST,	-EACCES },
	{ "bpf/dir",		-EEXIST,	-EACCES },
	{ "bpf/dir/",		-EEXIST,	-EACCES },
	{ "bpf/dir/..",		-EEXIST,	-EACCES },
	{ "bpf/map",		-EEXIST,	GIVES_FD },
	{ "bpf/map/",		-EEXIST,	-ENOTDIR },
	{ "bpf/map/.",		-ENOTDIR,	-ENOTDIR },
	{ "bpf/map/x",		-ENOTDIR,	-ENOTDIR },
	{ "bpf/none/x",		-ENOENT,	-ENOENT },
	{ "bpf/none/",		-ENOENT,	-ENOENT },
	{ "bpf/none/../map",	-ENOENT,	-ENOENT },
	/* names with a dot are reserved */
	{ "bpf/a.b",		-EPERM,		-EPERM },
	{ "bpf/.a",		-EPERM,		-EPERM },
	{ "bpf/a.",		-EPERM,		-EPERM },
	{ "bpf/...",		-EPERM,		-EPERM },
	{ "bpf/dir/a.b",	-EPERM,		-EPERM },
	{ "bpf/a.b/c",		-EPERM,		-EPERM },
	/* symbolic links */
	{ "bpf/to_map",		-EEXIST,	GIVES_FD },
	{ "bpf/to_map/",	-EEXIST,	-ENOTDIR },
	{ "bpf/to_map/x",	-ENOTDIR,	-ENOTDIR },
	{ "bpf/to_dir",		-EEXIST,	-EACCES },
	{ "bpf/to_dir/map",	-EEXIST,	GIVES_FD },
	{ "bpf/dangling",	-EEXIST,	-ENOENT },
	{ "bpf/dangling/x",	-ENOENT,	-ENOENT },
	{ "bpf/loop",		-EEXIST,	-ELOOP },
	{ "bpf/loop/x",		-ELOOP,		-ELOOP },
	/* other file systems */
	{ "plain/new",		-EPERM,		-ENOENT },
	{ "plain/new.new",	-EPERM,		-ENOENT },
	{ "plain/file",		-EEXIST,	-EACCES },
	{ "plain/file/x",	-ENOTDIR,	-ENOTDIR },
	{ "plain/fifo",		-EEXIST,	-EACCES },
	{ "plain/socket",	-EEXIST,	-EACCES },
	{ "plain/to_map",	-EEXIST,	GIVES_FD },
	{ "/dev/null",		-EEXIST,	-EACCES },
	{ "/proc/self/status",	-EEXIST,	-EACCES },
	{ "/proc/self/ns/mnt",	-EEXIST,	-EPERM },
	{ "/proc/self/none",	-ENOENT,	-ENOENT },
	{ "/sys/kernel/none",	-EPERM,		-ENOENT },
};

/* An errno that is not C's; something made, or an fd taken, by a failure. */
TEST_F(errnos, paths)
{
	int entries = count_entries("bpf"), fd = next_fd();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		int pin = obj_pin(self->map, paths[i].path);
		int get = obj_get(paths[i].path);

		EXPECT_EQ(paths[i].pin, pin)
			TH_LOG("pin %s", paths[i].path);
		if (get >= 0) {
			close(get);
			get = GIVES_FD;
		}
		EXPECT_EQ(paths[i].get, get)
			TH_LOG("get %s", paths[i].path);
		EXPECT_EQ(fd, next_fd());
	}
	EXPECT_EQ(entries, count_entries("bpf"));
}

/* Names and paths one byte too long. */
TEST_F(errnos, too_long)
{
	char path[PATH_MAX + 1] = "bpf/";
	int i;

	memset(path + 4, 'x', NAME_MAX + 1);
	EXPECT_EQ(-ENAMETOOLONG, obj_pin(self->map, path));
	EXPECT_EQ(-ENAMETOOLONG, obj_get(path));

	/* PATH_MAX counts the terminating zero. */
	strcpy(path, "bpf/");
	for (i = 4; i < PATH_MAX; i++)
		path[i] = '/';
	path[PATH_MAX - 1] = 'x';
	EXPECT_EQ(-ENAMETOOLONG, obj_pin(self->map, path));
	EXPECT_EQ(-ENAMETOOLONG, obj_get(path));
	path[PATH_MAX - 2] = 'x';
	path[PATH_MAX - 1] = '\0';
	EXPECT_EQ(0, obj_pin(self->map, path));
	EXPECT_TRUE(exists("bpf/x"));
}

/* A path the kernel cannot read. */
TEST_F(errnos, bad_pointers)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const char *const bad[] = {
		NULL, (char *)1, (char *)-4096L, (char *)0xffff888000000000, page + 4090,
	};
	unsigned int i;

	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, munmap(page + 4096, 4096));
	memcpy(page + 4090, "bpf/ma", 6);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EFAULT, obj_pin(self->map, bad[i]));
		EXPECT_EQ(-EFAULT, obj_get(bad[i]));
	}
}

/* path_fd that is no directory, or nothing at all. */
TEST_F(errnos, bad_path_fd)
{
	int file = sys(open("plain/file", O_RDONLY));
	int pin = sys(open("bpf/map", O_PATH));
	const struct {
		int fd;
		int error;
	} fds[] = {
		{ -1,		-EBADF },
		{ 12345,	-EBADF },
		{ INT_MIN,	-EBADF },
		{ file,		-ENOTDIR },
		{ pin,		-ENOTDIR },
		{ self->map,	-ENOTDIR },
	};
	unsigned int i;

	ASSERT_LE(0, pin);
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		EXPECT_EQ(fds[i].error, obj_pin_at(self->map, fds[i].fd, "x", BPF_F_PATH_FD));
		EXPECT_EQ(fds[i].error, obj_get_at(fds[i].fd, "map", BPF_F_PATH_FD));
	}
	/* There is no such thing as AT_EMPTY_PATH here. */
	EXPECT_EQ(-ENOENT, obj_get_at(pin, "", BPF_F_PATH_FD));
	EXPECT_EQ(-ENOENT, obj_pin_at(self->map, pin, "", BPF_F_PATH_FD));
}

/* What is no BPF object is refused before the path is looked at. */
TEST_F(errnos, bad_object)
{
	union bpf_attr btf = { .btf_id = 1 };
	const int fds[] = {
		-1, 12345, INT_MIN,
		sys(open("plain/file", O_RDWR)),
		sys(open("bpf/map", O_PATH)),
		sys(open("bpf", O_RDONLY)),
		sys(epoll_create1(0)),
		sys_bpf(BPF_BTF_GET_FD_BY_ID, &btf),
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		if (i >= 3)
			ASSERT_LE(0, fds[i]) TH_LOG("fd %u", i);
		EXPECT_EQ(-EINVAL, obj_pin(fds[i], "bpf/x"));
		EXPECT_EQ(-EINVAL, obj_pin(fds[i], "bpf/map"));
		EXPECT_EQ(-EINVAL, obj_pin(fds[i], NULL));
	}
}

/* A pin into a directory that is no more. */
TEST_F(errnos, removed_directory)
{
	int dir = sys(open("bpf/dir", O_PATH)), status;

	ASSERT_LE(0, dir);
	ASSERT_EQ(0, sys(unlink("bpf/dir/map")));
	in_child(&status) {
		ASSERT_EQ(0, sys(chdir("bpf/dir")));
		ASSERT_EQ(0, sys(rmdir("../dir")));
		EXPECT_EQ(-ENOENT, obj_pin(self->map, "x"));
		EXPECT_EQ(-ENOENT, obj_get("x"));
		EXPECT_EQ(0, obj_pin(self->map, "../x"));
	}
	ASSERT_EQ(0, status);
	EXPECT_EQ(-ENOENT, obj_pin_at(self->map, dir, "x", BPF_F_PATH_FD));
	EXPECT_EQ(-ENOENT, obj_get_at(dir, "x", BPF_F_PATH_FD));
	EXPECT_EQ(-EEXIST, obj_pin_at(self->map, dir, ".", BPF_F_PATH_FD));
	EXPECT_EQ(-EACCES, obj_get_at(dir, ".", BPF_F_PATH_FD));
}

/* An open pin is not a directory entry one could fetch from or pin over. */
TEST_F(errnos, unlinked_pin)
{
	char path[64];
	int pin = sys(open("bpf/map", O_PATH));

	ASSERT_EQ(0, sys(unlink("bpf/map")));
	EXPECT_EQ(-ENOENT, obj_get("bpf/map"));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", pin);
	EXPECT_EQ(-EEXIST, obj_pin(self->map, path));
	EXPECT_EQ(0, obj_pin(self->map, "bpf/map"));
}

/* A mount point in the way. */
TEST_F(errnos, mount_point)
{
	ASSERT_EQ(0, sys(mount("tmpfs", "bpf/dir", "tmpfs", 0, NULL)));
	EXPECT_EQ(-ENOENT, obj_get("bpf/dir/map"));
	EXPECT_EQ(-EPERM, obj_pin(self->map, "bpf/dir/map"));
	/* A file mounted over a pin is what get finds, a pin over a file too. */
	ASSERT_EQ(0, sys(mount("plain/file", "bpf/map", NULL, MS_BIND, NULL)));
	EXPECT_EQ(-EACCES, obj_get("bpf/map"));
	ASSERT_EQ(0, sys(umount2("bpf/map", 0)));
	ASSERT_EQ(0, sys(mount("bpf/map", "plain/file", NULL, MS_BIND, NULL)));
	EXPECT_LE(0, obj_get("plain/file"));
}

BPFFS_TEST_MAIN
