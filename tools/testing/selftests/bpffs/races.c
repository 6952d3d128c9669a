// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks that get in each other's way. Each test goes on until they did often
 * enough (BPFFS_STRESS times more often) and then looks whether every object is
 * counted right; the guard looks for what the kernel has to say.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "bpffs_harness.h"

#define MAX_WORKERS 4
/* Seconds; for a high BPFFS_STRESS too. */
#define TIMEOUT 240

/* Shared with the workers. */
struct shared {
	int stop;
	int wrong;
	unsigned int gets;
	unsigned int pins;
	unsigned int round;
	unsigned int arrived;
	unsigned int won;
};

FIXTURE(races) {
	struct shared *shared;
	pid_t workers[MAX_WORKERS];
	int cnt;
	struct calls calls;
	int id;
};

FIXTURE_SETUP(races)
{
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	ASSERT_EQ(0, calls_new(&self->calls));
	self->id = obj_id(self->calls.array, OBJ_MAP);
	self->shared = mmap(NULL, sizeof(*self->shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->shared);
}

FIXTURE_TEARDOWN(races)
{
}

#define load(p)		__atomic_load_n(p, __ATOMIC_SEQ_CST)
#define store(p, v)	__atomic_store_n(p, v, __ATOMIC_SEQ_CST)
#define inc(p)		__atomic_add_fetch(p, 1, __ATOMIC_SEQ_CST)

/* An errno nobody expects here: noted, and printed once per worker. */
static void wrong(struct shared *shared, const char *what, int ret)
{
	printf("# %s: %d %s\n", what, ret, strerror(-ret));
	inc(&shared->wrong);
	exit(1);
}

/* Loops @body in a new process until the test stops it. */
#define WORKER(body) do {						\
	pid_t __pid = fork();						\
	if (!__pid) {							\
		struct shared *shared = self->shared;			\
		while (!load(&shared->stop)) {				\
			body						\
		}							\
		_exit(0);						\
	}								\
	ASSERT_LT(0, __pid);						\
	self->workers[self->cnt++] = __pid;				\
} while (0)

#define ONE_OF(ret, ok, error, what) do {				\
	int __ret = (ret);						\
	if (__ret != (ok) && __ret != -(error))				\
		wrong(shared, what, __ret);				\
} while (0)

/* How many of the workers did not end well. */
static int stop(FIXTURE_DATA(races) *self)
{
	int i, bad = 0;

	store(&self->shared->stop, 1);
	for (i = 0; i < self->cnt; i++)
		bad += wait_child(self->workers[i]) != 0;
	self->cnt = 0;
	return bad;
}

/* Until @counter has come to @cnt, or something is wrong. */
static bool run_until(FIXTURE_DATA(races) *self, unsigned int *counter, unsigned int cnt)
{
	unsigned int goal = stress(cnt);

	wait_until(load(counter) >= goal || load(&self->shared->wrong), TIMEOUT * 1000 / 2);
	return !stop(self) && load(counter) >= goal;
}

/* The same, and until something was fetched, too. */
static bool run_until_got(FIXTURE_DATA(races) *self, unsigned int *counter, unsigned int cnt)
{
	wait_until(load(&self->shared->gets) || load(&self->shared->wrong), TIMEOUT * 1000 / 2);
	return run_until(self, counter, cnt) && load(&self->shared->gets);
}

/* Fetches and makes sure that it is the object it should be. */
static void get(struct shared *shared, const char *path, int id, int other, int error)
{
	int fd = obj_get(path), got;

	if (fd == -error && error)
		return;
	if (fd < 0)
		wrong(shared, "get", fd);
	got = obj_id(fd, OBJ_MAP);
	if (got != id && got != other)
		wrong(shared, "id of what was fetched", got);
	got = prog_array_entry(fd);
	if (got < 0)
		wrong(shared, "entry of what was fetched", got);
	inc(&shared->gets);
	close(fd);
}

/* After the race: with the fd alone it lives on, without it is emptied. */
#define EXPECT_COUNTED() do {						\
	EXPECT_EQ(0, self->shared->wrong);				\
	EXPECT_TRUE(calls_kept(&self->calls, "bpf"));			\
	close(self->calls.array);					\
	EXPECT_TRUE(calls_flushed(&self->calls));			\
} while (0)

/* A pin half made that is unlinked, or a user lost between the two. */
TEST_F_TIMEOUT(races, pin_and_unlink, TIMEOUT)
{
	int i;

	for (i = 0; i < 2; i++)
		WORKER({
			int err = obj_pin(self->calls.array, "bpf/x");

			ONE_OF(err, 0, EEXIST, "pin");
			if (!err)
				inc(&shared->pins);
		});
	for (i = 0; i < 2; i++)
		WORKER({ ONE_OF(sys(unlink("bpf/x")), 0, ENOENT, "unlink"); });
	EXPECT_TRUE(run_until(self, &self->shared->pins, 100));
	unlink("bpf/x");
	EXPECT_COUNTED();
}

/* A fetch of an object that the unlink beside it has just dropped. */
TEST_F_TIMEOUT(races, get_and_unlink, TIMEOUT)
{
	int i;

	/* Its pin is the only user at times. */
	WORKER({
		int array = prog_array_new();
		int err = prog_array_set(array, self->calls.caller);

		if (!err)
			err = obj_pin(array, "bpf/x");
		if (err)
			wrong(shared, "pin", err);
		close(array);
		err = sys(unlink("bpf/x"));
		if (err)
			wrong(shared, "unlink", err);
		inc(&shared->pins);
	});
	for (i = 0; i < 3; i++)
		WORKER({
			int fd = obj_get("bpf/x");
			int entry;

			if (fd == -ENOENT)
				continue;
			if (fd < 0)
				wrong(shared, "get", fd);
			/* While this fd is open, nothing may empty the array. */
			entry = prog_array_entry(fd);
			if (entry < 0)
				wrong(shared, "entry", entry);
			inc(&shared->gets);
			close(fd);
		});
	EXPECT_TRUE(run_until_got(self, &self->shared->pins, 150));
	EXPECT_COUNTED();
}

/* A fetch from an instance that is being torn down. */
TEST_F_TIMEOUT(races, get_and_umount, TIMEOUT)
{
	int i;

	/* So that each mount at mnt is the only one of its instance. */
	ASSERT_EQ(0, umount_bpf("bpf"));
	ASSERT_EQ(0, sys(mkdir("mnt", 0755)));
	WORKER({
		int err = mount_bpf("mnt", NULL);

		if (err)
			wrong(shared, "mount", err);
		err = obj_pin(self->calls.array, "mnt/x");
		/* An instance that a getter still holds may be joined again. */
		if (err && err != -EEXIST)
			wrong(shared, "pin", err);
		inc(&shared->pins);
		err = sys(umount2("mnt", MNT_DETACH));
		if (err)
			wrong(shared, "umount", err);
	});
	for (i = 0; i < 2; i++)
		WORKER({ get(shared, "mnt/x", self->id, 0, ENOENT); });
	/* By a directory that outlives the mount. */
	WORKER({
		int dir = sys(open("mnt", O_PATH));
		int fd = obj_get_at(dir, "x", BPF_F_PATH_FD);

		if (fd < 0 && fd != -ENOENT)
			wrong(shared, "get by directory", fd);
		if (fd >= 0)
			inc(&shared->gets);
		close(dir);
		close(fd);
	});
	EXPECT_TRUE(run_until_got(self, &self->shared->pins, 20));
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	EXPECT_COUNTED();
}

/* A pin into an instance whose last mount goes at that moment. */
TEST_F_TIMEOUT(races, pin_and_umount, TIMEOUT)
{
	ASSERT_EQ(0, umount_bpf("bpf"));
	ASSERT_EQ(0, sys(mkdir("mnt", 0755)));
	WORKER({
		int err = mount_bpf("mnt", NULL);

		/* Long enough for some to get in. */
		sleep_ms(1);
		if (!err)
			err = sys(umount2("mnt", MNT_DETACH));
		if (err)
			wrong(shared, "mount or umount", err);
	});
	WORKER({
		int err = obj_pin(self->calls.array, "mnt/x");

		/* EPERM: the tmpfs below. */
		if (err && err != -EPERM && err != -EEXIST)
			wrong(shared, "pin", err);
		if (!err)
			inc(&shared->pins);
	});
	WORKER({
		int dir = sys(open("mnt", O_PATH));
		int err = obj_pin_at(self->calls.array, dir, "y", BPF_F_PATH_FD);

		if (err && err != -EPERM && err != -EEXIST)
			wrong(shared, "pin by directory", err);
		close(dir);
	});
	EXPECT_TRUE(run_until(self, &self->shared->pins, 10));
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	EXPECT_COUNTED();
}

/* A name that is nowhere while it moves, or a getter with the wrong object. */
TEST_F_TIMEOUT(races, get_and_rename, TIMEOUT)
{
	struct calls other;
	int other_id, i;

	ASSERT_EQ(0, calls_new(&other));
	other_id = obj_id(other.array, OBJ_MAP);
	ASSERT_EQ(0, obj_pin(self->calls.array, "bpf/x"));
	ASSERT_EQ(0, obj_pin(other.array, "bpf/y"));
	WORKER({
		int err = sys(renameat2(AT_FDCWD, "bpf/x", AT_FDCWD, "bpf/y",
					RENAME_EXCHANGE));

		if (!err)
			err = obj_pin(other.array, "bpf/z");
		if (!err)
			err = sys(rename("bpf/z", "bpf/y"));
		if (!err)
			err = sys(link("bpf/y", "bpf/z"));
		if (!err)
			err = sys(rename("bpf/x", "bpf/y"));
		if (!err)
			err = sys(rename("bpf/z", "bpf/x"));
		if (!err)
			err = sys(unlink("bpf/x"));
		if (!err)
			err = obj_pin(self->calls.array, "bpf/x");
		if (err)
			wrong(shared, "rename", err);
	});
	for (i = 0; i < 3; i++)
		WORKER({
			/* y is only ever replaced, x is gone at times. */
			get(shared, "bpf/y", self->id, other_id, 0);
			get(shared, "bpf/x", self->id, other_id, ENOENT);
		});
	EXPECT_TRUE(run_until(self, &self->shared->gets, 1500));
	unlink("bpf/x");
	unlink("bpf/y");
	EXPECT_COUNTED();
	close(other.array);
	EXPECT_TRUE(calls_flushed(&other));
}

/* Two tasks that both think they made the pin, or none. */
TEST_F_TIMEOUT(races, same_name, TIMEOUT)
{
	struct shared *all = self->shared;
	unsigned int rounds = stress(30);
	int i;

	for (i = 0; i < MAX_WORKERS; i++)
		WORKER({
			unsigned int round = load(&shared->round);
			int err;

			inc(&shared->arrived);
			while (load(&shared->round) == round && !load(&shared->stop))
				sched_yield();
			if (load(&shared->stop))
				break;
			err = obj_pin(self->calls.array, "bpf/x");
			ONE_OF(err, 0, EEXIST, "pin");
			if (!err)
				inc(&shared->won);
		});
	do {
		ASSERT_TRUE(wait_until(load(&all->arrived) == MAX_WORKERS ||
				       load(&all->wrong), 20000));
		if (load(&all->round)) {
			EXPECT_EQ(1, load(&all->won));
			EXPECT_EQ(0, sys(unlink("bpf/x")));
		}
		store(&all->won, 0);
		store(&all->arrived, 0);
		inc(&all->round);
	} while (load(&all->round) < rounds && !load(&all->wrong));
	ASSERT_TRUE(wait_until(load(&all->arrived) == MAX_WORKERS ||
			       load(&all->wrong), 20000));
	EXPECT_EQ(1, load(&all->won));
	stop(self);
	EXPECT_EQ(0, sys(unlink("bpf/x")));
	EXPECT_COUNTED();
}

/* A fetch that finds no free descriptor while the pin goes. */
TEST_F_TIMEOUT(races, get_without_fd, TIMEOUT)
{
	struct rlimit limit;
	int i;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = dup(0);
	ASSERT_LT(0, (int)limit.rlim_cur);
	close(limit.rlim_cur);
	WORKER({
		ONE_OF(obj_pin(self->calls.array, "bpf/x"), 0, EEXIST, "pin");
		ONE_OF(sys(unlink("bpf/x")), 0, ENOENT, "unlink");
	});
	for (i = 0; i < 2; i++)
		WORKER({
			int err;

			if (setrlimit(RLIMIT_NOFILE, &limit))
				wrong(shared, "setrlimit", -errno);
			err = obj_get("bpf/x");
			ONE_OF(err, -EMFILE, ENOENT, "get");
			if (err == -EMFILE)
				inc(&shared->gets);
		});
	EXPECT_TRUE(run_until(self, &self->shared->gets, 1500));
	unlink("bpf/x");
	EXPECT_COUNTED();
}

/*
 * A symlink's target freed under those who follow it: they hold no reference, so
 * it must stay for a grace period. KASAN tells.
 */
TEST_F_TIMEOUT(races, follow_and_unlink, TIMEOUT)
{
	char target[3002] = "";
	int i;

	/* Long, as they look at it for long then: ././ ... ./x */
	for (i = 0; i < sizeof(target) - 2; i += 2)
		memcpy(target + i, "./", 2);
	target[i] = 'x';
	ASSERT_EQ(0, obj_pin(self->calls.array, "bpf/x"));
	WORKER({
		ONE_OF(sys(symlink(target, "bpf/link")), 0, EEXIST, "symlink");
		ONE_OF(sys(unlink("bpf/link")), 0, ENOENT, "unlink");
	});
	for (i = 0; i < 2; i++)
		WORKER({
			int err = sys(access("bpf/link", F_OK));

			ONE_OF(err, 0, ENOENT, "follow");
			if (!err)
				inc(&shared->gets);
		});
	EXPECT_TRUE(run_until(self, &self->shared->gets, 1500));
	unlink("bpf/link");
	EXPECT_EQ(0, sys(unlink("bpf/x")));
	EXPECT_COUNTED();
}

/* A task killed in the middle, with its lock, its reference or its inode. */
TEST_F_TIMEOUT(races, kill, TIMEOUT)
{
	unsigned int goal = stress(100);
	unsigned int i, seed = 1;

	ASSERT_EQ(0, sys(mkdir("bpf/dir", 0755)));
	do {
		for (i = 0; i < 4; i++)
			WORKER({
				char path[32];
				int fd;

				snprintf(path, sizeof(path), "bpf/dir/%u", i / 2);
				obj_pin(self->calls.array, path);
				fd = obj_get(path);
				rename(path, "bpf/dir/x");
				mkdir(path, 0755);
				close(fd);
				rmdir(path);
				unlink(path);
				unlink("bpf/dir/x");
				inc(&shared->pins);
			});
		sleep_ms(5 + rand_r(&seed) % 40);
		for (i = 0; i < 4; i++)
			EXPECT_EQ(0, sys(kill(self->workers[i], SIGKILL)));
		stop(self);
		store(&self->shared->stop, 0);
	} while (load(&self->shared->pins) < goal);
	remove("bpf/dir/0");
	remove("bpf/dir/1");
	remove("bpf/dir/x");
	/* Nothing is locked or lost: the directory is empty and goes. */
	EXPECT_EQ(0, sys(rmdir("bpf/dir")));
	EXPECT_COUNTED();
}

BPFFS_TEST_MAIN
