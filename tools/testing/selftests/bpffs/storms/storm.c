// SPDX-License-Identifier: GPL-2.0
/* Storms on one implementation, see storm.h. */
#include "bpffs_harness.h"
#include "storm.h"

BPFFS_FIXTURE(storm)

/* An operation that nothing comes of in a storm, as it can never succeed. */
TEST_F(storm, calm)
{
	EXPECT_EQ(0, storm_run(&(struct storm_plan){
		.name = "calm",
		.groups = STORM_FILES | STORM_MOUNTING | STORM_ARRAYS,
		.calm = true,
	}));
}

/* A race between any two operations on names, mounts and namespaces. */
TEST_F(storm, names)
{
	EXPECT_EQ(0, storm_run(&(struct storm_plan){
		.name = "names",
		.groups = STORM_FILES | STORM_MOUNTING,
	}));
}

/* A program array emptied while it has a user, or not when it has none. */
TEST_F(storm, arrays)
{
	EXPECT_EQ(0, storm_run(&(struct storm_plan){
		.name = "arrays",
		.groups = STORM_ARRAYS,
	}));
}

/* What a task leaves locked, counted or half made that is killed in the middle. */
TEST_F(storm, killed)
{
	EXPECT_EQ(0, storm_run(&(struct storm_plan){
		.name = "killed",
		.groups = STORM_FILES | STORM_MOUNTING | STORM_ARRAYS,
		.kill = true,
	}));
}

int main(int argc, char **argv)
{
	links_prepare();
	set_timeouts(storm_timeout());
	return run_all_guarded(argc, argv);
}
