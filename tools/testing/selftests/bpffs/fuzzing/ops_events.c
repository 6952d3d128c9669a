// SPDX-License-Identifier: GPL-2.0
/* Calls of the fuzzer: file handles, inotify and fanotify, and whether a file can be executed. */
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/syscall.h>

#include "fuzz.h"
#include "results.h"

#ifndef AT_EXECVE_CHECK
#define AT_EXECVE_CHECK 0x10000
#endif

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

/* Using them taints the kernel, and whoever opens the file waits for an answer: never asked for. */
static const uint64_t permission_events = FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_OPEN_EXEC_PERM |
					  0x100000 /* FAN_PRE_ACCESS */;

/* CLASS FLAGS MASK PATH: a mark of fanotify, of which the events are not read. */
static void op_fanotify(const struct arg *a)
{
	uint64_t mask = a[2].num & ~permission_events;
	int fd = fanotify_init(a[0].num | FAN_NONBLOCK | FAN_CLOEXEC, 0);

	if (fd < 0) {
		put_ret(-errno);
		return;
	}
	put_ret(sys(syscall(SYS_fanotify_mark, fd, a[1].num, mask, AT_FDCWD, a[3].ptr)));
	close(fd);
}

/* FD: could it be executed? It never is. */
static void op_exec_check(const struct arg *a)
{
	put_ret(sys(syscall(SYS_execveat, a[0].num, "", NULL, NULL,
			    AT_EMPTY_PATH | AT_EXECVE_CHECK)));
}

const struct op event_ops[] = {
	{ "name_to_handle", op_name_to_handle, 4, "dir path #handleflag #handlesize" },
	{ "open_by_handle", op_open_by_handle, 2, "slot fd" },
	{ "watch", op_watch, 5, "path #inmask" },
	{ "events", op_events, 5, "" },
	{ "fanotify", op_fanotify, 3, "#fanclass #fanflag #fanmask path" },
	{ "exec_check", op_exec_check, 3, "fd" },
	{ },
};
