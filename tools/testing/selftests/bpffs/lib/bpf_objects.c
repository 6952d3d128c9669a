// SPDX-License-Identifier: GPL-2.0
#include <sys/syscall.h>

#include "bpf_objects.h"
#include "wait.h"

int sys_bpf(int cmd, union bpf_attr *attr)
{
	return sys(syscall(SYS_bpf, cmd, attr, sizeof(*attr)));
}

int map_create(enum bpf_map_type type, unsigned int key, unsigned int value,
	       unsigned int max)
{
	union bpf_attr attr = {
		.map_type = type,
		.key_size = key,
		.value_size = value,
		.max_entries = max,
	};

	return sys_bpf(BPF_MAP_CREATE, &attr);
}

int map_new(void)
{
	return map_create(BPF_MAP_TYPE_ARRAY, 4, 4, 1);
}

int map_set(int map, int key, int value)
{
	union bpf_attr attr = {
		.map_fd = map,
		.key = (uintptr_t)&key,
		.value = (uintptr_t)&value,
	};

	return sys_bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

int map_get(int map, int key, int *value)
{
	union bpf_attr attr = {
		.map_fd = map,
		.key = (uintptr_t)&key,
		.value = (uintptr_t)value,
	};

	return sys_bpf(BPF_MAP_LOOKUP_ELEM, &attr);
}

int prog_load(const struct bpf_insn *insns, unsigned int cnt)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (uintptr_t)insns,
		.insn_cnt = cnt,
		.license = (uintptr_t)"GPL",
	};

	return sys_bpf(BPF_PROG_LOAD, &attr);
}

int prog_new(int ret)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = ret },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return prog_load(insns, 2);
}

int obj_pin_at(int fd, int path_fd, const char *path, unsigned int flags)
{
	union bpf_attr attr = {
		.pathname = (uintptr_t)path,
		.bpf_fd = fd,
		.file_flags = flags,
		.path_fd = path_fd,
	};

	return sys_bpf(BPF_OBJ_PIN, &attr);
}

int obj_pin(int fd, const char *path)
{
	return obj_pin_at(fd, 0, path, 0);
}

int obj_get_at(int path_fd, const char *path, unsigned int flags)
{
	union bpf_attr attr = {
		.pathname = (uintptr_t)path,
		.file_flags = flags,
		.path_fd = path_fd,
	};

	return sys_bpf(BPF_OBJ_GET, &attr);
}

int obj_get(const char *path)
{
	return obj_get_at(0, path, 0);
}

int obj_id(int fd, enum obj_kind kind)
{
	struct bpf_map_info map = {};
	struct bpf_prog_info prog = {};
	struct bpf_link_info link = {};
	void *info[] = { &map, &prog, &link };
	const unsigned int len[] = { sizeof(map), sizeof(prog), sizeof(link) };
	union bpf_attr attr = {
		.info = {
			.bpf_fd = fd,
			.info_len = len[kind],
			.info = (uintptr_t)info[kind],
		},
	};
	int err = sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);

	if (err)
		return err;
	return kind == OBJ_MAP ? map.id : kind == OBJ_PROG ? prog.id : link.id;
}

unsigned int obj_next(enum obj_kind kind, unsigned int id)
{
	static const int next[] = {
		BPF_MAP_GET_NEXT_ID, BPF_PROG_GET_NEXT_ID, BPF_LINK_GET_NEXT_ID,
	};
	union bpf_attr attr = { .start_id = id };

	return sys_bpf(next[kind], &attr) ? 0 : attr.next_id;
}

bool obj_alive(enum obj_kind kind, unsigned int id)
{
	/* Asking for the next id takes no reference, so this disturbs nothing. */
	return obj_next(kind, id - 1) == id;
}

/* Stands for the live objects: changes when one comes or goes. */
static uint64_t objects(void)
{
	unsigned int id = 0;
	uint64_t sum = 0;
	int kind;

	for (kind = 0; kind < OBJ_KINDS; kind++) {
		do {
			id = obj_next(kind, id);
			sum = sum * 31 + id;
		} while (id);
	}
	return sum;
}

void objects_settle(void)
{
	unsigned int quiet;

	for (quiet = 0; quiet < 20; quiet++) {
		uint64_t before = objects();

		sleep_ms(100);
		if (objects() != before)
			quiet = 0;
	}
}
