// SPDX-License-Identifier: GPL-2.0
/* O_APPEND: each write is at the end, whoever writes at the same time. */
#include "notefs_harness.h"

NOTEFS_FIXTURE(append)

/* Catches: an append at the offset of the open file. */
TEST_F(append, at_the_end)
{
	int a, b;
	char buf[16];

	ASSERT_EQ(0, put(M "/file", "0123", 4));
	a = sys(open(M "/file", O_RDWR | O_APPEND));
	b = sys(open(M "/file", O_WRONLY | O_APPEND));
	ASSERT_LE(0, b);
	ASSERT_EQ(1, write(a, "a", 1));
	ASSERT_EQ(1, write(b, "b", 1));
	EXPECT_EQ(6, lseek(b, 0, SEEK_CUR));
	ASSERT_EQ(0, lseek(a, 0, SEEK_SET));
	/* Reads are where the offset is, the next write is not. */
	ASSERT_EQ(2, read(a, buf, 2));
	EXPECT_EQ(0, memcmp(buf, "01", 2));
	ASSERT_EQ(1, write(a, "c", 1));
	EXPECT_EQ(7, lseek(a, 0, SEEK_CUR));
	/* Linux appends here, too. */
	ASSERT_EQ(1, pwrite(a, "d", 1, 0));
	EXPECT_EQ(7, lseek(a, 0, SEEK_CUR));
	EXPECT_TRUE(is_content(M "/file", "0123abcd", 8));
	/* After the file has become shorter, the end is elsewhere. */
	ASSERT_EQ(0, truncate(M "/file", 2));
	ASSERT_EQ(1, write(b, "e", 1));
	EXPECT_TRUE(is_content(M "/file", "01e", 3));
}

/* Catches: the flag read once, when the file is opened. */
TEST_F(append, flag_changes)
{
	int fd;

	ASSERT_EQ(0, put(M "/file", "0123", 4));
	fd = sys(open(M "/file", O_WRONLY));
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fcntl(fd, F_SETFL, O_APPEND));
	ASSERT_EQ(1, write(fd, "a", 1));
	ASSERT_EQ(0, fcntl(fd, F_SETFL, 0));
	ASSERT_EQ(1, lseek(fd, 1, SEEK_SET));
	ASSERT_EQ(1, write(fd, "b", 1));
	EXPECT_TRUE(is_content(M "/file", "0b23a", 5));
}

/* Catches: the flag of a single write that is neither heeded nor refused. */
TEST_F(append, for_one_write)
{
	struct iovec part = { "abc", 3 };
	ssize_t ret;
	int fd;

	ASSERT_EQ(0, put(M "/file", "0123", 4));
	fd = sys(open(M "/file", O_WRONLY));
	ASSERT_LE(0, fd);
	ret = sys(pwritev2(fd, &part, 1, 0, RWF_APPEND));
	if (ret < 0) {
		EXPECT_EQ(-EOPNOTSUPP, ret);
		EXPECT_TRUE(is_content(M "/file", "0123", 4));
	} else {
		EXPECT_EQ(3, ret);
		EXPECT_TRUE(is_content(M "/file", "0123abc", 7));
	}
}

#define WRITERS 6

/* A record says whose it is and which, all the way through, and how long it is. */
struct record {
	unsigned char size, writer;
	uint16_t nr;
	unsigned char text[200];
};

#define HEAD offsetof(struct record, text)

static void make_record(struct record *r, unsigned int writer, unsigned int nr)
{
	r->size = HEAD + 1 + (writer * 37 + nr * 11) % 190;
	r->writer = writer;
	r->nr = nr;
	pattern(r->text, r->size - HEAD, writer, nr);
}

/* Records, each complete, those of each writer in order; returns how many, or -1. */
static int check_records(const char *path, const unsigned int *written)
{
	unsigned int next[WRITERS] = {}, cnt = 0, i;
	off_t size = size_of(path), at = 0;
	char *data = malloc(size + 1);
	struct record want, got;
	int fd = open(path, O_RDONLY);

	if (fd < 0 || read_all(fd, data, size + 1) != size) {
		fprintf(stderr, "# %s is not as long as it says\n", path);
		return -1;
	}
	for (; at < size; at += got.size, cnt++) {
		memset(&got, 0, sizeof(got));
		memcpy(&got, data + at, size - at < sizeof(got) ? size - at : sizeof(got));
		if (got.writer >= WRITERS || got.nr != (uint16_t)next[got.writer]) {
			fprintf(stderr, "# at %lld: record %u of writer %u\n", (long long)at, got.nr,
				got.writer);
			return -1;
		}
		make_record(&want, got.writer, next[got.writer]++);
		if (got.size != want.size || memcmp(&got, &want, want.size)) {
			fprintf(stderr, "# at %lld: record %u of writer %u is torn\n", (long long)at,
				got.nr, got.writer);
			return -1;
		}
	}
	for (i = 0; i < WRITERS; i++) {
		if (next[i] != written[i]) {
			fprintf(stderr, "# writer %u wrote %u records, %u are there\n", i,
				written[i], next[i]);
			return -1;
		}
	}
	free(data);
	close(fd);
	return cnt;
}

/* Catches: two writes that find the same end, of which one is lost; one torn by another. */
TEST_F_TIMEOUT(append, many_writers, 120)
{
	unsigned int *written = shared_memory(WRITERS * sizeof(*written)), i, n = stress(300);
	int start = event_new();

	/* Records of 100 bytes on average: that many fit. */
	n = n < 1400 ? n : 1400;
	for (i = 0; i < WRITERS; i++) {
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid) {
			int fd = open(M "/log", O_WRONLY | O_CREAT | O_APPEND, 0644);
			struct record r;

			event_wait(start);
			for (; written[i] < n; written[i]++) {
				make_record(&r, i, written[i]);
				if (write(fd, &r, r.size) != r.size)
					_exit(1);
			}
			_exit(0);
		}
	}
	for (i = 0; i < WRITERS; i++)
		event_post(start);
	for (i = 0; i < WRITERS; i++)
		EXPECT_EQ(0, wait_child(-1));
	EXPECT_EQ(WRITERS * n, check_records(M "/log", written));
}

/* Catches: the same where the device gets full: a record is whole, short or not there. */
TEST_F_TIMEOUT(append, many_writers_on_a_full_device, 120)
{
	uint64_t *bytes = shared_memory(WRITERS * sizeof(*bytes)), seen[256] = {}, sum = 0;
	unsigned char *data = malloc(256 << 10);
	unsigned int i;
	int fd;

	ASSERT_EQ(0, mount_notes("full", "size=256k"));
	for (i = 0; i < WRITERS; i++) {
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid) {
			int fd = open("full/log", O_WRONLY | O_CREAT | O_APPEND, 0644);
			char buf[300];
			ssize_t ret;

			memset(buf, 'a' + i, sizeof(buf));
			while ((ret = sys(write(fd, buf, sizeof(buf)))) > 0)
				bytes[i] += ret;
			_exit(ret != -ENOSPC);
		}
	}
	for (i = 0; i < WRITERS; i++)
		EXPECT_EQ(0, wait_child(-1));
	for (i = 0; i < WRITERS; i++)
		sum += bytes[i];
	EXPECT_EQ(256 << 10, sum);
	EXPECT_EQ(256 << 10, size_of("full/log"));
	fd = open("full/log", O_RDONLY);
	ASSERT_EQ(256 << 10, read_all(fd, data, 256 << 10));
	for (i = 0; i < 256 << 10; i++)
		seen[data[i]]++;
	for (i = 0; i < WRITERS; i++)
		EXPECT_EQ(bytes[i], seen['a' + i]);
	free(data);
}

NOTEFS_TEST_MAIN
