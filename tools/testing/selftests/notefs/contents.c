// SPDX-License-Identifier: GPL-2.0
/* What is written to a file is what is read from it, by any of the calls there are. */
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/sendfile.h>

#include "notefs_harness.h"

NOTEFS_FIXTURE(contents)

#define PAGE 4096

static const size_t sizes[] = {
	0, 1, 2, 511, 512, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE - 1, 3 * PAGE + 17, 65536, 65537,
};

/* Catches: bytes lost, doubled or moved at the end of a page or of an allocation. */
TEST_F(contents, sizes)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(0, put_pattern(M "/file", sizes[i], i));
		EXPECT_TRUE(is_pattern(M "/file", sizes[i], i))
			TH_LOG("%zu bytes", sizes[i]);
	}
}

/* Catches: a write in pieces that does not join, a read in pieces that skips or repeats. */
TEST_F(contents, pieces)
{
	static const size_t pieces[] = { 1, 7, 511, PAGE - 1, PAGE, PAGE + 1 };
	const size_t size = 3 * PAGE + 5;
	char buf[4 * PAGE];
	unsigned int i;
	size_t at, len;
	ssize_t ret;
	int fd;

	for (i = 0; i < ARRAY_SIZE(pieces); i++) {
		fd = sys(open(M "/file", O_RDWR | O_CREAT | O_TRUNC, 0644));
		ASSERT_LE(0, fd);
		for (at = 0; at < size; at += len) {
			len = size - at < pieces[i] ? size - at : pieces[i];
			pattern(buf, len, i, at);
			ASSERT_EQ(len, write(fd, buf, len));
		}
		EXPECT_EQ(size, lseek(fd, 0, SEEK_CUR));
		EXPECT_EQ(0, lseek(fd, 0, SEEK_SET));
		for (at = 0; (ret = read(fd, buf, pieces[i])) > 0; at += ret)
			ASSERT_TRUE(pattern_at(buf, ret, i, at));
		EXPECT_EQ(0, ret);
		EXPECT_EQ(size, at);
		close(fd);
		EXPECT_TRUE(is_pattern(M "/file", size, i));
	}
}

/* Catches: an offset that is not that of the call, or one that the call moves. */
TEST_F(contents, pread_pwrite)
{
	static const off_t offsets[] = {
		0, 1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE - 3, 65536 - 1,
	};
	char *want = calloc(1, 2 * 65536), buf[64];
	off_t end = 0;
	unsigned int i;
	int fd;

	fd = sys(open(M "/file", O_RDWR | O_CREAT, 0644));
	ASSERT_LE(0, fd);
	ASSERT_EQ(5, lseek(fd, 5, SEEK_SET));
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		pattern(want + offsets[i], sizeof(buf), i, 0);
		ASSERT_EQ(sizeof(buf), pwrite(fd, want + offsets[i], sizeof(buf), offsets[i]));
		end = offsets[i] + sizeof(buf) > end ? offsets[i] + sizeof(buf) : end;
		EXPECT_TRUE(is_content(M "/file", want, end));
		ASSERT_EQ(sizeof(buf), pread(fd, buf, sizeof(buf), offsets[i]));
		EXPECT_EQ(0, memcmp(buf, want + offsets[i], sizeof(buf)));
	}
	EXPECT_EQ(5, lseek(fd, 0, SEEK_CUR));
	EXPECT_EQ(-EINVAL, sys(pread(fd, buf, 1, -1)));
	EXPECT_EQ(-EINVAL, sys(pwrite(fd, buf, 1, -1)));
	free(want);
}

/* Catches: parts of a vector that are left out, or put into one another. */
TEST_F(contents, vectors)
{
	const size_t size = 1 + PAGE + 0 + 3 * PAGE + 7;
	static char a[1], b[PAGE], c[1], d[3 * PAGE], e[7], all[5 * PAGE];
	struct iovec parts[] = {
		{ a, sizeof(a) }, { b, sizeof(b) }, { c, 0 }, { d, sizeof(d) }, { e, sizeof(e) },
	};
	unsigned int i;
	size_t at = 0;
	int fd;

	fd = sys(open(M "/file", O_RDWR | O_CREAT, 0644));
	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		pattern(parts[i].iov_base, parts[i].iov_len, 3, at);
		at += parts[i].iov_len;
	}
	ASSERT_EQ(size, writev(fd, parts, ARRAY_SIZE(parts)));
	EXPECT_TRUE(is_pattern(M "/file", size, 3));

	/* Over what there is, by the offset of the call. */
	ASSERT_EQ(size, pwritev(fd, parts, ARRAY_SIZE(parts), 9));
	ASSERT_EQ(size, pread(fd, all, sizeof(all), 9));
	EXPECT_TRUE(pattern_at(all, size, 3, 0));
	ASSERT_EQ(9, pread(fd, all, 9, 0));
	EXPECT_TRUE(pattern_at(all, 9, 3, 0));
	EXPECT_EQ(size + 9, size_of(M "/file"));

	ASSERT_EQ(0, put_pattern(M "/file", size, 4));
	ASSERT_EQ(size, preadv(fd, parts, ARRAY_SIZE(parts), 0));
	for (at = 0, i = 0; i < ARRAY_SIZE(parts); i++) {
		memcpy(all + at, parts[i].iov_base, parts[i].iov_len);
		at += parts[i].iov_len;
	}
	EXPECT_TRUE(pattern_at(all, size, 4, 0));
	EXPECT_EQ(0, c[0]);
	/* The file ends in the middle of the vector. */
	EXPECT_EQ(10, preadv(fd, parts, ARRAY_SIZE(parts), size - 10));
	EXPECT_EQ(0, preadv(fd, parts, ARRAY_SIZE(parts), size));
}

/* Catches: an end of file that is an error, comes early, or lets old memory be read. */
TEST_F(contents, end_of_file)
{
	char buf[2 * PAGE], rest[2 * PAGE];
	int fd;

	ASSERT_EQ(0, put_pattern(M "/file", PAGE + 10, 1));
	fd = sys(open(M "/file", O_RDONLY));
	ASSERT_LE(0, fd);
	memset(buf, 0x5a, sizeof(buf));
	memset(rest, 0x5a, sizeof(rest));
	EXPECT_EQ(10, pread(fd, buf, sizeof(buf), PAGE));
	EXPECT_TRUE(pattern_at(buf, 10, 1, PAGE));
	/* What is behind the end of the file is not touched in memory either. */
	EXPECT_EQ(0, memcmp(buf + 10, rest, sizeof(buf) - 10));
	EXPECT_EQ(0, pread(fd, buf, sizeof(buf), PAGE + 10));
	EXPECT_EQ(0, pread(fd, buf, sizeof(buf), PAGE + 11));
	EXPECT_EQ(0, pread(fd, buf, sizeof(buf), 1ll << 40));
	EXPECT_EQ(0, pread(fd, buf, 1, INT64_MAX - 1));
	EXPECT_EQ(0, pread(fd, buf, 0, 0));
	EXPECT_EQ(PAGE + 10, read(fd, buf, sizeof(buf)));
	EXPECT_EQ(0, read(fd, buf, sizeof(buf)));
	EXPECT_EQ(0, read(fd, buf, sizeof(buf)));
	/* A writer makes it longer for those who read. */
	close(sys(open(M "/file", O_WRONLY)));
	ASSERT_EQ(0, truncate(M "/file", PAGE + 20));
	EXPECT_EQ(10, read(fd, buf, sizeof(buf)));
	EXPECT_TRUE(zeros(buf, 10));
}

/* Catches: what nobody wrote read as what was in memory before. */
TEST_F(contents, never_written)
{
	static const off_t gaps[] = { 1, 100, PAGE - 1, PAGE, PAGE + 1, 5 * PAGE + 3, 100000 };
	static char buf[200000];
	unsigned int i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(gaps); i++) {
		/* Memory that is allocated next has been somebody's. */
		ASSERT_EQ(0, put_pattern(M "/dirt", 200000, i));
		ASSERT_EQ(0, unlink(M "/dirt"));
		fd = sys(open(M "/file", O_RDWR | O_CREAT | O_TRUNC, 0644));
		ASSERT_LE(0, fd);
		ASSERT_EQ(3, pwrite(fd, "abc", 3, 0));
		ASSERT_EQ(3, pwrite(fd, "xyz", 3, 3 + gaps[i]));
		ASSERT_EQ(6 + gaps[i], size_of(M "/file"));
		memset(buf, 1, sizeof(buf));
		ASSERT_EQ(6 + gaps[i], pread(fd, buf, sizeof(buf), 0));
		EXPECT_EQ(0, memcmp(buf, "abc", 3));
		EXPECT_TRUE(zeros(buf + 3, gaps[i]))
			TH_LOG("gap of %lld bytes", (long long)gaps[i]);
		EXPECT_EQ(0, memcmp(buf + 3 + gaps[i], "xyz", 3));
		close(fd);
	}
}

/* Catches: an offset of one's own that open files share, or one that they do not though they are one. */
TEST_F(contents, offsets_of_open_files)
{
	int a, b, c;
	char buf[8];

	ASSERT_EQ(0, put(M "/file", "0123456789", 10));
	a = sys(open(M "/file", O_RDWR));
	b = sys(open(M "/file", O_RDONLY));
	c = dup(a);
	ASSERT_LE(0, c);
	ASSERT_EQ(2, read(a, buf, 2));
	ASSERT_EQ(3, read(b, buf, 3));
	EXPECT_EQ(0, memcmp(buf, "012", 3));
	ASSERT_EQ(3, read(c, buf, 3));
	EXPECT_EQ(0, memcmp(buf, "234", 3));
	/* Reading and writing have one offset. */
	ASSERT_EQ(1, write(a, "x", 1));
	ASSERT_EQ(2, read(c, buf, 2));
	EXPECT_EQ(0, memcmp(buf, "67", 2));
	ASSERT_EQ(3, read(b, buf, 3));
	EXPECT_EQ(0, memcmp(buf, "34x", 3));
	EXPECT_TRUE(is_content(M "/file", "01234x6789", 10));
}

/* Catches: a file open for one thing that can be used for the other. */
TEST_F(contents, access_modes)
{
	char buf[4] = "new";
	int fd;

	ASSERT_EQ(0, put(M "/file", "old", 3));
	fd = sys(open(M "/file", O_RDONLY));
	EXPECT_EQ(-EBADF, sys(write(fd, buf, 3)));
	EXPECT_EQ(-EINVAL, sys(ftruncate(fd, 0)));
	close(fd);
	fd = sys(open(M "/file", O_WRONLY));
	EXPECT_EQ(-EBADF, sys(read(fd, buf, 3)));
	close(fd);
	fd = sys(open(M "/file", O_PATH));
	EXPECT_EQ(-EBADF, sys(read(fd, buf, 3)));
	EXPECT_EQ(-EBADF, sys(write(fd, buf, 3)));
	close(fd);
	fd = sys(open(M, O_RDONLY));
	EXPECT_EQ(-EISDIR, sys(read(fd, buf, 3)));
	EXPECT_EQ(-EISDIR, sys(open(M, O_WRONLY)));
	EXPECT_TRUE(is_content(M "/file", "old", 3));
}

/* Catches: O_TRUNC that leaves the content, or that takes it where the file is not opened. */
TEST_F(contents, open_truncates)
{
	char buf[2 * PAGE];
	int fd;

	ASSERT_EQ(0, put_pattern(M "/file", 3 * PAGE, 1));
	fd = sys(open(M "/file", O_WRONLY | O_TRUNC));
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, size_of(M "/file"));
	/* What was there is not there again when the file grows. */
	ASSERT_EQ(1, pwrite(fd, "x", 1, 2 * PAGE));
	close(fd);
	fd = sys(open(M "/file", O_RDONLY));
	ASSERT_EQ(sizeof(buf), read(fd, buf, sizeof(buf)));
	EXPECT_TRUE(zeros(buf, sizeof(buf)));
	close(fd);
	EXPECT_EQ(-EEXIST, sys(open(M "/file", O_WRONLY | O_CREAT | O_EXCL | O_TRUNC, 0644)));
	EXPECT_EQ(2 * PAGE + 1, size_of(M "/file"));
}

/* Catches: a bad address that is written through, or counted as written. */
TEST_F(contents, bad_pointers)
{
	char *page = page_before_fault(), *end = page + PAGE, buf[3 * PAGE];
	ssize_t ret;
	int fd;

	ASSERT_EQ(0, put_pattern(M "/file", 2 * PAGE, 1));
	fd = sys(open(M "/file", O_RDWR));
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EFAULT, sys(write(fd, end, 10)));
	EXPECT_EQ(-EFAULT, sys(read(fd, end, 10)));
	EXPECT_EQ(-EFAULT, sys(write(fd, (void *)-8192ul, 10)));
	EXPECT_EQ(-EFAULT, sys(read(fd, (void *)-8192ul, 10)));
	EXPECT_EQ(0, lseek(fd, 0, SEEK_CUR));
	EXPECT_TRUE(is_pattern(M "/file", 2 * PAGE, 1));

	/* What could be copied may have been, and then is what the call tells of. */
	ret = sys(read(fd, end - 100, 1000));
	EXPECT_TRUE(ret == -EFAULT || (ret > 0 && ret <= 100))
		TH_LOG("read gives %zd", ret);
	EXPECT_EQ(ret < 0 ? 0 : ret, lseek(fd, 0, SEEK_CUR));
	EXPECT_TRUE(ret < 0 || pattern_at(end - 100, ret, 1, 0));

	pattern(end - 100, 100, 2, 0);
	ret = sys(pwrite(fd, end - 100, 1000, 2 * PAGE));
	EXPECT_TRUE(ret == -EFAULT || (ret > 0 && ret <= 100))
		TH_LOG("write gives %zd", ret);
	EXPECT_EQ(2 * PAGE + (ret < 0 ? 0 : ret), size_of(M "/file"));
	ASSERT_EQ(2 * PAGE + (ret < 0 ? 0 : ret), pread(fd, buf, sizeof(buf), 0));
	EXPECT_TRUE(pattern_at(buf, 2 * PAGE, 1, 0));
	EXPECT_TRUE(ret < 0 || pattern_at(buf + 2 * PAGE, ret, 2, 0));

	/* Over what there is: none of it is lost but what was replaced. */
	ret = sys(pwrite(fd, end - 100, 1000, 50));
	EXPECT_TRUE(ret == -EFAULT || (ret > 0 && ret <= 100));
	ASSERT_LT(0, pread(fd, buf, 2 * PAGE, 0));
	EXPECT_TRUE(ret < 0 || pattern_at(buf + 50, ret, 2, 0));
	EXPECT_TRUE(pattern_at(buf + 150, 2 * PAGE - 150, 1, 150));
}

/* Catches: memory for a write that cannot be, kept and counted when it has failed. */
TEST_F(contents, bad_pointer_takes_nothing)
{
	char *page = page_before_fault(), *end = page + PAGE;
	int fd, i;

	fd = sys(open(M "/file", O_RDWR | O_CREAT, 0644));
	ASSERT_LE(0, fd);
	for (i = 0; i < 1000; i++)
		ASSERT_EQ(-EFAULT, sys(write(fd, end, 65536)));
	ASSERT_EQ(-EFAULT, sys(pwrite(fd, end, 10, 65536)));
	/* tmpfs of 7.2 keeps the page, and makes the file as long as the offset. */
	if (kind->ours) {
		EXPECT_EQ(0, size_of(M "/file"));
		EXPECT_TRUE(df_says(M, LIMIT, 0));
	}
	close(fd);
	EXPECT_EQ(0, unlink(M "/file"));
	EXPECT_TRUE(df_says(M, LIMIT, 0));
}

/*
 * Catches: a size that overflows, an allocation of gigabytes, a loop over them, the
 * kernel's complaint about one of these.
 */
TEST_F(contents, huge_offsets)
{
	static const off_t offsets[] = {
		1ll << 30, (1ll << 31) - 1, 1ll << 31, (1ll << 32) - 1, 1ll << 32, 1ll << 40,
		1ll << 62, INT64_MAX - 4096, INT64_MAX - 1,
	};
	uint64_t start = now_ms();
	unsigned int i;
	int fd, ret, again;

	fd = sys(open(M "/file", O_RDWR | O_CREAT, 0644));
	ASSERT_LE(0, fd);
	ASSERT_EQ(3, write(fd, "abc", 3));
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		ret = sys(pwrite(fd, "x", 1, offsets[i]));
		if (ret > 0) {
			/* Of the gap nothing is kept, or it would not fit. */
			EXPECT_FALSE(kind->zeros_kept);
			EXPECT_EQ(offsets[i] + 1, size_of(M "/file"));
			EXPECT_GT(100, stat_of(M "/file").st_blocks);
			ASSERT_EQ(0, ftruncate(fd, 3));
		} else {
			EXPECT_TRUE(ret == -EFBIG || ret == -ENOSPC)
				TH_LOG("offset %lld: %s", (long long)offsets[i], strerror(-ret));
		}
		again = sys(ftruncate(fd, offsets[i]));
		if (!again) {
			EXPECT_FALSE(kind->zeros_kept);
			EXPECT_EQ(offsets[i], size_of(M "/file"));
			ASSERT_EQ(0, ftruncate(fd, 3));
		} else {
			EXPECT_TRUE(again == -EFBIG || again == -ENOSPC)
				TH_LOG("size %lld: %s", (long long)offsets[i], strerror(-again));
		}
		EXPECT_TRUE(is_content(M "/file", "abc", 3));
		EXPECT_TRUE(df_says(M, LIMIT, taken(3)));
	}
	/* At the very end of what there can be. */
	ret = sys(pwrite(fd, "xy", 2, INT64_MAX));
	EXPECT_TRUE(ret == -EFBIG || ret == -EINVAL)
		TH_LOG("%s", strerror(-ret));
	EXPECT_EQ(-EINVAL, sys(ftruncate(fd, -1)));
	EXPECT_TRUE(is_content(M "/file", "abc", 3));
	EXPECT_GT(20000, now_ms() - start);
}

/* Catches: a length that is taken as it comes: of 2 GiB, of more than there can be. */
TEST_F(contents, huge_lengths)
{
	char *page = page_before_fault();
	int fd, ret;

	ASSERT_EQ(0, put(M "/file", "abc", 3));
	fd = sys(open(M "/file", O_RDWR));
	ASSERT_LE(0, fd);
	EXPECT_EQ(3, pread(fd, page, PAGE, 0));
	ret = sys(pread(fd, page, SSIZE_MAX, 0));
	EXPECT_TRUE(ret == 3 || ret == -EFAULT);
	EXPECT_GT(0, sys(syscall(SYS_pread64, fd, page, (size_t)SSIZE_MAX + 1, 0)));
	ret = sys(pwrite(fd, page, SSIZE_MAX, 3));
	EXPECT_TRUE(ret == -EFAULT || ret == -ENOSPC || ret == -EFBIG || (ret > 0 && ret <= PAGE))
		TH_LOG("%d", ret);
	EXPECT_EQ(3 + (ret > 0 ? ret : 0), size_of(M "/file"));
}

static volatile sig_atomic_t signalled;

static void note_signal(int sig)
{
	signalled++;
}

/* Catches: a limit of the process that a write or a truncate does not know. */
TEST_F(contents, file_size_limit)
{
	const struct rlimit limit = { .rlim_cur = 2 * PAGE, .rlim_max = RLIM_INFINITY };
	static char buf[4 * PAGE];
	int fd;

	signal(SIGXFSZ, note_signal);
	ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &limit));
	pattern(buf, sizeof(buf), 1, 0);
	fd = sys(open(M "/file", O_RDWR | O_CREAT, 0644));
	ASSERT_LE(0, fd);
	EXPECT_EQ(2 * PAGE, write(fd, buf, sizeof(buf)));
	EXPECT_EQ(0, signalled);
	EXPECT_EQ(-EFBIG, sys(write(fd, buf, 1)));
	EXPECT_EQ(1, signalled);
	EXPECT_EQ(-EFBIG, sys(ftruncate(fd, 2 * PAGE + 1)));
	EXPECT_EQ(2, signalled);
	EXPECT_EQ(-EFBIG, sys(pwrite(fd, buf, 1, 1 << 30)));
	EXPECT_EQ(3, signalled);
	EXPECT_EQ(0, ftruncate(fd, 2 * PAGE));
	EXPECT_TRUE(is_pattern(M "/file", 2 * PAGE, 1));
}

/* Catches: content that does not come through a pipe, or comes from elsewhere. */
TEST_F(contents, splice_from)
{
	const size_t size = 3 * PAGE + 100;
	static char buf[4 * PAGE];
	loff_t at = 10;
	int fd, out, pipes[2];
	off_t from = 100;
	ssize_t ret;

	ASSERT_EQ(0, put_pattern(M "/file", size, 1));
	fd = sys(open(M "/file", O_RDONLY));
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pipe(pipes));
	ret = sys(splice(fd, &at, pipes[1], NULL, 2 * PAGE, 0));
	ASSERT_LT(0, ret)
		TH_LOG("%s", strerror(-ret));
	EXPECT_EQ(10 + ret, at);
	ASSERT_EQ(ret, read(pipes[0], buf, sizeof(buf)));
	EXPECT_TRUE(pattern_at(buf, ret, 1, 10));
	at = size;
	EXPECT_EQ(0, sys(splice(fd, &at, pipes[1], NULL, PAGE, 0)));

	out = sys(open("copy", O_RDWR | O_CREAT | O_TRUNC, 0644));
	ASSERT_LE(0, out);
	while ((ret = sys(sendfile(out, fd, &from, 2 * PAGE))) > 0)
		;
	EXPECT_EQ(0, ret);
	EXPECT_EQ(size, from);
	ASSERT_EQ(size - 100, pread(out, buf, sizeof(buf), 0));
	EXPECT_TRUE(pattern_at(buf, size - 100, 1, 100));
	/* cp asks for this first, and must be told or served. */
	ASSERT_EQ(0, ftruncate(out, 0));
	at = 0;
	ret = sys(copy_file_range(fd, &at, out, &(loff_t){ 0 }, size, 0));
	EXPECT_TRUE(ret == -EXDEV || ret == size)
		TH_LOG("%zd", ret);
}

/* Catches: content that does not go through a pipe into the file. */
TEST_F(contents, splice_to)
{
	static char buf[2 * PAGE];
	loff_t at = 5;
	int fd, from, pipes[2];
	ssize_t ret;

	pattern(buf, sizeof(buf), 2, 0);
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(PAGE, write(pipes[1], buf, PAGE));
	ASSERT_EQ(0, put(M "/file", "12345678", 8));
	fd = sys(open(M "/file", O_RDWR));
	ASSERT_LE(0, fd);
	ret = sys(splice(pipes[0], NULL, fd, &at, PAGE, 0));
	if (kind->splice_write) {
		EXPECT_EQ(kind->splice_write, ret);
		EXPECT_TRUE(is_content(M "/file", "12345678", 8));
		return;
	}
	EXPECT_EQ(PAGE, ret);
	EXPECT_EQ(5 + PAGE, size_of(M "/file"));
	ASSERT_EQ(PAGE + 5, pread(fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "12345", 5));
	EXPECT_TRUE(pattern_at(buf + 5, PAGE, 2, 0));

	/* Within the file system. */
	ASSERT_EQ(0, put_pattern(M "/from", PAGE + 7, 3));
	from = sys(open(M "/from", O_RDONLY));
	ASSERT_EQ(0, ftruncate(fd, 0));
	EXPECT_EQ(PAGE + 7, sys(copy_file_range(from, &(loff_t){ 0 }, fd, &(loff_t){ 0 }, 3 * PAGE, 0)));
	EXPECT_TRUE(is_pattern(M "/file", PAGE + 7, 3));
	ASSERT_EQ(0, ftruncate(fd, 0));
	ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
	EXPECT_EQ(PAGE + 7, sys(sendfile(fd, from, &(off_t){ 0 }, 3 * PAGE)));
	EXPECT_TRUE(is_pattern(M "/file", PAGE + 7, 3));
}

/* Catches: an editor that is told that what it saved may be lost. */
TEST_F(contents, sync)
{
	int fd = sys(open(M "/file", O_RDWR | O_CREAT, 0644)), dir = sys(open(M, O_RDONLY));

	ASSERT_LE(0, fd);
	ASSERT_EQ(1, write(fd, "x", 1));
	EXPECT_EQ(0, sys(fsync(fd)));
	EXPECT_EQ(0, sys(fdatasync(fd)));
	EXPECT_EQ(0, sys(fsync(dir)));
	EXPECT_EQ(0, sys(syncfs(fd)));
}

/* Catches: a mapping of what there are no pages of. */
TEST_F(contents, mmap)
{
	int fd, flags;
	char *map;

	ASSERT_EQ(0, put_pattern(M "/file", PAGE, 1));
	fd = sys(open(M "/file", O_RDWR));
	ASSERT_LE(0, fd);
	for (flags = MAP_SHARED; flags <= MAP_PRIVATE; flags++) {
		map = mmap(NULL, PAGE, PROT_READ, flags, fd, 0);
		if (kind->mmap) {
			EXPECT_EQ(MAP_FAILED, map);
			EXPECT_EQ(-kind->mmap, errno);
		} else {
			ASSERT_NE(MAP_FAILED, map);
			EXPECT_TRUE(pattern_at(map, PAGE, 1, 0));
		}
	}
}

/* Catches: a program in the file system that is read wrongly, or run where none is to be. */
TEST_F(contents, scripts)
{
	int status, fd;

	ASSERT_EQ(0, put(M "/script", "#!/bin/sh\nexit 7\n", 17));
	ASSERT_EQ(0, chmod(M "/script", 0755));
	in_child(&status) {
		execl(M "/script", M "/script", NULL);
		_exit(errno);
	}
	EXPECT_EQ(kind->exec ? -kind->exec : 7, status);
	/* Written to while it is run, or by somebody with a file open to write. */
	fd = sys(open(M "/script", O_WRONLY));
	ASSERT_LE(0, fd);
	in_child(&status) {
		execl(M "/script", M "/script", NULL);
		_exit(errno);
	}
	EXPECT_EQ(kind->exec ? -kind->exec : ETXTBSY, status);
}

/* Catches: what others wrote seen late, as each open file had a copy. */
TEST_F(contents, seen_at_once)
{
	int writer, reader, status, i;
	char buf[64];

	writer = sys(open(M "/file", O_WRONLY | O_CREAT, 0644));
	reader = sys(open(M "/file", O_RDONLY));
	ASSERT_LE(0, reader);
	for (i = 0; i < 20; i++) {
		in_child(&status) {
			pattern(buf, sizeof(buf), i, 0);
			_exit(pwrite(writer, buf, sizeof(buf), i * 60) != sizeof(buf));
		}
		ASSERT_EQ(0, status);
		ASSERT_EQ(sizeof(buf), pread(reader, buf, sizeof(buf), i * 60));
		EXPECT_TRUE(pattern_at(buf, sizeof(buf), i, 0));
	}
}

#define MODEL 100000

/* What the file is to be. */
static struct {
	char data[MODEL];
	size_t size;
} model;

static void model_resize(size_t size)
{
	if (size > model.size)
		memset(model.data + model.size, 0, size - model.size);
	model.size = size;
}

static void model_write(const char *data, size_t size, size_t at)
{
	if (at + size > model.size)
		model_resize(at + size);
	memcpy(model.data + at, data, size);
}

/* Near the ends of pages as often as anywhere. */
static size_t some_offset(uint64_t *random, size_t max)
{
	size_t at = next_random(random) % max;

	if (next_random(random) % 2)
		at = at / PAGE * PAGE + next_random(random) % 5;
	return at < max ? at : max - 1;
}

/* One step, in the file and in the model; what differs, or NULL. */
static const char *random_step(int fd, uint64_t *random)
{
	static char buf[MODEL], got[MODEL];
	size_t at = some_offset(random, MODEL - 1);
	size_t size = some_offset(random, next_random(random) % 8 ? 10000 : MODEL) % (MODEL - at);
	struct iovec parts[2] = { { buf, size / 3 }, { buf + size / 3, size - size / 3 } };
	int other;

	pattern(buf, size, next_random(random), 0);
	switch (next_random(random) % 8) {
	case 0:
	case 1:
		if (!size)
			return pwrite(fd, buf, 0, at) ? "an empty write" : NULL;
		model_write(buf, size, at);
		return pwrite(fd, buf, size, at) == size ? NULL : "a write";
	case 2:
		if (!size)
			return NULL;
		model_write(buf, size, at);
		return pwritev(fd, parts, 2, at) == size ? NULL : "a write of two parts";
	case 3:
		model_resize(at);
		return ftruncate(fd, at) ? "ftruncate" : NULL;
	case 4:
		/* By the offset of the open file. */
		if (lseek(fd, at, SEEK_SET) != at)
			return "lseek";
		size = at < model.size ? (size < model.size - at ? size : model.size - at) : 0;
		return read(fd, got, size) == size && !memcmp(got, model.data + at, size) &&
		       lseek(fd, 0, SEEK_CUR) == at + size ? NULL : "a read";
	case 5:
		size = MODEL - model.size < 100 ? MODEL - model.size : 100;
		other = open(M "/file", O_WRONLY | O_APPEND);
		if (size)
			model_write(buf, size, model.size);
		if (write(other, buf, size) != size)
			return "an append";
		close(other);
		return NULL;
	case 6:
		if (next_random(random) % 20)
			return NULL;
		model_resize(0);
		other = open(M "/file", O_WRONLY | O_TRUNC);
		if (other < 0)
			return "O_TRUNC";
		close(other);
		return NULL;
	default:
		if (pread(fd, got, MODEL, 0) != model.size ||
		    memcmp(got, model.data, model.size))
			return "the content";
		return size_of(M "/file") == model.size ? NULL : "the size";
	}
}

/* Catches: any sequence of writes, truncates and reads that does not go together. */
TEST_F_TIMEOUT(contents, random, 120)
{
	unsigned int i, steps = stress(3000);
	uint64_t seed = choose_seed(), random = seed + 1;
	const char *wrong = NULL;
	int fd;

	model.size = 0;
	fd = sys(open(M "/file", O_RDWR | O_CREAT, 0644));
	ASSERT_LE(0, fd);
	for (i = 0; !wrong && i < steps; i++)
		wrong = random_step(fd, &random);
	EXPECT_EQ(NULL, wrong)
		TH_LOG("step %u, BPFFS_SEED=%llu: %s", i, (unsigned long long)seed, wrong);
	EXPECT_TRUE(is_content(M "/file", model.data, model.size));
	if (kind->zeros_kept)
		EXPECT_TRUE(df_says(M, LIMIT, taken(model.size)));
}

NOTEFS_TEST_MAIN
