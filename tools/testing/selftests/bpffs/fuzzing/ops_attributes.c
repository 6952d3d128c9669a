// SPDX-License-Identifier: GPL-2.0
/* Calls of the fuzzer: attributes of inodes. */
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "fuzz.h"
#include "results.h"

#ifndef SYS_file_getattr
#define SYS_file_getattr 468
#define SYS_file_setattr 469
#endif

static void put_statx(const struct statx *st)
{
	put(" mask=%x mode=%o nlink=%u uid=%u gid=%u size=%llu blocks=%llu blksize=%u attr=%llx/%llx rdev=%u:%u",
	    st->stx_mask, st->stx_mode, st->stx_nlink, st->stx_uid, st->stx_gid,
	    st->stx_size, st->stx_blocks, st->stx_blksize, st->stx_attributes,
	    st->stx_attributes_mask, st->stx_rdev_major, st->stx_rdev_minor);
	put_inode(makedev(st->stx_dev_major, st->stx_dev_minor), st->stx_ino);
	put_time("atime", st->stx_atime.tv_sec, st->stx_atime.tv_nsec);
	put_time("mtime", st->stx_mtime.tv_sec, st->stx_mtime.tv_nsec);
	put_time("ctime", st->stx_ctime.tv_sec, st->stx_ctime.tv_nsec);
	put_time("btime", st->stx_btime.tv_sec, st->stx_btime.tv_nsec);
}

/* DIR PATH FLAGS MASK */
static void op_statx(const struct arg *a)
{
	struct statx st = {};
	long ret = sys(syscall(SYS_statx, a[0].num, a[1].ptr, a[2].num, a[3].num, &st));

	put_ret(ret);
	if (!ret)
		put_statx(&st);
}

static void op_faccessat2(const struct arg *a)
{
	put_ret(sys(syscall(SYS_faccessat2, a[0].num, a[1].ptr, a[2].num, a[3].num)));
}

static void op_fchmodat2(const struct arg *a)
{
	put_ret(sys(syscall(SYS_fchmodat2, a[0].num, a[1].ptr, a[2].num, a[3].num)));
}

static void op_fchownat(const struct arg *a)
{
	put_ret(sys(syscall(SYS_fchownat, a[0].num, a[1].ptr, a[2].num, a[3].num, a[4].num)));
}

/* DIR PATH FLAGS ATIME NSEC MTIME NSEC */
static void op_utimensat(const struct arg *a)
{
	const struct timespec times[2] = {
		{ a[3].num, a[4].num }, { a[5].num, a[6].num },
	};

	put_ret(sys(syscall(SYS_utimensat, a[0].num, a[1].ptr, times, a[2].num)));
}

static void op_truncate(const struct arg *a)
{
	put_ret(sys(syscall(SYS_truncate, a[0].ptr, a[1].num)));
}

static void op_ftruncate(const struct arg *a)
{
	put_ret(sys(syscall(SYS_ftruncate, a[0].num, a[1].num)));
}

/* DIR PATH SIZE FLAGS */
static void op_file_getattr(const struct arg *a)
{
	char *buf = text_buffer(a[2].num);

	put_read((void *)buf, a[2].num, sys(syscall(SYS_file_getattr, a[0].num, a[1].ptr, buf,
						    a[2].num, a[3].num)));
}

/* DIR PATH BYTES SIZE FLAGS */
static void op_file_setattr(const struct arg *a)
{
	put_ret(sys(syscall(SYS_file_setattr, a[0].num, a[1].ptr, a[2].ptr, a[3].num, a[4].num)));
}

const struct op attribute_ops[] = {
	{ "statx", op_statx, 20, "dir path #atflag #statxmask" },
	{ "faccessat2", op_faccessat2, 8, "dir path #access #atflag" },
	{ "fchmodat2", op_fchmodat2, 14, "dir path #mode #atflag" },
	{ "fchownat", op_fchownat, 10, "dir path #uid #uid #atflag" },
	{ "utimensat", op_utimensat, 14, "dir path #atflag #time #nsec #time #nsec" },
	{ "truncate", op_truncate, 3, "path #length" },
	{ "ftruncate", op_ftruncate, 4, "fd #length" },
	{ "file_getattr", op_file_getattr, 3, "dir path #bufsize #atflag" },
	{ "file_setattr", op_file_setattr, 3, "dir path bytes #bufsize #atflag" },
	{ },
};
