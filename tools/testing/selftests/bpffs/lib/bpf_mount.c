// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include "bpf_mount.h"
#include "file.h"
#include "fsmount.h"
#include "namespace.h"
#include "process.h"
#include "wait.h"

bool context_is_old(int fs)
{
	return !fs_set(fs, "newinstance", "x");
}

#define MODPROBE "/proc/sys/kernel/modprobe"

static char modprobe[256];
static pid_t asks_for_nothing;

static void mounts_ask(void)
{
	/* Not at the end of a child. */
	if (getpid() == asks_for_nothing)
		write_file(MODPROBE, modprobe);
}

void mounts_ask_for_nothing(void)
{
	/* The program that started this one may have done it. */
	if (read_file(MODPROBE, modprobe, sizeof(modprobe)) <= 1 ||
	    !system("PATH=$PATH:/sbin:/usr/sbin modprobe -nq bpf_preload"))
		return;
	asks_for_nothing = getpid();
	if (!atexit(mounts_ask))
		write_file(MODPROBE, "\n");
}

/*
 * Contexts of C's, see contexts.h: takes what @variable's socket has next, which is as
 * many files; 0 or -errno.
 */
static int take_context(const char *variable, int *fds, unsigned int cnt)
{
	const char *end = getenv(variable);
	union {
		char buf[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *cmsg;

	if (!end)
		return -ENOENT;
	if (recvmsg(atoi(end), &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1)
		return -errno;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_len != CMSG_LEN(cnt * sizeof(*fds)))
		return -ENODATA;
	memcpy(fds, CMSG_DATA(cmsg), cnt * sizeof(*fds));
	/* Or the tests would be of ours, once more. */
	if (!context_is_old(fds[0])) {
		fprintf(stderr, "# a context that C opened is not C's\n");
		while (cnt--)
			close(fds[cnt]);
		return -EPROTO;
	}
	return 0;
}

/* What mount(2) does with the options. */
static int set_options(int fs, const char *opts)
{
	char *copy = strdup(opts ?: ""), *rest = copy, *opt;
	int err = 0;

	while (!err && (opt = strsep(&rest, ","))) {
		char *value = strchr(opt, '=');

		if (value == opt || !*opt)
			continue;
		if (value)
			*value++ = '\0';
		err = value ? fs_set(fs, opt, value) : fs_flag(fs, opt);
	}
	free(copy);
	return err;
}

/* A mount as by mount(2), but of such a context. */
static int mount_context(const char *dir, unsigned long flags, const char *opts)
{
	int fs, mnt, err = take_context(CONTEXTS, &fs, 1);

	if (err)
		return err;
	err = fs_set(fs, "source", "bpf") ?: set_options(fs, opts);
	if (!err && flags & MS_RDONLY)
		err = fs_flag(fs, "ro");
	if (!err)
		err = fs_create(fs);
	mnt = err ? err : fs_mount(fs, flags & MS_RDONLY ? MOUNT_ATTR_RDONLY : 0);
	close(fs);
	if (mnt < 0)
		return mnt;
	err = mnt_attach(mnt, dir);
	close(mnt);
	return err;
}

int mount_bpf_flags(const char *dir, unsigned long flags, const char *opts)
{
	if (mkdir(dir, 0755) && errno != EEXIST)
		return -errno;
	if (getenv(CONTEXTS) && !(flags & (MS_REMOUNT | MS_BIND)))
		return mount_context(dir, flags, opts);
	return sys(mount("bpf", dir, "bpf", flags, opts));
}

int mount_bpf(const char *dir, const char *opts)
{
	return mount_bpf_flags(dir, 0, opts);
}

int umount_bpf(const char *dir)
{
	return sys(umount2(dir, 0));
}

int fs_open(void)
{
	return fs_open_type("bpf");
}

int fs_open_tested(void)
{
	int fs, err;

	if (!getenv(CONTEXTS))
		return fs_open();
	err = take_context(CONTEXTS, &fs, 1);
	return err ?: fs;
}

int container_open(struct container *c)
{
	int opened = event_new(), err, own;
	char path[64];

	c->closed = event_new();
	/* A number for its context, as the table of descriptors is shared. */
	c->fs = dup(opened);
	c->pid = fork_files();
	if (!c->pid) {
		if (userns_unshare(CONTAINER_ROOT, CLONE_NEWNS))
			_exit(1);
		own = fs_open();
		if (dup2(own, c->fs) != c->fs || close(own))
			_exit(1);
		event_post(opened);
		_exit(event_wait(c->closed));
	}
	err = c->pid < 0 ? c->pid : event_wait(opened);
	close(opened);
	snprintf(path, sizeof(path), "/proc/%d/ns/user", c->pid);
	c->userns = err ? err : sys(open(path, O_RDONLY | O_CLOEXEC));
	return err ?: c->userns < 0 ? c->userns : 0;
}

void container_left(struct container *c)
{
	if (c->pid > 0) {
		event_post(c->closed);
		wait_child(c->pid);
	}
	close(c->closed);
}

int container_mount(int *userns, const char *const *opts)
{
	struct container c = { .closed = -1 };
	int fds[2], mnt = -EPERM, err;

	if (getenv(CONTAINERS)) {
		err = take_context(CONTAINERS, fds, 2);
		if (err)
			return err;
		c.fs = fds[0];
		c.userns = fds[1];
	} else {
		err = container_open(&c);
	}
	for (; !err && *opts; opts += 2)
		err = fs_set(c.fs, opts[0], opts[1]);
	if (!err)
		err = fs_create(c.fs);
	if (!err)
		mnt = fs_mount(c.fs, 0);
	container_left(&c);
	close(c.fs);
	*userns = c.userns;
	return err ?: mnt;
}
