// SPDX-License-Identifier: GPL-2.0
/* What watchers of the tree are told: inotify and fanotify. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "bpffs_harness.h"

/* A mount at "a" with a directory "a/d" and a readable map "a/m". */
FIXTURE(events) {
	int map;
};

FIXTURE_SETUP(events)
{
	ASSERT_EQ(0, mount_bpf("a", NULL));
	ASSERT_EQ(0, mkdir("a/d", 0755));
	self->map = map_typed(btf_int_new(), BPF_MAP_TYPE_ARRAY, 1);
	ASSERT_LE(0, self->map);
	ASSERT_EQ(0, obj_pin(self->map, "a/m"));
}

FIXTURE_TEARDOWN(events) { }

static const struct {
	uint64_t bit;
	const char *name;
} inotify_names[] = {
	{ IN_ACCESS, "access" }, { IN_ATTRIB, "attrib" }, { IN_CLOSE_WRITE, "close_write" },
	{ IN_CLOSE_NOWRITE, "close" }, { IN_OPEN, "open" }, { IN_MOVED_FROM, "from" },
	{ IN_MOVED_TO, "to" }, { IN_CREATE, "create" }, { IN_DELETE, "delete" },
	{ IN_DELETE_SELF, "delete_self" }, { IN_MOVE_SELF, "move_self" }, { IN_MODIFY, "modify" },
	{ IN_UNMOUNT, "unmount" }, { IN_IGNORED, "ignored" }, { IN_ISDIR, "dir" },
}, fanotify_names[] = {
	{ FAN_ACCESS, "access" }, { FAN_ATTRIB, "attrib" }, { FAN_CLOSE_WRITE, "close_write" },
	{ FAN_CLOSE_NOWRITE, "close" }, { FAN_OPEN, "open" }, { FAN_MODIFY, "modify" },
	{ FAN_CREATE, "create" }, { FAN_DELETE, "delete" }, { FAN_RENAME, "rename" },
	{ FAN_DELETE_SELF, "delete_self" }, { FAN_MOVE_SELF, "move_self" }, { FAN_ONDIR, "dir" },
};

#define ADD_NAMES(text, names, mask) do {				\
	uint64_t __mask = (mask);					\
	unsigned int __i;						\
	for (__i = 0; __i < ARRAY_SIZE(names); __i++) {			\
		if (!(__mask & names[__i].bit))				\
			continue;					\
		strcat(text, names[__i].name);				\
		__mask &= ~names[__i].bit;				\
		strcat(text, __mask ? "+" : "");			\
	}								\
	if (__mask)							\
		sprintf(text + strlen(text), "0x%llx", (unsigned long long)__mask); \
} while (0)

/* All there are, as "create+dir x, delete y"; valid until the next call. */
static const char *inotify_events(int fd)
{
	static char buf[1 << 16], text[1 << 14];
	struct inotify_event *ev;
	ssize_t len, at;

	text[0] = '\0';
	while ((len = read(fd, buf, sizeof(buf))) > 0) {
		for (at = 0; at < len; at += sizeof(*ev) + ev->len) {
			ev = (struct inotify_event *)(buf + at);
			strcat(text, *text ? ", " : "");
			ADD_NAMES(text, inotify_names, ev->mask);
			if (ev->len)
				sprintf(text + strlen(text), " %s", ev->name);
		}
	}
	return text;
}

#define EXPECT_INOTIFY(text) EXPECT_STREQ(text, inotify_events(fd))

/* Catches: changes of a directory that a watcher is not told, or told twice. */
TEST_F(events, inotify_directory)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	ASSERT_LE(0, inotify_add_watch(fd, "a", IN_ALL_EVENTS));
	ASSERT_LE(0, inotify_add_watch(fd, "a/d", IN_ALL_EVENTS));
	ASSERT_EQ(0, obj_pin(self->map, "a/x"));
	EXPECT_INOTIFY("create x");
	ASSERT_EQ(0, obj_pin(prog_new(0), "a/d/p"));
	EXPECT_INOTIFY("create p");
	ASSERT_EQ(0, mkdir("a/d/e", 0755));
	ASSERT_EQ(0, symlink("m", "a/d/l"));
	ASSERT_EQ(0, link("a/x", "a/d/h"));
	EXPECT_INOTIFY("create+dir e, create l, create h");
	ASSERT_EQ(0, rename("a/x", "a/d/y"));
	EXPECT_INOTIFY("from x, to y");
	ASSERT_EQ(0, rename("a/d/e", "a/f"));
	EXPECT_INOTIFY("from+dir e, to+dir f");
	ASSERT_EQ(0, syscall(SYS_renameat2, AT_FDCWD, "a/f", AT_FDCWD, "a/d/y", RENAME_EXCHANGE));
	EXPECT_INOTIFY("from+dir f, to+dir y, from y, to f");
	/* Over another name, whose file goes. */
	ASSERT_EQ(0, rename("a/f", "a/d/p"));
	EXPECT_INOTIFY("from f, to p");
	ASSERT_EQ(0, setxattr("a/d/p", "trusted.x", "1", 1, 0));
	ASSERT_EQ(0, chmod("a/d/p", 0644));
	ASSERT_EQ(0, chown("a/d/p", 1, 1));
	EXPECT_INOTIFY("attrib p");
	ASSERT_EQ(0, unlink("a/d/h"));
	EXPECT_INOTIFY("delete h");
	ASSERT_EQ(0, unlink("a/d/p"));
	ASSERT_EQ(0, unlink("a/d/l"));
	ASSERT_EQ(0, rmdir("a/d/y"));
	EXPECT_INOTIFY("delete p, delete l, delete+dir y");
	ASSERT_EQ(0, rmdir("a/d"));
	EXPECT_INOTIFY("delete_self, ignored, delete+dir d");
}

/* Catches: events for what did not happen, or that is none: getting an object. */
TEST_F(events, inotify_nothing)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	ASSERT_LE(0, inotify_add_watch(fd, "a", IN_ALL_EVENTS));
	ASSERT_LE(0, inotify_add_watch(fd, "a/m", IN_ALL_EVENTS));
	EXPECT_LE(0, obj_get("a/m"));
	EXPECT_EQ(-EEXIST, obj_pin(self->map, "a/m"));
	EXPECT_EQ(-EEXIST, sys(mkdir("a/d", 0755)));
	EXPECT_EQ(-EPERM, obj_pin(self->map, "a/x.y"));
	EXPECT_EQ(-EACCES, sys(open("a/x", O_CREAT | O_RDWR, 0600)));
	EXPECT_EQ(-ENOENT, sys(unlink("a/x")));
	EXPECT_EQ(-EISDIR, sys(rename("a/m", "a/d")));
	EXPECT_EQ(-EOPNOTSUPP, sys(setxattr("a/m", "user.x", "1", 1, 0)));
	EXPECT_INOTIFY("");
}

/* Catches: a watcher of a pin that misses reading, or the end of the pin. */
TEST_F(events, inotify_pin)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), file;
	char buf[512];

	ASSERT_LE(0, inotify_add_watch(fd, "a/m", IN_ALL_EVENTS));
	file = open("a/m", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, file);
	ASSERT_LT(0, read(file, buf, sizeof(buf)));
	close(file);
	EXPECT_INOTIFY("open, access, close");
	file = open("a/m", O_RDWR | O_CLOEXEC);
	close(file);
	EXPECT_INOTIFY("open, close_write");
	ASSERT_EQ(0, rename("a/m", "a/d/m"));
	EXPECT_INOTIFY("move_self");
	ASSERT_EQ(0, link("a/d/m", "a/h"));
	EXPECT_INOTIFY("attrib");
	ASSERT_EQ(0, truncate("a/h", 0));
	EXPECT_INOTIFY("modify");
	ASSERT_EQ(0, unlink("a/h"));
	EXPECT_INOTIFY("attrib");
	ASSERT_EQ(0, unlink("a/d/m"));
	EXPECT_INOTIFY("attrib, delete_self, ignored");
}

/* Catches: an instance that goes without a word to those who watch it. */
TEST_F(events, inotify_unmount)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	ASSERT_LE(0, inotify_add_watch(fd, "a/m", IN_ALL_EVENTS));
	ASSERT_EQ(0, umount_bpf("a"));
	EXPECT_TRUE(wait_until(!strcmp(inotify_events(fd), "unmount, ignored"), 2000));
}

/* One info record as " name"; "" for "." and for what has no name. */
static void add_record(char *text, const struct fanotify_event_info_header *hdr)
{
	const struct fanotify_event_info_fid *fid = (const void *)hdr;
	const struct file_handle *handle = (const void *)fid->handle;
	const char *name = (const char *)handle->f_handle + handle->handle_bytes;

	switch (hdr->info_type) {
	case FAN_EVENT_INFO_TYPE_DFID_NAME:
	case FAN_EVENT_INFO_TYPE_OLD_DFID_NAME:
	case FAN_EVENT_INFO_TYPE_NEW_DFID_NAME:
		sprintf(text + strlen(text), " %s", name);
		break;
	}
}

static const char *fanotify_events(int fd)
{
	static char buf[1 << 16] __attribute__((aligned(8))), text[1 << 14];
	struct fanotify_event_metadata *ev;
	ssize_t len, at;

	text[0] = '\0';
	while ((len = read(fd, buf, sizeof(buf))) > 0) {
		for (ev = (void *)buf; FAN_EVENT_OK(ev, len); ev = FAN_EVENT_NEXT(ev, len)) {
			strcat(text, *text ? ", " : "");
			ADD_NAMES(text, fanotify_names, ev->mask);
			for (at = ev->metadata_len; at < ev->event_len;) {
				struct fanotify_event_info_header *hdr = (void *)ev + at;

				add_record(text, hdr);
				at += hdr->len;
			}
			if (ev->fd >= 0)
				close(ev->fd);
		}
	}
	return text;
}

#define EXPECT_FANOTIFY(text) EXPECT_STREQ(text, fanotify_events(fd))

#define FAN_CHANGES (FAN_CREATE | FAN_DELETE | FAN_RENAME | FAN_ATTRIB | FAN_DELETE_SELF | \
		     FAN_EVENT_ON_CHILD | FAN_ONDIR)

/* Catches: changes that fanotify misses, or tells of other names or files. */
TEST_F(events, fanotify_names)
{
	int fd = sys(fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME | FAN_NONBLOCK |
				   FAN_CLOEXEC, O_RDONLY));

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, sys(fanotify_mark(fd, FAN_MARK_ADD, FAN_CHANGES, AT_FDCWD, "a")));
	ASSERT_EQ(0, obj_pin(self->map, "a/x"));
	EXPECT_FANOTIFY("create x");
	ASSERT_EQ(0, mkdir("a/e", 0755));
	EXPECT_FANOTIFY("create+dir e");
	ASSERT_EQ(0, rename("a/x", "a/y"));
	EXPECT_FANOTIFY("rename x y");
	ASSERT_EQ(0, chmod("a/y", 0644));
	EXPECT_FANOTIFY("attrib y");
	ASSERT_EQ(0, unlink("a/y"));
	EXPECT_FANOTIFY("delete y");
	ASSERT_EQ(0, rmdir("a/e"));
	EXPECT_FANOTIFY("delete+dir e");
}

/* Catches: marks of a kind that needs file handles, which there are none of. */
TEST_F(events, fanotify_marks)
{
	int fd = sys(fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID | FAN_CLOEXEC, O_RDONLY));

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, sys(fanotify_mark(fd, FAN_MARK_ADD, FAN_ATTRIB, AT_FDCWD, "a/m")));
	EXPECT_EQ(-EOPNOTSUPP, sys(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
						 FAN_CREATE, AT_FDCWD, "a")));
	EXPECT_EQ(-EOPNOTSUPP, sys(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_MOUNT,
						 FAN_OPEN, AT_FDCWD, "a")));
}

/* Catches: reading a pin that a watcher of the mount does not see. */
TEST_F(events, fanotify_mount)
{
	int fd = sys(fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK | FAN_CLOEXEC, O_RDONLY));
	char buf[512];
	int file;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, sys(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_MOUNT,
				       FAN_OPEN | FAN_ACCESS | FAN_CLOSE, AT_FDCWD, "a")));
	file = open("a/m", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, file);
	EXPECT_FANOTIFY("open");
	ASSERT_LT(0, read(file, buf, sizeof(buf)));
	EXPECT_FANOTIFY("access");
	close(file);
	EXPECT_FANOTIFY("close");
	EXPECT_LE(0, obj_get("a/m"));
	EXPECT_FANOTIFY("");
}

/* Permission events are left out: the kernel marks itself as tainted by them. */

BPFFS_TEST_MAIN
