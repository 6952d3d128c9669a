// SPDX-License-Identifier: GPL-2.0
/* lseek(2): where it may go, and what is there. */
#include "notefs_harness.h"

NOTEFS_FIXTURE(seek)

#define SIZE 10000

static int open_file(void)
{
	if (put_pattern(M "/file", SIZE, 1))
		return -EIO;
	return sys(open(M "/file", O_RDWR));
}

/* Catches: an offset that is counted from the wrong place. */
TEST_F(seek, from_each_place)
{
	int fd = open_file();
	char buf[10];

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, lseek(fd, 0, SEEK_CUR));
	EXPECT_EQ(5000, lseek(fd, 5000, SEEK_SET));
	EXPECT_EQ(4990, lseek(fd, -10, SEEK_CUR));
	ASSERT_EQ(10, read(fd, buf, 10));
	EXPECT_TRUE(pattern_at(buf, 10, 1, 4990));
	EXPECT_EQ(5007, lseek(fd, 7, SEEK_CUR));
	EXPECT_EQ(SIZE - 10, lseek(fd, -10, SEEK_END));
	ASSERT_EQ(10, read(fd, buf, 10));
	EXPECT_TRUE(pattern_at(buf, 10, 1, SIZE - 10));
	EXPECT_EQ(SIZE, lseek(fd, 0, SEEK_END));
	/* The end is where it is now. */
	ASSERT_EQ(0, truncate(M "/file", 77));
	EXPECT_EQ(77, lseek(fd, 0, SEEK_END));
	EXPECT_EQ(0, lseek(fd, -77, SEEK_END));
}

/* Catches: an offset before the file, or a refusal that moves it. */
TEST_F(seek, refused)
{
	int fd = open_file();
	long ret;

	ASSERT_LE(0, fd);
	ASSERT_EQ(100, lseek(fd, 100, SEEK_SET));
	EXPECT_EQ(-EINVAL, sys(lseek(fd, -1, SEEK_SET)));
	EXPECT_EQ(-EINVAL, sys(lseek(fd, -101, SEEK_CUR)));
	EXPECT_EQ(-EINVAL, sys(lseek(fd, -SIZE - 1, SEEK_END)));
	EXPECT_EQ(-EINVAL, sys(lseek(fd, INT64_MIN, SEEK_SET)));
	EXPECT_EQ(-EINVAL, sys(lseek(fd, 0, 77)));
	/* An end that overflows: which of both depends on how far files may go. */
	ret = sys(lseek(fd, INT64_MAX, SEEK_END));
	EXPECT_TRUE(ret == -EOVERFLOW || ret == -EINVAL);
	EXPECT_EQ(100, lseek(fd, 0, SEEK_CUR));
}

/* Catches: a file that grows by being looked at, or a gap that is not zero. */
TEST_F(seek, past_the_end)
{
	int fd = open_file();
	char buf[200];

	ASSERT_LE(0, fd);
	EXPECT_EQ(SIZE + 150, lseek(fd, SIZE + 150, SEEK_SET));
	EXPECT_EQ(SIZE, size_of(M "/file"));
	EXPECT_EQ(0, read(fd, buf, 1));
	EXPECT_EQ(SIZE, size_of(M "/file"));
	ASSERT_EQ(1, write(fd, "x", 1));
	EXPECT_EQ(SIZE + 151, size_of(M "/file"));
	ASSERT_EQ(151, pread(fd, buf, sizeof(buf), SIZE));
	EXPECT_TRUE(zeros(buf, 150));
	EXPECT_EQ('x', buf[150]);
}

/* Catches: data that cp or tar take for a hole and leave out. */
TEST_F(seek, data_and_holes)
{
	int fd = open_file(), data, hole;
	char buf[SIZE];

	ASSERT_LE(0, fd);
	data = sys(lseek(fd, 0, SEEK_DATA));
	hole = sys(lseek(fd, 0, SEEK_HOLE));
	/* Who does not know of holes says so, or has none but at the end. */
	if (data == -EINVAL && hole == -EINVAL)
		return;
	EXPECT_EQ(0, data);
	EXPECT_EQ(SIZE, hole);
	EXPECT_EQ(5, lseek(fd, 5, SEEK_DATA));
	EXPECT_EQ(-ENXIO, sys(lseek(fd, SIZE, SEEK_DATA)));
	EXPECT_EQ(-ENXIO, sys(lseek(fd, SIZE, SEEK_HOLE)));
	EXPECT_EQ(-ENXIO, sys(lseek(fd, -1, SEEK_DATA)));

	/* All that is not zero is in what is called data. */
	ASSERT_EQ(0, ftruncate(fd, 0));
	ASSERT_EQ(3, pwrite(fd, "abc", 3, 9000));
	data = sys(lseek(fd, 0, SEEK_DATA));
	ASSERT_LE(0, data);
	EXPECT_GE(9000, data);
	hole = sys(lseek(fd, data, SEEK_HOLE));
	EXPECT_LE(9003, hole);
	ASSERT_EQ(9003, pread(fd, buf, sizeof(buf), 0));
	EXPECT_TRUE(zeros(buf, data));
}

/* Catches: an offset of a directory from which names are missed, or read twice. */
TEST_F(seek, directories)
{
	char buf[4096], name[32];
	int fd, i, first;

	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), M "/%d", i);
		ASSERT_EQ(0, put(name, "", 0));
	}
	fd = sys(open(M, O_RDONLY | O_DIRECTORY));
	ASSERT_LE(0, fd);
	first = syscall(SYS_getdents64, fd, buf, sizeof(buf));
	ASSERT_LT(0, first);
	EXPECT_EQ(0, syscall(SYS_getdents64, fd, buf, sizeof(buf)));
	ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
	EXPECT_EQ(first, syscall(SYS_getdents64, fd, buf, sizeof(buf)));
	EXPECT_EQ(-EINVAL, sys(lseek(fd, -1, SEEK_SET)));
}

NOTEFS_TEST_MAIN
