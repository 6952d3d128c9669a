// SPDX-License-Identifier: GPL-2.0
/* Contexts: options, which superblock a mount shows, each step that can fail. */
#include "testfs_harness.h"

GUARDED_FIXTURE(sharing)
GUARDED_FIXTURE(mounting)

static int mount_m(const char *opts)
{
	return mount_at(M, TESTFS, opts);
}

/* ---- who shares ---- */

/* Catches: mounts that share and have not asked for it. */
TEST_F(sharing, independent)
{
	ASSERT_EQ(0, mount_m(NULL));
	ASSERT_EQ(0, mount_at("b", TESTFS, NULL));
	ASSERT_EQ(0, mount_at("c", TESTFS, "single"));
	ASSERT_EQ(0, mount_at("d", TESTFS, "key=0"));
	EXPECT_NE(dev_of(M), dev_of("b"));
	EXPECT_NE(dev_of(M), dev_of("c"));
	EXPECT_NE(dev_of(M), dev_of("d"));
	EXPECT_NE(dev_of("c"), dev_of("d"));
}

/* Catches: a second one of what there is but one of; one that goes too early, or stays. */
TEST_F(sharing, single)
{
	long instances = live(SUPER_BLOCKS), fills = made(FILLS);

	ASSERT_EQ(0, mount_m("single,label=first"));
	ASSERT_EQ(0, mount_at("b", TESTFS, "single,label=second"));
	EXPECT_EQ(dev_of(M), dev_of("b"));
	EXPECT_EQ(0, put(M "/made/a", "abc", 3));
	EXPECT_TRUE(is_content("b/made/a", "abc", 3));
	EXPECT_EQ(instances + 1, live(SUPER_BLOCKS));
	ASSERT_EQ(0, umount_at(M));
	ASSERT_EQ(0, mount_m("single"));
	EXPECT_TRUE(is_content(M "/made/a", "abc", 3));
	ASSERT_EQ(0, umount_at(M));
	ASSERT_EQ(0, umount_at("b"));
	EXPECT_EQ(instances, live(SUPER_BLOCKS));
	ASSERT_EQ(0, mount_m("single"));
	EXPECT_EQ(-ENOENT, size_of(M "/made/a"));
	/* Two of these, and those that were counted by. */
	EXPECT_LE(fills + 2, made(FILLS));
}

/* Catches: keys that are mixed up: other numbers, more than 32 bits, other user namespaces. */
TEST_F(sharing, keyed)
{
	static const char *const keys[] = {
		"key=0", "key=1", "key=0x100000001", "key=0x100000000", "key=0xffffffffffffffff",
	};
	char dir[8], again[8];
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		snprintf(dir, sizeof(dir), "a%u", i);
		snprintf(again, sizeof(again), "b%u", i);
		ASSERT_EQ(0, mount_at(dir, TESTFS, keys[i]));
		ASSERT_EQ(0, mount_at(again, TESTFS, keys[i]));
		EXPECT_EQ(dev_of(dir), dev_of(again));
		for (j = 0; j < i; j++) {
			snprintf(again, sizeof(again), "a%u", j);
			EXPECT_NE(dev_of(dir), dev_of(again));
		}
	}
	EXPECT_EQ(-ERANGE, mount_m("key=0x10000000000000000"));
	EXPECT_EQ(-EINVAL, mount_m("key=x"));
}

/* Catches: somebody who is shown what belongs to another user namespace. */
TEST_F(sharing, user_namespaces)
{
	dev_t keyed;
	int status;

	ASSERT_EQ(0, mount_m("single"));
	ASSERT_EQ(0, mount_at("b", TESTFS, "key=1"));
	keyed = dev_of("b");
	in_child(&status) {
		int fs;

		ASSERT_EQ(0, userns_unshare(100000, CLONE_NEWNS));
		ASSERT_EQ(0, sys(mount("tmpfs", "/tmp", "tmpfs", 0, NULL)));
		ASSERT_EQ(0, sys(chdir("/tmp")));
		EXPECT_EQ(-EBUSY, mount_at("s", TESTFS, "single"));
		fs = fs_open_type(TESTFS);
		ASSERT_LE(0, fs);
		ASSERT_EQ(0, fs_flag(fs, "single"));
		EXPECT_EQ(-EBUSY, fs_create(fs));
		EXPECT_TRUE(fs_logged(fs, "another namespace"));
		close(fs);
		EXPECT_EQ(0, mount_at("k", TESTFS, "key=1"));
		EXPECT_NE(keyed, dev_of("k"));
		EXPECT_EQ(0, mount_at("l", TESTFS, "key=1"));
		EXPECT_EQ(dev_of("k"), dev_of("l"));
		EXPECT_EQ(0, mount_at("i", TESTFS, NULL));
	}
	EXPECT_EQ(0, status);
	/* The other's is in nobody's way. */
	ASSERT_EQ(0, mount_at("c", TESTFS, "key=1"));
	EXPECT_EQ(keyed, dev_of("c"));
	ASSERT_EQ(0, umount_at(M));
	in_child(&status) {
		ASSERT_EQ(0, userns_unshare(100000, CLONE_NEWNS));
		ASSERT_EQ(0, sys(mount("tmpfs", "/tmp", "tmpfs", 0, NULL)));
		ASSERT_EQ(0, sys(chdir("/tmp")));
		EXPECT_EQ(0, mount_at("s", TESTFS, "single"));
	}
	EXPECT_EQ(0, status);
}

/* Catches: a mount that joins although it insists on a superblock of its own. */
TEST_F(sharing, exclusively)
{
	int fs = fs_open_type(TESTFS);

	ASSERT_LE(0, fs);
	ASSERT_EQ(0, fs_flag(fs, "single"));
	ASSERT_EQ(0, fs_create_excl(fs));
	close(fs);
	ASSERT_EQ(0, mount_m("single"));
	fs = fs_open_type(TESTFS);
	ASSERT_EQ(0, fs_flag(fs, "single"));
	EXPECT_EQ(-EBUSY, fs_create_excl(fs));
	EXPECT_TRUE(fs_logged(fs, "reusing existing filesystem not allowed"));
	close(fs);
}

/* Catches: a mount that is refused and joins, or harms what it did not join. */
TEST_F(sharing, join_refused)
{
	long instances = live(SUPER_BLOCKS);
	int fs;

	/* There is nobody to join yet. */
	ASSERT_EQ(0, mount_m("key=5,alone"));
	ASSERT_EQ(0, put(M "/made/a", "abc", 3));
	EXPECT_EQ(-EMLINK, mount_at("b", TESTFS, "key=5,alone"));
	fs = fs_open_type(TESTFS);
	ASSERT_EQ(0, fs_set(fs, "key", "5"));
	ASSERT_EQ(0, fs_flag(fs, "alone"));
	EXPECT_EQ(-EMLINK, fs_create(fs));
	EXPECT_TRUE(fs_logged(fs, "testfs: will not join"));
	close(fs);
	EXPECT_TRUE(is_content(M "/made/a", "abc", 3));
	ASSERT_EQ(0, mount_at("b", TESTFS, "key=5"));
	EXPECT_TRUE(logged("joined: 1"));
	ASSERT_EQ(0, umount_at("b"));
	ASSERT_EQ(0, umount_at(M));
	/* It is held by nobody. */
	EXPECT_EQ(instances, live(SUPER_BLOCKS));
}

/* Mounts in so many tasks at the same time; how many of them could. */
static int mount_at_once(int tasks, const char *opts)
{
	int go[2], good = 0, i;
	char dir[16], byte;

	if (pipe2(go, O_CLOEXEC))
		abort();
	for (i = 0; i < tasks; i++) {
		if (fork())
			continue;
		close(go[1]);
		snprintf(dir, sizeof(dir), "t%d", i);
		mkdir(dir, 0755);
		/* Until the parent closes it, for all of them. */
		if (read(go[0], &byte, 1))
			abort();
		_exit(!!mount_at(dir, TESTFS, opts));
	}
	close(go[0]);
	close(go[1]);
	for (i = 0; i < tasks; i++)
		good += !wait_child(-1);
	return good;
}

/* Catches: two superblocks of one key, made at the same time. */
TEST_F_TIMEOUT(sharing, at_once, 120)
{
	int rounds = getenv("BPFFS_DEBUG") ? 5 : 50, round, i;
	long instances = live(SUPER_BLOCKS);
	char dir[16];

	for (round = 0; round < rounds; round++) {
		EXPECT_EQ(8, mount_at_once(8, "key=7,counts_only"));
		EXPECT_EQ(instances + 1, live(SUPER_BLOCKS));
		for (i = 0; i < 8; i++) {
			snprintf(dir, sizeof(dir), "t%d", i);
			EXPECT_EQ(dev_of("t0"), dev_of(dir));
		}
		for (i = 0; i < 8; i++) {
			snprintf(dir, sizeof(dir), "t%d", i);
			EXPECT_EQ(0, umount_at(dir));
		}
		EXPECT_EQ(instances, live(SUPER_BLOCKS));
	}
}

/* Catches: who waits for one that is never filled, and joins that, or waits for ever. */
TEST_F_TIMEOUT(sharing, filling_fails, 120)
{
	long instances = live(SUPER_BLOCKS), fills = made(FILLS);
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(mount_m("key=9,pause=500,fail=last") == -EDOM ? 0 : 1);
	EXPECT_TRUE(wait_until(live(SUPER_BLOCKS) == instances && made(FILLS) > fills, 5000));
	ASSERT_EQ(0, mount_at("b", TESTFS, "key=9"));
	EXPECT_EQ(0, wait_child(pid));
	EXPECT_EQ(0, put("b/made/a", "abc", 3));
	ASSERT_EQ(0, mount_at("c", TESTFS, "key=9"));
	EXPECT_TRUE(is_content("c/made/a", "abc", 3));
	EXPECT_EQ(instances + 1, live(SUPER_BLOCKS));
	EXPECT_EQ(0, mount_at_once(6, "key=10,pause=20,fail=last"));
	EXPECT_EQ(instances + 1, live(SUPER_BLOCKS));
}

/* ---- configuring ---- */

/* Catches: a step that fails and leaves something, or whose failure is not told. */
TEST_F_TIMEOUT(mounting, each_step_fails, 120)
{
	static const struct { const char *step; int err; } steps[] = {
		{ "parse", -EDOM }, { "sharing", -EDOM }, { "fill", -EDOM }, { "data", -EDOM },
		{ "root", -EDOM }, { "counts", -EDOM }, { "made", -EDOM }, { "no_file", -EDOM },
		{ "up", -EDOM }, { "exists", -EEXIST }, { "slash", -EACCES }, { "empty", -EACCES },
		{ "last", -EDOM },
	};
	char opts[64];
	unsigned int i;
	int key;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		for (key = 0; key < 2; key++) {
			struct tally before = tally();

			snprintf(opts, sizeof(opts), "%sfail=%s", key ? "key=3," : "",
				 steps[i].step);
			EXPECT_EQ(steps[i].err, mount_m(opts))
				TH_LOG("%s", opts);
			EXPECT_TRUE(same_live(before, tally()))
				TH_LOG("%s", opts);
		}
	}
	/* What failed is in nobody's way. */
	EXPECT_EQ(0, mount_m("key=3"));
}

/* Catches: a context whose making fails and that is freed all the same. */
TEST_F(mounting, context_fails)
{
	long before = live(CONTEXTS);

	ASSERT_EQ(0, mount_m(NULL));
	ASSERT_EQ(0, control("context"));
	EXPECT_EQ(-EDOM, fs_open_type(TESTFS));
	EXPECT_EQ(before, live(CONTEXTS));
	ASSERT_EQ(0, control("context"));
	EXPECT_EQ(-EDOM, mount_at("b", TESTFS, NULL));
	/* Only once. */
	EXPECT_EQ(0, mount_at("b", TESTFS, NULL));
	/* Nor for a remount, which has a context, too. */
	ASSERT_EQ(0, control("context"));
	EXPECT_EQ(-EDOM, sys(mount(NULL, M, NULL, MS_REMOUNT, "label=x")));
	EXPECT_EQ(before, live(CONTEXTS));
}

/* Catches: options that are taken and mean nothing, or values of another kind. */
TEST_F(mounting, options)
{
	static const char *const wrong[] = {
		"none", "nolabel", "single=1", "label", "label=", "pause", "pause=", "pause=x",
		"pause=4294967296", "pause=-1",
	};
	unsigned int i;
	int fs;

	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		EXPECT_EQ(-EINVAL, mount_m(wrong[i]))
			TH_LOG("option %u", i);
	fs = fs_open_type(TESTFS);
	ASSERT_LE(0, fs);
	EXPECT_EQ(-EINVAL, fs_set(fs, "none", "x"));
	EXPECT_TRUE(fs_logged(fs, "Unknown parameter 'none'"));
	EXPECT_EQ(-EDOM, fs_set(fs, "fail", "parse"));
	EXPECT_TRUE(fs_logged(fs, "testfs: told to fail"));
	EXPECT_EQ(0, fs_set(fs, "pause", "0x10"));
	EXPECT_EQ(0, fs_set(fs, "source", "abc"));
	EXPECT_EQ(0, fs_set(fs, "label", "first"));
	EXPECT_EQ(0, fs_set(fs, "fail", "nowhere"));
	EXPECT_EQ(0, fs_create(fs));
	close(fs);
}

/* Catches: /proc/mounts that lacks an option, or has that of another mount. */
TEST_F(mounting, shown)
{
	struct mountinfo info;

	ASSERT_EQ(0, mount_m("label=abc"));
	ASSERT_TRUE(mountinfo(M, &info));
	EXPECT_STREQ("rw,label=abc", info.sb_opts);
	EXPECT_STREQ(TESTFS, info.type);
	ASSERT_EQ(0, mount_at("b", TESTFS, NULL));
	ASSERT_TRUE(mountinfo("b", &info));
	EXPECT_STREQ("rw", info.sb_opts);
	/* The root of the mount, not that of the superblock, is what is asked about. */
	ASSERT_EQ(0, put("file", "", 0));
	ASSERT_EQ(0, sys(mount(M "/files/own", "file", NULL, MS_BIND, NULL)));
	ASSERT_TRUE(mountinfo("file", &info));
	EXPECT_STREQ("rw,label=abc,of_a_file", info.sb_opts);
	ASSERT_EQ(0, mkdir("dir", 0755));
	ASSERT_EQ(0, sys(mount(M "/deep/0", "dir", NULL, MS_BIND, NULL)));
	ASSERT_TRUE(mountinfo("dir", &info));
	EXPECT_STREQ("rw,label=abc", info.sb_opts);
}

/* Catches: a superblock that cannot be filled because it is read-only, or is written to. */
TEST_F(mounting, read_only)
{
	int fs = fs_open_type(TESTFS);
	struct mountinfo info;

	/* The superblock is; the mount is not. */
	ASSERT_LE(0, fs);
	ASSERT_EQ(0, fs_flag(fs, "ro"));
	ASSERT_EQ(0, fs_create(fs));
	ASSERT_EQ(0, mnt_attach(fs_mount(fs, 0), M));
	ASSERT_TRUE(mountinfo(M, &info));
	EXPECT_STREQ("ro", info.sb_opts);
	EXPECT_TRUE(exists(M "/deep/0/1/2/3"));
	EXPECT_EQ(-EROFS, sys(open(M "/made/a", O_WRONLY | O_CREAT, 0644)));
	EXPECT_EQ(-EROFS, sys(mkdir(M "/made/a", 0755)));
	EXPECT_EQ(-EROFS, sys(chmod(M "/made_up", 0700)));
	EXPECT_EQ(-EROFS, sys(open(M "/files/own", O_RDWR)));
}

/* Catches: a remount that fails and changes something, or succeeds and does not. */
TEST_F(mounting, reconfigure)
{
	struct mountinfo info;

	ASSERT_EQ(0, mount_m("label=abc"));
	EXPECT_EQ(-EDOM, sys(mount(NULL, M, NULL, MS_REMOUNT | MS_RDONLY, "label=x,fail=reconfigure")));
	ASSERT_TRUE(mountinfo(M, &info));
	EXPECT_STREQ("rw,label=abc", info.sb_opts);
	EXPECT_EQ(-EDOM, sys(mount(NULL, M, NULL, MS_REMOUNT, "label=x,fail=parse")));
	EXPECT_EQ(-EINVAL, sys(mount(NULL, M, NULL, MS_REMOUNT, "label=x,none")));
	EXPECT_EQ(0, put(M "/made/a", "", 0));
	EXPECT_EQ(0, sys(mount(NULL, M, NULL, MS_REMOUNT | MS_RDONLY, "label=x")));
	ASSERT_TRUE(mountinfo(M, &info));
	EXPECT_STREQ("ro,label=x", info.sb_opts);
	EXPECT_EQ(-EROFS, put(M "/made/b", "", 0));
	EXPECT_EQ(-EROFS, sys(unlink(M "/made/a")));
	/* What is not said stays. */
	EXPECT_EQ(0, sys(mount(NULL, M, NULL, MS_REMOUNT, NULL)));
	ASSERT_TRUE(mountinfo(M, &info));
	EXPECT_STREQ("rw,label=x", info.sb_opts);
}

/* Catches: numbers of statfs(2) that are not what the file system says, or an error that is lost. */
TEST_F(mounting, statfs)
{
	struct statfs st;

	ASSERT_EQ(0, mount_m(NULL));
	ASSERT_EQ(0, statfs(M "/deep/0", &st));
	EXPECT_EQ(0x74657374, st.f_type);
	EXPECT_EQ(4096, st.f_bsize);
	EXPECT_EQ(1000, st.f_blocks);
	EXPECT_EQ(400, st.f_bfree);
	EXPECT_EQ(400, st.f_bavail);
	EXPECT_EQ(77, st.f_files);
	EXPECT_EQ(33, st.f_ffree);
	EXPECT_EQ(255, st.f_namelen);
	ASSERT_EQ(0, mount_at("b", TESTFS, "fail=statfs"));
	EXPECT_EQ(-EDOM, sys(statfs("b", &st)));
}

TESTFS_TEST_MAIN
