// SPDX-License-Identifier: GPL-2.0
/*
 * One instance per mount namespace: which mounts show the same tree. This is
 * where ours differs from C's on purpose, which makes a fresh instance for each
 * mount; so the tests say for both what is to be seen. With sharing=mount ours does
 * what C's does.
 */
#include <dirent.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <linux/magic.h>

#include "bpffs_harness.h"

/* Newer than the headers of the C library. */
#ifndef FSMOUNT_NAMESPACE
#define FSMOUNT_NAMESPACE 0x00000002
#endif
#ifndef UNSHARE_EMPTY_MNTNS
#define UNSHARE_EMPTY_MNTNS 0x00100000
#endif

BPFFS_FIXTURE(instance);

/* Whether a further mount in a namespace joins the instance that is there. */
static bool joins;

static void __attribute__((constructor)) init(void)
{
	joins = mounts_join();
}

/* The device of what a detached mount or another open file shows. */
static dev_t dev_of_fd(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_dev;
}

/* An integer that child processes see, too. */
static int *shared_int(void)
{
	int *p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static bool is_empty(const char *path)
{
	DIR *dir = opendir(path);
	unsigned int entries = 0;
	struct dirent *entry;

	if (!dir)
		return false;
	/* But for what the kernel itself puts into new ones, see preload.c. */
	while ((entry = readdir(dir)))
		entries += !strstr(entry->d_name, ".debug");
	closedir(dir);
	/* "." and ".." */
	return entries == 2;
}

/* Whether a mount at @dir shows an empty tree; it does not stay. */
static bool next_is_fresh(const char *dir)
{
	bool fresh = !mount_bpf(dir, NULL) && is_empty(dir);

	return !umount_bpf(dir) && fresh;
}

/* Catches: a second mount hiding the pins of the first. */
TEST_F(instance, second_mount)
{
	int map = map_new();

	ASSERT_EQ(0, mount_bpf("a", NULL));
	ASSERT_EQ(0, mkdir("a/d", 0755));
	ASSERT_EQ(0, obj_pin(map, "a/d/m"));
	ASSERT_EQ(0, mount_bpf("b", NULL));

	EXPECT_EQ(joins, dev_of("a") == dev_of("b"));
	EXPECT_EQ(joins, ino_of("a/d") == ino_of("b/d"));
	if (!joins) {
		EXPECT_TRUE(is_empty("b"));
		EXPECT_EQ(-ENOENT, obj_get("b/d/m"));
		return;
	}
	EXPECT_EQ(obj_id(map, OBJ_MAP), obj_id(obj_get("b/d/m"), OBJ_MAP));
	EXPECT_EQ(0, obj_pin(map, "b/n"));
	EXPECT_TRUE(exists("a/n"));
	EXPECT_EQ(0, unlink("b/d/m"));
	EXPECT_FALSE(exists("a/d/m"));
	EXPECT_EQ(-EXDEV, sys(link("a/n", "b/o")));
}

/* Catches: the two mount APIs not meeting in one instance. */
TEST_F(instance, both_apis)
{
	int fs = fs_open(), mnt;

	ASSERT_EQ(0, mount_bpf("a", NULL));
	ASSERT_EQ(0, fs_create(fs));
	mnt = fs_mount(fs, 0);
	ASSERT_LE(0, mnt);
	EXPECT_EQ(joins, dev_of("a") == dev_of_fd(mnt));
	ASSERT_EQ(0, mnt_attach(mnt, "b"));
	EXPECT_EQ(joins, dev_of("a") == dev_of("b"));
}

/* Catches: an instance that goes with its first mount, or outlives its last. */
TEST_F(instance, lives_until_last_umount)
{
	dev_t dev;

	ASSERT_EQ(0, mount_bpf("a", NULL));
	ASSERT_EQ(0, mount_bpf("b", NULL));
	dev = dev_of("b");
	ASSERT_EQ(0, mkdir("b/d", 0755));
	ASSERT_EQ(0, umount_bpf("a"));
	EXPECT_TRUE(exists("b/d"));
	ASSERT_EQ(0, mount_bpf("c", NULL));
	EXPECT_EQ(joins, dev_of("c") == dev);
	EXPECT_EQ(joins, exists("c/d"));
	ASSERT_EQ(0, umount_bpf("b"));
	EXPECT_EQ(joins, exists("c/d"));
	ASSERT_EQ(0, umount_bpf("c"));

	ASSERT_EQ(0, mount_bpf("a", NULL));
	EXPECT_TRUE(is_empty("a"));
}

/* Catches: an open file that does not keep the instance, or keeps it too long. */
TEST_F(instance, lives_while_file_open)
{
	int fd;

	ASSERT_EQ(0, mount_bpf("a", NULL));
	ASSERT_EQ(0, mkdir("a/d", 0755));
	fd = open("a/d", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBUSY, umount_bpf("a"));
	ASSERT_EQ(0, umount2("a", MNT_DETACH));
	ASSERT_EQ(0, mount_bpf("a", NULL));
	EXPECT_EQ(joins, dev_of("a") == dev_of_fd(fd));
	EXPECT_EQ(joins, exists("a/d"));
	ASSERT_EQ(0, umount_bpf("a"));
	ASSERT_EQ(0, close(fd));

	ASSERT_EQ(0, mount_bpf("a", NULL));
	EXPECT_TRUE(is_empty("a"));
}

/* Catches: the same for O_PATH and for a working directory. */
TEST_F(instance, lives_while_path_held)
{
	int fd;

	ASSERT_EQ(0, mount_bpf("a", NULL));
	ASSERT_EQ(0, mkdir("a/d", 0755));
	fd = open("a/d", O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, umount2("a", MNT_DETACH));
	ASSERT_EQ(0, mount_bpf("a", NULL));
	EXPECT_EQ(joins, exists("a/d"));
	ASSERT_EQ(0, umount_bpf("a"));
	ASSERT_EQ(0, fchdir(fd));
	ASSERT_EQ(0, close(fd));
	ASSERT_EQ(0, mount_bpf("/tmp/a", NULL));
	EXPECT_EQ(joins, exists("/tmp/a/d"));
	ASSERT_EQ(0, umount_bpf("/tmp/a"));
	ASSERT_EQ(0, chdir("/tmp"));
	ASSERT_EQ(0, mount_bpf("a", NULL));
	EXPECT_TRUE(is_empty("a"));
}

/* Catches: an instance that exists only as a context being lost or not joined. */
TEST_F(instance, lives_in_context)
{
	int fs = fs_open(), mnt;

	ASSERT_EQ(0, fs_create(fs));
	ASSERT_EQ(0, mount_bpf("a", NULL));
	ASSERT_EQ(0, mkdir("a/d", 0755));
	ASSERT_EQ(0, umount_bpf("a"));
	mnt = fs_mount(fs, 0);
	ASSERT_LE(0, mnt);
	ASSERT_EQ(0, mnt_attach(mnt, "b"));
	EXPECT_EQ(joins, exists("b/d"));
}

/* Catches: a new namespace that sees the pins of the old one in its own mount. */
TEST_F(instance, new_namespace_has_its_own)
{
	dev_t dev;
	int status;

	ASSERT_EQ(0, mount_bpf("a", NULL));
	ASSERT_EQ(0, mkdir("a/d", 0755));
	dev = dev_of("a");
	in_child(&status) {
		dev_t own;

		ASSERT_EQ(0, mntns_unshare());
		/* The copy of the old mount shows the old instance. */
		EXPECT_EQ(dev, dev_of("a"));
		EXPECT_TRUE(exists("a/d"));

		ASSERT_EQ(0, mount_bpf("b", NULL));
		own = dev_of("b");
		EXPECT_NE(dev, own);
		EXPECT_TRUE(is_empty("b"));
		ASSERT_EQ(0, mkdir("b/e", 0755));
		ASSERT_EQ(0, mount_bpf("c", NULL));
		EXPECT_EQ(joins, exists("c/e"));
		/* Unmounting all that is copied changes nothing in that. */
		ASSERT_EQ(0, umount_bpf("a"));
		ASSERT_EQ(0, mount_bpf("a", NULL));
		EXPECT_EQ(joins, dev_of("a") == own);
	}
	EXPECT_EQ(0, status);
	EXPECT_FALSE(exists("b/e"));
	EXPECT_FALSE(exists("a/e"));
}

/* Catches: the key being the task's or the root directory's, not the namespace's. */
TEST_F(instance, same_namespace_by_any_way)
{
	int home = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC), status;

	ASSERT_EQ(0, mount_bpf("a", NULL));
	ASSERT_EQ(0, mkdir("b", 0755));
	ASSERT_EQ(0, mkdir("c", 0755));
	in_child(&status) {
		/* There and back. */
		ASSERT_EQ(0, mntns_unshare());
		ASSERT_EQ(0, mount_bpf("/tmp/b", NULL));
		ASSERT_EQ(0, setns(home, CLONE_NEWNS));
		ASSERT_EQ(0, mount_bpf("/tmp/b", NULL));
	}
	EXPECT_EQ(0, status);
	EXPECT_EQ(joins, dev_of("a") == dev_of("b"));
	in_child(&status) {
		ASSERT_EQ(0, chroot("/tmp"));
		ASSERT_EQ(0, mount_bpf("/c", NULL));
	}
	EXPECT_EQ(0, status);
	EXPECT_EQ(joins, dev_of("a") == dev_of("c"));
}

/* Catches: bind mounts and copied trees showing anything but what they copied. */
TEST_F(instance, bind_mount_shows_the_old)
{
	dev_t dev;
	int tree, status;

	ASSERT_EQ(0, mount_bpf("a", NULL));
	ASSERT_EQ(0, mkdir("a/d", 0755));
	ASSERT_EQ(0, mkdir("a/d/e", 0755));
	dev = dev_of("a");
	ASSERT_EQ(0, mkdir("b", 0755));
	ASSERT_EQ(0, mount("a/d", "b", NULL, MS_BIND, NULL));
	EXPECT_EQ(dev, dev_of("b"));
	EXPECT_TRUE(exists("b/e"));
	tree = open_tree(AT_FDCWD, "a", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	ASSERT_LE(0, tree);
	in_child(&status) {
		ASSERT_EQ(0, mntns_unshare());
		ASSERT_EQ(0, mnt_attach(tree, "c"));
		EXPECT_EQ(dev, dev_of("c"));
		EXPECT_TRUE(exists("c/d/e"));
		ASSERT_EQ(0, mount_bpf("own", NULL));
		EXPECT_NE(dev, dev_of("own"));
		EXPECT_TRUE(is_empty("own"));
	}
	EXPECT_EQ(0, status);
}

/* Catches: an instance forgotten while only another namespace shows it. */
TEST_F(instance, lives_while_mounted_elsewhere)
{
	int ready = event_new(), go = event_new();
	dev_t dev;
	pid_t pid;

	ASSERT_EQ(0, mount_bpf("a", NULL));
	ASSERT_EQ(0, mkdir("a/d", 0755));
	dev = dev_of("a");
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int err = mntns_unshare();

		event_post(ready);
		_exit(err || event_wait(go) || !exists("a/d"));
	}
	ASSERT_EQ(0, event_wait(ready));
	ASSERT_EQ(0, umount_bpf("a"));
	ASSERT_EQ(0, mount_bpf("b", NULL));
	EXPECT_EQ(joins, dev_of("b") == dev);
	EXPECT_EQ(joins, exists("b/d"));
	ASSERT_EQ(0, umount_bpf("b"));
	event_post(go);
	EXPECT_EQ(0, wait_child(pid));

	/* The mounts of a namespace go a little after its last process. */
	EXPECT_TRUE(wait_until(next_is_fresh("a"), 5000));
}

/* Catches: namespaces made in other ways than by unshare() without a key of theirs. */
TEST_F(instance, other_ways_to_a_namespace)
{
	int fs = fs_open(), ns, status;
	dev_t dev;

	ASSERT_EQ(0, mount_bpf("a", NULL));
	ASSERT_EQ(0, mkdir("a/d", 0755));
	dev = dev_of("a");
	ASSERT_EQ(0, fs_create(fs));
	ns = sys(fsmount(fs, FSMOUNT_CLOEXEC | FSMOUNT_NAMESPACE, 0));
	ASSERT_LE(0, ns);
	in_child(&status) {
		/* The context is of the old namespace, a mount in the new one not. */
		ASSERT_EQ(0, setns(ns, CLONE_NEWNS));
		ASSERT_EQ(0, chdir("/"));
		EXPECT_EQ(joins, dev_of("/") == dev);
		ASSERT_EQ(0, mount_bpf("/e", NULL));
		EXPECT_NE(dev, dev_of("/e"));
		EXPECT_TRUE(is_empty("/e"));
	}
	EXPECT_EQ(0, status);
	in_child(&status) {
		ASSERT_EQ(0, unshare(UNSHARE_EMPTY_MNTNS));
		ASSERT_EQ(0, sys(mount("bpf", "/", "bpf", 0, NULL)));
		ASSERT_EQ(0, chroot("/.."));
		EXPECT_NE(dev, dev_of("/"));
		EXPECT_TRUE(is_empty("/"));
	}
	EXPECT_EQ(0, status);
}

/* Catches: a propagated mount that is not the one that was propagated. */
TEST_F(instance, propagation)
{
	int ready = event_new(), go = event_new();
	dev_t dev;
	pid_t pid;

	ASSERT_EQ(0, mkdir("a", 0755));
	ASSERT_EQ(0, mkdir("b", 0755));
	ASSERT_EQ(0, mount(NULL, "/tmp", NULL, MS_SHARED, NULL));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int err = unshare(CLONE_NEWNS) || mount_bpf("b", NULL);

		event_post(ready);
		if (err || event_wait(go))
			_exit(1);
		/* Seen from there: a of the parent, and b, which was ours. */
		_exit(!exists("a/parent") || exists("b/parent"));
	}
	ASSERT_EQ(0, event_wait(ready));
	dev = dev_of("b");
	ASSERT_EQ(0, mount_bpf("a", NULL));
	ASSERT_EQ(0, mkdir("a/parent", 0755));
	EXPECT_NE(dev, dev_of("a"));
	EXPECT_TRUE(is_empty("b"));
	event_post(go);
	EXPECT_EQ(0, wait_child(pid));
}

/*
 * Catches: a new namespace taken for one that died, as with a key that can be
 * used again while the instance of the dead one still lives.
 */
TEST_F_TIMEOUT(instance, dead_namespaces, 600)
{
	uint64_t end = now_ms() + stress(1500);
	unsigned long i;
	int home = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	int fds[32];

	ASSERT_LE(0, home);
	memset(fds, -1, sizeof(fds));
	ASSERT_EQ(0, mkdir("a", 0755));
	/* Some hundreds; BPFFS_STRESS makes them thousands. */
	for (i = 0; i < 100 || now_ms() < end; i++) {
		int *fd = &fds[i % ARRAY_SIZE(fds)];

		if (*fd >= 0)
			close(*fd);
		ASSERT_EQ(0, unshare(CLONE_NEWNS));
		ASSERT_EQ(0, mount("bpf", "a", "bpf", 0, NULL));
		ASSERT_TRUE(is_empty("a"))
			TH_LOG("in round %lu", i);
		ASSERT_EQ(0, mkdir("a/d", 0755));
		/* The open file keeps the instance when the namespace is gone. */
		*fd = open("a", O_RDONLY | O_CLOEXEC);
		ASSERT_LE(0, *fd);
		ASSERT_EQ(0, setns(home, CLONE_NEWNS));
		ASSERT_EQ(0, chdir("/tmp"));
	}
}

/* Catches: instances shared between user namespaces that share a mount namespace. */
TEST_F(instance, user_namespaces_apart)
{
	int ready = event_new(), go = event_new(), mounted = event_new(), done = event_new();
	int *fs = shared_int(), status, ns;
	char path[64];
	pid_t pid;

	ASSERT_NE(NULL, fs);
	ASSERT_EQ(0, mount_bpf("a", NULL));
	pid = fork_files();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (userns_unshare(100000, CLONE_NEWNS) ||
		    mount("t", "/tmp", "tmpfs", 0, NULL) || chdir("/tmp"))
			_exit(1);
		fs[0] = fs_open();
		event_post(ready);
		if (event_wait(go))
			_exit(2);
		if (mnt_attach(fs_mount(fs[0], 0), "own") || mkdir("own/d", 0755) ||
		    mkdir("root", 0755) || mkdir("root2", 0755))
			_exit(3);
		event_post(mounted);
		_exit(event_wait(done) ? 4 : 0);
	}
	ASSERT_EQ(0, event_wait(ready));
	ASSERT_EQ(0, fs_create(fs[0]));
	event_post(go);
	ASSERT_EQ(0, event_wait(mounted));

	/* The same mount namespace, entered from the initial user namespace. */
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, ns);
	in_child(&status) {
		ASSERT_EQ(0, setns(ns, CLONE_NEWNS));
		ASSERT_EQ(0, chdir("/tmp"));
		EXPECT_TRUE(exists("own/d"));
		ASSERT_EQ(0, mount_bpf("root", NULL));
		EXPECT_NE(dev_of("own"), dev_of("root"));
		EXPECT_TRUE(is_empty("root"));
		ASSERT_EQ(0, mount_bpf("root2", NULL));
		EXPECT_EQ(joins, dev_of("root") == dev_of("root2"));
	}
	EXPECT_EQ(0, status);
	event_post(done);
	EXPECT_EQ(0, wait_child(pid));
}

/* Catches: a container that can join, unprivileged, what C would not let it mount. */
TEST_F(instance, container_cannot_join_by_itself)
{
	int ready = event_new(), go = event_new();
	int *fs = shared_int();
	pid_t pid;

	ASSERT_NE(NULL, fs);
	pid = fork_files();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (userns_unshare(100000, CLONE_NEWNS) ||
		    mount("t", "/tmp", "tmpfs", 0, NULL) || chdir("/tmp"))
			_exit(1);
		fs[0] = fs_open();
		fs[1] = fs_open();
		event_post(ready);
		if (event_wait(go))
			_exit(2);
		EXPECT_EQ(0, mnt_attach(fs_mount(fs[0], 0), "a"));
		EXPECT_EQ(0, mnt_attach(fs_mount(fs[1], 0), "b"));
		EXPECT_EQ(joins, dev_of("a") == dev_of("b"));
		EXPECT_EQ(-EPERM, mount_bpf("c", NULL));
		_exit(0);
	}
	ASSERT_EQ(0, event_wait(ready));
	EXPECT_EQ(0, fs_create(fs[0]));
	EXPECT_EQ(0, fs_create(fs[1]));
	event_post(go);
	EXPECT_EQ(0, wait_child(pid));
}

/* Catches: two tasks that mount at the same time getting an instance each. */
TEST_F_TIMEOUT(instance, concurrent_mounts, 600)
{
	enum { TASKS = 8 };
	unsigned long round, rounds = stress(6);
	char dir[TASKS][8];
	int go = event_new();
	unsigned int i;

	for (i = 0; i < TASKS; i++) {
		snprintf(dir[i], sizeof(dir[i]), "m%u", i);
		ASSERT_EQ(0, mkdir(dir[i], 0755));
	}
	for (round = 0; round < rounds; round++) {
		pid_t pid[TASKS];

		for (i = 0; i < TASKS; i++) {
			pid[i] = fork();
			ASSERT_LE(0, pid[i]);
			if (!pid[i])
				_exit(event_wait(go) || mount_bpf(dir[i], NULL));
		}
		for (i = 0; i < TASKS; i++)
			event_post(go);
		for (i = 0; i < TASKS; i++)
			ASSERT_EQ(0, wait_child(pid[i]));
		for (i = 1; i < TASKS; i++)
			EXPECT_EQ(joins, dev_of(dir[i]) == dev_of(dir[0]));
		for (i = 0; i < TASKS; i++)
			ASSERT_EQ(0, umount_bpf(dir[i]));
	}
}

/* Catches: a mount that fails, or joins a corpse, while the last one goes. */
TEST_F_TIMEOUT(instance, mount_against_umount, 600)
{
	enum { TASKS = 4 };
	uint64_t end = now_ms() + stress(700);
	pid_t pid[TASKS];
	unsigned int i;

	for (i = 0; i < TASKS; i++) {
		pid[i] = fork();
		ASSERT_LE(0, pid[i]);
		if (!pid[i]) {
			char dir[8], sub[16];

			snprintf(dir, sizeof(dir), "m%u", i);
			snprintf(sub, sizeof(sub), "m%u/d%u", i, i);
			while (now_ms() < end) {
				if (mount_bpf(dir, NULL))
					_exit(1);
				/* What another task made here must never be in the way. */
				if (exists(sub) || mkdir(sub, 0755) || rmdir(sub))
					_exit(2);
				if (umount_bpf(dir))
					_exit(3);
			}
			_exit(0);
		}
	}
	for (i = 0; i < TASKS; i++)
		EXPECT_EQ(0, wait_child(pid[i]));
	ASSERT_EQ(0, mount_bpf("a", NULL));
	EXPECT_TRUE(is_empty("a"));
}

/*
 * Catches: an instance that is gone and can still be found, so that a mount joins whatever
 * its memory is used for by then: here, superblocks of another file system.
 */
TEST_F(instance, gone_cannot_be_found)
{
	enum { OTHERS = 16 };
	uint64_t end = now_ms() + stress(1000);
	unsigned long round;
	struct statfs sf;
	unsigned int i;

	ASSERT_EQ(0, mkdir("other", 0755));
	for (round = 0; round < 5 || now_ms() < end; round++) {
		ASSERT_EQ(0, mount_bpf("a", NULL));
		ASSERT_EQ(0, umount_bpf("a"));
		/* The memory is freed a while after the last mount is gone. */
		usleep(20000);
		for (i = 0; i < OTHERS; i++)
			ASSERT_EQ(0, mount("t", "other", "tmpfs", 0, NULL));
		ASSERT_EQ(0, mount_bpf("a", NULL));
		ASSERT_EQ(0, statfs("a", &sf));
		ASSERT_EQ(BPF_FS_MAGIC, sf.f_type)
			TH_LOG("in round %lu", round);
		ASSERT_EQ(0, umount_bpf("a"));
		for (i = 0; i < OTHERS; i++)
			ASSERT_EQ(0, umount2("other", 0));
	}
}

/* Catches: FSCONFIG_CMD_CREATE_EXCL joining, or refusing to make a fresh one. */
TEST_F(instance, create_exclusive)
{
	int fs = fs_open(), mnt, other;

	ASSERT_EQ(0, fs_create_excl(fs));
	mnt = fs_mount(fs, 0);
	ASSERT_LE(0, mnt);
	ASSERT_EQ(0, mnt_attach(mnt, "a"));
	close(mnt);
	close(fs);

	fs = fs_open();
	EXPECT_EQ(joins ? -EBUSY : 0, fs_create_excl(fs));
	close(fs);

	/* What was made exclusively is joined like any other. */
	ASSERT_EQ(0, mount_bpf("b", NULL));
	EXPECT_EQ(joins, dev_of("a") == dev_of("b"));

	/* A private one is always fresh. */
	fs = fs_open();
	EXPECT_EQ(0, fs_flag(fs, "newinstance"));
	EXPECT_EQ(0, fs_create_excl(fs));
	other = fs_mount(fs, 0);
	EXPECT_LE(0, other);
	EXPECT_NE(dev_of("a"), dev_of_fd(other));
	close(other);
	close(fs);

	ASSERT_EQ(0, umount_bpf("a"));
	ASSERT_EQ(0, umount_bpf("b"));
	fs = fs_open();
	EXPECT_EQ(0, fs_create_excl(fs));
}

/* Catches: "newinstance" joining, being joined, or disturbing the shared one. */
TEST_F(instance, newinstance)
{
	ASSERT_EQ(0, mount_bpf("p", "newinstance"));
	ASSERT_EQ(0, mkdir("p/private", 0755));
	ASSERT_EQ(0, mount_bpf("a", NULL));
	EXPECT_NE(dev_of("p"), dev_of("a"));
	EXPECT_TRUE(is_empty("a"));
	ASSERT_EQ(0, mkdir("a/d", 0755));

	ASSERT_EQ(0, mount_bpf("q", "mode=700,newinstance"));
	EXPECT_NE(dev_of("q"), dev_of("p"));
	EXPECT_NE(dev_of("q"), dev_of("a"));
	EXPECT_TRUE(is_empty("q"));

	ASSERT_EQ(0, mount_bpf("b", NULL));
	EXPECT_EQ(joins, dev_of("a") == dev_of("b"));
	ASSERT_EQ(0, umount_bpf("p"));
	ASSERT_EQ(0, umount_bpf("q"));
	EXPECT_TRUE(exists("a/d"));
	EXPECT_EQ(joins, exists("b/d"));
}

/* Catches: options of a joining mount applied, or dropped without a word. */
TEST_F(instance, join_ignores_options)
{
	struct mountinfo info;
	int fs, mnt;

	ASSERT_EQ(0, mount_bpf("a", "uid=5,gid=6,mode=700"));

	/* Nothing is said when nothing was asked. */
	fs = fs_open();
	ASSERT_EQ(0, fs_create(fs));
	EXPECT_FALSE(fs_logged(fs, ""));
	close(fs);

	fs = fs_open();
	ASSERT_EQ(0, fs_set(fs, "uid", "7"));
	ASSERT_EQ(0, fs_set(fs, "mode", "755"));
	ASSERT_EQ(0, fs_create(fs));
	EXPECT_EQ(joins, fs_logged(fs, "ignored"));
	mnt = fs_mount(fs, 0);
	ASSERT_LE(0, mnt);
	ASSERT_EQ(0, mnt_attach(mnt, "b"));
	ASSERT_TRUE(mountinfo("b", &info));
	EXPECT_STREQ(joins ? "rw,uid=5,gid=6,mode=700" : "rw,uid=7,mode=755", info.sb_opts);
	ASSERT_TRUE(mountinfo("a", &info));
	EXPECT_STREQ("rw,uid=5,gid=6,mode=700", info.sb_opts);

	/* A bad one is refused all the same. */
	EXPECT_EQ(-EINVAL, mount_bpf("c", "mode=9"));
}

/* Catches: delegation that differs taken over silently, or lost. */
TEST_F(instance, join_with_delegation)
{
	int fs;

	ASSERT_EQ(0, mount_bpf("a", "delegate_maps=array"));
	EXPECT_EQ(0, mount_bpf("b", "delegate_maps=array"));
	EXPECT_EQ(joins, dev_of("a") == dev_of("b"));
	/* Who asks for no delegation may join any. */
	EXPECT_EQ(0, mount_bpf("c", NULL));
	EXPECT_EQ(joins, dev_of("a") == dev_of("c"));
	fs = fs_open();
	ASSERT_EQ(0, fs_set(fs, "delegate_maps", "any"));
	EXPECT_EQ(joins ? -EBUSY : 0, fs_create(fs));
	EXPECT_EQ(joins, fs_logged(fs, "delegate_"));
}

/* Catches: a mount that is refused although it asks for just what the other one shows. */
TEST_F(instance, join_with_delegation_as_shown)
{
	struct mountinfo info;

	/* Without the highest bit, for which there is no type. */
	ASSERT_EQ(0, mount_bpf("a", "delegate_maps=0x7fffffffffffffff"));
	ASSERT_TRUE(mountinfo("a", &info));
	EXPECT_STREQ("rw,delegate_maps=any", info.sb_opts);
	EXPECT_EQ(0, mount_bpf("b", "delegate_maps=any"));
	EXPECT_EQ(joins, dev_of("a") == dev_of("b"));
}

/* Catches: the key taken from the task that creates, not the one that opened. */
TEST_F(instance, key_is_of_fsopen)
{
	int fs = fs_open(), later = fs_open(), status, mnt;

	ASSERT_LE(0, fs);
	ASSERT_LE(0, later);

	/* No instance yet: the one that a helper creates is this namespace's. */
	in_child(&status) {
		int own;

		ASSERT_EQ(0, mntns_unshare());
		ASSERT_EQ(0, mount_bpf("own", NULL));
		ASSERT_EQ(0, fs_create(fs));
		own = fs_mount(fs, 0);
		ASSERT_LE(0, own);
		EXPECT_NE(dev_of("own"), dev_of_fd(own));
	}
	EXPECT_EQ(0, status);
	/* The context has had its mount, and with the helper that is gone. */
	EXPECT_EQ(-EBUSY, fs_mount(fs, 0));

	ASSERT_EQ(0, mount_bpf("a", NULL));
	in_child(&status) {
		ASSERT_EQ(0, mntns_unshare());
		ASSERT_EQ(0, fs_create(later));
	}
	EXPECT_EQ(0, status);
	mnt = fs_mount(later, 0);
	ASSERT_LE(0, mnt);
	EXPECT_EQ(joins, dev_of("a") == dev_of_fd(mnt));
}

/* Catches: a context that cannot be used, or misleads, once its namespace died. */
TEST_F(instance, context_outlives_namespace)
{
	int *fs = shared_int(), a, b;
	pid_t pid;

	ASSERT_NE(NULL, fs);
	ASSERT_EQ(0, mount_bpf("a", NULL));
	pid = fork_files();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (mntns_unshare())
			_exit(1);
		fs[0] = fs_open();
		fs[1] = fs_open();
		_exit(0);
	}
	ASSERT_EQ(0, wait_child(pid));
	ASSERT_EQ(0, fs_create(fs[0]));
	ASSERT_EQ(0, fs_create(fs[1]));
	a = fs_mount(fs[0], 0);
	b = fs_mount(fs[1], 0);
	ASSERT_LE(0, a);
	ASSERT_LE(0, b);
	EXPECT_NE(dev_of("a"), dev_of_fd(a));
	EXPECT_NE(dev_of("a"), dev_of_fd(b));
	EXPECT_EQ(joins, dev_of_fd(a) == dev_of_fd(b));
}

/* Catches: joining a read-only instance for writing. */
TEST_F(instance, join_read_only)
{
	struct mountinfo info;
	int fs;

	ASSERT_EQ(0, mount_bpf_flags("a", MS_RDONLY, NULL));
	EXPECT_EQ(joins ? -EBUSY : 0, mount_bpf("b", NULL));
	fs = fs_open();
	EXPECT_EQ(joins ? -EBUSY : 0, fs_create(fs));
	EXPECT_EQ(joins, fs_logged(fs, "read-only"));
	close(fs);
	ASSERT_EQ(0, mount_bpf_flags("c", MS_RDONLY, NULL));
	EXPECT_EQ(joins, dev_of("a") == dev_of("c"));

	/* Made writable, it can be joined for writing. */
	ASSERT_EQ(0, mount_bpf_flags("a", MS_REMOUNT, NULL));
	ASSERT_EQ(0, mount_bpf("d", NULL));
	EXPECT_EQ(joins, dev_of("a") == dev_of("d"));
	EXPECT_EQ(0, sys(mkdir("d/x", 0755)));
	/* The mount that asked for read-only stays so. */
	EXPECT_EQ(-EROFS, sys(mkdir("c/y", 0755)));
	ASSERT_TRUE(mountinfo("c", &info));
	EXPECT_STREQ(joins ? "rw" : "ro", info.sb_opts);
}

/* Catches: a read-only mount that makes the whole instance read-only. */
TEST_F(instance, join_writable_read_only)
{
	struct mountinfo info;
	int fs;

	ASSERT_EQ(0, mount_bpf("a", NULL));
	ASSERT_EQ(0, mount_bpf_flags("b", MS_RDONLY, NULL));
	EXPECT_EQ(joins, dev_of("a") == dev_of("b"));
	EXPECT_EQ(-EROFS, sys(mkdir("b/d", 0755)));
	EXPECT_EQ(-EROFS, obj_pin(map_new(), "b/m"));
	EXPECT_EQ(0, sys(mkdir("a/d", 0755)));
	EXPECT_EQ(joins, exists("b/d"));
	ASSERT_TRUE(mountinfo("a", &info));
	EXPECT_STREQ("rw", info.sb_opts);
	ASSERT_TRUE(mountinfo("b", &info));
	EXPECT_STREQ("ro,relatime", info.mnt_opts);

	/* By the new API "ro" is an option of the instance, which has its own. */
	fs = fs_open();
	ASSERT_EQ(0, fs_flag(fs, "ro"));
	ASSERT_EQ(0, fs_create(fs));
	EXPECT_EQ(joins, fs_logged(fs, "ro ignored"));
	ASSERT_EQ(0, mnt_attach(fs_mount(fs, 0), "c"));
	EXPECT_EQ(joins ? 0 : -EROFS, sys(mkdir("c/e", 0755)));
}

/* Catches: a remount, of the instance or of one mount, that is not for what it says. */
TEST_F(instance, remount_is_for_all)
{
	ASSERT_EQ(0, mount_bpf("a", NULL));
	ASSERT_EQ(0, mount_bpf("b", NULL));
	EXPECT_EQ(joins, dev_of("a") == dev_of("b"));
	ASSERT_EQ(0, mount_bpf_flags("b", MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	EXPECT_EQ(-EROFS, sys(mkdir("b/x", 0755)));
	EXPECT_EQ(0, sys(mkdir("a/x", 0755)));
	ASSERT_EQ(0, mount_bpf_flags("b", MS_REMOUNT | MS_RDONLY, NULL));
	EXPECT_EQ(-EROFS, sys(mkdir("b/y", 0755)));
	EXPECT_EQ(joins ? -EROFS : 0, sys(mkdir("a/y", 0755)));
	EXPECT_EQ(joins ? -EROFS : 0, obj_pin(map_new(), "a/map"));
	ASSERT_EQ(0, mount_bpf_flags("a", MS_REMOUNT, NULL));
	EXPECT_EQ(0, sys(mkdir("a/z", 0755)));
}

BPFFS_TEST_MAIN
