// SPDX-License-Identifier: GPL-2.0
/* notefs beside bpffs, which is a livepatch: both loaded, both mounted, both at work. */
#include <linux/bpf.h>

#include "notefs_harness.h"

#define LIVEPATCH "/sys/kernel/livepatch/bpffs"

static bool settled(void)
{
	char buf[8];

	return read_file(LIVEPATCH "/transition", buf, sizeof(buf)) <= 0 || buf[0] == '0';
}

static int bpffs_load(void)
{
	int fd = sys(open(getenv("BPFFS_MODULE") ?: "", O_RDONLY | O_CLOEXEC)), err;

	if (fd < 0)
		return fd;
	err = sys(syscall(SYS_finit_module, fd, "", 0));
	close(fd);
	return err ?: wait_until(settled(), 60000) ? 0 : -ETIMEDOUT;
}

static bool bpffs_delete(int *err)
{
	*err = sys(syscall(SYS_delete_module, "bpffs", O_NONBLOCK));
	return *err != -EAGAIN && *err != -EBUSY;
}

static int bpffs_unload(void)
{
	int err = write_file(LIVEPATCH "/enabled", "0");

	if (err && err != -ENOENT)
		return err;
	if (!wait_until(!exists(LIVEPATCH), 60000))
		return -ETIMEDOUT;
	wait_until(bpffs_delete(&err), 3000);
	return err;
}

static int mount_bpf(const char *dir)
{
	if (mkdir(dir, 0755) && errno != EEXIST)
		return -errno;
	return sys(mount("bpf", dir, "bpf", 0, NULL));
}

/* That the one serves that is to: with ours, a second mount is of the same instance. */
static bool bpf_is(bool ours)
{
	bool good = !mount_bpf("bpf1") && !mount_bpf("bpf2") &&
		    (dev_of("bpf1") == dev_of("bpf2")) == ours;

	return !umount2("bpf1", 0) && !umount2("bpf2", 0) && good;
}

/* Pins a new map, fetches it, and renames the pin. */
static int pin_and_get(const char *dir)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = 4,
		.max_entries = 1,
	};
	int map = sys(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr))), err, fd;
	char path[64], to[64];

	if (map < 0)
		return map;
	snprintf(path, sizeof(path), "%s/map", dir);
	snprintf(to, sizeof(to), "%s/moved", dir);
	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uintptr_t)path;
	attr.bpf_fd = map;
	err = sys(syscall(SYS_bpf, BPF_OBJ_PIN, &attr, sizeof(attr)));
	close(map);
	if (err)
		return err;
	err = sys(rename(path, to));
	if (err)
		return err;
	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uintptr_t)to;
	fd = sys(syscall(SYS_bpf, BPF_OBJ_GET, &attr, sizeof(attr)));
	if (fd < 0)
		return fd;
	close(fd);
	return sys(unlink(to));
}

/* A pin goes where pins belong, and notes where notes do. */
static int notes_work(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = 4,
		.max_entries = 1,
	};
	int map = sys(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr))), err;

	if (map < 0)
		return map;
	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uintptr_t)M "/map";
	attr.bpf_fd = map;
	err = sys(syscall(SYS_bpf, BPF_OBJ_PIN, &attr, sizeof(attr)));
	close(map);
	if (err != -EPERM)
		return err ?: -EEXIST;
	err = put_pattern(M "/file", 5000, 1);
	if (err)
		return err;
	/* What is no pin cannot be fetched as one. */
	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uintptr_t)M "/file";
	err = sys(syscall(SYS_bpf, BPF_OBJ_GET, &attr, sizeof(attr)));
	if (err != -EACCES)
		return err < 0 ? err : -EEXIST;
	return is_pattern(M "/file", 5000, 1) ? sys(unlink(M "/file")) : -EBADMSG;
}

NOTEFS_FIXTURE(beside)

/* Catches: two modules of one kind that take each other's names, caches or functions. */
TEST_F_TIMEOUT(beside, bpffs, 300)
{
	ASSERT_FALSE(exists("/sys/module/bpffs"));
	EXPECT_TRUE(bpf_is(false));
	EXPECT_EQ(0, notes_work());
	ASSERT_EQ(0, bpffs_load())
		TH_LOG("BPFFS_MODULE is to be the path of bpffs.ko");
	EXPECT_TRUE(bpf_is(true));
	ASSERT_EQ(0, mount_bpf("bpf"));
	EXPECT_EQ(0, pin_and_get("bpf"));
	EXPECT_EQ(0, notes_work());
	/* One within the other. */
	ASSERT_EQ(0, sys(mkdir(M "/bpf", 0755)));
	ASSERT_EQ(0, mount_bpf(M "/bpf"));
	EXPECT_EQ(0, pin_and_get(M "/bpf"));
	EXPECT_EQ(-EBUSY, umount_notes(M));
	ASSERT_EQ(0, sys(umount2(M "/bpf", 0)));
	ASSERT_EQ(0, sys(mkdir("bpf/notes", 0755)));
	ASSERT_EQ(0, mount_notes("bpf/notes", "size=64k"));
	EXPECT_EQ(0, put_pattern("bpf/notes/file", 5000, 1));
	EXPECT_TRUE(is_pattern("bpf/notes/file", 5000, 1));
	ASSERT_EQ(0, umount_notes("bpf/notes"));

	/* Of two that come and go, one stays. */
	if (kind->ours) {
		ASSERT_EQ(0, umount_notes(M));
		ASSERT_EQ(0, module_remove());
		EXPECT_EQ(0, pin_and_get("bpf"));
		ASSERT_EQ(0, module_insert(NULL));
		ASSERT_EQ(0, mount_notes(M, "size=1m"));
		EXPECT_EQ(0, notes_work());
	}
	ASSERT_EQ(0, sys(umount2("bpf", 0)));
	ASSERT_EQ(0, bpffs_unload());
	EXPECT_TRUE(bpf_is(false));
	EXPECT_EQ(0, notes_work());
}

NOTEFS_TEST_MAIN
