// SPDX-License-Identifier: GPL-2.0
/* Attributes that the file system makes up or refuses: getattr() and setattr(), of both kinds. */
#include <time.h>

#include "testfs_harness.h"

static const char *const paths[] = { M "/made_up", M "/made_up/file" };
static const char *const names[] = { "made_up", "file" };

TESTFS_FIXTURE(made_up)

/* Catches: what getattr() says that stat(2) does not; what it does not say and is changed. */
TEST_F(made_up, getattr)
{
	struct statx stx;
	unsigned int i;
	struct stat st;
	int fd;

	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		st = stat_of(paths[i]);
		EXPECT_EQ(4242, st.st_size);
		EXPECT_EQ(77, st.st_blocks);
		EXPECT_EQ(5, st.st_nlink);
		EXPECT_EQ((i ? S_IFREG | 0644 : S_IFDIR | 0755), st.st_mode);
		EXPECT_EQ(dev_of(M), st.st_dev);
		fd = sys(open(paths[i], O_RDONLY | O_CLOEXEC));
		ASSERT_LE(0, fd);
		EXPECT_EQ(0, fstat(fd, &st));
		EXPECT_EQ(4242, st.st_size);
		EXPECT_EQ(0, statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx));
		EXPECT_EQ(77, stx.stx_blocks);
		EXPECT_EQ(5, stx.stx_nlink);
		close(fd);
	}
	/* The inode is as it is. */
	fd = sys(open(M "/made_up/file", O_RDONLY | O_CLOEXEC));
	EXPECT_EQ(0, lseek(fd, 0, SEEK_END));
	close(fd);
}

/* Catches: an error of getattr() that becomes success. */
TEST_F(made_up, getattr_fails)
{
	struct stat st;
	int fd;

	EXPECT_EQ(-EDOM, size_of(M "/made_up/secret"));
	EXPECT_EQ(-EDOM, size_of(M "/made_up/secret_directory"));
	fd = sys(open(M "/made_up/secret", O_RDONLY | O_CLOEXEC));
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EDOM, sys(fstat(fd, &st)));
	close(fd);
}

/* Catches: a change that was refused and is done, or that was not asked about; one that is not done. */
TEST_F(made_up, setattr)
{
	char text[128];
	unsigned int i;
	struct stat st;

	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		/* 384 is 0600, as Rust prints it. */
		EXPECT_EQ(0, sys(chmod(paths[i], 0600)));
		snprintf(text, sizeof(text), "setattr %s: size None, mode Some(384), uid None, gid None",
			 names[i]);
		EXPECT_TRUE(logged(text));
		EXPECT_EQ(0600, stat_of(paths[i]).st_mode & 07777);
		EXPECT_EQ(-EDOM, sys(chmod(paths[i], 015)));
		EXPECT_EQ(0600, stat_of(paths[i]).st_mode & 07777);
		EXPECT_EQ(-EDOM, sys(chown(paths[i], 13, -1)));
		EXPECT_EQ(-EDOM, sys(chown(paths[i], -1, 13)));
		EXPECT_EQ(-EDOM, sys(chown(paths[i], 3, 13)));
		snprintf(text, sizeof(text), "setattr %s: size None, mode None, uid Some(3), gid Some(13)",
			 names[i]);
		EXPECT_TRUE(logged(text));
		st = stat_of(paths[i]);
		EXPECT_EQ(0, st.st_uid);
		EXPECT_EQ(0, st.st_gid);
		EXPECT_EQ(0, sys(chown(paths[i], 3, 4)));
		st = stat_of(paths[i]);
		EXPECT_EQ(3, st.st_uid);
		EXPECT_EQ(4, st.st_gid);
	}
}

/* Catches: a size that is set though it was refused, or times that do not follow. */
TEST_F(made_up, size)
{
	const char *file = M "/made_up/file";
	struct stat before;
	int fd = sys(open(file, O_RDWR | O_CLOEXEC));

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EDOM, sys(ftruncate(fd, 13)));
	EXPECT_EQ(0, lseek(fd, 0, SEEK_END));
	before = stat_of(file);
	sleep_ms(25);
	/* By its path: of an open file, the VFS itself has the times changed. */
	EXPECT_EQ(0, sys(truncate(file, 14)));
	EXPECT_TRUE(logged("setattr file: size Some(14), mode None, uid None, gid None"));
	EXPECT_EQ(14, lseek(fd, 0, SEEK_END));
	EXPECT_TRUE(before.st_mtim.tv_sec != stat_of(file).st_mtim.tv_sec ||
		    before.st_mtim.tv_nsec != stat_of(file).st_mtim.tv_nsec);
	EXPECT_EQ(-EDOM, sys(truncate(file, 13)));
	EXPECT_EQ(0, sys(ftruncate(fd, 14)));
	EXPECT_EQ(14, lseek(fd, 0, SEEK_END));
	close(open(file, O_WRONLY | O_TRUNC));
	EXPECT_EQ(0, lseek(fd, 0, SEEK_END));
	/* The file system itself cannot make it larger than MAX_FILE_SIZE, either. */
	EXPECT_EQ(-EFBIG, sys(chown(file, -1, 14)));
	EXPECT_EQ(-EFBIG, sys(chown(file, -1, 15)));
	EXPECT_EQ(0, lseek(fd, 0, SEEK_END));
	EXPECT_EQ(0, sys(chown(file, -1, 16)));
	EXPECT_EQ(MAX_SIZE, lseek(fd, 0, SEEK_END));
	close(fd);
}

/* Catches: checks of the VFS that come after the file system was asked. */
TEST_F(made_up, checks_come_first)
{
	unsigned int i;
	int status;

	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		ASSERT_EQ(0, sys(chmod(paths[i], 0777)));
		in_child(&status) {
			become(NOBODY, NOBODY);
			EXPECT_EQ(-EPERM, sys(chmod(paths[i], 015)));
			EXPECT_EQ(-EPERM, sys(chown(paths[i], 13, 13)));
		}
		EXPECT_EQ(0, status);
	}
	EXPECT_TRUE(logged("setattr file: size None, mode Some(511), uid None, gid None"));
	/* Larger than a file can be. */
	EXPECT_EQ(-EFBIG, sys(truncate(M "/made_up/file", MAX_SIZE + 1)));
	EXPECT_TRUE(logged("setattr file: size None, mode Some(511), uid None, gid None"));
}

/* Catches: times that are kept more exactly than TIME_GRANULARITY says, and differ later. */
TEST_F(made_up, granularity)
{
	const struct timespec times[] = { { 5, 123456789 }, { 6, 987654321 } };
	unsigned int i;
	struct stat st;

	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		ASSERT_EQ(0, utimensat(AT_FDCWD, paths[i], times, 0));
		st = stat_of(paths[i]);
		EXPECT_EQ(5, st.st_atim.tv_sec);
		EXPECT_EQ(123000000, st.st_atim.tv_nsec);
		EXPECT_EQ(6, st.st_mtim.tv_sec);
		EXPECT_EQ(987000000, st.st_mtim.tv_nsec);
	}
	ASSERT_EQ(0, put(M "/made/file", "x", 1));
	EXPECT_EQ(0, stat_of(M "/made/file").st_ctim.tv_nsec % 1000000);
}

TESTFS_TEST_MAIN
