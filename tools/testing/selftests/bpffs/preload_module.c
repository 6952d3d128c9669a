// SPDX-License-Identifier: GPL-2.0
/*
 * The module that makes what the kernel pins into each new instance may go and
 * come back. A program of its own: the objects have other ids then.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <linux/perf_event.h>

#include "bpffs_harness.h"

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

/*
 * Has @pid pause for a quarter of a second whenever it unlocks a mutex, as it does
 * between stopping a module and calling its exit: by a program that loops for as long as
 * it may. Perf event or -errno.
 */
static int slow_unlock(pid_t pid)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_current_pid_tgid },
		{ .code = BPF_ALU64 | BPF_RSH | BPF_K, .dst_reg = BPF_REG_0, .imm = 32 },
		{ .code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = BPF_REG_0, .off = 3, .imm = pid },
		{ .code = BPF_JMP | BPF_JCOND, .src_reg = BPF_MAY_GOTO, .off = 2 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ktime_get_ns },
		{ .code = BPF_JMP | BPF_JA, .off = -3 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.config1 = (uintptr_t)"mutex_unlock",
		.sample_period = 1,
		.wakeup_events = 1,
	};
	int prog = prog_load_type(BPF_PROG_TYPE_KPROBE, insns, ARRAY_SIZE(insns)), event, err;
	char type[16];

	if (prog < 0)
		return prog;
	if (read_file("/sys/bus/event_source/devices/kprobe/type", type, sizeof(type)) <= 0)
		type[0] = '\0';
	attr.type = atoi(type);
	event = sys(syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC));
	err = event < 0 ? event : sys(ioctl(event, PERF_EVENT_IOC_SET_BPF, prog)) ?:
	      sys(ioctl(event, PERF_EVENT_IOC_ENABLE, 0));
	close(prog);
	if (err)
		close(event);
	return err ?: event;
}

static bool going(void)
{
	char state[16] = "";

	read_file("/sys/module/bpf_preload/initstate", state, sizeof(state));
	return !strncmp(state, "going", 5);
}

/*
 * Makes an instance while the module is about to go; 1 if it still was when the instance
 * was there, 0 if not, or -errno.
 */
static int mount_while_going(void)
{
	int err, status, was_going = 0, event, ready = event_new();
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		event_wait(ready);
		_exit(!wait_until(remove_preload(&err), 20000));
	}
	event = slow_unlock(pid);
	event_post(ready);
	err = event < 0 ? event : wait_until(going(), 20000) ? 0 : -ETIME;
	if (!err)
		err = mount_bpf("going", "newinstance");
	if (!err)
		was_going = going();
	status = wait_child(pid);
	close(event);
	close(ready);
	return err ?: status ? -ECHILD : was_going;
}

/* Catches: a reference that is refused, and put all the same: the kernel warns. */
TEST_F(preload_module, is_going)
{
	unsigned int before = live_objects(), tries = 10;
	int got = 0;

	while (!got && tries--) {
		ASSERT_EQ(0, mount_bpf("a", "newinstance"));
		ASSERT_TRUE(exists("a/maps.debug"));
		got = mount_while_going();
		ASSERT_LE(0, got);
		/* Without what the module would have made. */
		if (got)
			EXPECT_FALSE(exists("going/maps.debug"));
		EXPECT_EQ(0, umount_bpf("going"));
		EXPECT_EQ(0, umount_bpf("a"));
	}
	EXPECT_EQ(1, got);
	/* For those that follow it is there again. */
	ASSERT_EQ(0, mount_bpf("a", "newinstance"));
	EXPECT_TRUE(works("a/maps.debug"));
	EXPECT_EQ(0, umount_bpf("a"));
	if (variant->rust)
		EXPECT_EQ(0, module_unload());
	EXPECT_TRUE(wait_until(live_objects() == before, 20000));
}

int main(int argc, char **argv)
{
	if (!begin_unloaded(argv[0]))
		return KSFT_FAIL;
	return run_all_guarded(argc, argv);
}
