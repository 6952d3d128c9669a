/* SPDX-License-Identifier: GPL-2.0 */
/* BPF maps, programs and links: making, pinning and fetching them, and their ids. */
#ifndef BPFFS_SELFTEST_BPF_OBJECTS_H
#define BPFFS_SELFTEST_BPF_OBJECTS_H

#include <linux/bpf.h>

#include "sys.h"

/* bpf(2); result or -errno. */
int sys_bpf(int cmd, union bpf_attr *attr);

/* A map; descriptor or -errno. */
int map_create(enum bpf_map_type type, unsigned int key, unsigned int value,
	       unsigned int max);
/* An array map of one int; descriptor or -errno. */
int map_new(void);
/* Write and read an entry of a map whose keys and values are ints; 0 or -errno. */
int map_set(int map, int key, int value);
int map_get(int map, int key, int *value);

/* A socket filter from instructions, which may hold descriptors of maps; descriptor or -errno. */
int prog_load(const struct bpf_insn *insns, unsigned int cnt);
/* A socket filter that returns @ret; descriptor or -errno. */
int prog_new(int ret);

/* Pin and fetch by a path, or by a path from a directory; 0 or a descriptor, or -errno. */
int obj_pin(int fd, const char *path);
int obj_pin_at(int fd, int path_fd, const char *path, unsigned int flags);
int obj_get(const char *path);
int obj_get_at(int path_fd, const char *path, unsigned int flags);

enum obj_kind { OBJ_MAP, OBJ_PROG, OBJ_LINK, OBJ_KINDS };
/* The id of the object behind the descriptor, or -errno. */
int obj_id(int fd, enum obj_kind kind);
/* The next higher id of a live object; 0 after the last one. */
unsigned int obj_next(enum obj_kind kind, unsigned int id);
/* Whether an object has this id. */
bool obj_alive(enum obj_kind kind, unsigned int id);
/*
 * Waits until no object comes or goes any more. The loading of modules leaves objects
 * that go late, and a test would seem to have freed them.
 */
void objects_settle(void);

#endif /* BPFFS_SELFTEST_BPF_OBJECTS_H */
