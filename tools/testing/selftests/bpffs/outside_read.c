// SPDX-License-Identifier: GPL-2.0
/*
 * Pinned objects that are exposed outside the file system, by pinning them once more in the
 * directory of a cgroup or in sysfs: what one reads there. C refuses each such pin.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "outside_fixture.h"

/* The kernel's buffer for what an iterator writes; as much as fits is one byte less. */
#define BUFFER	(8 * 4096)

OUTSIDE_FIXTURE(outside_read)

/* ---- reading a view ---- */

/* Catches: a view that shows another cgroup than that whose directory it is in. */
TEST_F(outside_read, view_of_each_cgroup)
{
	static const char *const dirs[] = {
		CGROUPS, CGROUP, CGROUP "/a", CGROUP "/a/b", CGROUP "/c",
	};
	char path[64];
	unsigned int i;

	ASSERT_EQ(0, mkdir(CGROUP "/a", 0755));
	ASSERT_EQ(0, mkdir(CGROUP "/a/b", 0755));
	ASSERT_EQ(0, mkdir(CGROUP "/c", 0755));
	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s/bpf.test", dirs[i]);
		EXPECT_EQ(on_ours_or_refused(0), obj_pin(self->view, path));
	}
	if (!mounts_are_ours())
		return;
	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s/bpf.test", dirs[i]);
		EXPECT_EQ(ino_of(dirs[i]), viewed(path));
		EXPECT_EQ(i + 1, map_first(self->runs));
	}
	/* By another mount, and once more. */
	ASSERT_EQ(0, mkdir("again", 0755));
	ASSERT_EQ(0, sys(mount("cgroup2", "again", "cgroup2", 0, NULL)));
	EXPECT_EQ(ino_of(CGROUP "/a/b"), viewed("again/bpffs_test/a/b/bpf.test"));
	EXPECT_EQ(ino_of(CGROUP "/a/b"), viewed(CGROUP "/a/b/bpf.test"));
	/* Its own pin shows what the link was made for, and the end. */
	EXPECT_EQ(-EBADMSG, viewed("a/view"));
}

/* Catches: a view that goes through cgroups as reading its pin does. */
TEST_F(outside_read, view_of_any_order)
{
	static const char *const orders[] = {
		"SELF_ONLY", "DESCENDANTS_PRE", "DESCENDANTS_POST", "ANCESTORS_UP", "CHILDREN",
	};
	int cgroup, link;
	char path[64];
	unsigned int i;

	ASSERT_EQ(0, mkdir(CGROUP "/a", 0755));
	cgroup = open(CGROUP "/a", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		snprintf(path, sizeof(path), "BPF_CGROUP_ITER_%s", orders[i]);
		link = view_link(&(struct view){
			.order = kernel_btf_enum("bpf_cgroup_iter_order", path),
			.cgroup = cgroup, .runs = self->runs,
		});
		ASSERT_LE(0, link);
		snprintf(path, sizeof(path), "a/order%u", i);
		ASSERT_EQ(0, obj_pin(link, path));
		snprintf(path, sizeof(path), CGROUP "/bpf.order%u", i);
		EXPECT_EQ(on_ours_or_refused(0), obj_pin(link, path));
		close(link);
		if (!mounts_are_ours())
			continue;
		EXPECT_EQ(ino_of(CGROUP), viewed(path));
		EXPECT_EQ(i + 1, map_first(self->runs));
	}
	close(cgroup);
}

/* Catches: a view that needs the cgroup that its link was made for. */
TEST_F(outside_read, view_without_its_cgroup)
{
	int cgroup, link;

	ASSERT_EQ(0, mkdir(CGROUP "/a", 0755));
	cgroup = open(CGROUP "/a", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	link = view_link(&(struct view){ .cgroup = cgroup });
	close(cgroup);
	ASSERT_EQ(0, obj_pin(link, "a/of_a"));
	ASSERT_EQ(0, rmdir(CGROUP "/a"));
	EXPECT_EQ(on_ours_or_refused(0), obj_pin(link, OUTSIDE));
	close(link);
	if (!mounts_are_ours())
		return;
	EXPECT_EQ(ino_of(CGROUP), viewed(OUTSIDE));
	link = obj_get(OUTSIDE);
	/* One of another name, or of the same name, that is not the same. */
	ASSERT_EQ(0, mkdir(CGROUP "/a", 0755));
	ASSERT_EQ(0, obj_pin(link, CGROUP "/a/bpf.test"));
	EXPECT_EQ(ino_of(CGROUP "/a"), viewed(CGROUP "/a/bpf.test"));
	close(link);
}

/* Catches: a view that takes the root of a container for that of the hierarchy. */
TEST_F(outside_read, view_in_a_cgroup_namespace)
{
	ino_t ino = ino_of(CGROUP);
	int status;

	EXPECT_EQ(on_ours_or_refused(0), obj_pin(self->view, OUTSIDE));
	in_child(&status) {
		ASSERT_EQ(0, write_file(CGROUP "/cgroup.procs", "0"));
		ASSERT_EQ(0, sys(unshare(CLONE_NEWCGROUP)));
		ASSERT_EQ(0, mkdir("ns", 0755));
		ASSERT_EQ(0, sys(mount("cgroup2", "ns", "cgroup2", 0, NULL)));
		ASSERT_EQ(ino, ino_of("ns"));
		EXPECT_EQ(on_ours_or_refused(0), obj_pin(self->view, "ns/bpf.inside"));
		if (mounts_are_ours()) {
			EXPECT_EQ(ino, viewed("ns/bpf.test"));
			EXPECT_EQ(ino, viewed("ns/bpf.inside"));
			EXPECT_EQ(ino, viewed(CGROUP "/bpf.inside"));
			/* Two, in any order. */
			EXPECT_STREQ("2", attribute("a/view", "bpf.exposed"));
			EXPECT_NE(NULL, strstr(attribute("a/view", "bpf.exposed_at"),
					       "cgroup2:/bpffs_test/bpf.inside\n"));
		}
		ASSERT_EQ(0, write_file(CGROUPS "/cgroup.procs", "0"));
		ASSERT_EQ(0, sys(umount2("ns", MNT_DETACH)));
	}
	EXPECT_EQ(0, status);
	if (mounts_are_ours())
		EXPECT_EQ(ino, viewed(CGROUP "/bpf.inside"));
}

/* Catches: a hierarchy of cgroups v1 whose views show one of v2, or that goes with a file in it. */
TEST_F(outside_read, view_of_legacy_cgroups)
{
	int fd, ret;

	ASSERT_EQ(0, mkdir("v1", 0755));
	ASSERT_EQ(0, sys(mount("cgroup", "v1", "cgroup", 0, "none,name=bpffs_test")));
	ASSERT_EQ(0, mkdir("v1/sub", 0755));
	EXPECT_EQ(on_ours_or_refused(0), obj_pin(self->view, "v1/bpf.test"));
	EXPECT_EQ(on_ours_or_refused(0), obj_pin(self->view, "v1/sub/bpf.test"));
	EXPECT_EQ(on_ours_or_refused(0), obj_pin(self->map, "v1/bpf.map"));
	EXPECT_EQ(-EPERM, obj_pin(self->map, "v1/map"));
	if (mounts_are_ours()) {
		EXPECT_EQ(ino_of("v1"), viewed("v1/bpf.test"));
		EXPECT_EQ(ino_of("v1/sub"), viewed("v1/sub/bpf.test"));
		EXPECT_TRUE(same_content("a/map", "v1/bpf.map"));
		EXPECT_STREQ("cgroup:/bpf.map\n", attribute("a/map", "bpf.exposed_at"));
	}
	fd = open("v1/sub/bpf.test", O_RDONLY | O_CLOEXEC);
	EXPECT_EQ(0, rmdir("v1/sub"));
	ret = fd < 0 ? -ENODEV : (int)viewed_by(fd);
	EXPECT_EQ(-ENODEV, ret);
	close(fd);
	/* The hierarchy ends with its last mount, if there is no cgroup in it, nor what is left of one. */
	kernfs_nodes();
	ASSERT_EQ(0, sys(umount2("v1", 0)));
	if (mounts_are_ours()) {
		EXPECT_TRUE(wait_until(!strcmp("0", attribute("a/view", "bpf.exposed")), 10000));
		EXPECT_STREQ("0", attribute("a/map", "bpf.exposed"));
		EXPECT_STREQ("ENODATA", attribute("a/map", "bpf.exposed_at"));
	}
	ASSERT_EQ(0, unlink("a/map"));
}

/* An array map whose only value is this long. */
static int map_of_text(unsigned int size)
{
	return map_create(BPF_MAP_TYPE_ARRAY, 4, size, 1);
}

static int set_text(int map, const void *text)
{
	int key = 0;
	union bpf_attr attr = {
		.map_fd = map, .key = (uintptr_t)&key, .value = (uintptr_t)text,
	};

	return sys_bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

/* Of which no two places are alike. */
static void make_text(uint32_t *text, size_t size, uint32_t first)
{
	size_t i;

	for (i = 0; i < size / sizeof(*text); i++)
		text[i] = first + i;
}

/* Catches: output that is cut off, or refused, where reading a pin would not do so. */
TEST_F(outside_read, view_of_any_size)
{
	static const int sizes[] = { 1, 4095, 4096, 4097, 8192, 20000, BUFFER - 1, BUFFER, 40000 };
	static uint32_t text[10000], buf[10000];
	int map = map_of_text(sizeof(text)), link, fd, ret;
	unsigned int i;

	make_text(text, sizeof(text), 1);
	ASSERT_EQ(0, set_text(map, text));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		/* The pin would have the program called once more, at the end. */
		ret = sizes[i] < BUFFER ? sizes[i] : -E2BIG;
		link = view_link(&(struct view){
			.text = map, .size = sizes[i], .runs = self->runs,
		});
		ASSERT_EQ(0, obj_pin(link, "a/large"));
		EXPECT_EQ(on_ours_or_refused(0), obj_pin(link, OUTSIDE));
		close(link);
		if (!mounts_are_ours())
			goto next;
		ASSERT_EQ(0, map_set(self->runs, 0, 0));
		fd = open(OUTSIDE, O_RDONLY | O_CLOEXEC);
		ASSERT_LE(0, fd);
		EXPECT_EQ(ret, read_all(fd, buf, sizeof(buf)))
			TH_LOG("%d bytes", sizes[i]);
		if (ret > 0)
			EXPECT_EQ(0, memcmp(text, buf, ret));
		EXPECT_EQ(1, map_first(self->runs))
			TH_LOG("%d bytes", sizes[i]);
		close(fd);
next:
		ASSERT_EQ(0, unlink("a/large"));
		EXPECT_FALSE(exists(OUTSIDE));
	}
}

/* Catches: output lost or doubled where one read ends and the next begins. */
TEST_F(outside_read, view_in_pieces)
{
	static const size_t pieces[] = { 20000, 4096, 4095, 1000, 7 };
	static uint32_t text[5000], other[5000], buf[6000];
	int map = map_of_text(sizeof(text)), link, fd;
	unsigned int i;
	size_t done;
	ssize_t len;

	make_text(text, sizeof(text), 1);
	make_text(other, sizeof(other), 1000000);
	link = view_link(&(struct view){ .text = map, .size = sizeof(text), .runs = self->runs });
	ASSERT_EQ(0, obj_pin(link, "a/large"));
	EXPOSED(link, OUTSIDE);
	for (i = 0; i < ARRAY_SIZE(pieces); i++) {
		ASSERT_EQ(0, set_text(map, text));
		ASSERT_EQ(0, map_set(self->runs, 0, 0));
		fd = open(OUTSIDE, O_RDONLY | O_CLOEXEC);
		ASSERT_LE(0, fd);
		for (done = 0; done < sizeof(buf); done += len) {
			len = sys(read(fd, (char *)buf + done,
				       pieces[i] < sizeof(buf) - done ? pieces[i] : sizeof(buf) - done));
			ASSERT_LE(0, len);
			if (!len)
				break;
			/* What is read is what it was when reading began. */
			ASSERT_EQ(0, set_text(map, other));
		}
		EXPECT_EQ(sizeof(text), done);
		EXPECT_EQ(0, memcmp(text, buf, sizeof(text)))
			TH_LOG("in pieces of %zu", pieces[i]);
		EXPECT_EQ(1, map_first(self->runs));
		/* The end stays the end. */
		EXPECT_EQ(0, sys(read(fd, buf, 1)));
		EXPECT_EQ(0, sys(read(fd, buf, 1)));
		close(fd);
	}
	EXPECT_EQ(-EFAULT, sys(syscall(SYS_read, open(OUTSIDE, O_RDONLY | O_CLOEXEC), 1, 4)));
}

/* Catches: a position that can be set, or that reading from the start does not heed. */
TEST_F(outside_read, view_has_no_position)
{
	struct viewed v;
	int fd;

	EXPOSED(self->view, OUTSIDE);
	fd = open(OUTSIDE, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-ESPIPE, sys(lseek(fd, 0, SEEK_SET)));
	EXPECT_EQ(-ESPIPE, sys(lseek(fd, 0, SEEK_CUR)));
	EXPECT_EQ(-ESPIPE, sys(lseek(fd, 0, SEEK_END)));
	EXPECT_EQ(0, map_first(self->runs));
	EXPECT_EQ(ino_of(CGROUP), viewed_by(fd));
	EXPECT_EQ(1, map_first(self->runs));
	EXPECT_EQ(sizeof(v), sys(pread(fd, &v, sizeof(v), 0)));
	EXPECT_EQ(ino_of(CGROUP), v.cgroup);
	EXPECT_EQ(2, map_first(self->runs));
	EXPECT_EQ(sizeof(v), sys(pread(fd, &v, sizeof(v), 0)));
	EXPECT_EQ(ino_of(CGROUP), v.cgroup);
	EXPECT_EQ(3, map_first(self->runs));
}

/* Catches: readers that share what each should have for itself. */
TEST_F(outside_read, view_by_several_readers)
{
	static uint32_t text[2][5000], buf[2][6000];
	int map = map_of_text(sizeof(text[0])), link, fd[2], i;
	size_t done[2] = {};

	for (i = 0; i < 2; i++)
		make_text(text[i], sizeof(text[i]), 1000000 * i);
	link = view_link(&(struct view){ .text = map, .size = sizeof(text[0]) });
	ASSERT_EQ(0, obj_pin(link, "a/large"));
	EXPOSED(link, OUTSIDE);
	for (i = 0; i < 2; i++)
		fd[i] = open(OUTSIDE, O_RDONLY | O_CLOEXEC);
	for (i = 0; i < 100; i++) {
		int which = i % 3 ? 1 : 0;
		ssize_t len;

		if (!done[which])
			ASSERT_EQ(0, set_text(map, text[which]));
		len = sys(read(fd[which], (char *)buf[which] + done[which], 777));
		ASSERT_LE(0, len);
		done[which] += len;
	}
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(sizeof(text[i]), done[i]);
		EXPECT_EQ(0, memcmp(text[i], buf[i], sizeof(text[i])));
	}
}

/* Catches: an error made of what the program returns, or a program that runs again for it. */
TEST_F(outside_read, program_returns_one)
{
	int link = view_link(&(struct view){ .ret = 1, .runs = self->runs });

	ASSERT_LE(0, link);
	ASSERT_EQ(0, obj_pin(link, "a/one"));
	EXPOSED(link, OUTSIDE);
	EXPECT_EQ(ino_of(CGROUP), viewed(OUTSIDE));
	EXPECT_EQ(1, map_first(self->runs));
}

/* Catches: a file that goes on with the program that its link had before. */
TEST_F(outside_read, program_is_updated)
{
	static uint32_t text = 0x74786574;
	int map = map_of_text(sizeof(text)), read;
	union bpf_attr attr = {
		.link_update.link_fd = self->view,
		.link_update.new_prog_fd = view_prog(&(struct view){ .text = map, .size = sizeof(text) }),
	};

	EXPOSED(self->view, OUTSIDE);
	ASSERT_EQ(0, set_text(map, &text));
	EXPECT_EQ(ino_of(CGROUP), viewed(OUTSIDE));
	ASSERT_EQ(0, sys_bpf(BPF_LINK_UPDATE, &attr));
	EXPECT_EQ(sizeof(read), sys(pread(open(OUTSIDE, O_RDONLY | O_CLOEXEC), &read, sizeof(read), 0)));
	EXPECT_EQ(text, read);
}

/* ---- reading others ---- */

/* Catches: another iterator whose file is not what its pin is. */
TEST_F(outside_read, other_iterators)
{
	int task = task_link(getpid()), pid = 0, fd;
	char text[8];

	ASSERT_LE(0, task);
	ASSERT_EQ(0, obj_pin(task, "a/task"));
	EXPOSED(self->maps, OUTSIDE);
	ASSERT_EQ(0, obj_pin(task, CGROUP "/bpf.task"));
	EXPECT_TRUE(same_content("a/maps", OUTSIDE));
	fd = open(OUTSIDE, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-ESPIPE, sys(lseek(fd, 0, SEEK_SET)));
	EXPECT_EQ(-ESPIPE, sys(lseek(fd, 0, SEEK_CUR)));
	EXPECT_EQ(4, sys(read(fd, text, 4)));
	EXPECT_EQ(0, memcmp("map\n", text, 4));
	fd = open(CGROUP "/bpf.task", O_RDONLY | O_CLOEXEC);
	EXPECT_EQ(sizeof(pid), read_all(fd, &pid, sizeof(pid) + 1));
	EXPECT_EQ(getpid(), pid);
	/* In a directory that is none of a cgroup, too. */
	ASSERT_EQ(0, obj_pin(self->maps, "/sys/kernel/bpf.test"));
	EXPECT_TRUE(same_content("a/maps", "/sys/kernel/bpf.test"));
}

/* More than the kernel's buffer holds, so that there are several sessions. */
#define ENTRIES	10000
#define SIZE	(ENTRIES * sizeof(int))

/* Catches: output lost, doubled or of another reader between sessions of an iterator. */
TEST_F(outside_read, iterator_in_sessions)
{
	static const size_t pieces[] = { SIZE, 1 << 16, 4096, 4095, 100 };
	int map = map_create(BPF_MAP_TYPE_ARRAY, 4, 4, ENTRIES), fd, other, value, i;
	int *whole = malloc(SIZE), *buf = malloc(2 * SIZE), *keys = malloc(SIZE);
	union bpf_attr attr = {
		.batch.map_fd = map, .batch.count = ENTRIES,
		.batch.keys = (uintptr_t)keys, .batch.values = (uintptr_t)whole,
	};
	unsigned int p;
	int link;

	for (i = 0; i < ENTRIES; i++) {
		keys[i] = i;
		whole[i] = 7 * i + 1;
	}
	ASSERT_EQ(0, sys_bpf(BPF_MAP_UPDATE_BATCH, &attr));
	link = elem_link(elem_prog(ELEM_VALUE, 4, 0), map);
	ASSERT_LE(0, link);
	ASSERT_EQ(0, obj_pin(link, "a/elements"));
	EXPOSED(link, OUTSIDE);
	for (p = 0; p < ARRAY_SIZE(pieces); p++) {
		size_t done = 0;
		ssize_t len;

		fd = open(OUTSIDE, O_RDONLY | O_CLOEXEC);
		other = open(OUTSIDE, O_RDONLY | O_CLOEXEC);
		ASSERT_LE(0, other);
		memset(buf, 0, SIZE);
		while ((len = sys(read(fd, (char *)buf + done, pieces[p]))) > 0) {
			done += len;
			ASSERT_GE(SIZE, done);
		}
		EXPECT_EQ(0, len);
		EXPECT_EQ(SIZE, done);
		EXPECT_EQ(0, memcmp(whole, buf, SIZE))
			TH_LOG("in pieces of %zu", pieces[p]);
		EXPECT_EQ(0, sys(read(fd, &value, 4)));
		EXPECT_EQ(4, sys(read(other, &value, 4)));
		EXPECT_EQ(whole[0], value);
		close(fd);
		close(other);
	}
	EXPECT_EQ(-EFAULT, sys(syscall(SYS_read, open(OUTSIDE, O_RDONLY | O_CLOEXEC), 1, 4)));
	free(whole);
	free(buf);
	free(keys);
}

/* Catches: an error of an iterator taken for its end. */
TEST_F(outside_read, iterator_errors)
{
	static char buf[SIZE];
	int map = map_create(BPF_MAP_TYPE_ARRAY, 4, 40000, 2), link, fd;

	/* An element that does not fit the buffer. */
	link = elem_link(elem_prog(ELEM_VALUE, 40000, 0), map);
	ASSERT_LE(0, link);
	ASSERT_EQ(0, obj_pin(link, "a/large"));
	EXPOSED(link, OUTSIDE);
	fd = open(OUTSIDE, O_RDONLY | O_CLOEXEC);
	EXPECT_EQ(-E2BIG, sys(read(fd, buf, sizeof(buf))));
	/* A program that wants to be called again. */
	link = elem_link(elem_prog(ELEM_VALUE, 4, 1), self->map);
	ASSERT_LE(0, link);
	ASSERT_EQ(0, obj_pin(link, "a/again"));
	ASSERT_EQ(0, obj_pin(link, CGROUP "/bpf.again"));
	fd = open(CGROUP "/bpf.again", O_RDONLY | O_CLOEXEC);
	EXPECT_EQ(-EAGAIN, sys(read(fd, buf, sizeof(buf))));
	EXPECT_EQ(-EAGAIN, sys(read(fd, buf, sizeof(buf))));
}

/* Catches: a map whose file is not what its pin is. */
TEST_F(outside_read, maps)
{
	int hash = map_readable(BPF_MAP_TYPE_HASH), fd;
	char text[512], again[512], one;
	ssize_t len, i;

	ASSERT_EQ(0, map_set(self->map, 1, 17));
	ASSERT_EQ(0, obj_pin(hash, "a/hash"));
	EXPOSED(self->map, OUTSIDE);
	ASSERT_EQ(0, obj_pin(hash, CGROUP "/bpf.hash"));
	EXPECT_TRUE(same_content("a/map", OUTSIDE));
	EXPECT_TRUE(same_content("a/hash", CGROUP "/bpf.hash"));
	ASSERT_EQ(0, map_set(hash, 5, 50));
	ASSERT_EQ(0, map_set(self->map, 2, -9));
	EXPECT_TRUE(same_content("a/map", OUTSIDE));
	EXPECT_TRUE(same_content("a/hash", CGROUP "/bpf.hash"));

	/* In pieces, and from the start again. */
	len = read_file("a/map", text, sizeof(text));
	fd = open(OUTSIDE, O_RDONLY | O_CLOEXEC);
	for (i = 0; i < len && read(fd, &one, 1) == 1; i++)
		again[i] = one;
	EXPECT_EQ(len, i);
	EXPECT_EQ(0, memcmp(text, again, len));
	EXPECT_EQ(0, sys(read(fd, &one, 1)));
	/* As a pin it cannot seek. */
	EXPECT_EQ(-ESPIPE, sys(lseek(fd, 0, SEEK_CUR)));
	EXPECT_EQ(-ESPIPE, sys(lseek(fd, 0, SEEK_SET)));
	EXPECT_EQ(len, sys(pread(fd, again, sizeof(again), 0)));
	EXPECT_EQ(0, memcmp(text, again, len));
	/* In a directory that is none of a cgroup, too. */
	ASSERT_EQ(0, obj_pin(self->map, "/sys/kernel/bpf.test"));
	EXPECT_TRUE(same_content("a/map", "/sys/kernel/bpf.test"));
}

/* Catches: an element lost where a large map does not fit a buffer. */
TEST_F(outside_read, large_map)
{
	int btf = btf_int_new(), map = map_typed(btf, BPF_MAP_TYPE_ARRAY, 20000);

	close(btf);
	ASSERT_EQ(0, obj_pin(map, "a/large"));
	EXPOSED(map, OUTSIDE);
	EXPECT_EQ(0, system("cmp a/large " OUTSIDE));
	EXPECT_EQ(0, system("dd if=a/large bs=1000 status=none | cmp - " OUTSIDE));
}

/* So many numbers are a record whose text is longer than the buffer. */
#define NUMBERS	8000

/* An array of arrays of numbers, the text of which is long. */
static int map_of_numbers(unsigned int records)
{
	struct btf *btf = btf__new_empty();
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = NUMBERS * 4,
		.max_entries = records,
		.btf_key_type_id = 1,
		.btf_value_type_id = 2,
	};
	int map;

	btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	btf__add_array(btf, 1, 1, NUMBERS);
	attr.btf_fd = btf_load(btf);
	map = sys_bpf(BPF_MAP_CREATE, &attr);
	close(attr.btf_fd);
	return map;
}

/* The first so many numbers of a record; what is 0 has no text. */
static int set_numbers(int map, int key, unsigned int cnt)
{
	static int numbers[NUMBERS];
	union bpf_attr attr = {
		.map_fd = map, .key = (uintptr_t)&key, .value = (uintptr_t)numbers,
	};
	unsigned int i;

	for (i = 0; i < NUMBERS; i++)
		numbers[i] = i < cnt ? 1000000 + i : 0;
	return sys_bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

/*
 * Catches: a record that is cut off, left out or shown twice if there is no room for it behind
 * others in the buffer, or none in the buffer at all.
 */
TEST_F(outside_read, large_records)
{
	static const unsigned int cnt[] = { 10, NUMBERS / 4, NUMBERS / 4, NUMBERS / 4, NUMBERS, 5 };
	int map = map_of_numbers(ARRAY_SIZE(cnt));
	unsigned int i;

	ASSERT_LT(0, map);
	for (i = 0; i < ARRAY_SIZE(cnt); i++)
		ASSERT_EQ(0, set_numbers(map, i, cnt[i]));
	ASSERT_EQ(0, obj_pin(map, "a/records"));
	EXPOSED(map, OUTSIDE);
	EXPECT_EQ(0, system("test $(wc -c < a/records) -gt 100000"));
	EXPECT_EQ(0, system("cmp a/records " OUTSIDE));
	EXPECT_EQ(0, system("dd if=" OUTSIDE " bs=100k status=none | cmp - a/records"));
	EXPECT_EQ(0, system("dd if=" OUTSIDE " bs=700 status=none | cmp - a/records"));
	close(map);
}

/* Catches: a file to read that has nothing to say. */
TEST_F(outside_read, not_readable)
{
	int untyped = map_new(), queue = map_create(BPF_MAP_TYPE_QUEUE, 0, 4, 1), fd;
	const struct {
		const char *pin, *name;
		int fd;
	} cases[] = {
		{ "a/prog", CGROUP "/bpf.prog", self->prog },
		{ "a/link", CGROUP "/bpf.link", self->link },
		{ "a/untyped", CGROUP "/bpf.untyped", untyped },
		{ "a/queue", CGROUP "/bpf.queue", queue },
	};
	unsigned int i;

	obj_pin(untyped, "a/untyped");
	obj_pin(queue, "a/queue");
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_EQ(on_ours_or_refused(0), obj_pin(cases[i].fd, cases[i].name));
		if (!mounts_are_ours())
			continue;
		EXPECT_EQ(-EIO, sys(open(cases[i].pin, O_RDONLY)));
		EXPECT_EQ(-EIO, sys(open(cases[i].name, O_RDONLY)))
			TH_LOG("%s", cases[i].name);
		EXPECT_EQ(-EIO, sys(open(cases[i].name, O_RDWR)));
		EXPECT_LE(0, sys(open(cases[i].name, O_PATH)));
		fd = open(cases[i].name, O_WRONLY | O_CLOEXEC);
		EXPECT_EQ(6, sys(write(fd, "remove", 6)));
		EXPECT_FALSE(exists(cases[i].name));
	}
}

OUTSIDE_TEST_MAIN
