// SPDX-License-Identifier: GPL-2.0
/* BPF tokens: what a container may do, by the file system it was given. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "bpffs_harness.h"

BPFFS_FIXTURE(token);

/* For the file system whose root is @root; fd or -errno. */
static int token_create(int root)
{
	union bpf_attr attr = { .token_create.bpffs_fd = root };

	return sys_bpf(BPF_TOKEN_CREATE, &attr);
}

static int open_root(int mnt)
{
	return sys(openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/* What only a token allows in a container; token -1 means without. */
static int token_map(int token, enum bpf_map_type type)
{
	union bpf_attr attr = {
		.map_type = type,
		.key_size = 4,
		.value_size = 4,
		.max_entries = 1,
	};

	if (token >= 0) {
		attr.map_flags = BPF_F_TOKEN_FD;
		attr.map_token_fd = token;
	}
	return sys_bpf(BPF_MAP_CREATE, &attr);
}

static int token_prog(int token)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = CALLED },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		/* One that a user may not load by himself. */
		.prog_type = BPF_PROG_TYPE_XDP,
		.insns = (uintptr_t)insns,
		.insn_cnt = ARRAY_SIZE(insns),
		.license = (uintptr_t)"GPL",
	};

	if (token >= 0) {
		attr.prog_flags = BPF_F_TOKEN_FD;
		attr.prog_token_fd = token;
	}
	return sys_bpf(BPF_PROG_LOAD, &attr);
}

static int token_btf(int token)
{
	union bpf_attr attr = btf_int_attr();

	if (token >= 0) {
		attr.btf_flags = BPF_F_TOKEN_FD;
		attr.btf_token_fd = token;
	}
	return sys_bpf(BPF_BTF_LOAD, &attr);
}

#define IN_CONTAINER(userns, status)				\
	in_child(status)					\
		if (setns(userns, 0) || become(0, 0))		\
			_exit(1);				\
		else

static const char *const everything[] = {
	"delegate_cmds", "any", "delegate_maps", "any", "delegate_progs", "any",
	"delegate_attachs", "any", NULL,
};

/* A token that allows nothing, or objects a container cannot pin. */
TEST_F(token, everything_delegated)
{
	int userns, status, mnt = container_mount(&userns, everything);

	ASSERT_LE(0, mnt);
	IN_CONTAINER(userns, &status) {
		int token = token_create(open_root(mnt)), map, prog;

		ASSERT_LE(0, token);
		EXPECT_EQ(-EPERM, token_map(-1, BPF_MAP_TYPE_HASH));
		EXPECT_EQ(-EPERM, token_prog(-1));
		EXPECT_EQ(-EPERM, token_btf(-1));
		EXPECT_LE(0, token_btf(token));
		map = token_map(token, BPF_MAP_TYPE_HASH);
		prog = token_prog(token);
		EXPECT_LE(0, map);
		EXPECT_LE(0, prog);
		EXPECT_EQ(0, obj_pin_at(map, mnt, "map", BPF_F_PATH_FD));
		EXPECT_EQ(0, obj_pin_at(prog, mnt, "prog", BPF_F_PATH_FD));
		EXPECT_LE(0, obj_get_at(mnt, "map", BPF_F_PATH_FD));
		EXPECT_LE(0, obj_get_at(mnt, "prog", BPF_F_PATH_FD));
	}
	ASSERT_EQ(0, status);
}

/* A token that allows more than was delegated. */
TEST_F(token, something_delegated)
{
	static const char *const something[] = {
		"delegate_cmds", "map_create:prog_load", "delegate_maps", "hash", NULL,
	};
	int userns, status, mnt = container_mount(&userns, something);

	ASSERT_LE(0, mnt);
	IN_CONTAINER(userns, &status) {
		int token = token_create(open_root(mnt));

		ASSERT_LE(0, token);
		EXPECT_LE(0, token_map(token, BPF_MAP_TYPE_HASH));
		EXPECT_EQ(-EPERM, token_map(token, BPF_MAP_TYPE_LRU_HASH));
		EXPECT_EQ(-EPERM, token_prog(token));
		EXPECT_EQ(-EPERM, token_btf(token));
	}
	ASSERT_EQ(0, status);
}

static int allowed(bool allowed)
{
	return allowed ? 0 : -EPERM;
}

static int err_of(int fd)
{
	return fd < 0 ? fd : 0;
}

/* A part of what is delegated that does not count, or counts for another. */
TEST_F(token, parts)
{
	static const struct {
		const char *const options[9];
		bool map, prog, btf;
	} cases[] = {
		{ { "delegate_cmds", "map_create", "delegate_maps", "any" }, .map = true },
		{ { "delegate_cmds", "any", "delegate_progs", "any" }, .btf = true },
		{ { "delegate_cmds", "prog_load", "delegate_progs", "xdp",
		    "delegate_attachs", "any" }, .prog = true },
		{ { "delegate_cmds", "prog_load", "delegate_progs", "xdp",
		    "delegate_attachs", "cgroup_inet_ingress" }, .prog = true },
		{ { "delegate_cmds", "prog_load", "delegate_progs", "xdp",
		    "delegate_attachs", "xdp" } },
		{ { "delegate_cmds", "prog_load", "delegate_progs", "kprobe",
		    "delegate_attachs", "any" } },
		{ { "delegate_cmds", "map_create:prog_load", "delegate_maps", "any",
		    "delegate_progs", "any", "delegate_attachs", "any" },
		  .map = true, .prog = true },
		{ { "delegate_cmds", "btf_load" }, .btf = true },
		{ { "delegate_maps", "any", "delegate_progs", "any", "delegate_attachs", "any" } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		int userns, status, mnt = container_mount(&userns, cases[i].options);

		ASSERT_LE(0, mnt);
		IN_CONTAINER(userns, &status) {
			int token = token_create(open_root(mnt));

			ASSERT_LE(0, token);
			EXPECT_EQ(allowed(cases[i].map), err_of(token_map(token, BPF_MAP_TYPE_HASH)))
				TH_LOG("case %u", i);
			EXPECT_EQ(allowed(cases[i].prog), err_of(token_prog(token)))
				TH_LOG("case %u", i);
			EXPECT_EQ(allowed(cases[i].btf), err_of(token_btf(token)))
				TH_LOG("case %u", i);
		}
		ASSERT_EQ(0, status);
		close(mnt);
		close(userns);
	}
}

/* Catches: a token, or its file, that is half made when there is no descriptor for it. */
TEST_F(token, no_fd_left)
{
	int userns, status, mnt = container_mount(&userns, everything);

	ASSERT_LE(0, mnt);
	IN_CONTAINER(userns, &status) {
		int root = open_root(mnt), next = dup(root);
		struct rlimit limit, none;

		ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
		ASSERT_EQ(0, close(next));
		none = limit;
		none.rlim_cur = next;
		ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
		/* C of 7.2 and 7.3 leaks an inode then, and with it the superblock. */
		if (impl_rust())
			EXPECT_EQ(-EMFILE, token_create(root));
		ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
		EXPECT_EQ(next, token_create(root));
	}
	ASSERT_EQ(0, status);
}

/* What only looks like a token, and a token where none is taken. */
TEST_F(token, misused)
{
	int userns, status, mnt = container_mount(&userns, everything);

	ASSERT_LE(0, mnt);
	IN_CONTAINER(userns, &status) {
		int root = open_root(mnt), token = token_create(root);
		union bpf_attr attr = {
			.map_type = BPF_MAP_TYPE_HASH,
			.key_size = 4,
			.value_size = 4,
			.max_entries = 1,
		};

		ASSERT_LE(0, token);
		EXPECT_EQ(-EINVAL, token_map(root, BPF_MAP_TYPE_HASH));
		EXPECT_EQ(-EBADF, token_map(12345, BPF_MAP_TYPE_HASH));
		/* Without the flag it is not looked at, and nothing allowed. */
		attr.map_token_fd = token;
		EXPECT_EQ(-EPERM, sys_bpf(BPF_MAP_CREATE, &attr));
		EXPECT_EQ(-EINVAL, token_create(token));
	}
	ASSERT_EQ(0, status);
}

/* A token that tells another than what was delegated. */
TEST_F(token, info)
{
	static const char *const some[] = {
		"delegate_cmds", "0x3", "delegate_maps", "hash:array", "delegate_progs", "any", NULL,
	};
	int userns, status, mnt = container_mount(&userns, some);

	ASSERT_LE(0, mnt);
	IN_CONTAINER(userns, &status) {
		/* struct bpf_token_info, which the C library may not have yet. */
		uint64_t info[4] = { -1, -1, -1, -1 };
		union bpf_attr attr = {
			.info.bpf_fd = token_create(open_root(mnt)),
			.info.info_len = sizeof(info),
			.info.info = (uintptr_t)info,
		};

		ASSERT_LE(0, (int)attr.info.bpf_fd);
		EXPECT_EQ(0, sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr));
		EXPECT_EQ(3, info[0]);
		EXPECT_EQ(1 << BPF_MAP_TYPE_HASH | 1 << BPF_MAP_TYPE_ARRAY, info[1]);
		EXPECT_EQ(~0ull, info[2]);
		EXPECT_EQ(0, info[3]);
	}
	ASSERT_EQ(0, status);
}

/* A token for whom none is meant, or from what is no file system of ours. */
TEST_F(token, refused)
{
	int userns, other, status, mnt = container_mount(&userns, everything);
	int none = container_mount(&other, (const char *[]){ NULL });
	union bpf_attr attr = { .token_create.flags = 1 };

	ASSERT_LE(0, mnt);
	ASSERT_LE(0, none);
	IN_CONTAINER(userns, &status) {
		ASSERT_EQ(0, sys(mkdirat(mnt, "dir", 0755)));
		EXPECT_EQ(-EBADF, token_create(-1));
		/* fsmount()'s own descriptor is an O_PATH one. */
		EXPECT_EQ(-EBADF, token_create(mnt));
		EXPECT_EQ(-EINVAL, token_create(sys(openat(mnt, "dir", O_RDONLY))));
		EXPECT_EQ(-EINVAL, token_create(sys(open("/", O_RDONLY))));
		attr.token_create.bpffs_fd = open_root(mnt);
		EXPECT_EQ(-EINVAL, sys_bpf(BPF_TOKEN_CREATE, &attr));
		/* Another container's. */
		EXPECT_EQ(-EPERM, token_create(open_root(none)));
		/* Without CAP_BPF. */
		ASSERT_EQ(0, become(1, 1));
		EXPECT_EQ(-EPERM, token_create(open_root(mnt)));
	}
	ASSERT_EQ(0, status);
	IN_CONTAINER(other, &status) {
		EXPECT_EQ(-ENOENT, token_create(open_root(none)));
		EXPECT_EQ(-EPERM, token_create(open_root(mnt)));
	}
	ASSERT_EQ(0, status);

	EXPECT_EQ(-EPERM, token_create(open_root(mnt)));
	ASSERT_EQ(0, mount_bpf("bpf", "delegate_cmds=any"));
	EXPECT_EQ(-EOPNOTSUPP, token_create(sys(open("bpf", O_RDONLY))));
}

/* A token that looks like another file, or shows other rights than it has. */
TEST_F(token, looks)
{
	static const char *const some[] = {
		"delegate_cmds", "0x3", "delegate_maps", "hash:array", "delegate_progs", "any",
		"delegate_attachs", "0x10", NULL,
	};
	int userns, status, mnt = container_mount(&userns, some);

	ASSERT_LE(0, mnt);
	IN_CONTAINER(userns, &status) {
		int root = open_root(mnt), token;
		char path[64], text[1024];
		struct stat st, root_st;

		umask(0277);
		token = token_create(root);
		ASSERT_LE(0, token);
		EXPECT_EQ(FD_CLOEXEC, fcntl(token, F_GETFD));
		ASSERT_EQ(0, sys(fstat(token, &st)));
		ASSERT_EQ(0, sys(fstat(root, &root_st)));
		EXPECT_EQ(S_IFREG | 0400, st.st_mode);
		EXPECT_EQ(0, st.st_nlink);
		EXPECT_EQ(root_st.st_dev, st.st_dev);
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", token);
		EXPECT_LT(0, read_file(path, text, sizeof(text)));
		EXPECT_NE(NULL, strstr(text, "allowed_cmds:\t0x3\n"));
		EXPECT_NE(NULL, strstr(text, "allowed_maps:\t0x6\n"));
		EXPECT_NE(NULL, strstr(text, "allowed_progs:\tany\n"));
		EXPECT_NE(NULL, strstr(text, "allowed_attachs:\t0x10\n"));
		snprintf(path, sizeof(path), "/proc/self/fd/%d", token);
		text[readlink(path, text, sizeof(text) - 1)] = '\0';
		EXPECT_STREQ("/bpf-token (deleted)", text);
		/* It can be neither opened anew nor read, nor fetched as an object. */
		EXPECT_EQ(-EACCES, obj_get(path));
		EXPECT_EQ(-EINVAL, sys(read(token, text, 1)));
		EXPECT_EQ(-EINVAL, obj_pin_at(token, mnt, "token", BPF_F_PATH_FD));
	}
	ASSERT_EQ(0, status);
}

/* A token that does not hold the instance it is from, or holds it for ever. */
TEST_F(token, holds_instance)
{
	int userns, status, mnt = container_mount(&userns, everything);
	int map = map_new(), id = obj_id(map, OBJ_MAP), made = event_new(), end = event_new();
	pid_t pid;

	ASSERT_LE(0, mnt);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		int root, token;

		ASSERT_EQ(0, sys(setns(userns, 0)));
		ASSERT_EQ(0, become(0, 0));
		ASSERT_EQ(0, obj_pin_at(map, mnt, "map", BPF_F_PATH_FD));
		root = open_root(mnt);
		token = token_create(root);
		EXPECT_LE(0, token);
		close(root);
		close(map);
		close(mnt);
		event_post(made);
		ASSERT_EQ(0, event_wait(end));
		/* Still usable with nothing but itself left. */
		EXPECT_LE(0, token_map(token, BPF_MAP_TYPE_HASH));
		_exit(0);
	}
	ASSERT_EQ(0, event_wait(made));
	close(map);
	close(mnt);
	/* What was to go would have gone by then. */
	sleep_ms(200);
	EXPECT_TRUE(obj_alive(OBJ_MAP, id));
	event_post(end);
	status = wait_child(pid);
	EXPECT_EQ(0, status);
	EXPECT_TRUE(obj_gone(OBJ_MAP, id));
}

BPFFS_TEST_MAIN
