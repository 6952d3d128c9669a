// SPDX-License-Identifier: GPL-2.0
/* The file "stats" in the root, which the module makes from numbers when it is read. */
#include <ctype.h>

#include "notefs_harness.h"

NOTEFS_ONLY_FIXTURE(stats)

#define STATS M "/stats"
#define MAX 4096
#define LINES 16

struct stats {
	unsigned int cnt;
	char name[LINES][32];
	long long value[LINES];
};

/* Lines of "name: number"; false if there is anything else, or the same name twice. */
static bool parse(const char *text, struct stats *stats)
{
	unsigned int i;
	int len;

	for (stats->cnt = 0; *text; text += len) {
		char *name = stats->name[stats->cnt];

		if (stats->cnt == LINES - 1 || !islower(*text))
			return false;
		len = 0;
		if (sscanf(text, "%31[a-z_]: %lld%n", name, &stats->value[stats->cnt], &len) != 2 ||
		    !isdigit(text[len - 1]) || text[len++] != '\n')
			return false;
		for (i = 0; i < stats->cnt; i++) {
			if (!strcmp(stats->name[i], name))
				return false;
		}
		stats->cnt++;
	}
	return stats->cnt;
}

static bool read_stats(struct stats *stats)
{
	char text[MAX];

	return read_file(STATS, text, sizeof(text)) > 0 && parse(text, stats);
}

/* Whether one of the numbers is greater by so much. */
static bool one_grew(const struct stats *before, const struct stats *after, long long by)
{
	unsigned int i;

	for (i = 0; i < before->cnt && before->cnt == after->cnt; i++) {
		if (after->value[i] - before->value[i] == by)
			return true;
	}
	return false;
}

/* Catches: a text that is not what the documentation has, or that says nothing of what is there. */
TEST_F(stats, numbers)
{
	struct stats before, after;
	int fd;

	ASSERT_TRUE(read_stats(&before));
	EXPECT_LE(2, before.cnt);
	ASSERT_EQ(0, put_pattern(M "/file", 123, 1));
	ASSERT_TRUE(read_stats(&after));
	/* The bytes that are kept. */
	EXPECT_TRUE(one_grew(&before, &after, 123));
	fd = sys(open(M "/file", O_RDONLY));
	ASSERT_EQ(0, unlink(M "/file"));
	ASSERT_TRUE(read_stats(&after));
	EXPECT_TRUE(one_grew(&before, &after, 123));
	close(fd);
	EXPECT_TRUE(wait_until(read_stats(&after) && one_grew(&before, &after, 0) &&
			       !one_grew(&before, &after, 123), 2000));
}

/* Catches: numbers of another mount. */
TEST_F(stats, of_its_mount)
{
	struct stats before, after;

	ASSERT_EQ(0, mount_notes("other", "size=1m"));
	ASSERT_TRUE(read_stats(&before));
	ASSERT_EQ(0, put_pattern("other/file", 123, 1));
	ASSERT_TRUE(read_stats(&after));
	EXPECT_EQ(0, memcmp(before.value, after.value, before.cnt * sizeof(before.value[0])));
}

/* Catches: lines lost or told twice between two reads. */
TEST_F(stats, small_reads)
{
	static const size_t pieces[] = { 1, 2, 3, 7, 16, 31, 100 };
	char whole[MAX], text[MAX];
	ssize_t len, ret;
	unsigned int i;
	size_t at;
	int fd;

	len = read_file(STATS, whole, sizeof(whole));
	ASSERT_LT(0, len);
	for (i = 0; i < ARRAY_SIZE(pieces); i++) {
		fd = sys(open(STATS, O_RDONLY));
		ASSERT_LE(0, fd);
		memset(text, 0, sizeof(text));
		for (at = 0; (ret = read(fd, text + at, pieces[i])) > 0; at += ret)
			ASSERT_GE(pieces[i], ret);
		EXPECT_EQ(0, ret);
		EXPECT_EQ(len, at);
		EXPECT_STREQ(whole, text);
		EXPECT_EQ(0, read(fd, text, sizeof(text)));
		close(fd);
	}
}

/* Catches: an offset at which something else is than in the whole text. */
TEST_F(stats, seek)
{
	char whole[MAX], text[MAX];
	ssize_t len = read_file(STATS, whole, sizeof(whole));
	int fd = sys(open(STATS, O_RDONLY));
	off_t at;

	ASSERT_LE(0, fd);
	for (at = len; at >= 0; at--) {
		ASSERT_EQ(at, lseek(fd, at, SEEK_SET));
		ASSERT_EQ(len - at, read_all(fd, text, sizeof(text)));
		EXPECT_EQ(0, memcmp(text, whole + at, len - at));
		ASSERT_EQ(len - at, pread(fd, text, sizeof(text), at));
		EXPECT_EQ(0, memcmp(text, whole + at, len - at));
	}
	ASSERT_EQ(len + 100, lseek(fd, len + 100, SEEK_SET));
	EXPECT_EQ(0, read(fd, text, sizeof(text)));
	EXPECT_EQ(-EINVAL, sys(lseek(fd, -1, SEEK_SET)));
	/* What is read again from the beginning is new. */
	ASSERT_EQ(0, put_pattern(M "/file", 77, 1));
	ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
	len = read_all(fd, text, sizeof(text));
	ASSERT_LT(0, len);
	ASSERT_EQ(len, read_file(STATS, whole, sizeof(whole)));
	EXPECT_EQ(0, memcmp(text, whole, len));
}

/* Catches: a buffer of the caller's that is written past its end, or lost lines after a fault. */
TEST_F(stats, bad_pointer)
{
	char *page = page_before_fault(), *end = page + getpagesize(), whole[MAX], text[MAX];
	ssize_t len = read_file(STATS, whole, sizeof(whole)), ret;
	int fd = sys(open(STATS, O_RDONLY));

	EXPECT_EQ(-EFAULT, sys(read(fd, end, 100)));
	ret = sys(read(fd, end - 5, 100));
	EXPECT_TRUE(ret == -EFAULT || (ret > 0 && ret <= 5));
	ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
	ASSERT_EQ(len, read_all(fd, text, sizeof(text)));
	EXPECT_EQ(0, memcmp(text, whole, len));
}

/* Catches: a file that can be written to, emptied, or made to look like another. */
TEST_F(stats, read_only)
{
	char before[MAX], after[MAX];
	int status, fd, ret;
	struct stat st;

	ASSERT_LT(0, read_file(STATS, before, sizeof(before)));
	st = stat_of(STATS);
	EXPECT_EQ(S_IFREG | 0444, st.st_mode);
	EXPECT_EQ(0, st.st_uid);
	EXPECT_EQ(0, st.st_size);
	EXPECT_EQ(0, st.st_blocks);
	EXPECT_EQ(1, st.st_nlink);
	in_child(&status) {
		become(NOBODY, NOBODY);
		EXPECT_EQ(-EACCES, sys(open(STATS, O_WRONLY)));
		EXPECT_EQ(-EACCES, sys(truncate(STATS, 0)));
		EXPECT_LE(0, sys(open(STATS, O_RDONLY)));
	}
	EXPECT_EQ(0, status);
	/* For root the mode does not count: the open is refused, or the write is. */
	fd = sys(open(STATS, O_WRONLY));
	ret = fd < 0 ? fd : sys(write(fd, "x", 1));
	EXPECT_TRUE(ret == -EINVAL || ret == -EBADF || ret == -EPERM || ret == -EACCES)
		TH_LOG("write: %d", ret);
	printf("# report: stats: root's %s gives %s\n", fd < 0 ? "open to write" : "write",
	       strerrorname_np(-ret));
	fd = sys(open(STATS, O_WRONLY | O_TRUNC));
	close(fd);
	ret = sys(truncate(STATS, 1000));
	printf("# report: stats: root's truncate gives %s\n", ret ? strerrorname_np(-ret) : "success");
	/* Whatever these said, the file is what it was. */
	EXPECT_EQ(0, size_of(STATS));
	ASSERT_LT(0, read_file(STATS, after, sizeof(after)));
	EXPECT_STREQ(before, after);
	EXPECT_TRUE(df_says(M, LIMIT, 0));
}

/* Catches: the same by names: a file of the module's that a user replaces, or takes away for good. */
TEST_F(stats, names)
{
	int ret, fd = sys(open(STATS, O_RDONLY));
	char text[MAX];

	EXPECT_EQ(-EEXIST, sys(open(STATS, O_WRONLY | O_CREAT | O_EXCL, 0644)));
	EXPECT_EQ(-EEXIST, sys(mkdir(STATS, 0755)));
	ASSERT_EQ(0, mkdir(M "/dir", 0755));
	EXPECT_EQ(-ENOENT, size_of(M "/dir/stats"));
	EXPECT_EQ(-ENOTDIR, sys(rmdir(STATS)));
	ret = sys(unlink(STATS));
	EXPECT_TRUE(!ret || ret == -EPERM)
		TH_LOG("unlink: %d", ret);
	printf("# report: stats: unlink gives %s\n", ret ? strerrorname_np(-ret) : "success");
	/* Open, it goes on. */
	EXPECT_LT(0, read(fd, text, sizeof(text)));
	if (!ret) {
		EXPECT_EQ(-ENOENT, size_of(STATS));
		EXPECT_EQ(0, put(STATS, "mine", 4));
		EXPECT_TRUE(is_content(STATS, "mine", 4));
	} else {
		ASSERT_EQ(0, put(M "/file", "x", 1));
		EXPECT_EQ(-EPERM, sys(rename(M "/file", STATS)));
		EXPECT_EQ(-EPERM, sys(rename(STATS, M "/dir/stats")));
		EXPECT_LT(0, read_file(STATS, text, sizeof(text)));
	}
}

/* Catches: a reader that keeps the file system from changing, or sees half of a change. */
TEST_F_TIMEOUT(stats, readers_and_writers, 60)
{
	int *stop = shared_memory(sizeof(*stop)), *wrong = shared_memory(sizeof(*wrong)), i;
	uint64_t end;

	for (i = 0; i < 2; i++) {
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid) {
			struct stats stats;

			while (!__atomic_load_n(stop, __ATOMIC_SEQ_CST))
				*wrong |= !read_stats(&stats);
			_exit(0);
		}
	}
	end = now_ms() + storm_seconds() * 500;
	do {
		ASSERT_EQ(0, put_pattern(M "/file", 5000, 1));
		ASSERT_EQ(0, unlink(M "/file"));
	} while (now_ms() < end);
	__atomic_store_n(stop, 1, __ATOMIC_SEQ_CST);
	EXPECT_EQ(0, wait_child(-1));
	EXPECT_EQ(0, wait_child(-1));
	EXPECT_EQ(0, *wrong);
}

/* Catches: content that cannot come through a pipe, as cat or cp would have it. */
TEST_F(stats, splice)
{
	char whole[MAX], text[MAX];
	ssize_t len = read_file(STATS, whole, sizeof(whole));
	int fd = sys(open(STATS, O_RDONLY)), pipes[2];
	ssize_t ret;

	ASSERT_EQ(0, pipe(pipes));
	ret = sys(splice(fd, NULL, pipes[1], NULL, MAX, 0));
	/* Refused, or the same. */
	if (ret == -EINVAL)
		return;
	ASSERT_EQ(len, ret);
	ASSERT_EQ(len, read(pipes[0], text, sizeof(text)));
	EXPECT_EQ(0, memcmp(text, whole, len));
}

NOTEFS_TEST_MAIN
