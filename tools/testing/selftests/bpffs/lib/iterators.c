// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "iterators.h"
#include "kbtf.h"

#define INSN(c, d, s, o, i) \
	{ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) }
#define LOAD(dst, src, off)	INSN(BPF_LDX | BPF_MEM | BPF_DW, dst, src, off, 0)
#define STORE(dst, src, off)	INSN(BPF_STX | BPF_MEM | BPF_DW, dst, src, off, 0)
#define MOV_IMM(reg, imm)	INSN(BPF_ALU64 | BPF_MOV | BPF_K, reg, 0, 0, imm)
#define MOV_REG(dst, src)	INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define ADD_IMM(reg, imm)	INSN(BPF_ALU64 | BPF_ADD | BPF_K, reg, 0, 0, imm)
#define JUMP_ZERO(reg, off)	INSN(BPF_JMP | BPF_JEQ | BPF_K, reg, 0, off, 0)
#define CALL(func)		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, func)
#define EXIT()			INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
/* The address of the first value of an array map. */
#define LOAD_VALUE(reg, map)	INSN(BPF_LD | BPF_DW | BPF_IMM, reg, BPF_PSEUDO_MAP_VALUE, 0, map), \
				INSN(0, 0, 0, 0, 0)

#define CNT(insns)	(sizeof(insns) / sizeof((insns)[0]))

/* Fields of the context of any of them, and of struct bpf_iter_meta. */
#define CTX_META	0
#define CTX_FIRST	8
#define META_SEQ	0
#define META_SEQ_NUM	16

int iterator_prog(const char *target, const struct bpf_insn *insns, unsigned int cnt)
{
	static char last[64];
	static int id;
	char name[64];
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_TRACING,
		.expected_attach_type = BPF_TRACE_ITER,
		.insns = (uintptr_t)insns,
		.insn_cnt = cnt,
		.license = (uintptr_t)"GPL",
	};

	snprintf(name, sizeof(name), "bpf_iter_%s", target);
	if (strcmp(last, name)) {
		id = kernel_btf_id(name, BTF_KIND_FUNC);
		strcpy(last, name);
	}
	if (id < 0)
		return id;
	attr.attach_btf_id = id;
	return sys_bpf(BPF_PROG_LOAD, &attr);
}

int iterator_link(int prog, const union bpf_iter_link_info *info)
{
	union bpf_attr attr = {
		.link_create.prog_fd = prog,
		.link_create.attach_type = BPF_TRACE_ITER,
		.link_create.iter_info = (uintptr_t)info,
		.link_create.iter_info_len = info ? sizeof(*info) : 0,
	};

	return prog < 0 ? prog : sys_bpf(BPF_LINK_CREATE, &attr);
}

int elem_prog(int field, int size, int ret)
{
	const struct bpf_insn insns[] = {
		LOAD(2, 1, field),
		/* the end: nothing to write */
		JUMP_ZERO(2, 4),
		/* seq_write(ctx->meta->seq, what, size) */
		LOAD(1, 1, CTX_META),
		LOAD(1, 1, META_SEQ),
		MOV_IMM(3, size),
		CALL(BPF_FUNC_seq_write),
		MOV_IMM(0, ret),
		EXIT(),
	};

	return iterator_prog("bpf_map_elem", insns, CNT(insns));
}

int elem_link(int prog, int map)
{
	return iterator_link(prog, &(union bpf_iter_link_info){ .map.map_fd = map });
}

int task_link(pid_t tid)
{
	const struct bpf_insn insns[] = {
		LOAD(2, 1, CTX_FIRST),
		JUMP_ZERO(2, 8),
		INSN(BPF_LDX | BPF_MEM | BPF_W, 2, 2, kernel_btf_offset("task_struct", "pid"), 0),
		INSN(BPF_STX | BPF_MEM | BPF_W, 10, 2, -4, 0),
		LOAD(1, 1, CTX_META),
		LOAD(1, 1, META_SEQ),
		MOV_REG(2, 10),
		ADD_IMM(2, -4),
		MOV_IMM(3, 4),
		CALL(BPF_FUNC_seq_write),
		MOV_IMM(0, 0),
		EXIT(),
	};
	int prog = iterator_prog("task", insns, CNT(insns));
	int link = iterator_link(prog, &(union bpf_iter_link_info){ .task.tid = tid });

	close(prog);
	return link;
}

int view_prog(const struct view *view)
{
	static int kn, id;
	struct bpf_insn insns[32];
	unsigned int cnt = 0;

	if (!id) {
		kn = kernel_btf_offset("cgroup", "kn");
		id = kernel_btf_offset("kernfs_node", "id");
	}
#define ADD(...) do {								\
	const struct bpf_insn __add[] = { __VA_ARGS__ };			\
										\
	memcpy(insns + cnt, __add, sizeof(__add));				\
	cnt += CNT(__add);							\
} while (0)
	/* A struct viewed on the stack. */
	ADD(LOAD(6, 1, CTX_META), LOAD(2, 6, META_SEQ_NUM), STORE(10, 2, -8), MOV_IMM(3, 0),
	    LOAD(2, 1, CTX_FIRST), JUMP_ZERO(2, 2), LOAD(2, 2, kn), LOAD(3, 2, id),
	    STORE(10, 3, -16));
	if (view->runs)
		ADD(LOAD_VALUE(1, view->runs), MOV_IMM(2, 1),
		    INSN(BPF_STX | BPF_ATOMIC | BPF_W, 1, 2, 0, BPF_ADD));
	if (view->text)
		ADD(LOAD_VALUE(2, view->text), MOV_IMM(3, view->size));
	else
		ADD(MOV_REG(2, 10), ADD_IMM(2, -16), MOV_IMM(3, sizeof(struct viewed)));
	ADD(LOAD(1, 6, META_SEQ), CALL(BPF_FUNC_seq_write), MOV_IMM(0, view->ret), EXIT());
#undef ADD
	return iterator_prog("cgroup", insns, cnt);
}

int view_link(const struct view *view)
{
	union bpf_iter_link_info info = {
		.cgroup.order = view->order ?: BPF_CGROUP_ITER_SELF_ONLY,
		.cgroup.cgroup_fd = view->cgroup,
	};
	int prog = view_prog(view), link = iterator_link(prog, &info);

	close(prog);
	return link;
}
