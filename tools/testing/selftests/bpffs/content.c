// SPDX-License-Identifier: GPL-2.0
/* Opening pins as files: what can be read, and all that cannot be done. */
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "bpffs_harness.h"

/* A mount at "a" with a readable map "a/m", an array of three ints. */
FIXTURE(content) {
	int btf;
	int map;
};

FIXTURE_SETUP(content)
{
	ASSERT_EQ(0, mount_bpf("a", NULL));
	self->btf = btf_int_new();
	ASSERT_LE(0, self->btf);
	self->map = map_typed(self->btf, BPF_MAP_TYPE_ARRAY, 3);
	ASSERT_LE(0, self->map);
	ASSERT_EQ(0, obj_pin(self->map, "a/m"));
}

FIXTURE_TEARDOWN(content) { }

#define HEADER	"# WARNING!! The output is for debug purpose only\n" \
		"# WARNING!! The output format will change\n"

/* Catches: the text of an array map wrong. */
TEST_F(content, array)
{
	char buf[512];

	ASSERT_EQ(0, map_set(self->map, 0, 7));
	ASSERT_EQ(0, map_set(self->map, 2, -9));
	ASSERT_LT(0, read_file("a/m", buf, sizeof(buf)));
	EXPECT_STREQ(HEADER "0: 7\n1: 0\n2: -9\n", buf);
}

/* Catches: the text of a hash map, whose keys have no order, wrong. */
TEST_F(content, hash)
{
	int map = map_typed(self->btf, BPF_MAP_TYPE_HASH, 4);
	char buf[512];

	ASSERT_LE(0, map);
	ASSERT_EQ(0, obj_pin(map, "a/h"));
	ASSERT_EQ(sizeof(HEADER) - 1, read_file("a/h", buf, sizeof(buf)));
	EXPECT_STREQ(HEADER, buf);
	ASSERT_EQ(0, map_set(map, 5, 50));
	ASSERT_LT(0, read_file("a/h", buf, sizeof(buf)));
	EXPECT_STREQ(HEADER "5: 50\n", buf);
}

/* Catches: a value shown as it was at open(), a position not kept or not moved. */
TEST_F(content, positions)
{
	char buf[512], one;
	unsigned int len = 0;
	int fd = open("a/m", O_RDONLY | O_CLOEXEC);

	ASSERT_LE(0, fd);
	/* Byte by byte it is the same text. */
	while (len < sizeof(buf) - 1 && read(fd, &one, 1) == 1)
		buf[len++] = one;
	buf[len] = '\0';
	EXPECT_STREQ(HEADER "0: 0\n1: 0\n2: 0\n", buf);
	EXPECT_EQ(0, sys(read(fd, &one, 1)));
	/* The iterator behind it only goes forward. */
	EXPECT_EQ(-ESPIPE, sys(lseek(fd, 0, SEEK_SET)));
	EXPECT_EQ(-ESPIPE, sys(lseek(fd, 0, SEEK_CUR)));
	EXPECT_EQ(0, sys(pread(fd, buf, sizeof(buf), 0)));
	close(fd);

	fd = open("a/m", O_RDONLY | O_CLOEXEC);
	ASSERT_EQ(0, map_set(self->map, 1, 11));
	len = read(fd, buf, sizeof(buf) - 1);
	buf[len] = '\0';
	EXPECT_STREQ(HEADER "0: 0\n1: 11\n2: 0\n", buf);
}

/* Catches: an open file that does not keep the map it shows. */
TEST_F(content, file_keeps_map)
{
	unsigned int id = obj_id(self->map, OBJ_MAP);
	char buf[512];
	int fd = open("a/m", O_RDONLY | O_CLOEXEC);
	ssize_t len;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, map_set(self->map, 0, 3));
	ASSERT_EQ(0, unlink("a/m"));
	ASSERT_EQ(0, close(self->map));
	ASSERT_EQ(0, umount2("a", MNT_DETACH));
	EXPECT_TRUE(obj_alive(OBJ_MAP, id));
	len = read(fd, buf, sizeof(buf) - 1);
	ASSERT_LT(0, len);
	buf[len] = '\0';
	EXPECT_STREQ(HEADER "0: 3\n1: 0\n2: 0\n", buf);
	ASSERT_EQ(0, close(fd));
	EXPECT_TRUE(wait_until(!obj_alive(OBJ_MAP, id), 2000));
}

/* Catches: opening what C refuses to open, or with another errno. */
TEST_F(content, not_readable)
{
	int queue = map_create(BPF_MAP_TYPE_QUEUE, 0, 4, 1);

	ASSERT_LE(0, queue);
	ASSERT_EQ(0, obj_pin(prog_new(0), "a/p"));
	ASSERT_EQ(0, obj_pin(queue, "a/q"));
	/* A map without type information can be printed no more than a program. */
	ASSERT_EQ(0, obj_pin(map_new(), "a/untyped"));
	EXPECT_EQ(-EIO, sys(open("a/p", O_RDONLY)));
	EXPECT_EQ(-EIO, sys(open("a/p", O_WRONLY)));
	EXPECT_EQ(-EIO, sys(open("a/p", O_RDWR | O_CREAT, 0644)));
	EXPECT_EQ(-EIO, sys(open("a/q", O_RDONLY)));
	EXPECT_EQ(-EIO, sys(open("a/untyped", O_RDONLY)));
	EXPECT_EQ(-EEXIST, sys(open("a/p", O_RDWR | O_CREAT | O_EXCL, 0644)));
	EXPECT_EQ(-ENOTDIR, sys(open("a/p", O_RDONLY | O_DIRECTORY)));
	EXPECT_LE(0, sys(open("a/p", O_PATH)));
}

/* Catches: writing to, mapping or controlling a map through its file. */
TEST_F(content, not_writable)
{
	int fd = open("a/m", O_RDWR | O_TRUNC | O_CLOEXEC);
	char buf[8] = "1";

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, sys(write(fd, buf, 1)));
	EXPECT_EQ(-ESPIPE, sys(pwrite(fd, buf, 1, 0)));
	EXPECT_EQ(-ENOTTY, sys(ioctl(fd, TIOCGWINSZ, buf)));
	EXPECT_EQ(-EINVAL, sys(fsync(fd)));
	EXPECT_EQ(-EOPNOTSUPP, sys(fallocate(fd, 0, 0, 4096)));
	EXPECT_EQ(0, sys(ftruncate(fd, 4096)));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(ENODEV, errno);
}

/* Catches: the file of a map taken for the map by bpf(2). */
TEST_F(content, file_is_no_map_fd)
{
	int fd = open("a/m", O_RDONLY | O_CLOEXEC), value;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, map_get(fd, 0, &value));
	EXPECT_EQ(-EINVAL, obj_pin(fd, "a/x"));
}

BPFFS_TEST_MAIN
