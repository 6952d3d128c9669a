// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that the kernel itself looks up by path: the bpf match of iptables
 * (xt_bpf) is its only such user. Rules go with the test's network namespace.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bpffs_harness.h"
#include "xtables.h"

/* Whether a packet gets through the loopback device. */
static bool delivered(void)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char byte;
	bool ok;

	ok = !bind(sock, (void *)&addr, len) &&
	     !getsockname(sock, (void *)&addr, &len) &&
	     sendto(sock, "x", 1, 0, (void *)&addr, len) == 1 &&
	     wait_until(recv(sock, &byte, 1, 0) == 1, 100);
	close(sock);
	return ok;
}

FIXTURE(xt_bpf) {
	int sock;
};

FIXTURE_SETUP(xt_bpf)
{
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	self->sock = netns_new();
	ASSERT_LE(0, self->sock);
	ASSERT_EQ(0, set_rule(self->sock, NULL))
		TH_LOG("needs CONFIG_IP_NF_FILTER and CONFIG_NETFILTER_XT_MATCH_BPF");
	ASSERT_TRUE(delivered());
}

FIXTURE_TEARDOWN(xt_bpf)
{
}

/* A rule with another program than the pinned one, or none. */
TEST_F(xt_bpf, runs_pinned_program)
{
	const struct timespec old[2] = { { 1000, 0 }, { 2000, 0 } };
	int drop = prog_new(1), pass = prog_new(0);
	struct stat st;

	ASSERT_EQ(0, obj_pin(drop, "bpf/drop"));
	ASSERT_EQ(0, obj_pin(pass, "bpf/pass"));
	ASSERT_EQ(0, sys(symlink("drop", "bpf/symlink")));
	ASSERT_EQ(0, sys(utimensat(AT_FDCWD, "bpf/drop", old, 0)));
	ASSERT_EQ(0, set_rule(self->sock, "bpf/drop"));
	EXPECT_FALSE(delivered());
	ASSERT_EQ(0, sys(stat("bpf/drop", &st)));
	EXPECT_LT(2000, st.st_atime);
	ASSERT_EQ(0, set_rule(self->sock, "/tmp/bpf/pass"));
	EXPECT_TRUE(delivered());
	ASSERT_EQ(0, set_rule(self->sock, "bpf/symlink"));
	EXPECT_FALSE(delivered());
}

/* A rule that has no reference of its own, or never gives it back. */
TEST_F(xt_bpf, holds_program)
{
	int prog = prog_new(1), id = obj_id(prog, OBJ_PROG), i;

	ASSERT_EQ(0, obj_pin(prog, "bpf/prog"));
	close(prog);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, set_rule(self->sock, "bpf/prog"));
	ASSERT_EQ(0, sys(unlink("bpf/prog")));
	EXPECT_FALSE(delivered());
	EXPECT_TRUE(obj_alive(OBJ_PROG, id));
	ASSERT_EQ(0, set_rule(self->sock, NULL));
	EXPECT_TRUE(obj_gone(OBJ_PROG, id));
	EXPECT_TRUE(delivered());
}

/* An object that is no such program, and what failing does to its count. */
TEST_F(xt_bpf, refused)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int xdp = prog_load_type(BPF_PROG_TYPE_XDP, insns, 2), status, i;
	int xdp_id = obj_id(xdp, OBJ_PROG);
	int prog = prog_new(1), id = obj_id(prog, OBJ_PROG);

	ASSERT_EQ(0, obj_pin(prog, "bpf/prog"));
	ASSERT_EQ(0, obj_pin(xdp, "bpf/xdp"));
	ASSERT_EQ(0, obj_pin(map_new(), "bpf/map"));
	ASSERT_EQ(0, obj_pin(link_new(-1), "bpf/link"));
	ASSERT_EQ(0, sys(symlink("symlink", "bpf/symlink")));
	ASSERT_EQ(0, sys(mknod("plain", S_IFREG | 0644, 0)));
	close(prog);
	close(xdp);
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(-ENOENT, set_rule(self->sock, "bpf/none"));
		/* Not so in bpf(2): no path at all is the working directory. */
		EXPECT_EQ(-EACCES, set_rule(self->sock, ""));
		EXPECT_EQ(-EPERM, set_rule(self->sock, "bpf/a.b"));
		EXPECT_EQ(-ENOTDIR, set_rule(self->sock, "bpf/prog/"));
		EXPECT_EQ(-ELOOP, set_rule(self->sock, "bpf/symlink"));
		EXPECT_EQ(-EACCES, set_rule(self->sock, "bpf"));
		EXPECT_EQ(-EACCES, set_rule(self->sock, "plain"));
		EXPECT_EQ(-EINVAL, set_rule(self->sock, "bpf/map"));
		EXPECT_EQ(-EINVAL, set_rule(self->sock, "bpf/link"));
		EXPECT_EQ(-EINVAL, set_rule(self->sock, "bpf/xdp"));
	}
	/* A container may set rules, but not with programs it cannot read. */
	in_child(&status) {
		int sock;

		ASSERT_EQ(0, userns_unshare(CONTAINER_ROOT, 0));
		sock = netns_new();
		ASSERT_LE(0, sock);
		EXPECT_EQ(-EACCES, set_rule(sock, "bpf/prog"));
		EXPECT_EQ(-EACCES, set_rule(sock, "bpf/map"));
	}
	ASSERT_EQ(0, status);
	ASSERT_EQ(0, sys(chmod("bpf/prog", 0604)));
	in_child(&status) {
		int sock;

		ASSERT_EQ(0, userns_unshare(CONTAINER_ROOT, 0));
		sock = netns_new();
		ASSERT_LE(0, sock);
		EXPECT_EQ(0, set_rule(sock, "bpf/prog"));
		EXPECT_FALSE(delivered());
	}
	ASSERT_EQ(0, status);
	EXPECT_TRUE(obj_alive(OBJ_PROG, id));
	EXPECT_TRUE(obj_alive(OBJ_PROG, xdp_id));
	ASSERT_EQ(0, sys(unlink("bpf/prog")));
	ASSERT_EQ(0, sys(unlink("bpf/xdp")));
	EXPECT_TRUE(obj_gone(OBJ_PROG, id));
	EXPECT_TRUE(obj_gone(OBJ_PROG, xdp_id));
}

int main(int argc, char **argv)
{
	xtables_prepare();
	return run_all_guarded(argc, argv);
}
