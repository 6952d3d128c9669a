// SPDX-License-Identifier: GPL-2.0
/* Helpers of the bpffs selftests, see util.h. */
#include <dirent.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "util.h"

/* ---- waiting ---- */

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

void sleep_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

int event_new(void)
{
	return sys(eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE));
}

void event_post(int event)
{
	if (eventfd_write(event, 1))
		abort();
}

int event_wait(int event)
{
	struct pollfd pfd = { .fd = event, .events = POLLIN };
	eventfd_t value;

	if (poll(&pfd, 1, 20000) != 1)
		return -ETIMEDOUT;
	return sys(eventfd_read(event, &value));
}

unsigned long stress(unsigned long n)
{
	const char *factor = getenv("BPFFS_STRESS");
	double f = factor ? strtod(factor, NULL) : 1;

	return f > 0 && n * f >= 1 ? n * f : 1;
}

uint64_t choose_seed(void)
{
	const char *given = getenv("BPFFS_SEED");
	uint32_t seed = 0;

	if (given)
		return strtoull(given, NULL, 0);
	/* Short enough to be typed. */
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		abort();
	return seed;
}

/* ---- files ---- */

int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t ret;

	if (fd < 0)
		return -errno;
	ret = sys(write(fd, text, strlen(text)));
	close(fd);
	return ret < 0 ? ret : 0;
}

ssize_t read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t ret;

	if (fd < 0)
		return -errno;
	while ((ret = sys(read(fd, buf + len, size - 1 - len))) > 0)
		len += ret;
	close(fd);
	buf[len] = '\0';
	return ret < 0 ? ret : (ssize_t)len;
}

dev_t dev_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_dev;
}

ino_t ino_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_ino;
}

bool exists(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

/* ---- processes and users ---- */

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

/* ---- namespaces ---- */

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

/* ---- mounts ---- */

bool context_is_old(int fs)
{
	return !fs_set(fs, "newinstance", "x");
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
	return sys(fsopen("bpf", FSOPEN_CLOEXEC));
}

int fs_open_tested(void)
{
	int fs, err;

	if (!getenv(CONTEXTS))
		return fs_open();
	err = take_context(CONTEXTS, &fs, 1);
	return err ?: fs;
}

int fs_set(int fs, const char *key, const char *value)
{
	return sys(fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0));
}

int fs_flag(int fs, const char *key)
{
	return sys(fsconfig(fs, FSCONFIG_SET_FLAG, key, NULL, 0));
}

int fs_create(int fs)
{
	return sys(fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
}

int fs_create_excl(int fs)
{
	return sys(fsconfig(fs, FSCONFIG_CMD_CREATE_EXCL, NULL, NULL, 0));
}

int fs_mount(int fs, unsigned int attrs)
{
	return sys(fsmount(fs, FSMOUNT_CLOEXEC, attrs));
}

int mnt_attach(int mnt, const char *dir)
{
	if (mkdir(dir, 0755) && errno != EEXIST)
		return -errno;
	return sys(move_mount(mnt, "", AT_FDCWD, dir, MOVE_MOUNT_F_EMPTY_PATH));
}

bool fs_log(int fs, char *buf, size_t size)
{
	ssize_t len = read(fs, buf, size - 1);

	if (len < 0)
		return false;
	buf[len] = '\0';
	return true;
}

bool fs_logged(int fs, const char *text)
{
	bool found = false;
	char buf[512];

	while (fs_log(fs, buf, sizeof(buf)))
		found |= !!strstr(buf, text);
	return found;
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

bool mountinfo(const char *dir, struct mountinfo *info)
{
	char line[4096], path[PATH_MAX], at[PATH_MAX];
	bool found = false;
	FILE *file;

	if (!realpath(dir, path))
		return false;
	file = fopen("/proc/self/mountinfo", "re");
	if (!file)
		return false;
	/* The last one is the topmost mount at that place. */
	while (fgets(line, sizeof(line), file)) {
		char *tail = strstr(line, " - ");
		struct mountinfo m = {};

		if (!tail ||
		    sscanf(line, "%u %*u %*s %*s %4095s %255s", &m.id, at, m.mnt_opts) != 3 ||
		    sscanf(tail, " - %31s %127s %1023s", m.type, m.source, m.sb_opts) != 3 ||
		    strcmp(at, path))
			continue;
		*info = m;
		found = true;
	}
	fclose(file);
	return found;
}

/* ---- BPF objects ---- */

int sys_bpf(int cmd, union bpf_attr *attr)
{
	return sys(syscall(SYS_bpf, cmd, attr, sizeof(*attr)));
}

int map_create(enum bpf_map_type type, unsigned int key, unsigned int value,
	       unsigned int max)
{
	union bpf_attr attr = {
		.map_type = type,
		.key_size = key,
		.value_size = value,
		.max_entries = max,
	};

	return sys_bpf(BPF_MAP_CREATE, &attr);
}

int map_new(void)
{
	return map_create(BPF_MAP_TYPE_ARRAY, 4, 4, 1);
}

int map_set(int map, int key, int value)
{
	union bpf_attr attr = {
		.map_fd = map,
		.key = (uintptr_t)&key,
		.value = (uintptr_t)&value,
	};

	return sys_bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

int map_get(int map, int key, int *value)
{
	union bpf_attr attr = {
		.map_fd = map,
		.key = (uintptr_t)&key,
		.value = (uintptr_t)value,
	};

	return sys_bpf(BPF_MAP_LOOKUP_ELEM, &attr);
}

int prog_load(const struct bpf_insn *insns, unsigned int cnt)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (uintptr_t)insns,
		.insn_cnt = cnt,
		.license = (uintptr_t)"GPL",
	};

	return sys_bpf(BPF_PROG_LOAD, &attr);
}

int prog_new(int ret)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = ret },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return prog_load(insns, 2);
}

int obj_pin_at(int fd, int path_fd, const char *path, unsigned int flags)
{
	union bpf_attr attr = {
		.pathname = (uintptr_t)path,
		.bpf_fd = fd,
		.file_flags = flags,
		.path_fd = path_fd,
	};

	return sys_bpf(BPF_OBJ_PIN, &attr);
}

int obj_pin(int fd, const char *path)
{
	return obj_pin_at(fd, 0, path, 0);
}

int obj_get_at(int path_fd, const char *path, unsigned int flags)
{
	union bpf_attr attr = {
		.pathname = (uintptr_t)path,
		.file_flags = flags,
		.path_fd = path_fd,
	};

	return sys_bpf(BPF_OBJ_GET, &attr);
}

int obj_get(const char *path)
{
	return obj_get_at(0, path, 0);
}

int obj_id(int fd, enum obj_kind kind)
{
	struct bpf_map_info map = {};
	struct bpf_prog_info prog = {};
	struct bpf_link_info link = {};
	void *info[] = { &map, &prog, &link };
	const unsigned int len[] = { sizeof(map), sizeof(prog), sizeof(link) };
	union bpf_attr attr = {
		.info = {
			.bpf_fd = fd,
			.info_len = len[kind],
			.info = (uintptr_t)info[kind],
		},
	};
	int err = sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);

	if (err)
		return err;
	return kind == OBJ_MAP ? map.id : kind == OBJ_PROG ? prog.id : link.id;
}

unsigned int obj_next(enum obj_kind kind, unsigned int id)
{
	static const int next[] = {
		BPF_MAP_GET_NEXT_ID, BPF_PROG_GET_NEXT_ID, BPF_LINK_GET_NEXT_ID,
	};
	union bpf_attr attr = { .start_id = id };

	return sys_bpf(next[kind], &attr) ? 0 : attr.next_id;
}

bool obj_alive(enum obj_kind kind, unsigned int id)
{
	/* Asking for the next id takes no reference, so this disturbs nothing. */
	return obj_next(kind, id - 1) == id;
}

/* ---- the implementation under test ---- */

bool impl_rust(void)
{
	char buf[8];

	return read_file(MODULE_LIVEPATCH "/enabled", buf, sizeof(buf)) > 0 &&
	       buf[0] == '1';
}

int module_refcnt(void)
{
	char buf[16];
	ssize_t ret = read_file("/sys/module/" MODULE_NAME "/refcnt", buf, sizeof(buf));

	return ret < 0 ? ret : atoi(buf);
}

bool module_settled(void)
{
	char buf[8];

	return read_file(MODULE_LIVEPATCH "/transition", buf, sizeof(buf)) <= 0 ||
	       buf[0] == '0';
}

int module_load(const char *params)
{
	const char *path = getenv("BPFFS_MODULE");
	int fd, err;

	if (path) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		err = sys(syscall(SYS_finit_module, fd, params ?: "", 0));
		close(fd);
	} else {
		pid_t pid = fork();

		if (!pid) {
			execlp("modprobe", "modprobe", MODULE_NAME, params, NULL);
			_exit(127);
		}
		err = wait_child(pid) ? -ENOENT : 0;
	}
	if (err)
		return err;
	return wait_until(module_settled(), 60000) ? 0 : -ETIMEDOUT;
}

static bool module_delete(int *err)
{
	*err = sys(syscall(SYS_delete_module, MODULE_NAME, O_NONBLOCK));
	return *err != -EAGAIN && *err != -EBUSY;
}

int module_unload(void)
{
	int err = write_file(MODULE_LIVEPATCH "/enabled", "0");

	/* -ENOENT: disabled before. */
	if (err && err != -ENOENT)
		return err;
	if (!wait_until(!exists(MODULE_LIVEPATCH), 60000))
		return -ETIMEDOUT;
	/* The last superblock's reference is dropped a little after umount. */
	wait_until(module_delete(&err), 3000);
	return err;
}

/* ---- the guard around each test ---- */

#define MAX_IDS 4096
/* Milliseconds for what is freed late; a chain of grace periods on a slow kernel. */
#define PATIENCE 30000

static const char * const kind_names[OBJ_KINDS] = {
	[OBJ_MAP]  = "map",
	[OBJ_PROG] = "program",
	[OBJ_LINK] = "link",
};

struct ids {
	unsigned int cnt;
	unsigned int id[MAX_IDS];
};

struct guard {
	int kmsg;
	int mntns;
	int refcnt;
	struct ids ids[OBJ_KINDS];
	struct ids now;
};

static void list_ids(enum obj_kind kind, struct ids *ids)
{
	unsigned int id = 0;

	ids->cnt = 0;
	while (ids->cnt < MAX_IDS && (id = obj_next(kind, id)))
		ids->id[ids->cnt++] = id;
}

/* Stands for the live objects: changes when one comes or goes. */
static uint64_t objects(void)
{
	unsigned int id = 0;
	uint64_t sum = 0;
	int kind;

	for (kind = 0; kind < OBJ_KINDS; kind++) {
		do {
			id = obj_next(kind, id);
			sum = sum * 31 + id;
		} while (id);
	}
	return sum;
}

void objects_settle(void)
{
	unsigned int quiet;

	for (quiet = 0; quiet < 20; quiet++) {
		uint64_t before = objects();

		sleep_ms(100);
		if (objects() != before)
			quiet = 0;
	}
}

/*
 * Where the kernel is built with CONFIG_BPF_PRELOAD, the first mount has a module
 * loaded that makes objects, which stay, but for some that go after a while.
 */
static void first_mount(void)
{
	bool loaded = exists("/sys/module/bpf_preload");
	int status;

	in_child(&status) {
		if (!mntns_unshare())
			mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL);
	}
	if (!loaded && exists("/sys/module/bpf_preload"))
		objects_settle();
}

struct guard *guard_new(void)
{
	struct guard *guard = calloc(1, sizeof(*guard));

	if (!guard)
		return NULL;
	/*
	 * One open file for all tests of a program, so that a warning that
	 * comes late is found by the next of them.
	 */
	guard->kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (guard->kmsg < 0 || lseek(guard->kmsg, 0, SEEK_END)) {
		perror("/dev/kmsg");
		free(guard);
		return NULL;
	}
	first_mount();
	return guard;
}

void guard_note(struct guard *guard)
{
	enum obj_kind kind;

	for (kind = 0; kind < OBJ_KINDS; kind++)
		list_ids(kind, &guard->ids[kind]);
	guard->refcnt = module_refcnt();
}

int guard_enter(struct guard *guard)
{
	/* Orphans of the test become ours, so none escapes. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		return -errno;
	guard_note(guard);
	guard->mntns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (guard->mntns < 0)
		return -errno;
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", "/tmp", "tmpfs", 0, "mode=0755") ||
	    chdir("/tmp"))
		return -errno;
	umask(022);
	return 0;
}

static bool ids_equal(const struct ids *a, const struct ids *b)
{
	return a->cnt == b->cnt && !memcmp(a->id, b->id, a->cnt * sizeof(a->id[0]));
}

static bool ids_restored(struct guard *guard, enum obj_kind kind)
{
	list_ids(kind, &guard->now);
	return ids_equal(&guard->now, &guard->ids[kind]);
}

static void print_extra(const char *what, const char *kind, const struct ids *a,
			const struct ids *b)
{
	unsigned int i, j = 0;

	for (i = 0; i < a->cnt; i++) {
		while (j < b->cnt && b->id[j] < a->id[i])
			j++;
		if (j == b->cnt || b->id[j] != a->id[i])
			fprintf(stderr, "# guard: %s id %u %s\n", kind, a->id[i], what);
	}
}

static int check_objects(struct guard *guard)
{
	enum obj_kind kind;
	int bad = 0;

	for (kind = 0; kind < OBJ_KINDS; kind++) {
		if (wait_until(ids_restored(guard, kind), PATIENCE))
			continue;
		print_extra("left behind", kind_names[kind], &guard->now, &guard->ids[kind]);
		print_extra("vanished", kind_names[kind], &guard->ids[kind], &guard->now);
		bad++;
	}
	return bad;
}

static int check_superblocks(struct guard *guard)
{
	/* A test may load or unload the module: then there is nothing to compare. */
	if (guard->refcnt < 0 || module_refcnt() < 0 ||
	    wait_until(module_refcnt() == guard->refcnt, PATIENCE))
		return 0;
	fprintf(stderr, "# guard: module references %d -> %d: a superblock or context is left\n",
		guard->refcnt, module_refcnt());
	return 1;
}

/* Texts that only appear when the kernel has found a fault in itself. */
static const char * const faults[] = {
	"WARNING", "BUG", "Oops", "general protection", "Call Trace",
	"KASAN", "UBSAN", "KCSAN", "refcount_t", "Objects remaining", "still has objects",
	"Busy inodes", "still in use", "possible circular", "possible recursive",
	"inconsistent lock", "suspicious RCU", "unreferenced object",
	"blocked for more than", "detected stall", "self-detected stall",
	"Voluntary context switch", "Bad page state", "list_add corruption", "list_del corruption",
	"unhandled panic", "rust_kernel: panicked",
};

static bool is_fault(const char *msg)
{
	unsigned int i;

	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (strstr(msg, faults[i]))
			return true;
	}
	return false;
}

/* Messages that a call trace follows, which say that an allocation failed. */
static bool tells_failure(const char *msg)
{
	static const char * const failures[] = {
		"page allocation failure: ", "vmalloc error: ", "percpu: allocation failed",
		"__kmem_cache_create_args(",
	};
	unsigned int i;

	for (i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		if (strstr(msg, failures[i]))
			return true;
	}
	return false;
}

int guard_objects(struct guard *guard)
{
	return check_objects(guard) + check_superblocks(guard);
}

int guard_log(struct guard *guard)
{
	bool failing = false, told = false;
	char record[8192];
	ssize_t len;
	int bad = 0;

	for (;;) {
		char *msg;

		len = read(guard->kmsg, record, sizeof(record) - 1);
		if (len < 0 && errno == EPIPE)	/* records were overwritten */
			continue;
		if (len <= 0)
			return bad;
		record[len] = '\0';
		msg = strchr(record, ';');
		if (msg && strstr(msg, LOG_FAILING)) {
			failing = !strstr(msg, LOG_FAILING_NO_MORE);
			told = false;
		}
		if (msg && failing && tells_failure(msg))
			told = true;
		if (!msg || !is_fault(msg))
			continue;
		if (told && strstr(msg, "Call Trace")) {
			told = false;
			continue;
		}
		msg[strcspn(msg, "\n")] = '\0';
		fprintf(stderr, "# guard: kernel log: %s\n", msg + 1);
		bad++;
	}
}

int guard_leave(struct guard *guard)
{
	int bad = end_children();

	if (bad)
		fprintf(stderr, "# guard: %d processes left behind\n", bad);
	if (setns(guard->mntns, CLONE_NEWNS)) {
		perror("# guard: cannot go back to the mount namespace");
		return bad + 1;
	}
	close(guard->mntns);
	bad += guard_objects(guard);
	bad += guard_log(guard);
	return bad;
}
