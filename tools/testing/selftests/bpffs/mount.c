// SPDX-License-Identifier: GPL-2.0
/* Mounting: both mount APIs, options, what is shown, and who may. */
#include <sys/statfs.h>

#include "harness.h"

BPFFS_FIXTURE(mount);

/* Catches: the type not registered, a root inode that cannot be used. */
TEST_F(mount, old_api)
{
	ASSERT_EQ(0, mount_bpf("a", NULL));
	EXPECT_EQ(0, sys(mkdir("a/d", 0755)));
	EXPECT_EQ(0, umount_bpf("a"));
}

BPFFS_TEST_MAIN
