// SPDX-License-Identifier: GPL-2.0
/*
 * The extended attributes bpf.*: what a pin or a directory says it is, to whom, and what
 * nobody can do with them. On C's instances there are none.
 */
#include <linux/capability.h>
#include <linux/limits.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "bpffs_harness.h"
#include "kbtf.h"
#include "map_types.h"
#include "whatis.h"

/* Newer than the headers of the C library may be; the number is the ABI's. */
#ifndef NS_GET_MNTNS_ID
#define NS_GET_MNTNS_ID _IOR(NSIO, 0x5, __u64)
#endif

static const char *const names[] = {
	"bpf.type", "bpf.id", "bpf.name", "bpf.tag", "bpf.attached", "bpf.instance",
};

/* A mount at "a" with "a/map", "a/prog", "a/link", a directory "a/dir", a symlink "a/symlink". */
FIXTURE(whatis) {
	int map, prog, link;
};

/* A map or a program, with a name unless that is NULL; descriptor or -errno. */
static int map_named(const char *name)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 4, .max_entries = 1,
	};

	strncpy(attr.map_name, name ?: "", sizeof(attr.map_name));
	return sys_bpf(BPF_MAP_CREATE, &attr);
}

static int prog_of(unsigned int type, unsigned int attach, int ret, const char *name)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = ret },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = type,
		.expected_attach_type = attach,
		.insns = (uintptr_t)insns,
		.insn_cnt = ARRAY_SIZE(insns),
		.license = (uintptr_t)"GPL",
		.prog_flags = type == BPF_PROG_TYPE_SYSCALL ? BPF_F_SLEEPABLE : 0,
	};

	strncpy(attr.prog_name, name ?: "", sizeof(attr.prog_name));
	return sys_bpf(BPF_PROG_LOAD, &attr);
}

FIXTURE_SETUP(whatis)
{
	ASSERT_EQ(0, mount_bpf("a", NULL));
	self->map = map_named("a_map");
	self->prog = prog_of(BPF_PROG_TYPE_XDP, 0, 2, "a_prog");
	self->link = link_new(-1);
	ASSERT_EQ(0, obj_pin(self->map, "a/map"));
	ASSERT_EQ(0, obj_pin(self->prog, "a/prog"));
	ASSERT_EQ(0, obj_pin(self->link, "a/link"));
	ASSERT_EQ(0, mkdir("a/dir", 0755));
	ASSERT_EQ(0, symlink("map", "a/symlink"));
}

FIXTURE_TEARDOWN(whatis) { }

/* The tag as the kernel tells whoever has the program. */
static const char *tag_of(int prog)
{
	static char text[2 * BPF_TAG_SIZE + 1];
	struct bpf_prog_info info = {};
	union bpf_attr attr = {
		.info.bpf_fd = prog,
		.info.info_len = sizeof(info),
		.info.info = (uintptr_t)&info,
	};
	unsigned int i;

	if (sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr))
		abort();
	for (i = 0; i < BPF_TAG_SIZE; i++)
		sprintf(text + 2 * i, "%02x", info.tag[i]);
	return text;
}

/* Catches: an attribute of another object, or of another kind of object. */
TEST_F(whatis, kinds)
{
	char map_id[16], prog_id[16], link_id[16];
	const struct {
		const char *path, *values[ARRAY_SIZE(names)];
	} cases[] = {
		{ "a/map", { "map:hash", map_id, "a_map", "ENODATA", "ENODATA", "ENODATA" } },
		{ "a/prog", { "prog:xdp", prog_id, "a_prog", tag_of(self->prog), "ENODATA",
			      "ENODATA" } },
		{ "a/link", { "link:raw_tracepoint", link_id, "ENODATA", "ENODATA", "yes",
			      "ENODATA" } },
		{ "a/symlink", { "ENODATA", "ENODATA", "ENODATA", "ENODATA", "ENODATA",
				 "ENODATA" } },
		{ "a/dir", { "ENODATA", "ENODATA", "ENODATA", "ENODATA", "ENODATA" } },
	};
	unsigned int i, j;

	strcpy(map_id, number_text(obj_id(self->map, OBJ_MAP)));
	strcpy(prog_id, number_text(obj_id(self->prog, OBJ_PROG)));
	strcpy(link_id, number_text(obj_id(self->link, OBJ_LINK)));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		for (j = 0; j < ARRAY_SIZE(names) && cases[i].values[j]; j++)
			EXPECT_STREQ(on_ours(cases[i].values[j]),
				     attribute(cases[i].path, names[j]))
				TH_LOG("%s of %s", names[j], cases[i].path);
	}
	EXPECT_EQ(2 * BPF_TAG_SIZE, strlen(tag_of(self->prog)));
	/* By another name, and by way of the symlink. */
	ASSERT_EQ(0, link("a/prog", "a/dir/hard"));
	EXPECT_STREQ(on_ours("prog:xdp"), attribute("a/dir/hard", "bpf.type"));
	EXPECT_EQ(on_ours_ret(8), sys(getxattr("a/symlink", "bpf.type", NULL, 0)));
}

/* Catches: a type of maps that is named otherwise than users know it. */
TEST_F_TIMEOUT(whatis, map_types, 120)
{
	static const char *const of_cgroups[] = { "CGROUP_STORAGE", "PERCPU_CGROUP_STORAGE" };
	int types = map_types_load(), map;
	unsigned int i;

	for (i = 0; i < map_types_cnt; i++) {
		map = map_of(&map_types[i], types);
		ASSERT_EQ(0, obj_pin(map, "a/of_type"));
		EXPECT_STREQ(on_ours(type_text("map", "", map_types[i].name)),
			     attribute("a/of_type", "bpf.type"));
		ASSERT_EQ(0, unlink("a/of_type"));
		close(map);
	}
	/* Types with two names, of which the other says DEPRECATED. */
	for (i = 0; i < ARRAY_SIZE(of_cgroups); i++) {
		map = map_create(map_type_number(of_cgroups[i]), 8, 4, 0);
		ASSERT_EQ(0, obj_pin(map, "a/of_type"));
		EXPECT_STREQ(on_ours(type_text("map", "", of_cgroups[i])),
			     attribute("a/of_type", "bpf.type"));
		ASSERT_EQ(0, unlink("a/of_type"));
	}
	ASSERT_EQ(0, obj_pin(prog_array_new(), "a/of_type"));
	EXPECT_STREQ(on_ours("map:prog_array"), attribute("a/of_type", "bpf.type"));
}

/* Catches: a type of programs that is named otherwise than users know it. */
TEST_F_TIMEOUT(whatis, prog_types, 120)
{
	static const struct {
		const char *name;
		unsigned int attach;
		int ret;
	} types[] = {
		{ "SOCKET_FILTER" }, { "KPROBE" }, { "SCHED_CLS" }, { "SCHED_ACT" },
		{ "TRACEPOINT" }, { "XDP" }, { "PERF_EVENT" }, { "CGROUP_SKB" },
		{ "CGROUP_SOCK", BPF_CGROUP_INET_SOCK_CREATE, 1 },
		{ "LWT_IN" }, { "LWT_OUT" }, { "LWT_XMIT" }, { "SOCK_OPS" }, { "SK_SKB" },
		{ "CGROUP_DEVICE" }, { "SK_MSG" }, { "RAW_TRACEPOINT" },
		{ "CGROUP_SOCK_ADDR", BPF_CGROUP_INET4_BIND, 1 },
		{ "LWT_SEG6LOCAL" }, { "SK_REUSEPORT" }, { "FLOW_DISSECTOR" },
		{ "CGROUP_SYSCTL" }, { "RAW_TRACEPOINT_WRITABLE" },
		{ "CGROUP_SOCKOPT", BPF_CGROUP_GETSOCKOPT, 1 },
		{ "SK_LOOKUP", BPF_SK_LOOKUP, 1 }, { "SYSCALL" },
		{ "NETFILTER", BPF_NETFILTER, 1 },
	};
	char constant[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		int prog;

		snprintf(constant, sizeof(constant), "BPF_PROG_TYPE_%s", types[i].name);
		prog = prog_of(kernel_btf_enum("bpf_prog_type", constant), types[i].attach,
			       types[i].ret, NULL);
		ASSERT_LE(0, prog)
			TH_LOG("%s", types[i].name);
		ASSERT_EQ(0, obj_pin(prog, "a/of_type"));
		EXPECT_STREQ(on_ours(type_text("prog", "", types[i].name)),
			     attribute("a/of_type", "bpf.type"));
		EXPECT_STREQ(on_ours(tag_of(prog)), attribute("a/of_type", "bpf.tag"));
		ASSERT_EQ(0, unlink("a/of_type"));
		close(prog);
	}
}

/* Catches: a name that is cut, or made up where there is none. */
TEST_F(whatis, object_names)
{
	static const struct {
		const char *name, *value;
	} cases[] = {
		{ NULL, "ENODATA" },
		{ "x", "x" },
		{ "fifteen_letters", "fifteen_letters" },
		{ ".rodata.str1.1", ".rodata.str1.1" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ASSERT_EQ(0, obj_pin(map_named(cases[i].name), "a/m"));
		ASSERT_EQ(0, obj_pin(prog_of(BPF_PROG_TYPE_XDP, 0, 2, cases[i].name), "a/p"));
		EXPECT_STREQ(on_ours(cases[i].value), attribute("a/m", "bpf.name"));
		EXPECT_STREQ(on_ours(cases[i].value), attribute("a/p", "bpf.name"));
		ASSERT_EQ(0, unlink("a/m"));
		ASSERT_EQ(0, unlink("a/p"));
	}
}

/* The text of bpf.instance where a mount of this mount namespace did not ask for an instance. */
static const char *default_instance(void)
{
	static char text[64];
	int fd;
	__u64 id;

	if (!mounts_join())
		return "rust own";
	fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (ioctl(fd, NS_GET_MNTNS_ID, &id))
		abort();
	close(fd);
	snprintf(text, sizeof(text), "rust namespace:%llu", (unsigned long long)id);
	return text;
}

/* Catches: a directory that names another instance than that it is in. */
TEST_F(whatis, instance)
{
	char *inherited = strdup(default_instance());
	int status;

	EXPECT_STREQ(on_ours(default_instance()), attribute("a", "bpf.instance"));
	EXPECT_STREQ(on_ours(default_instance()), attribute("a/dir", "bpf.instance"));
	ASSERT_EQ(0, mount_bpf("again", NULL));
	EXPECT_STREQ(on_ours(default_instance()), attribute("again", "bpf.instance"));
	ASSERT_EQ(0, mount_bpf("own", "newinstance"));
	EXPECT_STREQ(on_ours("rust own"), attribute("own", "bpf.instance"));
	ASSERT_EQ(0, mount_bpf("named", "instance=whatis"));
	EXPECT_STREQ(on_ours("rust name:whatis"), attribute("named", "bpf.instance"));
	in_child(&status) {
		ASSERT_EQ(0, mntns_unshare());
		if (mounts_join())
			EXPECT_STRNE(inherited, default_instance());
		EXPECT_STREQ(on_ours(inherited), attribute("a", "bpf.instance"));
		ASSERT_EQ(0, mount_bpf("new", NULL));
		EXPECT_STREQ(on_ours(default_instance()), attribute("new", "bpf.instance"));
	}
	EXPECT_EQ(0, status);
	free(inherited);
}

/* Gives up all but one capability. */
static int keep_capability(int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {};

	data[0].effective = data[0].permitted = 1u << capability;
	return sys(syscall(SYS_capset, &header, data));
}

/* Catches: a pin that tells who may not read it, or does not tell who may. */
TEST_F(whatis, permissions)
{
	int status;

	ASSERT_EQ(0, chmod("a/prog", 0644));
	ASSERT_EQ(0, chown("a/link", NOBODY, 0));
	ASSERT_EQ(0, chmod("a/dir", 0711));
	ASSERT_EQ(0, mkdir("a/closed", 0700));
	ASSERT_EQ(0, link("a/prog", "a/closed/prog"));
	in_child(&status) {
		ASSERT_EQ(0, become(NOBODY, NOBODY));
		EXPECT_STREQ("EACCES", attribute("a/map", "bpf.type"));
		EXPECT_STREQ("EACCES", attribute("a/map", "bpf.id"));
		EXPECT_STREQ("EACCES", attribute("a/map", "bpf.nonsense"));
		EXPECT_STREQ("EACCES", attribute("a/dir", "bpf.instance"));
		EXPECT_STREQ("EACCES", attribute("a/closed/prog", "bpf.type"));
		EXPECT_STREQ(on_ours("prog:xdp"), attribute("a/prog", "bpf.type"));
		EXPECT_STREQ(on_ours("link:raw_tracepoint"), attribute("a/link", "bpf.type"));
		EXPECT_STREQ(on_ours(default_instance()), attribute("a", "bpf.instance"));
		/* Reading is all that it takes. */
		ASSERT_EQ(0, chmod("a/link", 0400));
		EXPECT_STREQ(on_ours("yes"), attribute("a/link", "bpf.attached"));
		ASSERT_EQ(0, chmod("a/link", 0200));
		EXPECT_STREQ("EACCES", attribute("a/link", "bpf.attached"));
	}
	EXPECT_EQ(0, status);
	/* Nor is root more than its capabilities. */
	ASSERT_EQ(0, chown("a/map", NOBODY, NOBODY));
	in_child(&status) {
		ASSERT_EQ(0, keep_capability(CAP_DAC_READ_SEARCH));
		EXPECT_STREQ(on_ours("map:hash"), attribute("a/map", "bpf.type"));
	}
	EXPECT_EQ(0, status);
	in_child(&status) {
		ASSERT_EQ(0, keep_capability(CAP_SYS_NICE));
		EXPECT_STREQ("EACCES", attribute("a/map", "bpf.type"));
	}
	EXPECT_EQ(0, status);
}

/* Catches: an attribute that cp or tar would copy. */
TEST_F(whatis, not_listed)
{
	static const char *const paths[] = { "a", "a/dir", "a/map", "a/prog", "a/link", "a/symlink" };
	char buf[256];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(paths); i++)
		EXPECT_EQ(0, sys(llistxattr(paths[i], buf, sizeof(buf))));
	/* The others are, as ever. */
	ASSERT_EQ(0, setxattr("a/map", "trusted.x", "1", 1, 0));
	EXPECT_EQ(10, sys(llistxattr("a/map", buf, sizeof(buf))));
	EXPECT_STREQ("trusted.x", buf);
}

/* Catches: an attribute that can be set or removed, or fails to be otherwise than on C. */
TEST_F(whatis, read_only)
{
	static const char *const all[] = {
		"bpf.type", "bpf.id", "bpf.name", "bpf.attached", "bpf.instance", "bpf.none",
	};
	static const char *const paths[] = { "a/map", "a/link", "a/dir", "a/symlink", "a" };
	unsigned int i, j;
	int status;

	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		for (j = 0; j < ARRAY_SIZE(all); j++) {
			EXPECT_EQ(-EOPNOTSUPP, sys(lsetxattr(paths[i], all[j], "x", 1, 0)));
			EXPECT_EQ(-EOPNOTSUPP, sys(lsetxattr(paths[i], all[j], "", 0, 0)));
			EXPECT_EQ(-EOPNOTSUPP,
				  sys(lsetxattr(paths[i], all[j], "x", 1, XATTR_CREATE)));
			EXPECT_EQ(-EOPNOTSUPP,
				  sys(lsetxattr(paths[i], all[j], "x", 1, XATTR_REPLACE)));
			EXPECT_EQ(-EOPNOTSUPP, sys(lremovexattr(paths[i], all[j])));
		}
	}
	in_child(&status) {
		ASSERT_EQ(0, become(NOBODY, NOBODY));
		EXPECT_EQ(-EACCES, sys(setxattr("a/map", "bpf.name", "x", 1, 0)));
		EXPECT_EQ(-EACCES, sys(removexattr("a/map", "bpf.name")));
	}
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, sys(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL)));
	EXPECT_EQ(-EROFS, sys(setxattr("a/map", "bpf.name", "x", 1, 0)));
	EXPECT_STREQ(on_ours("a_map"), attribute("a/map", "bpf.name"));
}

/* Catches: a value that ends in a NUL, is longer than said, or is written past its end. */
TEST_F(whatis, sizes)
{
	static const char value[] = "map:hash";
	enum { LEN = sizeof(value) - 1 };
	int fd = open("a", O_RDONLY | O_DIRECTORY | O_CLOEXEC), path_fd;
	char buf[64];
	int size;

	EXPECT_EQ(on_ours_ret(LEN), sys(getxattr("a/map", "bpf.type", NULL, 0)));
	EXPECT_EQ(on_ours_ret(LEN), sys(getxattr("a/map", "bpf.type", buf, 0)));
	for (size = 1; size < sizeof(buf); size++) {
		memset(buf, '#', sizeof(buf));
		EXPECT_EQ(on_ours_ret(size < LEN ? -ERANGE : LEN),
			  sys(getxattr("a/map", "bpf.type", buf, size)));
		if (mounts_are_ours() && size >= LEN)
			EXPECT_EQ(0, memcmp(buf, value, LEN));
		EXPECT_EQ('#', buf[mounts_are_ours() && size >= LEN ? LEN : 0]);
	}
	/* One that is not formatted. */
	EXPECT_EQ(on_ours_ret(5), sys(getxattr("a/map", "bpf.name", NULL, 0)));
	EXPECT_EQ(on_ours_ret(-ERANGE), sys(getxattr("a/map", "bpf.name", buf, 4)));
	EXPECT_EQ(on_ours_ret(5), sys(getxattr("a/map", "bpf.name", buf, 5)));
	/* More than any attribute has. */
	EXPECT_EQ(on_ours_ret(LEN), sys(syscall(SYS_getxattr, "a/map", "bpf.type", buf, 1 << 20)));

	EXPECT_EQ(on_ours_ret(-EFAULT), sys(syscall(SYS_getxattr, "a/map", "bpf.type", 1, 100)));
	EXPECT_EQ(-EFAULT, sys(syscall(SYS_getxattr, "a/map", 1, buf, sizeof(buf))));
	/* By descriptors. */
	EXPECT_EQ(on_ours_ret(strlen(default_instance())),
		  sys(fgetxattr(fd, "bpf.instance", buf, sizeof(buf))));
	path_fd = openat(fd, "map", O_PATH | O_CLOEXEC);
	EXPECT_EQ(-EBADF, sys(fgetxattr(path_fd, "bpf.type", buf, sizeof(buf))));
	snprintf(buf, sizeof(buf), "/proc/self/fd/%d", path_fd);
	EXPECT_EQ(on_ours_ret(LEN), sys(getxattr(buf, "bpf.type", NULL, 0)));
}

/* Catches: a name that is taken for another one. */
TEST_F(whatis, other_names)
{
	static const struct {
		const char *name;
		long ret;
	} cases[] = {
		{ "bpf.typ", -ENODATA }, { "bpf.type2", -ENODATA }, { "bpf.type.", -ENODATA },
		{ "bpf.Type", -ENODATA }, { "bpf. type", -ENODATA }, { "bpf.type\n", -ENODATA },
		{ "bpf..type", -ENODATA }, { "bpf.bpf.type", -ENODATA }, { "bpf.\xff", -ENODATA },
		{ "bpf.%s%n", -ENODATA }, { "bpf../map", -ENODATA },
		/* As the VFS has it for any prefix: "trusted.", too. */
		{ "bpf.", -EINVAL },
		{ "bpf", -EOPNOTSUPP }, { "bpf-type", -EOPNOTSUPP }, { "BPF.type", -EOPNOTSUPP },
		{ "bpfs.type", -EOPNOTSUPP }, { " bpf.type", -EOPNOTSUPP }, { "type", -EOPNOTSUPP },
		{ "security.bpf.type", -ENODATA }, { "trusted.bpf.type", -ENODATA },
		{ "user.bpf.type", -EOPNOTSUPP }, { "", -ERANGE },
	};
	char name[XATTR_NAME_MAX + 2], buf[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		bool has_prefix = !strncmp(cases[i].name, "bpf.", 4);

		EXPECT_EQ(has_prefix ? on_ours_ret(cases[i].ret) : cases[i].ret,
			  sys(getxattr("a/map", cases[i].name, buf, sizeof(buf))))
			TH_LOG("case %u", i);
	}
	memset(name, 'n', sizeof(name));
	memcpy(name, "bpf.type", 8);
	name[XATTR_NAME_MAX] = '\0';
	EXPECT_EQ(on_ours_ret(-ENODATA), sys(getxattr("a/map", name, buf, sizeof(buf))));
	name[XATTR_NAME_MAX] = 'n';
	name[XATTR_NAME_MAX + 1] = '\0';
	EXPECT_EQ(-ERANGE, sys(getxattr("a/map", name, buf, sizeof(buf))));
}

/* Catches: the file of a token, an inode on the same superblock that is no pin, taken for one. */
TEST_F(whatis, token)
{
	static const char *const delegation[] = { "delegate_cmds", "any", NULL };
	int userns, status, mnt = container_mount(&userns, delegation);
	char buf[64];
	unsigned int i;

	ASSERT_LE(0, mnt);
	in_child(&status) {
		union bpf_attr attr = {};
		int token;

		ASSERT_EQ(0, setns(userns, 0));
		ASSERT_EQ(0, become(0, 0));
		attr.token_create.bpffs_fd = openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		token = sys_bpf(BPF_TOKEN_CREATE, &attr);
		ASSERT_LE(0, token);
		for (i = 0; i < ARRAY_SIZE(names); i++)
			EXPECT_EQ(on_ours_ret(-ENODATA),
				  sys(fgetxattr(token, names[i], buf, sizeof(buf))));
		EXPECT_EQ(-EOPNOTSUPP, sys(fsetxattr(token, "bpf.type", "x", 1, 0)));
	}
	EXPECT_EQ(0, status);
}

/* Catches: an answer of neither object where one replaces the other, or a reference lost. */
TEST_F_TIMEOUT(whatis, replaced, 120)
{
	uint64_t end = now_ms() + 1000;
	int ready = event_new(), i;
	unsigned int maps = 0, progs = 0;
	pid_t pids[2];

	for (i = 0; i < 2; i++) {
		pids[i] = fork();
		ASSERT_LE(0, pids[i]);
		if (pids[i])
			continue;
		/* One takes new pins over the name; the other swaps it. */
		event_post(ready);
		for (;;) {
			if (i) {
				syscall(SYS_renameat2, AT_FDCWD, "a/x", AT_FDCWD, "a/y",
					RENAME_EXCHANGE);
			} else {
				int obj = maps++ % 2 ? map_named("other") : prog_new(0);

				obj_pin(obj, "a/new");
				close(obj);
				rename("a/new", "a/x");
			}
		}
	}
	ASSERT_EQ(0, obj_pin(self->map, "a/y"));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, event_wait(ready));
	while (now_ms() < end || (mounts_are_ours() && (!maps || !progs))) {
		const char *type = attribute("a/x", "bpf.type");

		if (!strcmp(type, "map:hash"))
			maps++;
		else if (!strcmp(type, "prog:socket_filter"))
			progs++;
		else if (strcmp(type, "ENOENT"))
			ASSERT_STREQ(on_ours("one of these"), type);
	}
	for (i = 0; i < 2; i++) {
		kill(pids[i], SIGKILL);
		wait_child(pids[i]);
	}
}

int main(int argc, char **argv)
{
	kernel_btf_prepare();
	return run_all_guarded(argc, argv);
}
