// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "contexts.h"
#include "util.h"

static int ends[2] = { -1, -1 };

union control {
	char buf[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

/* Puts the file into the socket. */
static int put(int fd)
{
	union control control = {};
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return sendmsg(ends[0], &msg, MSG_DONTWAIT) == 1 ? 0 : -errno;
}

int contexts_open(unsigned int cnt)
{
	int size = 16 << 20, err = 0, fd;
	char number[16];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) ||
	    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		return -errno;
	/* The other one must not keep the socket alive in those that are run. */
	fcntl(ends[0], F_SETFD, FD_CLOEXEC);
	snprintf(number, sizeof(number), "%d", ends[1]);
	setenv(CONTEXTS, number, true);
	while (!err && cnt--) {
		fd = fs_open();
		err = fd < 0 ? fd : put(fd);
		close(fd);
	}
	return err;
}

void contexts_close(void)
{
	unsetenv(CONTEXTS);
	close(ends[0]);
	close(ends[1]);
}
