// SPDX-License-Identifier: GPL-2.0
/* Names, directories, links and renames; what may be done to a directory. */
#include <dirent.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "bpffs_harness.h"

/* All in one mount at "a" with a map to pin. */
FIXTURE(files) {
	int map;
};

FIXTURE_SETUP(files)
{
	ASSERT_EQ(0, mount_bpf("a", NULL));
	self->map = map_new();
	ASSERT_LE(0, self->map);
}

FIXTURE_TEARDOWN(files) { }

static struct stat stat_of(const char *path)
{
	struct stat st;

	if (lstat(path, &st))
		memset(&st, 0, sizeof(st));
	return st;
}

static nlink_t nlink_of(const char *path)
{
	return stat_of(path).st_nlink;
}

static int rename2(const char *from, const char *to, unsigned int flags)
{
	return sys(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags));
}

/* Catches: mode, owner, umask or link counts of a new directory unlike C's. */
TEST_F(files, mkdir)
{
	struct stat st;

	ASSERT_EQ(0, mkdir("a/d", 02777));
	st = stat_of("a/d");
	EXPECT_EQ(S_IFDIR | 0755, st.st_mode);
	EXPECT_EQ(2, st.st_nlink);
	EXPECT_EQ(0, st.st_uid);
	EXPECT_EQ(0, st.st_gid);
	EXPECT_EQ(0, st.st_size);
	EXPECT_EQ(getpagesize(), st.st_blksize);
	EXPECT_LT(1, st.st_ino);
	EXPECT_EQ(dev_of("a"), st.st_dev);
	EXPECT_EQ(3, nlink_of("a"));

	umask(077);
	ASSERT_EQ(0, mkdir("a/d/e", 0777));
	EXPECT_EQ(S_IFDIR | 0700, stat_of("a/d/e").st_mode);
	EXPECT_EQ(3, nlink_of("a/d"));
	EXPECT_NE(st.st_ino, ino_of("a/d/e"));

	EXPECT_EQ(-EEXIST, sys(mkdir("a/d", 0777)));
	EXPECT_EQ(-ENOENT, sys(mkdir("a/x/y", 0777)));
	ASSERT_EQ(0, obj_pin(self->map, "a/m"));
	EXPECT_EQ(-EEXIST, sys(mkdir("a/m", 0777)));
	EXPECT_EQ(-ENOTDIR, sys(mkdir("a/m/x", 0777)));
	EXPECT_EQ(3, nlink_of("a"));
}

/* Catches: a full directory removed, wrong link counts, a dead one still used. */
TEST_F(files, rmdir)
{
	int fd;

	ASSERT_EQ(0, mkdir("a/d", 0755));
	ASSERT_EQ(0, mkdir("a/d/e", 0755));
	EXPECT_EQ(-ENOTEMPTY, sys(rmdir("a/d")));
	ASSERT_EQ(0, rmdir("a/d/e"));
	EXPECT_EQ(2, nlink_of("a/d"));
	ASSERT_EQ(0, obj_pin(self->map, "a/d/m"));
	EXPECT_EQ(-ENOTEMPTY, sys(rmdir("a/d")));
	EXPECT_EQ(-ENOTDIR, sys(rmdir("a/d/m")));
	ASSERT_EQ(0, unlink("a/d/m"));

	fd = open("a/d", O_RDONLY | O_CLOEXEC);
	ASSERT_EQ(0, rmdir("a/d"));
	EXPECT_EQ(2, nlink_of("a"));
	EXPECT_EQ(-ENOENT, sys(rmdir("a/d")));
	EXPECT_EQ(-ENOENT, sys(mkdirat(fd, "x", 0755)));
	EXPECT_EQ(-ENOENT, obj_pin_at(self->map, fd, "x", BPF_F_PATH_FD));

	EXPECT_EQ(-EBUSY, sys(rmdir("a")));
	EXPECT_EQ(-EINVAL, sys(rmdir("a/.")));
	ASSERT_EQ(0, mkdir("a/mnt", 0755));
	ASSERT_EQ(0, mount("t", "a/mnt", "tmpfs", 0, NULL));
	EXPECT_EQ(-EBUSY, sys(rmdir("a/mnt")));
}

/* Catches: unlink of the wrong kind; a file gone while it is still held. */
TEST_F(files, unlink)
{
	struct stat st;
	int fd;

	ASSERT_EQ(0, mkdir("a/d", 0755));
	EXPECT_EQ(-EISDIR, sys(unlink("a/d")));
	EXPECT_EQ(-ENOENT, sys(unlink("a/x")));
	ASSERT_EQ(0, obj_pin(self->map, "a/m"));
	fd = open("a/m", O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, unlink("a/m"));
	EXPECT_FALSE(exists("a/m"));
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(0, st.st_nlink);
	ASSERT_EQ(0, obj_pin(self->map, "a/m"));
	EXPECT_NE(st.st_ino, ino_of("a/m"));
}

/* Catches: rename losing, doubling or not replacing an entry. */
TEST_F(files, rename_plain)
{
	ino_t ino;

	ASSERT_EQ(0, obj_pin(self->map, "a/m"));
	ino = ino_of("a/m");
	EXPECT_EQ(0, rename2("a/m", "a/n", 0));
	EXPECT_FALSE(exists("a/m"));
	EXPECT_EQ(ino, ino_of("a/n"));
	EXPECT_EQ(-ENOENT, rename2("a/m", "a/n", 0));

	ASSERT_EQ(0, obj_pin(map_new(), "a/m"));
	EXPECT_EQ(0, rename2("a/n", "a/m", 0));
	EXPECT_EQ(ino, ino_of("a/m"));
	EXPECT_FALSE(exists("a/n"));

	/* Two names of one file: nothing happens. */
	ASSERT_EQ(0, link("a/m", "a/l"));
	EXPECT_EQ(0, rename2("a/m", "a/l", 0));
	EXPECT_TRUE(exists("a/m"));
	EXPECT_EQ(2, nlink_of("a/l"));
}

/* Catches: link counts of both directories wrong, a subtree lost. */
TEST_F(files, rename_directory)
{
	ASSERT_EQ(0, mkdir("a/s", 0755));
	ASSERT_EQ(0, mkdir("a/s/d", 0755));
	ASSERT_EQ(0, mkdir("a/s/d/sub", 0755));
	ASSERT_EQ(0, mkdir("a/t", 0755));
	EXPECT_EQ(0, rename2("a/s/d", "a/t/d", 0));
	EXPECT_EQ(2, nlink_of("a/s"));
	EXPECT_EQ(3, nlink_of("a/t"));
	EXPECT_TRUE(exists("a/t/d/sub"));

	/* Over an empty directory, not over a full one. */
	ASSERT_EQ(0, mkdir("a/s/e", 0755));
	EXPECT_EQ(-ENOTEMPTY, rename2("a/s/e", "a/t/d", 0));
	EXPECT_EQ(0, rename2("a/t/d", "a/s/e", 0));
	EXPECT_TRUE(exists("a/s/e/sub"));
	EXPECT_EQ(3, nlink_of("a/s"));
	EXPECT_EQ(2, nlink_of("a/t"));

	EXPECT_EQ(-EINVAL, rename2("a/s", "a/s/e/x", 0));
	EXPECT_EQ(-ENOTEMPTY, rename2("a/s/e/sub", "a/s", 0));
}

/* Catches: rename mixing kinds that C keeps apart. */
TEST_F(files, rename_kinds)
{
	ASSERT_EQ(0, mkdir("a/d", 0755));
	ASSERT_EQ(0, obj_pin(self->map, "a/m"));
	ASSERT_EQ(0, symlink("m", "a/l"));
	EXPECT_EQ(-EISDIR, rename2("a/m", "a/d", 0));
	EXPECT_EQ(-ENOTDIR, rename2("a/d", "a/m", 0));
	EXPECT_EQ(-EISDIR, rename2("a/l", "a/d", 0));
	EXPECT_EQ(0, rename2("a/l", "a/m", 0));
	EXPECT_TRUE(S_ISLNK(stat_of("a/m").st_mode));

	ASSERT_EQ(0, mount_bpf("b", "newinstance"));
	EXPECT_EQ(-EXDEV, rename2("a/d", "b/d", 0));
	EXPECT_EQ(-EXDEV, rename2("a/d", "d", 0));
}

/* Catches: a flag of renameat2() ignored, or one taken that C refuses. */
TEST_F(files, rename_flags)
{
	ASSERT_EQ(0, obj_pin(self->map, "a/m"));
	ASSERT_EQ(0, obj_pin(self->map, "a/n"));
	EXPECT_EQ(-EEXIST, rename2("a/m", "a/n", RENAME_NOREPLACE));
	EXPECT_EQ(0, rename2("a/m", "a/o", RENAME_NOREPLACE));
	EXPECT_EQ(-EINVAL, rename2("a/o", "a/p", RENAME_WHITEOUT));
	EXPECT_EQ(-EINVAL, rename2("a/o", "a/n", RENAME_EXCHANGE | RENAME_NOREPLACE));
	EXPECT_EQ(-EINVAL, rename2("a/o", "a/p", 1u << 30));
	EXPECT_EQ(-ENOENT, rename2("a/o", "a/p", RENAME_EXCHANGE));
	EXPECT_TRUE(exists("a/o"));
	EXPECT_FALSE(exists("a/p"));
}

/* Catches: an exchange that loses an entry or its parent's link count. */
TEST_F(files, rename_exchange)
{
	ino_t m, n, d;

	ASSERT_EQ(0, mkdir("a/s", 0755));
	ASSERT_EQ(0, mkdir("a/t", 0755));
	ASSERT_EQ(0, mkdir("a/s/d", 0755));
	ASSERT_EQ(0, mkdir("a/s/d/sub", 0755));
	ASSERT_EQ(0, obj_pin(self->map, "a/t/m"));
	ASSERT_EQ(0, obj_pin(map_new(), "a/s/n"));
	m = ino_of("a/t/m");
	n = ino_of("a/s/n");
	d = ino_of("a/s/d");

	EXPECT_EQ(0, rename2("a/s/n", "a/t/m", RENAME_EXCHANGE));
	EXPECT_EQ(m, ino_of("a/s/n"));
	EXPECT_EQ(n, ino_of("a/t/m"));
	EXPECT_EQ(1, nlink_of("a/t/m"));

	/* A directory against a file in another directory. */
	EXPECT_EQ(0, rename2("a/s/d", "a/t/m", RENAME_EXCHANGE));
	EXPECT_EQ(n, ino_of("a/s/d"));
	EXPECT_EQ(d, ino_of("a/t/m"));
	EXPECT_TRUE(exists("a/t/m/sub"));
	EXPECT_EQ(2, nlink_of("a/s"));
	EXPECT_EQ(3, nlink_of("a/t"));
	EXPECT_EQ(-EINVAL, rename2("a/t", "a/t/m/sub", RENAME_EXCHANGE));
}

/* Catches: hard links unlike C's; a file that goes with its first name. */
TEST_F(files, link)
{
	int id = obj_id(self->map, OBJ_MAP);

	ASSERT_EQ(0, mkdir("a/d", 0755));
	ASSERT_EQ(0, obj_pin(self->map, "a/m"));
	EXPECT_EQ(0, sys(link("a/m", "a/d/l")));
	EXPECT_EQ(2, nlink_of("a/m"));
	EXPECT_EQ(ino_of("a/m"), ino_of("a/d/l"));
	EXPECT_EQ(-EEXIST, sys(link("a/m", "a/d/l")));
	EXPECT_EQ(-EPERM, sys(link("a/d", "a/e")));
	EXPECT_EQ(-ENOENT, sys(link("a/x", "a/y")));
	EXPECT_EQ(-EXDEV, sys(link("a/m", "m")));
	ASSERT_EQ(0, unlink("a/m"));
	EXPECT_EQ(1, nlink_of("a/d/l"));
	EXPECT_EQ(id, obj_id(obj_get("a/d/l"), OBJ_MAP));

	ASSERT_EQ(0, symlink("d", "a/s"));
	EXPECT_EQ(0, sys(link("a/s", "a/s2")));
	EXPECT_EQ(2, nlink_of("a/s"));
	EXPECT_TRUE(S_ISLNK(stat_of("a/s2").st_mode));
}

/* Catches: symbolic links not kept, not followed, or kept too short. */
TEST_F(files, symlink)
{
	char target[4096], buf[4096];
	struct stat st;

	ASSERT_EQ(0, mkdir("a/d", 0755));
	ASSERT_EQ(0, obj_pin(self->map, "a/d/m"));
	umask(077);
	ASSERT_EQ(0, symlink("d/m", "a/l"));
	st = stat_of("a/l");
	EXPECT_EQ(S_IFLNK | 0777, st.st_mode);
	EXPECT_EQ(0, st.st_size);
	EXPECT_EQ(1, st.st_nlink);
	ASSERT_EQ(3, readlink("a/l", buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, "d/m", 3));
	EXPECT_EQ(2, readlink("a/l", buf, 2));
	EXPECT_LE(0, obj_get("a/l"));
	EXPECT_EQ(-EEXIST, sys(symlink("x", "a/l")));
	EXPECT_EQ(-EEXIST, obj_pin(self->map, "a/l"));

	EXPECT_EQ(0, sys(symlink("nowhere", "a/dangling")));
	EXPECT_EQ(-ENOENT, obj_get("a/dangling"));
	EXPECT_EQ(-EEXIST, obj_pin(self->map, "a/dangling"));
	EXPECT_EQ(0, sys(symlink("loop", "a/loop")));
	EXPECT_EQ(-ELOOP, obj_get("a/loop"));
	EXPECT_EQ(-EINVAL, sys(readlink("a/d", buf, sizeof(buf))));

	memset(target, 't', sizeof(target) - 1);
	target[sizeof(target) - 1] = '\0';
	EXPECT_EQ(0, sys(symlink(target, "a/long")));
	EXPECT_EQ(4095, readlink("a/long", buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, target, 4095));
	EXPECT_EQ(-ENOENT, sys(symlink("", "a/empty")));
}

/* Catches: an entry missing, doubled, out of order or of the wrong type. */
TEST_F(files, readdir)
{
	static const struct {
		const char *name;
		unsigned char type;
	} expected[] = {
		/* The newest comes first. */
		{ ".", DT_DIR }, { "..", DT_DIR }, { "z", DT_DIR }, { "l", DT_LNK },
		{ "m", DT_REG }, { "d", DT_DIR },
	};
	struct dirent *entry;
	unsigned int i;
	char path[300];
	DIR *dir;

	ASSERT_EQ(0, mkdir("a/r", 0755));
	ASSERT_EQ(0, mkdir("a/r/d", 0755));
	ASSERT_EQ(0, obj_pin(self->map, "a/r/m"));
	ASSERT_EQ(0, symlink("m", "a/r/l"));
	ASSERT_EQ(0, mkdir("a/r/z", 0755));
	dir = opendir("a/r");
	ASSERT_NE(NULL, dir);
	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		entry = readdir(dir);
		ASSERT_NE(NULL, entry);
		EXPECT_STREQ(expected[i].name, entry->d_name);
		EXPECT_EQ(expected[i].type, entry->d_type);
		snprintf(path, sizeof(path), "a/r/%s", entry->d_name);
		EXPECT_EQ(stat_of(path).st_ino, entry->d_ino);
	}
	EXPECT_EQ(NULL, readdir(dir));
	closedir(dir);
}

/* Catches: entries lost or seen twice when a directory changes while it is read. */
TEST_F(files, readdir_while_changing)
{
	enum { ENTRIES = 200 };
	unsigned char seen[ENTRIES] = {};
	struct dirent *entry;
	unsigned int i, n;
	char path[16];
	DIR *dir;

	for (i = 0; i < ENTRIES; i++) {
		snprintf(path, sizeof(path), "a/%u", i);
		ASSERT_EQ(0, mkdir(path, 0755));
	}
	dir = opendir("a");
	ASSERT_NE(NULL, dir);
	while ((entry = readdir(dir))) {
		if (sscanf(entry->d_name, "%u", &n) != 1)
			continue;
		ASSERT_GT(ENTRIES, n);
		seen[n]++;
		snprintf(path, sizeof(path), "a/%u", n);
		EXPECT_EQ(0, sys(rmdir(path)));
	}
	closedir(dir);
	for (i = 0; i < ENTRIES; i++)
		EXPECT_EQ(1, seen[i]);
	EXPECT_EQ(2, nlink_of("a"));
}

/* Catches: seeking, syncing, reading a directory unlike C's. */
TEST_F(files, directory_file)
{
	char buf[64];
	int fd;

	ASSERT_EQ(0, mkdir("a/d", 0755));
	ASSERT_EQ(0, mkdir("a/e", 0755));
	fd = open("a", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, sys(fsync(fd)));
	EXPECT_EQ(0, sys(fdatasync(fd)));
	EXPECT_EQ(0, sys(syncfs(fd)));
	EXPECT_EQ(-EISDIR, sys(read(fd, buf, sizeof(buf))));
	EXPECT_EQ(-EBADF, sys(write(fd, buf, 1)));
	EXPECT_EQ(2, sys(lseek(fd, 2, SEEK_SET)));
	EXPECT_EQ(3, sys(lseek(fd, 1, SEEK_CUR)));
	EXPECT_EQ(-EINVAL, sys(lseek(fd, 0, SEEK_END)));
	EXPECT_EQ(-EINVAL, sys(lseek(fd, -1, SEEK_SET)));
	EXPECT_EQ(-EINVAL, sys(lseek(fd, 0, SEEK_DATA)));
	EXPECT_EQ(0, sys(lseek(fd, 0, SEEK_SET)));
	EXPECT_EQ(-EISDIR, sys(open("a/d", O_RDWR)));
	EXPECT_EQ(-EISDIR, sys(truncate("a/d", 0)));
}

/* Catches: a regular file, device, socket or fifo that can be made. */
TEST_F(files, no_other_files)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "a/sock" };
	int sock = socket(AF_UNIX, SOCK_STREAM, 0);

	EXPECT_EQ(-EACCES, sys(open("a/f", O_CREAT | O_RDWR, 0644)));
	EXPECT_EQ(-EACCES, sys(open("a/f", O_CREAT | O_EXCL | O_RDWR, 0644)));
	EXPECT_EQ(-EACCES, sys(mknod("a/f", S_IFREG | 0644, 0)));
	EXPECT_EQ(-EPERM, sys(mkfifo("a/f", 0644)));
	EXPECT_EQ(-EPERM, sys(mknod("a/f", S_IFCHR | 0644, makedev(1, 3))));
	EXPECT_EQ(-EPERM, sys(bind(sock, (struct sockaddr *)&addr, sizeof(addr))));
	EXPECT_EQ(-EOPNOTSUPP, sys(open("a", O_TMPFILE | O_RDWR, 0644)));
	EXPECT_FALSE(exists("a/f"));
	EXPECT_FALSE(exists("a/sock"));
}

/* Catches: names with dots, which C keeps for itself, given away. */
TEST_F(files, dots_are_reserved)
{
	static const char * const dotted[] = {
		"a/x.y", "a/.x", "a/x.", "a/...", "a/..x", "a/d/x.y",
	};
	struct stat st;
	unsigned int i;

	ASSERT_EQ(0, mkdir("a/d", 0755));
	ASSERT_EQ(0, obj_pin(self->map, "a/m"));
	for (i = 0; i < ARRAY_SIZE(dotted); i++) {
		EXPECT_EQ(-EPERM, sys(stat(dotted[i], &st)));
		EXPECT_EQ(-EPERM, sys(mkdir(dotted[i], 0755)));
		EXPECT_EQ(-EPERM, sys(symlink("m", dotted[i])));
		EXPECT_EQ(-EPERM, sys(link("a/m", dotted[i])));
		EXPECT_EQ(-EPERM, rename2("a/m", dotted[i], 0));
		EXPECT_EQ(-EPERM, sys(open(dotted[i], O_RDONLY)));
		EXPECT_EQ(-EPERM, sys(open(dotted[i], O_CREAT | O_RDWR, 0644)));
		EXPECT_EQ(-EPERM, sys(unlink(dotted[i])));
		EXPECT_EQ(-EPERM, sys(rmdir(dotted[i])));
		EXPECT_EQ(-EPERM, obj_pin(self->map, dotted[i]));
		EXPECT_EQ(-EPERM, obj_get(dotted[i]));
	}
	/* "." and ".." never reach the file system. */
	EXPECT_EQ(0, sys(stat("a/./d/../d/.", &st)));
	EXPECT_EQ(0, sys(mkdir("a/./d/../e", 0755)));

	/* C looks at the directory's mode: without any bit, dots are allowed. */
	ASSERT_EQ(0, chmod("a/d", 0));
	EXPECT_EQ(0, sys(mkdir("a/d/x.y", 0755)));
	ASSERT_EQ(0, chmod("a/d", 0755));
	/* It is in the cache now, so it is found. */
	EXPECT_EQ(0, sys(rmdir("a/d/x.y")));
}

/* Catches: a name too long, or not quite too long. */
TEST_F(files, long_names)
{
	char path[300] = "a/";

	memset(path + 2, 'n', 255);
	path[257] = '\0';
	EXPECT_EQ(0, sys(mkdir(path, 0755)));
	EXPECT_EQ(0, sys(rmdir(path)));
	EXPECT_EQ(0, obj_pin(self->map, path));
	EXPECT_EQ(0, sys(unlink(path)));
	path[257] = 'n';
	path[258] = '\0';
	EXPECT_EQ(-ENAMETOOLONG, sys(mkdir(path, 0755)));
	EXPECT_EQ(-ENAMETOOLONG, sys(symlink("x", path)));
	EXPECT_EQ(-ENAMETOOLONG, sys(access(path, F_OK)));
	EXPECT_EQ(-ENAMETOOLONG, obj_pin(self->map, path));
	EXPECT_EQ(-ENAMETOOLONG, obj_get(path));
	/* The dot is looked at first. */
	path[100] = '.';
	EXPECT_EQ(-EPERM, sys(mkdir(path, 0755)));
}

/* Catches: the group and set-gid bit of a directory not inherited. */
TEST_F(files, setgid_directory)
{
	ASSERT_EQ(0, mkdir("a/d", 0755));
	ASSERT_EQ(0, chown("a/d", 0, 55));
	ASSERT_EQ(0, chmod("a/d", 02775));
	ASSERT_EQ(0, mkdir("a/d/e", 0755));
	EXPECT_EQ(55, stat_of("a/d/e").st_gid);
	EXPECT_EQ(S_IFDIR | 02755, stat_of("a/d/e").st_mode);
	ASSERT_EQ(0, symlink("x", "a/d/l"));
	EXPECT_EQ(55, stat_of("a/d/l").st_gid);
	ASSERT_EQ(0, obj_pin(self->map, "a/d/m"));
	EXPECT_EQ(55, stat_of("a/d/m").st_gid);
	EXPECT_EQ(S_IFREG | 0600, stat_of("a/d/m").st_mode);
}

/* Catches: the sticky bit of the root ignored, others' entries taken away. */
TEST_F(files, sticky_root)
{
	int status;

	ASSERT_EQ(0, mkdir("a/d", 0777));
	ASSERT_EQ(0, obj_pin(self->map, "a/m"));
	ASSERT_EQ(0, chmod("a/m", 0666));
	in_child(&status) {
		ASSERT_EQ(0, become(NOBODY, NOBODY));
		EXPECT_EQ(-EPERM, sys(unlink("a/m")));
		EXPECT_EQ(-EPERM, sys(rmdir("a/d")));
		EXPECT_EQ(-EPERM, rename2("a/m", "a/n", 0));
		EXPECT_EQ(0, sys(mkdir("a/mine", 0755)));
		EXPECT_EQ(-EPERM, rename2("a/mine", "a/d", 0));
		EXPECT_EQ(0, rename2("a/mine", "a/own", 0));
		EXPECT_EQ(0, sys(symlink("m", "a/l")));
		EXPECT_EQ(0, sys(unlink("a/l")));
	}
	EXPECT_EQ(0, status);
	EXPECT_EQ(NOBODY, stat_of("a/own").st_uid);
}

/* Catches: permissions of directories not asked for. */
TEST_F(files, directory_permissions)
{
	int status;

	umask(0);
	ASSERT_EQ(0, mkdir("a/closed", 0755));
	ASSERT_EQ(0, mkdir("a/closed/d", 0777));
	ASSERT_EQ(0, mkdir("a/hidden", 0700));
	ASSERT_EQ(0, mkdir("a/hidden/d", 0777));
	ASSERT_EQ(0, mkdir("a/write", 0733));
	in_child(&status) {
		ASSERT_EQ(0, become(NOBODY, NOBODY));
		EXPECT_EQ(-EACCES, sys(mkdir("a/closed/x", 0755)));
		EXPECT_EQ(-EACCES, sys(rmdir("a/closed/d")));
		EXPECT_EQ(-EACCES, sys(symlink("x", "a/closed/l")));
		EXPECT_EQ(-EACCES, sys(mkdir("a/hidden/d/x", 0755)));
		EXPECT_EQ(-EACCES, sys(access("a/hidden/d", F_OK)));
		EXPECT_EQ(-EACCES, sys(open("a/write", O_RDONLY)));
		EXPECT_EQ(0, sys(mkdir("a/write/d", 0755)));
		EXPECT_EQ(0, rename2("a/write/d", "a/closed/d/e", 0));
		EXPECT_EQ(-EPERM, sys(chmod("a/closed", 0777)));
		EXPECT_EQ(-EPERM, sys(chown("a/closed", NOBODY, -1)));
		EXPECT_EQ(-EPERM, sys(chown("a/closed/d/e", 0, -1)));
	}
	EXPECT_EQ(0, status);
}

BPFFS_TEST_MAIN
