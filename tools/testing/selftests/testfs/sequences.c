// SPDX-License-Identifier: GPL-2.0
/* Files that are sequences of records (SeqFileOperations). */
#include "testfs_harness.h"

TESTFS_FIXTURE(sequences)

#define SEQUENCES_DIR M "/sequences/"
#define RECORD 7
#define RECORDS 20000
#define LONG_SIZE (RECORD * RECORDS)
#define LARGE_RECORD 20001

/* Whether the bytes are what is at @at of records 0, 1, 2 ... with steps of @step. */
static bool records_at(const char *buf, size_t size, off_t at, int step)
{
	char record[32];
	size_t i;

	for (i = 0; i < size; i++) {
		snprintf(record, sizeof(record), "%06lld\n", (long long)(at + i) / RECORD * step);
		if (buf[i] != record[(at + i) % RECORD])
			return false;
	}
	return true;
}

/* Catches: records that are lost, or told twice, from one buffer to the next. */
TEST_F(sequences, longer_than_a_buffer)
{
	static const size_t pieces[] = { 1000, 4096, 65536, LONG_SIZE + 1 };
	static char buf[LONG_SIZE + 1];
	unsigned int i;
	ssize_t ret;
	size_t at;
	int fd;

	for (i = 0; i < ARRAY_SIZE(pieces); i++) {
		fd = sys(open(SEQUENCES_DIR "long", O_RDONLY | O_CLOEXEC));
		ASSERT_LE(0, fd);
		for (at = 0; (ret = sys(read(fd, buf + at, pieces[i]))) > 0; at += ret)
			;
		EXPECT_EQ(0, ret);
		EXPECT_EQ(LONG_SIZE, at);
		EXPECT_TRUE(records_at(buf, LONG_SIZE, 0, 1));
		close(fd);
	}
}

/* Catches: a place in the middle at which something else is than when all is read. */
TEST_F(sequences, seek)
{
	static const off_t places[] = {
		0, 1, 4095, 4096, 4097, 65537, LONG_SIZE - 1, 3, LONG_SIZE - RECORD, 70000,
	};
	int fd = sys(open(SEQUENCES_DIR "long", O_RDONLY | O_CLOEXEC));
	unsigned int i;
	char buf[300];

	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		size_t want = LONG_SIZE - places[i] < sizeof(buf) ? LONG_SIZE - places[i] : sizeof(buf);

		ASSERT_EQ(places[i], lseek(fd, places[i], SEEK_SET));
		ASSERT_EQ(want, read_all(fd, buf, want));
		EXPECT_TRUE(records_at(buf, want, places[i], 1))
			TH_LOG("at %lld", (long long)places[i]);
		ASSERT_EQ(want, pread(fd, buf, want, places[i]));
		EXPECT_TRUE(records_at(buf, want, places[i], 1));
	}
	EXPECT_EQ(-EINVAL, sys(lseek(fd, 0, SEEK_END)));
	close(fd);
}

/* Catches: a record that is cut off where it does not fit into the buffer, or comes twice. */
TEST_F(sequences, large_records)
{
	static char buf[4 * LARGE_RECORD];
	int fd = sys(open(SEQUENCES_DIR "large", O_RDONLY | O_CLOEXEC)), i;

	ASSERT_LE(0, fd);
	ASSERT_EQ(3 * LARGE_RECORD, read_all(fd, buf, sizeof(buf)));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ('\n', buf[(i + 1) * LARGE_RECORD - 1]);
		EXPECT_EQ('0' + i, buf[(i + 1) * LARGE_RECORD - 2]);
		EXPECT_EQ(LARGE_RECORD - 2 + !i, strspn(buf + i * LARGE_RECORD, "0"));
	}
	EXPECT_EQ(1, pread(fd, buf, 1, 2 * LARGE_RECORD - 2));
	EXPECT_EQ('1', buf[0]);
	close(fd);
}

/* Catches: a sequence that ends with a record without text, or has none. */
TEST_F(sequences, empty_records)
{
	char buf[200];
	int fd = sys(open(SEQUENCES_DIR "sparse", O_RDONLY | O_CLOEXEC));

	ASSERT_LE(0, fd);
	EXPECT_EQ(10 * RECORD, read_all(fd, buf, sizeof(buf)));
	EXPECT_TRUE(records_at(buf, 10 * RECORD, 0, 100));
	EXPECT_EQ(RECORD, pread(fd, buf, RECORD, 5 * RECORD));
	EXPECT_EQ(0, memcmp(buf, "000500\n", RECORD));
	close(fd);
	EXPECT_EQ(0, read_file(SEQUENCES_DIR "none", buf, sizeof(buf)));
}

/* Catches: records before one that fails that are lost; a failure that is told as the end. */
TEST_F(sequences, failing)
{
	long before = live(SEQUENCES);
	char buf[200];
	int fd = sys(open(SEQUENCES_DIR "broken", O_RDONLY | O_CLOEXEC));

	ASSERT_LE(0, fd);
	EXPECT_EQ(10 * RECORD, read(fd, buf, sizeof(buf)));
	EXPECT_TRUE(records_at(buf, 10 * RECORD, 0, 1));
	EXPECT_EQ(-EDOM, sys(read(fd, buf, sizeof(buf))));
	EXPECT_EQ(-EDOM, sys(read(fd, buf, sizeof(buf))));
	EXPECT_EQ(RECORD, pread(fd, buf, RECORD, 0));
	close(fd);
	EXPECT_EQ(-EDOM, sys(open(SEQUENCES_DIR "refused", O_RDONLY)));
	EXPECT_EQ(before, live(SEQUENCES));
}

/* Catches: what an open file reads that is dropped twice, never, or shared. */
TEST_F(sequences, dropped_once)
{
	long before = live(SEQUENCES), first = made(SEQUENCES);
	int a = sys(open(SEQUENCES_DIR "long", O_RDONLY | O_CLOEXEC));
	int b = sys(open(SEQUENCES_DIR "long", O_RDONLY | O_CLOEXEC));
	char buf[2 * RECORD];

	ASSERT_LE(0, a);
	ASSERT_LE(0, b);
	/* These and one that is counted by. */
	EXPECT_EQ(before + 2, live(SEQUENCES));
	EXPECT_EQ(RECORD, read(a, buf, RECORD));
	EXPECT_EQ(2 * RECORD, read(b, buf, 2 * RECORD));
	EXPECT_TRUE(records_at(buf, 2 * RECORD, 0, 1));
	EXPECT_EQ(RECORD, read(a, buf, RECORD));
	EXPECT_TRUE(records_at(buf, RECORD, RECORD, 1));
	close(a);
	EXPECT_EQ(RECORD, read(b, buf, RECORD));
	close(b);
	EXPECT_TRUE(wait_until(live(SEQUENCES) == before, 5000));
	EXPECT_LT(first + 2, made(SEQUENCES));
}

/* Catches: a file that is said to be read only once, one after the other, and can be sought in. */
TEST_F(sequences, read_only)
{
	int fd = sys(open(SEQUENCES_DIR "once", O_RDONLY | O_CLOEXEC)), pipes[2];
	static char buf[LONG_SIZE + 1];

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pipe2(pipes, O_CLOEXEC));
	EXPECT_EQ(-ESPIPE, sys(lseek(fd, 7, SEEK_SET)));
	EXPECT_EQ(-EINVAL, sys(splice(fd, NULL, pipes[1], NULL, 100, 0)));
	EXPECT_EQ(LONG_SIZE, read_all(fd, buf, sizeof(buf)));
	EXPECT_TRUE(records_at(buf, LONG_SIZE, 0, 1));
	EXPECT_EQ(-EBADF, sys(write(fd, "x", 1)));
	close(fd);
}

/* Catches: a size that can be set where it must not be, or is not kept where it may. */
TEST_F(sequences, sizes)
{
	EXPECT_EQ(-EINVAL, sys(truncate(SEQUENCES_DIR "long", 5)));
	EXPECT_EQ(0, sys(truncate(SEQUENCES_DIR "long", 0)));
	EXPECT_EQ(0, size_of(SEQUENCES_DIR "long"));
	EXPECT_EQ(0, sys(chmod(SEQUENCES_DIR "long", 0600)));
	EXPECT_EQ(0, sys(truncate(SEQUENCES_DIR "resizable", 5)));
	EXPECT_EQ(5, size_of(SEQUENCES_DIR "resizable"));
	EXPECT_EQ(-EFBIG, sys(truncate(SEQUENCES_DIR "resizable", MAX_SIZE + 1)));
}

TESTFS_TEST_MAIN
