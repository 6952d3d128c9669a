/* SPDX-License-Identifier: GPL-2.0 */
/*
 * BPF programs, program arrays and links. Running a program shows whether what the
 * program needs is still there.
 */
#ifndef BPFFS_SELFTEST_PROGS_H
#define BPFFS_SELFTEST_PROGS_H

#include "bpf_objects.h"

/* A program of any type that consists of @insns; descriptor or -errno. */
int prog_load_type(enum bpf_prog_type type, const struct bpf_insn *insns,
		   unsigned int cnt);
/* The return value of one run of the program (BPF_PROG_TEST_RUN), or -errno. */
int prog_run(int prog);

/* The kernel's BTF and its length; NULL and errno if it cannot be had. */
const void *kernel_btf_data(size_t *size);
/* The id of the type of a function of the kernel's, or -errno. */
int btf_func_id(const char *name);

/* The link of an iterator over maps whose program prints nothing; descriptor or -errno. */
int iter_link_new(void);

/* What the callee in a program array returns, and what the caller does if there is no callee. */
#define CALLED		42
#define FELL_THROUGH	7

int prog_array_new(void);
int prog_array_set(int array, int prog);
/*
 * A program that calls the only entry of @array by a tail call, and returns FELL_THROUGH
 * if there is no entry. The program holds a plain reference to the array, and is no user.
 */
int prog_caller(int array);

/*
 * A program array with an entry, and a program that calls the entry. The kernel empties
 * a program array when the last user (descriptor or pin) of the array goes, and
 * prog_run(caller) tells whether that has happened.
 */
struct calls {
	int array;
	int caller;
};
/* Returns 0 or -errno. */
int calls_new(struct calls *calls);
/* True as soon as the array is empty; false when it is not empty within 20 s. */
bool calls_flushed(const struct calls *calls);
/*
 * True if the array still has its entry when all that was dropped so far in the file
 * system at @dir has taken effect.
 */
bool calls_kept(const struct calls *calls, const char *dir);

/* The id of the program that is the entry of a program array, or -errno. */
int prog_array_entry(int array);

/*
 * A link on the raw tracepoint of new tasks. If @counter is not -1 but an array map, every
 * fork() adds one to it.
 */
int link_new(int counter);
/*
 * For a program that makes objects before its tests. When the program ends, all that the
 * program has open is closed, and the end waits until the objects that were made since
 * this call are gone. The guard of the next program would take them for a test's.
 */
void program_begin(void);
/*
 * For a program whose tests make many links, to be called before the tests. The kernel
 * patches its code when the first two links on a tracepoint come, and when the last two
 * go. This makes two links and keeps them, so that other links are quick.
 */
void links_prepare(void);
/* BTF whose type 1 is "int", which the kernel needs to print keys and values; descriptor or -errno. */
int btf_int_new(void);
/* The attribute of BPF_BTF_LOAD for that BTF. */
union bpf_attr btf_int_attr(void);
/* A map whose keys and values are of that type, so that its pin can be read; descriptor or -errno. */
int map_typed(int btf, enum bpf_map_type type, unsigned int max);
/* The link of an iterator that prints "map" for each map there is; descriptor or -errno. */
int iter_new(void);
/* A map, a program, or a link; descriptor or -errno. */
int obj_new(enum obj_kind kind);
extern const char *const obj_kind_names[OBJ_KINDS];
/* True as soon as the object is gone; false when it is not gone within 20 s. */
bool obj_gone(enum obj_kind kind, int id);

#endif /* BPFFS_SELFTEST_PROGS_H */
