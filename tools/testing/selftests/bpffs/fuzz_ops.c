// SPDX-License-Identifier: GPL-2.0
/*
 * The calls of a sequence, and how their results show: without what differs from
 * run to run, such as numbers of inodes and file descriptors and the time.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <time.h>
#include <linux/magic.h>
#include <linux/openat2.h>

#include "fuzz.h"

#ifndef SYS_file_getattr
#define SYS_file_getattr 468
#define SYS_file_setattr 469
#endif
#ifndef AT_EXECVE_CHECK
#define AT_EXECVE_CHECK 0x10000
#endif

/* ---- results ---- */

static char *result;
static size_t result_size, result_len;

void result_to(char *text, size_t size)
{
	result = text;
	result_size = size;
	result_len = 0;
}

static __printf(1, 2) void put(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	result_len += vsnprintf(result + result_len, result_size - result_len, fmt, args);
	va_end(args);
	if (result_len >= result_size)
		result_len = result_size - 1;
}

static void put_ret(long ret)
{
	if (ret < 0)
		put("-%s", strerrorname_np(-ret) ?: "?");
	else
		put("%ld", ret);
}

/* All bytes if they are few, else what tells them from others. */
static void put_bytes(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t hash = 0xcbf29ce484222325;
	size_t i;

	if (len > 600) {
		for (i = 0; i < len; i++)
			hash = (hash ^ p[i]) * 0x100000001b3;
		put(" %zu bytes:%016lx", len, hash);
		return;
	}
	put(" \"");
	for (i = 0; i < len; i++) {
		if (p[i] == '"' || p[i] == '\\')
			put("\\%c", p[i]);
		else
			put(isprint(p[i]) ? "%c" : "\\x%02x", p[i]);
	}
	put("\"");
}

/* Numbers that are new in each run show as when they were first seen. */
static unsigned int nth(uint64_t a, uint64_t b)
{
	static uint64_t seen[4096][2];
	static unsigned int cnt;
	unsigned int i;

	for (i = 0; i < cnt && (seen[i][0] != a || seen[i][1] != b); i++)
		;
	if (i == cnt && cnt < ARRAY_SIZE(seen) - 1) {
		seen[cnt][0] = a;
		seen[cnt++][1] = b;
	}
	return i;
}

static void put_inode(dev_t dev, ino_t ino)
{
	/* Inode 1 is a root. */
	put(" ino=%s%u dev=%u", ino == 1 ? "root" : "", nth(dev, ino), nth(dev, -1));
}

/* Times that were set are far in the past or the future, others are now. */
static void put_time(const char *name, int64_t sec, uint32_t nsec)
{
	if (llabs(sec - time(NULL)) > 24 * 60 * 60)
		put(" %s=%ld.%u", name, (long)sec, nsec);
	else
		put(" %s=now", name);
}

/* A new file descriptor goes to its slot. */
static void put_fd(const struct arg *slot, long fd)
{
	if (fd < 0) {
		put_ret(fd);
		return;
	}
	put("fd%s", fcntl(fd, F_GETFD) & FD_CLOEXEC ? "" : " inherited");
	dup3(fd, slot->num, O_CLOEXEC);
	close(fd);
}

/* What was read into text_buffer(); whether it was touched when it should not. */
static void put_read(const unsigned char *buf, size_t size, long ret)
{
	size_t i;

	put_ret(ret);
	if (ret >= 0) {
		if (size)
			put_bytes(buf, ret < size ? ret : size);
		return;
	}
	for (i = 0; i < size && i < MAX_BUF && buf[i] == 0xaa; i++)
		;
	if (i < size && i < MAX_BUF)
		put(" dirty");
}

/* ---- bpf(2) ---- */

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

/* ---- mounts ---- */

/* A namespace of its own for a mount: what joins what is not C's business. */
static void own_namespace(void)
{
	if (unshare(CLONE_NEWNS))
		put("(unshare: %s) ", strerrorname_np(errno));
}

/* SLOT TYPE FLAGS */
static void op_fsopen(const struct arg *a)
{
	own_namespace();
	put_fd(a, sys(syscall(SYS_fsopen, a[1].ptr, a[2].num)));
}

/* FS COMMAND KEY VALUE AUX */
static void op_fsconfig(const struct arg *a)
{
	put_ret(sys(syscall(SYS_fsconfig, a[0].num, a[1].num, a[2].ptr, a[3].ptr, a[4].num)));
}

/* SLOT FS FLAGS ATTRIBUTES */
static void op_fsmount(const struct arg *a)
{
	put_fd(a, sys(syscall(SYS_fsmount, a[1].num, a[2].num, a[3].num)));
}

/* FD PATH */
static void op_move_mount(const struct arg *a)
{
	put_ret(sys(syscall(SYS_move_mount, a[0].num, "", AT_FDCWD, a[1].ptr,
			    MOVE_MOUNT_F_EMPTY_PATH)));
}

/* SLOT DIR PATH FLAGS */
static void op_fspick(const struct arg *a)
{
	put_fd(a, sys(syscall(SYS_fspick, a[1].num, a[2].ptr, a[3].num)));
}

/* SLOT DIR PATH FLAGS */
static void op_open_tree(const struct arg *a)
{
	put_fd(a, sys(syscall(SYS_open_tree, a[1].num, a[2].ptr, a[3].num)));
}

/* DIR PATH FLAGS SET CLEAR SIZE */
static void op_mount_setattr(const struct arg *a)
{
	uint64_t attr[8] = { a[3].num, a[4].num };

	put_ret(sys(syscall(SYS_mount_setattr, a[0].num, a[1].ptr, a[2].num, attr, a[5].num)));
}

/* FS: all messages. */
static void op_fslog(const struct arg *a)
{
	char buf[512];
	long ret;
	int i;

	for (i = 0; i < 12 && (ret = sys(read(a[0].num, buf, sizeof(buf)))) > 0; i++)
		put_bytes(buf, ret);
	put(" ");
	put_ret(ret);
}

/* SOURCE TARGET TYPE FLAGS DATA */
static void op_mount(const struct arg *a)
{
	if (!(a[3].num & (MS_REMOUNT | MS_BIND | MS_MOVE | MS_SHARED | MS_PRIVATE | MS_SLAVE |
			  MS_UNBINDABLE)))
		own_namespace();
	put_ret(sys(syscall(SYS_mount, a[0].ptr, a[1].ptr, a[2].ptr, a[3].num, a[4].ptr)));
}

/* PATH FLAGS */
static void op_umount(const struct arg *a)
{
	put_ret(sys(syscall(SYS_umount2, a[0].ptr, a[1].num)));
}

/* All mounts of type bpf. */
static void op_mountinfo(const struct arg *a)
{
	char root[4096], at[4096], opts[256], type[32], source[4096], sb_opts[4096];
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, *tail;
	unsigned int major, minor;
	size_t size = 0;

	if (!file)
		put_ret(-errno);
	while (file && getline(&line, &size, file) > 0) {
		tail = strstr(line, " - bpf ");
		if (!tail || sscanf(line, "%*u %*u %u:%u %4095s %4095s %255s", &major, &minor,
				    root, at, opts) != 5)
			continue;
		if (sscanf(tail, " - %31s %4095s %4095s", type, source, sb_opts) != 3)
			/* Without a source there are two blanks. */
			snprintf(source, sizeof(source), "%s", tail);
		put(" [dev=%u", nth(makedev(major, minor), -1));
		put_bytes(root, strlen(root));
		put_bytes(at, strlen(at));
		put(" %s", opts);
		put_bytes(source, strlen(source));
		put_bytes(sb_opts, strlen(sb_opts));
		put("]");
	}
	free(line);
	if (file)
		fclose(file);
}

/* PATH */
static void op_statfs(const struct arg *a)
{
	struct statfs st;
	long ret = sys(syscall(SYS_statfs, a[0].ptr, &st));

	put_ret(ret);
	if (!ret)
		put(" type=%lx bsize=%ld blocks=%lu,%lu files=%lu namelen=%ld frsize=%ld flags=%lx",
		    st.f_type, st.f_bsize, st.f_blocks, st.f_bfree, st.f_files, st.f_namelen,
		    st.f_frsize, st.f_flags);
}

/*
 * SLOT "key=value" …: an instance that belongs to a user namespace, at /c; the
 * namespace goes to the slot.
 */
static void op_container(const struct arg *a)
{
	const char *opts[2 * MAX_ARGS + 1] = { NULL };
	int userns, mnt, i, n = 0;
	char *equals;

	for (i = 1; i < 4; i++) {
		equals = a[i].ptr ? memchr(a[i].ptr, '=', a[i].len) : NULL;
		if (!equals)
			continue;
		*equals = '\0';
		opts[n++] = a[i].ptr;
		opts[n++] = equals + 1;
	}
	mnt = container_mount(&userns, opts);
	put_ret(mnt < 0 ? mnt : mnt_attach(mnt, "/c"));
	if (mnt >= 0)
		close(mnt);
	if (userns >= 0) {
		dup3(userns, a[0].num, O_CLOEXEC);
		close(userns);
	}
}

/* USERNS: become root in there. */
static void op_enter(const struct arg *a)
{
	long ret = sys(setns(a[0].num, CLONE_NEWUSER));

	put_ret(ret ?: become(0, 0));
}

/* ---- the process ---- */

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

/* ---- names ---- */

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

/* ---- attributes ---- */

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

/* ---- open files ---- */

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

	put_ret(ret);
	if (!ret)
		put_bytes(buf, 512);
}

static void op_fcntl(const struct arg *a)
{
	put_ret(sys(syscall(SYS_fcntl, a[0].num, a[1].num, a[2].num)));
}

/* FD COMMAND TYPE: a lock on all of the file. */
static void op_lock(const struct arg *a)
{
	struct flock lock = { .l_type = a[2].num };

	put_ret(sys(syscall(SYS_fcntl, a[0].num, a[1].num, &lock)));
	put(" type=%d", lock.l_type);
}

static void op_flock(const struct arg *a)
{
	put_ret(sys(syscall(SYS_flock, a[0].num, a[1].num | LOCK_NB)));
}

/* FD TYPE: taken, looked at, and given back before an open() would wait. */
static void op_lease(const struct arg *a)
{
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

/* ---- handles, events ---- */

static struct {
	struct file_handle handle;
	char bytes[MAX_HANDLE_SZ];
} handle;

/* DIR PATH FLAGS SIZE */
static void op_name_to_handle(const struct arg *a)
{
	uint64_t id;
	long ret;

	handle.handle.handle_bytes = a[3].num;
	ret = sys(syscall(SYS_name_to_handle_at, a[0].num, a[1].ptr, &handle, &id, a[2].num));
	put_ret(ret);
	put(" bytes=%u", handle.handle.handle_bytes);
	if (!ret)
		put(" type=%d", handle.handle.handle_type);
}

/* SLOT MOUNT */
static void op_open_by_handle(const struct arg *a)
{
	if (handle.handle.handle_bytes > MAX_HANDLE_SZ)
		handle.handle.handle_bytes = 0;
	put_fd(a, sys(syscall(SYS_open_by_handle_at, a[1].num, &handle, O_RDONLY | O_NONBLOCK)));
}

/* PATH MASK */
static void op_watch(const struct arg *a)
{
	put_ret(sys(syscall(SYS_inotify_add_watch, FIXED_FD + FIXED_INOTIFY, a[0].ptr,
			    a[1].num)));
}

static void op_events(const struct arg *a)
{
	char *buf = text_buffer(16384);
	long pos = 0, ret = sys(read(FIXED_FD + FIXED_INOTIFY, buf, 16384));

	put_ret(ret);
	while (ret > 0 && pos < ret) {
		struct inotify_event *e = (void *)(buf + pos);

		put(" wd=%d mask=%x cookie=%d", e->wd, e->mask, !!e->cookie);
		put_bytes(e->name, e->len ? strlen(e->name) : 0);
		pos += sizeof(*e) + e->len;
	}
}

/* CLASS FLAGS MASK PATH: a mark of fanotify, of which the events are not read. */
static void op_fanotify(const struct arg *a)
{
	int fd = fanotify_init(a[0].num | FAN_NONBLOCK | FAN_CLOEXEC, 0);

	if (fd < 0) {
		put_ret(-errno);
		return;
	}
	put_ret(sys(syscall(SYS_fanotify_mark, fd, a[1].num, a[2].num, AT_FDCWD, a[3].ptr)));
	close(fd);
}

/* FD: could it be executed? It never is. */
static void op_exec_check(const struct arg *a)
{
	put_ret(sys(syscall(SYS_execveat, a[0].num, "", NULL, NULL,
			    AT_EMPTY_PATH | AT_EXECVE_CHECK)));
}

/* ---- all there is ---- */

static void put_xattrs(const char *path)
{
	char *names = text_buffer(MAX_BUF), *name, value[1024];
	long len = sys(llistxattr(path, names, 65536)), ret;

	if (len < 0) {
		put(" xattrs:");
		put_ret(len);
	}
	for (name = names; len > 0 && name < names + len; name += strlen(name) + 1) {
		put(" xattr");
		put_bytes(name, strlen(name));
		ret = sys(lgetxattr(path, name, value, sizeof(value)));
		if (ret < 0)
			put_ret(ret);
		else
			put_bytes(value, ret);
	}
}

/* What is there depends on what else runs. */
static bool is_proc(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == PROC_SUPER_MAGIC;
}

static void put_tree(const char *path, unsigned int depth, unsigned int *left)
{
	char sub[4096], to[4096];
	struct dirent *entry;
	struct stat st;
	long ret;
	DIR *dir;

	if (!*left || !--*left)
		return;
	put(" {");
	put_bytes(path, strlen(path));
	ret = sys(lstat(path, &st));
	if (ret) {
		put_ret(ret);
		put("}");
		return;
	}
	put(" %o", st.st_mode);
	if (S_ISDIR(st.st_mode) && is_proc(path)) {
		put("}");
		return;
	}
	put(" %lu %u:%u %ld", st.st_nlink, st.st_uid, st.st_gid, st.st_size);
	put_inode(st.st_dev, st.st_ino);
	put_time("a", st.st_atim.tv_sec, st.st_atim.tv_nsec);
	put_time("m", st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	put_xattrs(path);
	if (S_ISLNK(st.st_mode)) {
		ret = sys(readlink(path, to, sizeof(to)));
		put_bytes(to, ret > 0 ? ret : 0);
	}
	dir = S_ISDIR(st.st_mode) && depth ? opendir(path) : NULL;
	while (dir && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		put(" t%d", entry->d_type);
		if (snprintf(sub, sizeof(sub), "%s/%s", path, entry->d_name) < sizeof(sub))
			put_tree(sub, depth - 1, left);
	}
	if (dir)
		closedir(dir);
	put("}");
}

/* PATH: everything below. */
static void op_tree(const struct arg *a)
{
	unsigned int left = 60;
	char path[4096];

	/* It may end with its page, which is for the kernel to cope with. */
	snprintf(path, sizeof(path), "%.*s", (int)a[0].len, (char *)a[0].ptr ?: "");
	put_tree(path, 6, &left);
}

/* ---- the table ---- */

const struct op ops[] = {
	{ "pin", op_pin, 50, "object path #pinflag pathfd #attrsize #tail" },
	{ "get", op_get, 50, "slot path #getflag pathfd #attrsize #tail #zero" },
	{ "token", op_token, 4, "slot fd #zero #tokensize #tail" },
	{ "bpf", op_bpf, 6, "#bpfcmd bytes #attrsize" },
	{ "map_create", op_map_create, 2, "#maptype fd" },
	{ "map_update", op_map_update, 6, "fd" },
	{ "iter_create", op_iter_create, 3, "slot fd" },
	{ "fdinfo", op_fdinfo, 10, "fd" },

	{ "fsopen", op_fsopen, 2, "slot fstype #zero" },
	{ "fsconfig", op_fsconfig, 16, "fd #fscmd key value #aux" },
	{ "fsmount", op_fsmount, 4, "slot fd #zero #mntattr" },
	{ "move_mount", op_move_mount, 4, "fd path" },
	{ "fspick", op_fspick, 4, "slot dir path #pickflag" },
	{ "open_tree", op_open_tree, 3, "slot dir path #treeflag" },
	{ "mount_setattr", op_mount_setattr, 4, "dir path #atflag #mntattr #mntattr #setattrsize" },
	{ "fslog", op_fslog, 6, "fd" },
	{ "mount", op_mount, 12, "fstype path fstype #msflag options" },
	{ "umount", op_umount, 3, "path #umountflag" },
	{ "mountinfo", op_mountinfo, 6, "" },
	{ "statfs", op_statfs, 4, "path" },
	{ "container", op_container, 0, "slot options options options" },
	{ "enter", op_enter, 0, "fd" },

	{ "user", op_user, 4, "#uid" },
	{ "umask", op_umask, 3, "#mode" },
	{ "chdir", op_chdir, 3, "path" },
	{ "fchdir", op_fchdir, 2, "fd" },
	{ "close", op_close, 6, "fd" },
	{ "dup", op_dup, 2, "slot fd" },

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

	{ "statx", op_statx, 20, "dir path #atflag #statxmask" },
	{ "faccessat2", op_faccessat2, 8, "dir path #access #atflag" },
	{ "fchmodat2", op_fchmodat2, 14, "dir path #mode #atflag" },
	{ "fchownat", op_fchownat, 10, "dir path #uid #uid #atflag" },
	{ "utimensat", op_utimensat, 14, "dir path #atflag #time #nsec #time #nsec" },
	{ "truncate", op_truncate, 3, "path #length" },
	{ "ftruncate", op_ftruncate, 4, "fd #length" },
	{ "file_getattr", op_file_getattr, 3, "dir path #bufsize #atflag" },
	{ "file_setattr", op_file_setattr, 3, "dir path bytes #bufsize #atflag" },
	{ "setxattr", op_setxattr, 30, "path xattr xvalue #xsize #xflag #bool" },
	{ "fsetxattr", op_fsetxattr, 10, "fd xattr xvalue #xsize #xflag" },
	{ "getxattr", op_getxattr, 15, "path xattr #bufsize #bool" },
	{ "listxattr", op_listxattr, 10, "path #bufsize #bool" },
	{ "flistxattr", op_flistxattr, 4, "fd #bufsize" },
	{ "removexattr", op_removexattr, 8, "path xattr #bool" },
	{ "fillxattr", op_fillxattr, 2, "path xprefix #fill #fillsize" },

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

	{ "name_to_handle", op_name_to_handle, 4, "dir path #handleflag #handlesize" },
	{ "open_by_handle", op_open_by_handle, 2, "slot fd" },
	{ "watch", op_watch, 5, "path #inmask" },
	{ "events", op_events, 5, "" },
	{ "fanotify", op_fanotify, 3, "#fanclass #fanflag #fanmask path" },
	{ "exec_check", op_exec_check, 3, "fd" },
	{ "tree", op_tree, 2, "path" },
};
const unsigned int ops_cnt = ARRAY_SIZE(ops);

const struct op *op_find(const char *line)
{
	size_t len = strcspn(line, " ");
	unsigned int i;

	for (i = 0; i < ops_cnt; i++) {
		if (!strncmp(ops[i].name, line, len) && !ops[i].name[len])
			return &ops[i];
	}
	return NULL;
}

static int words(const char *text)
{
	int n = 0;

	for (; *(text += strspn(text, " ")); text += strcspn(text, " "))
		n++;
	return n;
}

bool op_run(const char *line)
{
	const struct op *op = op_find(line);
	struct arg args[MAX_ARGS];
	size_t begin = result_len;

	if (!op || text_args(line + strlen(op->name), args) != words(op->params))
		return false;
	op->run(args);
	/* One line, whatever it says. */
	for (; begin < result_len; begin++) {
		if (result[begin] == '\n')
			result[begin] = ' ';
	}
	put("\n");
	return true;
}
