// SPDX-License-Identifier: GPL-2.0
/* Allocations that fail in calls on names, attributes and contents. */
#include <sys/inotify.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "bpffs_harness.h"
#include "whatis.h"
#include "world.h"

BPFFS_FIXTURE(failnth_files);

/* What the kernel writes to, and what prepare() hands on. */
static struct {
	char buf[65536];
	struct stat st;
	struct statx stx;
	struct statfs fs;
	int fd;
} my;

/* A pin that is its object's only owner. */
static int pin_new(const char *path)
{
	int map = map_new(), err = obj_pin(map, path);

	close(map);
	return err;
}

static int opened(const char *path, int flags)
{
	my.fd = sys(open(path, flags | O_CLOEXEC));
	return my.fd < 0 ? my.fd : 0;
}

static int restore_my_fd(long ret)
{
	return sys(close(my.fd));
}

/* ---- names ---- */

static long call_mkdir(void)
{
	return armed(SYS_mkdir, "bpf/new", 0755);
}

static int restore_dir(long ret)
{
	return undone(ret, sys(rmdir("bpf/new")));
}

static int restore_name(long ret)
{
	return undone(ret, sys(unlink("bpf/new")));
}

static long call_symlink(void)
{
	return armed(SYS_symlink, "somewhere", "bpf/new");
}

static long call_link(void)
{
	return armed(SYS_link, "bpf/array", "bpf/new");
}

static long call_mknod(void)
{
	return armed(SYS_mknod, "bpf/new", S_IFIFO | 0644, 0);
}

static long call_rename(void)
{
	return armed(SYS_rename, "bpf/array", "bpf/dir/new");
}

static int restore_rename(long ret)
{
	return undone(ret, sys(rename("bpf/dir/new", "bpf/array")));
}

static int prepare_victim(void)
{
	return pin_new("bpf/victim");
}

static long call_rename_over(void)
{
	return armed(SYS_rename, "bpf/array", "bpf/victim");
}

static int restore_rename_over(long ret)
{
	return ret < 0 ? sys(unlink("bpf/victim")) : sys(rename("bpf/victim", "bpf/array"));
}

static long call_exchange(void)
{
	return armed(SYS_renameat2, AT_FDCWD, "bpf/array", AT_FDCWD, "bpf/dir/sub",
		     RENAME_EXCHANGE);
}

static int restore_exchange(long ret)
{
	return ret < 0 ? 0 : sys(renameat2(AT_FDCWD, "bpf/array", AT_FDCWD, "bpf/dir/sub",
					   RENAME_EXCHANGE));
}

static long call_rename_dotted(void)
{
	return armed(SYS_rename, "bpf/array", "bpf/a.b");
}

static long call_unlink(void)
{
	return armed(SYS_unlink, "bpf/victim");
}

static int restore_unlink(long ret)
{
	return undone(ret < 0 ? 0 : -1, sys(unlink("bpf/victim")));
}

static int prepare_rmdir(void)
{
	return sys(mkdir("bpf/victim", 0755));
}

static long call_rmdir(void)
{
	return armed(SYS_rmdir, "bpf/victim");
}

static int restore_rmdir(long ret)
{
	return undone(ret < 0 ? 0 : -1, sys(rmdir("bpf/victim")));
}

static long call_rmdir_full(void)
{
	return armed(SYS_rmdir, "bpf/dir");
}

static const struct call name_calls[] = {
	{ "mkdir", .call = call_mkdir, .restore = restore_dir, .also = NO_INODE },
	{ "symlink", .call = call_symlink, .restore = restore_name, .also = NO_INODE },
	{ "link", .call = call_link, .restore = restore_name },
	{ "mknod_refused", .call = call_mknod, .result = -EPERM },
	{ "rename", .call = call_rename, .restore = restore_rename },
	{ "rename_over", .prepare = prepare_victim, .call = call_rename_over,
	  .restore = restore_rename_over },
	{ "rename_exchange", .call = call_exchange, .restore = restore_exchange },
	{ "rename_dotted", .call = call_rename_dotted, .result = -EPERM },
	{ "unlink", .prepare = prepare_victim, .call = call_unlink,
	  .restore = restore_unlink },
	{ "rmdir", .prepare = prepare_rmdir, .call = call_rmdir, .restore = restore_rmdir },
	{ "rmdir_not_empty", .call = call_rmdir_full, .result = -ENOTEMPTY },
};

/* Catches: a name, or the object behind it, that is lost or left when memory runs out. */
TEST_F_TIMEOUT(failnth_files, names, 300)
{
	EXPECT_EQ(0, FAIL_ALL(name_calls));
}

/* ---- names in a directory that is watched ---- */

static int watch(void)
{
	my.fd = sys(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
	if (my.fd < 0)
		return my.fd;
	return inotify_add_watch(my.fd, "bpf", IN_CREATE | IN_DELETE | IN_MOVE) < 0 ? -errno : 0;
}

/* An event if there was one, or that one was lost; else none. */
static int told(long ret)
{
	int len = sys(read(my.fd, my.buf, sizeof(my.buf)));

	close(my.fd);
	if (ret < 0)
		return len == -EAGAIN ? 0 : -EBADMSG;
	return len < 0 ? len : 0;
}

static long call_pin(void)
{
	union bpf_attr attr = { .pathname = (uintptr_t)"bpf/new", .bpf_fd = world.text };

	return armed(SYS_bpf, BPF_OBJ_PIN, &attr, sizeof(attr));
}

static int restore_watched_name(long ret)
{
	return told(ret) ?: restore_name(ret);
}

static int restore_watched_dir(long ret)
{
	return told(ret) ?: restore_dir(ret);
}

static int restore_watched_rename(long ret)
{
	return told(ret) ?: restore_rename(ret);
}

static int prepare_watched_victim(void)
{
	return prepare_victim() ?: watch();
}

static int restore_watched_unlink(long ret)
{
	return told(ret) ?: restore_unlink(ret);
}

static const struct call watched_calls[] = {
	{ "pin_watched", .prepare = watch, .call = call_pin,
	  .restore = restore_watched_name, .also = NO_INODE },
	{ "mkdir_watched", .prepare = watch, .call = call_mkdir,
	  .restore = restore_watched_dir, .also = NO_INODE },
	{ "link_watched", .prepare = watch, .call = call_link,
	  .restore = restore_watched_name },
	{ "rename_watched", .prepare = watch, .call = call_rename,
	  .restore = restore_watched_rename },
	{ "unlink_watched", .prepare = prepare_watched_victim, .call = call_unlink,
	  .restore = restore_watched_unlink },
};

/* Catches: a name, or a reference to it, that an event leaves for which there is no memory. */
TEST_F_TIMEOUT(failnth_files, watched, 300)
{
	EXPECT_EQ(0, FAIL_ALL(watched_calls));
}

/* ---- looking ---- */

static long call_stat(void)
{
	return armed(SYS_stat, "bpf/array", &my.st);
}

static long call_stat_symlink(void)
{
	return armed(SYS_stat, "bpf/symlink", &my.st);
}

static long call_stat_none(void)
{
	return armed(SYS_stat, "bpf/none", &my.st);
}

static long call_stat_dotted(void)
{
	return armed(SYS_stat, "bpf/a.b", &my.st);
}

static long call_statx(void)
{
	return armed(SYS_statx, AT_FDCWD, "bpf/dir", 0, STATX_ALL, &my.stx);
}

static long call_statfs(void)
{
	return armed(SYS_statfs, "bpf", &my.fs);
}

static long call_readlink(void)
{
	return armed(SYS_readlink, "bpf/symlink", my.buf, sizeof(my.buf));
}

static long call_access(void)
{
	return armed(SYS_access, "bpf/array", R_OK);
}

static long call_opendir(void)
{
	return armed(SYS_open, "bpf", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int prepare_readdir(void)
{
	return opened("bpf", O_RDONLY | O_DIRECTORY);
}

static long call_readdir(void)
{
	return armed(SYS_getdents64, my.fd, my.buf, sizeof(my.buf));
}

static const struct call look_calls[] = {
	{ "stat", .call = call_stat },
	{ "stat_symlink", .call = call_stat_symlink },
	{ "stat_none", .call = call_stat_none, .result = -ENOENT },
	{ "stat_dotted", .call = call_stat_dotted, .result = -EPERM },
	{ "statx", .call = call_statx },
	{ "statfs", .call = call_statfs },
	{ "readlink", .call = call_readlink },
	{ "access", .call = call_access },
	{ "opendir", .call = call_opendir, .restore = restore_fd },
	{ "readdir", .prepare = prepare_readdir, .call = call_readdir,
	  .restore = restore_my_fd, .no_points = true },
};

/* Catches: a reference that looking leaves when memory runs out. */
TEST_F_TIMEOUT(failnth_files, looking, 300)
{
	EXPECT_EQ(0, FAIL_ALL(look_calls));
}

/* ---- attributes ---- */

static long call_chmod(void)
{
	return armed(SYS_chmod, "bpf/array", 0640);
}

static int restore_mode(long ret)
{
	return ret < 0 ? 0 : sys(chmod("bpf/array", 0600));
}

static long call_chown(void)
{
	return armed(SYS_chown, "bpf/array", 3, 4);
}

static int restore_owner(long ret)
{
	return ret < 0 ? 0 : sys(chown("bpf/array", 0, 0));
}

static long call_utimensat(void)
{
	return armed(SYS_utimensat, AT_FDCWD, "bpf/array", NULL, 0);
}

static const struct call attribute_calls[] = {
	{ "chmod", .call = call_chmod, .restore = restore_mode },
	{ "chown", .call = call_chown, .restore = restore_owner },
	{ "utimensat", .call = call_utimensat },
};

/* Catches: half of a change when memory runs out. */
TEST_F_TIMEOUT(failnth_files, attributes, 300)
{
	EXPECT_EQ(0, FAIL_ALL(attribute_calls));
}

/* ---- extended attributes ---- */

#define SHORT "short"
#define LONG "longer than any that fits into what was allocated for the one before"

static long call_set_trusted(void)
{
	return armed(SYS_setxattr, "bpf/array", "trusted.a", SHORT, sizeof(SHORT), 0);
}

static int remove_xattr(const char *path, const char *name, long ret)
{
	int err = sys(lremovexattr(path, name));

	return ret >= 0 ? err : err == -ENODATA ? 0 : err ?: -EEXIST;
}

static int restore_trusted(long ret)
{
	return remove_xattr("bpf/array", "trusted.a", ret);
}

static long call_set_security(void)
{
	return armed(SYS_setxattr, "bpf/array", "security.a", LONG, sizeof(LONG), 0);
}

static int restore_security(long ret)
{
	return remove_xattr("bpf/array", "security.a", ret);
}

static long call_set_big(void)
{
	return armed(SYS_setxattr, "bpf/array", "trusted.a", my.buf, 60000, 0);
}

static long call_set_symlink(void)
{
	return armed(SYS_lsetxattr, "bpf/symlink", "trusted.a", SHORT, sizeof(SHORT), 0);
}

static int restore_symlink(long ret)
{
	return remove_xattr("bpf/symlink", "trusted.a", ret);
}

/* One of each kind on the array. */
static int prepare_xattrs(void)
{
	return sys(setxattr("bpf/array", "trusted.a", SHORT, sizeof(SHORT), 0)) ?:
	       sys(setxattr("bpf/array", "security.a", SHORT, sizeof(SHORT), 0));
}

static int restore_xattrs(long ret)
{
	return sys(removexattr("bpf/array", "trusted.a")) ?:
	       sys(removexattr("bpf/array", "security.a"));
}

static long call_replace_trusted(void)
{
	return armed(SYS_setxattr, "bpf/array", "trusted.a", LONG, sizeof(LONG), XATTR_REPLACE);
}

static long call_replace_security(void)
{
	return armed(SYS_setxattr, "bpf/array", "security.a", LONG, sizeof(LONG), 0);
}

static long call_create_existing(void)
{
	return armed(SYS_setxattr, "bpf/array", "security.a", LONG, sizeof(LONG), XATTR_CREATE);
}

static long call_getxattr(void)
{
	return armed(SYS_getxattr, "bpf/array", "security.a", my.buf, sizeof(my.buf));
}

static long call_listxattr(void)
{
	return armed(SYS_listxattr, "bpf/array", my.buf, sizeof(my.buf));
}

static int prepare_trusted(void)
{
	return sys(setxattr("bpf/array", "trusted.a", SHORT, sizeof(SHORT), 0));
}

static long call_remove_trusted(void)
{
	return armed(SYS_removexattr, "bpf/array", "trusted.a");
}

static int restore_removed_trusted(long ret)
{
	return remove_xattr("bpf/array", "trusted.a", ret < 0 ? 0 : -1);
}

static int prepare_security(void)
{
	return sys(setxattr("bpf/array", "security.a", SHORT, sizeof(SHORT), 0));
}

static long call_remove_security(void)
{
	return armed(SYS_removexattr, "bpf/array", "security.a");
}

static int restore_removed_security(long ret)
{
	return remove_xattr("bpf/array", "security.a", ret < 0 ? 0 : -1);
}

static const struct call xattr_calls[] = {
	{ "setxattr_trusted", .call = call_set_trusted, .restore = restore_trusted },
	{ "setxattr_security", .call = call_set_security, .restore = restore_security },
	{ "setxattr_big", .call = call_set_big, .restore = restore_trusted },
	{ "setxattr_symlink", .call = call_set_symlink, .restore = restore_symlink },
	{ "setxattr_replace_trusted", .prepare = prepare_xattrs,
	  .call = call_replace_trusted, .restore = restore_xattrs },
	{ "setxattr_replace_security", .prepare = prepare_xattrs,
	  .call = call_replace_security, .restore = restore_xattrs },
	{ "setxattr_exists", .prepare = prepare_xattrs, .call = call_create_existing,
	  .restore = restore_xattrs, .result = -EEXIST },
	{ "getxattr", .prepare = prepare_xattrs, .call = call_getxattr,
	  .restore = restore_xattrs },
	{ "listxattr", .prepare = prepare_xattrs, .call = call_listxattr,
	  .restore = restore_xattrs },
	{ "removexattr_trusted", .prepare = prepare_trusted, .call = call_remove_trusted,
	  .restore = restore_removed_trusted },
	{ "removexattr_security", .prepare = prepare_security,
	  .call = call_remove_security, .restore = restore_removed_security },
};

/* Catches: a value that is lost or left when memory runs out. */
TEST_F_TIMEOUT(failnth_files, xattrs, 300)
{
	EXPECT_EQ(0, FAIL_ALL(xattr_calls));
}

static long call_whatis_map(void)
{
	return armed(SYS_getxattr, "bpf/array", "bpf.type", my.buf, sizeof(my.buf));
}

static long call_whatis_prog(void)
{
	return armed(SYS_getxattr, "bpf/prog", "bpf.tag", my.buf, sizeof(my.buf));
}

static long call_whatis_link(void)
{
	return armed(SYS_getxattr, "bpf/link", "bpf.attached", my.buf, sizeof(my.buf));
}

static long call_whatis_instance(void)
{
	return armed(SYS_getxattr, "bpf", "bpf.instance", my.buf, sizeof(my.buf));
}

static long call_whatis_nothing(void)
{
	return armed(SYS_getxattr, "bpf/prog", "bpf.nothing", my.buf, sizeof(my.buf));
}

/* Catches: an attribute that needs memory of its own, or that is wrong without. */
TEST_F_TIMEOUT(failnth_files, whatis, 300)
{
	const int result = on_ours_ret(0);
	const struct call calls[] = {
		{ "whatis_map", .call = call_whatis_map, .result = result },
		{ "whatis_prog", .call = call_whatis_prog, .result = result },
		{ "whatis_link", .call = call_whatis_link, .result = result },
		{ "whatis_instance", .call = call_whatis_instance, .result = result },
		{ "whatis_nothing", .call = call_whatis_nothing, .result = on_ours_ret(-ENODATA) },
	};

	EXPECT_EQ(0, FAIL_ALL(calls));
}

/* ---- contents ---- */

static long call_open_map(void)
{
	return armed(SYS_open, "bpf/text", O_RDONLY | O_CLOEXEC);
}

static long call_open_prog(void)
{
	return armed(SYS_open, "bpf/prog", O_RDONLY | O_CLOEXEC);
}

static int prepare_text(void)
{
	return opened("bpf/text", O_RDONLY);
}

static long call_read(void)
{
	return armed(SYS_read, my.fd, my.buf, sizeof(my.buf));
}

static int prepare_hash(void)
{
	return opened("bpf/hash", O_RDONLY);
}

/* The 60th byte is in the middle of the first lines. */
static int prepare_piece(void)
{
	int err = opened("bpf/text", O_RDONLY);

	return err ?: read(my.fd, my.buf, 60) == 60 ? 0 : -EIO;
}

static long call_close(void)
{
	return armed(SYS_close, my.fd);
}

static long call_open_iter(void)
{
	return armed(SYS_open, "bpf/iter", O_RDONLY | O_CLOEXEC);
}

static int prepare_iter(void)
{
	return opened("bpf/iter", O_RDONLY);
}

static const struct call content_calls[] = {
	{ "open_map", .call = call_open_map, .restore = restore_fd },
	{ "open_unreadable", .call = call_open_prog, .restore = restore_fd,
	  .result = -EIO },
	{ "read_array", .prepare = prepare_text, .call = call_read,
	  .restore = restore_my_fd },
	{ "read_hash", .prepare = prepare_hash, .call = call_read,
	  .restore = restore_my_fd },
	{ "read_second_piece", .prepare = prepare_piece, .call = call_read,
	  .restore = restore_my_fd, .no_points = true },
	{ "close_map", .prepare = prepare_piece, .call = call_close, .no_points = true },
	{ "open_iter", .call = call_open_iter, .restore = restore_fd },
	{ "read_iter", .prepare = prepare_iter, .call = call_read,
	  .restore = restore_my_fd },
	{ "close_iter", .prepare = prepare_iter, .call = call_close, .no_points = true },
};

/* Catches: a file or its iterator that is left or half made when memory runs out. */
TEST_F_TIMEOUT(failnth_files, contents, 300)
{
	EXPECT_EQ(0, FAIL_ALL(content_calls));
}

FAILNTH_MAIN
