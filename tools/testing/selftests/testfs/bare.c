// SPDX-License-Identifier: GPL-2.0
/* A file system that leaves out all that can be left out: what is done then. */
#include "testfs_harness.h"

FIXTURE(bare) { };
FIXTURE_SETUP(bare)
{
	ASSERT_EQ(0, mount_at(M, BARE, "flag"));
}
FIXTURE_TEARDOWN(bare) { }

/* Catches: mounts that share where nobody said so. */
TEST_F(bare, not_shared)
{
	int status;

	ASSERT_EQ(0, mount_at("b", BARE, NULL));
	EXPECT_NE(dev_of(M), dev_of("b"));
	/* USERNS_MOUNT */
	in_child(&status) {
		ASSERT_EQ(0, userns_unshare(100000, CLONE_NEWNS));
		EXPECT_EQ(-EPERM, sys(mount("none", "b", BARE, 0, NULL)));
	}
	EXPECT_EQ(0, status);
}

/* Catches: options that a remount takes and does nothing with; flags that it does not take. */
TEST_F(bare, no_reconfigure)
{
	struct mountinfo info;
	int fd;

	EXPECT_EQ(-EINVAL, sys(mount(NULL, M, NULL, MS_REMOUNT, "flag")));
	EXPECT_EQ(-EINVAL, sys(mount(NULL, M, NULL, MS_REMOUNT | MS_RDONLY, "flag")));
	ASSERT_TRUE(mountinfo(M, &info));
	EXPECT_STREQ("rw", info.sb_opts);
	EXPECT_EQ(0, sys(mount(NULL, M, NULL, MS_REMOUNT | MS_RDONLY, NULL)));
	ASSERT_TRUE(mountinfo(M, &info));
	EXPECT_STREQ("ro", info.sb_opts);
	EXPECT_EQ(-EROFS, sys(open(M "/a", O_WRONLY | O_CREAT, 0644)));
	EXPECT_EQ(0, sys(mount(NULL, M, NULL, MS_REMOUNT, NULL)));
	fd = sys(syscall(SYS_fspick, AT_FDCWD, M, 0));
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, fs_flag(fd, "flag"));
	EXPECT_TRUE(fs_logged(fd, "takes no options when it is remounted"));
	close(fd);
}

/* Catches: an option that nobody knows and that is taken. */
TEST_F(bare, unknown_options)
{
	EXPECT_EQ(-EINVAL, mount_at("b", BARE, "none"));
	EXPECT_EQ(-EINVAL, mount_at("b", BARE, "flag=1"));
	EXPECT_EQ(-EINVAL, mount_at("b", BARE, "flag,none=1"));
}

/* Catches: a default of a constant or an operation that is not what the documentation says. */
TEST_F(bare, defaults)
{
	struct statfs st;
	int fd = sys(open(M "/a", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0755));
	char buf[8];

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, statfs(M, &st));
	EXPECT_EQ(0x62617265, st.f_type);
	EXPECT_EQ(0, st.f_blocks);
	EXPECT_EQ(0, st.f_files);
	EXPECT_EQ(1, ino_of(M));
	EXPECT_EQ(-EINVAL, sys(read(fd, buf, sizeof(buf))));
	EXPECT_EQ(-EINVAL, sys(write(fd, buf, sizeof(buf))));
	/* MAX_FILE_SIZE */
	EXPECT_EQ(0, sys(ftruncate(fd, INT32_MAX)));
	EXPECT_EQ(-EFBIG, sys(ftruncate(fd, INT32_MAX + 1ll)));
	EXPECT_EQ(INT32_MAX, lseek(fd, 0, SEEK_END));
	close(fd);
	/* EXECUTABLES */
	EXPECT_EQ(-EACCES, sys(access(M "/a", X_OK)));
	EXPECT_EQ(-EACCES, sys(execl(M "/a", "a", NULL)));
	EXPECT_EQ(-EPERM, sys(mkdir(M "/d", 0755)));
	EXPECT_EQ(-EPERM, sys(symlink("a", M "/s")));
	EXPECT_EQ(0, sys(link(M "/a", M "/b")));
	EXPECT_EQ(0, sys(rename(M "/b", M "/c")));
	EXPECT_EQ(0, sys(unlink(M "/c")));
}

static void note_bare(void *noted)
{
	*(long *)noted = slab_settled(BARE_CACHE);
}

static int check_bare(const void *noted)
{
	return slab_check(BARE_CACHE, *(const long *)noted);
}

const struct subject subject = {
	.module = BARE,
	.module_path = "TESTFS_BARE_MODULE",
	.note = note_bare,
	.noted_size = sizeof(long),
	.check = check_bare,
};

int main(int argc, char **argv)
{
	return module_main(argc, argv, run_all_guarded, true);
}
