// SPDX-License-Identifier: GPL-2.0
/*
 * Security modules are asked as they were before, in the same places, and what
 * they say is heeded. The module here is a BPF program on a hook that counts
 * the calls this process causes, notes an argument, and denies on demand.
 */
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <linux/landlock.h>

#include "bpffs_harness.h"
#include "outside.h"
#include "whatis.h"

/* The element of a hook's map, shared with its program. */
struct hook {
	int pid;
	int calls;
	int arg;
	int deny;
};

/* An errno that no hook returns by itself. */
#define DENIED ENOTUNIQ

#define INSN(c, d, s, o, i) \
	{ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) }
#define HOOK(field) offsetof(struct hook, field)

/*
 * Attach to the hook @name, noting its argument number @arg: a map, or -errno.
 * Stays attached until the process ends.
 */
static int hook_new(const char *name, int arg)
{
	int map = map_create(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct hook), 1);
	const struct bpf_insn insns[] = {
		/* element = lookup(map, 0); missing: return 0 */
		INSN(BPF_LDX | BPF_MEM | BPF_DW, 6, 1, arg * 8, 0),
		INSN(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0),
		INSN(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 13, 0),
		/* another process: return 0 */
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 7, 0, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_current_pid_tgid),
		INSN(BPF_ALU64 | BPF_RSH | BPF_K, 0, 0, 0, 32),
		INSN(BPF_LDX | BPF_MEM | BPF_W, 1, 7, HOOK(pid), 0),
		INSN(BPF_JMP | BPF_JNE | BPF_X, 0, 1, 8, 0),
		/* calls++, arg = argument; if deny return -DENIED, else 0 */
		INSN(BPF_LDX | BPF_MEM | BPF_W, 1, 7, HOOK(calls), 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 1, 0, 0, 1),
		INSN(BPF_STX | BPF_MEM | BPF_W, 7, 1, HOOK(calls), 0),
		INSN(BPF_STX | BPF_MEM | BPF_W, 7, 6, HOOK(arg), 0),
		INSN(BPF_LDX | BPF_MEM | BPF_W, 1, 7, HOOK(deny), 0),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 2, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, -DENIED),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_LSM,
		.expected_attach_type = BPF_LSM_MAC,
		.insns = (uintptr_t)insns,
		.insn_cnt = ARRAY_SIZE(insns),
		.license = (uintptr_t)"GPL",
	};
	union bpf_attr attach = {};
	char func[64];
	int id, prog, link;

	snprintf(func, sizeof(func), "bpf_lsm_%s", name);
	id = btf_func_id(func);
	if (map < 0 || id < 0)
		return map < 0 ? map : id;
	load.attach_btf_id = id;
	prog = sys_bpf(BPF_PROG_LOAD, &load);
	if (prog < 0)
		return prog;
	attach.raw_tracepoint.prog_fd = prog;
	link = sys_bpf(BPF_RAW_TRACEPOINT_OPEN, &attach);
	close(prog);
	return link < 0 ? link : map;
}

/* What the hook has seen; starts counting anew, and denies or not from now on. */
static struct hook hook_reset(int map, bool deny)
{
	struct hook seen = { .calls = -1 };
	struct hook next = { .pid = getpid(), .deny = deny };
	int key = 0;
	union bpf_attr attr = {
		.map_fd = map,
		.key = (uintptr_t)&key,
		.value = (uintptr_t)&seen,
	};

	if (!sys_bpf(BPF_MAP_LOOKUP_ELEM, &attr)) {
		attr.value = (uintptr_t)&next;
		if (sys_bpf(BPF_MAP_UPDATE_ELEM, &attr))
			seen.calls = -1;
	}
	return seen;
}

static int hook_calls(int map)
{
	return hook_reset(map, false).calls;
}

/* What changes names and attributes, and the hook that is asked about it. */
static int do_mkdir(void)	{ return sys(mkdir("bpf/new", 0755)); }
static int do_symlink(void)	{ return sys(symlink("x", "bpf/new")); }
static int do_link(void)	{ return sys(link("bpf/caller", "bpf/new")); }
static int do_rename(void)	{ return sys(rename("bpf/caller", "bpf/new")); }
static int do_unlink(void)	{ return sys(unlink("bpf/caller")); }
static int do_rmdir(void)	{ return sys(rmdir("bpf/dir")); }
static int do_chmod(void)	{ return sys(chmod("bpf/caller", 0640)); }
static int do_setxattr(void)	{ return sys(setxattr("bpf/caller", "trusted.x", "1", 1, 0)); }
static int do_getxattr(void)	{ return sys(getxattr("bpf/caller", "trusted.y", NULL, 0)); }
static int do_removexattr(void)	{ return sys(removexattr("bpf/caller", "trusted.y")); }
static int do_listxattr(void)	{ return sys(listxattr("bpf/caller", NULL, 0)); }
static int do_stat(void)	{ struct stat st; return sys(stat("bpf/caller", &st)); }
static int do_readlink(void)	{ char c; return sys(readlink("bpf/symlink", &c, 1)); }
static int do_statfs(void)	{ struct statfs sf; return sys(statfs("bpf", &sf)); }
static int do_mount(void)	{ return mount_bpf_flags("bpf", MS_REMOUNT, NULL); }
static int do_umount(void)	{ return umount_bpf("bpf"); }

static int do_open(void)
{
	int fd = sys(open("bpf", O_RDONLY | O_CLOEXEC));

	close(fd);
	return fd;
}

static struct operation {
	const char *hook;
	int (*run)(void);
	/* The map of the hook. */
	int map;
} operations[] = {
	{ "inode_mkdir", do_mkdir },
	{ "inode_symlink", do_symlink },
	{ "inode_link", do_link },
	{ "inode_rename", do_rename },
	{ "inode_unlink", do_unlink },
	{ "inode_rmdir", do_rmdir },
	{ "inode_setattr", do_chmod },
	{ "inode_setxattr", do_setxattr },
	{ "inode_getxattr", do_getxattr },
	{ "inode_removexattr", do_removexattr },
	{ "inode_listxattr", do_listxattr },
	{ "file_open", do_open },
	{ "inode_getattr", do_stat },
	{ "inode_readlink", do_readlink },
	{ "sb_statfs", do_statfs },
	{ "sb_remount", do_mount },
	{ "sb_umount", do_umount },
};

/* Attaching is slow, so that is done once for all tests. */
static int path_mknod, inode_create, inode_init_security, bpf_map, bpf_prog;
static int token_create, inode_alloc;

int main(int argc, char **argv)
{
	program_begin();
	path_mknod = hook_new("path_mknod", 2);
	inode_create = hook_new("inode_create", 2);
	inode_init_security = hook_new("inode_init_security", 0);
	bpf_map = hook_new("bpf_map", 1);
	bpf_prog = hook_new("bpf_prog", 0);
	token_create = hook_new("bpf_token_create", 0);
	inode_alloc = hook_new("inode_alloc_security", 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(operations); i++)
		operations[i].map = hook_new(operations[i].hook, 0);
	return run_all_guarded(argc, argv);
}

FIXTURE(lsm) {
	struct calls calls;
};

FIXTURE_SETUP(lsm)
{
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	ASSERT_EQ(0, calls_new(&self->calls));
	/* Attached, and counting for this process from here. */
	ASSERT_LE(0, hook_calls(path_mknod));
	ASSERT_LE(0, hook_calls(inode_create));
	ASSERT_LE(0, hook_calls(inode_init_security));
	ASSERT_LE(0, hook_calls(bpf_map));
	ASSERT_LE(0, hook_calls(bpf_prog));
}

FIXTURE_TEARDOWN(lsm)
{
}

/* A hook that a pin leaves out, asks twice, or tells a wrong mode. */
TEST_F(lsm, pin_asks)
{
	struct hook hook;

	umask(0222);
	ASSERT_EQ(0, obj_pin(self->calls.array, "bpf/array"));
	hook = hook_reset(path_mknod, false);
	EXPECT_EQ(1, hook.calls);
	EXPECT_EQ(S_IFREG | 0400, hook.arg);
	hook = hook_reset(inode_create, false);
	EXPECT_EQ(1, hook.calls);
	EXPECT_EQ(S_IFREG | 0400, hook.arg);
	EXPECT_EQ(0, hook_calls(bpf_map));

	/* What fails before the new file is at stake asks nobody. */
	EXPECT_EQ(-EEXIST, obj_pin(self->calls.array, "bpf/array"));
	EXPECT_EQ(-EPERM, obj_pin(self->calls.array, "bpf/a.b"));
	EXPECT_EQ(-EPERM, obj_pin(self->calls.array, "elsewhere"));
	EXPECT_EQ(0, hook_calls(path_mknod));
	EXPECT_EQ(0, hook_calls(inode_create));
}

/* A pin that is made, or its object lost, although a hook denied it. */
TEST_F(lsm, pin_denied)
{
	int i;

	for (i = 0; i < 4; i++) {
		hook_reset(path_mknod, true);
		EXPECT_EQ(-DENIED, obj_pin(self->calls.array, "bpf/array"));
		EXPECT_EQ(-DENIED, obj_pin(self->calls.caller, "bpf/caller"));
		EXPECT_EQ(2, hook_calls(path_mknod));
		EXPECT_EQ(0, hook_calls(inode_create));

		hook_reset(inode_create, true);
		EXPECT_EQ(-DENIED, obj_pin(self->calls.array, "bpf/array"));
		EXPECT_EQ(-DENIED, obj_pin(self->calls.caller, "bpf/caller"));
		EXPECT_EQ(2, hook_calls(path_mknod));
		EXPECT_EQ(2, hook_calls(inode_create));
	}
	EXPECT_FALSE(exists("bpf/array"));
	EXPECT_TRUE(calls_kept(&self->calls, "bpf"));
	close(self->calls.array);
	EXPECT_TRUE(calls_flushed(&self->calls));
}

/* Exposing outside that nobody is asked about, or that is done although it was denied. */
TEST_F(lsm, exposing)
{
	static const char file[] = CGROUP "/bpf.test";
	/* C refuses before that; ours refuses what is pinned in C's instances behind it. */
	const int asked = impl_rust(), done = mounts_are_ours() ? 0 : -EPERM;
	struct hook hook;

	ASSERT_EQ(0, cgroups_enter());
	ASSERT_EQ(0, mkdir(CGROUP, 0755));
	ASSERT_EQ(0, obj_pin(self->calls.array, "bpf/array"));
	hook_calls(path_mknod);
	hook_calls(inode_create);
	EXPECT_EQ(done, obj_pin(self->calls.array, file));
	hook = hook_reset(path_mknod, false);
	EXPECT_EQ(asked, hook.calls);
	EXPECT_EQ(asked ? S_IFREG | 0400 : 0, hook.arg);
	hook = hook_reset(inode_create, false);
	EXPECT_EQ(asked, hook.calls);
	EXPECT_EQ(asked ? S_IFREG | 0400 : 0, hook.arg);

	hook_reset(path_mknod, true);
	EXPECT_EQ(asked ? -DENIED : -EPERM, obj_pin(self->calls.array, CGROUP "/bpf.other"));
	EXPECT_EQ(asked, hook_calls(path_mknod));
	hook_reset(inode_create, true);
	EXPECT_EQ(asked ? -DENIED : -EPERM, obj_pin(self->calls.array, CGROUP "/bpf.other"));
	EXPECT_EQ(asked, hook_calls(inode_create));
	EXPECT_FALSE(exists(CGROUP "/bpf.other"));

	/* Who fetches by the file is asked about as by the pin. */
	hook_calls(bpf_map);
	EXPECT_EQ(!done, obj_get(file) >= 0);
	EXPECT_EQ(!done, hook_calls(bpf_map));
	hook_reset(bpf_map, true);
	EXPECT_EQ(done ? -ENOENT : -DENIED, obj_get(file));
	ASSERT_EQ(0, unlink("bpf/array"));
	EXPECT_FALSE(exists(file));
	ASSERT_EQ(0, cgroups_leave());
}

/* A fetch that hides the map or the program, or the access, from the hook. */
TEST_F(lsm, get_asks)
{
	struct hook hook;
	int status;

	ASSERT_EQ(0, obj_pin(self->calls.array, "bpf/array"));
	ASSERT_EQ(0, obj_pin(self->calls.caller, "bpf/caller"));

	ASSERT_LE(0, obj_get("bpf/array"));
	hook = hook_reset(bpf_map, false);
	EXPECT_EQ(1, hook.calls);
	/* FMODE_READ | FMODE_WRITE, and each alone */
	EXPECT_EQ(3, hook.arg & 3);
	ASSERT_LE(0, obj_get_at(0, "bpf/array", BPF_F_RDONLY));
	EXPECT_EQ(1, hook_reset(bpf_map, false).arg & 3);
	ASSERT_LE(0, obj_get_at(0, "bpf/array", BPF_F_WRONLY));
	EXPECT_EQ(2, hook_reset(bpf_map, false).arg & 3);
	EXPECT_EQ(0, hook_calls(bpf_prog));
	ASSERT_LE(0, obj_get("bpf/caller"));
	EXPECT_EQ(1, hook_calls(bpf_prog));
	EXPECT_EQ(0, hook_calls(bpf_map));

	/* What the mode forbids is not asked for. */
	ASSERT_EQ(0, sys(seteuid(NOBODY)));
	status = obj_get("bpf/array");
	ASSERT_EQ(0, sys(seteuid(0)));
	EXPECT_EQ(-EACCES, status);
	EXPECT_EQ(0, hook_calls(bpf_map));
}

/* A fetch that succeeds, or costs the pin its reference, although denied. */
TEST_F(lsm, get_denied)
{
	int id = obj_id(self->calls.caller, OBJ_PROG), i, map;

	ASSERT_EQ(0, obj_pin(self->calls.array, "bpf/array"));
	ASSERT_EQ(0, obj_pin(self->calls.caller, "bpf/caller"));
	close(self->calls.array);
	for (i = 0; i < 4; i++) {
		hook_reset(bpf_map, true);
		EXPECT_EQ(-DENIED, obj_get("bpf/array"));
		EXPECT_EQ(-DENIED, obj_get_at(0, "bpf/array", BPF_F_RDONLY));
		EXPECT_EQ(2, hook_calls(bpf_map));
		hook_reset(bpf_prog, true);
		EXPECT_EQ(-DENIED, obj_get("bpf/caller"));
		EXPECT_EQ(1, hook_calls(bpf_prog));
	}
	EXPECT_TRUE(calls_kept(&self->calls, "bpf"));
	map = obj_get("bpf/array");
	EXPECT_LE(0, map);
	close(map);
	ASSERT_EQ(0, sys(unlink("bpf/array")));
	EXPECT_TRUE(calls_flushed(&self->calls));

	close(self->calls.caller);
	EXPECT_TRUE(obj_alive(OBJ_PROG, id));
	ASSERT_EQ(0, sys(unlink("bpf/caller")));
	EXPECT_TRUE(obj_gone(OBJ_PROG, id));
}

/* A new inode that no label is asked for, or is kept without one. */
TEST_F(lsm, labels)
{
	int i;

	for (i = 0; i < 4; i++) {
		hook_reset(inode_init_security, true);
		EXPECT_EQ(-DENIED, obj_pin(self->calls.array, "bpf/array"));
		EXPECT_EQ(-DENIED, obj_pin(self->calls.caller, "bpf/caller"));
		EXPECT_EQ(-DENIED, sys(mkdir("bpf/dir", 0755)));
		EXPECT_EQ(-DENIED, sys(symlink("x", "bpf/symlink")));
		EXPECT_EQ(4, hook_calls(inode_init_security));
	}
	EXPECT_FALSE(exists("bpf/array"));
	EXPECT_FALSE(exists("bpf/caller"));
	EXPECT_FALSE(exists("bpf/dir"));
	EXPECT_FALSE(exists("bpf/symlink"));
	EXPECT_TRUE(calls_kept(&self->calls, "bpf"));
	close(self->calls.array);
	EXPECT_TRUE(calls_flushed(&self->calls));
}

/* A sandbox that pins get out of. */
TEST_F(lsm, landlock)
{
	struct landlock_ruleset_attr attr = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_REG,
	};
	struct landlock_path_beneath_attr beneath = {
		.allowed_access = LANDLOCK_ACCESS_FS_MAKE_REG,
	};
	int status;

	ASSERT_EQ(0, sys(mkdir("bpf/allowed", 0755)));
	ASSERT_EQ(0, obj_pin(self->calls.array, "bpf/array"));
	in_child(&status) {
		int rules = sys(syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0));

		beneath.parent_fd = sys(open("bpf/allowed", O_PATH));
		ASSERT_EQ(0, sys(syscall(SYS_landlock_add_rule, rules,
					 LANDLOCK_RULE_PATH_BENEATH, &beneath, 0)));
		ASSERT_EQ(0, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
		ASSERT_EQ(0, sys(syscall(SYS_landlock_restrict_self, rules, 0)));
		EXPECT_EQ(-EACCES, obj_pin(self->calls.array, "bpf/denied"));
		EXPECT_EQ(0, obj_pin(self->calls.array, "bpf/allowed/map"));
		EXPECT_LE(0, obj_get("bpf/array"));
	}
	ASSERT_EQ(0, status);
	EXPECT_FALSE(exists("bpf/denied"));
}

/*
 * An operation on names or attributes that is done although a hook denied it, or
 * that the hook is not asked about, or more than once.
 */
TEST_F(lsm, operations)
{
	struct stat st;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(operations); i++) {
		struct operation *op = &operations[i];

		ASSERT_EQ(0, obj_pin(self->calls.caller, "bpf/caller"));
		ASSERT_EQ(0, setxattr("bpf/caller", "trusted.y", "2", 1, 0));
		ASSERT_EQ(0, mkdir("bpf/dir", 0755));
		ASSERT_EQ(0, symlink("x", "bpf/symlink"));
		ASSERT_LE(0, hook_reset(op->map, true).calls)
			TH_LOG("hook %s", op->hook);
		EXPECT_EQ(-DENIED, op->run())
			TH_LOG("hook %s", op->hook);
		EXPECT_EQ(1, hook_calls(op->map))
			TH_LOG("hook %s", op->hook);
		ASSERT_EQ(0, stat("bpf/caller", &st))
			TH_LOG("hook %s", op->hook);
		EXPECT_EQ(S_IFREG | 0600, st.st_mode);
		EXPECT_EQ(1, st.st_nlink);
		EXPECT_FALSE(exists("bpf/new"));
		EXPECT_TRUE(exists("bpf/dir"));
		EXPECT_EQ(1, sys(getxattr("bpf/caller", "trusted.y", NULL, 0)));
		EXPECT_EQ(-ENODATA, sys(getxattr("bpf/caller", "trusted.x", NULL, 0)));

		/* Left alone it does what it does. */
		hook_reset(op->map, false);
		EXPECT_LE(0, op->run())
			TH_LOG("hook %s", op->hook);
		EXPECT_EQ(1, hook_calls(op->map))
			TH_LOG("hook %s", op->hook);
		if (op->run == do_umount)
			ASSERT_EQ(0, mount_bpf("bpf", NULL));
		unlink("bpf/caller");
		unlink("bpf/symlink");
		unlink("bpf/new");
		rmdir("bpf/new");
		rmdir("bpf/dir");
	}
}

/* A token that is made although a hook denied it, or leaks then. */
TEST_F(lsm, token)
{
	static const char *const options[] = { "delegate_cmds", "any", NULL };
	int userns, status, mnt = container_mount(&userns, options);

	ASSERT_LE(0, mnt);
	in_child(&status) {
		union bpf_attr attr = {};
		int i;

		/* Of this process, as long as it has the privilege to say so. */
		for (i = 0; i < 2; i++)
			ASSERT_LE(0, hook_reset(token_create, true).calls);
		ASSERT_EQ(0, sys(setns(userns, 0)));
		ASSERT_EQ(0, become(0, 0));
		attr.token_create.bpffs_fd = sys(openat(mnt, ".", O_RDONLY | O_DIRECTORY));
		for (i = 0; i < 4; i++)
			EXPECT_EQ(-DENIED, sys_bpf(BPF_TOKEN_CREATE, &attr));
		EXPECT_EQ(4, hook_reset(token_create, false).calls);
		EXPECT_LE(0, sys_bpf(BPF_TOKEN_CREATE, &attr));
		EXPECT_EQ(1, hook_calls(token_create));
	}
	ASSERT_EQ(0, status);
}

/* Tasks that mount although nothing can be mounted. */
struct mounters {
	bool stop;
	unsigned int mounts, wrong;
};

static void *mount_in_vain(void *arg)
{
	struct mounters *all = arg;

	while (!__atomic_load_n(&all->stop, __ATOMIC_SEQ_CST)) {
		int err = sys(mount("bpf", "vain", "bpf", 0, NULL));

		/* C says the one, we the other. */
		if (err != -ENOMEM && err != -ENOSPC)
			__atomic_add_fetch(&all->wrong, 1, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&all->mounts, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

/*
 * Catches: a mount that joins what another one could not fill, as the hook denies it the
 * root's inode. Tasks that mount in the same namespace wait for each other.
 */
TEST_F_TIMEOUT(lsm, nothing_to_join, 120)
{
	struct mounters all = {};
	pthread_t threads[4];
	unsigned int i;

	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, chdir("/tmp"));
	ASSERT_EQ(0, mkdir("vain", 0755));
	ASSERT_LE(0, hook_reset(inode_alloc, true).calls);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, mount_in_vain, &all));
	wait_until(__atomic_load_n(&all.mounts, __ATOMIC_SEQ_CST) >= stress(2000), 60000);
	__atomic_store_n(&all.stop, true, __ATOMIC_SEQ_CST);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	EXPECT_LT(0, hook_calls(inode_alloc));
	EXPECT_EQ(0, all.wrong);
	EXPECT_LE(stress(2000), all.mounts);

	/* The namespace is none the worse for it. */
	EXPECT_EQ(0, sys(mount("bpf", "vain", "bpf", 0, NULL)));
	EXPECT_EQ(0, sys(umount2("vain", 0)));
}
