// SPDX-License-Identifier: GPL-2.0
/* Allocations that fail in bpf(2), and where the kernel looks up a program. */
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "bpffs_harness.h"
#include "pin_and_get.h"
#include "xtables.h"

BPFFS_FIXTURE(failnth_objects);

/* Catches: an object, or a user of it, that is lost or left when memory runs out. */
TEST_F_TIMEOUT(failnth_objects, pin, 300)
{
	EXPECT_EQ(0, FAIL_ALL(pin_calls));
}

/* Catches: a reference too many or too few when memory runs out. */
TEST_F_TIMEOUT(failnth_objects, get, 300)
{
	EXPECT_EQ(0, FAIL_ALL(get_calls));
}

/* ---- a program that the kernel looks up by its path ---- */

static struct table table;
static int sock;

static int prepare_table(void)
{
	return make_table(&table, sock, "bpf/prog");
}

static long call_set_table(void)
{
	return armed(SYS_setsockopt, sock, SOL_IP, IPT_SO_SET_REPLACE, &table, TABLE_SIZE);
}

static int restore_table(long ret)
{
	return set_rule(sock, NULL);
}

/* Catches: a program whose rule did not come about, and that is lost or left. */
TEST_F_TIMEOUT(failnth_objects, xt_bpf, 300)
{
	static const struct call call = {
		.name = "xt_bpf_rule",
		.prepare = prepare_table,
		.call = call_set_table,
		.restore = restore_table,
	};

	ASSERT_EQ(0, failnth_error());
	sock = netns_new();
	ASSERT_LE(0, sock);
	ASSERT_EQ(0, set_rule(sock, NULL))
		TH_LOG("needs CONFIG_IP_NF_FILTER and CONFIG_NETFILTER_XT_MATCH_BPF");
	EXPECT_EQ(0, fail_all(&call, 1));
}

/* ---- tokens, in a container ---- */

static int userns, context, root, token, fdinfo;

static int token_create(void)
{
	union bpf_attr attr = { .token_create.bpffs_fd = root };

	return sys_bpf(BPF_TOKEN_CREATE, &attr);
}

static long call_token(void)
{
	union bpf_attr attr = { .token_create.bpffs_fd = root };

	return armed_bpf(BPF_TOKEN_CREATE, &attr);
}

static long call_token_map(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_HASH,
		.key_size = 4,
		.value_size = 4,
		.max_entries = 1,
		.map_flags = BPF_F_TOKEN_FD,
		.map_token_fd = token,
	};

	return armed_bpf(BPF_MAP_CREATE, &attr);
}

static long call_token_prog(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = CALLED },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_XDP,
		.insns = (uintptr_t)insns,
		.insn_cnt = ARRAY_SIZE(insns),
		.license = (uintptr_t)"GPL",
		.prog_flags = BPF_F_TOKEN_FD,
		.prog_token_fd = token,
	};

	return armed_bpf(BPF_PROG_LOAD, &attr);
}

static long call_token_btf(void)
{
	union bpf_attr attr = btf_int_attr();

	attr.btf_flags = BPF_F_TOKEN_FD;
	attr.btf_token_fd = token;
	return armed_bpf(BPF_BTF_LOAD, &attr);
}

static int prepare_fdinfo(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", token);
	fdinfo = sys(open(path, O_RDONLY | O_CLOEXEC));
	return fdinfo < 0 ? fdinfo : 0;
}

static long call_token_fdinfo(void)
{
	char text[1024];

	return armed(SYS_read, fdinfo, text, sizeof(text));
}

static int restore_fdinfo(long ret)
{
	return sys(close(fdinfo));
}

static long call_token_pin(void)
{
	union bpf_attr attr = {
		.pathname = (uintptr_t)"new",
		.bpf_fd = world.prog,
	};

	return armed_bpf(BPF_OBJ_PIN, &attr);
}

static int restore_token_pin(long ret)
{
	return undone(ret, sys(unlink("new")));
}

static int prepare_token_get(void)
{
	return obj_pin(world.prog, "new");
}

static long call_token_get(void)
{
	return get("new", 0);
}

static int restore_token_get(long ret)
{
	return restore_prog(ret) ?: sys(unlink("new"));
}

static long call_mount(void)
{
	return armed(SYS_mount, "bpf", ".", "bpf", 0, "mode=700");
}

/* A context that belongs to the container, to be made an instance of by us. */
static int prepare_container(void)
{
	int err;
	pid_t pid;

	context = event_new();
	pid = fork_files();
	if (!pid) {
		int own;

		if (setns(userns, 0) || become(0, 0) || unshare(CLONE_NEWNS))
			_exit(1);
		own = fs_open();
		_exit(dup2(own, context) != context || close(own));
	}
	err = pid < 0 ? pid : wait_child(pid) ? -ECHILD : 0;
	return err ?: fs_flag(context, "newinstance") ?: fs_set(context, "delegate_maps", "any");
}

static long call_create(void)
{
	return armed(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

static int restore_container(long ret)
{
	return sys(close(context));
}

static const struct call container_call = {
	.name = "create_for_container",
	.prepare = prepare_container,
	.call = call_create,
	.restore = restore_container,
	.also = NO_INODE,
};

static const struct call token_calls[] = {
	{ "token_create", .call = call_token, .restore = restore_fd, .also = NO_INODE,
	  .not_on_c = "leaks the inode when the file cannot be made (bpf_token_create())" },
	{ "map_by_token", .call = call_token_map, .restore = restore_fd },
	/* EINVAL is what bpf_prog_load() makes of bpf_prog_alloc() having no memory. */
	{ "prog_by_token", .call = call_token_prog, .restore = restore_fd, .also = EINVAL },
	{ "btf_by_token", .call = call_token_btf, .restore = restore_fd },
	{ "read_token_fdinfo", .prepare = prepare_fdinfo, .call = call_token_fdinfo,
	  .restore = restore_fdinfo },
	{ "get_in_container", .prepare = prepare_token_get, .call = call_token_get,
	  .restore = restore_token_get },
	{ "mount_in_container", .call = call_mount, .result = -EPERM },
	{ "pin_in_container", .call = call_token_pin, .restore = restore_token_pin,
	  .also = NO_INODE },
};

/* Catches: a token, or what is made with it, that leaves something. */
TEST_F_TIMEOUT(failnth_objects, token, 300)
{
	static const char *const everything[] = {
		"delegate_cmds", "any", "delegate_maps", "any", "delegate_progs", "any",
		"delegate_attachs", "any", NULL,
	};
	int status, mnt;
	unsigned int i;

	ASSERT_EQ(0, failnth_error());
	mnt = container_mount(&userns, everything);
	ASSERT_LE(0, mnt);
	world.prog = prog_new(CALLED);
	EXPECT_EQ(0, fail_each(&container_call, NULL));
	in_child(&status) {
		ASSERT_EQ(0, armed_prepare());
		ASSERT_EQ(0, sys(fchdir(mnt)));
		ASSERT_EQ(0, sys(setns(userns, 0)));
		ASSERT_EQ(0, become(0, 0));
		ASSERT_EQ(0, sys(unshare(CLONE_NEWNS)));
		root = sys(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
		token = token_create();
		ASSERT_LE(0, token);
		for (i = 0; i < ARRAY_SIZE(token_calls); i++)
			EXPECT_EQ(0, fail_each(&token_calls[i], "."));
	}
	ASSERT_EQ(0, status);
}

int main(int argc, char **argv)
{
	xtables_prepare();
	return failnth_main(argc, argv, world_prepare, run_all_guarded);
}
