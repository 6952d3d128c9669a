// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <linux/btf.h>

#include "file.h"
#include "guard.h"
#include "progs.h"
#include "wait.h"

#define GONE_MS 20000

#define INSN(c, d, s, o, i) \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
#define MOV_IMM(reg, imm)	INSN(BPF_ALU64 | BPF_MOV | BPF_K, reg, 0, 0, imm)
#define MOV_REG(dst, src)	INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define ADD_IMM(reg, imm)	INSN(BPF_ALU64 | BPF_ADD | BPF_K, reg, 0, 0, imm)
#define STORE_IMM(reg, off, imm)	INSN(BPF_ST | BPF_MEM | BPF_W, reg, 0, off, imm)
#define LOAD(dst, src, off)	INSN(BPF_LDX | BPF_MEM | BPF_DW, dst, src, off, 0)
#define JUMP_ZERO(reg, off)	INSN(BPF_JMP | BPF_JEQ | BPF_K, reg, 0, off, 0)
#define ATOMIC_ADD(dst, src)	INSN(BPF_STX | BPF_ATOMIC | BPF_W, dst, src, 0, BPF_ADD)
#define LOAD_MAP(reg, fd)	INSN(BPF_LD | BPF_DW | BPF_IMM, reg, BPF_PSEUDO_MAP_FD, 0, fd), \
				INSN(0, 0, 0, 0, 0)
#define CALL(func)		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, func)
#define EXIT()			INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

const char *const obj_kind_names[OBJ_KINDS] = { "map", "prog", "link" };

int prog_load_type(enum bpf_prog_type type, const struct bpf_insn *insns,
		   unsigned int cnt)
{
	union bpf_attr attr = {
		.prog_type = type,
		.insns = (uintptr_t)insns,
		.insn_cnt = cnt,
		.license = (uintptr_t)"GPL",
	};

	return sys_bpf(BPF_PROG_LOAD, &attr);
}

int prog_run(int prog)
{
	char packet[64] = "";
	union bpf_attr attr = {
		.test = {
			.prog_fd = prog,
			.data_in = (uintptr_t)packet,
			.data_size_in = sizeof(packet),
		},
	};
	int err = sys_bpf(BPF_PROG_TEST_RUN, &attr);

	return err ? err : (int)attr.test.retval;
}

/* Bytes that follow a type of this kind and so many members. */
static size_t btf_tail(unsigned int kind, unsigned int vlen)
{
	switch (kind) {
	case BTF_KIND_INT:
		return sizeof(__u32);
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return vlen * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return vlen * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return vlen * sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO:
		return vlen * sizeof(struct btf_param);
	case BTF_KIND_VAR:
		return sizeof(struct btf_var);
	case BTF_KIND_DATASEC:
		return vlen * sizeof(struct btf_var_secinfo);
	case BTF_KIND_DECL_TAG:
		return sizeof(struct btf_decl_tag);
	default:
		return 0;
	}
}

const void *kernel_btf_data(size_t *size)
{
	static void *data;
	static struct stat st;
	int fd;

	if (!data) {
		/* Reading it takes long on a slow kernel, so it is mapped. */
		fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st))
			return NULL;
		data = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		close(fd);
		if (data == MAP_FAILED)
			data = NULL;
	}
	*size = st.st_size;
	return data;
}

int btf_func_id(const char *name)
{
	size_t size;
	const struct btf_header *btf = kernel_btf_data(&size);
	const char *strings, *types, *end;
	int id;

	if (!btf)
		return -errno;
	strings = (const char *)btf + btf->hdr_len + btf->str_off;
	types = (const char *)btf + btf->hdr_len + btf->type_off;
	end = types + btf->type_len;
	for (id = 1; types < end; id++) {
		const struct btf_type *type = (const void *)types;
		unsigned int kind = BTF_INFO_KIND(type->info);

		if (kind == BTF_KIND_FUNC && !strcmp(strings + type->name_off, name))
			return id;
		types += sizeof(*type) + btf_tail(kind, BTF_INFO_VLEN(type->info));
	}
	return -ENOENT;
}

/* The link of an iterator over maps that runs @insns for each. */
static int iter_link(const struct bpf_insn *insns, unsigned int cnt)
{
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_TRACING,
		.expected_attach_type = BPF_TRACE_ITER,
		.insns = (uintptr_t)insns,
		.insn_cnt = cnt,
		.license = (uintptr_t)"GPL",
	};
	union bpf_attr create = { .link_create.attach_type = BPF_TRACE_ITER };
	/* Looking it up takes a while. */
	static int type;
	int prog, link;

	if (type <= 0)
		type = btf_func_id("bpf_iter_bpf_map");
	if (type < 0)
		return type;
	load.attach_btf_id = type;
	prog = sys_bpf(BPF_PROG_LOAD, &load);
	if (prog < 0)
		return prog;
	create.link_create.prog_fd = prog;
	link = sys_bpf(BPF_LINK_CREATE, &create);
	close(prog);
	return link;
}

int iter_link_new(void)
{
	const struct bpf_insn insns[] = {
		MOV_IMM(BPF_REG_0, 0),
		EXIT(),
	};

	return iter_link(insns, sizeof(insns) / sizeof(insns[0]));
}

int prog_array_new(void)
{
	return map_create(BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1);
}

int prog_array_set(int array, int prog)
{
	return map_set(array, 0, prog);
}

int prog_array_entry(int array)
{
	int id, err = map_get(array, 0, &id);

	return err ? err : id;
}

int prog_caller(int array)
{
	const struct bpf_insn insns[] = {
		LOAD_MAP(BPF_REG_2, array),
		MOV_IMM(BPF_REG_3, 0),
		CALL(BPF_FUNC_tail_call),
		MOV_IMM(BPF_REG_0, FELL_THROUGH),
		EXIT(),
	};

	return prog_load(insns, sizeof(insns) / sizeof(insns[0]));
}

int calls_new(struct calls *calls)
{
	int callee = prog_new(CALLED), err;

	if (callee < 0)
		return callee;
	calls->array = prog_array_new();
	calls->caller = prog_caller(calls->array);
	err = prog_array_set(calls->array, callee);
	close(callee);
	if (calls->array < 0)
		return calls->array;
	if (calls->caller < 0)
		return calls->caller;
	return err;
}

bool calls_flushed(const struct calls *calls)
{
	return wait_until(prog_run(calls->caller) == FELL_THROUGH, GONE_MS);
}

/*
 * Emptying is deferred, so that "not yet" looks like "kept". Hence a second
 * array goes the longest way, unpinning, and only when that one has been
 * emptied the first is looked at.
 */
bool calls_kept(const struct calls *calls, const char *dir)
{
	struct calls last;
	char path[256];
	bool flushed;

	snprintf(path, sizeof(path), "%s/calls_kept", dir);
	if (calls_new(&last) || obj_pin(last.array, path))
		return false;
	close(last.array);
	if (unlink(path))
		return false;
	flushed = calls_flushed(&last);
	close(last.caller);
	return flushed && prog_run(calls->caller) == CALLED;
}

int link_new(int counter)
{
	const struct bpf_insn count[] = {
		STORE_IMM(BPF_REG_10, -4, 0),
		MOV_REG(BPF_REG_2, BPF_REG_10),
		ADD_IMM(BPF_REG_2, -4),
		LOAD_MAP(BPF_REG_1, counter),
		CALL(BPF_FUNC_map_lookup_elem),
		JUMP_ZERO(BPF_REG_0, 2),
		MOV_IMM(BPF_REG_1, 1),
		ATOMIC_ADD(BPF_REG_0, BPF_REG_1),
		MOV_IMM(BPF_REG_0, 0),
		EXIT(),
	};
	const struct bpf_insn nothing[] = {
		MOV_IMM(BPF_REG_0, 0),
		EXIT(),
	};
	union bpf_attr attr = {
		.raw_tracepoint.name = (uintptr_t)"task_newtask",
	};
	int prog, link;

	if (counter >= 0)
		prog = prog_load_type(BPF_PROG_TYPE_RAW_TRACEPOINT, count,
				      sizeof(count) / sizeof(count[0]));
	else
		prog = prog_load_type(BPF_PROG_TYPE_RAW_TRACEPOINT, nothing,
				      sizeof(nothing) / sizeof(nothing[0]));
	if (prog < 0)
		return prog;
	attr.raw_tracepoint.prog_fd = prog;
	link = sys_bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
	close(prog);
	return link;
}

union bpf_attr btf_int_attr(void)
{
	static const struct {
		struct btf_header hdr;
		struct btf_type type;
		__u32 encoding;
		char strings[5];
	} __attribute__((packed)) raw = {
		.hdr = {
			.magic = BTF_MAGIC,
			.version = BTF_VERSION,
			.hdr_len = sizeof(raw.hdr),
			.type_len = sizeof(raw.type) + sizeof(raw.encoding),
			.str_off = sizeof(raw.type) + sizeof(raw.encoding),
			.str_len = sizeof(raw.strings),
		},
		.type = { .name_off = 1, .info = BTF_KIND_INT << 24, .size = 4 },
		.encoding = BTF_INT_SIGNED << 24 | 32,
		.strings = "\0int",
	};

	return (union bpf_attr){ .btf = (uintptr_t)&raw, .btf_size = sizeof(raw) };
}

int btf_int_new(void)
{
	union bpf_attr attr = btf_int_attr();

	return sys_bpf(BPF_BTF_LOAD, &attr);
}

int map_typed(int btf, enum bpf_map_type type, unsigned int max)
{
	union bpf_attr attr = {
		.map_type = type,
		.key_size = 4,
		.value_size = 4,
		.max_entries = max,
		.btf_fd = btf,
		.btf_key_type_id = 1,
		.btf_value_type_id = 1,
	};

	return sys_bpf(BPF_MAP_CREATE, &attr);
}

int iter_new(void)
{
	/* Field by field: context, its meta, that one's seq. */
	const struct bpf_insn insns[] = {
		LOAD(BPF_REG_1, BPF_REG_1, 0),
		LOAD(BPF_REG_1, BPF_REG_1, 0),
		STORE_IMM(BPF_REG_10, -4, 'm' | 'a' << 8 | 'p' << 16 | '\n' << 24),
		MOV_REG(BPF_REG_2, BPF_REG_10),
		ADD_IMM(BPF_REG_2, -4),
		MOV_IMM(BPF_REG_3, 4),
		CALL(BPF_FUNC_seq_write),
		MOV_IMM(BPF_REG_0, 0),
		EXIT(),
	};

	return iter_link(insns, sizeof(insns) / sizeof(insns[0]));
}

int obj_new(enum obj_kind kind)
{
	switch (kind) {
	case OBJ_MAP:
		return map_new();
	case OBJ_PROG:
		return prog_new(CALLED);
	case OBJ_LINK:
		return link_new(-1);
	default:
		return -EINVAL;
	}
}

bool obj_gone(enum obj_kind kind, int id)
{
	return wait_until(!obj_alive(kind, id), GONE_MS);
}

static struct guard *program_guard;
static pid_t program_pid;

static void program_end(void)
{
	if (getpid() != program_pid)
		return;
	closefrom(STDERR_FILENO + 1);
	guard_leaks(program_guard);
}

void program_begin(void)
{
	program_guard = guard_new();
	if (!program_guard)
		abort();
	guard_note(program_guard);
	program_pid = getpid();
	atexit(program_end);
}

void links_prepare(void)
{
	program_begin();
	link_new(-1);
	link_new(-1);
}
