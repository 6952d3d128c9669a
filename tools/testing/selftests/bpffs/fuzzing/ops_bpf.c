// SPDX-License-Identifier: GPL-2.0
/* Calls of the fuzzer: bpf(2), and what its descriptors are. */
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "fuzz.h"
#include "results.h"

/*
 * An attribute of @size bytes, of which @known are given and the last is @tail,
 * if that is not 0; with the rest of the buffer readable.
 */
static long bpf_sized(int cmd, const void *attr, size_t known, long size, long tail)
{
	char *buf = memset(text_buffer(8192), 0, 8192);

	memcpy(buf, attr, known);
	if (tail && size > 0 && size <= 8192)
		buf[size - 1] = tail;
	return sys(syscall(SYS_bpf, cmd, buf, size));
}

/* OBJECT PATH FLAGS PATH_FD SIZE TAIL */
static void op_pin(const struct arg *a)
{
	union bpf_attr attr = {
		.bpf_fd = a[0].num,
		.pathname = (uintptr_t)a[1].ptr,
		.file_flags = a[2].num,
		.path_fd = a[3].num,
	};

	put_ret(bpf_sized(BPF_OBJ_PIN, &attr, 20, a[4].num, a[5].num));
}

/* SLOT PATH FLAGS PATH_FD SIZE TAIL BPF_FD */
static void op_get(const struct arg *a)
{
	union bpf_attr attr = {
		.pathname = (uintptr_t)a[1].ptr,
		.file_flags = a[2].num,
		.path_fd = a[3].num,
		.bpf_fd = a[6].num,
	};

	put_fd(a, bpf_sized(BPF_OBJ_GET, &attr, 20, a[4].num, a[5].num));
}

/* SLOT FD FLAGS SIZE TAIL */
static void op_token(const struct arg *a)
{
	union bpf_attr attr = {
		.token_create = { .bpffs_fd = a[1].num, .flags = a[2].num },
	};

	put_fd(a, bpf_sized(BPF_TOKEN_CREATE, &attr, 8, a[3].num, a[4].num));
}

/* COMMAND BYTES SIZE */
static void op_bpf(const struct arg *a)
{
	long ret = sys(syscall(SYS_bpf, a[0].num, a[1].ptr, a[2].num));

	if (ret >= 0 && a[0].num != BPF_OBJ_PIN) {
		close(ret);
		put("fd");
	} else {
		put_ret(ret);
	}
}

/* TYPE TOKEN: a map by means of a token. */
static void op_map_create(const struct arg *a)
{
	union bpf_attr attr = {
		.map_type = a[0].num,
		.key_size = 4,
		.value_size = 4,
		.max_entries = 1,
		.map_flags = BPF_F_TOKEN_FD,
		.map_token_fd = a[1].num,
	};
	long ret = sys_bpf(BPF_MAP_CREATE, &attr);

	put_ret(ret < 0 ? ret : 0);
	if (ret >= 0)
		close(ret);
}

/* FD: the only element of a map set to what it is; tells if it may be written. */
static void op_map_update(const struct arg *a)
{
	put_ret(map_set(a[0].num, 0, 0));
}

/* SLOT LINK */
static void op_iter_create(const struct arg *a)
{
	union bpf_attr attr = { .iter_create.link_fd = a[1].num };

	put_fd(a, sys_bpf(BPF_ITER_CREATE, &attr));
}

/* FD: what it is. */
static void op_fdinfo(const struct arg *a)
{
	static const char * const skipped[] = {
		"mnt_id", "ino", "lock", "inotify", "fanotify", "tfd",
	};
	char path[64], to[4096] = "", buf[4096], *line, *next;
	unsigned int i;
	long ret;

	put_ret(sys(fcntl(a[0].num, F_GETFL)));
	snprintf(path, sizeof(path), "/proc/self/fd/%ld", a[0].num);
	ret = sys(readlink(path, to, sizeof(to) - 1));
	if (ret < 0) {
		put(" ");
		put_ret(ret);
	} else {
		/* Not the number of a socket or pipe. */
		put_bytes(to, strcspn(to, "["));
	}
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%ld", a[0].num);
	ret = read_file(path, buf, sizeof(buf));
	for (line = buf; ret > 0 && line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		for (i = 0; i < ARRAY_SIZE(skipped); i++) {
			if (!strncmp(line, skipped[i], strlen(skipped[i])))
				break;
		}
		if (*line && i == ARRAY_SIZE(skipped))
			put_bytes(line, strlen(line));
	}
}

const struct op bpf_ops[] = {
	{ "pin", op_pin, 50, "object path #pinflag pathfd #attrsize #tail" },
	{ "get", op_get, 50, "slot path #getflag pathfd #attrsize #tail #zero" },
	{ "token", op_token, 4, "slot fd #zero #tokensize #tail" },
	{ "bpf", op_bpf, 6, "#bpfcmd bytes #attrsize" },
	{ "map_create", op_map_create, 2, "#maptype fd" },
	{ "map_update", op_map_update, 6, "fd" },
	{ "iter_create", op_iter_create, 3, "slot fd" },
	{ "fdinfo", op_fdinfo, 10, "fd" },
	{ },
};
