// SPDX-License-Identifier: GPL-2.0
/* Calls of the fuzzer: open files and directories. */
#include <dirent.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <linux/fs.h>
#include <linux/magic.h>

#include "fuzz.h"
#include "results.h"

static void op_getdents(const struct arg *a)
{
	char *buf = text_buffer(a[1].num);
	long pos = 0, ret = sys(syscall(SYS_getdents64, a[0].num, buf, a[1].num));

	put_ret(ret);
	while (ret > 0 && pos < ret) {
		struct dirent64 *d = (void *)(buf + pos);

		put(" off=%ld type=%u", (long)d->d_off, d->d_type);
		put_bytes(d->d_name, strlen(d->d_name));
		pos += d->d_reclen;
	}
}

static void op_read(const struct arg *a)
{
	char *buf = text_buffer(a[1].num);

	put_read((void *)buf, a[1].num, sys(syscall(SYS_read, a[0].num, buf, a[1].num)));
}

static void op_pread(const struct arg *a)
{
	char *buf = text_buffer(a[1].num);

	put_read((void *)buf, a[1].num,
		 sys(syscall(SYS_pread64, a[0].num, buf, a[1].num, a[2].num)));
}

static void op_write(const struct arg *a)
{
	put_ret(sys(syscall(SYS_write, a[0].num, a[1].ptr, a[2].num)));
}

static void op_lseek(const struct arg *a)
{
	put_ret(sys(syscall(SYS_lseek, a[0].num, a[1].num, a[2].num)));
}

/* FD LENGTH PROT FLAGS OFFSET */
static void op_mmap(const struct arg *a)
{
	void *at = mmap(NULL, a[1].num, a[2].num, a[3].num, a[0].num, a[4].num);

	put_ret(at == MAP_FAILED ? -errno : 0);
	if (at != MAP_FAILED)
		munmap(at, a[1].num);
}

static void op_fallocate(const struct arg *a)
{
	put_ret(sys(syscall(SYS_fallocate, a[0].num, a[1].num, a[2].num, a[3].num)));
}

static void op_fsync(const struct arg *a)
{
	put_ret(sys(syscall(a[1].num ? SYS_syncfs : SYS_fsync, a[0].num)));
}

static void op_ioctl(const struct arg *a)
{
	char *buf = memset(text_buffer(512), 0, 512);
	long ret = sys(syscall(SYS_ioctl, a[0].num, a[1].num, buf));

	/* Of a file system around: those that have one make it up, so that no two are the same. */
	if (a[1].num == FS_IOC_GETFSUUID)
		memset(buf + offsetof(struct fsuuid2, uuid), 0, sizeof(((struct fsuuid2 *)0)->uuid));
	put_ret(ret);
	if (!ret)
		put_bytes(buf, 512);
}

static void op_fcntl(const struct arg *a)
{
	put_ret(sys(syscall(SYS_fcntl, a[0].num, a[1].num, a[2].num)));
}

/*
 * All contexts of the kernel's and much else that is a descriptor only have one inode together:
 * whether a lock of it is to be had depends on what everybody on the machine does, the run on the
 * other implementation included. Such a file is left as it is, which is what is reported.
 */
static bool everybodys(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) || fs.f_type != ANON_INODE_FS_MAGIC)
		return false;
	put("everybody's");
	return true;
}

/* FD COMMAND TYPE: a lock on all of the file. */
static void op_lock(const struct arg *a)
{
	struct flock lock = { .l_type = a[2].num };

	if (everybodys(a[0].num))
		return;
	put_ret(sys(syscall(SYS_fcntl, a[0].num, a[1].num, &lock)));
	put(" type=%d", lock.l_type);
}

static void op_flock(const struct arg *a)
{
	if (everybodys(a[0].num))
		return;
	put_ret(sys(syscall(SYS_flock, a[0].num, a[1].num | LOCK_NB)));
}

/* FD TYPE: taken, looked at, and given back before an open() would wait. */
static void op_lease(const struct arg *a)
{
	if (everybodys(a[0].num))
		return;
	put_ret(sys(fcntl(a[0].num, F_SETLEASE, a[1].num)));
	put(" ");
	put_ret(sys(fcntl(a[0].num, F_GETLEASE)));
	put(" ");
	put_ret(sys(fcntl(a[0].num, F_SETLEASE, F_UNLCK)));
}

/* FD SIZE HOW: into a pipe. */
static void op_splice(const struct arg *a)
{
	char *buf = text_buffer(8192);
	int pipe[2];
	long ret;

	if (pipe2(pipe, O_CLOEXEC | O_NONBLOCK)) {
		put_ret(-errno);
		return;
	}
	if (a[2].num)
		ret = sys(sendfile(pipe[1], a[0].num, NULL, a[1].num));
	else
		ret = sys(splice(a[0].num, NULL, pipe[1], NULL, a[1].num, SPLICE_F_NONBLOCK));
	put_ret(ret);
	if (ret > 0) {
		ret = sys(read(pipe[0], buf, 8192));
		put_bytes(buf, ret > 0 ? ret : 0);
	}
	close(pipe[0]);
	close(pipe[1]);
}

static void op_copy_file_range(const struct arg *a)
{
	put_ret(sys(syscall(SYS_copy_file_range, a[0].num, NULL, a[1].num, NULL, a[2].num, 0)));
}

const struct op open_file_ops[] = {
	{ "getdents", op_getdents, 12, "fd #bufsize" },
	{ "read", op_read, 16, "fd #bufsize" },
	{ "pread", op_pread, 8, "fd #bufsize #length" },
	{ "write", op_write, 6, "fd bytes #bufsize" },
	{ "lseek", op_lseek, 8, "fd #length #whence" },
	{ "mmap", op_mmap, 4, "fd #maplen #prot #mapflag #length" },
	{ "fallocate", op_fallocate, 2, "fd #falloc #length #length" },
	{ "fsync", op_fsync, 2, "fd #bool" },
	{ "ioctl", op_ioctl, 8, "fd #ioctl" },
	{ "fcntl", op_fcntl, 6, "fd #fcntl #small" },
	{ "lock", op_lock, 3, "fd #lockcmd #locktype" },
	{ "flock", op_flock, 3, "fd #flock" },
	{ "lease", op_lease, 3, "fd #locktype" },
	{ "splice", op_splice, 4, "fd #bufsize #bool" },
	{ "copy_file_range", op_copy_file_range, 2, "fd fd #bufsize" },
	{ },
};
