// SPDX-License-Identifier: GPL-2.0
/*
 * Pinned objects that are exposed outside the file system, by pinning them once more in the
 * directory of a cgroup or in sysfs. C refuses each such pin.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/xattr.h>

#include "outside_fixture.h"

OUTSIDE_FIXTURE(outside)

static int mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) ? -errno : (int)st.st_mode;
}

/* ---- where, what, how called ---- */

/* Catches: C's answer that is another one; an object that is exposed where nothing is to be. */
TEST_F(outside, refused_elsewhere)
{
	static const char *const places[] = {
		"/tmp/bpf.x", "/dev/bpf.x", "/sys/kernel/debug/bpf.x", "/sys/kernel/tracing/instances/bpf.x",
		/* With this option, a pin as any other. */
		"a/bpf.x",
	};
	const int objects[] = { self->view, self->maps, self->map, self->prog, self->link };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(objects); i++) {
		for (j = 0; j < ARRAY_SIZE(places); j++)
			EXPECT_EQ(-EPERM, obj_pin(objects[i], places[j]))
				TH_LOG("object %u, place %u", i, j);
		EXPECT_EQ(on_ours_or_refused(0), obj_pin(objects[i], OUTSIDE))
			TH_LOG("object %u", i);
		EXPECT_EQ(mounts_are_ours(), exists(OUTSIDE));
		if (mounts_are_ours())
			EXPECT_EQ(6, write_to(OUTSIDE, "remove"));
		EXPECT_FALSE(exists(OUTSIDE));
	}
}

/* Catches: a name that could be one of the kernel's, or that is refused although it is fine. */
TEST_F(outside, names)
{
	static const struct {
		const char *name;
		int ret;
	} cases[] = {
		{ "bpf.x", 0 }, { "bpf.1", 0 }, { "bpf.memory.stat", 0 }, { "bpf..", 0 },
		{ "bpf.bpf.", 0 }, { "bpf. x", 0 }, { "bpf.-", 0 }, { "bpf.\xc3\xa4", 0 },
		{ "bpf.", -EPERM }, { "bpf", -EPERM }, { "bpf_x", -EPERM }, { "Bpf.x", -EPERM },
		{ "BPF.x", -EPERM }, { "x", -EPERM }, { ".bpf.x", -EPERM }, { "bpfx.y", -EPERM },
		{ "memory.bpf", -EPERM }, { "cgroup.x", -EPERM }, { " bpf.x", -EPERM },
		{ "bp", -EPERM }, { "b", -EPERM },
	};
	char path[512], longest[300];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(path, sizeof(path), CGROUP "/%s", cases[i].name);
		EXPECT_EQ(on_ours_or_refused(cases[i].ret), obj_pin(self->view, path))
			TH_LOG("%s", path);
		EXPECT_EQ(mounts_are_ours() && !cases[i].ret, exists(path));
	}
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "bpf.", 4);
	longest[255] = '\0';
	snprintf(path, sizeof(path), CGROUP "/%s", longest);
	EXPECT_EQ(on_ours_or_refused(0), obj_pin(self->view, path));
	/* On C, the hierarchy has nothing to say about that before the type is looked at. */
	longest[255] = 'x';
	longest[256] = '\0';
	snprintf(path, sizeof(path), CGROUP "/%s", longest);
	EXPECT_EQ(on_ours_or_refused(-ENAMETOOLONG), obj_pin(self->view, path));
}

/* Catches: an errno that is another one than of any pin, or comes in another order. */
TEST_F(outside, errnos)
{
	char longer[5000];

	memset(longer, '/', sizeof(longer));
	memcpy(longer + sizeof(longer) - 6, "bpf.x", 6);
	EXPECT_EQ(-ENOENT, obj_pin(self->view, CGROUP "/none/bpf.x"));
	EXPECT_EQ(-ENOENT, obj_pin(self->view, CGROUP "/none/x"));
	EXPECT_EQ(-ENOENT, obj_pin(self->view, CGROUP "/bpf.x/"));
	EXPECT_EQ(-ENOTDIR, obj_pin(self->view, CGROUP "/cgroup.procs/bpf.x"));
	EXPECT_EQ(-EEXIST, obj_pin(self->view, CGROUP "/cgroup.procs"));
	EXPECT_EQ(-EEXIST, obj_pin(self->view, CGROUP "/."));
	EXPECT_EQ(-EEXIST, obj_pin(self->view, CGROUP));
	EXPECT_EQ(-ENAMETOOLONG, obj_pin(self->view, longer));
	EXPECT_EQ(-EFAULT, obj_pin(self->view, (const char *)1));
	EXPECT_EQ(-EINVAL, obj_pin(-1, OUTSIDE));
	EXPECT_EQ(-EINVAL, obj_pin(open("/dev/null", O_RDONLY | O_CLOEXEC), OUTSIDE));
	EXPECT_EQ(-EINVAL, obj_pin(-1, CGROUP "/none/bpf.x"));
	EXPECT_EQ(-EINVAL, obj_pin_at(self->view, 0, OUTSIDE, BPF_F_RDONLY));
	/* The object's fd says nothing of the object's pin: one of the file is none. */
	EXPECT_EQ(-EINVAL, obj_pin(open("a/view", O_RDONLY | O_CLOEXEC), OUTSIDE));

	ASSERT_EQ(0, mkdir("ro", 0755));
	ASSERT_EQ(0, sys(mount(CGROUPS, "ro", NULL, MS_BIND, NULL)));
	ASSERT_EQ(0, sys(mount(NULL, "ro", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL)));
	EXPECT_EQ(-EROFS, obj_pin(self->view, "ro/bpffs_test/bpf.x"));
	EXPECT_EQ(-EROFS, obj_pin(self->view, "ro/bpffs_test/x"));
	EXPECT_EQ(-EEXIST, obj_pin(self->view, "ro/bpffs_test/cgroup.procs"));

	EXPOSED(self->view, OUTSIDE);
	EXPECT_EQ(-EEXIST, obj_pin(self->view, OUTSIDE));
	EXPECT_EQ(-EEXIST, obj_pin(self->map, OUTSIDE));
	EXPECT_EQ(-EEXIST, obj_pin(map_new(), OUTSIDE));
	EXPECT_EQ(-ENOTDIR, obj_pin(self->map, OUTSIDE "/bpf.x"));
}

/* Catches: path_fd that is looked at in another way than for a pin. */
TEST_F(outside, path_fd)
{
	int dir = open(CGROUP, O_PATH | O_CLOEXEC), file;

	EXPECT_EQ(-ENOENT, obj_pin_at(self->view, dir, "none/bpf.x", BPF_F_PATH_FD));
	EXPECT_EQ(-EBADF, obj_pin_at(self->view, 1000, "bpf.x", BPF_F_PATH_FD));
	EXPECT_EQ(-EINVAL, obj_pin_at(self->view, dir, "bpf.x", 0));
	EXPECT_EQ(on_ours_or_refused(0), obj_pin_at(self->view, dir, "bpf.test", BPF_F_PATH_FD));
	EXPECT_EQ(-EPERM, obj_pin_at(self->view, dir, "test", BPF_F_PATH_FD));
	file = obj_get_at(dir, "bpf.test", BPF_F_PATH_FD);
	close(dir);
	if (!mounts_are_ours()) {
		EXPECT_EQ(-ENOENT, file);
		return;
	}
	EXPECT_EQ(ino_of(CGROUP), viewed(OUTSIDE));
	EXPECT_EQ(obj_id(self->view, OBJ_LINK), obj_id(file, OBJ_LINK));
	/* By /proc, and by the directory itself. */
	ASSERT_EQ(0, chdir(CGROUP));
	EXPECT_EQ(0, obj_pin(self->view, "bpf.here"));
	EXPECT_EQ(0, obj_pin(self->view, "/proc/self/cwd/bpf.there"));
	EXPECT_TRUE(exists("bpf.there"));
	ASSERT_EQ(0, chdir("/tmp"));
}

/* Catches: an end of the system's files that is told otherwise, or that leaves something. */
TEST_F(outside, no_more_files)
{
	char limit[32];
	int status;

	EXPOSED(self->map, CGROUP "/bpf.before");
	ASSERT_LT(0, read_file("/proc/sys/fs/file-max", limit, sizeof(limit)));
	in_child(&status) {
		int file_max = open("/proc/sys/fs/file-max", O_WRONLY | O_CLOEXEC), i, ret = 0;

		/* Some processors count on their own for a while. */
		ASSERT_EQ(0, become_with(0, CAP(BPF)));
		ASSERT_EQ(1, write(file_max, "1", 1));
		for (i = 0; i < 1000 && !ret; i++) {
			char path[64];

			snprintf(path, sizeof(path), CGROUP "/bpf.%d", i);
			ret = obj_pin(self->map, path);
		}
		ASSERT_EQ(strlen(limit), pwrite(file_max, limit, strlen(limit), 0));
		EXPECT_EQ(-ENFILE, ret);
	}
	write_file("/proc/sys/fs/file-max", limit);
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, obj_pin(self->map, OUTSIDE));
	ASSERT_EQ(0, unlink("a/map"));
	EXPECT_STREQ(self->files, outside_files());
}

/* Catches: an object that is exposed although nothing would end that. */
TEST_F(outside, only_what_is_pinned)
{
	int map = map_new(), prog = prog_new(0), link = link_new(-1), i;

	EXPECT_EQ(-EPERM, obj_pin(map, OUTSIDE));
	EXPECT_EQ(-EPERM, obj_pin(prog, OUTSIDE));
	EXPECT_EQ(-EPERM, obj_pin(link, OUTSIDE));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, obj_pin(map, "a/new"));
		EXPECT_EQ(on_ours_or_refused(0), obj_pin(map, OUTSIDE));
		ASSERT_EQ(0, unlink("a/new"));
		EXPECT_FALSE(exists(OUTSIDE));
		EXPECT_EQ(-EPERM, obj_pin(map, OUTSIDE));
	}
	/* By a descriptor that is for reading only, as pins. */
	map = obj_get_at(0, "a/map", BPF_F_RDONLY);
	ASSERT_LE(0, map);
	EXPECT_EQ(on_ours_or_refused(0), obj_pin(map, OUTSIDE));
}

/* ---- who may ---- */

/* Catches: exposing without the right to, or a right that is not enough. */
TEST_F(outside, privileges)
{
	static const struct {
		const char *name;
		uid_t uid;
		unsigned long long capabilities;
		int ret;
	} cases[] = {
		{ "bpf.c0", 0, 0, -EPERM },
		{ "bpf.c1", 0, CAP(DAC_OVERRIDE) | CAP(FOWNER) | CAP(NET_ADMIN) | CAP(PERFMON), -EPERM },
		{ "bpf.c2", 0, CAP(BPF), 0 },
		{ "bpf.c3", 0, CAP(SYS_ADMIN), 0 },
		/* The directory is not theirs. */
		{ "bpf.c4", NOBODY, CAP(BPF), -EACCES },
		{ "bpf.c5", NOBODY, CAP(SYS_ADMIN), -EACCES },
		{ "bpf.c6", NOBODY, 0, -EPERM },
		{ "bpf.c7", NOBODY, CAP(BPF) | CAP(DAC_OVERRIDE), 0 },
		/* The name is looked at first. */
		{ "c8", NOBODY, CAP(BPF), -EPERM },
		{ "cgroup.procs", NOBODY, 0, -EEXIST },
	};
	unsigned int i;
	char path[64];
	int status;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(path, sizeof(path), CGROUP "/%s", cases[i].name);
		in_child(&status) {
			ASSERT_EQ(0, become_with(cases[i].uid, cases[i].capabilities));
			int ret = on_ours_or_refused(cases[i].ret);

			/* That is asked first, whoever has the pin; names are, whoever serves. */
			if (cases[i].ret == -EEXIST || (cases[i].ret == -EACCES && impl_rust()))
				ret = cases[i].ret;
			EXPECT_EQ(ret, obj_pin(self->view, path))
				TH_LOG("%s", cases[i].name);
		}
		EXPECT_EQ(0, status);
	}
	/* A directory of theirs: of the two, one is not enough. */
	ASSERT_EQ(0, chown(CGROUP, NOBODY, NOBODY));
	in_child(&status) {
		ASSERT_EQ(0, become_with(NOBODY, CAP(BPF)));
		EXPECT_EQ(on_ours_or_refused(0), obj_pin(self->view, CGROUP "/bpf.own"));
		ASSERT_EQ(0, become_with(NOBODY, 0));
		EXPECT_EQ(-EPERM, obj_pin(self->view, CGROUP "/bpf.own2"));
	}
	EXPECT_EQ(0, status);
}

/* Catches: a container that exposes what it was only given. */
TEST_F(outside, in_a_container)
{
	int ready = event_new(), done = event_new(), root = open(CGROUPS, O_PATH | O_CLOEXEC);
	pid_t pid;

	ASSERT_EQ(0, chown(CGROUP, CONTAINER_ROOT, CONTAINER_ROOT));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		ASSERT_EQ(0, userns_unshare(CONTAINER_ROOT, CLONE_NEWNS | CLONE_NEWCGROUP));
		EXPECT_EQ(-EPERM, obj_pin(self->view, OUTSIDE));
		/* It may make cgroups, and remove them again with what we put there. */
		ASSERT_EQ(0, mkdir(CGROUP "/sub", 0755));
		event_post(ready);
		ASSERT_EQ(0, event_wait(done));
		if (mounts_are_ours()) {
			EXPECT_EQ(-EACCES, viewed(CGROUP "/sub/bpf.closed"));
			EXPECT_EQ(ino_of(CGROUP "/sub"), viewed(CGROUP "/sub/bpf.open"));
			EXPECT_EQ(-EACCES, obj_get(CGROUP "/sub/bpf.open"));
			EXPECT_EQ(-EPERM, sys(chmod(CGROUP "/sub/bpf.open", 0666)));
		}
		EXPECT_EQ(0, rmdir(CGROUP "/sub"));
		_exit(0);
	}
	ASSERT_EQ(0, event_wait(ready));
	EXPECT_EQ(on_ours_or_refused(0),
		  obj_pin_at(self->view, root, "bpffs_test/sub/bpf.closed", BPF_F_PATH_FD));
	EXPECT_EQ(on_ours_or_refused(0),
		  obj_pin_at(self->view, root, "bpffs_test/sub/bpf.open", BPF_F_PATH_FD));
	if (mounts_are_ours())
		ASSERT_EQ(0, fchmodat(root, "bpffs_test/sub/bpf.open", 0444, 0));
	event_post(done);
	EXPECT_EQ(0, wait_child(pid));
	EXPECT_FALSE(exists(CGROUP "/sub"));
}

/* Catches: a file that is somebody else's, or that more may read than the umask allows. */
TEST_F(outside, owner_and_mode)
{
	static const struct {
		mode_t umask, mode;
	} cases[] = {
		{ 0, 0400 }, { 022, 0400 }, { 077, 0400 }, { 0200, 0400 }, { 0400, 0 }, { 0777, 0 },
	};
	struct stat st;
	unsigned int i;
	char path[64];
	int status;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(path, sizeof(path), CGROUP "/bpf.%u", i);
		umask(cases[i].umask);
		EXPECT_EQ(on_ours_or_refused(0), obj_pin(self->view, path));
		if (mounts_are_ours())
			EXPECT_EQ(S_IFREG | cases[i].mode, mode_of(path));
	}
	umask(022);
	in_child(&status) {
		ASSERT_EQ(0, chmod(CGROUP, 0777));
		setfsgid(2000);
		setfsuid(1000);
		EXPECT_EQ(on_ours_or_refused(0), obj_pin(self->view, OUTSIDE));
		setfsuid(0);
		/* Of such a directory, the group is, as kernfs itself has it. */
		ASSERT_EQ(0, chmod(CGROUP, 02777));
		EXPECT_EQ(on_ours_or_refused(0), obj_pin(self->view, CGROUP "/bpf.setgid"));
	}
	EXPECT_EQ(0, status);
	if (!mounts_are_ours())
		return;
	ASSERT_EQ(0, stat(OUTSIDE, &st));
	EXPECT_EQ(1000, st.st_uid);
	EXPECT_EQ(2000, st.st_gid);
	EXPECT_EQ(0, stat_of(CGROUP "/bpf.setgid").st_gid);
	EXPECT_EQ(1, st.st_nlink);
	EXPECT_EQ(0, st.st_size);
	/* As it is for any kernfs file. */
	EXPECT_EQ(stat_of(CGROUP "/cgroup.procs").st_dev, st.st_dev);
	EXPECT_EQ(-EOPNOTSUPP, sys(getxattr(OUTSIDE, "bpf.type", NULL, 0)));
}

/* Catches: chmod or chown that does nothing, or of which the next look-up knows nothing. */
TEST_F(outside, chmod_and_chown)
{
	struct stat st;
	int status;

	EXPOSED(self->view, OUTSIDE);
	in_child(&status) {
		ASSERT_EQ(0, become(NOBODY, NOBODY));
		EXPECT_EQ(-EACCES, viewed(OUTSIDE));
		EXPECT_EQ(-EPERM, sys(chmod(OUTSIDE, 0444)));
		EXPECT_EQ(-EPERM, sys(chown(OUTSIDE, NOBODY, -1)));
	}
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, chmod(OUTSIDE, 0444));
	in_child(&status) {
		ASSERT_EQ(0, become(NOBODY, NOBODY));
		EXPECT_EQ(ino_of(CGROUP), viewed(OUTSIDE));
	}
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, chmod(OUTSIDE, 0040));
	ASSERT_EQ(0, chown(OUTSIDE, 1000, NOBODY));
	in_child(&status) {
		ASSERT_EQ(0, become(NOBODY, NOBODY));
		EXPECT_EQ(ino_of(CGROUP), viewed(OUTSIDE));
	}
	EXPECT_EQ(0, status);
	/* The inode goes and comes. */
	ASSERT_LT(0, kernfs_nodes());
	ASSERT_EQ(0, stat(OUTSIDE, &st));
	EXPECT_EQ(S_IFREG | 0040, st.st_mode);
	EXPECT_EQ(1000, st.st_uid);
	EXPECT_EQ(NOBODY, st.st_gid);
}

/* Catches: a file that can be moved or removed as no file of a hierarchy can. */
TEST_F(outside, no_other_changes)
{
	EXPOSED(self->view, OUTSIDE);
	EXPECT_EQ(-EPERM, sys(unlink(OUTSIDE)));
	EXPECT_EQ(-EPERM, sys(rename(OUTSIDE, CGROUP "/bpf.other")));
	EXPECT_EQ(-EPERM, sys(link(OUTSIDE, CGROUP "/bpf.other")));
	EXPECT_EQ(-EXDEV, sys(link(OUTSIDE, "a/other")));
	EXPECT_EQ(-ENOTDIR, sys(rmdir(OUTSIDE)));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED,
				   open(OUTSIDE, O_RDONLY | O_CLOEXEC), 0));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(ino_of(CGROUP), viewed(OUTSIDE));
}

/* Catches: sysfs that is another kernfs, or a view that is taken for one of a cgroup there. */
TEST_F(outside, sysfs)
{
	static const char path[] = "/sys/kernel/bpf.test", view[] = "/sys/kernel/bpf.view";
	char text[64];
	int fd, status;

	EXPECT_EQ(-EPERM, obj_pin(self->map, "/sys/kernel/test"));
	/* What is there depends on the network namespace of who looks. */
	EXPECT_EQ(-EPERM, obj_pin(self->map, "/sys/class/net/bpf.test"));
	EXPECT_EQ(on_ours_or_refused(0), obj_pin(self->map, path));
	EXPECT_EQ(on_ours_or_refused(0), obj_pin(self->view, view));
	if (!mounts_are_ours())
		return;
	EXPECT_TRUE(same_content("a/map", path));
	EXPECT_EQ(-EIO, sys(open(view, O_RDONLY)));
	EXPECT_STREQ("sysfs:/kernel/bpf.test\n", attribute("a/map", "bpf.exposed_at"));
	EXPECT_EQ(obj_id(self->map, OBJ_MAP), obj_id(obj_get(path), OBJ_MAP));
	/* There, root needs the mode, too. */
	EXPECT_EQ(-EACCES, sys(open(path, O_WRONLY)));
	ASSERT_EQ(0, chmod(path, 0600));
	EXPECT_EQ(0, write_file(path, "remove") < 0);
	EXPECT_FALSE(exists(path));
	ASSERT_EQ(0, unlink("a/view"));
	EXPECT_FALSE(exists(view));

	/* A device that goes takes the files with it. */
	in_child(&status) {
		ASSERT_EQ(0, sys(unshare(CLONE_NEWNET)));
		ASSERT_EQ(0, mkdir("sys", 0755));
		ASSERT_EQ(0, sys(mount("sysfs", "sys", "sysfs", 0, NULL)));
		ASSERT_EQ(0, system("ip link add d0 type dummy"));
		ASSERT_EQ(0, obj_pin(self->map, "sys/class/net/d0/bpf.test"));
		fd = open("sys/class/net/d0/bpf.test", O_RDONLY | O_CLOEXEC);
		ASSERT_LE(0, fd);
		EXPECT_EQ(1, sys(read(fd, text, 1)));
		ASSERT_EQ(0, system("ip link del d0"));
		EXPECT_EQ(-ENODEV, sys(pread(fd, text, 1, 0)));
		EXPECT_STREQ("0", attribute("a/map", "bpf.exposed"));
	}
	EXPECT_EQ(0, status);
}

/* ---- fetching ---- */

/* Catches: the object given to who may only read it, or not given to who may have it. */
TEST_F(outside, get_by_mode)
{
	int fd, status, value;

	EXPECT_EQ(on_ours_or_refused(0), obj_pin(self->map, OUTSIDE));
	EXPECT_EQ(on_ours_or_refused(0), obj_pin(self->prog, CGROUP "/bpf.prog"));
	EXPECT_EQ(on_ours_or_refused(0), obj_pin(self->link, CGROUP "/bpf.link"));
	/* None of bpf's, to C. */
	EXPECT_EQ(-EACCES, obj_get(CGROUP "/cgroup.procs"));
	EXPECT_EQ(-EACCES, obj_get(CGROUP));
	EXPECT_EQ(-ENOENT, obj_get(CGROUP "/bpf.none"));
	if (!mounts_are_ours())
		return;
	EXPECT_EQ(obj_id(self->map, OBJ_MAP), obj_id(obj_get(OUTSIDE), OBJ_MAP));
	EXPECT_EQ(obj_id(self->prog, OBJ_PROG), obj_id(obj_get(CGROUP "/bpf.prog"), OBJ_PROG));
	EXPECT_EQ(obj_id(self->link, OBJ_LINK), obj_id(obj_get(CGROUP "/bpf.link"), OBJ_LINK));
	EXPECT_EQ(-EINVAL, obj_get_at(0, CGROUP "/bpf.link", BPF_F_RDONLY));
	ASSERT_EQ(0, symlink(OUTSIDE, "symlink"));
	EXPECT_LE(0, obj_get("symlink"));
	in_child(&status) {
		ASSERT_EQ(0, become(NOBODY, NOBODY));
		EXPECT_EQ(-EACCES, obj_get(OUTSIDE));
		EXPECT_EQ(-EACCES, obj_get_at(0, OUTSIDE, BPF_F_RDONLY));
		EXPECT_EQ(-EACCES, obj_get(CGROUP "/bpf.prog"));
	}
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, chown(OUTSIDE, NOBODY, NOBODY));
	in_child(&status) {
		ASSERT_EQ(0, become(NOBODY, NOBODY));
		EXPECT_EQ(-EACCES, obj_get(OUTSIDE));
		EXPECT_EQ(-EACCES, obj_get_at(0, OUTSIDE, BPF_F_WRONLY));
		fd = obj_get_at(0, OUTSIDE, BPF_F_RDONLY);
		EXPECT_EQ(0, map_get(fd, 0, &value));
		EXPECT_EQ(-EPERM, map_set(fd, 0, 1));
		ASSERT_EQ(0, chmod(OUTSIDE, 0600));
		fd = obj_get(OUTSIDE);
		EXPECT_EQ(0, map_set(fd, 0, 1));
	}
	EXPECT_EQ(0, status);
	/* By a mount on which there is no writing. */
	ASSERT_EQ(0, mkdir("ro", 0755));
	ASSERT_EQ(0, sys(mount(CGROUPS, "ro", NULL, MS_BIND, NULL)));
	ASSERT_EQ(0, sys(mount(NULL, "ro", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL)));
	EXPECT_LE(0, obj_get("ro/bpffs_test/bpf.test"));
}

/* Catches: an object that lives on although its last pin is gone, or dies while it is fetched. */
TEST_F(outside, file_is_no_reference)
{
	int map = map_readable(BPF_MAP_TYPE_ARRAY), id = obj_id(map, OBJ_MAP), got;
	struct calls calls;

	ASSERT_EQ(0, calls_new(&calls));
	ASSERT_EQ(0, obj_pin(map, "a/new"));
	ASSERT_EQ(0, obj_pin(calls.array, "a/array"));
	EXPOSED(map, OUTSIDE);
	ASSERT_EQ(0, obj_pin(calls.array, CGROUP "/bpf.array"));
	close(map);
	close(calls.array);
	EXPECT_TRUE(calls_kept(&calls, "a"));
	got = obj_get(OUTSIDE);
	ASSERT_LE(0, got);
	ASSERT_EQ(0, unlink("a/new"));
	EXPECT_TRUE(obj_alive(OBJ_MAP, id));
	EXPECT_EQ(0, map_set(got, 0, 1));
	close(got);
	EXPECT_TRUE(obj_gone(OBJ_MAP, id));
	/* A program array that nobody uses any more is emptied. */
	got = obj_get(CGROUP "/bpf.array");
	ASSERT_EQ(0, unlink("a/array"));
	EXPECT_TRUE(calls_kept(&calls, "a"));
	close(got);
	EXPECT_TRUE(calls_flushed(&calls));
}

/* ---- seen ---- */

/* Catches: files that are not counted or listed, or those that are gone. */
TEST_F(outside, attributes)
{
	const char *at;
	char path[64];
	int i, status;

	EXPECT_STREQ(on_ours("0"), attribute("a/view", "bpf.exposed"));
	EXPECT_STREQ(on_ours("ENODATA"), attribute("a/view", "bpf.exposed_at"));
	EXPECT_STREQ(on_ours("ENODATA"), attribute("a", "bpf.exposed"));
	EXPECT_STREQ(on_ours("ENODATA"), attribute("a", "bpf.exposed_at"));
	EXPOSED(self->view, OUTSIDE);
	EXPECT_STREQ("1", attribute("a/view", "bpf.exposed"));
	EXPECT_STREQ("cgroup2:/bpffs_test/bpf.test\n", attribute("a/view", "bpf.exposed_at"));
	EXPECT_STREQ("0", attribute("a/map", "bpf.exposed"));
	EXPECT_STREQ("0", attribute("a/prog", "bpf.exposed"));
	/* Any pin of the object tells. */
	ASSERT_EQ(0, obj_pin(self->view, "a/again"));
	EXPECT_STREQ("1", attribute("a/again", "bpf.exposed"));
	ASSERT_EQ(0, mkdir(CGROUP "/a b", 0755));
	ASSERT_EQ(0, obj_pin(self->view, CGROUP "/a b/bpf.x y"));
	ASSERT_EQ(0, obj_pin(self->view, CGROUPS "/bpf.root"));
	EXPECT_STREQ("3", attribute("a/view", "bpf.exposed"));
	at = attribute("a/view", "bpf.exposed_at");
	EXPECT_NE(NULL, strstr(at, "cgroup2:/bpffs_test/a b/bpf.x y\n"));
	EXPECT_NE(NULL, strstr(at, "cgroup2:/bpf.root\n"));
	EXPECT_NE(NULL, strstr(at, "cgroup2:/bpffs_test/bpf.test\n"));
	EXPECT_EQ(strlen("cgroup2:/bpffs_test/a b/bpf.x y\ncgroup2:/bpf.root\n"
			 "cgroup2:/bpffs_test/bpf.test\n"), strlen(at));
	ASSERT_EQ(0, rmdir(CGROUP "/a b"));
	EXPECT_EQ(6, write_to(CGROUPS "/bpf.root", "remove"));
	EXPECT_STREQ("1", attribute("a/view", "bpf.exposed"));
	EXPECT_STREQ("cgroup2:/bpffs_test/bpf.test\n", attribute("a/view", "bpf.exposed_at"));
	/* For who may read the pin. */
	in_child(&status) {
		ASSERT_EQ(0, become(NOBODY, NOBODY));
		EXPECT_STREQ("EACCES", attribute("a/view", "bpf.exposed"));
		EXPECT_STREQ("EACCES", attribute("a/view", "bpf.exposed_at"));
	}
	EXPECT_EQ(0, status);
	EXPECT_EQ(-EOPNOTSUPP, sys(setxattr("a/view", "bpf.exposed", "0", 1, 0)));
	EXPECT_EQ(-EOPNOTSUPP, sys(removexattr("a/view", "bpf.exposed_at")));
	EXPECT_EQ(0, sys(listxattr("a/view", NULL, 0)));
	/* More than an attribute can be long is told as the VFS tells it. */
	for (i = 0; i < 3000; i++) {
		snprintf(path, sizeof(path), CGROUP "/bpf.a_rather_long_name_%d", i);
		ASSERT_EQ(0, obj_pin(self->view, path));
	}
	EXPECT_STREQ("3001", attribute("a/view", "bpf.exposed"));
	EXPECT_EQ(-E2BIG, sys(getxattr("a/view", "bpf.exposed_at", NULL, 0)));
	ASSERT_EQ(0, unlink("a/view"));
	EXPECT_STREQ("3001", attribute("a/again", "bpf.exposed"));
	ASSERT_EQ(0, unlink("a/again"));
	EXPECT_FALSE(exists(path));
}

int main(int argc, char **argv)
{
	/* That makes nodes that stay. */
	if (!module_need("dummy"))
		fprintf(stderr, "# no module dummy to load\n");
	kernel_btf_prepare();
	return run_all_guarded(argc, argv);
}
