// SPDX-License-Identifier: GPL-2.0
/*
 * The module that makes what the kernel pins into each new instance may go and
 * come back. A program of its own: the objects have other ids then.
 */
#include <dirent.h>
#include <string.h>
#include <sys/syscall.h>

#include "harness.h"
#include "progs.h"

FIXTURE(preload_module) { };

FIXTURE_VARIANT(preload_module) {
	bool rust;
};

FIXTURE_VARIANT_ADD(preload_module, c) { .rust = false };
FIXTURE_VARIANT_ADD(preload_module, rust) { .rust = true };

FIXTURE_SETUP(preload_module)
{
	ASSERT_EQ(false, impl_rust());
	if (variant->rust)
		ASSERT_EQ(0, module_load(NULL));
}

/* There are as many objects as before, but by other ids. */
FIXTURE_TEARDOWN_PARENT(preload_module)
{
	guard_note(guard);
}

static unsigned int live_objects(void)
{
	enum obj_kind kind;
	unsigned int n = 0, id;

	for (kind = 0; kind < OBJ_KINDS; kind++) {
		for (id = 0; (id = obj_next(kind, id)); )
			n++;
	}
	return n;
}

static bool remove_preload(int *err)
{
	*err = sys(syscall(SYS_delete_module, "bpf_preload", O_NONBLOCK));
	return !*err;
}

/* Whether the iterator lists anything. */
static bool works(const char *path)
{
	static char buf[65536];

	return read_file(path, buf, sizeof(buf)) > 0 && strstr(buf, "max_entries");
}

/* Catches: an instance that keeps the module busy, or pins that go with it. */
TEST_F(preload_module, can_go)
{
	unsigned int before = live_objects();
	int err;

	ASSERT_EQ(0, mount_bpf("a", NULL));
	EXPECT_TRUE(wait_until(remove_preload(&err), 20000)) {
		TH_LOG("rmmod bpf_preload: %s", strerror(-err));
	}
	EXPECT_TRUE(works("a/maps.debug"));
	/* Loads it again, which makes other links. */
	ASSERT_EQ(0, mount_bpf("b", "newinstance"));
	EXPECT_NE(ino_of("a/maps.debug"), ino_of("b/maps.debug"));
	EXPECT_TRUE(works("b/maps.debug"));
	EXPECT_EQ(0, umount_bpf("a"));
	EXPECT_EQ(0, umount_bpf("b"));
	if (variant->rust)
		EXPECT_EQ(0, module_unload());
	EXPECT_TRUE(wait_until(live_objects() == before, 20000));
}

BPFFS_TEST_MAIN
