/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The differential fuzzer: sequences of system calls that are run on C's
 * implementation and on ours, and have to give the same results.
 *
 *	fuzz.c		the tests: rounds, comparing, minimising
 *	generate.c	makes sequences from a seed
 *	sequence.c	runs a sequence in a process of its own
 *	text.c		from the text of a call to its arguments
 *	ops.c		finds and makes a call; ops_*.c have the calls
 *	results.c	how the result of a call shows
 *
 * A call is a line of text, and nothing else. So calls look the same where they are
 * generated, run, reported and kept in corpus/. Behind the name of the call are its
 * arguments, separated by blanks:
 *
 *	12 0x1f 0755 -1		a number
 *	"a\x2e\n"*3"b"		bytes: parts in quotes, each maybe repeated
 *	end:"a"			the same, without the 0 byte, at the end of what is mapped
 *	cross:"a"		the same, over a page boundary
 *	null bad kernel		other pointers: NULL, unmapped, not the user's
 *	f0 … f7			file descriptors that calls of the sequence have made
 *	@map @prog …		file descriptors that are there before, see sequence.c
 *	cwd			AT_FDCWD
 */
#ifndef BPFFS_SELFTEST_FUZZ_H
#define BPFFS_SELFTEST_FUZZ_H

#include "kselftest.h"
#include "bpffs.h"

/* ---- text.c ---- */

#define MAX_ARGS 9

/* An argument: a number, or bytes that the kernel is given at @ptr. */
struct arg {
	long num;
	void *ptr;
	size_t len;
};

/* Maps the memory that arguments are put into; 0 or -errno. */
int text_init(void);
/* Reads the arguments in @text, at most MAX_ARGS; their number, or -EINVAL. */
int text_args(const char *text, struct arg *args);
/*
 * Memory that the kernel is to write to: @size bytes, at most MAX_BUF, all 0xaa, behind
 * which nothing is mapped. There is one such buffer.
 */
#define MAX_BUF (256 << 10)
void *text_buffer(size_t size);

#define SLOT_FD		100
#define SLOTS		8

/* File descriptors that are there before a sequence begins. */
enum fixed {
	FIXED_MAP, FIXED_PROG, FIXED_LINK, FIXED_BTF, FIXED_TYPED, FIXED_ITER,
	FIXED_ARRAY, FIXED_BPF,
	FIXED_FILE = FIXED_BPF, FIXED_DIR, FIXED_SOCKET, FIXED_PIPE,
	FIXED_CLOSED, FIXED_INOTIFY, FIXED_CNT,
};
extern const char *const fixed_names[FIXED_CNT];
#define FIXED_FD	60

/* ---- ops.c, ops_*.c ---- */

/*
 * A call that can be made. @params has a word for each argument, which tells generate.c
 * what to make up. @weight is how often the call is generated, compared to others.
 */
struct op {
	const char *name;
	void (*run)(const struct arg *args);
	unsigned int weight;
	const char *params;
};

/* Calls by what they are about, each list in ops_*.c and ended by an empty entry. */
extern const struct op bpf_ops[], mount_ops[], process_ops[], name_ops[], attribute_ops[],
		       xattr_ops[], open_file_ops[], event_ops[], tree_ops[];

/* Call number @n of all lists, NULL behind the last; and the number of a call. */
const struct op *op_nth(unsigned int n);
unsigned int op_number(const struct op *op);
/* The call that @line begins with, or NULL. */
const struct op *op_find(const char *line);

/* Makes the call and adds its result, one line (results.h); false if @line is no call. */
bool op_run(const char *line);

/*
 * What mounts of a sequence have to do with each other. By default each is made in a mount
 * namespace of its own, as what joins what there is not what it is with C's.
 */
extern bool mounts_apart;

/* ---- generate.c ---- */

struct sequence {
	char name[64];
	unsigned int cnt;
	char **lines;
};

void sequence_add(struct sequence *seq, const char *line);
void sequence_free(struct sequence *seq);
/* With @several, more of it is about mounts that could have to do with each other. */
void sequence_generate(struct sequence *seq, uint64_t seed, unsigned int index, bool several);

/* ---- sequence.c ---- */

/* Makes the objects behind @map and so on, which all sequences share; 0 or -errno. */
int objects_new(void);
/*
 * Runs sequences until all have run, or until the time @end if that is not 0; how many
 * have run. The results of a sequence, a line for each call, are a text in @results,
 * which the caller frees.
 */
unsigned int sequences_run(const struct sequence *seqs, unsigned int cnt, uint64_t end,
			   char **results);

#endif /* BPFFS_SELFTEST_FUZZ_H */
