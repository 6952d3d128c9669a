// SPDX-License-Identifier: GPL-2.0
/* Names: making, finding, moving and removing them; what directories say of them. */
#include <dirent.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "notefs_harness.h"

NOTEFS_FIXTURE(names)

static nlink_t nlink_of(const char *path)
{
	return stat_of(path).st_nlink;
}

/* What is in the directory besides "." and "..", and the module's own file. */
static int entries(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int cnt = 0;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
		    strcmp(entry->d_name, "stats"))
			cnt++;
	}
	closedir(dir);
	return cnt;
}

/* Catches: a name made twice, or where there can be none. */
TEST_F(names, create)
{
	int fd;

	fd = sys(open(M "/file", O_WRONLY | O_CREAT | O_EXCL, 0640));
	ASSERT_LE(0, fd);
	EXPECT_EQ(S_IFREG | 0640, stat_of(M "/file").st_mode);
	EXPECT_EQ(1, nlink_of(M "/file"));
	EXPECT_EQ(0, size_of(M "/file"));
	EXPECT_EQ(-EEXIST, sys(open(M "/file", O_WRONLY | O_CREAT | O_EXCL, 0640)));
	EXPECT_EQ(-EEXIST, sys(mkdir(M "/file", 0755)));
	EXPECT_LE(0, sys(open(M "/file", O_WRONLY | O_CREAT, 0600)));
	EXPECT_EQ(S_IFREG | 0640, stat_of(M "/file").st_mode);
	EXPECT_EQ(-ENOENT, sys(open(M "/none", O_WRONLY)));
	EXPECT_EQ(-ENOENT, sys(open(M "/none/file", O_WRONLY | O_CREAT, 0644)));
	EXPECT_EQ(-ENOTDIR, sys(open(M "/file/x", O_WRONLY | O_CREAT, 0644)));
	EXPECT_EQ(-ENOTDIR, sys(open(M "/file/", O_RDONLY)));
	EXPECT_EQ(-EISDIR, sys(open(M "/new/", O_WRONLY | O_CREAT, 0644)));
	EXPECT_EQ(-ENOTDIR, sys(open(M "/file", O_RDONLY | O_DIRECTORY)));
	/* A regular file by the other call. */
	EXPECT_EQ(0, sys(mknod(M "/node", S_IFREG | 0600, 0)));
	EXPECT_EQ(S_IFREG | 0600, stat_of(M "/node").st_mode);
	EXPECT_EQ(0, put(M "/node", "x", 1));
	EXPECT_EQ(2, entries(M));
	/* Written to by who made it, though the mode would not let anybody. */
	fd = sys(open(M "/locked", O_RDWR | O_CREAT | O_EXCL, 0));
	EXPECT_EQ(1, write(fd, "x", 1));
	EXPECT_EQ(S_IFREG, stat_of(M "/locked").st_mode);
}

/* Catches: kinds of files that this one is not for, or answers other than the kernel's. */
TEST_F(names, other_kinds)
{
	EXPECT_EQ(kind->fifo, sys(mkfifo(M "/fifo", 0644)));
	EXPECT_EQ(kind->fifo, sys(mknod(M "/socket", S_IFSOCK | 0644, 0)));
	EXPECT_EQ(kind->fifo, sys(mknod(M "/null", S_IFCHR | 0644, 0x103)));
	EXPECT_EQ(kind->symlink, sys(symlink("file", M "/symlink")));
	EXPECT_EQ(kind->fifo ? 0 : 3, entries(M) - (kind->symlink ? 0 : 1));
	if (!kind->symlink) {
		char buf[16];

		ASSERT_EQ(0, put(M "/file", "abc", 3));
		EXPECT_EQ(4, readlink(M "/symlink", buf, sizeof(buf)));
		EXPECT_TRUE(S_ISLNK(stat_of(M "/symlink").st_mode));
		EXPECT_EQ(4, size_of(M "/symlink"));
		EXPECT_EQ(ino_of(M "/file"), ino_of(M "/symlink"));
		EXPECT_EQ(-ELOOP, sys(open(M "/symlink", O_RDONLY | O_NOFOLLOW)));
		EXPECT_EQ(-ENAMETOOLONG, ({ char to[5000]; memset(to, 'a', 4999); to[4999] = 0;
					    sys(symlink(to, M "/long")); }));
	}
}

/* Catches: a link that is a copy, or a file that goes with one of its names. */
TEST_F(names, link)
{
	ASSERT_EQ(0, put(M "/file", "abc", 3));
	EXPECT_EQ(kind->link, sys(link(M "/file", M "/other")));
	if (kind->link) {
		EXPECT_EQ(1, nlink_of(M "/file"));
		EXPECT_EQ(-ENOENT, size_of(M "/other"));
		EXPECT_EQ(1, entries(M));
		return;
	}
	EXPECT_EQ(2, nlink_of(M "/file"));
	EXPECT_EQ(ino_of(M "/file"), ino_of(M "/other"));
	EXPECT_EQ(-EEXIST, sys(link(M "/file", M "/other")));
	EXPECT_EQ(-EPERM, sys(link(M, M "/dir")));
	ASSERT_EQ(0, put(M "/other", "xyz", 3));
	EXPECT_TRUE(is_content(M "/file", "xyz", 3));
	EXPECT_TRUE(df_says(M, LIMIT, taken(3)));
	/* Two names of one file: nothing is done. */
	EXPECT_EQ(0, rename(M "/file", M "/other"));
	EXPECT_EQ(2, nlink_of(M "/file"));
	ASSERT_EQ(0, unlink(M "/file"));
	EXPECT_EQ(1, nlink_of(M "/other"));
	EXPECT_TRUE(is_content(M "/other", "xyz", 3));
	EXPECT_TRUE(df_says(M, LIMIT, taken(3)));
	ASSERT_EQ(0, unlink(M "/other"));
	EXPECT_TRUE(df_says(M, LIMIT, 0));
}

/* Catches: counts of links of directories, by which find(1) goes; what rmdir refuses. */
TEST_F(names, directories)
{
	struct stat st;
	int fd;

	EXPECT_EQ(2, nlink_of(M));
	ASSERT_EQ(0, mkdir(M "/a", 0750));
	EXPECT_EQ(S_IFDIR | 0750, stat_of(M "/a").st_mode);
	EXPECT_EQ(2, nlink_of(M "/a"));
	EXPECT_EQ(3, nlink_of(M));
	ASSERT_EQ(0, mkdir(M "/a/b", 0755));
	EXPECT_EQ(3, nlink_of(M "/a"));
	EXPECT_EQ(3, nlink_of(M));
	ASSERT_EQ(0, put(M "/a/file", "x", 1));
	EXPECT_EQ(3, nlink_of(M "/a"));
	EXPECT_EQ(-EEXIST, sys(mkdir(M "/a", 0755)));
	EXPECT_EQ(-EEXIST, sys(mkdir(M, 0755)));
	EXPECT_EQ(-ENOTDIR, sys(mkdir(M "/a/file/x", 0755)));
	EXPECT_EQ(-ENOTEMPTY, sys(rmdir(M "/a")));
	EXPECT_EQ(-ENOTDIR, sys(rmdir(M "/a/file")));
	EXPECT_EQ(-EISDIR, sys(unlink(M "/a/b")));
	EXPECT_EQ(-EBUSY, sys(rmdir(M)));
	EXPECT_EQ(-EINVAL, sys(rmdir(M "/a/.")));
	EXPECT_EQ(-ENOTEMPTY, sys(rmdir(M "/a/b/..")));
	EXPECT_EQ(-ENOENT, sys(rmdir(M "/none")));
	fd = sys(open(M "/a/b", O_RDONLY));
	ASSERT_EQ(0, rmdir(M "/a/b"));
	EXPECT_EQ(2, nlink_of(M "/a"));
	/* Nothing can be put into what is gone. */
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(0, st.st_nlink);
	EXPECT_EQ(-ENOENT, sys(openat(fd, "x", O_WRONLY | O_CREAT, 0644)));
	EXPECT_EQ(-ENOENT, sys(mkdirat(fd, "x", 0755)));
	EXPECT_EQ(0, sys(lseek(fd, 0, SEEK_SET)));
	close(fd);
	ASSERT_EQ(0, unlink(M "/a/file"));
	ASSERT_EQ(0, rmdir(M "/a"));
	EXPECT_EQ(2, nlink_of(M));
	EXPECT_EQ(0, entries(M));
}

/* Catches: a file that goes with its last name, though it is still open. */
TEST_F(names, unlink_while_open)
{
	struct stat st;
	char buf[5000], path[64];
	int fd, other;

	ASSERT_EQ(0, put_pattern(M "/file", 5000, 1));
	fd = sys(open(M "/file", O_RDWR));
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, unlink(M "/file"));
	EXPECT_EQ(-ENOENT, sys(unlink(M "/file")));
	EXPECT_EQ(-ENOENT, sys(open(M "/file", O_RDONLY)));
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(0, st.st_nlink);
	EXPECT_EQ(5000, st.st_size);
	ASSERT_EQ(5000, read(fd, buf, sizeof(buf)));
	EXPECT_TRUE(pattern_at(buf, 5000, 1, 0));
	EXPECT_EQ(3, write(fd, "abc", 3));
	/* Another of the name is another file. */
	ASSERT_EQ(0, put(M "/file", "new", 3));
	EXPECT_NE(st.st_ino, ino_of(M "/file"));
	ASSERT_EQ(5000, pread(fd, buf, sizeof(buf), 0));
	EXPECT_TRUE(pattern_at(buf, 5000, 1, 0));
	/* It can still be opened by who has it open. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	other = sys(open(path, O_RDONLY));
	ASSERT_LE(0, other);
	close(fd);
	EXPECT_EQ(3, pread(other, buf, 3, 5000));
	EXPECT_EQ(0, memcmp(buf, "abc", 3));
	/* A name for what has none: never again. */
	EXPECT_GT(0, linkat(AT_FDCWD, path, AT_FDCWD, M "/again", AT_SYMLINK_FOLLOW));
}

/* Catches: a rename that loses one of the two, or the wrong one. */
TEST_F(names, rename)
{
	ino_t ino;

	ASSERT_EQ(0, put(M "/a", "aaa", 3));
	ASSERT_EQ(0, put(M "/b", "bbbb", 4));
	ino = ino_of(M "/a");
	ASSERT_EQ(0, rename(M "/a", M "/c"));
	EXPECT_EQ(-ENOENT, size_of(M "/a"));
	EXPECT_EQ(ino, ino_of(M "/c"));
	/* A file over a file. */
	ASSERT_EQ(0, rename(M "/c", M "/b"));
	EXPECT_EQ(ino, ino_of(M "/b"));
	EXPECT_TRUE(is_content(M "/b", "aaa", 3));
	EXPECT_EQ(1, nlink_of(M "/b"));
	EXPECT_EQ(1, entries(M));
	EXPECT_TRUE(df_says(M, LIMIT, taken(3)));
	/* Onto itself. */
	ASSERT_EQ(0, rename(M "/b", M "/b"));
	EXPECT_TRUE(is_content(M "/b", "aaa", 3));
	EXPECT_EQ(-ENOENT, sys(rename(M "/none", M "/b")));
	EXPECT_EQ(-ENOENT, sys(rename(M "/b", M "/none/b")));
	EXPECT_EQ(-ENOTDIR, sys(rename(M "/b", M "/b/x")));
	EXPECT_TRUE(is_content(M "/b", "aaa", 3));
}

/* Catches: directories moved to where they cannot be; counts of links that do not follow. */
TEST_F(names, rename_directories)
{
	ASSERT_EQ(0, mkdir(M "/a", 0755));
	ASSERT_EQ(0, mkdir(M "/a/sub", 0755));
	ASSERT_EQ(0, mkdir(M "/b", 0755));
	ASSERT_EQ(0, put(M "/file", "x", 1));
	ASSERT_EQ(0, put(M "/a/sub/file", "y", 1));
	EXPECT_EQ(-EISDIR, sys(rename(M "/file", M "/a")));
	EXPECT_EQ(-ENOTDIR, sys(rename(M "/a", M "/file")));
	EXPECT_EQ(-ENOTEMPTY, sys(rename(M "/b", M "/a")));
	EXPECT_EQ(-EINVAL, sys(rename(M "/a", M "/a/sub/a")));
	EXPECT_EQ(-EINVAL, sys(rename(M "/a", M "/a/a")));
	EXPECT_EQ(-ENOTEMPTY, sys(rename(M "/a/sub/file", M "/a")));
	EXPECT_EQ(4, nlink_of(M));
	/* To another directory, with what is in it. */
	ASSERT_EQ(0, rename(M "/a/sub", M "/b/sub"));
	EXPECT_EQ(2, nlink_of(M "/a"));
	EXPECT_EQ(3, nlink_of(M "/b"));
	EXPECT_EQ(2, nlink_of(M "/b/sub"));
	EXPECT_TRUE(is_content(M "/b/sub/file", "y", 1));
	EXPECT_EQ(ino_of(M "/b"), ino_of(M "/b/sub/.."));
	/* Over an empty one: in the same directory, in another. */
	ASSERT_EQ(0, rename(M "/b", M "/a"));
	EXPECT_EQ(3, nlink_of(M));
	EXPECT_EQ(3, nlink_of(M "/a"));
	ASSERT_EQ(0, mkdir(M "/over", 0755));
	EXPECT_EQ(4, nlink_of(M));
	ASSERT_EQ(0, rename(M "/a/sub", M "/over"));
	EXPECT_EQ(4, nlink_of(M));
	EXPECT_EQ(2, nlink_of(M "/a"));
	EXPECT_TRUE(is_content(M "/over/file", "y", 1));
	/* Within a directory nothing is counted anew. */
	ASSERT_EQ(0, rename(M "/over", M "/moved"));
	EXPECT_EQ(4, nlink_of(M));
	EXPECT_EQ(2, nlink_of(M "/moved"));
	EXPECT_EQ(3, entries(M));
}

/* Catches: an open directory that is replaced, and still can be put into. */
TEST_F(names, rename_over_open_directory)
{
	struct stat st;
	int fd;

	ASSERT_EQ(0, mkdir(M "/a", 0755));
	ASSERT_EQ(0, mkdir(M "/b", 0755));
	fd = sys(open(M "/b", O_RDONLY));
	ASSERT_EQ(0, rename(M "/a", M "/b"));
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(0, st.st_nlink);
	EXPECT_EQ(-ENOENT, sys(openat(fd, "x", O_WRONLY | O_CREAT, 0644)));
	EXPECT_EQ(3, nlink_of(M));
}

/* Catches: flags of rename that are not heeded. */
TEST_F(names, rename_flags)
{
	ino_t a, b;
	int ret;

	ASSERT_EQ(0, put(M "/a", "aaa", 3));
	ASSERT_EQ(0, put(M "/b", "bb", 2));
	ASSERT_EQ(0, mkdir(M "/dir", 0755));
	ASSERT_EQ(0, mkdir(M "/dir/sub", 0755));
	EXPECT_EQ(-EEXIST, rename2(M "/a", M "/b", RENAME_NOREPLACE));
	EXPECT_EQ(-EEXIST, rename2(M "/a", M "/a", RENAME_NOREPLACE));
	EXPECT_EQ(-EEXIST, rename2(M "/a", M "/dir", RENAME_NOREPLACE));
	EXPECT_TRUE(is_content(M "/b", "bb", 2));
	EXPECT_EQ(0, rename2(M "/a", M "/c", RENAME_NOREPLACE));
	EXPECT_TRUE(is_content(M "/c", "aaa", 3));
	EXPECT_EQ(-EINVAL, rename2(M "/b", M "/c", RENAME_NOREPLACE | RENAME_EXCHANGE));
	EXPECT_EQ(-EINVAL, rename2(M "/b", M "/c", 1 << 20));

	a = ino_of(M "/c");
	b = ino_of(M "/dir/sub");
	ret = rename2(M "/c", M "/dir/sub", RENAME_EXCHANGE);
	EXPECT_EQ(kind->exchange, ret);
	if (!ret) {
		EXPECT_EQ(b, ino_of(M "/c"));
		EXPECT_EQ(a, ino_of(M "/dir/sub"));
		/* A directory has changed places with a file. */
		EXPECT_EQ(2, nlink_of(M "/dir"));
		EXPECT_EQ(4, nlink_of(M));
		EXPECT_EQ(-ENOENT, rename2(M "/c", M "/none", RENAME_EXCHANGE));
	} else {
		EXPECT_EQ(a, ino_of(M "/c"));
		EXPECT_EQ(b, ino_of(M "/dir/sub"));
		EXPECT_EQ(3, nlink_of(M "/dir"));
		EXPECT_EQ(3, nlink_of(M));
	}
}

/* Catches: names that are cut off, or longer than getdents can tell. */
TEST_F(names, long_names)
{
	char longest[300] = M "/", longer[300] = M "/", name[300];
	struct dirent *entry;
	bool found = false;
	struct statfs st;
	DIR *dir;

	memset(longest + 2, 'n', 255);
	memset(longer + 2, 'n', 256);
	ASSERT_EQ(0, put(longest, "x", 1));
	EXPECT_EQ(-ENAMETOOLONG, put(longer, "x", 1));
	EXPECT_EQ(-ENAMETOOLONG, sys(mkdir(longer, 0755)));
	EXPECT_EQ(-ENAMETOOLONG, size_of(longer));
	EXPECT_EQ(-ENAMETOOLONG, sys(rename(longest, longer)));
	EXPECT_EQ(-ENAMETOOLONG, sys(unlink(longer)));
	dir = opendir(M);
	while ((entry = readdir(dir)))
		found |= !strcmp(entry->d_name, longest + 2);
	closedir(dir);
	EXPECT_TRUE(found);
	/* The last byte counts. */
	strcpy(name, longest);
	name[256] = 'm';
	ASSERT_EQ(0, put(name, "y", 1));
	EXPECT_TRUE(is_content(longest, "x", 1));
	EXPECT_EQ(2, entries(M));
	/* Any bytes but a slash and zero. */
	ASSERT_EQ(0, put(M "/\n\377 \\*.", "z", 1));
	EXPECT_TRUE(is_content(M "/\n\377 \\*.", "z", 1));
	EXPECT_EQ(-ENOENT, size_of(M "/\n\377 \\*"));
	ASSERT_EQ(0, statfs(M, &st));
	EXPECT_EQ(255, st.f_namelen);
}

#define MANY 1000

static void many_name(char *path, size_t size, int i)
{
	snprintf(path, size, M "/%s%d", i % 3 ? "a-name-of-some-length-" : "", i);
}

/* The number in a name that many_name() made, or -1. */
static int many_nr(const char *name)
{
	return atoi(name + strcspn(name, "0123456789")) % MANY;
}

/* Catches: names that a long directory leaves out or tells twice; wrong types and numbers. */
TEST_F(names, readdir_many)
{
	int seen[MANY] = {}, i;
	struct dirent *entry;
	char path[64];
	DIR *dir;

	for (i = 0; i < MANY; i++) {
		many_name(path, sizeof(path), i);
		ASSERT_EQ(0, i % 2 ? put(path, "", 0) : sys(mkdir(path, 0755)));
	}
	dir = opendir(M);
	ASSERT_NE(NULL, dir);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || !strcmp(entry->d_name, "stats"))
			continue;
		i = many_nr(entry->d_name);
		seen[i]++;
		many_name(path, sizeof(path), i);
		EXPECT_EQ(ino_of(path), entry->d_ino);
		EXPECT_EQ(i % 2 ? DT_REG : DT_DIR, entry->d_type);
	}
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(1, seen[i])
			TH_LOG("%d", i);
	closedir(dir);
	EXPECT_EQ(2 + MANY / 2, nlink_of(M));
}

/* Catches: names that are missed because others are removed or made during reading. */
TEST_F(names, readdir_while_changing)
{
	int seen[MANY] = {}, made = 0, i;
	struct dirent *entry;
	char path[64];
	DIR *dir;

	for (i = 0; i < MANY; i++) {
		many_name(path, sizeof(path), i);
		ASSERT_EQ(0, put(path, "", 0));
	}
	dir = opendir(M);
	ASSERT_NE(NULL, dir);
	while ((entry = readdir(dir)) && made < 10000) {
		if (entry->d_name[0] == '.' || entry->d_name[0] == 'n' ||
		    !strcmp(entry->d_name, "stats"))
			continue;
		i = many_nr(entry->d_name);
		seen[i]++;
		/* Each second one goes when it is seen, and something else comes. */
		if (i % 2) {
			many_name(path, sizeof(path), i);
			EXPECT_EQ(0, unlink(path));
			snprintf(path, sizeof(path), M "/new%d", made++);
			EXPECT_EQ(0, put(path, "", 0));
		}
	}
	closedir(dir);
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(1, seen[i])
			TH_LOG("%d", i);
	EXPECT_EQ(MANY / 2, made);
	EXPECT_EQ(MANY, entries(M));
}

/* Catches: a reader that what it has just read is removed from under, as rm -r does. */
TEST_F(names, remove_while_reading)
{
	struct dirent *entry;
	char path[300];
	int i, rounds;
	DIR *dir;

	for (i = 0; i < MANY; i++) {
		many_name(path, sizeof(path), i);
		ASSERT_EQ(0, put(path, "", 0));
	}
	for (rounds = 0; entries(M) > 0 && rounds < 3; rounds++) {
		dir = opendir(M);
		while ((entry = readdir(dir))) {
			snprintf(path, sizeof(path), M "/%s", entry->d_name);
			if (entry->d_name[0] != '.' && strcmp(entry->d_name, "stats"))
				EXPECT_EQ(0, unlink(path));
		}
		closedir(dir);
	}
	EXPECT_EQ(0, entries(M));
	EXPECT_EQ(1, rounds);
}

/* Catches: a look-up that remembers that there is no such name. */
TEST_F(names, negative_lookups)
{
	int i;

	for (i = 0; i < 50; i++) {
		EXPECT_EQ(-ENOENT, size_of(M "/file"));
		ASSERT_EQ(0, put(M "/file", "x", 1));
		EXPECT_EQ(1, size_of(M "/file"));
		ASSERT_EQ(0, unlink(M "/file"));
		EXPECT_EQ(-ENOENT, size_of(M "/file"));
		ASSERT_EQ(0, mkdir(M "/file", 0755));
		ASSERT_EQ(0, rmdir(M "/file"));
	}
	/* Names that nobody has are not kept for ever. */
	for (i = 0; i < 2000; i++) {
		char path[32];

		snprintf(path, sizeof(path), M "/none%d", i);
		EXPECT_EQ(-ENOENT, size_of(path));
	}
	EXPECT_EQ(0, entries(M));
}

/* Catches: a tree as deep as paths are, which umount cannot take down. */
TEST_F(names, deep)
{
	int dir = sys(open(M, O_RDONLY)), next, i;

	for (i = 0; i < 500; i++) {
		ASSERT_EQ(0, sys(mkdirat(dir, "d", 0755)));
		next = sys(openat(dir, "d", O_RDONLY));
		ASSERT_LE(0, next);
		close(dir);
		dir = next;
	}
	next = sys(openat(dir, "file", O_WRONLY | O_CREAT, 0644));
	EXPECT_EQ(3, write(next, "abc", 3));
	EXPECT_EQ(-EBUSY, umount_notes(M));
	close(next);
	close(dir);
	EXPECT_EQ(0, umount_notes(M));
}

/* Catches: changes that nobody who watches is told of. */
TEST_F(names, events)
{
	int watch = sys(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
	char buf[4096] __attribute__((aligned(8)));
	uint32_t seen = 0;
	ssize_t len;
	char *at;

	ASSERT_LE(0, watch);
	ASSERT_LE(0, inotify_add_watch(watch, M, IN_ALL_EVENTS));
	ASSERT_EQ(0, put(M "/a", "x", 1));
	ASSERT_EQ(0, rename(M "/a", M "/b"));
	ASSERT_EQ(0, chmod(M "/b", 0600));
	ASSERT_EQ(0, unlink(M "/b"));
	len = read(watch, buf, sizeof(buf));
	ASSERT_LT(0, len);
	for (at = buf; at < buf + len; at += sizeof(struct inotify_event) +
					    ((struct inotify_event *)at)->len)
		seen |= ((struct inotify_event *)at)->mask;
	EXPECT_EQ(IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB |
		  IN_DELETE, seen & ~(IN_OPEN | IN_ISDIR));
}

NOTEFS_TEST_MAIN
