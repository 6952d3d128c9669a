// SPDX-License-Identifier: GPL-2.0
/*
 * Storms while the module is loaded and unloaded, see storm.h. m0 is
 * C's; m1 and m2 are of whoever serves when they are mounted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "bpffs_harness.h"
#include "storm.h"

#define SWITCH_MS 120000

/* Whether the kernel let go of the module. */
static bool deleted(struct storm *storm)
{
	int err = sys(syscall(SYS_delete_module, MODULE_NAME, O_NONBLOCK));

	if (err && err != -EAGAIN && err != -EBUSY)
		storm_complain(storm, "delete_module: %s", strerror(-err));
	return !err;
}

/* Our mounts here and elsewhere have to go, those of C's may come. */
static bool deleted_without_mounts(struct storm *storm)
{
	storm_unmount(1);
	return deleted(storm);
}

/* For a while, or until the storm is over. */
static void blow_for(struct storm *storm, unsigned int ms)
{
	wait_until(load(&storm->stop), ms);
}

/*
 * QEMU's translator sometimes runs an instruction that another CPU has just
 * replaced, as is done while functions are switched: less load then.
 */
static void switch_functions(struct storm *storm, bool on)
{
	int err;

	store(&storm->gently, 1);
	if (on)
		err = module_load(NULL);
	else
		err = write_file(MODULE_LIVEPATCH "/enabled", "0");
	if (!err && !on && !wait_until(!exists(MODULE_LIVEPATCH), SWITCH_MS))
		err = -ETIMEDOUT;
	store(&storm->gently, 0);
	if (err)
		storm_complain(storm, "%s: %s", on ? "load" : "disable", strerror(-err));
}

/* A mount of ours that no worker can find. Nor does it join what a worker may just have made read-only. */
static int hidden_mount(struct storm *storm)
{
	int fs = fs_open(), mnt = fs;

	if (mnt >= 0)
		mnt = fs_flag(fs, "newinstance") ?: fs_create(fs) ?: fs_mount(fs, 0);

	if (mnt < 0)
		storm_complain(storm, "hidden mount: %s", strerror(-mnt));
	if (fs >= 0)
		close(fs);
	return mnt;
}

static void load_and_unload(struct storm *storm)
{
	struct storm_worker w = { .random = storm->seed };
	int hidden = -1;

	while (!load(&storm->stop) && !load(&storm->wrong)) {
		switch_functions(storm, true);
		inc(&storm->loads);
		/* That there is one is left to chance, once it has been so. */
		if (!load(&storm->refused))
			hidden = hidden_mount(storm);
		blow_for(storm, 100 + pick(&w, 900));
		switch_functions(storm, false);
		if (load(&storm->wrong))
			break;
		if (!deleted(storm)) {
			inc(&storm->refused);
			if (hidden >= 0)
				close(hidden);
			hidden = -1;
			/* Mounts of ours without their functions, for a while. */
			blow_for(storm, pick(&w, 400));
			inc(&storm->gap);
			if (!wait_until(load(&storm->wrong) || deleted_without_mounts(storm),
					SWITCH_MS)) {
				storm_complain(storm, "cannot unload: %d references",
					       module_refcnt());
				break;
			}
		} else if (hidden >= 0) {
			storm_complain(storm, "unloaded in spite of a mount");
			break;
		}
		inc(&storm->unloads);
		blow_for(storm, 100 + pick(&w, 300));
	}
}

static bool often_enough(const struct storm *storm)
{
	return load(&storm->unloads) >= 2 && load(&storm->refused) >= 1;
}

BPFFS_FIXTURE(storm_load)

/* Anything that is in the module, or of it, when it goes, or not yet when it comes. */
TEST_F(storm_load, names)
{
	EXPECT_EQ(0, storm_run(&(struct storm_plan){
		.name = "loading, names",
		.groups = STORM_FILES | STORM_MOUNTING,
		.boss = load_and_unload,
		.enough = often_enough,
	}));
	EXPECT_GT(0, module_refcnt());
}

/* The same with tasks that are killed on the way, and program arrays. */
TEST_F(storm_load, killed)
{
	EXPECT_EQ(0, storm_run(&(struct storm_plan){
		.name = "loading, killed",
		.groups = STORM_FILES | STORM_MOUNTING | STORM_ARRAYS,
		.kill = true,
		.boss = load_and_unload,
		.enough = often_enough,
	}));
	EXPECT_GT(0, module_refcnt());
}

int main(int argc, char **argv)
{
	if (!begin_unloaded(argv[0]))
		return KSFT_FAIL;
	links_prepare();
	set_timeouts(storm_timeout());
	return run_all_guarded(argc, argv);
}
