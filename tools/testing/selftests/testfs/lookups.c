// SPDX-License-Identifier: GPL-2.0
/* Names that are made by looking them up (DirectoryOperations::lookup). */
#include <dirent.h>

#include "testfs_harness.h"

TESTFS_FIXTURE(lookups)

#define LOOKUP M "/lookup"

/* Has lookup/offered be what is at the path, until the descriptor is closed; -errno if it cannot. */
static int offer(const char *path)
{
	int fd = sys(open(M "/files/offer", O_RDWR | O_CLOEXEC)), err;

	if (fd < 0)
		return fd;
	err = sys(write(fd, path, strlen(path)));
	if (err >= 0)
		err = sys(pread(fd, (char[1]){}, 1, 0));
	if (err >= 0)
		return fd;
	close(fd);
	return err;
}

/* Whether the directory lists the name. */
static bool lists(const char *path, const char *name)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool found = false;

	while (dir && (entry = readdir(dir)))
		found |= !strcmp(entry->d_name, name);
	if (dir)
		closedir(dir);
	return found;
}

/* Catches: an inode that a look-up gives and that is another's, or cannot be used. */
TEST_F(lookups, found)
{
	struct stat st;
	int fd;

	ASSERT_EQ(0, put(M "/made/file", "abc", 3));
	EXPECT_EQ(-ENOENT, size_of(LOOKUP "/offered"));
	fd = offer(M "/made/file");
	ASSERT_LE(0, fd);
	st = stat_of(LOOKUP "/offered");
	EXPECT_EQ(ino_of(M "/made/file"), st.st_ino);
	EXPECT_EQ(1, st.st_nlink);
	EXPECT_TRUE(is_content(LOOKUP "/offered", "abc", 3));
	EXPECT_EQ(0, put(LOOKUP "/offered", "xy", 2));
	EXPECT_TRUE(is_content(M "/made/file", "xy", 2));
	/* Several names of one. */
	EXPECT_EQ(st.st_ino, ino_of(LOOKUP "/offered_too"));
	close(fd);
	EXPECT_EQ(-ENOENT, size_of(LOOKUP "/offered"));
	EXPECT_TRUE(is_content(M "/made/file", "xy", 2));
}

/* Catches: a name that is remembered when nobody uses it, or forgotten while somebody does. */
TEST_F(lookups, as_long_as_used)
{
	int fd, open_fd;

	ASSERT_EQ(0, put(M "/made/file", "abc", 3));
	ASSERT_EQ(0, mkdir(LOOKUP "/dir", 0755));
	fd = offer(M "/made/file");
	ASSERT_LE(0, fd);
	EXPECT_EQ(3, size_of(LOOKUP "/dir/offered"));
	EXPECT_FALSE(lists(LOOKUP "/dir", "offered"));
	open_fd = sys(open(LOOKUP "/dir/offered", O_RDONLY | O_CLOEXEC));
	ASSERT_LE(0, open_fd);
	close(fd);
	/* Used: listed, found, and in the way of rmdir. */
	EXPECT_TRUE(lists(LOOKUP "/dir", "offered"));
	EXPECT_EQ(3, size_of(LOOKUP "/dir/offered"));
	EXPECT_EQ(-ENOTEMPTY, sys(rmdir(LOOKUP "/dir")));
	close(open_fd);
	EXPECT_FALSE(lists(LOOKUP "/dir", "offered"));
	EXPECT_EQ(-ENOENT, size_of(LOOKUP "/dir/offered"));
	EXPECT_EQ(0, sys(rmdir(LOOKUP "/dir")));
}

/* Catches: libfs that drops a reference which such a name does not have, and frees it in use. */
TEST_F(lookups, not_removed)
{
	int fd, open_fd;

	ASSERT_EQ(0, put(M "/made/file", "abc", 3));
	ASSERT_EQ(0, put(LOOKUP "/mine", "m", 1));
	ASSERT_EQ(0, put(M "/made/mine", "m", 1));
	fd = offer(M "/made/file");
	ASSERT_LE(0, fd);
	open_fd = sys(open(LOOKUP "/offered", O_RDONLY | O_CLOEXEC));
	ASSERT_LE(0, open_fd);
	EXPECT_EQ(-EPERM, sys(unlink(LOOKUP "/offered")));
	EXPECT_EQ(-ENOTDIR, sys(rmdir(LOOKUP "/offered")));
	EXPECT_EQ(-EPERM, sys(rename(LOOKUP "/offered", LOOKUP "/other")));
	EXPECT_EQ(-EPERM, sys(rename(LOOKUP "/offered", M "/made/other")));
	EXPECT_EQ(-EPERM, sys(rename(LOOKUP "/mine", LOOKUP "/offered")));
	EXPECT_EQ(-EPERM, sys(rename(M "/made/mine", LOOKUP "/offered")));
	EXPECT_EQ(-EPERM, rename2(LOOKUP "/mine", LOOKUP "/offered", RENAME_EXCHANGE));
	EXPECT_EQ(-EPERM, rename2(LOOKUP "/offered", LOOKUP "/mine", RENAME_EXCHANGE));
	EXPECT_EQ(-EEXIST, rename2(LOOKUP "/mine", LOOKUP "/offered", RENAME_NOREPLACE));
	EXPECT_EQ(-EEXIST, sys(mkdir(LOOKUP "/offered", 0755)));
	EXPECT_EQ(-EEXIST, sys(open(LOOKUP "/offered", O_CREAT | O_EXCL | O_WRONLY, 0644)));
	/* A hard link is a name like any other. */
	EXPECT_EQ(0, sys(link(LOOKUP "/offered", LOOKUP "/linked")));
	EXPECT_EQ(2, stat_of(LOOKUP "/offered").st_nlink);
	close(open_fd);
	close(fd);
	EXPECT_TRUE(is_content(LOOKUP "/linked", "abc", 3));
	EXPECT_EQ(0, sys(unlink(LOOKUP "/linked")));
	EXPECT_EQ(1, stat_of(M "/made/file").st_nlink);
	EXPECT_TRUE(is_content(M "/made/file", "abc", 3));
	EXPECT_EQ(0, sys(unlink(LOOKUP "/mine")));
}

/* Catches: an inode that goes with its last name while it is looked up by another. */
TEST_F(lookups, outlives_its_name)
{
	int fd, open_fd;
	char buf[8];

	ASSERT_EQ(0, put(M "/made/file", "abc", 3));
	fd = offer(M "/made/file");
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, unlink(M "/made/file"));
	EXPECT_EQ(0, stat_of(LOOKUP "/offered").st_nlink);
	EXPECT_EQ(-ENOENT, sys(link(LOOKUP "/offered", LOOKUP "/linked")));
	open_fd = sys(open(LOOKUP "/offered", O_RDONLY | O_CLOEXEC));
	ASSERT_LE(0, open_fd);
	close(fd);
	EXPECT_EQ(3, read(open_fd, buf, sizeof(buf)));
	close(open_fd);
	EXPECT_EQ(-ENOENT, size_of(LOOKUP "/offered"));
}

/* Catches: a second name of a directory, by which the tree would not be one any more. */
TEST_F(lookups, no_directory)
{
	int fd;

	EXPECT_EQ(-EISDIR, size_of(LOOKUP "/itself"));
	EXPECT_EQ(-EISDIR, size_of(LOOKUP "/itself/itself"));
	EXPECT_EQ(-EISDIR, sys(mkdir(LOOKUP "/itself", 0755)));
	ASSERT_EQ(0, mkdir(M "/made/dir", 0755));
	fd = offer(M "/made/dir");
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EISDIR, size_of(LOOKUP "/offered"));
	close(fd);
	EXPECT_EQ(0, sys(rename(M "/made/dir", LOOKUP "/dir")));
	EXPECT_EQ(0, sys(rmdir(LOOKUP "/dir")));
}

/* Catches: an inode of one superblock in another, which outlives the one. */
TEST_F(lookups, of_another_superblock)
{
	int fd;

	ASSERT_EQ(0, mount_at("other", TESTFS, NULL));
	ASSERT_EQ(0, put("other/made/file", "abc", 3));
	fd = offer("other/made/file");
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EXDEV, size_of(LOOKUP "/offered"));
	EXPECT_EQ(-EXDEV, sys(open(LOOKUP "/offered", O_CREAT | O_WRONLY, 0644)));
	/* The reference keeps the superblock, though nobody has it mounted. */
	EXPECT_EQ(0, umount_at("other"));
	EXPECT_EQ(-EXDEV, size_of(LOOKUP "/offered"));
	close(fd);
	/* What is of no testfs is not taken for one. */
	ASSERT_EQ(0, put("plain", "x", 1));
	EXPECT_EQ(-ENOTTY, offer("plain"));
	EXPECT_EQ(-ENOENT, offer("none"));
}

/* Catches: an error of the look-up that becomes another, or a name that is made all the same. */
TEST_F(lookups, denied)
{
	EXPECT_EQ(-EDOM, size_of(LOOKUP "/denied"));
	EXPECT_EQ(-EDOM, sys(open(LOOKUP "/denied", O_CREAT | O_WRONLY, 0644)));
	EXPECT_EQ(-EDOM, sys(mkdir(LOOKUP "/denied", 0755)));
	EXPECT_EQ(-EDOM, sys(unlink(LOOKUP "/denied")));
	ASSERT_EQ(0, put(LOOKUP "/mine", "m", 1));
	EXPECT_EQ(-EDOM, sys(rename(LOOKUP "/mine", LOOKUP "/denied")));
	EXPECT_EQ(-EDOM, sys(link(LOOKUP "/mine", LOOKUP "/denied")));
	EXPECT_FALSE(lists(LOOKUP, "denied"));
	/* What was filled in was not asked about, and is not looked up. */
	EXPECT_EQ(0, size_of(LOOKUP "/denied_filled"));
}

/* Catches: a name that the file system does not know of and that cannot be made. */
TEST_F(lookups, none)
{
	long before = made(LOOKUPS);

	EXPECT_EQ(-ENOENT, size_of(LOOKUP "/new"));
	EXPECT_LT(before, made(LOOKUPS));
	ASSERT_EQ(0, put(LOOKUP "/new", "x", 1));
	before = made(LOOKUPS);
	EXPECT_TRUE(is_content(LOOKUP "/new", "x", 1));
	/* What is there is not asked about. */
	EXPECT_EQ(before, made(LOOKUPS));
	EXPECT_EQ(0, sys(unlink(LOOKUP "/new")));
	/* A name that was not there is there later. */
	EXPECT_EQ(-ENOENT, size_of(LOOKUP "/new"));
	EXPECT_EQ(0, sys(mkdir(LOOKUP "/new", 0755)));
}

/* Catches: names that getdents(2) has no room for. */
TEST_F(lookups, long_names)
{
	char path[300] = LOOKUP "/offered";
	size_t dir = strlen(LOOKUP) + 1;
	int fd;

	memset(path + strlen(path), 'n', dir + 256 - strlen(path));
	ASSERT_EQ(0, put(M "/made/file", "abc", 3));
	fd = offer(M "/made/file");
	ASSERT_LE(0, fd);
	EXPECT_EQ(-ENAMETOOLONG, size_of(path));
	path[dir + 255] = '\0';
	EXPECT_EQ(3, size_of(path));
	close(fd);
}

/* ---- sleeping ---- */

static char state_of(pid_t pid)
{
	char path[32], text[512], *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (read_file(path, text, sizeof(text)) <= 0)
		return '?';
	at = strrchr(text, ')');
	return at ? at[2] : '?';
}

static pid_t look_up_in_child(const char *path)
{
	pid_t pid = fork();

	if (!pid)
		_exit(size_of(path) == 3 ? 0 : 1);
	return pid;
}

/*
 * Catches: a look-up that must not sleep, that others have to wait for, or that is made twice
 * for two tasks that want the same name.
 */
TEST_F(lookups, sleeping)
{
	pid_t first, second;
	long before, idle;
	int fd;

	ASSERT_EQ(0, put(M "/made/file", "abc", 3));
	fd = offer(M "/made/file");
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, control("shut"));
	idle = live(WAITING);
	before = made(LOOKUPS);
	first = look_up_in_child(LOOKUP "/gate");
	EXPECT_TRUE(wait_until(live(WAITING) == idle + 1, 20000));
	/* Waits for the first one. */
	second = look_up_in_child(LOOKUP "/gate");
	EXPECT_TRUE(wait_until(state_of(second) == 'D', 20000));
	EXPECT_EQ(idle + 1, live(WAITING));
	/* Another name, and one that is there. */
	EXPECT_EQ(-ENOENT, size_of(LOOKUP "/none"));
	EXPECT_EQ(0, size_of(LOOKUP "/denied_filled"));
	EXPECT_EQ(before + 2, made(LOOKUPS));
	ASSERT_EQ(0, control("open"));
	EXPECT_EQ(0, wait_child(first));
	EXPECT_EQ(0, wait_child(second));
	EXPECT_EQ(idle, live(WAITING));
	close(fd);
}

/* Catches: a look-up that was given up, and leaves a name that nobody ever finds again. */
TEST_F(lookups, killed)
{
	long idle = live(WAITING);
	pid_t pid;
	int fd;

	ASSERT_EQ(0, put(M "/made/file", "abc", 3));
	fd = offer(M "/made/file");
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, control("shut"));
	pid = look_up_in_child(LOOKUP "/gate");
	EXPECT_TRUE(wait_until(live(WAITING) == idle + 1, 20000));
	kill(pid, SIGKILL);
	EXPECT_EQ(-SIGKILL, wait_child(pid));
	EXPECT_EQ(idle, live(WAITING));
	ASSERT_EQ(0, control("open"));
	EXPECT_EQ(3, size_of(LOOKUP "/gate"));
	close(fd);
}

TESTFS_TEST_MAIN
