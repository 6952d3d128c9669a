// SPDX-License-Identifier: GPL-2.0
/*
 * What C's implementation had mounted before the module came goes on as it was
 * while the module serves, and after it has gone.
 *
 * The module is loaded by the first test that needs it, and unloaded by the
 * last: loading takes a while.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "bpffs_harness.h"

/* Mounted by C before the tests begin; not in /tmp, which is theirs. */
#define TOP	"/sys/fs/bpf"
#define C	TOP "/c"
#define GOING	TOP "/going"

static int main_mntns;
static int ids[OBJ_KINDS];
static int container, container_userns;

/*
 * Contexts opened before: one with options set, one that had its mount; kept by
 * a process that can be ended, as what holds them holds their instances.
 */
static struct {
	int opened, used, mnt;
} *contexts;
static pid_t keeper;
static int setup_error;

static const char *const old_pins[OBJ_KINDS] = { C "/map", C "/prog", C "/link" };

#define MANY 30

static void clean_up(void)
{
	if (getpid() != begun_by)
		return;
	umount_bpf(GOING);
	umount_bpf(C);
}

static int keep_contexts(void)
{
	int ready = event_new();

	contexts = mmap(NULL, sizeof(*contexts), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (contexts == MAP_FAILED)
		return -errno;
	keeper = fork();
	if (!keeper) {
		contexts->opened = fs_open();
		contexts->used = fs_open();
		contexts->mnt = fs_set(contexts->opened, "mode", "700") ?:
				fs_create(contexts->used) ?: fs_mount(contexts->used, 0);
		event_post(ready);
		pause();
		_exit(0);
	}
	return event_wait(ready) ?: contexts->mnt < 0 ? contexts->mnt : 0;
}

/* The keeper's fd, as one of ours. */
static int taken(int fd)
{
	int pidfd = syscall(SYS_pidfd_open, keeper, 0);

	return sys(syscall(SYS_pidfd_getfd, pidfd, fd, 0));
}

/*
 * Mounts of C's: one with a pin of each kind, one to be unmounted, and one for
 * a container. Objects have no fd left.
 */
static int mount_c(void)
{
	enum obj_kind kind;
	int err = mntns_unshare(), obj;

	if (!err)
		err = sys(mount("tmpfs", TOP, "tmpfs", 0, NULL));
	if (!err)
		err = mount_bpf(C, NULL);
	if (!err)
		err = mount_bpf(GOING, NULL);
	for (kind = 0; !err && kind < OBJ_KINDS; kind++) {
		obj = obj_new(kind);
		ids[kind] = obj_id(obj, kind);
		err = obj_pin(obj, old_pins[kind]);
		close(obj);
	}
	container = container_mount(&container_userns,
				    (const char *[]){ "delegate_cmds", "map_create",
						      "delegate_maps", "hash", NULL });
	if (!err && container < 0)
		err = container;
	if (!err)
		err = keep_contexts();
	main_mntns = sys(open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
	return err ?: main_mntns < 0 ? main_mntns : 0;
}

int main(int argc, char **argv)
{
	if (!begin_unloaded(argv[0]))
		return KSFT_FAIL;
	links_prepare();
	setup_error = mount_c();
	atexit(clean_up);
	return run_all_guarded(argc, argv);
}

FIXTURE(mixed) { };

FIXTURE_SETUP(mixed)
{
	ASSERT_EQ(0, setup_error);
	if (!impl_rust())
		ASSERT_EQ(0, module_load(NULL));
	ASSERT_TRUE(impl_rust());
}

FIXTURE_TEARDOWN(mixed)
{
}

/* Old pins that the module cannot find, or lets the wrong people have. */
TEST_F(mixed, get)
{
	enum obj_kind kind;
	int status, fd;

	for (kind = 0; kind < OBJ_KINDS; kind++) {
		fd = obj_get(old_pins[kind]);
		EXPECT_EQ(ids[kind], obj_id(fd, kind));
		close(fd);
		in_child(&status) {
			become(NOBODY, NOBODY);
			EXPECT_EQ(-EACCES, obj_get(old_pins[kind]));
		}
		ASSERT_EQ(0, status);
	}
	fd = obj_get_at(0, C "/map", BPF_F_RDONLY);
	EXPECT_EQ(-EPERM, map_set(fd, 0, 1));
	fd = obj_get(C "/prog");
	EXPECT_EQ(CALLED, prog_run(fd));
	EXPECT_EQ(-EINVAL, obj_get_at(0, C "/link", BPF_F_RDONLY));
	EXPECT_EQ(-EACCES, obj_get(C));
	EXPECT_EQ(-ENOENT, obj_get(C "/none"));
	EXPECT_EQ(-EPERM, obj_get(C "/a.b"));
}

/* atime of an old pin, which the module must touch as C does. */
TEST_F(mixed, atime)
{
	const struct timespec old[2] = { { 1000, 0 }, { 2000, 0 } };
	struct stat st;

	ASSERT_EQ(0, sys(utimensat(AT_FDCWD, C "/map", old, 0)));
	ASSERT_LE(0, obj_get(C "/map"));
	ASSERT_EQ(0, sys(stat(C "/map", &st)));
	EXPECT_LT(2000, st.st_atime);
}

/* A new pin in an old instance that looks different, or is none of C's. */
TEST_F(mixed, pin)
{
	enum obj_kind kind;
	struct stat st;
	int status;

	for (kind = 0; kind < OBJ_KINDS; kind++) {
		int obj = obj_new(kind), id = obj_id(obj, kind);

		ASSERT_EQ(0, obj_pin(obj, C "/new"));
		EXPECT_EQ(-EEXIST, obj_pin(obj, C "/new"));
		close(obj);
		ASSERT_EQ(0, sys(stat(C "/new", &st)));
		EXPECT_EQ(S_IFREG | 0600, st.st_mode);
		EXPECT_EQ(dev_of(C), st.st_dev);
		obj = obj_get(C "/new");
		EXPECT_EQ(id, obj_id(obj, kind));
		close(obj);
		ASSERT_EQ(0, sys(unlink(C "/new")));
		EXPECT_EQ(-ENOENT, obj_get(C "/new"));
		EXPECT_TRUE(obj_gone(kind, id));
	}
	in_child(&status) {
		int map = map_new();

		EXPECT_EQ(0, sys(mkdir(C "/dir", 02755)));
		EXPECT_EQ(0, sys(chown(C "/dir", 1000, 3000)));
		EXPECT_EQ(0, sys(chmod(C "/dir", 02755)));
		become(1000, 2000);
		umask(0277);
		EXPECT_EQ(-EPERM, obj_pin(map, C "/dir/a.b"));
		EXPECT_EQ(0, obj_pin(map, C "/dir/x"));
		EXPECT_EQ(0, sys(stat(C "/dir/x", &st)));
		EXPECT_EQ(S_IFREG | 0400, st.st_mode);
		EXPECT_EQ(1000, st.st_uid);
		EXPECT_EQ(3000, st.st_gid);
		EXPECT_EQ(0, sys(unlink(C "/dir/x")));
	}
	ASSERT_EQ(0, status);
	ASSERT_EQ(0, sys(rmdir(C "/dir")));
}

/* Names in an old instance: what the module must keep its hands off. */
TEST_F(mixed, names)
{
	int fd, found = 0;
	struct dirent *entry;
	DIR *dir;

	ASSERT_EQ(0, sys(mkdir(C "/dir", 0755)));
	ASSERT_EQ(0, sys(rename(C "/map", C "/dir/moved")));
	ASSERT_EQ(0, sys(link(C "/dir/moved", C "/dir/linked")));
	ASSERT_EQ(0, sys(symlink("dir/linked", C "/symlink")));
	fd = obj_get(C "/symlink");
	EXPECT_EQ(ids[OBJ_MAP], obj_id(fd, OBJ_MAP));
	ASSERT_EQ(0, obj_pin(fd, C "/dir/again"));
	dir = opendir(C "/dir");
	ASSERT_NE(NULL, dir);
	while ((entry = readdir(dir)))
		found += entry->d_type == DT_REG;
	closedir(dir);
	EXPECT_EQ(3, found);
	EXPECT_EQ(-ENOTEMPTY, sys(rmdir(C "/dir")));
	ASSERT_EQ(0, sys(unlink(C "/dir/linked")));
	ASSERT_EQ(0, sys(unlink(C "/dir/again")));
	ASSERT_EQ(0, sys(unlink(C "/symlink")));
	ASSERT_EQ(0, sys(rename(C "/dir/moved", C "/map")));
	ASSERT_EQ(0, sys(rmdir(C "/dir")));
}

/* Counts that go wrong where the module's references and C's meet. */
TEST_F(mixed, references)
{
	struct calls calls;
	int i, fd;

	ASSERT_EQ(0, calls_new(&calls));
	ASSERT_EQ(0, obj_pin(calls.array, C "/array"));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(-EEXIST, obj_pin(calls.array, C "/map"));
		EXPECT_EQ(-EPERM, obj_pin(calls.array, C "/a.b"));
		EXPECT_EQ(-ENOENT, obj_pin(calls.array, C "/none/x"));
		EXPECT_EQ(-EPERM, obj_pin(calls.array, "elsewhere"));
		EXPECT_EQ(-EINVAL, obj_get_at(0, C "/array", BPF_F_RDONLY | BPF_F_WRONLY));
	}
	close(calls.array);
	fd = obj_get(C "/array");
	EXPECT_LE(0, fd);
	close(fd);
	EXPECT_TRUE(calls_kept(&calls, C));
	ASSERT_EQ(0, sys(unlink(C "/array")));
	EXPECT_TRUE(calls_flushed(&calls));
}

/* An instance of C's and one of ours that are taken for each other. */
TEST_F(mixed, side_by_side)
{
	struct calls calls;
	int map = map_new(), fd;

	ASSERT_EQ(0, calls_new(&calls));
	ASSERT_EQ(0, mount_bpf("ours", NULL));
	ASSERT_EQ(0, mount_bpf("same", NULL));
	EXPECT_NE(dev_of(C), dev_of("ours"));
	EXPECT_EQ(dev_of("ours"), dev_of("same"));
	EXPECT_FALSE(exists("ours/map"));

	ASSERT_EQ(0, obj_pin(map, "ours/map"));
	fd = obj_get("same/map");
	EXPECT_EQ(obj_id(map, OBJ_MAP), obj_id(fd, OBJ_MAP));
	fd = obj_get(C "/map");
	EXPECT_EQ(ids[OBJ_MAP], obj_id(fd, OBJ_MAP));
	EXPECT_EQ(-EXDEV, sys(rename("ours/map", C "/moved")));
	EXPECT_EQ(-EXDEV, sys(rename(C "/map", "ours/moved")));
	EXPECT_EQ(-EXDEV, sys(link("ours/map", C "/linked")));
	EXPECT_EQ(-EXDEV, sys(link(C "/map", "ours/linked")));

	/* One object pinned in both: either pin keeps it. */
	ASSERT_EQ(0, obj_pin(calls.array, C "/array"));
	ASSERT_EQ(0, obj_pin(calls.array, "ours/array"));
	close(calls.array);
	ASSERT_EQ(0, sys(unlink(C "/array")));
	EXPECT_TRUE(calls_kept(&calls, C));
	EXPECT_TRUE(calls_kept(&calls, "ours"));
	fd = obj_get("ours/array");
	ASSERT_EQ(0, obj_pin(fd, C "/array"));
	close(fd);
	ASSERT_EQ(0, sys(unlink("ours/array")));
	EXPECT_TRUE(calls_kept(&calls, "ours"));
	ASSERT_EQ(0, sys(unlink(C "/array")));
	EXPECT_TRUE(calls_flushed(&calls));
}

/* A container whose file system no longer says what was delegated to it. */
TEST_F(mixed, token)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_HASH,
		.key_size = 4,
		.value_size = 4,
		.max_entries = 1,
		.map_flags = BPF_F_TOKEN_FD,
	};
	int status;

	in_child(&status) {
		union bpf_attr token = {};
		int map;

		ASSERT_EQ(0, sys(setns(container_userns, 0)));
		ASSERT_EQ(0, become(0, 0));
		token.token_create.bpffs_fd = sys(openat(container, ".", O_RDONLY | O_DIRECTORY));
		ASSERT_LE(0, (int)token.token_create.bpffs_fd);
		attr.map_token_fd = sys_bpf(BPF_TOKEN_CREATE, &token);
		ASSERT_LE(0, attr.map_token_fd);
		map = sys_bpf(BPF_MAP_CREATE, &attr);
		ASSERT_LE(0, map);
		EXPECT_EQ(0, obj_pin_at(map, container, "map", BPF_F_PATH_FD));
		EXPECT_LE(0, obj_get_at(container, "map", BPF_F_PATH_FD));
		EXPECT_EQ(0, sys(unlinkat(container, "map", 0)));
		attr.map_type = BPF_MAP_TYPE_LRU_HASH;
		EXPECT_EQ(-EPERM, sys_bpf(BPF_MAP_CREATE, &attr));
	}
	ASSERT_EQ(0, status);
}

/* A context that C opened, which the module takes for one of its own. */
TEST_F(mixed, old_contexts)
{
	int opened = taken(contexts->opened), used = taken(contexts->used);
	int used_mnt = taken(contexts->mnt), mnt;
	struct mountinfo info;

	ASSERT_LE(0, opened);
	ASSERT_LE(0, used);
	ASSERT_EQ(0, kill(keeper, SIGKILL));
	EXPECT_TRUE(context_is_old(opened));

	/* Opened by C, created now: C's, with what was asked then. */
	ASSERT_EQ(0, fs_set(opened, "uid", "5"));
	EXPECT_EQ(-EINVAL, fs_set(opened, "mode", "9"));
	ASSERT_EQ(0, fs_create(opened));
	mnt = fs_mount(opened, 0);
	ASSERT_LE(0, mnt);
	ASSERT_EQ(0, mnt_attach(mnt, "a"));
	ASSERT_TRUE(mountinfo("a", &info));
	EXPECT_STREQ("rw,uid=5,mode=700", info.sb_opts);
	ASSERT_EQ(0, mount_bpf("b", NULL));
	EXPECT_NE(dev_of("a"), dev_of("b"));
	EXPECT_EQ(0, obj_pin(map_new(), "a/m"));
	EXPECT_LE(0, obj_get("a/m"));

	/* Mounted by C, reconfigured now. */
	ASSERT_EQ(0, mnt_attach(used_mnt, "c"));
	EXPECT_EQ(-EINVAL, fs_set(used, "uid", "x"));
	EXPECT_EQ(0, fs_set(used, "uid", "7"));
	EXPECT_EQ(0, fs_flag(used, "ro"));
	EXPECT_EQ(0, sys(fsconfig(used, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0)));
	ASSERT_TRUE(mountinfo("c", &info));
	EXPECT_STREQ("ro", info.sb_opts);
	EXPECT_EQ(-EROFS, sys(mkdir("c/d", 0755)));
}

/* Remounting what C mounted, with the options of the wrong implementation. */
TEST_F(mixed, remount)
{
	struct mountinfo info;
	int fs;

	EXPECT_EQ(-EINVAL, mount_bpf_flags(C, MS_REMOUNT, "mode=9"));
	EXPECT_EQ(0, mount_bpf_flags(C, MS_REMOUNT | MS_RDONLY, "mode=700,newinstance"));
	ASSERT_TRUE(mountinfo(C, &info));
	EXPECT_STREQ("ro", info.sb_opts);
	EXPECT_EQ(-EROFS, obj_pin(map_new(), C "/x"));
	EXPECT_EQ(-EROFS, obj_get(C "/map"));
	EXPECT_LE(0, obj_get_at(0, C "/map", BPF_F_RDONLY));
	fs = sys(fspick(AT_FDCWD, C, FSPICK_CLOEXEC));
	ASSERT_LE(0, fs);
	EXPECT_EQ(0, fs_flag(fs, "rw"));
	EXPECT_EQ(0, sys(fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0)));
	ASSERT_TRUE(mountinfo(C, &info));
	EXPECT_STREQ("rw", info.sb_opts);
	EXPECT_EQ(0, close(fs));
}

/* Pins of an old instance that its unmounting under the module forgets. */
TEST_F(mixed, umount)
{
	int many[MANY], i;
	struct calls calls;
	char path[64];

	ASSERT_EQ(0, calls_new(&calls));
	ASSERT_EQ(0, obj_pin(calls.array, GOING "/array"));
	close(calls.array);
	ASSERT_EQ(0, sys(mkdir(GOING "/dir", 0755)));
	for (i = 0; i < MANY; i++) {
		int obj = obj_new(i % OBJ_KINDS);

		snprintf(path, sizeof(path), GOING "/dir/%d", i);
		ASSERT_EQ(0, obj_pin(obj, path));
		many[i] = obj_id(obj, i % OBJ_KINDS);
		close(obj);
	}
	ASSERT_EQ(0, umount_bpf(GOING));
	EXPECT_TRUE(calls_kept(&calls, C));
	/* The original mount, of which this namespace had a copy. */
	ASSERT_EQ(0, sys(setns(main_mntns, CLONE_NEWNS)));
	ASSERT_EQ(0, umount_bpf(GOING));
	EXPECT_TRUE(calls_flushed(&calls));
	for (i = 0; i < MANY; i++)
		EXPECT_TRUE(obj_gone(i % OBJ_KINDS, many[i]));
}

/* Pins that are lost with the module, or bound to it. Unloads it. */
TEST_F(mixed, handed_back)
{
	enum obj_kind kind;
	struct calls calls;
	int late[OBJ_KINDS], array, fd;

	ASSERT_EQ(0, sys(mkdir(C "/late", 0755)));
	ASSERT_EQ(0, calls_new(&calls));
	ASSERT_EQ(0, obj_pin(calls.array, C "/late/array"));
	for (kind = 0; kind < OBJ_KINDS; kind++) {
		char path[64];
		int obj = obj_new(kind);

		snprintf(path, sizeof(path), C "/late/%d", kind);
		late[kind] = obj_id(obj, kind);
		ASSERT_EQ(0, obj_pin(obj, path));
		close(obj);
	}
	close(calls.array);
	/* An fd that the module has handed out is none of its business either. */
	array = obj_get(C "/late/array");
	ASSERT_LE(0, array);

	ASSERT_EQ(0, module_unload());
	EXPECT_FALSE(impl_rust());
	for (kind = 0; kind < OBJ_KINDS; kind++) {
		char path[64];

		fd = obj_get(old_pins[kind]);
		EXPECT_EQ(ids[kind], obj_id(fd, kind));
		close(fd);
		snprintf(path, sizeof(path), C "/late/%d", kind);
		fd = obj_get(path);
		EXPECT_EQ(late[kind], obj_id(fd, kind));
		close(fd);
		ASSERT_EQ(0, sys(unlink(path)));
		EXPECT_TRUE(obj_gone(kind, late[kind]));
	}
	close(array);
	EXPECT_TRUE(calls_kept(&calls, C));
	array = obj_get(C "/late/array");
	EXPECT_LE(0, prog_array_entry(array));
	close(array);
	ASSERT_EQ(0, sys(unlink(C "/late/array")));
	EXPECT_TRUE(calls_flushed(&calls));
	ASSERT_EQ(0, sys(rmdir(C "/late")));
}
