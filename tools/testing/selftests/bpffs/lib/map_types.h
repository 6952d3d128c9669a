/* SPDX-License-Identifier: GPL-2.0 */
/* BPF maps of every type that can be made by itself. Programs link with libbpf. */
#ifndef BPFFS_SELFTEST_MAP_TYPES_H
#define BPFFS_SELFTEST_MAP_TYPES_H

#include "bpf_objects.h"

/* Types in the BTF that maps are given. */
enum { TYPE_INT = 1, TYPE_LONG, TYPE_LPM_KEY, TYPE_ENUM, TYPE_CHARS, TYPE_STRUCT, TYPE_VAR,
	TYPE_DATA };

#define INTS		TYPE_INT, TYPE_INT

/* Loads that BTF; descriptor or -errno. */
int map_types_load(void);

/* A type of maps, and how to make one. */
struct map_type {
	/* The constant of enum bpf_map_type, without BPF_MAP_TYPE_. */
	const char *name;
	unsigned int key, value, max, flags;
	/* Types of key and value, 0 where the kernel takes none. */
	unsigned int btf_key, btf_value;
	bool percpu;
	/* Whether the pin of a map with BTF can be read, as text. */
	bool shown;
};

/* All types but those whose maps need something else to be made for. */
extern const struct map_type map_types[];
extern const unsigned int map_types_cnt;

/* The type's number, or -errno. */
int map_type_number(const char *name);
/* A map of the type, with BTF from @types or without if that is -1; descriptor or -errno. */
int map_of(const struct map_type *type, int types);

#endif /* BPFFS_SELFTEST_MAP_TYPES_H */
