// SPDX-License-Identifier: GPL-2.0
/* Inodes: making them, what they have, their data that fails to initialise, their size. */
#include "testfs_harness.h"

TESTFS_FIXTURE(making)

#define MADE M "/made"

/* Catches: an open that creates and must not, or does not say what it found. */
TEST_F(making, exclusively)
{
	int fd = sys(open(MADE "/a", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640));

	ASSERT_LE(0, fd);
	EXPECT_EQ(3, write(fd, "abc", 3));
	close(fd);
	EXPECT_EQ(S_IFREG | 0640, stat_of(MADE "/a").st_mode);
	EXPECT_EQ(-EEXIST, sys(open(MADE "/a", O_RDWR | O_CREAT | O_EXCL, 0640)));
	EXPECT_TRUE(is_content(MADE "/a", "abc", 3));
	fd = sys(open(MADE "/a", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	EXPECT_LE(0, fd);
	close(fd);
	EXPECT_TRUE(is_content(MADE "/a", "abc", 3));
	ASSERT_EQ(0, symlink("none", MADE "/s"));
	EXPECT_EQ(-EEXIST, sys(open(MADE "/s", O_RDWR | O_CREAT | O_EXCL, 0640)));
	EXPECT_EQ(-ENOENT, size_of(MADE "/none"));
	EXPECT_EQ(-EISDIR, sys(open(MADE, O_RDWR | O_CREAT, 0640)));
}

/* Catches: an inode, a half of its data, or a name that a failing initialiser leaves. */
TEST_F(making, data_fails)
{
	static const char *const names[] = { MADE "/fail", M "/lookup/fail", M "/vetoes/fail" };
	long before = live(INODES), first = made(INODES), inodes = slab_settled(TESTFS_CACHE);
	unsigned int i, links;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		EXPECT_EQ(-EDOM, sys(open(names[i], O_WRONLY | O_CREAT, 0644)));
		EXPECT_EQ(-EDOM, sys(mkdir(names[i], 0755)));
		EXPECT_EQ(i == 1 ? -EPERM : -EDOM, sys(symlink("to", names[i])));
		EXPECT_EQ(-ENOENT, size_of(names[i]));
	}
	EXPECT_EQ(before, live(INODES));
	/* Each had data, but for its last part. */
	EXPECT_LE(first + 8, made(INODES));
	EXPECT_EQ(0, slab_check(TESTFS_CACHE, inodes));
	links = stat_of(MADE).st_nlink;
	/* The name can be made by another that does not fail. */
	ASSERT_EQ(0, put(MADE "/a", "x", 1));
	EXPECT_EQ(0, sys(rename(MADE "/a", MADE "/fail")));
	EXPECT_EQ(links, stat_of(MADE).st_nlink);
}

/* Catches: files larger than MAX_FILE_SIZE, or smaller ones that are refused. */
TEST_F(making, file_size)
{
	static char buf[MAX_SIZE + 10];
	int fd = sys(open(MADE "/a", O_RDWR | O_CREAT | O_CLOEXEC, 0644));

	ASSERT_LE(0, fd);
	EXPECT_EQ(1, pwrite(fd, "x", 1, MAX_SIZE - 1));
	EXPECT_EQ(MAX_SIZE, size_of(MADE "/a"));
	EXPECT_EQ(-EFBIG, sys(pwrite(fd, "x", 1, MAX_SIZE)));
	EXPECT_EQ(-EFBIG, sys(pwrite(fd, "x", 1, 1ll << 40)));
	EXPECT_EQ(MAX_SIZE, size_of(MADE "/a"));
	/* As much of it as there is room for. */
	EXPECT_EQ(MAX_SIZE - 5, pwrite(fd, buf, sizeof(buf), 5));
	EXPECT_EQ(-EFBIG, sys(ftruncate(fd, MAX_SIZE + 1)));
	EXPECT_EQ(0, sys(ftruncate(fd, MAX_SIZE)));
	EXPECT_EQ(MAX_SIZE, lseek(fd, MAX_SIZE, SEEK_SET));
	EXPECT_EQ(-EINVAL, sys(lseek(fd, MAX_SIZE + 1, SEEK_SET)));
	close(fd);
}

/* Catches: numbers that another superblock has a part in, a root that is not number 1. */
TEST_F(making, numbers)
{
	ino_t last;

	ASSERT_EQ(0, mount_at("other", TESTFS, NULL));
	EXPECT_EQ(1, ino_of(M));
	EXPECT_EQ(1, ino_of("other"));
	EXPECT_EQ(ino_of(M "/deep/0/1"), ino_of("other/deep/0/1"));
	ASSERT_EQ(0, put(MADE "/a", "", 0));
	last = ino_of(MADE "/a");
	ASSERT_EQ(0, put("other/made/a", "", 0));
	EXPECT_EQ(last, ino_of("other/made/a"));
	ASSERT_EQ(0, put("other/made/b", "", 0));
	ASSERT_EQ(0, mkdir(MADE "/b", 0755));
	EXPECT_EQ(last + 1, ino_of(MADE "/b"));
	/* Never used again. */
	ASSERT_EQ(0, rmdir(MADE "/b"));
	ASSERT_EQ(0, put(MADE "/c", "", 0));
	EXPECT_EQ(last + 2, ino_of(MADE "/c"));
}

/* Catches: a level that is filled into another, or is lost; links and data that are not right. */
TEST_F(making, filled_deeply)
{
	char path[128] = M "/deep";
	struct stat st;
	int level;

	for (level = 0; level < 16; level++) {
		EXPECT_EQ(3, stat_of(path).st_nlink);
		sprintf(path + strlen(path), "/%d", level);
		st = stat_of(path);
		ASSERT_TRUE(S_ISDIR(st.st_mode))
			TH_LOG("%s", path);
	}
	EXPECT_EQ(2, st.st_nlink);
	strcat(path, "/up");
	EXPECT_TRUE(S_ISLNK(stat_of(path).st_mode));
	ASSERT_EQ(0, write_file(path, "abc"));
	strcpy(strrchr(path, '/'), "/bottom");
	EXPECT_TRUE(is_content(path, "abc", 3));
	/* They are directories as any. */
	*strrchr(path, '/') = '\0';
	EXPECT_EQ(-ENOTEMPTY, sys(rmdir(path)));
	EXPECT_EQ(0, sys(rename(path, M "/deep/top")));
	EXPECT_TRUE(is_content(M "/deep/top/bottom", "abc", 3));
	EXPECT_EQ(4, stat_of(M "/deep").st_nlink);
	/* Data that was made of that of the directory above. */
	ASSERT_EQ(0, sys(mkdir(M "/vetoes/d", 0755)));
	EXPECT_EQ(0, sys(rename(M "/vetoes/d", M "/deep/top/d")));
}

/* Catches: data of inodes and superblocks that is not dropped with them, or too early. */
TEST_F(making, dropped_once)
{
	long instances = live(SUPER_BLOCKS), before, empty;
	int fd;

	ASSERT_EQ(0, umount_at(M));
	EXPECT_TRUE(wait_until(live(SUPER_BLOCKS) == instances - 1, 5000));
	empty = live(INODES);
	ASSERT_EQ(0, mount_at(M, TESTFS, NULL));
	before = live(INODES);
	EXPECT_LT(empty, before);
	ASSERT_EQ(0, put(MADE "/a", "", 0));
	ASSERT_EQ(0, mkdir(MADE "/d", 0755));
	ASSERT_EQ(0, symlink("a", MADE "/s"));
	ASSERT_EQ(0, link(MADE "/a", MADE "/b"));
	EXPECT_EQ(before + 3, live(INODES));
	ASSERT_EQ(0, unlink(MADE "/a"));
	EXPECT_EQ(before + 3, live(INODES));
	fd = sys(open(MADE "/b", O_RDONLY | O_CLOEXEC));
	ASSERT_EQ(0, unlink(MADE "/b"));
	EXPECT_EQ(before + 3, live(INODES));
	close(fd);
	EXPECT_TRUE(wait_until(live(INODES) == before + 2, 5000));
	ASSERT_EQ(0, rmdir(MADE "/d"));
	ASSERT_EQ(0, unlink(MADE "/s"));
	EXPECT_TRUE(wait_until(live(INODES) == before, 5000));
	ASSERT_EQ(0, umount_at(M));
	EXPECT_TRUE(wait_until(live(INODES) == empty, 5000));
	EXPECT_EQ(instances - 1, live(SUPER_BLOCKS));
}

TESTFS_TEST_MAIN
