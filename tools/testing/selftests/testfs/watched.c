// SPDX-License-Identifier: GPL-2.0
/* Files whose end is told, values that are dropped later, and files that are refused when they are made. */
#include "testfs_harness.h"

TESTFS_FIXTURE(watched)

#define MADE M "/made"

/* How often an end was told, and how many values are there still: the last of both comes later. */
#define expect_ended(n, before, values)					\
	do {								\
		EXPECT_EQ((before) + (n), made(ENDS));			\
		EXPECT_EQ((values), live(DEFERRED));			\
	} while (0)

/* Catches: an end that is not told, told twice, or told while there is a name; a value that stays. */
TEST_F(watched, names)
{
	long ends = made(ENDS), values = live(DEFERRED);

	ASSERT_EQ(0, put(MADE "/watched", "x", 1));
	expect_ended(0, ends, values + 1);
	ASSERT_EQ(0, link(MADE "/watched", MADE "/a"));
	ASSERT_EQ(0, rename(MADE "/a", MADE "/b"));
	EXPECT_EQ(0, unlink(MADE "/watched"));
	expect_ended(0, ends, values + 1);
	EXPECT_EQ(0, unlink(MADE "/b"));
	expect_ended(1, ends, values);

	/* One that nobody watches, and one that is replaced. */
	ASSERT_EQ(0, put(MADE "/a", "x", 1));
	ASSERT_EQ(0, put(MADE "/watched", "x", 1));
	EXPECT_EQ(0, rename(MADE "/a", MADE "/watched"));
	expect_ended(2, ends, values);
	EXPECT_EQ(0, unlink(MADE "/watched"));
	expect_ended(2, ends, values);

	/* Names that change places are names. */
	ASSERT_EQ(0, put(MADE "/a", "x", 1));
	ASSERT_EQ(0, put(MADE "/watched", "x", 1));
	EXPECT_EQ(0, renameat2(AT_FDCWD, MADE "/a", AT_FDCWD, MADE "/watched", RENAME_EXCHANGE));
	expect_ended(2, ends, values + 1);
	EXPECT_EQ(0, unlink(MADE "/a"));
	expect_ended(3, ends, values);
}

/* Catches: an end that waits for open files, or is told again as the last one is closed. */
TEST_F(watched, while_open)
{
	long ends = made(ENDS), values = live(DEFERRED);
	int fd;

	ASSERT_EQ(0, put(MADE "/watched", "x", 1));
	fd = sys(open(MADE "/watched", O_RDONLY | O_CLOEXEC));
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, unlink(MADE "/watched"));
	expect_ended(1, ends, values);
	close(fd);
	expect_ended(1, ends, values);
}

/* Catches: files that are there until their superblock goes, and are not told of. */
TEST_F(watched, unmounted)
{
	long ends, values;
	int i;

	ASSERT_EQ(0, mount_at("other", "testfs", NULL));
	ends = made(ENDS);
	values = live(DEFERRED);
	for (i = 0; i < 100; i++) {
		char path[64];

		snprintf(path, sizeof(path), "other/made/watched%d", i);
		ASSERT_EQ(0, put(path, "x", 1));
	}
	expect_ended(0, ends, values + 100);
	ASSERT_EQ(0, umount_at("other"));
	expect_ended(100, ends, values);
}

/* Catches: what is left of a file that was refused when all of it was there. */
TEST_F(watched, refused)
{
	long before = live(INODES), first = made(INODES), inodes = slab_settled(TESTFS_CACHE);

	EXPECT_EQ(-EDOM, sys(open(MADE "/unwanted", O_WRONLY | O_CREAT, 0644)));
	EXPECT_EQ(-ENOENT, size_of(MADE "/unwanted"));
	EXPECT_EQ(before, live(INODES));
	EXPECT_LT(first, made(INODES));
	EXPECT_EQ(0, slab_check(TESTFS_CACHE, inodes));
}

TESTFS_TEST_MAIN
