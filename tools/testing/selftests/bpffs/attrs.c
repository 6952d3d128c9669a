// SPDX-License-Identifier: GPL-2.0
/* Attributes of inodes: mode, owner, times, extended ones, and who sets them. */
#include <linux/limits.h>
#include <linux/stat.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <time.h>
#include <linux/fs.h>

#include "bpffs_harness.h"

/* One mount at "a" with a pinned map "a/m", a directory "a/d", a link "a/l". */
FIXTURE(attrs) {
	int map;
};

FIXTURE_SETUP(attrs)
{
	ASSERT_EQ(0, mount_bpf("a", NULL));
	self->map = map_new();
	ASSERT_LE(0, self->map);
	ASSERT_EQ(0, obj_pin(self->map, "a/m"));
	ASSERT_EQ(0, mkdir("a/d", 0755));
	ASSERT_EQ(0, symlink("m", "a/l"));
}

FIXTURE_TEARDOWN(attrs) { }

static struct stat stat_of(const char *path)
{
	struct stat st;

	if (lstat(path, &st))
		memset(&st, 0, sizeof(st));
	return st;
}

/* Set both times far into the past, so that any update of mtime shows. */
static int make_old(const char *path)
{
	const struct timespec old[2] = { { 1000, 1 }, { 2000, 2 } };

	return sys(utimensat(AT_FDCWD, path, old, AT_SYMLINK_NOFOLLOW));
}

static bool is_old(const char *path)
{
	return stat_of(path).st_mtim.tv_sec == 2000;
}

static int64_t ctime_of(const char *path)
{
	struct stat st = stat_of(path);

	return st.st_ctim.tv_sec * 1000000000ll + st.st_ctim.tv_nsec;
}

/*
 * ctime cannot be set; so wait until the kernel's coarse clock, which is what
 * times are taken from, has passed now.
 */
static void tick(void)
{
	struct timespec now, coarse;

	clock_gettime(CLOCK_REALTIME, &now);
	do {
		sleep_ms(1);
		clock_gettime(CLOCK_REALTIME_COARSE, &coarse);
	} while (coarse.tv_sec < now.tv_sec ||
		 (coarse.tv_sec == now.tv_sec && coarse.tv_nsec <= now.tv_nsec));
}

/* Catches: a field of stat() of a pin unlike C's. */
TEST_F(attrs, stat_of_pin)
{
	struct stat st = stat_of("a/m");

	EXPECT_EQ(S_IFREG | 0600, st.st_mode);
	EXPECT_EQ(1, st.st_nlink);
	EXPECT_EQ(0, st.st_uid);
	EXPECT_EQ(0, st.st_gid);
	EXPECT_EQ(0, st.st_rdev);
	EXPECT_EQ(0, st.st_size);
	EXPECT_EQ(0, st.st_blocks);
	EXPECT_EQ(getpagesize(), st.st_blksize);
	EXPECT_EQ(st.st_mtim.tv_sec, st.st_ctim.tv_sec);
	EXPECT_EQ(st.st_mtim.tv_nsec, st.st_atim.tv_nsec);
}

/* Catches: statx() claiming more or less than C's. */
TEST_F(attrs, statx)
{
	struct statx sx, sysfs;

	ASSERT_EQ(0, statx(AT_FDCWD, "a/m", 0, STATX_BASIC_STATS | STATX_BTIME, &sx));
	EXPECT_EQ(STATX_BASIC_STATS, sx.stx_mask & (STATX_BASIC_STATS | STATX_BTIME));
	EXPECT_EQ(0, sx.stx_attributes);
	/* What the VFS of this kernel says of a file system with nothing to add. */
	ASSERT_EQ(0, statx(AT_FDCWD, "/sys/kernel", 0, STATX_BASIC_STATS, &sysfs));
	EXPECT_EQ(sysfs.stx_attributes_mask, sx.stx_attributes_mask);
	EXPECT_EQ(S_IFREG | 0600, sx.stx_mode);
	ASSERT_EQ(0, statx(AT_FDCWD, "a", 0, STATX_BASIC_STATS, &sx));
	EXPECT_EQ(STATX_ATTR_MOUNT_ROOT, sx.stx_attributes);
}

/* Catches: chmod() refused, cut short, or not shown. */
TEST_F(attrs, chmod)
{
	int64_t before = ctime_of("a/m");

	tick();
	EXPECT_EQ(0, sys(chmod("a/m", 07777)));
	EXPECT_EQ(S_IFREG | 07777, stat_of("a/m").st_mode);
	EXPECT_LT(before, ctime_of("a/m"));
	EXPECT_EQ(0, sys(chmod("a/m", 0)));
	EXPECT_EQ(S_IFREG, stat_of("a/m").st_mode);
	EXPECT_EQ(0, sys(chmod("a/d", 01770)));
	EXPECT_EQ(S_IFDIR | 01770, stat_of("a/d").st_mode);
	EXPECT_EQ(-EOPNOTSUPP, sys(syscall(SYS_fchmodat2, AT_FDCWD, "a/l", 0600,
					   AT_SYMLINK_NOFOLLOW)));
}

/* Catches: chown() refused, or leaving set-id bits that C clears. */
TEST_F(attrs, chown)
{
	struct stat st;

	ASSERT_EQ(0, chmod("a/m", 06777));
	EXPECT_EQ(0, sys(chown("a/m", 7, 8)));
	st = stat_of("a/m");
	EXPECT_EQ(7, st.st_uid);
	EXPECT_EQ(8, st.st_gid);
	EXPECT_EQ(S_IFREG | 0777, st.st_mode);
	EXPECT_EQ(0, sys(lchown("a/l", 9, -1)));
	EXPECT_EQ(9, stat_of("a/l").st_uid);
	EXPECT_EQ(0, sys(chown("a/d", -1, 10)));
	EXPECT_EQ(0, stat_of("a/d").st_uid);
	EXPECT_EQ(10, stat_of("a/d").st_gid);
}

/* Catches: an owner who may not, or a stranger who may, change attributes. */
TEST_F(attrs, permissions)
{
	int status;

	ASSERT_EQ(0, chown("a/m", NOBODY, NOBODY));
	in_child(&status) {
		ASSERT_EQ(0, become(NOBODY, NOBODY));
		EXPECT_EQ(0, sys(chmod("a/m", 0640)));
		EXPECT_EQ(0, make_old("a/m"));
		EXPECT_EQ(-EPERM, sys(chown("a/m", 0, -1)));
		EXPECT_EQ(-EPERM, sys(chown("a/m", -1, 0)));
		EXPECT_EQ(-EPERM, sys(chmod("a/d", 0777)));
		EXPECT_EQ(-EPERM, make_old("a/d"));
		EXPECT_EQ(-EACCES, sys(utimensat(AT_FDCWD, "a/d", NULL, 0)));
	}
	EXPECT_EQ(0, status);
	EXPECT_EQ(S_IFREG | 0640, stat_of("a/m").st_mode);
	ASSERT_EQ(0, chown("a/m", 0, 0));
	in_child(&status) {
		ASSERT_EQ(0, become(NOBODY, NOBODY));
		EXPECT_EQ(0, sys(access("a/m", F_OK)));
		EXPECT_EQ(-EACCES, sys(access("a/m", R_OK)));
		EXPECT_EQ(-EACCES, sys(access("a/m", W_OK)));
		EXPECT_EQ(-EACCES, sys(open("a/m", O_RDONLY)));
	}
	EXPECT_EQ(0, status);
}

/* Catches: times not kept to the nanosecond, or refused. */
TEST_F(attrs, utimens)
{
	const struct timespec ts[2] = { { 1000000000, 123456789 }, { -1, 987654321 } };
	const struct timespec omit[2] = { { 0, UTIME_OMIT }, { 0, UTIME_NOW } };
	struct stat st;

	ASSERT_EQ(0, sys(utimensat(AT_FDCWD, "a/m", ts, 0)));
	st = stat_of("a/m");
	EXPECT_EQ(1000000000, st.st_atim.tv_sec);
	EXPECT_EQ(123456789, st.st_atim.tv_nsec);
	EXPECT_EQ(-1, st.st_mtim.tv_sec);
	EXPECT_EQ(987654321, st.st_mtim.tv_nsec);
	ASSERT_EQ(0, sys(utimensat(AT_FDCWD, "a/m", omit, 0)));
	st = stat_of("a/m");
	EXPECT_EQ(1000000000, st.st_atim.tv_sec);
	EXPECT_LT(1000000000, st.st_mtim.tv_sec);
	EXPECT_EQ(0, make_old("a"));
	EXPECT_TRUE(is_old("a"));
}

/* Catches: a change of a directory that its mtime and ctime do not show. */
TEST_F(attrs, directory_times)
{
	int64_t before;
	unsigned int i;

	for (i = 0; i < 6; i++) {
		ASSERT_EQ(0, make_old("a"));
		before = ctime_of("a");
		tick();
		switch (i) {
		case 0:
			ASSERT_EQ(0, mkdir("a/n", 0755));
			break;
		case 1:
			ASSERT_EQ(0, rmdir("a/n"));
			break;
		case 2:
			ASSERT_EQ(0, symlink("m", "a/s"));
			break;
		case 3:
			ASSERT_EQ(0, link("a/m", "a/h"));
			break;
		case 4:
			ASSERT_EQ(0, unlink("a/s"));
			break;
		case 5:
			ASSERT_EQ(0, obj_pin(self->map, "a/p"));
			break;
		}
		EXPECT_FALSE(is_old("a"))
			TH_LOG("step %u", i);
		EXPECT_LT(before, ctime_of("a"))
			TH_LOG("step %u", i);
	}
}

/* Catches: link() and unlink() not changing the ctime of the file. */
TEST_F(attrs, link_times)
{
	int64_t before = ctime_of("a/m");

	ASSERT_EQ(0, make_old("a/m"));
	tick();
	ASSERT_EQ(0, link("a/m", "a/h"));
	EXPECT_LT(before, ctime_of("a/m"));
	EXPECT_TRUE(is_old("a/m"));
	before = ctime_of("a/m");
	tick();
	ASSERT_EQ(0, unlink("a/h"));
	EXPECT_LT(before, ctime_of("a/m"));
	EXPECT_TRUE(is_old("a/m"));
}

/* Catches: rename() not changing the times of all that take part. */
TEST_F(attrs, rename_times)
{
	int64_t m, d, root;

	ASSERT_EQ(0, make_old("a"));
	ASSERT_EQ(0, make_old("a/d"));
	ASSERT_EQ(0, make_old("a/m"));
	m = ctime_of("a/m");
	d = ctime_of("a/d");
	root = ctime_of("a");
	tick();
	ASSERT_EQ(0, rename("a/m", "a/d/m"));
	EXPECT_FALSE(is_old("a"));
	EXPECT_FALSE(is_old("a/d"));
	EXPECT_TRUE(is_old("a/d/m"));
	EXPECT_LT(root, ctime_of("a"));
	EXPECT_LT(d, ctime_of("a/d"));
	EXPECT_LT(m, ctime_of("a/d/m"));

	ASSERT_EQ(0, obj_pin(self->map, "a/n"));
	ASSERT_EQ(0, make_old("a"));
	ASSERT_EQ(0, make_old("a/d"));
	m = ctime_of("a/d/m");
	d = ctime_of("a/n");
	tick();
	ASSERT_EQ(0, sys(syscall(SYS_renameat2, AT_FDCWD, "a/n", AT_FDCWD, "a/d/m",
				 RENAME_EXCHANGE)));
	EXPECT_FALSE(is_old("a"));
	EXPECT_FALSE(is_old("a/d"));
	EXPECT_LT(m, ctime_of("a/n"));
	EXPECT_LT(d, ctime_of("a/d/m"));
}

/* Catches: sizes that can be set where C refuses, or the reverse. */
TEST_F(attrs, truncate)
{
	int prog = prog_new(0);

	ASSERT_EQ(0, obj_pin(prog, "a/p"));
	EXPECT_EQ(0, sys(truncate("a/m", 100)));
	EXPECT_EQ(100, stat_of("a/m").st_size);
	EXPECT_EQ(0, sys(truncate("a/m", 0)));
	EXPECT_EQ(0, stat_of("a/m").st_size);
	EXPECT_EQ(0, sys(truncate("a/p", 10)));
	EXPECT_EQ(10, stat_of("a/p").st_size);
	EXPECT_EQ(-EISDIR, sys(truncate("a/d", 0)));
	EXPECT_EQ(-EINVAL, sys(truncate("a/m", -1)));
	/* It is still what it was. */
	EXPECT_EQ(obj_id(prog, OBJ_PROG), obj_id(obj_get("a/p"), OBJ_PROG));
}

/* Catches: extended attributes other than those C has, or lost. */
TEST_F(attrs, xattr)
{
	static const char * const paths[] = { "a/m", "a/d", "a", "a/l", "a/p", "a/k" };
	char buf[256];
	unsigned int i;

	/* On the symbolic link itself, too, and on every kind of pin. */
	ASSERT_EQ(0, obj_pin(prog_new(0), "a/p"));
	ASSERT_EQ(0, obj_pin(link_new(-1), "a/k"));
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		const char *path = paths[i];

		EXPECT_EQ(0, sys(llistxattr(path, buf, sizeof(buf))));
		/* The VFS has user.* for files and directories only. */
		EXPECT_EQ(i == 3 ? -EPERM : -EOPNOTSUPP, sys(lsetxattr(path, "user.x", "1", 1, 0)));
		EXPECT_EQ(i == 3 ? -ENODATA : -EOPNOTSUPP,
			  sys(lgetxattr(path, "user.x", buf, sizeof(buf))));
		EXPECT_EQ(-ENODATA, sys(lgetxattr(path, "trusted.x", buf, sizeof(buf))));
		EXPECT_EQ(-ENODATA, sys(lremovexattr(path, "trusted.x")));
		EXPECT_EQ(0, sys(lsetxattr(path, "trusted.x", "value", 5, 0)));
		EXPECT_EQ(-EEXIST, sys(lsetxattr(path, "trusted.x", "w", 1, XATTR_CREATE)));
		EXPECT_EQ(-ENODATA, sys(lsetxattr(path, "trusted.y", "w", 1, XATTR_REPLACE)));
		ASSERT_EQ(5, sys(lgetxattr(path, "trusted.x", buf, sizeof(buf))));
		EXPECT_EQ(0, memcmp(buf, "value", 5));
		EXPECT_EQ(-ERANGE, sys(lgetxattr(path, "trusted.x", buf, 4)));
		EXPECT_EQ(0, sys(lsetxattr(path, "security.test", "s", 1, 0)));
		EXPECT_EQ(10 + 14, sys(llistxattr(path, buf, sizeof(buf))));
		EXPECT_EQ(0, sys(lremovexattr(path, "trusted.x")));
		EXPECT_EQ(14, sys(llistxattr(path, buf, sizeof(buf))));
		EXPECT_STREQ("security.test", buf);
		EXPECT_EQ(-EOPNOTSUPP, sys(lsetxattr(path, "system.posix_acl_access", "", 0, 0)));
	}
}

/* Catches: limits of security.*, which users may set, not kept, or on trusted.*. */
TEST_F(attrs, xattr_limits)
{
	enum { MAX_NR = 128, MAX_SIZE = 128 << 10, MAX_VALUE = 64 << 10 };
	char *value = calloc(1, MAX_VALUE + 1), name[64];
	unsigned int i;

	ASSERT_NE(NULL, value);
	/* By number; replacing one makes no more. */
	for (i = 0; i < MAX_NR; i++) {
		snprintf(name, sizeof(name), "security.%u", i);
		ASSERT_EQ(0, sys(setxattr("a/m", name, "1", 1, 0)));
	}
	EXPECT_EQ(-ENOSPC, sys(setxattr("a/m", "security.x", "1", 1, 0)));
	ASSERT_EQ(0, removexattr("a/m", "security.0"));
	EXPECT_EQ(0, sys(setxattr("a/m", "security.x", "1", 1, 0)));
	EXPECT_EQ(0, sys(setxattr("a/m", "trusted.x", "1", 1, 0)));
	/* Those of another inode are counted apart. */
	EXPECT_EQ(0, sys(setxattr("a/d", "security.x", "1", 1, 0)));

	/* By size. */
	for (i = 0; i < MAX_SIZE / MAX_VALUE; i++) {
		snprintf(name, sizeof(name), "security.%u", i);
		ASSERT_EQ(0, sys(lsetxattr("a/l", name, value, MAX_VALUE, 0)));
	}
	EXPECT_EQ(-ENOSPC, sys(lsetxattr("a/l", "security.x", value, 1, 0)));
	EXPECT_EQ(MAX_VALUE, sys(lgetxattr("a/l", "security.1", value, MAX_VALUE)));
	ASSERT_EQ(0, lremovexattr("a/l", "security.1"));
	EXPECT_EQ(0, sys(lsetxattr("a/l", "security.x", value, 1, 0)));
	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "trusted.%u", i);
		EXPECT_EQ(0, sys(lsetxattr("a/l", name, value, MAX_VALUE, 0)));
	}
	EXPECT_EQ(-E2BIG, sys(lsetxattr("a/l", "trusted.x", value, MAX_VALUE + 1, 0)));
	free(value);
}

/* Catches: names that are cut, mixed up, or lists that do not fit. */
TEST_F(attrs, xattr_names)
{
	char name[XATTR_NAME_MAX + 2], buf[1024];

	memset(name, 'n', sizeof(name));
	memcpy(name, "trusted.", 8);
	name[XATTR_NAME_MAX] = '\0';
	EXPECT_EQ(0, sys(setxattr("a/m", name, "1", 1, 0)));
	EXPECT_EQ(XATTR_NAME_MAX + 1, sys(listxattr("a/m", NULL, 0)));
	EXPECT_EQ(-ERANGE, sys(listxattr("a/m", buf, XATTR_NAME_MAX)));
	EXPECT_EQ(XATTR_NAME_MAX + 1, sys(listxattr("a/m", buf, XATTR_NAME_MAX + 1)));
	EXPECT_STREQ(name, buf);
	name[XATTR_NAME_MAX] = 'n';
	name[XATTR_NAME_MAX + 1] = '\0';
	EXPECT_EQ(-ERANGE, sys(setxattr("a/m", name, "1", 1, 0)));
	EXPECT_EQ(-EINVAL, sys(setxattr("a/m", "trusted.", "1", 1, 0)));
	EXPECT_EQ(-EINVAL, sys(setxattr("a/m", "security.", "1", 1, 0)));
	EXPECT_EQ(-EOPNOTSUPP, sys(setxattr("a/m", "trusted", "1", 1, 0)));
	EXPECT_EQ(-EOPNOTSUPP, sys(setxattr("a/m", "system.x", "1", 1, 0)));
	/* No value is a value. */
	EXPECT_EQ(0, sys(setxattr("a/d", "trusted.empty", "", 0, 0)));
	EXPECT_EQ(0, sys(getxattr("a/d", "trusted.empty", buf, sizeof(buf))));
	/* The same name in both classes. */
	EXPECT_EQ(0, sys(setxattr("a/d", "trusted.same", "t", 1, 0)));
	EXPECT_EQ(0, sys(setxattr("a/d", "security.same", "s", 1, 0)));
	EXPECT_EQ(1, sys(getxattr("a/d", "trusted.same", buf, sizeof(buf))));
	EXPECT_EQ('t', buf[0]);
	/* They belong to the inode, whatever its name is. */
	ASSERT_EQ(0, link("a/m", "a/h"));
	ASSERT_EQ(0, rename("a/m", "a/d/m"));
	name[XATTR_NAME_MAX] = '\0';
	EXPECT_EQ(1, sys(getxattr("a/h", name, buf, sizeof(buf))));
	EXPECT_EQ(0, sys(removexattr("a/d/m", name)));
	EXPECT_EQ(-ENODATA, sys(getxattr("a/h", name, buf, sizeof(buf))));
}

/* Catches: extended attributes changed without the ctime, or by strangers. */
TEST_F(attrs, xattr_permissions)
{
	int64_t before = ctime_of("a/m");
	int status;
	char buf[64];

	tick();
	ASSERT_EQ(0, setxattr("a/m", "trusted.x", "1", 1, 0));
	EXPECT_LT(before, ctime_of("a/m"));
	ASSERT_EQ(0, chown("a/m", NOBODY, NOBODY));
	in_child(&status) {
		ASSERT_EQ(0, become(NOBODY, NOBODY));
		EXPECT_EQ(-EPERM, sys(setxattr("a/m", "trusted.x", "2", 1, 0)));
		EXPECT_EQ(-ENODATA, sys(getxattr("a/m", "trusted.x", buf, sizeof(buf))));
		EXPECT_EQ(0, sys(listxattr("a/m", buf, sizeof(buf))));
		EXPECT_EQ(-EPERM, sys(setxattr("a/m", "security.x", "2", 1, 0)));
	}
	EXPECT_EQ(0, status);
}

/* Catches: file handles, attributes by ioctl, freezing: C has none of them. */
TEST_F(attrs, what_there_is_not)
{
	struct {
		struct file_handle fh;
		char id[128];
	} handle = { .fh.handle_bytes = 128 };
	int fd = open("a", O_RDONLY | O_CLOEXEC), mnt;
	long flags;

	EXPECT_EQ(-EOPNOTSUPP, sys(name_to_handle_at(AT_FDCWD, "a/m", &handle.fh, &mnt, 0)));
	EXPECT_EQ(-ENOTTY, sys(ioctl(fd, FS_IOC_GETFLAGS, &flags)));
	EXPECT_EQ(-ENOTTY, sys(ioctl(fd, FS_IOC_GETVERSION, &flags)));
	EXPECT_EQ(-EOPNOTSUPP, sys(ioctl(fd, FIFREEZE, 0)));
}

BPFFS_TEST_MAIN
