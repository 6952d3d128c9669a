// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "contexts.h"
#include "bpf_mount.h"

/* Of each of the two the end that is put into, and the other one. */
static int contexts[2] = { -1, -1 }, containers[2] = { -1, -1 };

union control {
	char buf[CMSG_SPACE(2 * sizeof(int))];
	struct cmsghdr align;
};

/* Puts the files, one or two, into the socket together. */
static int put(const int *ends, const int *fds, unsigned int cnt)
{
	union control control = {};
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = CMSG_SPACE(cnt * sizeof(*fds)),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(cnt * sizeof(*fds));
	memcpy(CMSG_DATA(cmsg), fds, cnt * sizeof(*fds));
	return sendmsg(ends[0], &msg, MSG_DONTWAIT) == 1 ? 0 : -errno;
}

static int socket_new(int *ends, const char *variable)
{
	int size = 16 << 20;
	char number[16];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) ||
	    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		return -errno;
	/* The other one must not keep the socket alive in those that are run. */
	fcntl(ends[0], F_SETFD, FD_CLOEXEC);
	snprintf(number, sizeof(number), "%d", ends[1]);
	setenv(variable, number, true);
	return 0;
}

static int put_context(void)
{
	int fs = fs_open(), err = fs < 0 ? fs : put(contexts, &fs, 1);

	close(fs);
	return err;
}

static int put_container(void)
{
	struct container c;
	int err = container_open(&c);

	container_left(&c);
	if (!err)
		err = put(containers, (int[]){ c.fs, c.userns }, 2);
	close(c.fs);
	close(c.userns);
	return err;
}

int contexts_open(unsigned int contexts_cnt, unsigned int containers_cnt)
{
	int err = socket_new(contexts, CONTEXTS) ?: socket_new(containers, CONTAINERS);

	while (!err && contexts_cnt--)
		err = put_context();
	while (!err && containers_cnt--)
		err = put_container();
	return err;
}

void contexts_close(void)
{
	unsetenv(CONTEXTS);
	unsetenv(CONTAINERS);
	close(contexts[0]);
	close(contexts[1]);
	close(containers[0]);
	close(containers[1]);
}
