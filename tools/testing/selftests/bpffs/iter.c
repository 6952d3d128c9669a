// SPDX-License-Identifier: GPL-2.0
/*
 * Pinned iterators. The one here goes through the elements of an array and
 * writes each value as it is, so what a reader gets is the array.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "bpffs_harness.h"
#include "iterators.h"
#include "kbtf.h"

/* More than fits the kernel's buffer, which is 8 pages. */
#define ENTRIES	10000
#define SIZE	(ENTRIES * sizeof(int))

static int value_of(int key)
{
	return key * 7 + 1;
}

/* Sets elements 0 to ENTRIES - 1, by one call. */
static int fill(int map, const int *values)
{
	union bpf_attr attr = {
		.batch.map_fd = map,
		.batch.count = ENTRIES,
		.batch.values = (uintptr_t)values,
	};
	int *keys = malloc(SIZE), i, err;

	for (i = 0; i < ENTRIES; i++)
		keys[i] = i;
	attr.batch.keys = (uintptr_t)keys;
	err = sys_bpf(BPF_MAP_UPDATE_BATCH, &attr);
	free(keys);
	return err;
}

FIXTURE(iter) {
	int map, prog, link;
	int map_id, prog_id, link_id;
	int *whole, *buf;
};

FIXTURE_SETUP(iter)
{
	int i;

	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	self->whole = malloc(SIZE);
	self->buf = malloc(SIZE);
	self->map = map_create(BPF_MAP_TYPE_ARRAY, 4, 4, ENTRIES);
	ASSERT_LE(0, self->map);
	for (i = 0; i < ENTRIES; i++)
		self->whole[i] = value_of(i);
	ASSERT_EQ(0, fill(self->map, self->whole));
	self->prog = elem_prog(ELEM_VALUE, 4, 0);
	ASSERT_LE(0, self->prog);
	self->link = elem_link(self->prog, self->map);
	ASSERT_LE(0, self->link);
	self->map_id = obj_id(self->map, OBJ_MAP);
	self->prog_id = obj_id(self->prog, OBJ_PROG);
	self->link_id = obj_id(self->link, OBJ_LINK);
	ASSERT_EQ(0, obj_pin(self->link, "bpf/iter"));
}

FIXTURE_TEARDOWN(iter)
{
	free(self->whole);
	free(self->buf);
}

/* Reads up to @size bytes in pieces of @piece; how many there were, or -errno. */
static ssize_t read_in(int fd, void *buf, size_t size, size_t piece)
{
	size_t done = 0;
	ssize_t len;

	while (done < size) {
		len = sys(read(fd, (char *)buf + done, piece < size - done ? piece : size - done));
		if (len < 0)
			return len;
		if (!len)
			break;
		done += len;
	}
	return done;
}

/* Catches: output lost or doubled where one read ends and the next begins. */
TEST_F(iter, pieces)
{
	static const size_t pieces[] = { SIZE, 1 << 16, 4096, 4095, 100, 7 };
	unsigned int i;
	char one;
	int fd;

	for (i = 0; i < ARRAY_SIZE(pieces); i++) {
		fd = open("bpf/iter", O_RDONLY | O_CLOEXEC);
		ASSERT_LE(0, fd);
		memset(self->buf, 0, SIZE);
		EXPECT_EQ(SIZE, read_in(fd, self->buf, SIZE, pieces[i]));
		EXPECT_EQ(0, memcmp(self->whole, self->buf, SIZE))
			TH_LOG("in pieces of %zu", pieces[i]);
		/* The end stays the end. */
		EXPECT_EQ(0, sys(read(fd, &one, 1)));
		EXPECT_EQ(0, sys(read(fd, &one, 1)));
		close(fd);
	}
}

/* Catches: a position that can be set, though an iterator only goes forward. */
TEST_F(iter, seek)
{
	int fd = open("bpf/iter", O_RDONLY | O_CLOEXEC), value;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-ESPIPE, sys(lseek(fd, 0, SEEK_CUR)));
	EXPECT_EQ(-ESPIPE, sys(lseek(fd, 4, SEEK_SET)));
	EXPECT_EQ(-ESPIPE, sys(lseek(fd, 0, SEEK_END)));
	EXPECT_EQ(4, sys(read(fd, &value, 4)));
	EXPECT_EQ(value_of(0), value);
	/* The position given is not looked at. */
	EXPECT_EQ(4, sys(pread(fd, &value, 4, 400)));
	EXPECT_EQ(value_of(1), value);
	EXPECT_EQ(4, sys(read(fd, &value, 4)));
	EXPECT_EQ(value_of(2), value);
}

/* Catches: readers that share what each should have for itself. */
TEST_F(iter, two_readers)
{
	int a = open("bpf/iter", O_RDONLY | O_CLOEXEC);
	int b = open("bpf/iter", O_RDONLY | O_CLOEXEC);
	size_t i, n;
	int value;

	ASSERT_LE(0, b);
	for (i = 0; i < 100; i++) {
		EXPECT_EQ(4, sys(read(a, &value, 4)));
		EXPECT_EQ(value_of(i), value);
		for (n = 2 * i; n < 2 * i + 2; n++) {
			EXPECT_EQ(4, sys(read(b, &value, 4)));
			EXPECT_EQ(value_of(n), value);
		}
	}
	EXPECT_EQ(SIZE - 400, read_in(a, self->buf, SIZE, 1000));
	EXPECT_EQ(0, memcmp(self->whole + 100, self->buf, SIZE - 400));
	EXPECT_EQ(SIZE - 800, read_in(b, self->buf, SIZE, 1 << 16));
	EXPECT_EQ(0, memcmp(self->whole + 200, self->buf, SIZE - 800));
}

/* Catches: one that runs at open() or at pinning instead of when it is read. */
TEST_F(iter, runs_on_read)
{
	int fd = open("bpf/iter", O_RDONLY | O_CLOEXEC), values[3];

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, map_set(self->map, 1, -5));
	EXPECT_EQ(sizeof(values), sys(read(fd, values, sizeof(values))));
	EXPECT_EQ(value_of(0), values[0]);
	EXPECT_EQ(-5, values[1]);
	EXPECT_EQ(value_of(2), values[2]);
}

/* Catches: a pin that goes on with the program that its link had before. */
TEST_F(iter, update)
{
	int before = open("bpf/iter", O_RDONLY | O_CLOEXEC), link = obj_get("bpf/iter"), fd, key;
	union bpf_attr attr = {
		.link_update.link_fd = link,
		.link_update.new_prog_fd = elem_prog(ELEM_KEY, 4, 0),
	};

	ASSERT_LE(0, link);
	ASSERT_EQ(0, sys_bpf(BPF_LINK_UPDATE, &attr));
	fd = open("bpf/iter", O_RDONLY | O_CLOEXEC);
	EXPECT_EQ(4, sys(read(fd, &key, 4)));
	EXPECT_EQ(0, key);
	EXPECT_EQ(4, sys(read(fd, &key, 4)));
	EXPECT_EQ(1, key);
	/* What is open has the program of when it was opened. */
	EXPECT_EQ(SIZE, read_in(before, self->buf, SIZE, SIZE));
	EXPECT_EQ(0, memcmp(self->whole, self->buf, SIZE));

	/* An iterator cannot be detached, and takes no program of another kind. */
	memset(&attr, 0, sizeof(attr));
	attr.link_detach.link_fd = link;
	EXPECT_EQ(-EOPNOTSUPP, sys_bpf(BPF_LINK_DETACH, &attr));
	attr.link_update.link_fd = link;
	attr.link_update.new_prog_fd = prog_new(0);
	EXPECT_EQ(-EINVAL, sys_bpf(BPF_LINK_UPDATE, &attr));
}

/* Catches: an open iterator that loses its map, or a link that is never freed. */
TEST_F(iter, life)
{
	int fd;

	close(self->link);
	close(self->prog);
	close(self->map);
	EXPECT_TRUE(obj_alive(OBJ_LINK, self->link_id));
	ASSERT_EQ(0, mkdir("bpf/dir", 0755));
	ASSERT_EQ(0, link("bpf/iter", "bpf/hard"));
	ASSERT_EQ(0, rename("bpf/iter", "bpf/dir/moved"));
	ASSERT_EQ(0, unlink("bpf/hard"));
	ASSERT_EQ(0, symlink("dir/moved", "bpf/symlink"));

	fd = open("bpf/symlink", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(4, sys(read(fd, self->buf, 4)));
	ASSERT_EQ(0, unlink("bpf/dir/moved"));
	ASSERT_EQ(0, umount2("bpf", MNT_DETACH));
	EXPECT_TRUE(obj_alive(OBJ_LINK, self->link_id));
	EXPECT_EQ(SIZE - 4, read_in(fd, self->buf, SIZE, SIZE));
	EXPECT_EQ(0, memcmp(self->whole + 1, self->buf, SIZE - 4));
	close(fd);
	EXPECT_TRUE(obj_gone(OBJ_LINK, self->link_id));
	EXPECT_TRUE(obj_gone(OBJ_PROG, self->prog_id));
	EXPECT_TRUE(obj_gone(OBJ_MAP, self->map_id));
}

/* Catches: modes of the pin that do not count, or privilege that is asked for. */
TEST_F(iter, permissions)
{
	int status, value;

	in_child(&status) {
		ASSERT_EQ(0, become(NOBODY, NOBODY));
		EXPECT_EQ(-EACCES, sys(open("bpf/iter", O_RDONLY)));
	}
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, chmod("bpf/iter", 0444));
	in_child(&status) {
		int fd;

		ASSERT_EQ(0, become(NOBODY, NOBODY));
		fd = sys(open("bpf/iter", O_RDONLY | O_CLOEXEC));
		ASSERT_LE(0, fd);
		EXPECT_EQ(4, sys(read(fd, &value, 4)));
		EXPECT_EQ(-EACCES, sys(open("bpf/iter", O_RDWR)));
		EXPECT_EQ(-EACCES, obj_get("bpf/iter"));
	}
	EXPECT_EQ(0, status);
}

/* Catches: what C refuses: writing, mapping; what it does not: other flags. */
TEST_F(iter, not_writable)
{
	int fd = sys(open("bpf/iter", O_RDWR | O_TRUNC | O_APPEND | O_CLOEXEC)), value;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, sys(write(fd, "x", 1)));
	EXPECT_EQ(4, sys(read(fd, &value, 4)));
	EXPECT_EQ(-EEXIST, sys(open("bpf/iter", O_CREAT | O_EXCL | O_RDWR, 0600)));
	EXPECT_EQ(-ENOTDIR, sys(open("bpf/iter", O_RDONLY | O_DIRECTORY)));
	fd = sys(open("bpf/iter", O_WRONLY | O_CLOEXEC));
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBADF, sys(read(fd, &value, 4)));
}

/* Catches: an error of the iterator taken for its end. */
TEST_F(iter, errors)
{
	int map = map_create(BPF_MAP_TYPE_ARRAY, 4, 40000, 2), prog, link, fd;

	/* An element that does not fit the buffer. */
	ASSERT_LE(0, map);
	prog = elem_prog(ELEM_VALUE, 40000, 0);
	ASSERT_LE(0, prog);
	link = elem_link(prog, map);
	ASSERT_LE(0, link);
	ASSERT_EQ(0, obj_pin(link, "bpf/large"));
	fd = open("bpf/large", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-E2BIG, sys(read(fd, self->buf, SIZE)));
	EXPECT_EQ(-EFAULT, sys(syscall(SYS_read, open("bpf/iter", O_RDONLY), 1, 4)));

	/* A program that wants to be called again, which reading has to ask for. */
	prog = elem_prog(ELEM_VALUE, 4, 1);
	link = elem_link(prog, self->map);
	ASSERT_LE(0, link);
	ASSERT_EQ(0, obj_pin(link, "bpf/again"));
	fd = open("bpf/again", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EAGAIN, sys(read(fd, self->buf, SIZE)));
	EXPECT_EQ(-EAGAIN, sys(read(fd, self->buf, SIZE)));
}

int main(int argc, char **argv)
{
	kernel_btf_prepare();
	return run_all_guarded(argc, argv);
}
