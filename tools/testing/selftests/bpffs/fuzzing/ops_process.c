// SPDX-License-Identifier: GPL-2.0
/* Calls of the fuzzer: who the process is, where it is, what it has open. */
#include <sys/syscall.h>

#include "fuzz.h"
#include "results.h"

/* UID: as such a user, without capabilities unless it is 0. */
static void op_user(const struct arg *a)
{
	put_ret(sys(syscall(SYS_setresgid, -1, a[0].num, -1)));
	put_ret(sys(syscall(SYS_setresuid, -1, a[0].num, -1)));
	/* For permission checks that a supplementary group would pass. */
	if (!a[0].num)
		syscall(SYS_setresgid, -1, 0, -1);
}

static void op_umask(const struct arg *a)
{
	put("%o", umask(a[0].num));
}

static void op_chdir(const struct arg *a)
{
	put_ret(sys(syscall(SYS_chdir, a[0].ptr)));
}

static void op_fchdir(const struct arg *a)
{
	put_ret(sys(fchdir(a[0].num)));
}

static void op_close(const struct arg *a)
{
	put_ret(sys(close(a[0].num)));
}

static void op_dup(const struct arg *a)
{
	put_fd(a, sys(fcntl(a[1].num, F_DUPFD_CLOEXEC, 20)));
}

const struct op process_ops[] = {
	{ "user", op_user, 4, "#uid" },
	{ "umask", op_umask, 3, "#mode" },
	{ "chdir", op_chdir, 3, "path" },
	{ "fchdir", op_fchdir, 2, "fd" },
	{ "close", op_close, 6, "fd" },
	{ "dup", op_dup, 2, "slot fd" },
	{ },
};
