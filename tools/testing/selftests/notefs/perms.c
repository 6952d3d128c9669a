// SPDX-License-Identifier: GPL-2.0
/* Owners, modes and who may do what. */
#include "notefs_harness.h"

NOTEFS_FIXTURE(perms)

#define SOME 1000
#define OTHER 1001
#define GROUP 2000

static mode_t mode_of(const char *path)
{
	return stat_of(path).st_mode & 07777;
}

/* In a directory of everybody's. */
static int common(mode_t mode)
{
	return sys(mkdir(M "/common", 0755)) ?: sys(chmod(M "/common", mode));
}

/* Catches: a root directory that belongs to somebody else, or that anybody writes to. */
TEST_F(perms, root_directory)
{
	struct stat st = stat_of(M);

	EXPECT_EQ(S_IFDIR | 0755, st.st_mode);
	EXPECT_EQ(0, st.st_uid);
	EXPECT_EQ(0, st.st_gid);
}

/* Catches: a mode that is not what was asked for, less the umask. */
TEST_F(perms, umask)
{
	umask(027);
	ASSERT_EQ(0, mkdir(M "/dir", 0777));
	EXPECT_EQ(0750, mode_of(M "/dir"));
	close(open(M "/file", O_WRONLY | O_CREAT, 0666));
	EXPECT_EQ(0640, mode_of(M "/file"));
	umask(0);
	ASSERT_EQ(0, mkdir(M "/sticky", 01777));
	EXPECT_EQ(01777, mode_of(M "/sticky"));
	close(open(M "/all", O_WRONLY | O_CREAT, 06777));
	EXPECT_EQ(06777, mode_of(M "/all"));
	/* Open files know nothing of it any more. */
	umask(077);
	ASSERT_EQ(0, chmod(M "/file", 0666));
	EXPECT_EQ(0666, mode_of(M "/file"));
}

/* Catches: owners of what is made that are not who made it. */
TEST_F(perms, owners)
{
	int status;

	ASSERT_EQ(0, common(0777));
	in_child(&status) {
		become(SOME, GROUP);
		EXPECT_EQ(0, put(M "/common/file", "x", 1));
		EXPECT_EQ(0, sys(mkdir(M "/common/dir", 0755)));
	}
	ASSERT_EQ(0, status);
	EXPECT_EQ(SOME, stat_of(M "/common/file").st_uid);
	EXPECT_EQ(GROUP, stat_of(M "/common/file").st_gid);
	EXPECT_EQ(SOME, stat_of(M "/common/dir").st_uid);
	EXPECT_EQ(GROUP, stat_of(M "/common/dir").st_gid);
}

/* Catches: a directory whose group is not handed on, or a setgid bit that lets others in. */
TEST_F(perms, setgid_directory)
{
	int status;

	ASSERT_EQ(0, common(02777));
	ASSERT_EQ(0, chown(M "/common", 0, GROUP));
	ASSERT_EQ(0, chmod(M "/common", 02777));
	in_child(&status) {
		become(SOME, SOME);
		umask(0);
		EXPECT_EQ(0, put(M "/common/file", "x", 1));
		EXPECT_EQ(0, sys(mkdir(M "/common/dir", 0777)));
		close(open(M "/common/setgid", O_WRONLY | O_CREAT, 02775));
	}
	ASSERT_EQ(0, status);
	EXPECT_EQ(GROUP, stat_of(M "/common/file").st_gid);
	EXPECT_EQ(GROUP, stat_of(M "/common/dir").st_gid);
	EXPECT_EQ(02777, mode_of(M "/common/dir"));
	/* Who is not in the group cannot make a program of it. */
	EXPECT_EQ(GROUP, stat_of(M "/common/setgid").st_gid);
	EXPECT_EQ(0775, mode_of(M "/common/setgid"));
}

/* Catches: whom the mode keeps out let in, or whom it lets in kept out. */
TEST_F(perms, others)
{
	int status;

	ASSERT_EQ(0, put(M "/secret", "x", 1));
	ASSERT_EQ(0, chmod(M "/secret", 0600));
	ASSERT_EQ(0, put(M "/public", "x", 1));
	ASSERT_EQ(0, mkdir(M "/closed", 0700));
	ASSERT_EQ(0, put(M "/closed/file", "x", 1));
	ASSERT_EQ(0, mkdir(M "/listed", 0744));
	ASSERT_EQ(0, put(M "/listed/file", "x", 1));
	ASSERT_EQ(0, mkdir(M "/hidden", 0711));
	ASSERT_EQ(0, put(M "/hidden/file", "x", 1));
	in_child(&status) {
		become(NOBODY, NOBODY);
		EXPECT_EQ(-EACCES, sys(open(M "/secret", O_RDONLY)));
		EXPECT_EQ(-EACCES, sys(open(M "/secret", O_WRONLY)));
		EXPECT_LE(0, sys(open(M "/public", O_RDONLY)));
		EXPECT_EQ(-EACCES, sys(open(M "/public", O_WRONLY)));
		EXPECT_EQ(-EACCES, sys(open(M "/public", O_RDONLY | O_TRUNC)));
		EXPECT_EQ(-EACCES, put(M "/new", "x", 1));
		EXPECT_EQ(-EACCES, sys(mkdir(M "/new", 0755)));
		EXPECT_EQ(-EACCES, sys(unlink(M "/public")));
		EXPECT_EQ(-EACCES, sys(rmdir(M "/hidden")));
		EXPECT_EQ(-EACCES, sys(rename(M "/public", M "/new")));
		EXPECT_EQ(-EACCES, sys(open(M "/closed/file", O_RDONLY)));
		EXPECT_EQ(-EACCES, sys(open(M "/closed", O_RDONLY)));
		EXPECT_LE(0, sys(open(M "/listed", O_RDONLY)));
		EXPECT_EQ(-EACCES, size_of(M "/listed/file"));
		EXPECT_EQ(-EACCES, sys(open(M "/hidden", O_RDONLY)));
		EXPECT_LE(0, sys(open(M "/hidden/file", O_RDONLY)));
		EXPECT_EQ(-EPERM, sys(chmod(M "/public", 0666)));
		EXPECT_EQ(-EPERM, sys(chown(M "/public", NOBODY, NOBODY)));
		EXPECT_EQ(-EACCES, sys(utimensat(AT_FDCWD, M "/public", NULL, 0)));
		EXPECT_EQ(-EPERM, sys(utimensat(AT_FDCWD, M "/public",
						(struct timespec[]){ { 1 }, { 2 } }, 0)));
	}
	EXPECT_EQ(0, status);
	EXPECT_TRUE(is_content(M "/public", "x", 1));
	EXPECT_EQ(0644, mode_of(M "/public"));
}

/* Catches: a file of somebody else's removed from where everybody writes. */
TEST_F(perms, sticky_directory)
{
	int status;

	ASSERT_EQ(0, common(01777));
	in_child(&status) {
		become(SOME, SOME);
		EXPECT_EQ(0, put(M "/common/file", "x", 1));
		EXPECT_EQ(0, sys(chmod(M "/common/file", 0666)));
		EXPECT_EQ(0, sys(mkdir(M "/common/dir", 0777)));
	}
	ASSERT_EQ(0, status);
	in_child(&status) {
		become(OTHER, OTHER);
		EXPECT_EQ(0, put(M "/common/other", "x", 1));
		EXPECT_EQ(-EPERM, sys(unlink(M "/common/file")));
		EXPECT_EQ(-EPERM, sys(rmdir(M "/common/dir")));
		EXPECT_EQ(-EPERM, sys(rename(M "/common/file", M "/common/mine")));
		EXPECT_EQ(-EPERM, sys(rename(M "/common/other", M "/common/file")));
		EXPECT_EQ(0, sys(unlink(M "/common/other")));
	}
	EXPECT_EQ(0, status);
	in_child(&status) {
		become(SOME, SOME);
		EXPECT_EQ(0, sys(unlink(M "/common/file")));
		EXPECT_EQ(0, sys(rmdir(M "/common/dir")));
	}
	EXPECT_EQ(0, status);
}

/* Catches: a change of mode or owner that is not made, or made by who may not. */
TEST_F(perms, changes)
{
	int status, fd;

	ASSERT_EQ(0, put(M "/file", "x", 1));
	ASSERT_EQ(0, chmod(M "/file", 07123));
	EXPECT_EQ(S_IFREG | 07123, stat_of(M "/file").st_mode);
	fd = sys(open(M "/file", O_RDONLY));
	ASSERT_EQ(0, fchmod(fd, 0600));
	EXPECT_EQ(0600, mode_of(M "/file"));
	ASSERT_EQ(0, chown(M "/file", SOME, -1));
	EXPECT_EQ(SOME, stat_of(M "/file").st_uid);
	EXPECT_EQ(0, stat_of(M "/file").st_gid);
	ASSERT_EQ(0, fchown(fd, -1, GROUP));
	EXPECT_EQ(SOME, stat_of(M "/file").st_uid);
	EXPECT_EQ(GROUP, stat_of(M "/file").st_gid);
	EXPECT_EQ(0, sys(chown(M "/file", -1, -1)));
	in_child(&status) {
		become(SOME, SOME);
		EXPECT_EQ(0, sys(chmod(M "/file", 0644)));
		EXPECT_EQ(-EPERM, sys(chown(M "/file", OTHER, -1)));
		EXPECT_EQ(-EPERM, sys(chown(M "/file", -1, OTHER)));
		EXPECT_EQ(0, sys(chown(M "/file", -1, SOME)));
	}
	EXPECT_EQ(0, status);
	EXPECT_EQ(SOME, stat_of(M "/file").st_gid);
	/* Of the directory of the mount, too. */
	ASSERT_EQ(0, chmod(M, 0700));
	ASSERT_EQ(0, chown(M, SOME, SOME));
	EXPECT_EQ(S_IFDIR | 0700, stat_of(M).st_mode);
	EXPECT_EQ(SOME, stat_of(M).st_uid);
	in_child(&status) {
		become(OTHER, OTHER);
		EXPECT_EQ(-EACCES, size_of(M "/file"));
	}
	EXPECT_EQ(0, status);
}

/* Catches: a program that somebody changes, and that still runs as its owner. */
TEST_F(perms, writing_takes_setuid_away)
{
	int status;

	ASSERT_EQ(0, put(M "/a", "xxx", 3));
	ASSERT_EQ(0, put(M "/b", "xxx", 3));
	ASSERT_EQ(0, put(M "/c", "xxx", 3));
	ASSERT_EQ(0, chmod(M "/a", 06777));
	ASSERT_EQ(0, chmod(M "/b", 06777));
	ASSERT_EQ(0, chmod(M "/c", 06777));
	in_child(&status) {
		int fd = open(M "/a", O_RDWR);

		become(SOME, SOME);
		EXPECT_EQ(06777, mode_of(M "/a"));
		EXPECT_EQ(1, write(fd, "y", 1));
		EXPECT_EQ(0777, mode_of(M "/a"));
		EXPECT_EQ(0, sys(truncate(M "/b", 1)));
		EXPECT_EQ(0777, mode_of(M "/b"));
		close(open(M "/c", O_WRONLY | O_TRUNC));
		EXPECT_EQ(0777, mode_of(M "/c"));
	}
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, chmod(M "/a", 06777));
	ASSERT_EQ(0, chown(M "/a", SOME, SOME));
	EXPECT_EQ(0777, mode_of(M "/a"));
}

/* Catches: access(2) and open(2) that do not agree. */
TEST_F(perms, access)
{
	int status;

	ASSERT_EQ(0, put(M "/file", "x", 1));
	ASSERT_EQ(0, chmod(M "/file", 0640));
	EXPECT_EQ(0, access(M "/file", R_OK | W_OK));
	EXPECT_EQ(-EACCES, sys(access(M "/file", X_OK)));
	in_child(&status) {
		become(NOBODY, 0);
		EXPECT_EQ(0, sys(access(M "/file", R_OK)));
		EXPECT_EQ(-EACCES, sys(access(M "/file", W_OK)));
		EXPECT_LE(0, sys(open(M "/file", O_RDONLY)));
		EXPECT_EQ(-EACCES, sys(open(M "/file", O_RDWR)));
	}
	EXPECT_EQ(0, status);
}

/* Catches: what was opened when one might, refused when one may not any more. */
TEST_F(perms, open_is_when_it_counts)
{
	char buf[4];
	int fd;

	ASSERT_EQ(0, put(M "/file", "abc", 3));
	fd = sys(open(M "/file", O_RDWR));
	ASSERT_EQ(0, chmod(M "/file", 0));
	become(NOBODY, NOBODY);
	EXPECT_EQ(3, read(fd, buf, sizeof(buf)));
	EXPECT_EQ(1, write(fd, "x", 1));
	EXPECT_EQ(-EACCES, sys(open(M "/file", O_RDONLY)));
}

NOTEFS_TEST_MAIN
