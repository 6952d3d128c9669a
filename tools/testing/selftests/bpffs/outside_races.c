// SPDX-License-Identifier: GPL-2.0
/*
 * Objects that are exposed outside, and tasks that get in each other's way. Each test goes on
 * until they did often enough (BPFFS_STRESS times more often). When the last pin is gone, so
 * must be each file, whatever happened before; and every node, which the fixture counts.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "outside_fixture.h"

OUTSIDE_FIXTURE(outside_races)

/* Seconds; for a high BPFFS_STRESS too. */
#define TIMEOUT		240
#define MAX_TASKS	4
/* A cgroup that comes and goes. */
#define COMES		CGROUP "/comes"

/* Shared by a test with its tasks. */
static struct shared {
	int stop;
	int wrong;
	/* What a test waits for: how often the tasks did what it is about. */
	unsigned int done, read;
	unsigned int arrived, round;
} *shared;

static pid_t tasks[MAX_TASKS];
static unsigned int tasks_cnt;

#define load(p)		__atomic_load_n(p, __ATOMIC_SEQ_CST)
#define store(p, v)	__atomic_store_n(p, v, __ATOMIC_SEQ_CST)
#define inc(p)		__atomic_add_fetch(p, 1, __ATOMIC_SEQ_CST)

/* A result that nobody expects here. */
static void wrong(const char *what, long ret)
{
	printf("# %s: %ld %s\n", what, ret, ret < 0 ? strerror(-ret) : "");
	fflush(NULL);
	inc(&shared->wrong);
	_exit(1);
}

/* Whether @ret is one of the errnos, of which 0 is the last. */
static bool is_one_of(long ret, const int *errnos)
{
	while (*errnos && ret != -*errnos)
		errnos++;
	return *errnos;
}

/* Success, or one of these errnos. */
#define MAY(call, ...) ({							\
	long __ret = (call);							\
										\
	if (__ret < 0 && !is_one_of(__ret, (int[]){ __VA_ARGS__, 0 }))		\
		wrong(#call, __ret);						\
	__ret;									\
})

#define MUST(call) ({ long __ret = (call); if (__ret < 0) wrong(#call, __ret); __ret; })

/* Repeats @body in a new process until the test stops it. */
#define TASK(body) do {								\
	pid_t __pid = fork();							\
										\
	if (!__pid) {								\
		unsigned int round __attribute__((__unused__));			\
										\
		for (round = 0; !load(&shared->stop); round++) {		\
			body							\
		}								\
		_exit(0);							\
	}									\
	ASSERT_LT(0, __pid);							\
	tasks[tasks_cnt++] = __pid;						\
} while (0)

/* How many of the tasks did not end well. */
static int stop(void)
{
	unsigned int i, bad = 0;

	store(&shared->stop, 1);
	for (i = 0; i < tasks_cnt; i++)
		bad += wait_child(tasks[i]) != 0;
	tasks_cnt = 0;
	store(&shared->stop, 0);
	return bad;
}

/* Until that has been done, and something read, so often, or something is wrong. */
static bool run_until(unsigned int done, unsigned int read)
{
	/* There, a round takes seconds. */
	if (getenv("BPFFS_DEBUG"))
		done /= 5;
	done = stress(done) + 1;
	wait_until((load(&shared->done) >= done && load(&shared->read) >= read) ||
		   load(&shared->wrong), TIMEOUT * 1000 / 2);
	printf("# done %u times, read %u times\n", load(&shared->done), load(&shared->read));
	return !stop() && load(&shared->done) >= done && load(&shared->read) >= read;
}

/* Begins a test, which ends here if C refuses. */
#define BEGIN() do {								\
	EXPOSED(self->view, OUTSIDE);						\
	ASSERT_EQ(6, write_to(OUTSIDE, "remove"));				\
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,		\
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);			\
	ASSERT_NE(MAP_FAILED, shared);						\
	ASSERT_EQ(0, unlink("a/view"));						\
	ASSERT_EQ(0, unlink("a/maps"));						\
	ASSERT_EQ(0, unlink("a/map"));						\
} while (0)

/* Reads all of a file in pieces of @piece, if it is there, and looks whether it is whole. */
static void read_file_there(const char *path, size_t piece)
{
	int fd = MAY(sys(open(path, O_RDONLY | O_CLOEXEC)), ENOENT, ENODEV);
	char buf[512];
	size_t done = 0;
	long len;

	if (fd < 0)
		return;
	while ((len = MAY(sys(read(fd, buf + done, piece)), ENODEV)) > 0) {
		done += len;
		if (done + piece > sizeof(buf))
			wrong("bytes", done);
	}
	close(fd);
	if (len < 0)
		return;
	/* A view, lines "map", or the text of a map. A cgroup that is dying shows nothing. */
	if (done != sizeof(struct viewed) && memcmp(buf, "map\n", 4) && memcmp(buf, "# W", 3) &&
	    (done || strncmp(path, COMES, strlen(COMES))))
		wrong("bytes that are read", done);
	inc(&shared->read);
}

/* Catches: a reader of an object that is gone, or whom the end of the last pin waits for. */
TEST_F_TIMEOUT(outside_races, read_and_unpin, TIMEOUT)
{
	const int fds[] = { self->view, self->maps, self->map };
	unsigned int i;

	BEGIN();
	TASK({
		MUST(obj_pin(fds[round % 3], "a/x"));
		MUST(obj_pin(fds[round % 3], OUTSIDE));
		sleep_ms(round % 3);
		MUST(sys(unlink("a/x")));
		if (exists(OUTSIDE))
			wrong("a file without a pin", 0);
		inc(&shared->done);
	});
	for (i = 0; i < 3; i++) {
		size_t piece = i ? 100 : 5;

		TASK({ read_file_there(OUTSIDE, piece); });
	}
	EXPECT_TRUE(run_until(200, 20));
}

/* Catches: the same where the pin is the last that keeps the object. */
TEST_F_TIMEOUT(outside_races, read_and_free, TIMEOUT)
{
	unsigned int i;

	BEGIN();
	TASK({
		int fd = round % 2 ? view_link(&(struct view){}) : map_readable(BPF_MAP_TYPE_HASH);

		MUST(fd);
		MUST(obj_pin(fd, "a/x"));
		MUST(obj_pin(fd, OUTSIDE));
		close(fd);
		sleep_ms(round % 3);
		MUST(sys(unlink("a/x")));
		inc(&shared->done);
	});
	for (i = 0; i < 3; i++) {
		size_t piece = i ? 100 : 5;

		TASK({ read_file_there(OUTSIDE, piece); });
	}
	EXPECT_TRUE(run_until(100, 20));
}

/* Catches: two that remove a node at the same time, or wait for each other. */
TEST_F_TIMEOUT(outside_races, unpin_and_rmdir, TIMEOUT)
{
	BEGIN();
	TASK({
		MAY(sys(mkdir(COMES, 0755)), EEXIST);
		MAY(obj_pin(self->view, "a/x"), EEXIST);
		if (!MAY(obj_pin(self->view, COMES "/bpf.x"), EEXIST, ENOENT, EPERM))
			inc(&shared->done);
		sleep_ms(round % 2);
	});
	TASK({ MAY(sys(unlink("a/x")), ENOENT); sleep_ms(round % 3); });
	TASK({ MAY(sys(rmdir(COMES)), ENOENT); sleep_ms(1 + round % 3); });
	TASK({ read_file_there(COMES "/bpf.x", 100); });
	/* Of what is read, nothing is asked: the file is hardly ever there. */
	EXPECT_TRUE(run_until(100, 0));
	unlink("a/x");
	EXPECT_FALSE(exists(COMES "/bpf.x"));
}

/* Catches: a file that is made behind the back of the end of the last pin. */
TEST_F_TIMEOUT(outside_races, expose_and_unpin, TIMEOUT)
{
	unsigned int i;

	BEGIN();
	TASK({
		MUST(obj_pin(self->map, "a/x"));
		sleep_ms(round % 2);
		MUST(sys(unlink("a/x")));
	});
	for (i = 0; i < 2; i++)
		TASK({
			if (!MAY(obj_pin(self->map, OUTSIDE), EEXIST, EPERM))
				inc(&shared->done);
		});
	TASK({ read_file_there(OUTSIDE, 100); });
	EXPECT_TRUE(run_until(100, 5));
	unlink("a/x");
	EXPECT_FALSE(exists(OUTSIDE));
}

/* Catches: a file in a cgroup that is gone, or a cgroup that a file keeps. */
TEST_F_TIMEOUT(outside_races, expose_and_rmdir, TIMEOUT)
{
	BEGIN();
	ASSERT_EQ(0, obj_pin(self->view, "a/x"));
	TASK({
		MAY(sys(mkdir(COMES, 0755)), EEXIST);
		sleep_ms(1);
		MAY(sys(rmdir(COMES)), ENOENT);
	});
	TASK({
		if (!MAY(obj_pin(self->view, COMES "/bpf.x"), EEXIST, ENOENT))
			inc(&shared->done);
	});
	TASK({
		int dir = open(COMES, O_PATH | O_CLOEXEC);

		if (dir < 0)
			continue;
		if (!MAY(obj_pin_at(self->view, dir, "bpf.y", BPF_F_PATH_FD), EEXIST, ENOENT))
			inc(&shared->done);
		close(dir);
	});
	TASK({ read_file_there(COMES "/bpf.x", 100); });
	EXPECT_TRUE(run_until(100, 5));
	rmdir(COMES);
	EXPECT_STREQ("0", attribute("a/x", "bpf.exposed"));
}

/* Catches: two that both think that they remove a file, or that neither does. */
TEST_F_TIMEOUT(outside_races, remove_and_unpin, TIMEOUT)
{
	unsigned int i;

	BEGIN();
	TASK({
		MUST(obj_pin(self->view, "a/x"));
		MUST(obj_pin(self->view, OUTSIDE));
		sleep_ms(round % 2);
		MUST(sys(unlink("a/x")));
		if (exists(OUTSIDE))
			wrong("a file without a pin", 0);
	});
	for (i = 0; i < 2; i++)
		TASK({
			if (MAY(write_to(OUTSIDE, "remove"), ENOENT, ENODEV) == 6)
				inc(&shared->done);
		});
	TASK({ read_file_there(OUTSIDE, 100); });
	EXPECT_TRUE(run_until(50, 5));
}

/* Catches: an object that is fetched when it is gone, or another one. */
TEST_F_TIMEOUT(outside_races, get_and_unpin, TIMEOUT)
{
	unsigned int i;

	BEGIN();
	TASK({
		int map = MUST(map_new());

		MUST(map_set(map, 0, 77));
		MUST(obj_pin(map, "a/x"));
		MUST(obj_pin(map, OUTSIDE));
		close(map);
		sleep_ms(round % 2);
		MUST(sys(unlink("a/x")));
		inc(&shared->done);
	});
	for (i = 0; i < 3; i++)
		TASK({
			int fd = MAY(obj_get(OUTSIDE), ENOENT, ENODEV);

			if (fd < 0)
				continue;
			if (map_first(fd) != 77)
				wrong("the value", map_first(fd));
			close(fd);
			inc(&shared->read);
		});
	EXPECT_TRUE(run_until(150, 10));
}

/* Catches: two last pins of which each leaves the files to the other. */
TEST_F_TIMEOUT(outside_races, last_pins, TIMEOUT)
{
	unsigned int rounds = stress(100), i;
	char path[8];

	BEGIN();
	ASSERT_EQ(0, mount_bpf("b", "newinstance"));
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/x", i ? "b" : "a");
		TASK({
			unsigned int last = load(&shared->round);

			inc(&shared->arrived);
			while (load(&shared->round) == last && !load(&shared->stop))
				sched_yield();
			if (!load(&shared->stop))
				MUST(sys(unlink(path)));
		});
	}
	while (load(&shared->round) <= rounds && !load(&shared->wrong)) {
		ASSERT_TRUE(wait_until(load(&shared->arrived) == 2 || load(&shared->wrong), 20000));
		if (exists(OUTSIDE))
			EXPECT_STREQ("", "a file without a pin");
		ASSERT_EQ(0, obj_pin(self->view, "a/x"));
		ASSERT_EQ(0, obj_pin(self->view, "b/x"));
		ASSERT_EQ(0, obj_pin(self->view, OUTSIDE));
		store(&shared->arrived, 0);
		inc(&shared->round);
	}
	ASSERT_TRUE(wait_until(load(&shared->arrived) == 2 || load(&shared->wrong), 20000));
	EXPECT_EQ(0, stop());
	EXPECT_FALSE(exists(OUTSIDE));
}

#define MANY 1000

/* The files of the cgroup that are ours. */
static unsigned int count_files(void)
{
	char *files = outside_files(), *at;
	unsigned int cnt = 0;

	for (at = files; (at = strstr(at, "/bpf.")); at++)
		cnt++;
	free(files);
	return cnt;
}

/* Catches: a file that is left of many, or an end that takes for ever. */
TEST_F_TIMEOUT(outside_races, umount_of_a_thousand, TIMEOUT)
{
	char pin[32], path[64];
	uint64_t begin;
	int i, lazy;

	BEGIN();
	for (lazy = 0; lazy < 2; lazy++) {
		ASSERT_EQ(0, mount_bpf("b", "newinstance"));
		for (i = 0; i < 2; i++)
			TASK({
				unsigned int seed = i + 2 * round;

				snprintf(path, sizeof(path), CGROUP "/bpf.%d", rand_r(&seed) % MANY);
				read_file_there(path, 100);
			});
		for (i = 0; i < MANY; i++) {
			int map = i % 2 ? map_readable(BPF_MAP_TYPE_HASH) : dup(self->view);

			/* Of the one, one each; of the other, all. */
			snprintf(pin, sizeof(pin), "b/%d", i);
			snprintf(path, sizeof(path), CGROUP "/bpf.%d", i);
			ASSERT_EQ(0, obj_pin(map, pin));
			ASSERT_EQ(0, obj_pin(map, path));
			close(map);
		}
		EXPECT_EQ(MANY, count_files());
		begin = now_ms();
		ASSERT_EQ(0, sys(umount2("b", lazy ? MNT_DETACH : 0)));
		printf("# umount of %d: %llu ms\n", MANY, (unsigned long long)(now_ms() - begin));
		EXPECT_EQ(0, count_files());
		EXPECT_EQ(0, stop());
		EXPECT_LT(0, load(&shared->read));
	}
}

/* ---- tasks that end in the middle ---- */

/* Catches: what a task leaves that is killed while it exposes, reads, removes or unpins. */
TEST_F_TIMEOUT(outside_races, kill, TIMEOUT)
{
	unsigned int goal = stress(100), seed = 1, i;

	BEGIN();
	do {
		for (i = 0; i < MAX_TASKS; i++) {
			char pin[16], path[64];

			snprintf(pin, sizeof(pin), "a/%u", i);
			snprintf(path, sizeof(path), COMES "/bpf.%u", i / 2);
			TASK({
				mkdir(COMES, 0755);
				obj_pin(self->view, pin);
				obj_pin(self->view, path);
				viewed(path);
				obj_pin(self->map, pin);
				write_to(path, round % 2 ? "remove" : "removed");
				unlink(pin);
				if (!(round % 5))
					rmdir(COMES);
				inc(&shared->done);
			});
		}
		sleep_ms(5 + rand_r(&seed) % 40);
		for (i = 0; i < MAX_TASKS; i++)
			EXPECT_EQ(0, sys(kill(tasks[i], SIGKILL)));
		stop();
	} while (load(&shared->done) < goal);
	for (i = 0; i < MAX_TASKS; i++) {
		char pin[16];

		snprintf(pin, sizeof(pin), "a/%u", i);
		unlink(pin);
	}
	EXPECT_STREQ(self->files, outside_files());
}

OUTSIDE_TEST_MAIN
