// SPDX-License-Identifier: GPL-2.0
/*
 * Many writers: of one file, of the last bytes that are left, and of everything at
 * once. Storms take BPFFS_STORM seconds; BPFFS_SEED gives each task its sequence again.
 */
#include <signal.h>

#include "notefs_harness.h"

NOTEFS_FIXTURE(writers)

#define WRITERS 4
#define K 1024

#define load(p)		__atomic_load_n(p, __ATOMIC_SEQ_CST)
#define store(p, v)	__atomic_store_n(p, v, __ATOMIC_SEQ_CST)
#define inc(p)		__atomic_add_fetch(p, 1, __ATOMIC_SEQ_CST)

/* Catches: a write that is lost because the file is made longer by another one. */
TEST_F_TIMEOUT(writers, distinct_ranges, 120)
{
	const unsigned int piece = 1000, pieces = 200;
	unsigned int i;
	char *data;
	int fd;

	for (i = 0; i < WRITERS; i++) {
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid) {
			unsigned int nr;
			char buf[1000];

			fd = open(M "/file", O_WRONLY | O_CREAT, 0644);
			/* Each the pieces of its number, from the last one on and from the first. */
			for (nr = 0; nr < pieces; nr++) {
				unsigned int at = (i % 2 ? nr : pieces - 1 - nr) * WRITERS + i;

				pattern(buf, piece, 1, at * piece);
				if (pwrite(fd, buf, piece, at * piece) != piece)
					_exit(1);
			}
			_exit(0);
		}
	}
	for (i = 0; i < WRITERS; i++)
		EXPECT_EQ(0, wait_child(-1));
	ASSERT_EQ(WRITERS * piece * pieces, size_of(M "/file"));
	data = malloc(WRITERS * piece * pieces);
	fd = open(M "/file", O_RDONLY);
	ASSERT_EQ(WRITERS * piece * pieces, read_all(fd, data, WRITERS * piece * pieces));
	EXPECT_TRUE(pattern_at(data, WRITERS * piece * pieces, 1, 0));
	EXPECT_TRUE(df_says(M, LIMIT, taken(WRITERS * piece * pieces)));
	free(data);
}

/* Catches: two writers that both get the last bytes; a refusal that takes some of them. */
TEST_F_TIMEOUT(writers, last_bytes, 120)
{
	unsigned int round, i;
	char path[32];

	ASSERT_EQ(0, mount_notes("small", "size=64k"));
	for (round = 0; round < stress(20); round++) {
		uint64_t sum = 0;

		for (i = 0; i < WRITERS; i++) {
			pid_t pid = fork();

			ASSERT_LE(0, pid);
			if (!pid) {
				int fd;

				snprintf(path, sizeof(path), "small/%u", i);
				fd = open(path, O_WRONLY | O_CREAT, 0644);
				_exit(fill(fd, 1 + (round * 1777 + i * 5003) % 9000) < 0);
			}
		}
		for (i = 0; i < WRITERS; i++)
			EXPECT_EQ(0, wait_child(-1));
		for (i = 0; i < WRITERS; i++) {
			snprintf(path, sizeof(path), "small/%u", i);
			sum += taken(size_of(path));
		}
		EXPECT_EQ(64 * K, sum);
		EXPECT_TRUE(df_says("small", 64 * K, 64 * K));
		for (i = 0; i < WRITERS; i++) {
			snprintf(path, sizeof(path), "small/%u", i);
			EXPECT_EQ(0, unlink(path));
		}
		EXPECT_TRUE(df_says("small", 64 * K, 0));
	}
}

/* ---- a storm ---- */

#define TASKS 6
#define CELL 16
#define OPS 14

/* What files consist of: zeros that nobody wrote, or a number and its complement. */
struct cell {
	uint64_t number, complement;
};

struct storm {
	int stop;
	int wrong;
	uint64_t seed;
	uint64_t tried[OPS], succeeded[OPS];
};

struct task {
	struct storm *storm;
	uint64_t random;
	/* Descriptors that it holds on to. */
	int held[4];
	unsigned int nr;
};

static unsigned int pick(struct task *t, unsigned int n)
{
	return (next_random(&t->random) >> 16) % n;
}

/* Few names, so that tasks meet: files and directories, at two levels. */
static const char *some_path(struct task *t)
{
	static const char *const paths[] = {
		"s/a", "s/b", "s/c", "s/d", "s/a/a", "s/a/b", "s/b/a", "s/b/b", "s/c/a", "s/d/b",
	};

	return paths[pick(t, ARRAY_SIZE(paths))];
}

static long use(struct task *t, int fd)
{
	struct cell cells[300];
	unsigned int cnt = 1 + pick(t, ARRAY_SIZE(cells)), i;
	off_t at = pick(t, 1500) * CELL;
	long ret;

	if (fd < 0)
		return fd;
	for (i = 0; i < cnt; i++) {
		cells[i].number = next_random(&t->random);
		cells[i].complement = ~cells[i].number;
	}
	/* Sizes, offsets and the limit are whole cells, so what fits is, too. */
	ret = sys(pwrite(fd, cells, cnt * CELL, at));
	return ret > 0 && ret % CELL ? -EIO : ret;
}

static long op_write(struct task *t)
{
	int fd = sys(open(some_path(t), O_RDWR | O_CREAT, 0644));
	long ret = use(t, fd);

	if (fd >= 0)
		close(fd);
	return ret;
}

static long op_write_held(struct task *t)
{
	int fd = t->held[pick(t, ARRAY_SIZE(t->held))];

	return fd < 0 ? 0 : use(t, fd);
}

static long op_hold(struct task *t)
{
	int *fd = &t->held[pick(t, ARRAY_SIZE(t->held))];

	if (*fd >= 0)
		close(*fd);
	*fd = sys(open(some_path(t), O_RDWR));
	return *fd;
}

static long op_read(struct task *t)
{
	int fd = sys(open(some_path(t), O_RDONLY));
	struct cell cells[500];
	long ret = fd < 0 ? fd : sys(pread(fd, cells, sizeof(cells), pick(t, 1000) * CELL));

	if (fd >= 0)
		close(fd);
	return ret;
}

static long op_truncate(struct task *t)
{
	return sys(truncate(some_path(t), pick(t, 2000) * CELL));
}

static long op_create(struct task *t)
{
	int fd = sys(open(some_path(t), O_WRONLY | O_CREAT | O_EXCL, 0644));

	if (fd >= 0)
		close(fd);
	return fd;
}

static long op_empty(struct task *t)
{
	int fd = sys(open(some_path(t), O_WRONLY | O_TRUNC));

	if (fd >= 0)
		close(fd);
	return fd;
}

static long op_unlink(struct task *t)
{
	return sys(unlink(some_path(t)));
}

static long op_mkdir(struct task *t)
{
	return sys(mkdir(some_path(t), 0755));
}

static long op_rmdir(struct task *t)
{
	return sys(rmdir(some_path(t)));
}

static long op_rename(struct task *t)
{
	static const unsigned int flags[] = { 0, 0, 0, RENAME_NOREPLACE };
	const char *from = some_path(t);

	return rename2(from, some_path(t), flags[pick(t, ARRAY_SIZE(flags))]);
}

static long op_look(struct task *t)
{
	char buf[2048];
	int fd = sys(open(pick(t, 2) ? "s" : some_path(t), O_RDONLY | O_DIRECTORY));
	long ret = fd < 0 ? fd : sys(syscall(SYS_getdents64, fd, buf, sizeof(buf)));

	if (fd >= 0)
		close(fd);
	return ret;
}

static long op_chmod(struct task *t)
{
	return sys(chmod(some_path(t), 0600 | pick(t, 0100)));
}

/* A mount of its own, which is nobody else's business. */
static long op_mount(struct task *t)
{
	char dir[16], path[32];
	long ret;

	snprintf(dir, sizeof(dir), "m%u", t->nr);
	ret = mount_notes(dir, "size=64k");
	if (ret)
		return ret;
	snprintf(path, sizeof(path), "%s/file", dir);
	ret = put_pattern(path, 1 + pick(t, 60000), 1);
	return umount_notes(dir) ?: ret;
}

#define NAME_ERRNOS -ENOENT, -ENOTDIR
static const struct {
	const char *name;
	long (*run)(struct task *t);
	long may[8];
} ops[OPS] = {
	{ "write", op_write, { NAME_ERRNOS, -EISDIR, -ENOSPC } },
	{ "write_held", op_write_held, { -ENOSPC } },
	{ "hold", op_hold, { NAME_ERRNOS, -EISDIR } },
	{ "read", op_read, { NAME_ERRNOS, -EISDIR } },
	{ "truncate", op_truncate, { NAME_ERRNOS, -EISDIR, -ENOSPC } },
	{ "create", op_create, { NAME_ERRNOS, -EEXIST } },
	{ "empty", op_empty, { NAME_ERRNOS, -EISDIR } },
	{ "unlink", op_unlink, { NAME_ERRNOS, -EISDIR } },
	{ "mkdir", op_mkdir, { NAME_ERRNOS, -EEXIST } },
	{ "rmdir", op_rmdir, { NAME_ERRNOS, -ENOTEMPTY } },
	{ "rename", op_rename, { NAME_ERRNOS, -EISDIR, -ENOTEMPTY, -EINVAL, -EEXIST } },
	{ "look", op_look, { NAME_ERRNOS } },
	{ "chmod", op_chmod, { NAME_ERRNOS } },
	{ "mount", op_mount, { 0 } },
};

static void work(struct storm *storm, unsigned int nr)
{
	struct task t = {
		.storm = storm,
		.random = storm->seed * 1000 + nr + 1,
		.held = { -1, -1, -1, -1 },
		.nr = nr,
	};
	unsigned int i, j;
	long ret;

	if (mntns_unshare())
		_exit(1);
	while (!load(&storm->stop)) {
		i = pick(&t, OPS);
		ret = ops[i].run(&t);
		inc(&storm->tried[i]);
		if (ret >= 0) {
			inc(&storm->succeeded[i]);
			continue;
		}
		for (j = 0; j < ARRAY_SIZE(ops[i].may) && ops[i].may[j] != ret; j++)
			;
		if (j == ARRAY_SIZE(ops[i].may)) {
			fprintf(stderr, "# task %u, BPFFS_SEED=%llu, %s: %s\n", nr,
				(unsigned long long)storm->seed, ops[i].name, strerror(-ret));
			inc(&storm->wrong);
			_exit(1);
		}
	}
	_exit(0);
}

/* What is in the tree: its files are of whole cells; what they take, and names of all kinds. */
static int check_tree(const char *path, uint64_t *used)
{
	static const char *const names[] = { "a", "b", "c", "d" };
	struct stat st = stat_of(path);
	unsigned int dirs = 0, i;
	struct cell cell;
	char name[64];
	int bad = 0, fd;
	off_t at;

	if (S_ISDIR(st.st_mode)) {
		for (i = 0; i < ARRAY_SIZE(names); i++) {
			snprintf(name, sizeof(name), "%s/%s", path, names[i]);
			dirs += S_ISDIR(stat_of(name).st_mode);
			if (exists(name))
				bad += check_tree(name, used);
		}
		if (st.st_nlink != 2 + dirs) {
			fprintf(stderr, "# %s: %u directories, but %lu links\n", path, dirs,
				(unsigned long)st.st_nlink);
			bad++;
		}
		if (strcmp(path, "s") && rmdir(path)) {
			fprintf(stderr, "# %s: rmdir: %s\n", path, strerror(errno));
			bad++;
		}
		return bad;
	}
	/* Of a sparse file what is kept is told by its blocks. */
	*used += kind->zeros_kept ? st.st_size : st.st_blocks * 512ull;
	fd = open(path, O_RDONLY);
	for (at = 0; pread(fd, &cell, sizeof(cell), at) == sizeof(cell); at += sizeof(cell)) {
		if (cell.number != ~cell.complement && (cell.number || cell.complement)) {
			fprintf(stderr, "# %s: torn at %lld\n", path, (long long)at);
			bad++;
			break;
		}
	}
	close(fd);
	if (st.st_nlink != 1 || unlink(path)) {
		fprintf(stderr, "# %s: %lu links\n", path, (unsigned long)st.st_nlink);
		bad++;
	}
	return bad;
}

/* Catches: any two operations that do not go together. */
TEST_F_TIMEOUT(writers, storm, 300)
{
	struct storm *storm = shared_memory(sizeof(*storm));
	uint64_t used = 0, tried = 0, start = now_ms(), left;
	unsigned int i;

	/* Room for less than what they try to write. */
	ASSERT_EQ(0, mount_notes("s", "size=256k"));
	storm->seed = choose_seed();
	for (i = 0; i < TASKS; i++) {
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid)
			work(storm, i);
	}
	while (!load(&storm->wrong) && now_ms() - start < storm_seconds() * 1000)
		sleep_ms(10);
	store(&storm->stop, 1);
	for (i = 0; i < TASKS; i++)
		EXPECT_EQ(0, wait_child(-1));
	EXPECT_EQ(0, storm->wrong);
	for (i = 0; i < OPS; i++)
		tried += storm->tried[i];
	printf("# report: storm on %s: %llu operations in %llu ms, BPFFS_SEED=%llu\n# report:  ",
	       kind->type, (unsigned long long)tried, (unsigned long long)(now_ms() - start),
	       (unsigned long long)storm->seed);
	for (i = 0; i < OPS; i++) {
		printf(" %s %llu/%llu", ops[i].name, (unsigned long long)storm->succeeded[i],
		       (unsigned long long)storm->tried[i]);
		/* One that never has its way is no part of the storm. */
		EXPECT_LT(0, storm->succeeded[i])
			TH_LOG("%s", ops[i].name);
	}
	printf("\n");
	left = free_bytes("s");
	EXPECT_EQ(0, check_tree("s", &used));
	EXPECT_TRUE(used + left <= 256 * K && used + left > 256 * K - 4096)
		TH_LOG("used %llu, free %llu", (unsigned long long)used, (unsigned long long)left);
	EXPECT_TRUE(df_says("s", 256 * K, 0));
	EXPECT_EQ(0, umount_notes("s"));
}

/* Catches: what a task leaves locked, counted or half made that is killed in the middle. */
TEST_F_TIMEOUT(writers, killed, 300)
{
	struct storm *storm = shared_memory(sizeof(*storm));
	uint64_t start = now_ms(), kills = 0, used = 0;
	pid_t tasks[TASKS] = {};
	unsigned int i;

	ASSERT_EQ(0, mount_notes("s", "size=256k"));
	storm->seed = choose_seed();
	do {
		i = kills++ % TASKS;
		if (tasks[i]) {
			kill(tasks[i], SIGKILL);
			EXPECT_EQ(-SIGKILL, wait_child(tasks[i]));
		}
		tasks[i] = fork();
		ASSERT_LE(0, tasks[i]);
		if (!tasks[i]) {
			storm->seed += kills;
			work(storm, i);
		}
		sleep_ms(kills * 7 % 23);
	} while (!load(&storm->wrong) && now_ms() - start < storm_seconds() * 1000);
	for (i = 0; i < TASKS; i++) {
		kill(tasks[i], SIGKILL);
		wait_child(tasks[i]);
	}
	EXPECT_EQ(0, storm->wrong);
	EXPECT_EQ(0, check_tree("s", &used));
	EXPECT_TRUE(df_says("s", 256 * K, 0));
	EXPECT_EQ(0, umount_notes("s"));
}

NOTEFS_TEST_MAIN
