/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of objects that are exposed outside share: what is there, and how they look at it. */
#ifndef BPFFS_SELFTEST_OUTSIDE_FIXTURE_H
#define BPFFS_SELFTEST_OUTSIDE_FIXTURE_H

#include <linux/capability.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "bpffs_harness.h"
#include "contents.h"
#include "iterators.h"
#include "kbtf.h"
#include "outside.h"
#include "whatis.h"

/* The file that most tests make. */
#define OUTSIDE		CGROUP "/bpf.test"

/* A fixture: a mount at "a" with a pin of each kind, and the cgroup CGROUP. */
#define OUTSIDE_FIXTURE(name)							\
FIXTURE(name) {									\
	/* Counts the runs of the program of "a/view". */			\
	int runs;								\
	/* What is pinned at "a/view", "a/maps", "a/map", "a/prog", "a/link". */ \
	int view, maps, map, prog, link;					\
	/* The lowest descriptor of the test's. */				\
	int first;								\
	/* What there is without them. */					\
	long nodes;								\
	char *files;								\
};										\
										\
FIXTURE_SETUP(name)								\
{										\
	self->first = dup(STDERR_FILENO);					\
	ASSERT_LE(0, self->first);						\
	ASSERT_EQ(0, cgroups_enter());						\
	self->nodes = kernfs_nodes();						\
	ASSERT_LT(0, self->nodes);						\
	self->files = outside_files();						\
	ASSERT_EQ(0, mkdir(CGROUP, 0755));					\
	ASSERT_EQ(0, mount_bpf("a", NULL));					\
	self->runs = map_new();							\
	self->view = view_link(&(struct view){ .runs = self->runs });		\
	self->maps = iter_new();						\
	self->map = map_readable(BPF_MAP_TYPE_ARRAY);				\
	self->prog = prog_new(0);						\
	self->link = link_new(-1);						\
	ASSERT_EQ(0, obj_pin(self->view, "a/view"));				\
	ASSERT_EQ(0, obj_pin(self->maps, "a/maps"));				\
	ASSERT_EQ(0, obj_pin(self->map, "a/map"));				\
	ASSERT_EQ(0, obj_pin(self->prog, "a/prog"));				\
	ASSERT_EQ(0, obj_pin(self->link, "a/link"));				\
}										\
										\
FIXTURE_TEARDOWN(name)								\
{										\
	umount2("a", MNT_DETACH);						\
	/* An open pin holds the instance; an open file outside, its node. */	\
	closefrom(self->first);							\
	EXPECT_STREQ(self->files, outside_files());				\
	EXPECT_EQ(0, cgroups_leave());						\
	EXPECT_EQ(0, kernfs_nodes_check(self->nodes));				\
}

/* Exposes, or ends the test if C refuses: that is all that there is to see on C. */
#define EXPOSED(fd, path) do {							\
	if (!mounts_are_ours()) {						\
		EXPECT_EQ(-EPERM, obj_pin(fd, path));				\
		EXPECT_FALSE(exists(path));					\
		return;								\
	}									\
	ASSERT_EQ(0, obj_pin(fd, path));					\
} while (0)

/* What exposing gives that is @ret on ours. */
static inline int on_ours_or_refused(int ret)
{
	return mounts_are_ours() ? ret : -EPERM;
}

/* A map of three ints whose pin can be read; descriptor or -errno. */
static inline int map_readable(enum bpf_map_type type)
{
	int btf = btf_int_new(), map = map_typed(btf, type, 3);

	close(btf);
	return map;
}

/* The first value of a map of ints; -1 if there is none. */
static inline int map_first(int map)
{
	int value = -1;

	map_get(map, 0, &value);
	return value;
}

/* The cgroup that a view shows; -EBADMSG if it shows anything else, or more. */
static inline long long viewed_by(int fd)
{
	struct viewed v[3] = {};
	ssize_t len = read_all(fd, v, sizeof(v));

	if (len < 0)
		return len;
	return len == sizeof(v[0]) && !v[0].seq_num ? (long long)v[0].cgroup : -EBADMSG;
}

static inline long long viewed(const char *path)
{
	int fd = sys(open(path, O_RDONLY | O_CLOEXEC));
	long long ret = fd < 0 ? fd : viewed_by(fd);

	if (fd >= 0)
		close(fd);
	return ret;
}

/* Whether both files have the same content, of at least a byte. */
static inline bool same_content(const char *a, const char *b)
{
	static char text[2][1 << 16];
	ssize_t len = read_file(a, text[0], sizeof(text[0]));

	return len > 0 && read_file(b, text[1], sizeof(text[1])) == len &&
	       !memcmp(text[0], text[1], len);
}

/* Opens the file and writes the text; what write(2) returns, or -errno. */
static inline int write_to(const char *path, const char *text)
{
	int fd = sys(open(path, O_WRONLY | O_CLOEXEC)), ret;

	if (fd < 0)
		return fd;
	ret = sys(write(fd, text, strlen(text)));
	close(fd);
	return ret;
}

/* ---- users ---- */

#define CAP(name) (1ull << CAP_##name)

/* Becomes the user, with these capabilities alone, a mask of CAP(); 0 or -errno. */
static inline int become_with(uid_t uid, unsigned long long capabilities)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = capabilities, .permitted = capabilities },
		{ .effective = capabilities >> 32, .permitted = capabilities >> 32 },
	};

	if (prctl(PR_SET_KEEPCAPS, 1) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
		return -errno;
	return sys(syscall(SYS_capset, &header, data));
}

#define OUTSIDE_TEST_MAIN							\
	int main(int argc, char **argv)						\
	{									\
		kernel_btf_prepare();						\
		return run_all_guarded(argc, argv);				\
	}

#endif /* BPFFS_SELFTEST_OUTSIDE_FIXTURE_H */
