// SPDX-License-Identifier: GPL-2.0
/*
 * Allocations that fail in loading the module, disabling its livepatch, and
 * unloading it. Each time, the one that is to serve then must do so.
 *
 * All this is done on one processor. A transition waits for the task that another
 * one runs, even if that is idle, and is then completed by a worker, of which
 * nothing can be made to fail. With one it is complete when the call returns.
 */
#include <glob.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "bpffs_harness.h"
#include "world.h"

/* Mounted by C before the tests begin, with a pin; not in /tmp, which is theirs. */
#define TOP "/sys/fs/bpf"
#define OLD_PIN TOP "/failnth_switch"

#define PATIENCE 20000

static int setup_error, old_map, module_fd, enabled_fd;

/* ---- who serves ---- */

static int complain(const char *what, int err)
{
	fprintf(stderr, "# %s: %s\n", what, err < 0 ? strerror(-err) : "no");
	return -EIO;
}

static int same_map(const char *path, int map)
{
	int fd = obj_get(path), same = obj_id(fd, OBJ_MAP) == obj_id(map, OBJ_MAP);

	close(fd);
	return fd < 0 ? fd : same ? 0 : -ENOENT;
}

static bool patched(void)
{
	static char text[1 << 20];

	return read_file("tracing/enabled_functions", text, sizeof(text)) < 0 ||
	       strstr(text, "klp_ftrace_handler");
}

/* What was pinned before can be fetched, and a new instance works and is of @rust. */
static int serves(bool rust)
{
	int refs = module_refcnt(), map = map_new(), err;

	if (rust != impl_rust())
		return complain(rust ? "ours serves" : "C's serves", 0);
	err = same_map(OLD_PIN, old_map);
	if (err)
		return complain("a pin of C's from before", err);
	err = mount_bpf("instance", "newinstance") ?: obj_pin(map, "instance/map") ?:
	      same_map("instance/map", map) ?: sys(mkdir("instance/dir", 0755)) ?:
	      sys(rename("instance/map", "instance/dir/map")) ?:
	      same_map("instance/dir/map", map);
	close(map);
	if (err)
		return complain("a new instance", err);
	if (rust ? module_refcnt() <= refs : module_refcnt() >= 0)
		return complain("a new instance of the right one", 0);
	if (patched() != rust)
		return complain(rust ? "functions are patched" : "no function is patched", 0);
	err = umount_bpf("instance");
	return err ? complain("unmounting a new instance", err) : 0;
}

static int nothing_left(void)
{
	static const char *const paths[] = {
		MODULE_LIVEPATCH, "/sys/module/" MODULE_NAME, "/sys/kernel/slab/bpffs_inode_cache",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		if (!wait_until(!exists(paths[i]), PATIENCE))
			return complain(paths[i], -EEXIST);
	}
	return serves(false);
}

/* The livepatch is on and settled, or off and gone. */
static int ready(bool on)
{
	return wait_until(on ? impl_rust() && module_settled() : !exists(MODULE_LIVEPATCH),
			  PATIENCE) ? 0 : complain("the transition", -ETIMEDOUT);
}

static int load(void)
{
	int err = module_load(NULL);

	return err ? complain("loading", err) : serves(true);
}

static int unload(void)
{
	int err = module_unload();

	return err ? complain("unloading", err) : nothing_left();
}

static int disable(void)
{
	int err = write_file(MODULE_LIVEPATCH "/enabled", "0");

	return err ? complain("disabling", err) : ready(false);
}

FIXTURE(failnth_switch) { };

FIXTURE_SETUP(failnth_switch)
{
	ASSERT_EQ(0, failnth_error());
	ASSERT_EQ(0, setup_error);
	ASSERT_EQ(0, sys(mkdir("tracing", 0755)));
	ASSERT_EQ(0, sys(mount("tracefs", "tracing", "tracefs", 0, NULL)));
	ASSERT_EQ(0, nothing_left());
}

FIXTURE_TEARDOWN(failnth_switch) { }

/* ---- transitions ---- */

/*
 * How many had been completed when the call returned that began them. What is done
 * later is done by a worker, and not tried here.
 */
static struct {
	unsigned int begun, completed;
} transitions;

static long began(long ret)
{
	transitions.begun += ret >= 0;
	transitions.completed += ret >= 0 && module_settled();
	return ret;
}

/* Seldom the stack of a task cannot be followed at that moment. */
static bool completed_in_call(void)
{
	printf("# report: %u of %u transitions completed in the call\n", transitions.completed,
	       transitions.begun);
	return transitions.completed > transitions.begun / 2;
}

/* ---- loading ---- */

static long call_init(void)
{
	return began(armed(SYS_finit_module, module_fd, "", 0));
}

static int restore_init(long ret)
{
	if (ret < 0)
		return nothing_left();
	return ready(true) ?: serves(true) ?: unload();
}

/* Catches: what a module that cannot be loaded leaves, or does not tell. */
TEST_F_TIMEOUT(failnth_switch, load, 36000)
{
	static const struct call call = {
		"finit_module", .call = call_init, .restore = restore_init, .seconds = 15,
	};

	/* The file is in memory then, and not read with further allocations. */
	ASSERT_EQ(0, load() ?: unload());
	module_fd = sys(open(getenv("BPFFS_MODULE"), O_RDONLY | O_CLOEXEC));
	ASSERT_LE(0, module_fd);
	EXPECT_EQ(0, fail_each(&call, NULL));
	EXPECT_TRUE(completed_in_call());
}

/* ---- disabling ---- */

static int prepare_disable(void)
{
	enabled_fd = sys(open(MODULE_LIVEPATCH "/enabled", O_WRONLY | O_CLOEXEC));
	return enabled_fd < 0 ? enabled_fd : 0;
}

static long call_disable(void)
{
	return began(armed(SYS_write, enabled_fd, "0", 1));
}

static int restore_disable(long ret)
{
	close(enabled_fd);
	if (ret < 0)
		return serves(true);
	return ready(false) ?: unload() ?: load();
}

/* Catches: functions that are given back by half. */
TEST_F_TIMEOUT(failnth_switch, disable, 36000)
{
	static const struct call call = {
		"livepatch_disable", .prepare = prepare_disable, .call = call_disable,
		.restore = restore_disable, .seconds = 10,
		/*
		 * klp_unpatch_func(), which is inlined there: it has no way to fail, warns
		 * when ftrace_set_filter_ip() has no memory for a new hash, and goes on; the
		 * old hash is then leaked. All but one of the allocations are for that.
		 */
		.spared = "__klp_unpatch_object",
	};

	ASSERT_EQ(0, load());
	EXPECT_EQ(0, fail_each(&call, NULL));
	EXPECT_TRUE(completed_in_call());
	EXPECT_EQ(0, unload());
}

/* ---- unloading ---- */

static long call_delete(void)
{
	return armed(SYS_delete_module, MODULE_NAME, O_NONBLOCK);
}

static int restore_delete(long ret)
{
	return ret < 0 ? 0 : nothing_left() ?: load() ?: disable();
}

/* Catches: a module that is gone by half. */
TEST_F_TIMEOUT(failnth_switch, unload, 36000)
{
	static const struct call call = {
		"delete_module", .call = call_delete, .restore = restore_delete, .seconds = 10,
		/* Of ftrace: warns that it has no memory for a list of addresses, and goes on. */
		.spared = "fprobe_module_callback",
	};

	ASSERT_EQ(0, load());
	ASSERT_EQ(0, disable());
	EXPECT_EQ(0, fail_each(&call, NULL));
	EXPECT_EQ(0, unload());
}

/* ---- the program ---- */

/* All processors but the first. */
static int set_online(const char *value)
{
	glob_t files;
	int err = 0;
	size_t i;

	if (glob("/sys/devices/system/cpu/cpu[0-9]*/online", 0, NULL, &files))
		return -ENOENT;
	for (i = 0; i < files.gl_pathc; i++)
		err = write_file(files.gl_pathv[i], value) ?: err;
	globfree(&files);
	return err;
}

/*
 * This program may be killed, and they are to be online again then: by a process that
 * waits for its end. If it ends well it has this process killed before (end_orphans()).
 */
static int set_online_at_end(void)
{
	struct pollfd fd = { .fd = syscall(SYS_pidfd_open, getpid(), 0), .events = POLLIN };
	pid_t pid = fd.fd < 0 ? -1 : fork();

	if (pid)
		return pid < 0 ? -errno : 0;
	/* What is sent to the process group is not for it. */
	setsid();
	while (poll(&fd, 1, -1) < 0)
		;
	_exit(!!set_online("1"));
}

static void clean_up(void)
{
	if (getpid() != begun_by)
		return;
	umount_bpf(TOP);
	set_online("1");
}

int main(int argc, char **argv)
{
	if (!begin_unloaded(argv[0]))
		return KSFT_FAIL;
	atexit(clean_up);
	old_map = map_new();
	setup_error = set_online_at_end() ?: set_online("0") ?: mntns_unshare() ?:
		      mount_bpf(TOP, NULL) ?: obj_pin(old_map, OLD_PIN);
	return failnth_main(argc, argv, world_prepare, run_all_guarded);
}
