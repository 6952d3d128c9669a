// SPDX-License-Identifier: GPL-2.0
/* Calls of the fuzzer: names, and opening what they stand for. */
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <linux/openat2.h>

#include "fuzz.h"
#include "results.h"

/* SLOT DIR PATH FLAGS MODE; never to wait, for a lease or a fifo. */
static void op_openat(const struct arg *a)
{
	put_fd(a, sys(syscall(SYS_openat, a[1].num, a[2].ptr, a[3].num | O_NONBLOCK, a[4].num)));
}

/* SLOT DIR PATH FLAGS MODE RESOLVE SIZE */
static void op_openat2(const struct arg *a)
{
	struct {
		struct open_how how;
		char more[64];
	} arg = { .how = { .flags = a[3].num, .mode = a[4].num, .resolve = a[5].num } };

	if (!(a[3].num & O_PATH))
		arg.how.flags |= O_NONBLOCK;
	put_fd(a, sys(syscall(SYS_openat2, a[1].num, a[2].ptr, &arg, a[6].num)));
}

static void op_mkdirat(const struct arg *a)
{
	put_ret(sys(syscall(SYS_mkdirat, a[0].num, a[1].ptr, a[2].num)));
}

static void op_mknodat(const struct arg *a)
{
	put_ret(sys(syscall(SYS_mknodat, a[0].num, a[1].ptr, a[2].num, a[3].num)));
}

static void op_symlinkat(const struct arg *a)
{
	put_ret(sys(syscall(SYS_symlinkat, a[0].ptr, a[1].num, a[2].ptr)));
}

static void op_linkat(const struct arg *a)
{
	put_ret(sys(syscall(SYS_linkat, a[0].num, a[1].ptr, a[2].num, a[3].ptr, a[4].num)));
}

static void op_unlinkat(const struct arg *a)
{
	put_ret(sys(syscall(SYS_unlinkat, a[0].num, a[1].ptr, a[2].num)));
}

static void op_renameat2(const struct arg *a)
{
	put_ret(sys(syscall(SYS_renameat2, a[0].num, a[1].ptr, a[2].num, a[3].ptr, a[4].num)));
}

static void op_readlinkat(const struct arg *a)
{
	char *buf = text_buffer(a[2].num);
	long ret = sys(syscall(SYS_readlinkat, a[0].num, a[1].ptr, buf, a[2].num));

	put_read((void *)buf, a[2].num, ret);
}

/* PATH: a socket with a name. */
static void op_bind(const struct arg *a)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (a[0].ptr && a[0].len < sizeof(addr.sun_path))
		strncpy(addr.sun_path, a[0].ptr, a[0].len);
	put_ret(sys(bind(fd, (void *)&addr, sizeof(addr))));
	close(fd);
}

const struct op name_ops[] = {
	{ "openat", op_openat, 60, "slot dir path #oflag #mode" },
	{ "openat2", op_openat2, 10, "slot dir path #oflag #mode #resolve #howsize" },
	{ "mkdirat", op_mkdirat, 25, "dir path #mode" },
	{ "mknodat", op_mknodat, 6, "dir path #nodmode #rdev" },
	{ "symlinkat", op_symlinkat, 15, "target dir path" },
	{ "linkat", op_linkat, 20, "dir path dir path #atflag" },
	{ "unlinkat", op_unlinkat, 25, "dir path #atremove" },
	{ "renameat2", op_renameat2, 35, "dir path dir path #renameflag" },
	{ "readlinkat", op_readlinkat, 6, "dir path #bufsize" },
	{ "bind", op_bind, 2, "path" },
	{ },
};
