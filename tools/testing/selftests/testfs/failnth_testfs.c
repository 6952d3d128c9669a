// SPDX-License-Identifier: GPL-2.0
/* Allocations that fail in what notefs does not use of rust/fs; see ../notefs/failnth_notes.c. */
#include "testfs_harness.h"
#include "failnth.h"

FIXTURE(failnth_testfs) { };
FIXTURE_SETUP(failnth_testfs)
{
	ASSERT_EQ(0, failnth_error());
}
FIXTURE_TEARDOWN(failnth_testfs) { }

/* What the kernel writes to, and what prepare() hands on. */
static struct {
	char buf[65536];
	struct stat st;
	int fd;
} my;

static int world_make(void)
{
	return mount_at(M, TESTFS, "label=abc") ?: put(M "/made/file", "abc", 3) ?:
	       put(M "/vetoes/a", "abc", 3) ?: put(M "/vetoes/b", "xy", 2);
}

static int world_kept(void)
{
	if (is_content(M "/made/file", "abc", 3) && is_content(M "/vetoes/a", "abc", 3))
		return 0;
	fprintf(stderr, "# contents are not as before\n");
	return -EIO;
}

static int world_remove(void)
{
	return umount_at(M);
}

static const struct fail_setup world = {
	/* Not the whole of the tree: calls elsewhere look for themselves. */
	.dir = M "/made",
	.make = world_make,
	.kept = world_kept,
	.remove = world_remove,
	.caches = { "mnt_cache", TESTFS_CACHE },
};
#define FAIL_ALL(calls) fail_all_in(&world, calls, ARRAY_SIZE(calls))

static int restore_my_fd(long ret)
{
	return sys(close(my.fd));
}

/* ---- names ---- */

static long call_create(void)
{
	return armed(SYS_open, M "/made/new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
}

/* The file may be there although it could not be opened: that is the kernel's. */
static int restore_create(long ret)
{
	int err = sys(unlink(M "/made/new"));

	if (ret < 0)
		return err == -ENOENT ? 0 : err;
	return restore_fd(ret) ?: err;
}

static long call_create_fails(void)
{
	return armed(SYS_mknod, M "/made/fail", S_IFREG | 0644, 0);
}

static long call_mkdir_fails(void)
{
	return armed(SYS_mkdir, M "/made/fail", 0755);
}

static long call_symlink(void)
{
	return armed(SYS_symlink, "a target that is longer than what an inode could hold itself",
		     M "/vetoes/new");
}

static long call_symlink_fails(void)
{
	return armed(SYS_symlink, "to", M "/made/fail");
}

static long call_link(void)
{
	return armed(SYS_link, M "/vetoes/a", M "/vetoes/new");
}

static int restore_new(long ret)
{
	return undone(ret, sys(unlink(M "/vetoes/new")));
}

static long call_exchange(void)
{
	return armed(SYS_renameat2, AT_FDCWD, M "/vetoes/a", AT_FDCWD, M "/vetoes/b",
		     RENAME_EXCHANGE);
}

static int restore_exchange(long ret)
{
	return ret < 0 ? 0 : rename2(M "/vetoes/a", M "/vetoes/b", RENAME_EXCHANGE);
}

static long call_veto(void)
{
	return armed(SYS_unlink, M "/vetoes/no_file");
}

static const struct call name_calls[] = {
	{ "create", .call = call_create, .restore = restore_create, .also = NO_INODE },
	{ "create_fails", .call = call_create_fails, .result = -EDOM, .also = NO_INODE },
	{ "mkdir_fails", .call = call_mkdir_fails, .result = -EDOM, .also = NO_INODE },
	{ "symlink", .call = call_symlink, .restore = restore_new, .also = NO_INODE },
	{ "symlink_fails", .call = call_symlink_fails, .result = -EDOM, .also = NO_INODE },
	{ "link", .call = call_link, .restore = restore_new },
	{ "exchange", .call = call_exchange, .restore = restore_exchange },
	{ "unlink_refused", .call = call_veto, .result = -EDOM },
};

/* Catches: a name, an inode or half of its data that is left when memory runs out. */
TEST_F_TIMEOUT(failnth_testfs, names, 600)
{
	EXPECT_EQ(0, FAIL_ALL(name_calls));
}

/* ---- names that are looked up ---- */

static int prepare_offer(void)
{
	my.fd = sys(open(M "/files/offer", O_RDWR | O_CLOEXEC));
	if (my.fd < 0)
		return my.fd;
	if (write(my.fd, M "/made/file", strlen(M "/made/file")) < 0 || pread(my.fd, my.buf, 1, 0))
		return -EIO;
	return 0;
}

static long call_stat_offered(void)
{
	return armed(SYS_stat, M "/lookup/offered", &my.st);
}

static long call_stat_denied(void)
{
	return armed(SYS_stat, M "/lookup/denied", &my.st);
}

static long call_stat_itself(void)
{
	return armed(SYS_stat, M "/lookup/itself", &my.st);
}

static int prepare_path(void)
{
	my.fd = sys(open(M "/files/offer", O_RDWR | O_CLOEXEC));
	if (my.fd < 0)
		return my.fd;
	return write(my.fd, M "/made/file", strlen(M "/made/file")) < 0 ? -EIO : 0;
}

static long call_offer(void)
{
	return armed(SYS_pread64, my.fd, my.buf, 1, 0);
}

static const struct call lookup_calls[] = {
	{ "stat_offered", .prepare = prepare_offer, .call = call_stat_offered,
	  .restore = restore_my_fd },
	{ "stat_denied", .call = call_stat_denied, .result = -EDOM },
	{ "stat_itself", .call = call_stat_itself, .result = -EISDIR },
	{ "offer", .prepare = prepare_path, .call = call_offer, .restore = restore_my_fd },
};

/* Catches: a reference that a look-up takes and loses when memory runs out. */
TEST_F_TIMEOUT(failnth_testfs, lookups, 600)
{
	EXPECT_EQ(0, FAIL_ALL(lookup_calls));
}

/* ---- open files ---- */

static long call_open_own(void)
{
	return armed(SYS_open, M "/files/own", O_RDWR | O_CLOEXEC);
}

static long call_open_seeking(void)
{
	return armed(SYS_open, M "/files/seeking", O_RDWR | O_CLOEXEC);
}

static long call_open_refused(void)
{
	return armed(SYS_open, M "/files/refused", O_RDWR | O_CLOEXEC);
}

static long call_open_sequence(void)
{
	return armed(SYS_open, M "/sequences/large", O_RDONLY | O_CLOEXEC);
}

static int prepare_sequence(void)
{
	my.fd = sys(open(M "/sequences/large", O_RDONLY | O_CLOEXEC));
	return my.fd < 0 ? my.fd : 0;
}

static long call_read_sequence(void)
{
	return armed(SYS_read, my.fd, my.buf, sizeof(my.buf));
}

/* After a failure it can be read from where it was: three records of 20,001 bytes. */
static int restore_sequence(long ret)
{
	size_t done = ret < 0 ? 0 : ret;
	ssize_t rest = read_all(my.fd, my.buf + done, sizeof(my.buf) - done);
	bool good = rest >= 0 && done + rest == 60003 && my.buf[60001] == '2' &&
		    my.buf[20000] == '\n';

	return sys(close(my.fd)) ?: good ? 0 : -EBADMSG;
}

static const struct call file_calls[] = {
	{ "open_own", .call = call_open_own, .restore = restore_fd },
	{ "open_seeking", .call = call_open_seeking, .restore = restore_fd },
	{ "open_refused", .call = call_open_refused, .result = -EDOM },
	{ "open_sequence", .call = call_open_sequence, .restore = restore_fd },
	{ "read_sequence", .prepare = prepare_sequence, .call = call_read_sequence,
	  .restore = restore_sequence },
};

/* Catches: data of an open file that is lost, and records that are, when memory runs out. */
TEST_F_TIMEOUT(failnth_testfs, open_files, 600)
{
	EXPECT_EQ(0, FAIL_ALL(file_calls));
}

/* ---- mounting ---- */

static int prepare_place(void)
{
	return mkdir("mnt", 0755) && errno != EEXIST ? -errno : 0;
}

static long call_mount(void)
{
	return armed(SYS_mount, "none", "mnt", TESTFS, 0, "key=1,label=abc");
}

static int restore_mount(long ret)
{
	if (ret < 0)
		return 0;
	/* All of it is there. */
	return exists("mnt/deep/0/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/up") ? umount_at("mnt") :
								       -EBADMSG;
}

static int prepare_shared(void)
{
	return prepare_place() ?: mount_at("first", TESTFS, "key=1");
}

static int restore_shared(long ret)
{
	bool good = ret < 0 || dev_of("mnt") == dev_of("first");

	return restore_mount(ret) ?: umount_at("first") ?: good ? 0 : -EXDEV;
}

static long call_mount_alone(void)
{
	return armed(SYS_mount, "none", "mnt", TESTFS, 0, "key=1,alone");
}

static long call_mount_fails(void)
{
	return armed(SYS_mount, "none", "mnt", TESTFS, 0, "single,fail=last");
}

static long call_mount_no_data(void)
{
	return armed(SYS_mount, "none", "mnt", TESTFS, 0, "fail=data");
}

static long call_remount(void)
{
	return armed(SYS_mount, NULL, M, NULL, MS_REMOUNT, "label=abc");
}

static const struct call mount_calls[] = {
	{ "mount", .prepare = prepare_place, .call = call_mount, .restore = restore_mount,
	  .also = NO_INODE, .seconds = 10 },
	{ "join", .prepare = prepare_shared, .call = call_mount, .restore = restore_shared },
	{ "join_refused", .prepare = prepare_shared, .call = call_mount_alone,
	  .restore = restore_shared, .result = -EMLINK },
	{ "mount_fails", .prepare = prepare_place, .call = call_mount_fails, .result = -EDOM,
	  .also = NO_INODE, .seconds = 10 },
	{ "mount_no_data", .prepare = prepare_place, .call = call_mount_no_data, .result = -EDOM },
	{ "remount", .call = call_remount },
};

/* Catches: a superblock that is half filled, or stays in the index, when memory runs out. */
TEST_F_TIMEOUT(failnth_testfs, mounting, 600)
{
	EXPECT_EQ(0, FAIL_ALL(mount_calls));
}

TESTFS_SUBJECT

static int run(int argc, char **argv)
{
	return failnth_main(argc, argv, NULL, run_all_guarded);
}

int main(int argc, char **argv)
{
	return module_main(argc, argv, run, true);
}
