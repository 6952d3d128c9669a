// SPDX-License-Identifier: GPL-2.0
/*
 * Pinned objects that are exposed outside the file system, by pinning them once more in the
 * directory of a cgroup or in sysfs: how that ends. C refuses each such pin.
 */
#include <stdio.h>
#include <stdlib.h>

#include "outside_fixture.h"
#include "uring.h"

OUTSIDE_FIXTURE(outside_end)

/* ---- the end of one file ---- */

/* Catches: another file, or the object, that goes with the one that is removed. */
TEST_F(outside_end, remove)
{
	int fd, reader;

	EXPOSED(self->view, OUTSIDE);
	ASSERT_EQ(0, obj_pin(self->view, CGROUP "/bpf.other"));
	ASSERT_EQ(0, obj_pin(self->view, CGROUPS "/bpf.test"));
	reader = open(OUTSIDE, O_RDONLY | O_CLOEXEC);
	fd = open(OUTSIDE, O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(6, sys(write(fd, "remove", 6)));
	EXPECT_FALSE(exists(OUTSIDE));
	EXPECT_EQ(-ENODEV, sys(write(fd, "remove", 6)));
	EXPECT_EQ(-ENODEV, viewed_by(reader));
	EXPECT_EQ(ino_of(CGROUP), viewed(CGROUP "/bpf.other"));
	EXPECT_STREQ("2", attribute("a/view", "bpf.exposed"));
	/* With a newline, as echo has it. */
	EXPECT_EQ(7, write_to(CGROUP "/bpf.other", "remove\n"));
	EXPECT_FALSE(exists(CGROUP "/bpf.other"));
	EXPECT_EQ(0, system("echo remove > " CGROUPS "/bpf.test"));
	EXPECT_FALSE(exists(CGROUPS "/bpf.test"));
	EXPECT_STREQ("0", attribute("a/view", "bpf.exposed"));
	EXPECT_TRUE(exists("a/view"));
	/* Once more by the same name. */
	EXPECT_EQ(0, obj_pin(self->map, OUTSIDE));
	EXPECT_TRUE(same_content("a/map", OUTSIDE));
}

/* Catches: a file that goes for something else that is written to it. */
TEST_F(outside_end, remove_only)
{
	static const char *const texts[] = {
		"\n", "1", "removed", "remov", "remove\n\n", "remove ", " remove", "Remove",
		"remove\nremove", "remove\r\n", "unlink",
	};
	static char large[9000];
	unsigned int i;
	int fd;

	EXPOSED(self->view, OUTSIDE);
	for (i = 0; i < ARRAY_SIZE(texts); i++)
		EXPECT_EQ(-EINVAL, write_to(OUTSIDE, texts[i]))
			TH_LOG("text %u", i);
	memset(large, 'x', sizeof(large) - 1);
	EXPECT_GT(0, write_to(OUTSIDE, large));
	fd = open(OUTSIDE, O_WRONLY | O_CLOEXEC);
	EXPECT_EQ(-EINVAL, sys(write(fd, "remove\0", 7)));
	EXPECT_EQ(-EFAULT, sys(syscall(SYS_write, fd, 1, 6)));
	/* In two pieces it is two texts. */
	EXPECT_EQ(-EINVAL, sys(write(fd, "rem", 3)));
	EXPECT_EQ(-EINVAL, sys(write(fd, "ove", 3)));
	EXPECT_TRUE(exists(OUTSIDE));
	EXPECT_EQ(ino_of(CGROUP), viewed(OUTSIDE));
}

/* Catches: a file that anybody may remove who may write to it, or that its owner may not. */
TEST_F(outside_end, remove_by_whom)
{
	int status, fd;

	EXPOSED(self->view, OUTSIDE);
	in_child(&status) {
		ASSERT_EQ(0, become(NOBODY, NOBODY));
		EXPECT_EQ(-EACCES, write_to(OUTSIDE, "remove"));
	}
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, chmod(OUTSIDE, 0666));
	in_child(&status) {
		ASSERT_EQ(0, become(NOBODY, NOBODY));
		EXPECT_EQ(-EPERM, write_to(OUTSIDE, "remove"));
		EXPECT_TRUE(exists(OUTSIDE));
	}
	EXPECT_EQ(0, status);
	/* Whoever has opened it asks, and not who prints to a descriptor. */
	ASSERT_EQ(0, seteuid(NOBODY));
	fd = sys(open(OUTSIDE, O_WRONLY | O_CLOEXEC));
	ASSERT_EQ(0, seteuid(0));
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EPERM, sys(write(fd, "remove", 6)));
	close(fd);
	/* Capabilities for files are not those for BPF. */
	in_child(&status) {
		ASSERT_EQ(0, become_with(NOBODY, CAP(DAC_OVERRIDE) | CAP(FOWNER) | CAP(NET_ADMIN)));
		EXPECT_EQ(-EPERM, write_to(OUTSIDE, "remove"));
	}
	EXPECT_EQ(0, status);
	/* Who is root in a user namespace is nobody here. */
	in_child(&status) {
		ASSERT_EQ(0, userns_unshare(CONTAINER_ROOT, 0));
		EXPECT_EQ(-EPERM, write_to(OUTSIDE, "remove"));
	}
	EXPECT_EQ(0, status);
	EXPECT_TRUE(exists(OUTSIDE));
	in_child(&status) {
		ASSERT_EQ(0, become_with(NOBODY, CAP(BPF)));
		EXPECT_EQ(6, write_to(OUTSIDE, "remove"));
	}
	EXPECT_EQ(0, status);
	EXPECT_FALSE(exists(OUTSIDE));

	ASSERT_EQ(0, obj_pin(self->view, OUTSIDE));
	ASSERT_EQ(0, chmod(OUTSIDE, 0222));
	in_child(&status) {
		ASSERT_EQ(0, become_with(NOBODY, CAP(SYS_ADMIN)));
		EXPECT_EQ(6, write_to(OUTSIDE, "remove"));
	}
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, obj_pin(self->view, OUTSIDE));
	ASSERT_EQ(0, chown(OUTSIDE, NOBODY, 0));
	in_child(&status) {
		ASSERT_EQ(0, become(NOBODY, NOBODY));
		ASSERT_EQ(0, chmod(OUTSIDE, 0200));
		EXPECT_EQ(6, write_to(OUTSIDE, "remove"));
	}
	EXPECT_EQ(0, status);
	EXPECT_FALSE(exists(OUTSIDE));
	/* The owner without the right to write. */
	ASSERT_EQ(0, obj_pin(self->view, OUTSIDE));
	in_child(&status) {
		ASSERT_EQ(0, become_with(0, 0));
		EXPECT_EQ(-EACCES, write_to(OUTSIDE, "remove"));
	}
	EXPECT_EQ(0, status);
}

/* ---- the end of all files of an object ---- */

/* Exposes the map in three places. */
#define EXPOSED_THRICE(fd) do {							\
	EXPOSED(fd, OUTSIDE);							\
	ASSERT_EQ(0, obj_pin(fd, CGROUP "/bpf.second"));			\
	ASSERT_EQ(0, obj_pin(fd, CGROUPS "/bpf.third"));			\
} while (0)

static int how_many(void)
{
	return exists(OUTSIDE) + exists(CGROUP "/bpf.second") + exists(CGROUPS "/bpf.third");
}

/* Catches: a file that stays when its object's pin is gone. */
TEST_F(outside_end, ends_with_unlink)
{
	EXPOSED_THRICE(self->map);
	EXPECT_EQ(3, how_many());
	ASSERT_EQ(0, unlink("a/map"));
	EXPECT_EQ(0, how_many());
	/* Of another object nothing goes. */
	ASSERT_EQ(0, obj_pin(self->view, OUTSIDE));
	ASSERT_EQ(0, unlink("a/prog"));
	EXPECT_EQ(ino_of(CGROUP), viewed(OUTSIDE));
}

/* Catches: a file that stays when its object's pin is replaced, or that goes when it is moved. */
TEST_F(outside_end, ends_with_rename)
{
	EXPOSED_THRICE(self->map);
	ASSERT_EQ(0, mkdir("a/dir", 0755));
	ASSERT_EQ(0, rename("a/map", "a/dir/moved"));
	ASSERT_EQ(0, rename2("a/dir/moved", "a/prog", RENAME_EXCHANGE));
	ASSERT_EQ(0, rename("a/prog", "a/map"));
	EXPECT_EQ(3, how_many());
	ASSERT_EQ(0, rename("a/map", "a/link"));
	EXPECT_EQ(3, how_many());
	ASSERT_EQ(0, rename("a/view", "a/link"));
	EXPECT_EQ(0, how_many());
	ASSERT_EQ(0, obj_pin(self->view, OUTSIDE));
	EXPECT_EQ(ino_of(CGROUP), viewed(OUTSIDE));
}

/* Catches: a file that outlives the instance of its object's pin, or a mount that is not the last. */
TEST_F(outside_end, ends_with_umount)
{
	int map = map_new(), i, dir;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, mount_bpf("b", "newinstance"));
		ASSERT_EQ(0, obj_pin(map, "b/map"));
		mkdir("bind", 0755);
		ASSERT_EQ(0, sys(mount("b", "bind", NULL, MS_BIND, NULL)));
		EXPOSED_THRICE(map);
		ASSERT_EQ(0, sys(umount2("b", i ? MNT_DETACH : 0)));
		EXPECT_EQ(3, how_many());
		ASSERT_EQ(0, sys(umount2("bind", i ? MNT_DETACH : 0)));
		EXPECT_EQ(0, how_many());
		EXPECT_EQ(-EPERM, obj_pin(map, OUTSIDE));
	}
	/* Lazily, while somebody is in there. */
	ASSERT_EQ(0, mount_bpf("b", "newinstance"));
	ASSERT_EQ(0, obj_pin(map, "b/map"));
	EXPOSED_THRICE(map);
	dir = open("b", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ASSERT_EQ(0, sys(umount2("b", MNT_DETACH)));
	EXPECT_EQ(3, how_many());
	close(dir);
	EXPECT_EQ(0, how_many());
}

/* Catches: a file that outlives the mount namespace of its object's pin. */
TEST_F(outside_end, ends_with_namespace)
{
	int map = map_new(), status;

	in_child(&status) {
		ASSERT_EQ(0, mntns_unshare());
		ASSERT_EQ(0, mount_bpf("b", "newinstance"));
		ASSERT_EQ(0, obj_pin(map, "b/map"));
		EXPECT_EQ(on_ours_or_refused(0), obj_pin(map, OUTSIDE));
		EXPECT_EQ(mounts_are_ours(), exists(OUTSIDE));
	}
	EXPECT_EQ(0, status);
	EXPECT_TRUE(wait_until(!exists(OUTSIDE), 10000));
}

/* Catches: a pin that does not count because it was there first, or because it was not. */
TEST_F(outside_end, every_pin_counts)
{
	EXPOSED_THRICE(self->map);
	/* One more, after that. */
	ASSERT_EQ(0, obj_pin(self->map, "a/later"));
	ASSERT_EQ(0, unlink("a/map"));
	EXPECT_EQ(3, how_many());
	/* Hard links are names of one pin. */
	ASSERT_EQ(0, link("a/later", "a/hard"));
	ASSERT_EQ(0, unlink("a/later"));
	EXPECT_EQ(3, how_many());
	/* In another instance. */
	ASSERT_EQ(0, mount_bpf("b", "newinstance"));
	ASSERT_EQ(0, obj_pin(self->map, "b/other"));
	ASSERT_EQ(0, unlink("a/hard"));
	EXPECT_EQ(3, how_many());
	ASSERT_EQ(0, obj_pin(self->map, "a/again"));
	ASSERT_EQ(0, umount_bpf("b"));
	EXPECT_EQ(3, how_many());
	EXPECT_TRUE(same_content("a/again", OUTSIDE));
	ASSERT_EQ(0, unlink("a/again"));
	EXPECT_EQ(0, how_many());
}

/* Catches: two pins of which each one's end leaves the files to the other. */
TEST_F(outside_end, last_of_two_pins)
{
	int first;

	for (first = 0; first < 2; first++) {
		int map = map_readable(BPF_MAP_TYPE_ARRAY);

		ASSERT_EQ(0, obj_pin(map, "a/0"));
		ASSERT_EQ(0, obj_pin(map, "a/1"));
		EXPOSED_THRICE(map);
		close(map);
		ASSERT_EQ(0, unlink(first ? "a/1" : "a/0"));
		EXPECT_EQ(3, how_many());
		ASSERT_EQ(0, unlink(first ? "a/0" : "a/1"));
		EXPECT_EQ(0, how_many());
	}
}

/* Catches: a pin without a name, which a task still has open, that counts. */
TEST_F(outside_end, pin_without_a_name)
{
	int fd = open("a/map", O_RDONLY | O_CLOEXEC);

	EXPOSED_THRICE(self->map);
	ASSERT_EQ(0, unlink("a/map"));
	EXPECT_EQ(0, how_many());
	EXPECT_EQ(-EPERM, obj_pin(self->map, OUTSIDE));
	close(fd);
	EXPECT_EQ(-EPERM, obj_pin(self->map, OUTSIDE));
}

/* Catches: files that stay if a worker unlinks, who has no way back to user space. */
TEST_F(outside_end, unlinked_by_a_worker)
{
	int err;

	EXPOSED_THRICE(self->map);
	err = uring_unlink("a/map");
	/* The debugging kernel has none. */
	if (err != -ENOSYS || !getenv("BPFFS_DEBUG"))
		ASSERT_EQ(0, err);
	if (!err)
		EXPECT_TRUE(wait_until(!how_many(), 10000));
}

/* Catches: a reader that goes on with what is gone, or that its end waits for. */
TEST_F(outside_end, open_readers)
{
	const int fds[] = { self->view, self->maps, self->map };
	static const char *const pins[] = { "a/view", "a/maps", "a/map" };
	int fresh, begun, at_end, writer;
	unsigned int i;
	char buf[512];

	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		EXPOSED(fds[i], OUTSIDE);
		fresh = open(OUTSIDE, O_RDONLY | O_CLOEXEC);
		begun = open(OUTSIDE, O_RDONLY | O_CLOEXEC);
		at_end = open(OUTSIDE, O_RDONLY | O_CLOEXEC);
		writer = open(OUTSIDE, O_WRONLY | O_CLOEXEC);
		EXPECT_EQ(3, sys(read(begun, buf, 3)));
		EXPECT_LT(0, read_all(at_end, buf, sizeof(buf)));
		ASSERT_EQ(0, unlink(pins[i]));
		EXPECT_FALSE(exists(OUTSIDE));
		EXPECT_EQ(-ENODEV, sys(read(fresh, buf, sizeof(buf))));
		EXPECT_EQ(-ENODEV, sys(pread(begun, buf, sizeof(buf), 0)));
		EXPECT_EQ(-ENODEV, sys(read(at_end, buf, sizeof(buf))));
		EXPECT_EQ(-ENODEV, sys(write(writer, "remove", 6)));
		/* Another one by that name is another file. */
		ASSERT_EQ(0, obj_pin(fds[i], pins[i]));
		ASSERT_EQ(0, obj_pin(fds[i], OUTSIDE));
		EXPECT_EQ(-ENODEV, sys(read(fresh, buf, sizeof(buf))));
		EXPECT_EQ(-ENODEV, sys(write(writer, "remove", 6)));
		EXPECT_TRUE(exists(OUTSIDE));
		close(fresh);
		close(begun);
		close(at_end);
		close(writer);
		EXPECT_EQ(6, write_to(OUTSIDE, "remove"));
	}
}

/* Catches: an object that an open file outside holds. */
TEST_F(outside_end, reader_holds_nothing)
{
	int fd, link_id = obj_id(self->view, OBJ_LINK), map_id = obj_id(self->map, OBJ_MAP);
	char buf[16];

	EXPOSED(self->view, OUTSIDE);
	ASSERT_EQ(0, obj_pin(self->map, CGROUP "/bpf.map"));
	fd = open(OUTSIDE, O_RDONLY | O_CLOEXEC);
	EXPECT_EQ(ino_of(CGROUP), viewed_by(fd));
	fd = open(CGROUP "/bpf.map", O_RDONLY | O_CLOEXEC);
	EXPECT_EQ(3, sys(read(fd, buf, 3)));
	close(self->view);
	close(self->map);
	ASSERT_EQ(0, unlink("a/view"));
	ASSERT_EQ(0, unlink("a/map"));
	EXPECT_TRUE(obj_gone(OBJ_LINK, link_id));
	EXPECT_TRUE(obj_gone(OBJ_MAP, map_id));
	EXPECT_EQ(-ENODEV, sys(read(fd, buf, 3)));
}

/* Catches: a cgroup that cannot be removed, or takes the object with it. */
TEST_F(outside_end, cgroup_goes)
{
	int i, fd, other;

	EXPECT_EQ(on_ours_or_refused(0), obj_pin(self->view, OUTSIDE));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, mkdir(CGROUP "/a", 0755));
		EXPECT_EQ(on_ours_or_refused(0), obj_pin(self->view, CGROUP "/a/bpf.x"));
		EXPECT_EQ(on_ours_or_refused(0), obj_pin(self->map, CGROUP "/a/bpf.y"));
		fd = open(CGROUP "/a/bpf.x", O_RDONLY | O_CLOEXEC);
		other = open(CGROUP "/a/bpf.y", O_RDWR | O_CLOEXEC);
		EXPECT_EQ(mounts_are_ours(), fd >= 0 && other >= 0);
		EXPECT_EQ(0, sys(rmdir(CGROUP "/a")));
		if (!mounts_are_ours())
			continue;
		EXPECT_EQ(-ENODEV, viewed_by(fd));
		EXPECT_EQ(-ENODEV, viewed_by(other));
		EXPECT_EQ(-ENODEV, sys(write(other, "remove", 6)));
		EXPECT_STREQ("1", attribute("a/view", "bpf.exposed"));
		EXPECT_STREQ("0", attribute("a/map", "bpf.exposed"));
		EXPECT_EQ(ino_of(CGROUP), viewed(OUTSIDE));
		EXPECT_TRUE(same_content("a/map", "a/map"));
		close(fd);
		close(other);
	}
	/* In a cgroup that is gone there is nothing to be made. */
	ASSERT_EQ(0, mkdir(CGROUP "/a", 0755));
	fd = open(CGROUP "/a", O_PATH | O_CLOEXEC);
	ASSERT_EQ(0, rmdir(CGROUP "/a"));
	EXPECT_EQ(-ENOENT, obj_pin_at(self->view, fd, "bpf.x", BPF_F_PATH_FD));
	close(fd);
}

/* Catches: a name that stays taken, or a file that is not the new object's. */
TEST_F(outside_end, exposed_again)
{
	int i;

	for (i = 0; i < 20; i++) {
		int fd = i % 2 ? self->view : self->map;
		const char *pin = i % 2 ? "a/view" : "a/map";

		EXPOSED(fd, OUTSIDE);
		if (i % 2) {
			EXPECT_EQ(ino_of(CGROUP), viewed(OUTSIDE));
		} else {
			EXPECT_TRUE(same_content(pin, OUTSIDE));
		}
		ASSERT_EQ(0, unlink(pin));
		EXPECT_FALSE(exists(OUTSIDE));
		ASSERT_EQ(0, obj_pin(fd, pin));
		EXPECT_FALSE(exists(OUTSIDE));
	}
}

/* ---- mounts that come meanwhile ---- */

#define MODPROBE "/proc/sys/kernel/modprobe"

/*
 * Catches: a search for an object's pins that has the directory locked while it waits for a new mount. The
 * mount waits for modprobe, which may look into that very directory, as it does in those of modules.
 */
TEST_F_TIMEOUT(outside_end, beside_a_mount_that_waits, 60)
{
	char modprobe[256], text[512];
	int script, status;
	pid_t pid;

	EXPOSED(self->view, OUTSIDE);
	/* No mount asks for it once it is there. It cannot be removed while others have mounts. */
	if (exists("/sys/module/bpf_preload")) {
		EXPECT_EQ(0, obj_pin(self->map, CGROUP "/bpf.map"));
		return;
	}
	ASSERT_LT(0, read_file(MODPROBE, modprobe, sizeof(modprobe)));
	script = open("modprobe", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	ASSERT_LT(0, dprintf(script,
		"#!/bin/sh\n"
		"cd /proc/%1$d/cwd\n"
		": >asked\n"
		"until [ -e goes_on ]; do sleep 0.01; done\n"
		"sleep 0.3\n"
		"[ -e " CGROUP "/bpf.missing ] || : >looked\n", getpid()));
	close(script);
	snprintf(text, sizeof(text), "/proc/%d/cwd/modprobe", getpid());
	ASSERT_EQ(0, write_file(MODPROBE, text));
	pid = fork();
	if (!pid)
		_exit(-mount_bpf("b", "newinstance"));
	EXPECT_TRUE(wait_until(exists("asked"), 20000));
	EXPECT_EQ(0, write_file(MODPROBE, modprobe));
	EXPECT_EQ(0, mkdir("goes_on", 0755));
	EXPECT_EQ(0, obj_pin(self->map, CGROUP "/bpf.map"));
	EXPECT_TRUE(exists("looked"));
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(same_content("a/map", CGROUP "/bpf.map"));
	EXPECT_EQ(0, umount_bpf("b"));
	unlink("modprobe");
	unlink("asked");
	rmdir("goes_on");
	unlink("looked");
}

OUTSIDE_TEST_MAIN
