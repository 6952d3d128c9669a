/* SPDX-License-Identifier: GPL-2.0 */
/*
 * BPF programs, program arrays and links that show by running whether what
 * they need is still there.
 */
#ifndef BPFFS_SELFTEST_PROGS_H
#define BPFFS_SELFTEST_PROGS_H

#include "bpf_objects.h"

/* A program of any type that holds @insns; fd or -errno. */
int prog_load_type(enum bpf_prog_type type, const struct bpf_insn *insns,
		   unsigned int cnt);
/* Return value of one run of the program (BPF_PROG_TEST_RUN), or -errno. */
int prog_run(int prog);

/* The kernel's BTF and its length; NULL and errno if it cannot be had. */
const void *kernel_btf_data(size_t *size);
/* Id of a function's type there, or -errno. */
int btf_func_id(const char *name);

/* The link of an iterator over maps whose program prints nothing. */
int iter_link_new(void);

/* What a program array's callee and its caller return, see struct calls. */
#define CALLED		42
#define FELL_THROUGH	7

int prog_array_new(void);
int prog_array_set(int array, int prog);
/*
 * A program that tail-calls the only entry of @array and returns FELL_THROUGH
 * when there is none. It holds the array as a plain reference, not as a user.
 */
int prog_caller(int array);

/*
 * A program array with an entry and a program that calls it. The kernel empties
 * a program array when its last user (fd or pin) goes: prog_run(caller) tells.
 */
struct calls {
	int array;
	int caller;
};
/* Returns 0 or -errno. */
int calls_new(struct calls *calls);
/* True once the array is empty; false when it is not within 20 s. */
bool calls_flushed(const struct calls *calls);
/*
 * True if the array is not emptied even when all that was dropped so far in the
 * file system at @dir has taken effect.
 */
bool calls_kept(const struct calls *calls, const char *dir);

/* Entry of a program array: the program's id, or -errno. */
int prog_array_entry(int array);

/*
 * A link (raw tracepoint of new tasks). Every fork() adds one to @counter, an
 * array map, if that is not -1.
 */
int link_new(int counter);
/*
 * For programs that make objects before their tests: when the program ends, all
 * it has open is closed and what was made since this call is waited for. What
 * went later would puzzle the guard of the next program.
 */
void program_begin(void);
/*
 * For programs whose tests make many links: to be called before the tests. The
 * kernel patches its code for the first two links on a tracepoint, and for the
 * last two to go; with these two kept, links are quick.
 */
void links_prepare(void);
/* Type 1 is "int", which the kernel needs to print keys and values. */
int btf_int_new(void);
/* What BPF_BTF_LOAD takes for that. */
union bpf_attr btf_int_attr(void);
/* A map of such keys and values, whose pin can be read. */
int map_typed(int btf, enum bpf_map_type type, unsigned int max);
/* The link of an iterator that prints "map" for each map there is. */
int iter_new(void);
/* A map, a program, or a link. */
int obj_new(enum obj_kind kind);
extern const char *const obj_kind_names[OBJ_KINDS];
/* True once the object is gone, false when it is not within 20 s. */
bool obj_gone(enum obj_kind kind, int id);

#endif /* BPFFS_SELFTEST_PROGS_H */
