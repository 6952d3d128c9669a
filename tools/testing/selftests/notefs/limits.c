// SPDX-License-Identifier: GPL-2.0
/* The limit, what counts and what df says of it; options of the mount. */
#include "notefs_harness.h"

NOTEFS_FIXTURE(limits)

#define K 1024
#define SMALL (64 * K)
#define PAGE 4096

/* The limit of a mount of its own. */
#define L "l"

/* Catches: a byte more or less than the limit. */
TEST_F(limits, exactly)
{
	static const size_t pieces[] = { 1 * K, PAGE, 3 * K, 10 * K + 1, SMALL, 2 * SMALL };
	unsigned int i;
	int fd;

	ASSERT_EQ(0, mount_notes(L, "size=64k"));
	EXPECT_TRUE(df_says(L, SMALL, 0));
	for (i = 0; i < ARRAY_SIZE(pieces); i++) {
		fd = sys(open(L "/file", O_RDWR | O_CREAT | O_TRUNC, 0644));
		ASSERT_LE(0, fd);
		/* What fits of the last piece is written. */
		EXPECT_EQ(SMALL, fill(fd, pieces[i]));
		EXPECT_EQ(SMALL, size_of(L "/file"));
		EXPECT_EQ(-ENOSPC, sys(write(fd, "x", 1)));
		EXPECT_EQ(-ENOSPC, sys(pwrite(fd, "x", 1, SMALL)));
		EXPECT_EQ(0, write(fd, "x", 0));
		/* What replaces something takes nothing. */
		EXPECT_EQ(3, pwrite(fd, "abc", 3, SMALL - 3));
		EXPECT_EQ(3, pwrite(fd, "abc", 3, 0));
		EXPECT_EQ(SMALL, size_of(L "/file"));
		EXPECT_TRUE(df_says(L, SMALL, SMALL));
		EXPECT_EQ(0, free_bytes(L));
		close(fd);
	}
}

/* Catches: a write over the end of the room that is refused whole, or that ends elsewhere than it says. */
TEST_F(limits, short_write)
{
	static char buf[4 * PAGE];
	struct iovec parts[] = { { buf, PAGE / 2 }, { buf + PAGE / 2, 3 * PAGE } };
	int fd;

	pattern(buf, sizeof(buf), 1, 0);
	ASSERT_EQ(0, mount_notes(L, "size=64k"));
	ASSERT_EQ(0, put_pattern(L "/other", SMALL - 2 * PAGE, 2));
	fd = sys(open(L "/file", O_RDWR | O_CREAT, 0644));
	ASSERT_LE(0, fd);
	EXPECT_EQ(2 * PAGE, write(fd, buf, 3 * PAGE));
	EXPECT_EQ(2 * PAGE, lseek(fd, 0, SEEK_CUR));
	EXPECT_TRUE(is_pattern(L "/file", 2 * PAGE, 1));
	EXPECT_EQ(-ENOSPC, sys(write(fd, buf, 1)));
	/* Partly over what there is. */
	EXPECT_EQ(PAGE, pwrite(fd, buf, 2 * PAGE, PAGE));
	ASSERT_EQ(0, ftruncate(fd, 0));
	EXPECT_EQ(2 * PAGE, pwritev(fd, parts, 2, 0));
	EXPECT_TRUE(is_pattern(L "/file", 2 * PAGE, 1));
	EXPECT_TRUE(is_pattern(L "/other", SMALL - 2 * PAGE, 2));
}

/* Catches: room that is lost when a file goes, in any of the ways there are. */
TEST_F(limits, given_back)
{
	int i, fd;

	ASSERT_EQ(0, mount_notes(L, "size=64k"));
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, put_pattern(L "/a", SMALL, i));
		ASSERT_EQ(-ENOSPC, put(L "/b", "x", 1));
		switch (i % 5) {
		case 0:
			ASSERT_EQ(0, unlink(L "/a"));
			break;
		case 1:
			ASSERT_EQ(0, truncate(L "/a", 0));
			break;
		case 2:
			/* b is there, empty. */
			ASSERT_EQ(0, rename(L "/b", L "/a"));
			break;
		case 3:
			close(open(L "/a", O_WRONLY | O_TRUNC));
			break;
		case 4:
			fd = sys(open(L "/a", O_RDONLY));
			ASSERT_EQ(0, unlink(L "/a"));
			close(fd);
			break;
		}
		ASSERT_TRUE(wait_until(free_bytes(L) == SMALL, 1000))
			TH_LOG("way %d: %llu", i % 5, (unsigned long long)free_bytes(L));
		unlink(L "/a");
		unlink(L "/b");
	}
}

/* Catches: room that is given away twice: to who has the file open, and to the next. */
TEST_F(limits, unlinked_but_open)
{
	char buf[PAGE];
	int fd;

	ASSERT_EQ(0, mount_notes(L, "size=64k"));
	ASSERT_EQ(0, put_pattern(L "/file", SMALL, 1));
	fd = sys(open(L "/file", O_RDWR));
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, unlink(L "/file"));
	EXPECT_TRUE(df_says(L, SMALL, SMALL));
	EXPECT_EQ(-ENOSPC, put(L "/new", "x", 1));
	ASSERT_EQ(0, ftruncate(fd, SMALL - PAGE));
	EXPECT_TRUE(df_says(L, SMALL, SMALL - PAGE));
	EXPECT_EQ(0, put_pattern(L "/new", PAGE, 2));
	EXPECT_EQ(-ENOSPC, sys(pwrite(fd, "x", 1, SMALL)));
	ASSERT_EQ(PAGE, pread(fd, buf, PAGE, SMALL - 2 * PAGE));
	EXPECT_TRUE(pattern_at(buf, PAGE, 1, SMALL - 2 * PAGE));
	close(fd);
	EXPECT_TRUE(df_says(L, SMALL, PAGE));
	/* The same with the last reference elsewhere: the one that rename takes the place of. */
	ASSERT_EQ(0, put_pattern(L "/old", SMALL - PAGE, 1));
	fd = sys(open(L "/old", O_RDONLY));
	ASSERT_EQ(0, rename(L "/new", L "/old"));
	EXPECT_TRUE(df_says(L, SMALL, SMALL));
	close(fd);
	EXPECT_TRUE(df_says(L, SMALL, PAGE));
}

/* Catches: df that rounds the wrong way, or does not follow. */
TEST_F(limits, df_follows)
{
	static const size_t sizes[] = { 1, 100, 511, 512, 513, PAGE - 1, PAGE, PAGE + 1, 10000 };
	unsigned int i;
	uint64_t used = 0;
	char name[32];

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		snprintf(name, sizeof(name), M "/%d", i);
		ASSERT_EQ(0, put_pattern(name, sizes[i], i));
		used += taken(sizes[i]);
		EXPECT_TRUE(df_says(M, LIMIT, used));
	}
	while (i--) {
		snprintf(name, sizeof(name), M "/%d", i);
		ASSERT_EQ(0, unlink(name));
		used -= taken(sizes[i]);
		EXPECT_TRUE(df_says(M, LIMIT, used));
	}
}

/* Catches: a mount that takes from another's limit, or shows its files. */
TEST_F(limits, mounts_are_apart)
{
	ASSERT_EQ(0, mount_notes(L, "size=64k"));
	EXPECT_NE(dev_of(M), dev_of(L));
	ASSERT_EQ(0, put_pattern(L "/file", SMALL, 1));
	EXPECT_EQ(-ENOENT, size_of(M "/file"));
	EXPECT_TRUE(df_says(M, LIMIT, 0));
	EXPECT_EQ(0, put_pattern(M "/file", 2 * SMALL, 2));
	EXPECT_TRUE(df_says(L, SMALL, SMALL));
	EXPECT_TRUE(is_pattern(L "/file", SMALL, 1));
	EXPECT_EQ(-EXDEV, sys(rename(L "/file", M "/other")));
	ASSERT_EQ(0, umount_notes(L));
	EXPECT_TRUE(is_pattern(M "/file", 2 * SMALL, 2));
	/* What comes next is new. */
	ASSERT_EQ(0, mount_notes(L, "size=64k"));
	EXPECT_EQ(-ENOENT, size_of(L "/file"));
}

/* Catches: a suffix that counts for something else. */
TEST_F(limits, sizes)
{
	static const struct {
		const char *opts;
		uint64_t limit;
	} sizes[] = {
		{ "size=65536", SMALL },
		{ "size=64k", SMALL },
		{ "size=64K", SMALL },
		{ "size=3m", 3 << 20 },
		{ "size=3M", 3 << 20 },
		{ "size=2g", 2ull << 30 },
		{ "size=2G", 2ull << 30 },
		{ "size=64g", 64ull << 30 },
		{ "size=4096", 4096 },
		/* The last one counts. */
		{ "size=4k,size=8k", 8192 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(0, mount_notes(L, sizes[i].opts))
			TH_LOG("%s", sizes[i].opts);
		EXPECT_TRUE(df_says(L, sizes[i].limit, 0));
		EXPECT_EQ(0, umount_notes(L));
	}
	/* Without the option there is one, too. */
	EXPECT_EQ(0, mount_notes(L, NULL));
	EXPECT_LE(PAGE, total_bytes(L));
	EXPECT_EQ(0, put_pattern(L "/file", PAGE, 1));
}

/* Catches: an option that means nothing, taken for one that does. */
TEST_F(limits, bad_options)
{
	static const char *const bad[] = {
		"size=abc", "size=64q", "size=-1", "size=64kk", "size=k", "size= 64k",
		"size=0x", "size=1.5m", "size", "no_such_option", "no_such_option=1", "Size=64k",
		"size=64k,no_such_option",
	};
	/* tmpfs takes these. */
	static const char *const ours[] = {
		"size=", "size=99999999999999999999", "size=18446744073709551616",
		"size=17179869184g", "size=50%", "uid=1", "nr_inodes=5",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, mount_notes(L, bad[i]))
			TH_LOG("%s", bad[i]);
	}
	for (i = 0; kind->ours && i < ARRAY_SIZE(ours); i++) {
		EXPECT_EQ(-EINVAL, mount_notes(L, ours[i]))
			TH_LOG("%s", ours[i]);
	}
	EXPECT_EQ(dev_of("."), dev_of(L));
}

/* Catches: a refusal that does not say what was refused; a context that cannot go on. */
TEST_F(limits, new_api)
{
	int fs = fs_open_type(kind->type), mnt;

	ASSERT_LE(0, fs);
	EXPECT_EQ(-EINVAL, fs_set(fs, "no_such_option", "1"));
	EXPECT_TRUE(fs_logged(fs, "nknown parameter"));
	EXPECT_EQ(-EINVAL, fs_set(fs, "size", "abc"));
	EXPECT_TRUE(fs_logged(fs, "size"));
	EXPECT_EQ(-EINVAL, fs_flag(fs, "size"));
	ASSERT_EQ(0, fs_set(fs, "size", "64k"));
	ASSERT_EQ(0, fs_set(fs, "source", "none"));
	ASSERT_EQ(0, fs_create(fs));
	EXPECT_EQ(-EBUSY, fs_create(fs));
	mnt = fs_mount(fs, 0);
	ASSERT_LE(0, mnt);
	ASSERT_EQ(0, mnt_attach(mnt, L));
	EXPECT_TRUE(df_says(L, SMALL, 0));
	close(mnt);
	close(fs);
	/* Contexts that nothing comes of. */
	fs = fs_open_type(kind->type);
	ASSERT_LE(0, fs);
	ASSERT_EQ(0, fs_set(fs, "size", "64k"));
	close(fs);
	fs = fs_open_type(kind->type);
	ASSERT_LE(0, fs);
	ASSERT_EQ(0, fs_create(fs));
	close(fs);
}

/* Catches: an exclusive instance that is somebody else's. */
TEST_F(limits, always_new)
{
	int fs = fs_open_type(kind->type);

	ASSERT_LE(0, fs);
	EXPECT_EQ(0, fs_create_excl(fs));
	close(fs);
}

/* Catches: files that are lost by a remount; a read-only mount that is written to. */
TEST_F(limits, remount)
{
	int fd;

	ASSERT_EQ(0, put_pattern(M "/file", 3 * PAGE, 1));
	EXPECT_EQ(0, sys(mount(NULL, M, NULL, MS_REMOUNT, NULL)));
	EXPECT_TRUE(is_pattern(M "/file", 3 * PAGE, 1));
	EXPECT_TRUE(df_says(M, LIMIT, 3 * PAGE));
	fd = sys(open(M "/file", O_RDWR));
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBUSY, sys(mount(NULL, M, NULL, MS_REMOUNT | MS_RDONLY, NULL)));
	close(fd);
	EXPECT_EQ(0, sys(mount(NULL, M, NULL, MS_REMOUNT | MS_RDONLY, NULL)));
	EXPECT_TRUE(is_pattern(M "/file", 3 * PAGE, 1));
	EXPECT_EQ(-EROFS, put(M "/file", "x", 1));
	EXPECT_EQ(-EROFS, put(M "/new", "x", 1));
	EXPECT_EQ(-EROFS, sys(mkdir(M "/dir", 0755)));
	EXPECT_EQ(-EROFS, sys(unlink(M "/file")));
	EXPECT_EQ(-EROFS, sys(truncate(M "/file", 0)));
	EXPECT_EQ(-EROFS, sys(chmod(M "/file", 0600)));
	EXPECT_EQ(-EROFS, sys(rename(M "/file", M "/new")));
	EXPECT_EQ(0, sys(mount(NULL, M, NULL, MS_REMOUNT, NULL)));
	EXPECT_TRUE(is_pattern(M "/file", 3 * PAGE, 1));
	EXPECT_EQ(0, put(M "/file", "x", 1));
	/* One that is read-only from the start. */
	mkdir(L, 0755);
	ASSERT_EQ(0, sys(mount("none", L, kind->type, MS_RDONLY, "size=64k")));
	EXPECT_EQ(-EROFS, put(L "/new", "x", 1));
	EXPECT_EQ(0, sys(mount(NULL, L, NULL, MS_REMOUNT, NULL)));
	EXPECT_EQ(0, put(L "/new", "x", 1));
}

/* Catches: a new limit that is taken in silence, and not heeded. */
TEST_F(limits, remount_with_options)
{
	static const char *const opts[] = { "size=2m", "size=64k", "size=4k", "size=1m" };
	static const uint64_t limits[] = { 2 << 20, SMALL, PAGE, LIMIT };
	uint64_t limit = LIMIT;
	unsigned int i;

	ASSERT_EQ(0, put_pattern(M "/file", 3 * PAGE, 1));
	for (i = 0; i < ARRAY_SIZE(opts); i++) {
		int ret = sys(mount(NULL, M, NULL, MS_REMOUNT, opts[i]));

		/* One that has no room for what is there cannot be. */
		if (limits[i] < 3 * PAGE)
			EXPECT_NE(0, ret);
		if (!ret)
			limit = limits[i];
		EXPECT_TRUE(!ret || ret == -EINVAL || ret == -EBUSY || ret == -EOPNOTSUPP)
			TH_LOG("%s: %s", opts[i], strerror(-ret));
		EXPECT_TRUE(df_says(M, limit, 3 * PAGE))
			TH_LOG("%s: %d", opts[i], ret);
		EXPECT_TRUE(is_pattern(M "/file", 3 * PAGE, 1));
	}
	EXPECT_EQ(-EINVAL, sys(mount(NULL, M, NULL, MS_REMOUNT, "size=abc")));
	EXPECT_EQ(-EINVAL, sys(mount(NULL, M, NULL, MS_REMOUNT, "no_such_option")));
	EXPECT_TRUE(df_says(M, limit, 3 * PAGE));
	EXPECT_TRUE(is_pattern(M "/file", 3 * PAGE, 1));
}

/* Catches: a limit beyond the machine's memory that is used up to the machine's end. */
TEST_F(limits, beyond_memory)
{
	uint64_t memory = sysconf(_SC_PHYS_PAGES) * (uint64_t)PAGE, limit = 32 * memory;
	off_t offsets[] = { 2 * memory, 4 * memory - 2, 4 * memory, 31 * memory };
	unsigned int i;
	char opts[64];
	int fd, ret;

	snprintf(opts, sizeof(opts), "size=%llu", (unsigned long long)limit);
	ASSERT_EQ(0, mount_notes(L, opts));
	EXPECT_TRUE(df_says(L, limit, 0));
	ASSERT_EQ(0, put(L "/file", "abc", 3));
	fd = sys(open(L "/file", O_RDWR));
	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		ret = sys(pwrite(fd, "x", 1, offsets[i]));
		EXPECT_TRUE(kind->zeros_kept ? ret == -ENOMEM || ret == -EFBIG || ret == -ENOSPC :
			    ret == 1)
			TH_LOG("%lld: %d", (long long)offsets[i], ret);
		EXPECT_EQ(ret > 0 ? offsets[i] + 1 : 3, size_of(L "/file"));
		ASSERT_EQ(0, ftruncate(fd, 3));
		EXPECT_TRUE(df_says(L, limit, taken(3)));
	}
	EXPECT_TRUE(is_content(L "/file", "abc", 3));
}

/* Catches: a mount in a container that its owner did not think of. */
TEST_F(limits, in_a_user_namespace)
{
	int status;

	in_child(&status) {
		ASSERT_EQ(0, userns_unshare(100000, CLONE_NEWNS));
		/* Under our user, what is in a directory of root's cannot be made. */
		EXPECT_EQ(kind->user_mount, sys(mount("none", "/tmp", kind->type, 0, NULL)));
	}
	EXPECT_EQ(0, status);
	in_child(&status) {
		become(NOBODY, NOBODY);
		EXPECT_EQ(-EPERM, sys(mount("none", "/tmp", kind->type, 0, NULL)));
		EXPECT_EQ(-EPERM, fs_open_type(kind->type));
	}
	EXPECT_EQ(0, status);
}

NOTEFS_TEST_MAIN
