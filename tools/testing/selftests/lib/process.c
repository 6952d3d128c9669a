// SPDX-License-Identifier: GPL-2.0
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "file.h"
#include "process.h"

pid_t fork_files(void)
{
	return sys(syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0));
}

int wait_child(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* The first child of this process that is no zombie, 0 when there is none. */
static pid_t first_child(void)
{
	char path[64], pids[32];

	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	return read_file(path, pids, sizeof(pids)) > 0 ? atoi(pids) : 0;
}

int end_children(void)
{
	pid_t pid;
	int n;

	/* The children of those that end become ours in turn. */
	for (n = 0; (pid = first_child()) > 0; n++) {
		kill(pid, SIGKILL);
		wait_child(pid);
	}
	return n;
}

int become(uid_t uid, gid_t gid)
{
	if (setgroups(0, NULL) || setresgid(gid, gid, gid) ||
	    setresuid(uid, uid, uid))
		return -errno;
	return 0;
}
