// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "file.h"
#include "module.h"
#include "process.h"
#include "subject.h"
#include "wait.h"

int module_refcnt(void)
{
	char path[128], buf[16];
	ssize_t ret;

	if (!subject.module)
		return -ENOENT;
	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", subject.module);
	ret = read_file(path, buf, sizeof(buf));
	return ret < 0 ? ret : atoi(buf);
}

int module_insert(const char *params)
{
	const char *path = getenv(subject.module_path);
	pid_t pid;
	int fd, err;

	if (path) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		err = sys(syscall(SYS_finit_module, fd, params ?: "", 0));
		close(fd);
		return err;
	}
	pid = fork();
	if (!pid) {
		execlp("modprobe", "modprobe", subject.module, params, NULL);
		_exit(127);
	}
	return wait_child(pid) ? -ENOENT : 0;
}

static bool module_delete(int *err)
{
	*err = sys(syscall(SYS_delete_module, subject.module, O_NONBLOCK));
	return *err != -EAGAIN && *err != -EBUSY;
}

int module_remove(void)
{
	int err;

	/* The last superblock's reference is dropped a little after umount. */
	wait_until(module_delete(&err), 3000);
	return err;
}

bool module_need(const char *name)
{
	char command[128];

	snprintf(command, sizeof(command), "PATH=$PATH:/sbin:/usr/sbin modprobe -q %s", name);
	return !system(command);
}
