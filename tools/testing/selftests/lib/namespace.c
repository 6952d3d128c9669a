// SPDX-License-Identifier: GPL-2.0
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>

#include "file.h"
#include "namespace.h"
#include "process.h"
#include "wait.h"

int mntns_unshare(void)
{
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -errno;
	return 0;
}

/* More than one id can only be mapped from outside, so by a child of ours. */
static int userns_map(pid_t pid, uid_t host)
{
	char path[64], map[64];
	int err;

	snprintf(map, sizeof(map), "0 %u 65536", host);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	err = write_file(path, map);
	if (err)
		return err;
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	return write_file(path, map);
}

int userns_unshare(uid_t host, int flags)
{
	int ready = event_new(), err = 0, status;
	pid_t pid, self = getpid();

	if (ready < 0)
		return ready;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(event_wait(ready) || userns_map(self, host));
	if (unshare(CLONE_NEWUSER | flags))
		err = -errno;
	event_post(ready);
	close(ready);
	status = wait_child(pid);
	if (err)
		return err;
	if (status)
		return -EPERM;
	if (flags & CLONE_NEWNS && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -errno;
	return become(0, 0);
}
