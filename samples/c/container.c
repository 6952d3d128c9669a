// SPDX-License-Identifier: GPL-2.0
/*
 * Run a command in a container: in a user namespace and a mount namespace of its own, as root
 * there and nobody on the host, with a BPF file system at /sys/fs/bpf that is the container's. The
 * options of the mount say what the container may do: what tokens are good for (delegate_*), how
 * many inodes it may have (nr_inodes=).
 *
 * Mounting takes CAP_SYS_ADMIN on the host, which the container has not. So the container opens
 * the context, whose namespaces then are its own, and this program configures it and makes the
 * mount.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char usage[] =
	"Usage: container-c [-o OPTIONS] COMMAND [ARGUMENT...]\n"
	"Run a command in a container that has a BPF file system of its own.\n"
	"\n"
	"  -o OPTIONS    of the mount, such as delegate_cmds=map_create,delegate_maps=array,nr_inodes=1k\n";

#define DIR "/sys/fs/bpf"
/* Root of the container, outside. */
#define ROOT 100000

/* Sends the descriptor over the socket; receives one if @fd is -1. */
static int pass_fd(int socket, int fd)
{
	union {
		struct cmsghdr header;
		char buf[CMSG_SPACE(sizeof(fd))];
	} control = {
		.header = {
			.cmsg_len = CMSG_LEN(sizeof(fd)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		},
	};
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		if (sendmsg(socket, &msg, 0) != 1)
			err(1, "sendmsg");
		return fd;
	}
	/* The other side has said why, if it has ended. */
	if (recvmsg(socket, &msg, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&msg))
		exit(1);
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	return fd;
}

static void map_ids(pid_t pid, const char *file)
{
	char path[64];
	FILE *map;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	map = fopen(path, "w");
	if (!map || fprintf(map, "0 %d 65536\n", ROOT) < 0 || fclose(map))
		err(1, "%s", path);
}

/* The mount that the context asks for, with these options. */
static int make_mount(int fs, char *options)
{
	char message[256], *option, *value;
	ssize_t len;
	int mnt;

	while ((option = strsep(&options, ","))) {
		value = strchr(option, '=');
		if (value)
			*value++ = '\0';
		if (*option && fsconfig(fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, option, value, 0))
			goto failed;
	}
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		goto failed;
	mnt = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (mnt >= 0)
		return mnt;
failed:
	warn("cannot mount a BPF file system");
	while ((len = read(fs, message, sizeof(message) - 1)) > 0)
		fprintf(stderr, "%.*s", (int)len, message);
	exit(1);
}

static int contain(int socket, char **command)
{
	char byte;
	int fs;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		err(1, "unshare");
	/* The ids are mapped when there is an answer. */
	if (write(socket, "", 1) != 1 || read(socket, &byte, 1) != 1)
		exit(1);
	if (setgid(0) || setuid(0))
		err(1, "setuid");
	fs = fsopen("bpf", FSOPEN_CLOEXEC);
	if (fs < 0)
		err(1, "fsopen");
	pass_fd(socket, fs);
	if (move_mount(pass_fd(socket, -1), "", AT_FDCWD, DIR, MOVE_MOUNT_F_EMPTY_PATH))
		err(1, DIR);
	execvp(*command, command);
	err(1, "%s", *command);
}

int main(int argc, char **argv)
{
	char *options = NULL, byte;
	int pair[2], option, status;
	pid_t pid;

	while ((option = getopt(argc, argv, "+ho:")) != -1) {
		if (option != 'o') {
			fputs(usage, option == 'h' ? stdout : stderr);
			return option == 'h' ? 0 : 2;
		}
		options = optarg;
	}
	if (optind == argc) {
		fputs(usage, stderr);
		return 2;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		err(1, "socketpair");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		close(pair[0]);
		return contain(pair[1], argv + optind);
	}
	close(pair[1]);
	if (read(pair[0], &byte, 1) == 1) {
		map_ids(pid, "gid_map");
		map_ids(pid, "uid_map");
		if (write(pair[0], "", 1) != 1)
			err(1, "write");
		pass_fd(pair[0], make_mount(pass_fd(pair[0], -1), options));
	}
	if (waitpid(pid, &status, 0) != pid)
		err(1, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
