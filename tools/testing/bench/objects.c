// SPDX-License-Identifier: GPL-2.0
/* A map, a program and a link, by bpf(2) itself. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/btf.h>

#include "bench.h"

#define MAP_ENTRIES 16

/* The part of the argument up to the end of a member. */
#define UP_TO(member) \
	(offsetof(union bpf_attr, member) + sizeof(((union bpf_attr *)NULL)->member))

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr, size_t size)
{
	int ret = syscall(SYS_bpf, cmd, attr, size);

	return ret < 0 ? -errno : ret;
}

int obj_pin(int fd, const char *path)
{
	union bpf_attr attr = { .pathname = (uintptr_t)path, .bpf_fd = fd };

	return bpf(BPF_OBJ_PIN, &attr, UP_TO(file_flags));
}

int obj_get(const char *path, unsigned int flags)
{
	union bpf_attr attr = { .pathname = (uintptr_t)path, .file_flags = flags };

	return bpf(BPF_OBJ_GET, &attr, UP_TO(file_flags));
}

/* The types of a map whose keys and values are int: such a map can be read as a file. */
static int btf_new(void)
{
	static const char strings[] = "\0int";
	struct {
		struct btf_header header;
		struct btf_type type;
		uint32_t encoding;
		char strings[sizeof(strings)];
	} __attribute__((packed)) data = {
		.header = {
			.magic = BTF_MAGIC,
			.version = BTF_VERSION,
			.hdr_len = sizeof(data.header),
			.type_len = sizeof(data.type) + sizeof(data.encoding),
			.str_off = sizeof(data.type) + sizeof(data.encoding),
			.str_len = sizeof(strings),
		},
		.type = { .name_off = 1, .info = BTF_KIND_INT << 24, .size = sizeof(int) },
		.encoding = BTF_INT_SIGNED << 24 | 32,
	};
	union bpf_attr attr = { .btf = (uintptr_t)&data, .btf_size = sizeof(data) };

	memcpy(data.strings, strings, sizeof(strings));
	return bpf(BPF_BTF_LOAD, &attr, sizeof(attr));
}

static int map_new(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = sizeof(int),
		.value_size = sizeof(int),
		.max_entries = MAP_ENTRIES,
		.btf_fd = btf_new(),
		.btf_key_type_id = 1,
		.btf_value_type_id = 1,
	};

	if ((int)attr.btf_fd < 0)
		die(-(int)attr.btf_fd, "loading the map's types");
	return bpf(BPF_MAP_CREATE, &attr, sizeof(attr));
}

/* Lets every socket be found as if the program was not there. */
static int prog_new(void)
{
	static const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = SK_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SK_LOOKUP,
		.expected_attach_type = BPF_SK_LOOKUP,
		.insns = (uintptr_t)code,
		.insn_cnt = sizeof(code) / sizeof(code[0]),
		.license = (uintptr_t)"GPL",
	};

	return bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* Attaches the program to the network namespace. */
static int link_new(int prog)
{
	union bpf_attr attr = {
		.link_create = {
			.prog_fd = prog,
			.target_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC),
			.attach_type = BPF_SK_LOOKUP,
		},
	};
	int link = bpf(BPF_LINK_CREATE, &attr, sizeof(attr));

	close(attr.link_create.target_fd);
	return link;
}

struct objects objects_new(void)
{
	struct objects objects;

	objects.map = map_new();
	if (objects.map < 0)
		die(-objects.map, "making a map");
	objects.prog = prog_new();
	if (objects.prog < 0)
		die(-objects.prog, "loading a program");
	objects.link = link_new(objects.prog);
	if (objects.link < 0)
		die(-objects.link, "making a link");
	return objects;
}
