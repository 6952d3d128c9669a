// SPDX-License-Identifier: GPL-2.0
/* What stat(2), statx(2) and statfs(2) say. */
#include <sys/xattr.h>
#include <time.h>

#include "notefs_harness.h"

NOTEFS_FIXTURE(attributes)

#define PAGE 4096

/* Catches: ls -l and du that do not tell what there is. */
TEST_F(attributes, sizes)
{
	static const size_t sizes[] = { 0, 1, 511, 512, 513, PAGE - 1, PAGE, PAGE + 1, 100000 };
	unsigned int i;
	struct stat st;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(0, put_pattern(M "/file", sizes[i], 1));
		st = stat_of(M "/file");
		EXPECT_EQ(sizes[i], st.st_size);
		/* Of 512 bytes each: what is taken of the limit, the last one full or not. */
		EXPECT_EQ((taken(sizes[i]) + 511) / 512, st.st_blocks)
			TH_LOG("%zu bytes: %lld blocks", sizes[i], (long long)st.st_blocks);
	}
	ASSERT_EQ(0, truncate(M "/file", 513));
	EXPECT_EQ((taken(513) + 511) / 512, stat_of(M "/file").st_blocks);
	ASSERT_EQ(0, truncate(M "/file", 0));
	EXPECT_EQ(0, stat_of(M "/file").st_blocks);
}

/* Catches: the same for a file that is open, and for who asks by another call. */
TEST_F(attributes, all_calls_agree)
{
	struct statx stx;
	struct stat st, by_fd;
	int fd;

	fd = sys(open(M "/file", O_RDWR | O_CREAT, 0640));
	ASSERT_LE(0, fd);
	ASSERT_EQ(3, pwrite(fd, "abc", 3, 1000));
	ASSERT_EQ(0, chown(M "/file", 5, 6));
	st = stat_of(M "/file");
	ASSERT_EQ(0, fstat(fd, &by_fd));
	EXPECT_EQ(0, memcmp(&st, &by_fd, sizeof(st)));
	ASSERT_EQ(0, statx(AT_FDCWD, M "/file", 0, STATX_BASIC_STATS, &stx));
	EXPECT_EQ(STATX_BASIC_STATS, stx.stx_mask & STATX_BASIC_STATS);
	EXPECT_EQ(st.st_mode, stx.stx_mode);
	EXPECT_EQ(st.st_ino, stx.stx_ino);
	EXPECT_EQ(1003, stx.stx_size);
	EXPECT_EQ(st.st_blocks, stx.stx_blocks);
	EXPECT_EQ(1, stx.stx_nlink);
	EXPECT_EQ(5, stx.stx_uid);
	EXPECT_EQ(6, stx.stx_gid);
	EXPECT_EQ(st.st_mtim.tv_nsec, stx.stx_mtime.tv_nsec);
}

/* Catches: a block size by which programs would read byte by byte, or fail to. */
TEST_F(attributes, block_size)
{
	struct stat st;

	ASSERT_EQ(0, put(M "/file", "x", 1));
	st = stat_of(M "/file");
	EXPECT_LE(512, st.st_blksize);
	EXPECT_GE(1 << 20, st.st_blksize);
	EXPECT_EQ(0, st.st_blksize & (st.st_blksize - 1));
	EXPECT_EQ(st.st_blksize, stat_of(M).st_blksize);
}

/* Catches: two files that tar and cp take for one. */
TEST_F(attributes, inode_numbers)
{
	ino_t inos[300];
	unsigned int i, j;
	char path[32];

	inos[0] = ino_of(M);
	EXPECT_NE(0, inos[0]);
	for (i = 1; i < ARRAY_SIZE(inos); i++) {
		snprintf(path, sizeof(path), M "/%d", i);
		ASSERT_EQ(0, i % 2 ? put(path, "", 0) : sys(mkdir(path, 0755)));
		inos[i] = ino_of(path);
		EXPECT_NE(0, inos[i]);
		for (j = 0; j < i; j++)
			EXPECT_NE(inos[j], inos[i]);
	}
	/* Whatever becomes of the file, it keeps its own. */
	ASSERT_EQ(0, rename(M "/1", M "/2/1"));
	EXPECT_EQ(inos[1], ino_of(M "/2/1"));
	ASSERT_EQ(0, put(M "/2/1", "abc", 3));
	EXPECT_EQ(inos[1], ino_of(M "/2/1"));
	EXPECT_EQ(dev_of(M), dev_of(M "/2/1"));
}

/* Catches: an instance that cannot be told from others, or for what it is. */
TEST_F(attributes, statfs)
{
	struct statfs st, by_file;
	struct mountinfo info;
	int fd;

	ASSERT_EQ(0, statfs(M, &st));
	EXPECT_EQ(kind->magic, st.f_type)
		TH_LOG("f_type %#lx", (long)st.f_type);
	EXPECT_LT(0, st.f_bsize);
	EXPECT_EQ(LIMIT, st.f_blocks * st.f_bsize);
	EXPECT_EQ(st.f_bfree, st.f_bavail);
	EXPECT_EQ(255, st.f_namelen);
	ASSERT_EQ(0, put(M "/file", "x", 1));
	fd = sys(open(M "/file", O_RDONLY));
	ASSERT_EQ(0, fstatfs(fd, &by_file));
	ASSERT_EQ(0, statfs(M, &st));
	EXPECT_EQ(0, memcmp(&st, &by_file, sizeof(st)));
	ASSERT_TRUE(mountinfo(M, &info));
	EXPECT_STREQ(kind->type, info.type);
	EXPECT_STREQ("none", info.source);
}

static bool later(struct timespec a, struct timespec b)
{
	return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

/* Catches: times that cannot be set, or are kept less exactly than the kernel can. */
TEST_F(attributes, set_times)
{
	const struct timespec times[] = { { 1234567890, 123456789 }, { 2345678901, 987654321 } };
	const struct timespec only_one[] = { { 0, UTIME_OMIT }, { 5, 6 } };
	const struct timespec now[] = { { 0, UTIME_NOW }, { 0, UTIME_OMIT } };
	struct timespec before;
	struct stat st;

	ASSERT_EQ(0, put(M "/file", "x", 1));
	clock_gettime(CLOCK_REALTIME_COARSE, &before);
	ASSERT_EQ(0, utimensat(AT_FDCWD, M "/file", times, 0));
	st = stat_of(M "/file");
	EXPECT_EQ(1234567890, st.st_atim.tv_sec);
	EXPECT_EQ(123456789, st.st_atim.tv_nsec);
	EXPECT_EQ(2345678901, st.st_mtim.tv_sec);
	EXPECT_EQ(987654321, st.st_mtim.tv_nsec);
	EXPECT_FALSE(later(before, st.st_ctim));
	ASSERT_EQ(0, utimensat(AT_FDCWD, M "/file", only_one, 0));
	st = stat_of(M "/file");
	EXPECT_EQ(1234567890, st.st_atim.tv_sec);
	EXPECT_EQ(5, st.st_mtim.tv_sec);
	EXPECT_EQ(6, st.st_mtim.tv_nsec);
	ASSERT_EQ(0, utimensat(AT_FDCWD, M "/file", now, 0));
	st = stat_of(M "/file");
	EXPECT_FALSE(later(before, st.st_atim));
	EXPECT_EQ(5, st.st_mtim.tv_sec);
}

/* Times of @path that have changed since, as "mc". */
static const char *changed(const char *path, struct stat before)
{
	struct stat now = stat_of(path);
	bool m = later(now.st_mtim, before.st_mtim), c = later(now.st_ctim, before.st_ctim);

	return m && c ? "mc" : m ? "m" : c ? "c" : "";
}

static struct stat note(const char *path)
{
	sleep_ms(25);
	return stat_of(path);
}

/* Catches: a directory that changes without its time, a file whose mode does. */
TEST_F(attributes, times_follow)
{
	struct stat before, file;

	before = note(M);
	ASSERT_EQ(0, put(M "/file", "x", 1));
	EXPECT_STREQ("mc", changed(M, before));
	before = note(M);
	ASSERT_EQ(0, mkdir(M "/dir", 0755));
	EXPECT_STREQ("mc", changed(M, before));
	file = note(M "/file");
	before = note(M);
	ASSERT_EQ(0, rename(M "/file", M "/dir/file"));
	EXPECT_STREQ("mc", changed(M, before));
	EXPECT_STREQ("c", changed(M "/dir/file", file));
	before = note(M "/dir/file");
	ASSERT_EQ(0, chmod(M "/dir/file", 0600));
	EXPECT_STREQ("c", changed(M "/dir/file", before));
	before = note(M "/dir/file");
	ASSERT_EQ(0, chown(M "/dir/file", 1, 1));
	EXPECT_STREQ("c", changed(M "/dir/file", before));
	before = note(M "/dir");
	ASSERT_EQ(0, unlink(M "/dir/file"));
	EXPECT_STREQ("mc", changed(M "/dir", before));
	before = note(M);
	ASSERT_EQ(0, rmdir(M "/dir"));
	EXPECT_STREQ("mc", changed(M, before));
	/* Looking changes nothing. */
	before = note(M);
	close(open(M, O_RDONLY));
	EXPECT_EQ(-ENOENT, size_of(M "/none"));
	EXPECT_STREQ("", changed(M, before));
}

/* Catches: the time of a file that is unlinked while open, which tells that it lost a name. */
TEST_F(attributes, unlink_changes_the_file)
{
	struct stat before, st;
	int fd;

	ASSERT_EQ(0, put(M "/file", "x", 1));
	fd = sys(open(M "/file", O_RDONLY));
	before = note(M "/file");
	ASSERT_EQ(0, unlink(M "/file"));
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_TRUE(later(st.st_ctim, before.st_ctim));
	EXPECT_FALSE(later(st.st_mtim, before.st_mtim));
}

/* Catches: attributes that are taken, and kept nowhere. */
TEST_F(attributes, extended)
{
	char value[8];
	int ret;

	ASSERT_EQ(0, put(M "/file", "x", 1));
	ret = sys(setxattr(M "/file", "user.a", "abc", 3, 0));
	if (ret) {
		EXPECT_EQ(-EOPNOTSUPP, ret);
		EXPECT_EQ(-EOPNOTSUPP, sys(getxattr(M "/file", "user.a", value, sizeof(value))));
		EXPECT_EQ(-EOPNOTSUPP, sys(removexattr(M "/file", "user.a")));
	} else {
		EXPECT_EQ(3, getxattr(M "/file", "user.a", value, sizeof(value)));
		EXPECT_EQ(0, memcmp(value, "abc", 3));
	}
	EXPECT_EQ(kind->ours, ret == -EOPNOTSUPP);
}

NOTEFS_TEST_MAIN
