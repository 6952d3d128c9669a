// SPDX-License-Identifier: GPL-2.0
/*
 * Moving the tree of one instance to another, in either direction between C's implementation and
 * ours: the options "hold" and "retire" of a context, and "builtin", which makes a mount of C's.
 *
 * The module stays loaded from one test to the next, as loading takes a while.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "bpffs_harness.h"

#ifndef MOVE_MOUNT_BENEATH
#define MOVE_MOUNT_BENEATH 0x00000200
#endif

FIXTURE(moving) {
	/* The file system that is moved, at "fs", with its root open. */
	int old;
	int map;
};

FIXTURE_VARIANT(moving) {
	const char *from, *to;
};

FIXTURE_VARIANT_ADD(moving, there) { .from = "builtin", .to = "newinstance" };
FIXTURE_VARIANT_ADD(moving, back) { .from = "newinstance", .to = "builtin" };

static int open_dir(const char *path)
{
	return sys(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/* Files that every change of a tree has something to be done to. */
static int populate(const char *dir, int map)
{
	char path[64];
	int err;

	snprintf(path, sizeof(path), "%s/gone", dir);
	err = sys(mkdir(path, 0700));
	snprintf(path, sizeof(path), "%s/file", dir);
	err = err ?: obj_pin(map, path);
	snprintf(path, sizeof(path), "%s/old", dir);
	err = err ?: obj_pin(map, path);
	snprintf(path, sizeof(path), "%s/unlinked", dir);
	return err ?: obj_pin(map, path);
}

FIXTURE_SETUP(moving)
{
	if (module_refcnt() < 0)
		ASSERT_EQ(0, module_load(NULL));
	self->map = map_new();
	ASSERT_LE(0, self->map);
	ASSERT_EQ(0, mount_bpf("fs", variant->from));
	ASSERT_EQ(0, populate("fs", self->map));
	self->old = open_dir("fs");
	ASSERT_LE(0, self->old);
}

FIXTURE_TEARDOWN(moving)
{
	close(self->old);
	close(self->map);
}

static int set_fd(int fs, const char *key, int fd)
{
	return sys(syscall(SYS_fsconfig, fs, FSCONFIG_SET_FD, key, NULL, fd));
}

/* A context that holds the file system; descriptor or -errno. */
static int hold(int root)
{
	int fs = fs_open(), err;

	if (fs < 0)
		return fs;
	err = set_fd(fs, "hold", root);
	if (!err)
		return fs;
	close(fs);
	return err;
}

/* Puts an instance with the same files beneath "fs", and takes away what is there; 0 or -errno. */
static int replace_fs(const char *opts, int map)
{
	int fs = fs_open(), mnt, err;

	if (fs < 0)
		return fs;
	err = fs_flag(fs, opts) ?: fs_create(fs);
	mnt = err ?: fs_mount(fs, 0);
	close(fs);
	if (mnt < 0)
		return mnt;
	err = mnt_attach(mnt, "new") ?: populate("new", map);
	close(mnt);
	if (err)
		return err;
	mnt = sys(syscall(SYS_open_tree, AT_FDCWD, "new", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
	if (mnt < 0)
		return mnt;
	err = sys(syscall(SYS_move_mount, mnt, "", AT_FDCWD, "fs",
			  MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_BENEATH));
	close(mnt);
	return err ?: sys(umount2("fs", MNT_DETACH)) ?: sys(umount2("new", MNT_DETACH));
}

/* Changes of all kinds, and whether each was made in "fs". */
static int map_of_child;

static int do_pin(void)     { return obj_pin(map_of_child, "fs/pin"); }
static int do_mkdir(void)   { return sys(mkdir("fs/dir", 0700)); }
static int do_symlink(void) { return sys(symlink("x", "fs/symlink")); }
static int do_rmdir(void)   { return sys(rmdir("fs/gone")); }
static int do_unlink(void)  { return sys(unlink("fs/unlinked")); }
static int do_rename(void)  { return sys(rename("fs/old", "fs/renamed")); }
static int do_link(void)    { return sys(link("fs/file", "fs/link")); }
static int do_chmod(void)   { return sys(chmod("fs/file", 0640)); }
static int do_chown(void)   { return sys(chown("fs/file", 7, 8)); }
static int do_xattr(void)   { return sys(setxattr("fs/file", "trusted.x", "y", 1, 0)); }
static int do_utimes(void)
{
	static const struct timespec times[2] = { { 5, 0 }, { 6, 0 } };

	return sys(utimensat(AT_FDCWD, "fs/file", times, 0));
}

static const struct change {
	const char *name;
	int (*make)(void);
} changes[] = {
	{ "pin", do_pin }, { "mkdir", do_mkdir }, { "symlink", do_symlink }, { "rmdir", do_rmdir },
	{ "unlink", do_unlink }, { "rename", do_rename }, { "link", do_link }, { "chmod", do_chmod },
	{ "chown", do_chown }, { "setxattr", do_xattr }, { "utimes", do_utimes },
};

/* Whether all of them are seen in @dir: 0, or the number of the first that is not. */
static int seen(const char *dir)
{
	struct stat st;
	char value;
	int at = sys(open(dir, O_PATH | O_CLOEXEC)), i = 0;
	char path[64];

	if (at < 0 || fchdir(at))
		return -1;
	close(at);
	snprintf(path, sizeof(path), "file");
	i = !exists("pin") ? 1 : !exists("dir") ? 2 : lstat("symlink", &st) ? 3 : exists("gone") ? 4 :
	    exists("unlinked") ? 5 : exists("old") || !exists("renamed") ? 6 : !exists("link") ? 7 :
	    stat(path, &st) || (st.st_mode & 07777) != 0640 ? 8 : st.st_uid != 7 || st.st_gid != 8 ? 9 :
	    getxattr(path, "trusted.x", &value, 1) != 1 ? 10 : st.st_mtime != 6 ? 11 : 0;
	return i;
}

static int seen_in(const char *dir)
{
	int status;

	in_child(&status) {
		int i = seen(dir);

		_exit(i < 0 ? 100 : i);
	}
	return status;
}

/* A process for each change. */
static pid_t workers[ARRAY_SIZE(changes)];

static void start(int map, int fs)
{
	unsigned int i;

	map_of_child = map;
	for (i = 0; i < ARRAY_SIZE(changes); i++) {
		workers[i] = fork();
		if (!workers[i]) {
			/* Or the context would be open for as long as it holds them back. */
			close(fs);
			_exit(-changes[i].make());
		}
	}
}

/* Whether the process sleeps where nothing wakes it but what it waits for. */
static bool is_stuck(pid_t pid)
{
	char path[64], text[512], *state;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (read_file(path, text, sizeof(text)) <= 0)
		return false;
	state = strrchr(text, ')');
	return state && state[2] == 'D';
}

static bool all_are_stuck(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(changes); i++) {
		if (!is_stuck(workers[i]))
			return false;
	}
	return true;
}

/* The name of a change that failed; NULL if none did. */
static const char *failed_change(void)
{
	const char *failed = NULL;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(changes); i++) {
		int status = wait_child(workers[i]);

		if (status) {
			fprintf(stderr, "# %s: %s\n", changes[i].name, strerror(status));
			failed = changes[i].name;
		}
	}
	return failed;
}

/* Catches: a change that is not held back, or lost, where nothing comes in the place of the tree. */
TEST_F(moving, held_changes_go_on)
{
	int fs = hold(self->old);

	ASSERT_LE(0, fs);
	start(self->map, fs);
	EXPECT_TRUE(wait_until(all_are_stuck(), 10000));
	/* Who reads does not wait. */
	EXPECT_EQ(obj_id(self->map, OBJ_MAP), obj_id(obj_get("fs/file"), OBJ_MAP));
	EXPECT_FALSE(exists("fs/pin"));
	close(fs);
	EXPECT_EQ(NULL, failed_change());
	EXPECT_EQ(0, seen_in("fs"));
}

/* Catches: a change that is made in the old tree, or not at all, where another came meanwhile. */
TEST_F(moving, held_changes_go_to_the_new_tree)
{
	int fs = hold(self->old);

	ASSERT_LE(0, fs);
	start(self->map, fs);
	ASSERT_TRUE(wait_until(all_are_stuck(), 10000));
	ASSERT_EQ(0, replace_fs(variant->to, self->map));
	ASSERT_EQ(0, fs_flag(fs, "retire"));
	EXPECT_EQ(NULL, failed_change());
	EXPECT_EQ(0, seen_in("fs"));
	/* Of none of them there is anything in the old one. */
	EXPECT_EQ(-1, faccessat(self->old, "pin", F_OK, 0));
	EXPECT_EQ(0, faccessat(self->old, "gone", F_OK, 0));
	EXPECT_EQ(0, faccessat(self->old, "old", F_OK, 0));
	EXPECT_EQ(0, faccessat(self->old, "unlinked", F_OK, 0));
	close(fs);
}

/* Catches: a tree that stays retired, or that readers do not get at while it is. */
TEST_F(moving, retired_for_as_long_as_the_context)
{
	int fs = hold(self->old), fd;

	ASSERT_LE(0, fs);
	ASSERT_EQ(0, fs_flag(fs, "retire"));
	EXPECT_EQ(-EINVAL, fs_flag(fs, "retire"));
	EXPECT_EQ(-ESTALE, sys(mkdirat(self->old, "x", 0700)));
	EXPECT_EQ(-ESTALE, sys(mkdir("fs/x", 0700)));
	EXPECT_EQ(-ESTALE, obj_pin(self->map, "fs/x"));
	EXPECT_EQ(-ESTALE, sys(unlink("fs/file")));
	EXPECT_EQ(-ESTALE, sys(chmod("fs/file", 0)));
	EXPECT_EQ(-ESTALE, sys(chmod("fs", 0)));
	EXPECT_EQ(-ESTALE, sys(setxattr("fs/file", "trusted.x", "y", 1, 0)));
	EXPECT_EQ(-ESTALE, sys(setxattr("fs", "trusted.x", "y", 1, 0)));
	EXPECT_EQ(0, sys(access("fs/file", R_OK | W_OK)));
	fd = obj_get("fs/file");
	EXPECT_EQ(obj_id(self->map, OBJ_MAP), obj_id(fd, OBJ_MAP));
	close(fd);
	EXPECT_EQ(-EACCES, obj_get("fs/gone"));
	close(fs);
	EXPECT_EQ(0, sys(mkdirat(self->old, "x", 0700)));
	EXPECT_EQ(0, sys(chmod("fs/file", 0600)));
	EXPECT_EQ(0, sys(setxattr("fs/file", "trusted.x", "y", 1, 0)));
	EXPECT_EQ(0, obj_pin(self->map, "fs/x/y"));
}

/*
 * Catches: a tree that stays retired if another mount of it is left, or if none is. What is kept of each is freed
 * after 64 times, which the debugging kernel watches.
 */
TEST_F(moving, retired_again_and_again)
{
	int other = sys(syscall(SYS_open_tree, AT_FDCWD, "fs", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
	int i, fs;

	ASSERT_LE(0, other);
	for (i = 0; i < 140; i++) {
		fs = hold(self->old);
		ASSERT_LE(0, fs);
		ASSERT_EQ(0, fs_flag(fs, "retire"));
		ASSERT_EQ(-ESTALE, sys(mkdir("fs/x", 0700)));
		close(fs);
		ASSERT_EQ(0, sys(mkdir("fs/x", 0700)));
		ASSERT_EQ(0, sys(setxattr("fs/x", "trusted.x", "y", 1, 0)));
		ASSERT_EQ(0, sys(rmdir("fs/x")));
		if (i == 1)
			close(other);
	}
}

/*
 * Catches: a file without a name that goes while the tree is retired, and does not know any more what it
 * holds: the map stays for ever.
 */
TEST_F(moving, unlinked_and_then_retired)
{
	int file = sys(open("fs/unlinked", O_PATH | O_CLOEXEC)), fs;

	ASSERT_LE(0, file);
	ASSERT_EQ(0, sys(unlink("fs/unlinked")));
	fs = hold(self->old);
	ASSERT_LE(0, fs);
	ASSERT_EQ(0, fs_flag(fs, "retire"));
	close(file);
	close(fs);
	EXPECT_EQ(0, sys(unlink("fs/file")));
}

/*
 * Catches: a link that the old tree keeps attached, by one of its names; any other file that goes with the links;
 * a link that goes while somebody has its file, or stays for ever.
 */
TEST_F(moving, links_go)
{
	int link = link_new(-1), iter = iter_new(), file, fs;
	int id = obj_id(link, OBJ_LINK), iter_id = obj_id(iter, OBJ_LINK);
	char path[32];

	ASSERT_LT(0, id);
	ASSERT_EQ(0, obj_pin(link, "fs/link"));
	ASSERT_EQ(0, sys(linkat(AT_FDCWD, "fs/link", AT_FDCWD, "fs/gone/second", 0)));
	ASSERT_EQ(0, sys(linkat(AT_FDCWD, "fs/link", AT_FDCWD, "fs/third", 0)));
	ASSERT_EQ(0, obj_pin(iter, "fs/gone/iter"));
	file = sys(open("fs/third", O_PATH | O_CLOEXEC));
	ASSERT_LE(0, file);
	close(link);
	close(iter);
	EXPECT_EQ(-EINVAL, fs_flag(fs = fs_open(), "retire_links"));
	close(fs);
	fs = hold(self->old);
	ASSERT_LE(0, fs);
	ASSERT_EQ(0, fs_flag(fs, "retire_links"));
	EXPECT_EQ(-EINVAL, fs_flag(fs, "retire"));
	EXPECT_FALSE(exists("fs/link"));
	EXPECT_FALSE(exists("fs/gone/second"));
	EXPECT_FALSE(exists("fs/third"));
	EXPECT_FALSE(exists("fs/gone/iter"));
	EXPECT_TRUE(exists("fs/file"));
	EXPECT_TRUE(exists("fs/unlinked"));
	EXPECT_EQ(-ESTALE, sys(unlink("fs/file")));
	EXPECT_EQ(-ESTALE, sys(mkdir("fs/gone/x", 0700)));
	EXPECT_TRUE(obj_gone(OBJ_LINK, iter_id));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	link = obj_get(path);
	EXPECT_EQ(id, obj_id(link, OBJ_LINK));
	close(link);
	close(file);
	EXPECT_TRUE(obj_gone(OBJ_LINK, id));
	close(fs);
	EXPECT_EQ(0, sys(unlink("fs/file")));
	EXPECT_EQ(0, sys(rmdir("fs/gone")));
}

/* Catches: a file system that stays held when its holder is killed. */
TEST_F(moving, ends_with_its_owner)
{
	int ready = event_new(), i;

	for (i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (!pid) {
			int fs = hold(self->old);

			if (fs >= 0 && (!i || !fs_flag(fs, "retire")))
				event_post(ready);
			pause();
		}
		ASSERT_EQ(0, event_wait(ready));
		ASSERT_EQ(0, kill(pid, SIGKILL));
		EXPECT_EQ(-SIGKILL, wait_child(pid));
		/* A context that is closed late is closed all the same. */
		EXPECT_TRUE(wait_until(!sys(chmod("fs/file", 0600 | i)), 10000));
	}
}

/* Catches: an option that is taken of anyone, of anything, twice, or without a use. */
TEST_F(moving, refused)
{
	int fs = fs_open(), other, status, fd;

	ASSERT_LE(0, fs);
	EXPECT_EQ(-EINVAL, fs_set(fs, "hold", "1"));
	EXPECT_EQ(-EINVAL, fs_flag(fs, "hold"));
	fd = open_dir("/");
	EXPECT_EQ(-EINVAL, set_fd(fs, "hold", fd));
	close(fd);
	EXPECT_TRUE(fs_logged(fs, "not a BPF file system"));
	EXPECT_EQ(-EBADF, set_fd(fs, "hold", 999));
	EXPECT_EQ(-EINVAL, fs_flag(fs, "retire"));
	in_child(&status) {
		if (!become(NOBODY, NOBODY))
			EXPECT_EQ(-EPERM, set_fd(fs, "hold", self->old));
	}
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, set_fd(fs, "hold", self->old));
	EXPECT_EQ(-EBUSY, set_fd(fs, "hold", self->old));
	other = fs_open();
	EXPECT_EQ(-EBUSY, set_fd(other, "hold", self->old));
	close(other);
	in_child(&status) {
		if (!become(NOBODY, NOBODY))
			EXPECT_EQ(-EPERM, fs_flag(fs, "retire"));
	}
	EXPECT_EQ(0, status);
	/* It makes no mount. */
	EXPECT_EQ(-EINVAL, fs_create(fs));
	close(fs);
	EXPECT_EQ(0, sys(chmod("fs/file", 0600)));
}

/* Catches: a file system that cannot go because it was held. */
TEST_F(moving, umount_while_held)
{
	int fs = hold(self->old), i;

	ASSERT_LE(0, fs);
	close(self->old);
	ASSERT_EQ(0, sys(umount2("fs", MNT_DETACH)));
	close(fs);
	self->old = -1;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, mount_bpf("fs", variant->from));
		self->old = open_dir("fs");
		fs = hold(self->old);
		ASSERT_LE(0, fs);
		close(self->old);
		self->old = -1;
		ASSERT_EQ(0, sys(umount2("fs", MNT_DETACH)));
		if (i % 4 == 0)
			ASSERT_EQ(0, fs_flag(fs, "retire"));
		close(fs);
	}
}

FIXTURE(builtin) { };

FIXTURE_SETUP(builtin)
{
	if (module_refcnt() < 0)
		ASSERT_EQ(0, module_load(NULL));
}

FIXTURE_TEARDOWN(builtin) { }

/* Catches: a mount that is not C's, or has not what was asked for. */
TEST_F(builtin, is_the_kernels_own)
{
	int references = module_refcnt(), map = map_new(), fs;
	struct stat st;

	ASSERT_EQ(0, mount_bpf("a", "builtin,mode=0750,uid=3,gid=4,delegate_cmds=any"));
	EXPECT_EQ(references, module_refcnt());
	ASSERT_EQ(0, stat("a", &st));
	EXPECT_EQ(S_IFDIR | S_ISVTX | 0750, st.st_mode);
	EXPECT_EQ(3, st.st_uid);
	EXPECT_EQ(4, st.st_gid);
	EXPECT_NE(NULL, strstr(shown("a"), "delegate_cmds=any"));
	EXPECT_EQ(0, obj_pin(map, "a/map"));
	EXPECT_EQ(obj_id(map, OBJ_MAP), obj_id(obj_get("a/map"), OBJ_MAP));
	/* C's do not join, and have none of our attributes. */
	ASSERT_EQ(0, mount_bpf("b", "builtin"));
	EXPECT_FALSE(exists("b/map"));
	EXPECT_EQ(-1, getxattr("a/map", "bpf.exposed", NULL, 0));
	/* A mount is reconfigured as one from before the module is. */
	fs = sys(syscall(SYS_fspick, AT_FDCWD, "a", 0));
	ASSERT_LE(0, fs);
	EXPECT_EQ(0, sys(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0)));
	close(fs);
	close(map);
}

/* Catches: an option that lets users of a container have more than C lets them. */
TEST_F(builtin, in_a_container)
{
	struct container c;
	int status, mnt, fs;
	struct stat st;

	ASSERT_EQ(0, container_open(&c));
	EXPECT_EQ(0, fs_flag(c.fs, "builtin"));
	EXPECT_EQ(0, fs_create(c.fs));
	mnt = fs_mount(c.fs, 0);
	container_left(&c);
	close(c.fs);
	close(c.userns);
	ASSERT_LE(0, mnt);
	ASSERT_EQ(0, fstat(mnt, &st));
	EXPECT_EQ(CONTAINER_ROOT, st.st_uid);
	close(mnt);
	in_child(&status) {
		ASSERT_EQ(0, userns_unshare(CONTAINER_ROOT, CLONE_NEWNS));
		fs = fs_open();
		ASSERT_LE(0, fs);
		EXPECT_EQ(0, fs_flag(fs, "builtin"));
		EXPECT_EQ(-EPERM, fs_create(fs));
	}
	EXPECT_EQ(0, status);
}

int main(int argc, char **argv)
{
	if (!begin_unloaded(argv[0]))
		return KSFT_FAIL;
	return run_all_guarded(argc, argv);
}
