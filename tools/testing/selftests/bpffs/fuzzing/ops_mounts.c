// SPDX-License-Identifier: GPL-2.0
/* Calls of the fuzzer: mounts by both interfaces, containers. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "fuzz.h"
#include "results.h"

bool mounts_apart;

/* A namespace of its own for a mount, see mounts_apart. */
static void own_namespace(void)
{
	if (mounts_apart && unshare(CLONE_NEWNS))
		put("(unshare: %s) ", strerrorname_np(errno));
}

static dev_t there[256];
static unsigned int there_cnt;

static bool is_gone(uint64_t dev)
{
	unsigned int i;

	for (i = 0; i < there_cnt && there[i] != dev; i++)
		;
	return i == there_cnt;
}

static void note_there(dev_t dev)
{
	if (there_cnt < ARRAY_SIZE(there))
		there[there_cnt++] = dev;
}

/*
 * Before an instance is made: it may be given the number of a device whose instance is gone, or
 * another number, as other sequences leave and take some. So only those count as seen that can be
 * seen now, mounted or open.
 */
static void forget_gone(void)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	unsigned int major, minor, i;
	char *line = NULL;
	struct stat st;
	size_t size = 0;

	there_cnt = 0;
	while (file && getline(&line, &size, file) > 0) {
		if (sscanf(line, "%*u %*u %u:%u", &major, &minor) == 2)
			note_there(makedev(major, minor));
	}
	free(line);
	if (file)
		fclose(file);
	for (i = 0; i < SLOTS; i++) {
		if (!fstat(SLOT_FD + i, &st))
			note_there(st.st_dev);
	}
	if (!stat(".", &st))
		note_there(st.st_dev);
	nth_forget(is_gone);
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
	if (a[1].num == FSCONFIG_CMD_CREATE || a[1].num == FSCONFIG_CMD_CREATE_EXCL)
		forget_gone();
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
	forget_gone();
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
	forget_gone();
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

const struct op mount_ops[] = {
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
	{ },
};
