// SPDX-License-Identifier: GPL-2.0
/* Allocations that fail in each call on the file system, in mounting it, in loading it. */
#include "notefs_harness.h"
#include "failnth.h"

#define PAGE 4096
/* Files of the world in which the calls are made. */
#define FILE_SIZE (3 * PAGE + 100)
#define WRITTEN 20000

FIXTURE(failnth) { };
FIXTURE_VARIANT(failnth) { const char *type; };
TMPFS_VARIANT(failnth)
NOTEFS_VARIANT(failnth)
FIXTURE_SETUP(failnth)
{
	ASSERT_EQ(0, kind_use(variant->type));
	ASSERT_EQ(0, failnth_error());
}
FIXTURE_TEARDOWN(failnth) { }

/* What the kernel writes to, and what prepare() hands on. */
static struct {
	char buf[65536];
	struct stat st;
	struct statfs fs;
	int fd, other, pipes[2];
	struct iovec parts[16];
} my;

/* ---- the world ---- */

static int world_make(void)
{
	return mount_notes(M, "size=1m") ?: put_pattern(M "/file", FILE_SIZE, 1) ?:
	       put_pattern(M "/other", 10, 2) ?: sys(mkdir(M "/dir", 0755)) ?:
	       sys(mkdir(M "/dir/sub", 0755));
}

/* The content of the files is no part of the state that is compared after each call. */
static int world_kept(void)
{
	if (is_pattern(M "/file", FILE_SIZE, 1) && is_pattern(M "/other", 10, 2) &&
	    df_says(M, LIMIT, taken(FILE_SIZE) + taken(10)))
		return 0;
	fprintf(stderr, "# contents or df are not as before\n");
	return -EIO;
}

static int world_remove(void)
{
	return umount_notes(M);
}

static const struct fail_setup world = {
	.dir = M,
	.make = world_make,
	.kept = world_kept,
	.remove = world_remove,
	.caches = { "mnt_cache", NOTEFS_CACHE },
};

#define FAIL_ALL(calls) fail_all_in(&world, calls, ARRAY_SIZE(calls))

static int opened(const char *path, int flags)
{
	my.fd = sys(open(path, flags | O_CLOEXEC, 0644));
	return my.fd < 0 ? my.fd : 0;
}

static int restore_my_fd(long ret)
{
	return sys(close(my.fd));
}

/* ---- names ---- */

static long call_create(void)
{
	return armed(SYS_open, M "/new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
}

/* The file may be there although it could not be opened: that is the kernel's. */
static int restore_create(long ret)
{
	int err = sys(unlink(M "/new"));

	if (ret < 0)
		return err == -ENOENT ? 0 : err;
	return restore_fd(ret) ?: err;
}

static long call_mkdir(void)
{
	return armed(SYS_mkdir, M "/new", 0755);
}

static int restore_mkdir(long ret)
{
	return undone(ret, sys(rmdir(M "/new")));
}

static long call_mknod(void)
{
	return armed(SYS_mknod, M "/new", S_IFREG | 0644, 0);
}

static int restore_name(long ret)
{
	return undone(ret, sys(unlink(M "/new")));
}

static long call_rename(void)
{
	return armed(SYS_rename, M "/file", M "/dir/new");
}

static int restore_rename(long ret)
{
	return undone(ret, sys(rename(M "/dir/new", M "/file")));
}

static int prepare_victim(void)
{
	return put_pattern(M "/victim", 5000, 3);
}

static long call_rename_over(void)
{
	return armed(SYS_rename, M "/file", M "/victim");
}

static int restore_rename_over(long ret)
{
	if (ret < 0)
		return !is_pattern(M "/victim", 5000, 3) ? -EIO : sys(unlink(M "/victim"));
	return sys(rename(M "/victim", M "/file"));
}

static long call_rename_dir(void)
{
	return armed(SYS_rename, M "/dir/sub", M "/new");
}

static int restore_rename_dir(long ret)
{
	return undone(ret, sys(rename(M "/new", M "/dir/sub")));
}

static long call_unlink(void)
{
	return armed(SYS_unlink, M "/victim");
}

static int restore_unlink(long ret)
{
	return undone(ret < 0 ? 0 : -1, sys(unlink(M "/victim")));
}

static int prepare_rmdir(void)
{
	return sys(mkdir(M "/victim", 0755));
}

static long call_rmdir(void)
{
	return armed(SYS_rmdir, M "/victim");
}

static int restore_rmdir(long ret)
{
	return undone(ret < 0 ? 0 : -1, sys(rmdir(M "/victim")));
}

static long call_rmdir_full(void)
{
	return armed(SYS_rmdir, M "/dir");
}

static const struct call name_calls[] = {
	{ "create", .call = call_create, .restore = restore_create, .also = NO_INODE },
	{ "mkdir", .call = call_mkdir, .restore = restore_mkdir, .also = NO_INODE },
	{ "mknod", .call = call_mknod, .restore = restore_name, .also = NO_INODE },
	{ "rename", .call = call_rename, .restore = restore_rename },
	{ "rename_over", .prepare = prepare_victim, .call = call_rename_over,
	  .restore = restore_rename_over },
	{ "rename_dir", .call = call_rename_dir, .restore = restore_rename_dir },
	{ "unlink", .prepare = prepare_victim, .call = call_unlink, .restore = restore_unlink },
	{ "rmdir", .prepare = prepare_rmdir, .call = call_rmdir, .restore = restore_rmdir },
	{ "rmdir_not_empty", .call = call_rmdir_full, .result = -ENOTEMPTY },
};

/* Catches: a name or an inode that is lost or left when memory runs out. */
TEST_F_TIMEOUT(failnth, names, 600)
{
	EXPECT_EQ(0, FAIL_ALL(name_calls));
}

/* ---- contents ---- */

static int prepare_new(void)
{
	pattern(my.buf, sizeof(my.buf), 7, 0);
	return opened(M "/new", O_RDWR | O_CREAT | O_EXCL);
}

static long call_write(void)
{
	return armed(SYS_write, my.fd, my.buf, WRITTEN);
}

/* So much of it is in the file as the call said, and the file is no longer than that. */
static int restore_new(long ret)
{
	bool good = is_pattern(M "/new", ret < 0 ? 0 : ret, 7) &&
		    lseek(my.fd, 0, SEEK_CUR) == (ret < 0 ? 0 : ret);

	return sys(close(my.fd)) ?: sys(unlink(M "/new")) ?: good ? 0 : -EBADMSG;
}

/* A file that has something, to be made longer. */
static int prepare_longer(void)
{
	return prepare_new() ?: write(my.fd, my.buf, 5000) == 5000 ? 0 : -EIO;
}

static long call_write_longer(void)
{
	return armed(SYS_pwrite64, my.fd, my.buf + 5000, WRITTEN - 5000, 5000);
}

static int restore_longer(long ret)
{
	bool good = is_pattern(M "/new", ret < 0 ? 5000 : 5000 + ret, 7);

	return sys(close(my.fd)) ?: sys(unlink(M "/new")) ?: good ? 0 : -EBADMSG;
}

/* In more parts than the kernel has room for on its stack, so that it allocates. */
static void parts(size_t size)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(my.parts); i++)
		my.parts[i] = (struct iovec){ my.buf + i * size, size };
}

static int prepare_over(void)
{
	int err = opened(M "/file", O_RDWR);

	parts(FILE_SIZE / 16);
	pattern(my.buf, sizeof(my.buf), 1, 0);
	return err;
}

static long call_write_over(void)
{
	return armed(SYS_pwritev, my.fd, my.parts, ARRAY_SIZE(my.parts), 0, 0);
}

/* A gap that is zeros, and takes memory where these are kept. */
static long call_write_behind(void)
{
	return armed(SYS_pwrite64, my.fd, "abc", 3, 20000);
}

static int restore_behind(long ret)
{
	off_t size = size_of(M "/new"), want = ret < 0 ? 5000 : 20000 + ret;
	char *data = my.buf + 30000;
	bool good = size == want && pread(my.fd, data, 30000, 0) == size &&
		    pattern_at(data, 5000, 7, 0) &&
		    (ret < 0 || (zeros(data + 5000, 15000) && !memcmp(data + 20000, "abc", ret)));

	return sys(close(my.fd)) ?: sys(unlink(M "/new")) ?: good ? 0 : -EBADMSG;
}

static long call_truncate_up(void)
{
	return armed(SYS_truncate, M "/new", 30000);
}

static int restore_truncated(long ret, off_t to)
{
	off_t size = size_of(M "/new");
	bool good = size == (ret < 0 ? 5000 : to) &&
		    pread(my.fd, my.buf, 100, 0) == 100 && pattern_at(my.buf, 100, 7, 0);

	return sys(close(my.fd)) ?: sys(unlink(M "/new")) ?: good ? 0 : -EBADMSG;
}

static int restore_truncate_up(long ret)
{
	return restore_truncated(ret, 30000);
}

static long call_truncate_down(void)
{
	return armed(SYS_truncate, M "/new", 1000);
}

static int restore_truncate_down(long ret)
{
	return restore_truncated(ret, 1000);
}

static long call_open_truncate(void)
{
	return armed(SYS_open, M "/new", O_WRONLY | O_TRUNC | O_CLOEXEC);
}

static int restore_open_truncate(long ret)
{
	off_t size = size_of(M "/new");
	bool good = ret < 0 ? size == 5000 || !size : !size;

	return restore_fd(ret) ?: sys(close(my.fd)) ?: sys(unlink(M "/new")) ?:
	       good ? 0 : -EBADMSG;
}

static int prepare_read(void)
{
	int err = opened(M "/file", O_RDONLY);

	parts(1000);
	memset(my.buf, 0, sizeof(my.buf));
	return err;
}

static long call_read(void)
{
	return armed(SYS_preadv, my.fd, my.parts, ARRAY_SIZE(my.parts), 0, 0);
}

static int restore_read(long ret)
{
	bool good = ret < 0 || (ret <= FILE_SIZE && pattern_at(my.buf, ret, 1, 0));

	return sys(close(my.fd)) ?: good ? 0 : -EBADMSG;
}

static int prepare_splice(void)
{
	return opened(M "/file", O_RDONLY) ?: sys(pipe2(my.pipes, O_CLOEXEC));
}

static long call_splice(void)
{
	return armed(SYS_splice, my.fd, &(loff_t){ 0 }, my.pipes[1], NULL, 2 * PAGE, 0);
}

static int restore_splice(long ret)
{
	bool good = ret < 0 || (read(my.pipes[0], my.buf, sizeof(my.buf)) == ret &&
				pattern_at(my.buf, ret, 1, 0));

	close(my.pipes[0]);
	close(my.pipes[1]);
	return sys(close(my.fd)) ?: good ? 0 : -EBADMSG;
}

static long call_open(void)
{
	return armed(SYS_open, M "/file", O_RDWR | O_CLOEXEC);
}

/* The last reference to a file that has no name any more. */
static int prepare_unlinked(void)
{
	return prepare_longer() ?: sys(unlink(M "/new"));
}

static long call_close(void)
{
	return armed(SYS_close, my.fd);
}

static const struct call content_calls[] = {
	{ "open", .call = call_open, .restore = restore_fd },
	{ "write_new", .prepare = prepare_new, .call = call_write, .restore = restore_new },
	{ "write_longer", .prepare = prepare_longer, .call = call_write_longer,
	  .restore = restore_longer },
	{ "write_over", .prepare = prepare_over, .call = call_write_over,
	  .restore = restore_my_fd },
	{ "write_behind", .prepare = prepare_longer, .call = call_write_behind,
	  .restore = restore_behind },
	{ "truncate_up", .prepare = prepare_longer, .call = call_truncate_up,
	  .restore = restore_truncate_up },
	{ "truncate_down", .prepare = prepare_longer, .call = call_truncate_down,
	  .restore = restore_truncate_down },
	{ "open_truncate", .prepare = prepare_longer, .call = call_open_truncate,
	  .restore = restore_open_truncate },
	{ "read", .prepare = prepare_read, .call = call_read, .restore = restore_read },
	{ "splice", .prepare = prepare_splice, .call = call_splice, .restore = restore_splice },
	{ "close_unlinked", .prepare = prepare_unlinked, .call = call_close, .no_points = true },
};

/* Catches: content that is half written and said to be whole, or room that nobody uses. */
TEST_F_TIMEOUT(failnth, contents, 600)
{
	EXPECT_EQ(0, FAIL_ALL(content_calls));
}

/* ---- looking, attributes ---- */

static long call_stat(void)
{
	return armed(SYS_stat, M "/file", &my.st);
}

static long call_stat_none(void)
{
	return armed(SYS_stat, M "/none", &my.st);
}

static long call_statfs(void)
{
	return armed(SYS_statfs, M, &my.fs);
}

static long call_opendir(void)
{
	return armed(SYS_open, M "/dir", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static long call_chmod(void)
{
	return armed(SYS_chmod, M "/file", 0640);
}

static int restore_mode(long ret)
{
	return ret < 0 ? 0 : sys(chmod(M "/file", 0644));
}

static long call_chown(void)
{
	return armed(SYS_chown, M "/file", 3, 4);
}

static int restore_owner(long ret)
{
	return ret < 0 ? 0 : sys(chown(M "/file", 0, 0));
}

static long call_utimensat(void)
{
	return armed(SYS_utimensat, AT_FDCWD, M "/file", NULL, 0);
}

static const struct call attribute_calls[] = {
	{ "stat", .call = call_stat },
	{ "stat_none", .call = call_stat_none, .result = -ENOENT },
	{ "statfs", .call = call_statfs },
	{ "opendir", .call = call_opendir, .restore = restore_fd },
	{ "chmod", .call = call_chmod, .restore = restore_mode },
	{ "chown", .call = call_chown, .restore = restore_owner },
	{ "utimensat", .call = call_utimensat },
};

/* Catches: a reference that looking leaves, half of a change, when memory runs out. */
TEST_F_TIMEOUT(failnth, attributes, 600)
{
	EXPECT_EQ(0, FAIL_ALL(attribute_calls));
}

/* ---- mounting ---- */

static int prepare_place(void)
{
	return mkdir("mnt", 0755) && errno != EEXIST ? -errno : 0;
}

static long call_mount(void)
{
	return armed(SYS_mount, "none", "mnt", kind->type, 0, "size=64k");
}

static long call_mount_bad(void)
{
	return armed(SYS_mount, "none", "mnt", kind->type, 0, "size=abc");
}

static int restore_mount(long ret)
{
	/* The root is one as it is to be. */
	if (ret >= 0 && (!df_says("mnt", 64 << 10, 0) || put_pattern("mnt/file", 100, 1)))
		return -EBADMSG;
	return ret < 0 ? 0 : umount_notes("mnt");
}

static int prepare_full(void)
{
	return prepare_place() ?: mount_notes("mnt", "size=64k") ?:
	       sys(mkdir("mnt/dir", 0755)) ?: put_pattern("mnt/dir/file", 50000, 1);
}

static long call_umount(void)
{
	return armed(SYS_umount2, "mnt", 0);
}

static int restore_umount(long ret)
{
	return ret < 0 ? umount_notes("mnt") : 0;
}

static long call_remount(void)
{
	return armed(SYS_mount, NULL, M, NULL, MS_REMOUNT, NULL);
}

static long call_fsopen(void)
{
	return armed(SYS_fsopen, kind->type, FSOPEN_CLOEXEC);
}

static int prepare_fs(void)
{
	my.fd = fs_open_type(kind->type);
	return my.fd < 0 ? my.fd : 0;
}

static long call_set_size(void)
{
	return armed(SYS_fsconfig, my.fd, FSCONFIG_SET_STRING, "size", "64k", 0);
}

static long call_create_sb(void)
{
	return armed(SYS_fsconfig, my.fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

static const struct call mount_calls[] = {
	{ "mount", .prepare = prepare_place, .call = call_mount, .restore = restore_mount,
	  .also = NO_INODE },
	{ "mount_bad", .prepare = prepare_place, .call = call_mount_bad, .result = -EINVAL },
	{ "umount", .prepare = prepare_full, .call = call_umount, .restore = restore_umount },
	{ "remount", .call = call_remount },
	{ "fsopen", .call = call_fsopen, .restore = restore_fd },
	{ "set_size", .prepare = prepare_fs, .call = call_set_size, .restore = restore_my_fd },
	{ "create_sb", .prepare = prepare_fs, .call = call_create_sb, .restore = restore_my_fd,
	  .also = NO_INODE },
};

/* Catches: a superblock, a context or a reference to the module that a failed mount leaves. */
TEST_F_TIMEOUT(failnth, mounting, 600)
{
	EXPECT_EQ(0, FAIL_ALL(mount_calls));
}

/* ---- of notefs alone ---- */

static char whole[4096];

static int prepare_stats(void)
{
	return read_file(M "/stats", whole, sizeof(whole)) <= 0 ? -EIO :
	       opened(M "/stats", O_RDONLY);
}

static long call_open_stats(void)
{
	return armed(SYS_open, M "/stats", O_RDONLY | O_CLOEXEC);
}

static long call_read_stats(void)
{
	return armed(SYS_read, my.fd, my.buf, sizeof(my.buf));
}

/* After a failure it can be read from where it was. */
static int restore_stats(long ret)
{
	size_t done = ret < 0 ? 0 : ret;
	ssize_t rest = read_all(my.fd, my.buf + done, sizeof(my.buf) - done);
	bool good = rest >= 0 && done + rest == strlen(whole) &&
		    !memcmp(my.buf, whole, strlen(whole));

	return sys(close(my.fd)) ?: good ? 0 : -EBADMSG;
}

static const struct call stats_calls[] = {
	{ "open_stats", .call = call_open_stats, .restore = restore_fd },
	{ "read_stats", .prepare = prepare_stats, .call = call_read_stats,
	  .restore = restore_stats },
};

FIXTURE(failnth_ours) { };
FIXTURE_VARIANT(failnth_ours) { const char *type; };
NOTEFS_VARIANT(failnth_ours)
FIXTURE_SETUP(failnth_ours)
{
	ASSERT_EQ(0, kind_use(variant->type));
	ASSERT_EQ(0, failnth_error());
}
FIXTURE_TEARDOWN(failnth_ours) { }

/* Catches: lines that are lost, or a buffer that is, when memory runs out. */
TEST_F_TIMEOUT(failnth_ours, stats, 600)
{
	EXPECT_EQ(0, FAIL_ALL(stats_calls));
}

static int module_fd;

static int nothing_left(void)
{
	int fs = fs_open_type(NOTEFS);

	if (fs != -ENODEV || exists("/sys/module/" NOTEFS) ||
	    exists("/sys/kernel/slab/" NOTEFS_CACHE)) {
		fprintf(stderr, "# something of the module is left\n");
		return -EEXIST;
	}
	return 0;
}

static long call_init(void)
{
	return armed(SYS_finit_module, module_fd, "", 0);
}

static int restore_init(long ret)
{
	if (ret < 0)
		return nothing_left();
	return mount_notes(M, NULL) ?: umount_notes(M) ?: module_remove() ?: nothing_left();
}

/* Catches: what a module that cannot be loaded leaves, or does not tell. */
TEST_F_TIMEOUT(failnth_ours, loading, 3600)
{
	static const struct call call = {
		"finit_module", .call = call_init, .restore = restore_init, .seconds = 15,
	};
	int refs = module_refcnt();

	module_fd = sys(open(getenv("NOTEFS_MODULE") ?: "", O_RDONLY | O_CLOEXEC));
	ASSERT_LE(0, module_fd);
	ASSERT_EQ(0, refs);
	/* The guard's eyes are on inodes: there are none any more. */
	ASSERT_EQ(0, module_remove());
	/* The file is in memory then, and not read with further allocations. */
	ASSERT_EQ(0, module_insert(NULL) ?: module_remove());
	EXPECT_EQ(0, fail_each(&call, NULL));
	EXPECT_EQ(0, module_insert(NULL));
}

static int run(int argc, char **argv)
{
	return failnth_main(argc, argv, NULL, run_all_guarded);
}

int main(int argc, char **argv)
{
	return notefs_main(argc, argv, run, true);
}
