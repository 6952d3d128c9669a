// SPDX-License-Identifier: GPL-2.0
/* Making files longer and shorter, also while they are open elsewhere. */
#include "notefs_harness.h"

NOTEFS_FIXTURE(truncate)

#define PAGE 4096

/* Catches: a size that is not what was asked for; content that is lost, or comes back. */
TEST_F(truncate, up_and_down)
{
	static const off_t sizes[] = {
		0, 1, 100, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE, 10 * PAGE + 7,
	};
	static char buf[20 * PAGE];
	unsigned int i, j;
	off_t kept;
	int fd;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (j = 0; j < ARRAY_SIZE(sizes); j++) {
			ASSERT_EQ(0, put_pattern(M "/file", 5 * PAGE, i));
			ASSERT_EQ(0, truncate(M "/file", sizes[i]));
			ASSERT_EQ(sizes[i], size_of(M "/file"));
			ASSERT_EQ(0, truncate(M "/file", sizes[j]));
			ASSERT_EQ(sizes[j], size_of(M "/file"));
			kept = sizes[i] < 5 * PAGE ? sizes[i] : 5 * PAGE;
			kept = kept < sizes[j] ? kept : sizes[j];
			fd = open(M "/file", O_RDONLY);
			ASSERT_EQ(sizes[j], read_all(fd, buf, sizeof(buf)));
			close(fd);
			EXPECT_TRUE(pattern_at(buf, kept, i, 0));
			EXPECT_TRUE(zeros(buf + kept, sizes[j] - kept))
				TH_LOG("to %lld, then to %lld", (long long)sizes[i],
				       (long long)sizes[j]);
		}
	}
}

/* Catches: bytes of a page that are cut off, and there again when the file grows. */
TEST_F(truncate, cut_off_is_gone)
{
	char buf[PAGE];
	int fd;

	ASSERT_EQ(0, put_pattern(M "/file", PAGE, 1));
	fd = sys(open(M "/file", O_RDWR));
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, 100));
	/* By writing behind the end. */
	ASSERT_EQ(1, pwrite(fd, "x", 1, 1000));
	ASSERT_EQ(1001, pread(fd, buf, sizeof(buf), 0));
	EXPECT_TRUE(pattern_at(buf, 100, 1, 0));
	EXPECT_TRUE(zeros(buf + 100, 900));
	EXPECT_EQ('x', buf[1000]);
	/* By truncating again. */
	ASSERT_EQ(0, ftruncate(fd, 50));
	ASSERT_EQ(0, ftruncate(fd, PAGE));
	ASSERT_EQ(PAGE, pread(fd, buf, sizeof(buf), 0));
	EXPECT_TRUE(pattern_at(buf, 50, 1, 0));
	EXPECT_TRUE(zeros(buf + 50, PAGE - 50));
}

/* Catches: a reader or writer with an offset behind what is the end now. */
TEST_F(truncate, open_elsewhere)
{
	char buf[2 * PAGE];
	int reader, writer, status;

	ASSERT_EQ(0, put_pattern(M "/file", 2 * PAGE, 1));
	reader = sys(open(M "/file", O_RDONLY));
	writer = sys(open(M "/file", O_WRONLY));
	ASSERT_EQ(PAGE, read(reader, buf, PAGE));
	ASSERT_EQ(PAGE, lseek(writer, PAGE, SEEK_SET));
	in_child(&status)
		_exit(!!truncate(M "/file", 100));
	ASSERT_EQ(0, status);
	EXPECT_EQ(0, read(reader, buf, PAGE));
	EXPECT_EQ(100, pread(reader, buf, PAGE, 0));
	/* The writer goes on where it was. */
	EXPECT_EQ(3, write(writer, "abc", 3));
	EXPECT_EQ(PAGE + 3, size_of(M "/file"));
	ASSERT_EQ(PAGE + 3, pread(reader, buf, sizeof(buf), 0));
	EXPECT_TRUE(pattern_at(buf, 100, 1, 0));
	EXPECT_TRUE(zeros(buf + 100, PAGE - 100));
	EXPECT_EQ(0, memcmp(buf + PAGE, "abc", 3));
	EXPECT_EQ(3, read(reader, buf, sizeof(buf)));
}

/* Catches: a file that nobody can see any more, but that is still open, forgotten. */
TEST_F(truncate, unlinked)
{
	char buf[PAGE];
	int fd;

	ASSERT_EQ(0, put_pattern(M "/file", PAGE, 1));
	fd = sys(open(M "/file", O_RDWR));
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, unlink(M "/file"));
	EXPECT_EQ(0, ftruncate(fd, 10));
	EXPECT_EQ(10, pread(fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, ftruncate(fd, 3 * PAGE));
	EXPECT_EQ(PAGE, pread(fd, buf, sizeof(buf), PAGE));
	EXPECT_TRUE(zeros(buf, sizeof(buf)));
	EXPECT_EQ(5, pwrite(fd, "again", 5, 7));
	EXPECT_EQ(5, pread(fd, buf, 5, 7));
	EXPECT_EQ(0, memcmp(buf, "again", 5));
}

/* Catches: bytes that are not given back, or that nobody pays for. */
TEST_F(truncate, and_the_limit)
{
	int fd;

	ASSERT_EQ(0, put_pattern(M "/file", 10 * PAGE, 1));
	EXPECT_TRUE(df_says(M, LIMIT, 10 * PAGE));
	ASSERT_EQ(0, truncate(M "/file", 3 * PAGE));
	EXPECT_TRUE(df_says(M, LIMIT, 3 * PAGE));
	ASSERT_EQ(0, truncate(M "/file", 3 * PAGE - 1));
	EXPECT_TRUE(df_says(M, LIMIT, taken(3 * PAGE - 1)));
	ASSERT_EQ(0, truncate(M "/file", 20 * PAGE));
	EXPECT_TRUE(df_says(M, LIMIT, kind->zeros_kept ? 20 * PAGE : 3 * PAGE));
	fd = sys(open(M "/file", O_WRONLY | O_TRUNC));
	ASSERT_LE(0, fd);
	EXPECT_TRUE(df_says(M, LIMIT, 0));
	ASSERT_EQ(5, write(fd, "12345", 5));
	EXPECT_TRUE(df_says(M, LIMIT, taken(5)));
	ASSERT_EQ(0, ftruncate(fd, 0));
	EXPECT_TRUE(df_says(M, LIMIT, 0));
}

/* /proc/meminfo's MemAvailable, in bytes. */
static long long available(void)
{
	char text[4096], *at;

	if (read_file("/proc/meminfo", text, sizeof(text)) <= 0)
		return 0;
	at = strstr(text, "MemAvailable:");
	return at ? atoll(at + strlen("MemAvailable:")) * 1024 : 0;
}

/* Catches: memory that files keep after the limit has it back: a limit that does not limit. */
TEST_F_TIMEOUT(truncate, and_the_memory, 120)
{
	const size_t size = 16 << 20;
	const int files = 8;
	long long before, lost;
	char path[32];
	int i;

	ASSERT_EQ(0, mount_notes("big", "size=17m"));
	before = available();
	ASSERT_LT(0, before);
	for (i = 0; i < files; i++) {
		snprintf(path, sizeof(path), "big/%d", i);
		ASSERT_EQ(0, put_pattern(path, size, i));
		ASSERT_EQ(0, truncate(path, 1));
	}
	EXPECT_TRUE(df_says("big", 17 << 20, files * taken(1)));
	/* Others take and give memory at the same time. */
	lost = before - available();
	EXPECT_GT((long long)(4 * size), lost)
		TH_LOG("%d files of a byte each keep %lld MiB", files, lost >> 20);
}

/* Catches: a file that is truncated to more than there is room for. */
TEST_F(truncate, beyond_the_limit)
{
	int ret;

	ASSERT_EQ(0, put_pattern(M "/file", 3 * PAGE + 3, 1));
	ret = sys(truncate(M "/file", LIMIT + 1));
	if (kind->zeros_kept) {
		EXPECT_EQ(-ENOSPC, ret);
		EXPECT_TRUE(is_pattern(M "/file", 3 * PAGE + 3, 1));
		EXPECT_EQ(0, truncate(M "/file", LIMIT));
		EXPECT_TRUE(df_says(M, LIMIT, LIMIT));
		EXPECT_EQ(0, truncate(M "/file", 3 * PAGE + 3));
	} else {
		EXPECT_EQ(0, ret);
		EXPECT_EQ(0, truncate(M "/file", 3 * PAGE + 3));
	}
	EXPECT_TRUE(is_pattern(M "/file", 3 * PAGE + 3, 1));
	EXPECT_TRUE(df_says(M, LIMIT, taken(3 * PAGE + 3)));
}

static bool later(struct timespec a, struct timespec b)
{
	return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

/* Times that have changed since, as "mc". */
static const char *changed(struct stat before)
{
	struct stat now = stat_of(M "/file");
	bool m = later(now.st_mtim, before.st_mtim), c = later(now.st_ctim, before.st_ctim);

	return m && c ? "mc" : m ? "m" : c ? "c" : "";
}

static struct stat note(void)
{
	/* The clock that times are taken from ticks once in 10 ms at least. */
	sleep_ms(25);
	return stat_of(M "/file");
}

/* Catches: content that changes without its time, by which make and backups go. */
TEST_F(truncate, times)
{
	struct stat before;
	int fd;

	ASSERT_EQ(0, put_pattern(M "/file", PAGE, 1));
	before = note();
	ASSERT_EQ(0, truncate(M "/file", 100));
	EXPECT_STREQ("mc", changed(before));
	before = note();
	ASSERT_EQ(0, truncate(M "/file", 200));
	EXPECT_STREQ("mc", changed(before));
	fd = sys(open(M "/file", O_RDWR));
	before = note();
	ASSERT_EQ(0, ftruncate(fd, 50));
	EXPECT_STREQ("mc", changed(before));
	before = note();
	ASSERT_EQ(0, ftruncate(fd, 60));
	EXPECT_STREQ("mc", changed(before));
	before = note();
	ASSERT_EQ(1, write(fd, "x", 1));
	EXPECT_STREQ("mc", changed(before));
	before = note();
	close(open(M "/file", O_WRONLY | O_TRUNC));
	EXPECT_STREQ("mc", changed(before));
	/* What changes nothing. */
	before = note();
	EXPECT_EQ(0, write(fd, "", 0));
	EXPECT_EQ(-EINVAL, sys(ftruncate(fd, -1)));
	close(open(M "/file", O_RDWR));
	EXPECT_STREQ("", changed(before));
}

/* Catches: what may not be truncated, truncated. */
TEST_F(truncate, refused)
{
	int status;

	ASSERT_EQ(0, mkdir(M "/dir", 0755));
	ASSERT_EQ(0, put_pattern(M "/file", 100, 1));
	EXPECT_EQ(-EISDIR, sys(truncate(M "/dir", 0)));
	EXPECT_EQ(-EISDIR, sys(truncate(M, 0)));
	EXPECT_EQ(-ENOENT, sys(truncate(M "/none", 0)));
	EXPECT_EQ(-ENOTDIR, sys(truncate(M "/file/x", 0)));
	EXPECT_EQ(-EINVAL, sys(truncate(M "/file", -1)));
	in_child(&status) {
		become(NOBODY, NOBODY);
		EXPECT_EQ(-EACCES, sys(truncate(M "/file", 0)));
	}
	EXPECT_EQ(0, status);
	EXPECT_TRUE(is_pattern(M "/file", 100, 1));
}

NOTEFS_TEST_MAIN
