// SPDX-License-Identifier: GPL-2.0
/* Files by methods (FileOperations), and the data of an open file. */
#include <asm/termbits.h>
#include <sys/ioctl.h>

#include "testfs_harness.h"

TESTFS_FIXTURE(open_files)

#define FILES M "/files"
static const char *const with_data[] = { FILES "/own", FILES "/seeking" };

/* Catches: data of an open file that is dropped twice, never, or before the last descriptor goes. */
TEST_F(open_files, dropped_once)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(with_data); i++) {
		long before = live(OPEN), first = made(OPEN), released = made(RELEASES);
		int fd = sys(open(with_data[i], O_RDWR | O_CLOEXEC)), copy, status;

		ASSERT_LE(0, fd);
		EXPECT_EQ(before + 1, live(OPEN));
		copy = dup(fd);
		in_child(&status)
			close(fd);
		EXPECT_EQ(0, status);
		close(fd);
		EXPECT_EQ(before + 1, live(OPEN));
		EXPECT_EQ(1, write(copy, "x", 1));
		close(copy);
		EXPECT_TRUE(wait_until(live(OPEN) == before, 5000));
		EXPECT_EQ(first + 1, made(OPEN));
		/* The one has release(), the other has not. */
		EXPECT_EQ(released + !i, made(RELEASES));
	}
}

/* Catches: data that one open file has of another. */
TEST_F(open_files, own_data)
{
	char buf[8] = "";
	unsigned int i;
	int a, b;

	for (i = 0; i < ARRAY_SIZE(with_data); i++) {
		a = sys(open(with_data[i], O_RDWR | O_CLOEXEC));
		b = sys(open(with_data[i], O_RDWR | O_CLOEXEC));
		ASSERT_LE(0, a);
		ASSERT_LE(0, b);
		ASSERT_EQ(3, pwrite(a, "abc", 3, 0));
		ASSERT_EQ(2, pwrite(b, "xy", 2, 0));
		EXPECT_EQ(3, pread(a, buf, sizeof(buf), 0));
		EXPECT_EQ(0, memcmp(buf, "abc", 3));
		EXPECT_EQ(1, pread(b, buf, sizeof(buf), 1));
		EXPECT_EQ('y', buf[0]);
		EXPECT_EQ(0, pread(b, buf, sizeof(buf), 100));
		close(a);
		EXPECT_EQ(2, pread(b, buf, sizeof(buf), 0));
		close(b);
	}
}

/* Catches: an open that fails, and what it has made is kept, or released though it never was. */
TEST_F(open_files, refused)
{
	long before = live(OPEN), released = made(RELEASES);

	EXPECT_EQ(-EDOM, sys(open(FILES "/refused", O_RDONLY)));
	EXPECT_EQ(-EDOM, sys(open(FILES "/refused", O_RDWR | O_TRUNC)));
	EXPECT_EQ(before, live(OPEN));
	EXPECT_EQ(released, made(RELEASES));
	EXPECT_EQ(-EIO, sys(open(FILES "/unopenable", O_RDONLY)));
	EXPECT_EQ(-EIO, sys(open(FILES "/unopenable", O_WRONLY)));
	/* No open file. */
	close(open(FILES "/own", O_PATH));
	EXPECT_EQ(released, made(RELEASES));
	/* What the VFS refuses once open() has succeeded is released. */
	EXPECT_EQ(-EINVAL, sys(open(FILES "/own", O_RDONLY | O_DIRECT)));
	EXPECT_TRUE(wait_until(live(OPEN) == before, 5000));
	EXPECT_EQ(released + 1, made(RELEASES));
}

/* Catches: bytes that were read or written and are not told of; an error that is told as success. */
TEST_F(open_files, errors)
{
	int fd = sys(open(FILES "/partial", O_RDWR | O_CLOEXEC));
	char buf[16] = "";

	ASSERT_LE(0, fd);
	EXPECT_EQ(3, read(fd, buf, sizeof(buf)));
	EXPECT_STREQ("abc", buf);
	EXPECT_EQ(3, lseek(fd, 0, SEEK_CUR));
	EXPECT_EQ(2, read(fd, buf, 2));
	EXPECT_EQ(3, write(fd, "vwxyz", 5));
	EXPECT_EQ(8, lseek(fd, 0, SEEK_CUR));
	close(fd);
	fd = sys(open(FILES "/broken", O_RDWR | O_CLOEXEC));
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EDOM, sys(read(fd, buf, sizeof(buf))));
	EXPECT_EQ(-EDOM, sys(write(fd, "x", 1)));
	/* What would be the end of the kernel. */
	EXPECT_EQ(-EIO, sys(pread(fd, buf, sizeof(buf), 1)));
	EXPECT_EQ(-EIO, sys(pwrite(fd, "x", 1, 1)));
	EXPECT_EQ(0, lseek(fd, 0, SEEK_CUR));
	/* Nothing to do. */
	EXPECT_EQ(0, write(fd, "x", 0));
	close(fd);
}

/* Catches: an operation that is absent and does something all the same, or is another errno. */
TEST_F(open_files, left_out)
{
	int fd = sys(open(FILES "/read_only", O_RDWR | O_CLOEXEC)), pipes[2];
	char buf[16] = "";

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pipe2(pipes, O_CLOEXEC));
	EXPECT_EQ(9, read(fd, buf, sizeof(buf)));
	EXPECT_EQ(-EINVAL, sys(write(fd, "x", 1)));
	EXPECT_EQ(0, sys(fsync(fd)));
	EXPECT_EQ(-ENOTTY, sys(ioctl(fd, TCGETS, buf)));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(9, splice(fd, &(loff_t){ 0 }, pipes[1], NULL, 100, 0));
	close(fd);
	fd = sys(open(FILES "/write_only", O_RDWR | O_CLOEXEC));
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, sys(read(fd, buf, sizeof(buf))));
	EXPECT_EQ(5, write(fd, "abcde", 5));
	EXPECT_EQ(5, size_of(FILES "/write_only"));
	EXPECT_EQ(9, splice(pipes[0], NULL, fd, NULL, 100, 0));
	EXPECT_EQ(14, size_of(FILES "/write_only"));
	/* Sought in by its size; its size set by truncate, as nobody has a say in it. */
	EXPECT_EQ(14, lseek(fd, 0, SEEK_END));
	EXPECT_EQ(0, sys(ftruncate(fd, 3)));
	EXPECT_EQ(3, lseek(fd, 0, SEEK_END));
	EXPECT_EQ(-ENXIO, sys(lseek(fd, 4, SEEK_DATA)));
	close(fd);
}

/* Catches: a seek that the file system is not asked about, or that goes where no file can be. */
TEST_F(open_files, llseek)
{
	int fd = sys(open(FILES "/seeking", O_RDWR | O_CLOEXEC));
	char buf[4];

	ASSERT_LE(0, fd);
	EXPECT_EQ(10, lseek(fd, 10, SEEK_SET));
	EXPECT_EQ(20, lseek(fd, 5, SEEK_CUR));
	EXPECT_EQ(20, lseek(fd, 0, SEEK_CUR));
	EXPECT_EQ(997, lseek(fd, -3, SEEK_END));
	EXPECT_EQ(77, lseek(fd, 1, SEEK_DATA));
	/* An errno, a number that is none, one before the beginning, one behind MAX_FILE_SIZE. */
	EXPECT_EQ(-EDOM, sys(lseek(fd, 13, SEEK_SET)));
	EXPECT_EQ(-EINVAL, sys(lseek(fd, 1, SEEK_HOLE)));
	EXPECT_EQ(-EINVAL, sys(lseek(fd, -1, SEEK_SET)));
	EXPECT_EQ(-EINVAL, sys(lseek(fd, MAX_SIZE + 1, SEEK_SET)));
	EXPECT_EQ(-EINVAL, sys(lseek(fd, 0, 5)));
	EXPECT_EQ(77, lseek(fd, 0, SEEK_CUR));
	EXPECT_EQ(MAX_SIZE, lseek(fd, MAX_SIZE, SEEK_SET));
	/* Where it is read from then. */
	ASSERT_EQ(5, pwrite(fd, "abcde", 5, 0));
	ASSERT_EQ(3, lseek(fd, 3, SEEK_SET));
	EXPECT_EQ(2, read(fd, buf, sizeof(buf)));
	EXPECT_EQ('d', buf[0]);
	EXPECT_EQ(5, lseek(fd, 0, SEEK_CUR));
	close(fd);
}

/* Catches: an open file that does not keep its superblock, and its data that goes with that. */
TEST_F(open_files, unmounted)
{
	long before = live(OPEN), instances = live(SUPER_BLOCKS);
	int fd = sys(open(FILES "/own", O_RDWR | O_CLOEXEC));
	char buf[4];

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, sys(umount2(M, MNT_DETACH)));
	EXPECT_EQ(instances, live(SUPER_BLOCKS));
	EXPECT_EQ(3, pwrite(fd, "abc", 3, 0));
	EXPECT_EQ(3, pread(fd, buf, sizeof(buf), 0));
	close(fd);
	EXPECT_TRUE(wait_until(live(SUPER_BLOCKS) == instances - 1, 5000));
	EXPECT_EQ(before, live(OPEN));
}

/* Catches: data of files that a task has open as it is killed. */
TEST_F(open_files, killed)
{
	long before = live(OPEN);
	int ready = event_new();
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		open(FILES "/own", O_RDWR);
		open(FILES "/seeking", O_RDWR);
		event_post(ready);
		pause();
		_exit(0);
	}
	EXPECT_EQ(0, event_wait(ready));
	EXPECT_EQ(before + 2, live(OPEN));
	kill(pid, SIGKILL);
	EXPECT_EQ(-SIGKILL, wait_child(pid));
	EXPECT_TRUE(wait_until(live(OPEN) == before, 5000));
}

TESTFS_TEST_MAIN
