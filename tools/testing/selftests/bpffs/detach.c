// SPDX-License-Identifier: GPL-2.0
/*
 * When a link is detached whose pin had the last reference. With C's that is some time
 * after the pin has gone. With ours it is when the system call returns that let go of the
 * pin, or when the task has exited that did: wherever the pin goes, the same device takes
 * another link at once.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "bpffs_harness.h"
#include "link_types.h"
#include "unserved.h"
#include "uring.h"
#include "xtables.h"

/* Seconds. */
#define TIMEOUT 240
/* A delay does not show each time. C's is only asked to come to an end. */
#define ROUNDS (impl_rust() ? stress(100) : 4)
/* Of what takes long. */
#define LONG_ROUNDS (impl_rust() ? stress(20) : 4)
#define MAX_LOOKERS 3

#define load(p)		__atomic_load_n(p, __ATOMIC_SEQ_CST)
#define store(p, v)	__atomic_store_n(p, v, __ATOMIC_SEQ_CST)
#define inc(p)		__atomic_add_fetch(p, 1, __ATOMIC_SEQ_CST)

/* Shared with other processes. */
struct shared {
	int id;
	int stop;
	/* Calls of each looker. */
	struct {
		unsigned int begun, ended, found;
	} calls[MAX_LOOKERS];
};

FIXTURE(detach) {
	/* An XDP program for the loopback device, which takes one link at a time. */
	struct link_env env;
	struct shared *shared;
	pid_t lookers[MAX_LOOKERS];
	unsigned int cnt;
};

/*
 * Keeps workers off the processor that this process is on, unless the process sleeps. So
 * what is left to a worker is still to be done when the process looks.
 */
static int keep_workers_off(void)
{
	struct sched_param param = { .sched_priority = 1 };
	cpu_set_t cpu;

	CPU_ZERO(&cpu);
	CPU_SET(sched_getcpu(), &cpu);
	return sys(sched_setaffinity(0, sizeof(cpu), &cpu)) ?:
	       sys(sched_setscheduler(0, SCHED_FIFO, &param));
}

/* For a process that would not leave the processor to the test either. */
static int be_ordinary(void)
{
	struct sched_param param = {};
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	return sys(sched_setaffinity(0, sizeof(all), &all)) ?:
	       sys(sched_setscheduler(0, SCHED_OTHER, &param));
}

FIXTURE_SETUP(detach)
{
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	ASSERT_EQ(0, link_env_new(&self->env, link_type_by_name("xdp")));
	/*
	 * The kernel patches its code when the first such link comes, and when the last one
	 * goes. So that one stays, in a network namespace that the tests leave alone.
	 */
	ASSERT_LE(0, sys(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)));
	ASSERT_LE(0, netns_new());
	self->shared = mmap(NULL, sizeof(*self->shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->shared);
	ASSERT_EQ(0, keep_workers_off());
}

FIXTURE_TEARDOWN(detach)
{
}

/* The device takes a link at once with ours, and soon with C's; descriptor or -errno. */
static int attach(struct link_env *env)
{
	int link = env->type->attach(env);

	if (!impl_rust())
		wait_until(link != -EBUSY || (link = env->type->attach(env)) != -EBUSY, 20000);
	return link;
}

/* Pins a link of which the pin has the only reference; the id of the link, or -errno. */
static int pinned(struct link_env *env, const char *path)
{
	int link = attach(env), id = obj_id(link, OBJ_LINK), err;

	if (link < 0)
		return link;
	err = obj_pin(link, path);
	close(link);
	return err ?: id;
}

/* The link is gone: now with ours, and soon with C's. */
static bool gone(int id)
{
	return impl_rust() ? !obj_alive(OBJ_LINK, id) : obj_gone(OBJ_LINK, id);
}

static bool alive(int id)
{
	return obj_alive(OBJ_LINK, id);
}

/*
 * Runs the block that follows @rounds times, each time with the new pin bpf/link of a link
 * with the @id. After each round the link must be gone.
 */
#define REPEAT(rounds, id)							\
	for (unsigned long __i = 0;						\
	     __i < (rounds) && ((id) = pinned(&self->env, "bpf/link")) > 0;	\
	     ({ EXPECT_TRUE(gone(id)) TH_LOG("round %lu", __i); }), __i++)

/* Catches: rm that has returned, and the program runs on. */
TEST_F_TIMEOUT(detach, unlink, TIMEOUT)
{
	int id = 0;

	REPEAT(ROUNDS, id) {
		ASSERT_EQ(0, sys(unlink("bpf/link")));
	}
	EXPECT_LT(0, id);
	REPEAT(ROUNDS, id) {
		ASSERT_EQ(0, sys(link("bpf/link", "bpf/other")));
		ASSERT_EQ(0, sys(unlink("bpf/link")));
		ASSERT_TRUE(alive(id));
		ASSERT_EQ(0, sys(unlink("bpf/other")));
	}
	EXPECT_LT(0, id);
}

/* Catches: the same for a pin that another one has replaced. */
TEST_F_TIMEOUT(detach, rename_over, TIMEOUT)
{
	int map = map_new(), id = 0;

	REPEAT(ROUNDS, id) {
		ASSERT_EQ(0, obj_pin(map, "bpf/map"));
		ASSERT_EQ(0, sys(rename("bpf/map", "bpf/link")));
		ASSERT_TRUE(gone(id));
		ASSERT_EQ(0, sys(unlink("bpf/link")));
	}
	EXPECT_LT(0, id);
}

/* Catches: the same for a pin that was open when its name went. */
TEST_F_TIMEOUT(detach, last_close, TIMEOUT)
{
	unsigned long i;
	int id = 0, fd;

	REPEAT(ROUNDS, id) {
		fd = sys(open("bpf/link", O_PATH | O_CLOEXEC));
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, sys(unlink("bpf/link")));
		ASSERT_TRUE(alive(id));
		/* Replacing a descriptor closes it, too, from task work. */
		if (id % 2)
			close(fd);
		else
			ASSERT_EQ(fd, sys(dup3(self->env.counter, fd, O_CLOEXEC)));
		ASSERT_TRUE(gone(id));
		if (!(id % 2))
			close(fd);
	}
	EXPECT_LT(0, id);

	/* What an iterator's open file reads is the link's. */
	for (i = 0; i < ROUNDS; i++) {
		int link = iter_link_new();

		id = obj_id(link, OBJ_LINK);
		ASSERT_EQ(0, obj_pin(link, "bpf/iter"));
		close(link);
		fd = sys(open("bpf/iter", O_RDONLY | O_CLOEXEC));
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, sys(unlink("bpf/iter")));
		ASSERT_TRUE(alive(id));
		close(fd);
		EXPECT_TRUE(gone(id));
	}
}

/* Catches: the same for pins that go with their instance. */
TEST_F_TIMEOUT(detach, umount, TIMEOUT)
{
	int id = 0, dir;

	REPEAT(LONG_ROUNDS, id) {
		if (id % 2) {
			ASSERT_EQ(0, umount_bpf("bpf"));
			ASSERT_TRUE(gone(id));
		} else {
			dir = sys(open("bpf", O_PATH | O_DIRECTORY | O_CLOEXEC));
			ASSERT_LE(0, dir);
			ASSERT_EQ(0, sys(umount2("bpf", MNT_DETACH)));
			ASSERT_TRUE(alive(id));
			close(dir);
			ASSERT_TRUE(gone(id));
		}
		ASSERT_EQ(0, mount_bpf("bpf", NULL));
	}
	EXPECT_LT(0, id);
}

/* What a task has that keeps a link: the only mount of an instance, or an open file. */
static void keep_by_mount(FIXTURE_DATA(detach) *self)
{
	if (!mntns_unshare() && !mount_bpf("own", NULL))
		store(&self->shared->id, pinned(&self->env, "own/link"));
}

static void keep_by_file(FIXTURE_DATA(detach) *self)
{
	int id = pinned(&self->env, "bpf/link");

	if (open("bpf/link", O_PATH | O_CLOEXEC) >= 0 && !unlink("bpf/link"))
		store(&self->shared->id, id);
}

/* Catches: a task that has exited, and the program of its link runs on. */
TEST_F_TIMEOUT(detach, exit, TIMEOUT)
{
	void (*keep[])(FIXTURE_DATA(detach) *self) = { keep_by_mount, keep_by_file };
	unsigned long i;
	int status;

	for (i = 0; i < LONG_ROUNDS; i++) {
		store(&self->shared->id, 0);
		in_child(&status) {
			keep[i % 2](self);
			if (!alive(load(&self->shared->id)))
				_exit(1);
		}
		ASSERT_EQ(0, status);
		EXPECT_TRUE(gone(load(&self->shared->id)));
	}
}

/* Catches: the same for a task that was killed. */
TEST_F_TIMEOUT(detach, kill, TIMEOUT)
{
	void (*keep[])(FIXTURE_DATA(detach) *self) = { keep_by_mount, keep_by_file };
	unsigned long i;
	pid_t pid;

	for (i = 0; i < LONG_ROUNDS; i++) {
		store(&self->shared->id, 0);
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			keep[i % 2](self);
			pause();
			_exit(1);
		}
		ASSERT_TRUE(wait_until(load(&self->shared->id) > 0, 20000));
		ASSERT_TRUE(alive(load(&self->shared->id)));
		ASSERT_EQ(0, sys(kill(pid, SIGKILL)));
		ASSERT_EQ(-SIGKILL, wait_child(pid));
		EXPECT_TRUE(gone(load(&self->shared->id)));
	}
}

/* Catches: a pin that fails, with the last reference, and leaves the link attached. */
TEST_F_TIMEOUT(detach, failed_pin, TIMEOUT)
{
	unsigned long i;

	for (i = 0; i < LONG_ROUNDS; i++) {
		int link = attach(&self->env), id = obj_id(link, OBJ_LINK);
		int unserved = mount_unserved("fuse");
		pid_t pid;

		ASSERT_LE(0, link);
		ASSERT_LE(0, unserved);
		pid = fork_files();
		ASSERT_LE(0, pid);
		if (!pid)
			_exit(-obj_pin(link, "fuse/dir/x"));
		ASSERT_TRUE(wait_until(asleep(pid), 10000));
		/* The descriptors are those of both. */
		close(link);
		ASSERT_TRUE(alive(id));
		close(unserved);
		ASSERT_EQ(ENOTCONN, wait_child(pid));
		EXPECT_TRUE(gone(id));
		ASSERT_EQ(0, sys(umount2("fuse", MNT_DETACH)));
	}
}

/* A message with descriptors; 0 or -errno. */
static int send_fds(int sock, const int *fds, size_t cnt)
{
	char byte = 0, control[CMSG_SPACE(2 * sizeof(int))] = "";
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(cnt * sizeof(int)),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(cnt * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, cnt * sizeof(int));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -errno;
}

/*
 * Catches: a link that stays for ever because a kernel thread, which has no way back to user
 * space, was the last to let go. Sockets that hold each other are freed by such a thread.
 */
TEST_F_TIMEOUT(detach, kernel_thread, TIMEOUT)
{
	int id, file, sock[2];
	unsigned long i;

	for (i = 0; i < LONG_ROUNDS; i++) {
		id = pinned(&self->env, "bpf/link");
		ASSERT_LT(0, id);
		file = sys(open("bpf/link", O_PATH | O_CLOEXEC));
		ASSERT_LE(0, file);
		ASSERT_EQ(0, sys(unlink("bpf/link")));
		ASSERT_EQ(0, sys(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sock)));
		ASSERT_EQ(0, send_fds(sock[0], (int[]){ sock[1], file }, 2));
		close(file);
		close(sock[0]);
		ASSERT_TRUE(alive(id));
		close(sock[1]);
		/* The next socket that is closed has the thread look for such. */
		close(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
		ASSERT_TRUE(obj_gone(OBJ_LINK, id));
		/* Its id goes before it is detached. */
		ASSERT_TRUE(link_detached(&self->env));
	}
}

/* Catches: the same for a worker of io_uring, which unlinks and has no way back either. */
TEST_F_TIMEOUT(detach, io_uring, TIMEOUT)
{
	unsigned long i;
	int id, err;

	for (i = 0; i < LONG_ROUNDS; i++) {
		id = pinned(&self->env, "bpf/link");
		ASSERT_LT(0, id);
		err = uring_unlink("bpf/link");
		/* The debugging kernel has none. */
		if (err == -ENOSYS && getenv("BPFFS_DEBUG"))
			break;
		ASSERT_EQ(0, err);
		ASSERT_TRUE(obj_gone(OBJ_LINK, id));
		ASSERT_TRUE(link_detached(&self->env));
	}
	unlink("bpf/link");
}

/* ---- others who look the pin up at that moment ---- */

/* Calls @body again and again in a new process, until the test stops it. */
#define LOOKER(body) do {							\
	unsigned int __n = self->cnt;						\
	pid_t __pid = fork();							\
										\
	if (!__pid) {								\
		struct shared *shared = self->shared;				\
										\
		if (be_ordinary())						\
			_exit(1);						\
		while (!load(&shared->stop)) {					\
			inc(&shared->calls[__n].begun);				\
			if (body)						\
				inc(&shared->calls[__n].found);			\
			inc(&shared->calls[__n].ended);				\
		}								\
		_exit(0);							\
	}									\
	ASSERT_LT(0, __pid);							\
	self->lookers[self->cnt++] = __pid;					\
} while (0)

/* Waits until each looker is done with the call that it was in. */
static bool lookers_looked(FIXTURE_DATA(detach) *self)
{
	unsigned int i;

	for (i = 0; i < self->cnt; i++) {
		unsigned int begun = load(&self->shared->calls[i].begun);

		if (!wait_until(load(&self->shared->calls[i].ended) >= begun, 20000))
			return false;
	}
	return true;
}

/* Stops them; whether each one ended well. */
static bool lookers_stop(FIXTURE_DATA(detach) *self)
{
	bool ok = true;
	unsigned int i;

	store(&self->shared->stop, 1);
	for (i = 0; i < self->cnt; i++)
		ok &= !wait_child(self->lookers[i]);
	return ok;
}

static bool close_fd(int fd)
{
	return fd >= 0 && !close(fd);
}

static bool link_by_id(int id)
{
	union bpf_attr attr = { .link_id = id };

	return close_fd(sys_bpf(BPF_LINK_GET_FD_BY_ID, &attr));
}

/*
 * Whether each looker has found the pin once: the first round waits for them, whoever is
 * late to start, and all that follow have them race.
 */
static bool lookers_found(FIXTURE_DATA(detach) *self)
{
	unsigned int i;

	for (i = 0; i < self->cnt; i++) {
		if (!wait_until(load(&self->shared->calls[i].found), 20000))
			return false;
	}
	return true;
}

/* Lets them find the pin, and lets two tasks remove it. */
#define REMOVED_BY_TWO(id) do {							\
	pid_t __pid;								\
										\
	store(&self->shared->id, id);						\
	ASSERT_TRUE(lookers_found(self));					\
	sleep_ms(2);								\
	__pid = fork();								\
	if (!__pid)								\
		_exit(sys(unlink("bpf/link")) == 0);				\
	ASSERT_LT(0, __pid);							\
	/* One of the two. */							\
	ASSERT_EQ(1, (sys(unlink("bpf/link")) == 0) + wait_child(__pid));	\
	/* Nobody is to find it by its id as long as another one has it. */	\
	store(&self->shared->id, 0);						\
	ASSERT_TRUE(lookers_looked(self));					\
} while (0)

/* Catches: a link that outlives all who had it, or is freed twice. */
TEST_F_TIMEOUT(detach, fetched_meanwhile, TIMEOUT)
{
	int id = 0;

	LOOKER(close_fd(obj_get("bpf/link")));
	LOOKER(link_by_id(load(&shared->id)));
	LOOKER(close_fd(sys(open("bpf/link", O_PATH | O_CLOEXEC))));
	REPEAT(ROUNDS / 2 + 1, id) {
		REMOVED_BY_TWO(id);
	}
	EXPECT_LT(0, id);
	EXPECT_TRUE(lookers_stop(self));
}

/*
 * Catches: detaching under the locks of a look-up by the kernel, which the debugging kernel
 * tells, and a link that stays when xt_bpf was the last to let go of its pin.
 */
TEST_F_TIMEOUT(detach, looked_up_by_xt_bpf, TIMEOUT)
{
	static int sock = -1;
	int id = 0;

	LOOKER(((sock < 0 ? (sock = netns_new()) : 0) < 0 ? _exit(1) : (void)0,
		set_rule(sock, "bpf/link") == -EINVAL));
	REPEAT(ROUNDS / 2 + 1, id) {
		REMOVED_BY_TWO(id);
	}
	EXPECT_LT(0, id);
	EXPECT_TRUE(lookers_stop(self));
}

int main(int argc, char **argv)
{
	xtables_prepare();
	return run_all_guarded(argc, argv);
}
