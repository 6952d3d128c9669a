// SPDX-License-Identifier: GPL-2.0
/* Calls of the fuzzer: extended attributes. */
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "fuzz.h"
#include "results.h"

/* PATH NAME VALUE SIZE FLAGS FOLLOW */
static void op_setxattr(const struct arg *a)
{
	put_ret(sys(syscall(a[5].num ? SYS_setxattr : SYS_lsetxattr, a[0].ptr, a[1].ptr,
			    a[2].ptr, a[3].num, a[4].num)));
}

static void op_fsetxattr(const struct arg *a)
{
	put_ret(sys(syscall(SYS_fsetxattr, a[0].num, a[1].ptr, a[2].ptr, a[3].num, a[4].num)));
}

/* PATH NAME SIZE FOLLOW */
static void op_getxattr(const struct arg *a)
{
	char *buf = text_buffer(a[2].num);

	put_read((void *)buf, a[2].num,
		 sys(syscall(a[3].num ? SYS_getxattr : SYS_lgetxattr, a[0].ptr, a[1].ptr,
			     buf, a[2].num)));
}

/* PATH SIZE FOLLOW */
static void op_listxattr(const struct arg *a)
{
	char *buf = text_buffer(a[1].num);

	put_read((void *)buf, a[1].num,
		 sys(syscall(a[2].num ? SYS_listxattr : SYS_llistxattr, a[0].ptr, buf,
			     a[1].num)));
}

static void op_flistxattr(const struct arg *a)
{
	char *buf = text_buffer(a[1].num);

	put_read((void *)buf, a[1].num, sys(syscall(SYS_flistxattr, a[0].num, buf, a[1].num)));
}

/* PATH NAME FOLLOW */
static void op_removexattr(const struct arg *a)
{
	put_ret(sys(syscall(a[2].num ? SYS_removexattr : SYS_lremovexattr, a[0].ptr, a[1].ptr)));
}

/* PATH PREFIX COUNT SIZE: numbered ones until one fails, which tells a limit. */
static void op_fillxattr(const struct arg *a)
{
	char name[300], *value = memset(text_buffer(a[3].num), 'v', a[3].num);
	long i, ret = 0;

	for (i = 0; i < a[2].num; i++) {
		snprintf(name, sizeof(name), "%s%ld", (char *)a[1].ptr ?: "", i);
		ret = sys(syscall(SYS_lsetxattr, a[0].ptr, name, value, a[3].num, 0));
		if (ret)
			break;
	}
	put("%ld ", i);
	put_ret(ret);
}

const struct op xattr_ops[] = {
	{ "setxattr", op_setxattr, 30, "path xattr xvalue #xsize #xflag #bool" },
	{ "fsetxattr", op_fsetxattr, 10, "fd xattr xvalue #xsize #xflag" },
	{ "getxattr", op_getxattr, 15, "path xattr #bufsize #bool" },
	{ "listxattr", op_listxattr, 10, "path #bufsize #bool" },
	{ "flistxattr", op_flistxattr, 4, "fd #bufsize" },
	{ "removexattr", op_removexattr, 8, "path xattr #bool" },
	{ "fillxattr", op_fillxattr, 2, "path xprefix #fill #fillsize" },
	{ },
};
