// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a sequence in a process of its own, which has a tmpfs as its root:
 *
 *	/b /c	empty directories, to mount on
 *	/o	another tmpfs with a file x, a directory d and a symlink s to /b/d
 *	/proc
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "fuzz.h"
#include "results.h"

/* A sequence that takes longer hangs; the debugging kernel is slow. */
#define LIMIT_MS 60000

/* The kernel lets one wait for unmounting, so some others run meanwhile. */
#define WORKERS 8
#define RESULTS_SIZE (1 << 20)
static char *areas;

/* ---- the objects ---- */

static int objects[FIXED_BPF];

int objects_new(void)
{
	unsigned int i;

	objects[FIXED_MAP] = map_new();
	objects[FIXED_PROG] = prog_new(CALLED);
	objects[FIXED_LINK] = link_new(-1);
	objects[FIXED_BTF] = btf_int_new();
	objects[FIXED_TYPED] = map_typed(objects[FIXED_BTF], BPF_MAP_TYPE_ARRAY, 3);
	objects[FIXED_ITER] = iter_link_new();
	objects[FIXED_ARRAY] = prog_array_new();
	for (i = 0; i < FIXED_BPF; i++) {
		if (objects[i] < 0)
			return objects[i];
		if (fcntl(objects[i], F_SETFD, FD_CLOEXEC))
			return -errno;
	}
	areas = mmap(NULL, WORKERS * RESULTS_SIZE, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return areas == MAP_FAILED ? -errno : text_init();
}

/* ---- the process ---- */

/* An open file of its own for the object, as flags of it may be set. */
static int reopen(enum fixed which)
{
	static const struct {
		enum obj_kind kind;
		int cmd;
	} by_id[FIXED_BPF] = {
		[FIXED_MAP] = { OBJ_MAP, BPF_MAP_GET_FD_BY_ID },
		[FIXED_PROG] = { OBJ_PROG, BPF_PROG_GET_FD_BY_ID },
		[FIXED_LINK] = { OBJ_LINK, BPF_LINK_GET_FD_BY_ID },
		[FIXED_TYPED] = { OBJ_MAP, BPF_MAP_GET_FD_BY_ID },
		[FIXED_ITER] = { OBJ_LINK, BPF_LINK_GET_FD_BY_ID },
		[FIXED_ARRAY] = { OBJ_MAP, BPF_MAP_GET_FD_BY_ID },
	};
	union bpf_attr attr = {};

	if (which == FIXED_BTF)
		return dup(objects[which]);
	attr.map_id = obj_id(objects[which], by_id[which].kind);
	return sys_bpf(by_id[which].cmd, &attr);
}

static int put_at(int fd, int number)
{
	int err;

	if (fd < 0)
		return -errno;
	err = dup3(fd, number, O_CLOEXEC) < 0 ? -errno : 0;
	close(fd);
	return err;
}

static int fixed_fds(void)
{
	int pipe[2], err = 0;
	enum fixed i;

	for (i = 0; !err && i < FIXED_BPF; i++)
		err = put_at(reopen(i), FIXED_FD + i);
	if (err || pipe2(pipe, O_NONBLOCK))
		return err ?: -errno;
	close(pipe[1]);
	return put_at(open("/o/x", O_RDWR), FIXED_FD + FIXED_FILE) ?:
	       put_at(open("/o", O_RDONLY | O_DIRECTORY), FIXED_FD + FIXED_DIR) ?:
	       put_at(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0),
		      FIXED_FD + FIXED_SOCKET) ?:
	       put_at(pipe[0], FIXED_FD + FIXED_PIPE) ?:
	       put_at(inotify_init1(IN_NONBLOCK), FIXED_FD + FIXED_INOTIFY);
}

static int set_up(void)
{
	if (unshare(CLONE_NEWNS) ||
	    (mkdir("root", 0755) && errno != EEXIST) ||
	    mount("tmpfs", "root", "tmpfs", 0, "mode=0755,size=4m") ||
	    chdir("root") || mkdir("b", 0755) || mkdir("c", 0755) || mkdir("o", 0755) ||
	    mkdir("proc", 0755) || mount("/proc", "proc", NULL, MS_BIND, NULL) ||
	    mount("tmpfs", "o", "tmpfs", 0, "mode=0777,size=4m") ||
	    mkdir("o/d", 0777) || symlink("/b/d", "o/s") || mknod("o/x", S_IFREG | 0644, 0) ||
	    write_file("o/x", "some text") ||
	    /* Nothing of the machine's own is to be reached. */
	    syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/"))
		return -errno;
	umask(022);
	return fixed_fds();
}

static void run(const struct sequence *seq, char *results)
{
	unsigned int i;
	int err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGIO, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	err = set_up();
	result_to(results, RESULTS_SIZE);
	if (err) {
		snprintf(results, RESULTS_SIZE, "cannot set up: %s\n", strerror(-err));
		return;
	}
	for (i = 0; i < seq->cnt; i++) {
		if (!op_run(seq->lines[i])) {
			sprintf(results + strlen(results), "not a call\n");
			return;
		}
	}
}

/* ---- many of them ---- */

struct worker {
	char *results;
	unsigned int index;
	pid_t pid;
	uint64_t end;
};

static void begin(struct worker *worker, struct pollfd *ends, const struct sequence *seqs,
		  unsigned int index)
{
	memset(worker->results, 0, strlen(worker->results));
	worker->index = index;
	worker->end = now_ms() + LIMIT_MS;
	worker->pid = fork();
	if (!worker->pid) {
		run(&seqs[index], worker->results);
		_exit(0);
	}
	if (worker->pid < 0)
		abort();
	ends->fd = syscall(SYS_pidfd_open, worker->pid, 0);
	ends->events = POLLIN;
}

static char *finish(struct worker *worker, struct pollfd *end, bool hung)
{
	int status;

	if (hung)
		kill(worker->pid, SIGKILL);
	close(end->fd);
	end->fd = -1;
	status = wait_child(worker->pid);
	if (status)
		sprintf(worker->results + strlen(worker->results), "%s, status %d\n",
			hung ? "hung" : "died", status);
	return strdup(worker->results);
}

unsigned int sequences_run(const struct sequence *seqs, unsigned int cnt, uint64_t end,
			   char **results)
{
	struct worker workers[WORKERS] = {};
	struct pollfd ends[WORKERS];
	unsigned int i, next = 0, running = 0;

	for (i = 0; i < WORKERS; i++) {
		workers[i].results = areas + i * RESULTS_SIZE;
		ends[i].fd = -1;
	}
	for (;;) {
		for (i = 0; i < WORKERS; i++) {
			if (ends[i].fd >= 0 || next == cnt || (end && now_ms() >= end))
				continue;
			begin(&workers[i], &ends[i], seqs, next++);
			running++;
		}
		if (!running)
			break;
		poll(ends, WORKERS, 1000);
		for (i = 0; i < WORKERS; i++) {
			bool hung = now_ms() > workers[i].end;

			if (ends[i].fd < 0 || (!ends[i].revents && !hung))
				continue;
			results[workers[i].index] = finish(&workers[i], &ends[i], hung);
			running--;
		}
	}
	end_children();
	return next;
}
