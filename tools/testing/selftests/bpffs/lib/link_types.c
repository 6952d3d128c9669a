// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/perf_event.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <bpf/btf.h>

#include "file.h"
#include "kbtf.h"
#include "link_types.h"
#include "progs.h"
#include "wait.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* A system call that nobody makes but us, and a security hook likewise. */
#define TRACED_CALL	"__x64_sys_getitimer"
#define TRACED_HOOK	"task_getpgid"

/* Newer than the headers of the C library may be; the numbers are the ABI's. */
enum {
	ATTACH_KPROBE_SESSION = 56,
	ATTACH_FSESSION = 58,
	ATTACH_FENTRY_MULTI = 59,
};

/* ---- programs ---- */

#define INSN(c, d, s, o, i) \
	{ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) }

/* ---- a program to be replaced ---- */

/* It is found by the type of its function, which has this id. */
#define REPLACED_ID	5

static int replaced = -1;

static const struct bpf_func_info replaced_func = { .type_id = REPLACED_ID };

/* Without types no program can be replaced, nor replace another one. Fd or -errno. */
static int replaced_btf(void)
{
	struct btf *btf = btf__new_empty();

	/* int replaced(struct __sk_buff *skb) */
	btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	btf__add_struct(btf, "__sk_buff", 0);
	btf__add_ptr(btf, 2);
	btf__add_func_proto(btf, 1);
	btf__add_func_param(btf, "skb", 3);
	if (btf__add_func(btf, "replaced", BTF_FUNC_GLOBAL, 4) != REPLACED_ID)
		abort();
	return btf_load(btf);
}

static int load_replaceable(union bpf_attr *attr)
{
	int btf = replaced_btf(), prog;

	if (btf < 0)
		return btf;
	attr->prog_btf_fd = btf;
	attr->func_info = (uintptr_t)&replaced_func;
	attr->func_info_cnt = 1;
	attr->func_info_rec_size = sizeof(replaced_func);
	prog = sys_bpf(BPF_PROG_LOAD, attr);
	close(btf);
	return prog;
}

/* A socket filter; fd or -errno. */
static int replaced_new(void)
{
	static const struct bpf_insn insns[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (uintptr_t)insns,
		.insn_cnt = ARRAY_LEN(insns),
		.license = (uintptr_t)"GPL",
	};

	return load_replaceable(&attr);
}

static int load(const struct link_type *type, const struct bpf_insn *insns, unsigned int cnt)
{
	/* What hooks are called where BPF may attach to them. */
	unsigned int kind = BTF_KIND_FUNC;
	union bpf_attr attr = {
		.prog_type = type->prog_type,
		.expected_attach_type = type->attach_type,
		.insns = (uintptr_t)insns,
		.insn_cnt = cnt,
		.license = (uintptr_t)"GPL",
	};

	if (type->btf_name) {
		int id;

		if (type->attach_type == BPF_TRACE_RAW_TP)
			kind = BTF_KIND_TYPEDEF;
		id = kernel_btf_id(type->btf_name, kind);
		if (id < 0)
			return id;
		/* One for several functions names them when it is attached. */
		if (type->attach_type != ATTACH_FENTRY_MULTI)
			attr.attach_btf_id = id;
	}
	if (type->prog_type == BPF_PROG_TYPE_EXT) {
		attr.attach_prog_fd = replaced;
		attr.attach_btf_id = REPLACED_ID;
		return load_replaceable(&attr);
	}
	return sys_bpf(BPF_PROG_LOAD, &attr);
}

int link_type_prog(const struct link_type *type, int counter)
{
	const struct bpf_insn insns[] = {
		/* another process, if that matters: go to the end */
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_current_pid_tgid),
		INSN(BPF_ALU64 | BPF_RSH | BPF_K, 0, 0, 0, 32),
		INSN(BPF_JMP | BPF_JNE | BPF_K, 0, 0, 9, getpid()),
		/* element 0 of the counter += 1 */
		INSN(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4),
		INSN(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, counter),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, 1),
		INSN(BPF_STX | BPF_ATOMIC | BPF_W, 0, 1, 0, BPF_ADD),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, type->ret),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	unsigned int skip = type->own ? 0 : 3;

	return load(type, insns + skip, ARRAY_LEN(insns) - skip);
}

/* ---- attaching ---- */

static int attach_target(struct link_env *env)
{
	union bpf_attr attr = {
		.link_create.prog_fd = env->prog,
		.link_create.target_fd = env->target,
		.link_create.attach_type = env->type->attach_type,
	};

	return sys_bpf(BPF_LINK_CREATE, &attr);
}

/* What it replaces it knows since it was loaded. */
static int attach_freplace(struct link_env *env)
{
	union bpf_attr attr = { .link_create.prog_fd = env->prog };

	return sys_bpf(BPF_LINK_CREATE, &attr);
}

static int attach_raw_tracepoint(struct link_env *env)
{
	union bpf_attr attr = {
		.raw_tracepoint.name = (uintptr_t)"task_rename",
		.raw_tracepoint.prog_fd = env->prog,
	};

	return sys_bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
}

/* BPF_LINK_CREATE with @extra behind the fields that all types have. */
static int attach_with(struct link_env *env, unsigned int attach_type, const void *extra,
		       size_t size)
{
	union bpf_attr attr = {
		.link_create.prog_fd = env->prog,
		.link_create.attach_type = attach_type,
	};

	memcpy(&attr.link_create.target_btf_id, extra, size);
	return sys_bpf(BPF_LINK_CREATE, &attr);
}

static int attach_kprobe_multi(struct link_env *env)
{
	const char *const syms[] = { TRACED_CALL };
	const struct {
		__u32 flags, cnt;
		__u64 syms, addrs, cookies;
	} extra = { .cnt = 1, .syms = (uintptr_t)syms };

	return attach_with(env, env->type->attach_type, &extra, sizeof(extra));
}

static int attach_tracing_multi(struct link_env *env)
{
	const __u32 ids[] = { kernel_btf_id(env->type->btf_name, BTF_KIND_FUNC) };
	const struct {
		__u64 ids, cookies;
		__u32 cnt, pad;
	} extra = { .ids = (uintptr_t)ids, .cnt = 1 };

	return attach_with(env, env->type->attach_type, &extra, sizeof(extra));
}

static int attach_netfilter(struct link_env *env)
{
	const struct {
		__u32 pf, hooknum;
		__s32 priority;
		__u32 flags;
	} extra = { .pf = NFPROTO_IPV4, .hooknum = NF_INET_LOCAL_OUT, .priority = -128 };

	return attach_with(env, BPF_NETFILTER, &extra, sizeof(extra));
}

static __attribute__((noinline)) int uprobe_target(int n)
{
	/* Something that keeps the compiler from leaving out or cloning it. */
	asm volatile("" : "+r"(n));
	return n;
}

/* Where the function is in the file of this program. */
static unsigned long uprobe_offset(void)
{
	unsigned long at = (unsigned long)uprobe_target, start, end, offset, found = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];

	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &offset) == 3 &&
		    at >= start && at < end)
			found = at - start + offset;
	}
	if (maps)
		fclose(maps);
	return found;
}

static int attach_uprobe_multi(struct link_env *env)
{
	const unsigned long offsets[] = { uprobe_offset() };
	const struct {
		__u64 path, offsets, ref_ctr_offsets, cookies;
		__u32 cnt, flags, pid, path_fd;
	} extra = {
		.path = (uintptr_t)"/proc/self/exe", .offsets = (uintptr_t)offsets, .cnt = 1,
	};

	return attach_with(env, env->type->attach_type, &extra, sizeof(extra));
}

/* The event belongs to the link once that is made. */
static int attach_perf_event(struct link_env *env, struct perf_event_attr *attr)
{
	attr->size = sizeof(*attr);
	attr->sample_period = 1;
	env->target = sys(syscall(SYS_perf_event_open, attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC));
	if (env->target < 0)
		return env->target;
	env->link = attach_target(env);
	close(env->target);
	return env->link;
}

static long number_in(const char *path)
{
	char text[32];
	ssize_t len = read_file(path, text, sizeof(text));

	return len < 0 ? len : strtol(text, NULL, 10);
}

static int attach_perf_tracepoint(struct link_env *env)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT };
	long id;

	if (mkdir("tracing", 0755) || mount("tracing", "tracing", "tracefs", 0, NULL))
		return -errno;
	id = number_in("tracing/events/task/task_rename/id");
	attr.config = id;
	return id < 0 ? id : attach_perf_event(env, &attr);
}

static int attach_perf_kprobe(struct link_env *env)
{
	long type = number_in("/sys/bus/event_source/devices/kprobe/type");
	struct perf_event_attr attr = {
		.type = type,
		.config1 = (uintptr_t)TRACED_CALL,
	};

	return type < 0 ? type : attach_perf_event(env, &attr);
}

static int attach_perf_uprobe(struct link_env *env)
{
	long type = number_in("/sys/bus/event_source/devices/uprobe/type");
	struct perf_event_attr attr = {
		.type = type,
		.config1 = (uintptr_t)"/proc/self/exe",
		.config2 = uprobe_offset(),
	};

	return type < 0 ? type : attach_perf_event(env, &attr);
}

/* ---- what the links are attached to ---- */

static int prepare_replaced(struct link_env *env)
{
	env->target = replaced = replaced_new();
	return replaced < 0 ? replaced : 0;
}

static int prepare_cgroup(struct link_env *env)
{
	if (mkdir("cgroup", 0755) || mount("cgroup", "cgroup", "cgroup2", 0, NULL))
		return -errno;
	env->target = sys(open("cgroup", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	return env->target < 0 ? env->target : 0;
}

static int prepare_netns(struct link_env *env)
{
	env->target = sys(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	return env->target < 0 ? env->target : 0;
}

static int prepare_lo(struct link_env *env)
{
	env->target = if_nametoindex("lo");
	return env->target ? 0 : -errno;
}

static int prepare_netkit(struct link_env *env)
{
	if (system("ip link add name nk0 type netkit peer name nk1 && ip link set nk0 up && "
		   "ip link set nk1 up && ip addr add 10.1.1.1/24 dev nk0"))
		return -EIO;
	env->target = if_nametoindex("nk0");
	return env->target ? 0 : -errno;
}

static int prepare_sockmap(struct link_env *env)
{
	env->target = map_create(BPF_MAP_TYPE_SOCKMAP, 4, 4, 1);
	return env->target < 0 ? env->target : 0;
}

/* ---- letting the programs run ---- */

static void hit_rename(struct link_env *env)
{
	char name[16];

	prctl(PR_GET_NAME, name);
	prctl(PR_SET_NAME, name);
}

static void hit_call(struct link_env *env)
{
	struct itimerval value;

	syscall(SYS_getitimer, ITIMER_REAL, &value);
}

static void hit_hook(struct link_env *env)
{
	if (getpgid(getpid()) < 0)
		abort();
}

static void hit_uprobe(struct link_env *env)
{
	if (uprobe_target(1) != 1)
		abort();
}

static void hit_replaced(struct link_env *env)
{
	if (prog_run(env->target))
		abort();
}

static void hit_socket(struct link_env *env)
{
	close(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static void send_packet(const char *address)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, address, &to.sin_addr);
	sendto(sock, "x", 1, 0, (struct sockaddr *)&to, sizeof(to));
	close(sock);
}

static void hit_packet(struct link_env *env)
{
	send_packet("127.0.0.1");
}

static void hit_netkit(struct link_env *env)
{
	send_packet("10.1.1.2");
}

/* A socket takes the programs of the map when it is put into it. */
static void hit_sockmap(struct link_env *env)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	int listener, client, server;
	char c = 'x';

	inet_pton(AF_INET, "127.0.0.1", &addr.sin_addr);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&addr, len) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&addr, &len))
		abort();
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(client, (struct sockaddr *)&addr, len))
		abort();
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (server < 0 || map_set(env->target, 0, client) || send(client, &c, 1, 0) != 1 ||
	    recv(server, &c, 1, 0) != 1)
		abort();
	close(client);
	close(server);
	close(listener);
}

/* ---- struct_ops: a congestion control of TCP ---- */

#define OPS	"tcp_congestion_ops"

/* Index of a member, and its offset in bytes; or -errno. */
static int member(const char *name, const char *member, unsigned int *offset)
{
	const struct btf *btf = kernel_btf();
	int id = kernel_btf_id(name, BTF_KIND_STRUCT), i;
	const struct btf_type *type;

	if (id < 0)
		return id;
	type = btf__type_by_id(btf, id);
	for (i = 0; i < btf_vlen(type); i++) {
		if (!strcmp(btf__name_by_offset(btf, btf_members(type)[i].name_off), member)) {
			*offset = btf_member_bit_offset(type, i) / 8;
			return i;
		}
	}
	return -ENOENT;
}

int struct_ops_new(void)
{
	static const char *const functions[] = { "ssthresh", "undo_cwnd", "cong_avoid" };
	static const struct bpf_insn nothing[] = {
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	int id = kernel_btf_id("bpf_struct_ops_" OPS, BTF_KIND_STRUCT);
	int ops = kernel_btf_id(OPS, BTF_KIND_STRUCT), key = 0, map, err, size;
	unsigned int data, offset, i;
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_STRUCT_OPS,
		.key_size = 4,
		.max_entries = 1,
		.map_flags = BPF_F_LINK,
		/* Some type information of its own is asked for, none is needed. */
		.btf_fd = btf_int_new(),
		.btf_vmlinux_value_type_id = id,
	};
	char *value;

	if (id < 0 || ops < 0)
		return id < 0 ? id : ops;
	size = btf__resolve_size(kernel_btf(), id);
	attr.value_size = size;
	map = sys_bpf(BPF_MAP_CREATE, &attr);
	close(attr.btf_fd);
	if (map < 0)
		return map;
	value = calloc(1, size);
	err = member("bpf_struct_ops_" OPS, "data", &data);
	for (i = 0; i < ARRAY_LEN(functions) && err >= 0; i++) {
		union bpf_attr load = {
			.prog_type = BPF_PROG_TYPE_STRUCT_OPS,
			.attach_btf_id = ops,
			.insns = (uintptr_t)nothing,
			.insn_cnt = ARRAY_LEN(nothing),
			.license = (uintptr_t)"GPL",
		};

		err = member(OPS, functions[i], &offset);
		load.expected_attach_type = err;
		if (err >= 0)
			err = sys_bpf(BPF_PROG_LOAD, &load);
		*(unsigned long *)(value + data + offset) = err;
	}
	if (err >= 0)
		err = member(OPS, "name", &offset);
	if (err >= 0) {
		strcpy(value + data + offset, STRUCT_OPS_NAME);
		memset(&attr, 0, sizeof(attr));
		attr.map_fd = map;
		attr.key = (uintptr_t)&key;
		attr.value = (uintptr_t)value;
		err = sys_bpf(BPF_MAP_UPDATE_ELEM, &attr);
	}
	/* The map keeps the programs. */
	for (i = 0; i < ARRAY_LEN(functions); i++) {
		if (member(OPS, functions[i], &offset) >= 0)
			close(*(unsigned long *)(value + data + offset));
	}
	free(value);
	if (!err)
		return map;
	close(map);
	return err;
}

static int attach_struct_ops(struct link_env *env)
{
	union bpf_attr attr = { .link_create.attach_type = BPF_STRUCT_OPS };
	int map = struct_ops_new(), link;

	if (map < 0)
		return map;
	attr.link_create.map_fd = map;
	link = sys_bpf(BPF_LINK_CREATE, &attr);
	close(map);
	return link;
}

static bool struct_ops_attached(struct link_env *env)
{
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = !setsockopt(sock, IPPROTO_TCP, TCP_CONGESTION, STRUCT_OPS_NAME, strlen(STRUCT_OPS_NAME));

	close(sock);
	return ok;
}

/* ---- the types ---- */

#define TRACING	BPF_PROG_TYPE_TRACING

const struct link_type link_types[] = {
	{ "raw_tracepoint", "BPF_LINK_TYPE_RAW_TRACEPOINT",
	  BPF_PROG_TYPE_RAW_TRACEPOINT, 0, .own = true, .update = -EINVAL,
	  .attach = attach_raw_tracepoint, .hit = hit_rename },
	{ "tp_btf", "BPF_LINK_TYPE_RAW_TRACEPOINT",
	  TRACING, BPF_TRACE_RAW_TP, "btf_trace_task_rename", .own = true, .update = -EINVAL,
	  .attach = attach_target, .hit = hit_rename },
	{ "fentry", "BPF_LINK_TYPE_TRACING",
	  TRACING, BPF_TRACE_FENTRY, TRACED_CALL, .own = true, .update = -EINVAL,
	  .attach = attach_target, .hit = hit_call },
	{ "fexit", "BPF_LINK_TYPE_TRACING",
	  TRACING, BPF_TRACE_FEXIT, TRACED_CALL, .own = true, .update = -EINVAL,
	  .attach = attach_target, .hit = hit_call },
	{ "fsession", "BPF_LINK_TYPE_TRACING",
	  TRACING, ATTACH_FSESSION, TRACED_CALL, .own = true, .update = -EINVAL,
	  .attach = attach_target, .hit = hit_call },
	{ "fmod_ret", "BPF_LINK_TYPE_TRACING",
	  TRACING, BPF_MODIFY_RETURN, "security_" TRACED_HOOK, .own = true, .update = -EINVAL,
	  .attach = attach_target, .hit = hit_hook },
	{ "lsm", "BPF_LINK_TYPE_TRACING",
	  BPF_PROG_TYPE_LSM, BPF_LSM_MAC, "bpf_lsm_" TRACED_HOOK, .own = true, .update = -EINVAL,
	  .attach = attach_target, .hit = hit_hook },
	{ "freplace", "BPF_LINK_TYPE_TRACING",
	  BPF_PROG_TYPE_EXT, 0, .update = -EINVAL,
	  .prepare = prepare_replaced, .attach = attach_freplace, .hit = hit_replaced },
	{ "tracing_multi", "BPF_LINK_TYPE_TRACING_MULTI",
	  TRACING, ATTACH_FENTRY_MULTI, TRACED_CALL, .own = true, .update = -EINVAL,
	  .attach = attach_tracing_multi, .hit = hit_call },
	{ "perf_tracepoint", "BPF_LINK_TYPE_PERF_EVENT",
	  BPF_PROG_TYPE_TRACEPOINT, BPF_PERF_EVENT, .own = true, .update = -EINVAL,
	  .attach = attach_perf_tracepoint, .hit = hit_rename },
	{ "perf_kprobe", "BPF_LINK_TYPE_PERF_EVENT",
	  BPF_PROG_TYPE_KPROBE, BPF_PERF_EVENT, .own = true, .update = -EINVAL,
	  .attach = attach_perf_kprobe, .hit = hit_call },
	{ "perf_uprobe", "BPF_LINK_TYPE_PERF_EVENT",
	  BPF_PROG_TYPE_KPROBE, BPF_PERF_EVENT, .own = true, .update = -EINVAL,
	  .attach = attach_perf_uprobe, .hit = hit_uprobe },
	{ "kprobe_multi", "BPF_LINK_TYPE_KPROBE_MULTI",
	  BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_MULTI, .own = true, .update = -EINVAL,
	  .attach = attach_kprobe_multi, .hit = hit_call },
	{ "kprobe_session", "BPF_LINK_TYPE_KPROBE_MULTI",
	  BPF_PROG_TYPE_KPROBE, ATTACH_KPROBE_SESSION, .own = true, .update = -EINVAL,
	  .attach = attach_kprobe_multi, .hit = hit_call },
	{ "uprobe_multi", "BPF_LINK_TYPE_UPROBE_MULTI",
	  BPF_PROG_TYPE_KPROBE, BPF_TRACE_UPROBE_MULTI, .own = true, .update = -EINVAL,
	  .attach = attach_uprobe_multi, .hit = hit_uprobe },
	{ "cgroup", "BPF_LINK_TYPE_CGROUP",
	  BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE, .ret = 1,
	  .detaches = true,
	  .prepare = prepare_cgroup, .attach = attach_target, .hit = hit_socket },
	{ "lsm_cgroup", "BPF_LINK_TYPE_CGROUP",
	  BPF_PROG_TYPE_LSM, BPF_LSM_CGROUP, "bpf_lsm_socket_post_create", .ret = 1,
	  .detaches = true,
	  .prepare = prepare_cgroup, .attach = attach_target, .hit = hit_socket },
	{ "netns", "BPF_LINK_TYPE_NETNS",
	  BPF_PROG_TYPE_SK_LOOKUP, BPF_SK_LOOKUP, .ret = 1, .detaches = true,
	  .prepare = prepare_netns, .attach = attach_target, .hit = hit_packet },
	{ "xdp", "BPF_LINK_TYPE_XDP",
	  BPF_PROG_TYPE_XDP, BPF_XDP, .ret = 2, .detaches = true,
	  .prepare = prepare_lo, .attach = attach_target, .hit = hit_packet },
	{ "tcx", "BPF_LINK_TYPE_TCX",
	  BPF_PROG_TYPE_SCHED_CLS, BPF_TCX_INGRESS, .ret = -1,
	  .detaches = true,
	  .prepare = prepare_lo, .attach = attach_target, .hit = hit_packet },
	{ "netkit", "BPF_LINK_TYPE_NETKIT",
	  BPF_PROG_TYPE_SCHED_CLS, BPF_NETKIT_PRIMARY, .ret = -1,
	  .detaches = true,
	  .prepare = prepare_netkit, .attach = attach_target, .hit = hit_netkit },
	{ "netfilter", "BPF_LINK_TYPE_NETFILTER",
	  BPF_PROG_TYPE_NETFILTER, BPF_NETFILTER, .ret = NF_ACCEPT,
	  .update = -EOPNOTSUPP, .detaches = true,
	  .attach = attach_netfilter, .hit = hit_packet },
	{ "sockmap", "BPF_LINK_TYPE_SOCKMAP",
	  BPF_PROG_TYPE_SK_MSG, BPF_SK_MSG_VERDICT, .ret = 1,
	  .detaches = true,
	  .prepare = prepare_sockmap, .attach = attach_target, .hit = hit_sockmap },
	{ "struct_ops", "BPF_LINK_TYPE_STRUCT_OPS",
	  .detaches = true,
	  .attach = attach_struct_ops, .attached = struct_ops_attached },
};

const unsigned int link_types_cnt = ARRAY_LEN(link_types);

const struct link_type *link_type_by_name(const char *name)
{
	unsigned int i;

	for (i = 0; i < link_types_cnt; i++) {
		if (!strcmp(link_types[i].name, name))
			return &link_types[i];
	}
	return NULL;
}

static int lo_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = sys(ioctl(sock, SIOCSIFFLAGS, &ifr));

	close(sock);
	return err;
}

int link_env_new(struct link_env *env, const struct link_type *type)
{
	int err;

	*env = (struct link_env){ .type = type, .link = -1, .target = 0, .prog = -1 };
	env->counter = map_new();
	if (env->counter < 0)
		return env->counter;
	err = sys(unshare(CLONE_NEWNET)) ?: lo_up();
	if (!err && type->prepare)
		err = type->prepare(env);
	if (!err && type->hit) {
		env->prog = link_type_prog(type, env->counter);
		err = env->prog < 0 ? env->prog : 0;
	}
	if (err)
		return err;
	env->link = type->attach(env);
	return env->link < 0 ? env->link : 0;
}

bool link_counts(struct link_env *env, int counter)
{
	int before = 0, after = 0;

	if (map_get(counter, 0, &before))
		abort();
	env->type->hit(env);
	/* Packets are looked at a little later. */
	return wait_until(!map_get(counter, 0, &after) && after != before, 60);
}

bool link_attached(struct link_env *env)
{
	return env->type->attached ? env->type->attached(env) : link_counts(env, env->counter);
}

bool link_detached(struct link_env *env)
{
	return wait_until(!link_attached(env), 20000);
}

int link_update(struct link_env *env, int link, int counter)
{
	int other = env->type->hit ? link_type_prog(env->type, counter) : struct_ops_new(), err;
	union bpf_attr attr = {
		.link_update.link_fd = link,
		.link_update.new_prog_fd = other,
	};

	if (other < 0)
		return other;
	err = sys_bpf(BPF_LINK_UPDATE, &attr);
	close(other);
	return err;
}
