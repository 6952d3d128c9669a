// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>
#include <bpf/btf.h>

#include "kbtf.h"
#include "map_types.h"

int map_types_load(void)
{
	struct btf *btf = btf__new_empty();

	btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	btf__add_int(btf, "unsigned long", 8, 0);
	btf__add_struct(btf, "lpm_key", 8);
	btf__add_field(btf, "prefixlen", TYPE_INT, 0, 0);
	btf__add_field(btf, "data", TYPE_INT, 32, 0);
	btf__add_enum(btf, "colour", 4);
	btf__add_enum_value(btf, "RED", 0);
	btf__add_enum_value(btf, "GREEN", 1);
	btf__add_array(btf, TYPE_INT, TYPE_INT, 3);
	btf__add_struct(btf, "value", 24);
	btf__add_field(btf, "number", TYPE_INT, 0, 0);
	btf__add_field(btf, "colour", TYPE_ENUM, 32, 0);
	btf__add_field(btf, "array", TYPE_CHARS, 64, 0);
	btf__add_field(btf, "low", TYPE_INT, 160, 4);
	btf__add_field(btf, "high", TYPE_INT, 164, 4);
	btf__add_var(btf, "variable", BTF_VAR_STATIC, TYPE_INT);
	btf__add_datasec(btf, ".data", 4);
	btf__add_datasec_var_info(btf, TYPE_VAR, 0, 4);
	return btf_load(btf);
}

#define NO_PREALLOC	BPF_F_NO_PREALLOC

/* With BTF where the kernel takes it: so it is the type that makes a map readable or not. */
const struct map_type map_types[] = {
	{ "ARRAY", 4, 4, 2, 0, INTS, false, true },
	{ "PERCPU_ARRAY", 4, 4, 2, 0, INTS, true, true },
	{ "HASH", 4, 4, 1, 0, INTS, false, true },
	{ "PERCPU_HASH", 4, 4, 1, 0, INTS, true, true },
	{ "LRU_HASH", 4, 4, 1, 0, INTS, false, true },
	{ "LRU_PERCPU_HASH", 4, 4, 1, 0, INTS, true, true },
	{ "RHASH", 4, 4, 1, NO_PREALLOC, INTS, false, true },
	{ "PERF_EVENT_ARRAY", 4, 4, 1 },
	{ "STACK_TRACE", 4, 80, 1 },
	{ "CGROUP_ARRAY", 4, 4, 1 },
	{ "LPM_TRIE", 8, 4, 1, NO_PREALLOC, TYPE_LPM_KEY, TYPE_INT },
	{ "ARRAY_OF_MAPS", 4, 4, 1 },
	{ "HASH_OF_MAPS", 4, 4, 1 },
	{ "DEVMAP", 4, 4, 1 },
	{ "DEVMAP_HASH", 4, 4, 1 },
	{ "SOCKMAP", 4, 4, 1 },
	{ "SOCKHASH", 4, 4, 1 },
	{ "CPUMAP", 4, 4, 1 },
	{ "XSKMAP", 4, 4, 1 },
	{ "REUSEPORT_SOCKARRAY", 4, 4, 1, 0, INTS },
	{ "QUEUE", 0, 4, 1 },
	{ "STACK", 0, 4, 1 },
	{ "SK_STORAGE", 4, 4, 0, NO_PREALLOC, INTS },
	{ "INODE_STORAGE", 4, 4, 0, NO_PREALLOC, INTS },
	{ "TASK_STORAGE", 4, 4, 0, NO_PREALLOC, INTS },
	{ "CGRP_STORAGE", 4, 4, 0, NO_PREALLOC, INTS },
	{ "RINGBUF", 0, 0, 4096 },
	{ "USER_RINGBUF", 0, 0, 4096 },
	{ "BLOOM_FILTER", 0, 4, 1, 0, 0, TYPE_INT },
	{ "ARENA", 0, 0, 1, BPF_F_MMAPABLE },
	{ "INSN_ARRAY", 4, 16, 1 },
};

const unsigned int map_types_cnt = sizeof(map_types) / sizeof(map_types[0]);

int map_type_number(const char *name)
{
	char constant[64];

	snprintf(constant, sizeof(constant), "BPF_MAP_TYPE_%s", name);
	return kernel_btf_enum("bpf_map_type", constant);
}

int map_of(const struct map_type *type, int types)
{
	union bpf_attr attr = {
		.map_type = map_type_number(type->name),
		.key_size = type->key,
		.value_size = type->value,
		.max_entries = type->max,
		.map_flags = type->flags,
	};
	int inner = -1, map;

	if (types >= 0 && type->btf_value) {
		attr.btf_fd = types;
		attr.btf_key_type_id = type->btf_key;
		attr.btf_value_type_id = type->btf_value;
	}
	if (strstr(type->name, "_OF_MAPS")) {
		inner = map_new();
		attr.inner_map_fd = inner;
	}
	map = sys_bpf(BPF_MAP_CREATE, &attr);
	close(inner);
	return map;
}
