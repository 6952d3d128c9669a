// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel itself pins into each new instance (CONFIG_BPF_PRELOAD): two
 * iterators that list all maps and programs.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpffs_harness.h"

static const char * const names[] = { "maps.debug", "progs.debug" };

BPFFS_FIXTURE(preload)

static int entries(const char *dir)
{
	struct dirent **list;
	int n = scandir(dir, &list, NULL, NULL), i;

	for (i = 0; i < n; i++)
		free(list[i]);
	if (n >= 0)
		free(list);
	/* Without "." and "..". */
	return n < 0 ? -errno : n - 2;
}

static int named_map(const char *name)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = 4,
		.max_entries = 3,
	};

	strncpy(attr.map_name, name, sizeof(attr.map_name) - 1);
	return sys_bpf(BPF_MAP_CREATE, &attr);
}

/* Whether the listing @path has a line with the word @word. */
static bool lists(const char *path, const char *word)
{
	static char buf[65536];

	return read_file(path, buf, sizeof(buf)) > 0 && strstr(buf, word);
}

/* Catches: an instance without them, or with other owners or modes than C's. */
TEST_F(preload, in_every_new_instance)
{
	struct stat st;
	int i;

	ASSERT_EQ(0, mount_bpf("a", "uid=7,gid=8,mode=0755"));
	EXPECT_EQ(2, entries("a"));
	for (i = 0; i < 2; i++) {
		char path[32];

		snprintf(path, sizeof(path), "a/%s", names[i]);
		ASSERT_EQ(0, stat(path, &st));
		EXPECT_EQ(S_IFREG | 0400, st.st_mode);
		EXPECT_EQ(0, st.st_uid);
		EXPECT_EQ(0, st.st_gid);
		EXPECT_EQ(1, st.st_nlink);
	}
	ASSERT_EQ(0, stat("a", &st));
	EXPECT_EQ(S_IFDIR | S_ISVTX | 0755, st.st_mode);
	EXPECT_EQ(7, st.st_uid);
	EXPECT_EQ(8, st.st_gid);
}

/* Catches: an iterator that runs another program, or shows the wrong objects. */
TEST_F(preload, lists_what_there_is)
{
	int map = named_map("preload_test"), prog;

	ASSERT_LE(0, map);
	ASSERT_EQ(0, mount_bpf("a", NULL));
	EXPECT_TRUE(lists("a/maps.debug", "max_entries"));
	EXPECT_TRUE(lists("a/maps.debug", "preload_test"));
	EXPECT_FALSE(lists("a/progs.debug", "preload_test"));
	prog = prog_new(1);
	ASSERT_LE(0, prog);
	EXPECT_TRUE(lists("a/progs.debug", "attached"));
	close(map);
	EXPECT_TRUE(wait_until(!lists("a/maps.debug", "preload_test"), 20000));
}

/* Catches: pins that cannot be fetched as the links they are, or written to. */
TEST_F(preload, are_links)
{
	int fd;

	ASSERT_EQ(0, mount_bpf("a", NULL));
	fd = obj_get("a/maps.debug");
	ASSERT_LE(0, fd);
	EXPECT_LT(0, obj_id(fd, OBJ_LINK));
	EXPECT_EQ(-EINVAL, obj_get_at(0, "a/maps.debug", BPF_F_RDONLY));
	fd = open("a/maps.debug", O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, sys(write(fd, "x", 1)));
}

/* Catches: names with dots let in, or locked in, with the kernel's own. */
TEST_F(preload, names_with_dots_stay_reserved)
{
	ASSERT_EQ(0, mount_bpf("a", NULL));
	EXPECT_EQ(-EPERM, obj_pin(map_new(), "a/x.debug"));
	EXPECT_EQ(0, sys(unlink("a/maps.debug")));
	EXPECT_EQ(-EPERM, obj_pin(map_new(), "a/maps.debug"));
	EXPECT_EQ(0, sys(rename("a/progs.debug", "a/progs")));
	EXPECT_TRUE(lists("a/progs", "attached"));
	EXPECT_EQ(1, entries("a"));
}

/* Catches: an instance that is populated again by each mount that joins it. */
TEST_F(preload, not_again_for_a_joining_mount)
{
	ASSERT_EQ(0, mount_bpf("a", NULL));
	EXPECT_EQ(0, sys(unlink("a/maps.debug")));
	ASSERT_EQ(0, mount_bpf("b", NULL));
	EXPECT_EQ(mounts_join() ? 1 : 2, entries("b"));
	ASSERT_EQ(0, mount_bpf("c", "newinstance"));
	EXPECT_EQ(2, entries("c"));
}

/* Catches: an instance in a user namespace that is populated differently. */
TEST_F(preload, in_a_container)
{
	int userns, mnt = container_mount(&userns, (const char *const []){ NULL }), fd, status;

	ASSERT_LE(0, mnt);
	fd = openat(mnt, "maps.debug", O_RDONLY);
	EXPECT_LE(0, fd);
	in_child(&status) {
		char c;

		ASSERT_EQ(0, setns(userns, CLONE_NEWUSER));
		ASSERT_EQ(0, become(0, 0));
		/* The pin is the initial namespace's root's. */
		EXPECT_EQ(-EACCES, sys(openat(mnt, "maps.debug", O_RDONLY)));
		EXPECT_EQ(1, read(fd, &c, 1));
	}
	EXPECT_EQ(0, status);
}

BPFFS_TEST_MAIN
