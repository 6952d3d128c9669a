// SPDX-License-Identifier: GPL-2.0
/* What a directory has operations for, and what these refuse. */
#include "testfs_harness.h"

TESTFS_FIXTURE(vetoes)

#define DIR M "/vetoes"

static int create(const char *path)
{
	int fd = sys(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));

	return fd < 0 ? fd : sys(close(fd));
}

/* Catches: a veto that is not heeded, or leaves something; wrong arguments of what makes names. */
TEST_F(vetoes, making)
{
	EXPECT_EQ(-EDOM, create(DIR "/no"));
	EXPECT_EQ(-EDOM, sys(mkdir(DIR "/no", 0755)));
	EXPECT_EQ(-EDOM, sys(symlink("to", DIR "/no")));
	EXPECT_EQ(-EDOM, sys(mknod(DIR "/no", S_IFREG | 0644, 0)));
	EXPECT_EQ(-ENOENT, size_of(DIR "/no"));
	EXPECT_EQ(0, create(DIR "/a"));
	EXPECT_TRUE(logged("create a in vetoes"));
	EXPECT_EQ(0, sys(mkdir(DIR "/d", 0755)));
	EXPECT_TRUE(logged("mkdir d in vetoes"));
	EXPECT_EQ(0, sys(symlink("to", DIR "/d/s")));
	EXPECT_TRUE(logged("symlink s in d"));
	EXPECT_EQ(0, sys(mknod(DIR "/d/m", S_IFREG | 0644, 0)));
	EXPECT_TRUE(logged("create m in d"));
	EXPECT_EQ(-EDOM, sys(link(DIR "/a", DIR "/d/no")));
	EXPECT_EQ(1, stat_of(DIR "/a").st_nlink);
	EXPECT_EQ(0, sys(link(DIR "/a", DIR "/d/l")));
	EXPECT_TRUE(logged("link l in d, made as a"));
	EXPECT_EQ(2, stat_of(DIR "/a").st_nlink);
	/* What there is no operation for. */
	EXPECT_EQ(-EPERM, sys(mknod(DIR "/f", S_IFIFO | 0644, 0)));
	EXPECT_EQ(-EPERM, sys(mknod(DIR "/f", S_IFCHR | 0644, 0)));
	EXPECT_EQ(-EOPNOTSUPP, sys(open(DIR, O_TMPFILE | O_RDWR, 0644)));
	/* What is refused by the VFS is not asked about. */
	EXPECT_EQ(-EEXIST, create(DIR "/a"));
	EXPECT_EQ(-EEXIST, sys(mkdir(DIR "/no_file", 0755)));
	EXPECT_TRUE(logged("link l in d, made as a"));
}

/* Catches: a name that is removed against a veto, or as what it is not. */
TEST_F(vetoes, removing)
{
	EXPECT_EQ(-EDOM, sys(unlink(DIR "/no_file")));
	EXPECT_EQ(0, size_of(DIR "/no_file"));
	EXPECT_EQ(-EDOM, sys(rmdir(DIR "/no_directory")));
	EXPECT_TRUE(exists(DIR "/no_directory"));
	ASSERT_EQ(0, create(DIR "/a"));
	ASSERT_EQ(0, sys(rename(DIR "/a", DIR "/b")));
	EXPECT_EQ(0, sys(unlink(DIR "/b")));
	EXPECT_TRUE(logged("unlink b in vetoes, made as a"));
	ASSERT_EQ(0, sys(mkdir(DIR "/d", 0755)));
	ASSERT_EQ(0, sys(mkdir(DIR "/d/e", 0755)));
	EXPECT_EQ(-ENOTEMPTY, sys(rmdir(DIR "/d")));
	EXPECT_EQ(0, sys(rmdir(DIR "/d/e")));
	EXPECT_TRUE(logged("rmdir e in d, made as e"));
	EXPECT_EQ(0, sys(rmdir(DIR "/d")));
	/* unlink() that calls Entry::rmdir(), and the other way round. */
	ASSERT_EQ(0, create(DIR "/wrong"));
	EXPECT_EQ(-ENOTDIR, sys(unlink(DIR "/wrong")));
	EXPECT_EQ(1, stat_of(DIR "/wrong").st_nlink);
	ASSERT_EQ(0, sys(mkdir(DIR "/wrong_too", 0755)));
	EXPECT_EQ(-EISDIR, sys(rmdir(DIR "/wrong_too")));
	EXPECT_EQ(2, stat_of(DIR "/wrong_too").st_nlink);
}

/* Catches: a rename against a veto; one that does not tell what it replaces, or where. */
TEST_F(vetoes, renaming)
{
	ASSERT_EQ(0, create(DIR "/a"));
	ASSERT_EQ(0, create(DIR "/b"));
	ASSERT_EQ(0, sys(mkdir(DIR "/d", 0755)));
	EXPECT_EQ(-EDOM, sys(rename(DIR "/a", DIR "/no")));
	EXPECT_EQ(-EDOM, sys(rename(DIR "/a", DIR "/no_file")));
	EXPECT_TRUE(logged("rename from vetoes to no_file in vetoes, made as a, for no_file"));
	EXPECT_EQ(0, sys(rename(DIR "/a", DIR "/d/a")));
	EXPECT_TRUE(logged("rename from vetoes to a in d, made as a, for nothing"));
	EXPECT_EQ(0, rename2(DIR "/d/a", DIR "/b", RENAME_EXCHANGE));
	EXPECT_TRUE(logged("exchange from d to b in vetoes, made as a, for b"));
	EXPECT_EQ(0, sys(rename(DIR "/d/a", DIR "/b")));
	EXPECT_TRUE(logged("rename from d to b in vetoes, made as b, for a"));
	EXPECT_EQ(-ENOENT, size_of(DIR "/d/a"));
	/* The name may go, and another may come; but not as what it replaces. */
	EXPECT_EQ(0, sys(rename(DIR "/no_file", DIR "/yes")));
	EXPECT_EQ(-EDOM, sys(rename(DIR "/b", DIR "/yes")));
	EXPECT_TRUE(logged("rename from vetoes to yes in vetoes, made as b, for no_file"));
	EXPECT_EQ(-EINVAL, rename2(DIR "/b", DIR "/c", RENAME_WHITEOUT));
	/* Into another directory: the one that has a say is the old one. */
	EXPECT_EQ(0, sys(rename(DIR "/b", M "/made/c")));
	EXPECT_TRUE(logged("rename from vetoes to c in made, made as b, for nothing"));
	EXPECT_EQ(0, sys(rename(M "/made/c", DIR "/no")));
	EXPECT_TRUE(logged("rename from vetoes to c in made, made as b, for nothing"));
}

/* ---- what is left out ---- */

#define ABSENT M "/absent"

/* What each call on the directory @in of absent/ answers. */
static void expect(struct __test_metadata *_metadata, const char *in, int made, int linked,
		   int unlinked, int removed, int renamed)
{
	char file[64], other[64], directory[64], new[64];

	snprintf(file, sizeof(file), ABSENT "/%s/file", in);
	snprintf(other, sizeof(other), ABSENT "/%s/other", in);
	snprintf(directory, sizeof(directory), ABSENT "/%s/directory", in);
	snprintf(new, sizeof(new), ABSENT "/%s/new", in);

	EXPECT_EQ(-EPERM, sys(mkdir(new, 0755)));
	EXPECT_EQ(-EPERM, sys(symlink("to", new)));
	EXPECT_EQ(made, create(new));
	if (!made)
		EXPECT_EQ(0, sys(unlink(new)));
	EXPECT_EQ(linked, sys(link(file, new)));
	if (!linked)
		EXPECT_EQ(unlinked, sys(unlink(new)));
	EXPECT_EQ(renamed, sys(rename(file, other)));
	EXPECT_EQ(removed, sys(rmdir(directory)));
	EXPECT_EQ(unlinked, sys(unlink(other)));
}

/* Catches: what the documentation says of each choice of operations and is not so. */
TEST_F(vetoes, left_out)
{
	/* in, create, link, unlink, rmdir, rename */
	expect(_metadata, "nothing", -EACCES, -EPERM, -EPERM, -EPERM, -EPERM);
	expect(_metadata, "only_create", 0, 0, 0, 0, 0);
	expect(_metadata, "only_link", -EACCES, 0, -EPERM, -EPERM, -EPERM);
	expect(_metadata, "only_unlink", -EACCES, -EPERM, 0, -EPERM, -EPERM);
	expect(_metadata, "only_rmdir", -EACCES, -EPERM, -EPERM, 0, -EPERM);
	expect(_metadata, "only_rename", -EACCES, -EPERM, -EPERM, -EPERM, 0);
}

/* Catches: a rename that removes what unlink() would have kept, because rename() is absent. */
TEST_F(vetoes, no_rename)
{
	EXPECT_EQ(0, create(ABSENT "/no_rename/new"));
	EXPECT_EQ(-EDOM, sys(unlink(ABSENT "/no_rename/new")));
	EXPECT_EQ(-EPERM, sys(rename(ABSENT "/no_rename/new", ABSENT "/no_rename/file")));
	EXPECT_EQ(-EPERM, sys(rename(ABSENT "/no_rename/new", M "/made/new")));
	EXPECT_EQ(0, sys(rmdir(ABSENT "/no_rename/directory")));
	/* Nor from where names may be renamed. */
	ASSERT_EQ(0, create(M "/made/file"));
	EXPECT_EQ(-EPERM, sys(rename(M "/made/file", ABSENT "/no_rename/file")));
	EXPECT_EQ(-EPERM, sys(rename(M "/made/file", ABSENT "/no_rename/none")));
	EXPECT_EQ(-EPERM, sys(rename(M "/made/file", ABSENT "/nothing/none")));
	EXPECT_EQ(-EPERM, rename2(M "/made/file", ABSENT "/nothing/file", RENAME_EXCHANGE));
	EXPECT_EQ(0, sys(rename(M "/made/file", ABSENT "/only_rename/none")));
}

TESTFS_TEST_MAIN
