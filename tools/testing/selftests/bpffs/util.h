/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the bpffs selftests share: raw system calls, BPF objects, mounts,
 * namespaces, waiting, loading of the module, and the guard around each test.
 *
 * Helpers that stand for a system call return what it returns or -errno, so
 * that a test reads EXPECT_EQ(-EPERM, obj_pin(fd, "bpf/x.y")). sys() does the
 * same for calls of libc.
 */
#ifndef BPFFS_SELFTEST_UTIL_H
#define BPFFS_SELFTEST_UTIL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
#include <linux/bpf.h>

#define sys(call) ({ long __ret = (call); __ret < 0 ? -errno : __ret; })

#ifndef BPF_FS_MAGIC
#define BPF_FS_MAGIC 0xcafe4a11
#endif

/* ---- waiting ---- */

uint64_t now_ms(void);
void sleep_ms(unsigned int ms);

/* True as soon as @cond is, false when it is not within @ms milliseconds. */
#define wait_until(cond, ms) ({						\
	uint64_t __end = now_ms() + (ms);				\
	bool __ok;							\
	while (!(__ok = (cond)) && now_ms() < __end)			\
		sleep_ms(2);						\
	__ok;								\
})

/* Events between processes: event_new() before fork(). */
int event_new(void);
void event_post(int event);
/* Returns 0, or -ETIMEDOUT after 20 s. */
int event_wait(int event);

/* Loops of a stress test: @n times the factor in BPFFS_STRESS (default 1). */
unsigned long stress(unsigned long n);

/* What a test's random numbers come from: BPFFS_SEED, or any; to be printed. */
uint64_t choose_seed(void);

/* ---- files ---- */

int write_file(const char *path, const char *text);
/* Reads at most @size - 1 bytes and terminates them; length or -errno. */
ssize_t read_file(const char *path, char *buf, size_t size);
/* 0 for what cannot be stat'ed, which is no device and no inode. */
dev_t dev_of(const char *path);
ino_t ino_of(const char *path);
bool exists(const char *path);

/* ---- processes and users ---- */

/* A child that shares the table of file descriptors, not memory. */
pid_t fork_files(void);
/* Exit status of the child, or -signal. */
int wait_child(pid_t pid);
/*
 * Kill what children there are, and their children if this process is a
 * subreaper; returns how many there were.
 */
int end_children(void);
/* Become a user without any capability or supplementary group, for good. */
int become(uid_t uid, gid_t gid);

#define NOBODY 65534

/*
 * Runs the block that follows in a child process; *@status is then its exit
 * status (0 when the block just ends), or -signal. EXPECT_*() inside counts.
 *
 *	in_child(&status) {
 *		become(NOBODY, NOBODY);
 *		EXPECT_EQ(-EACCES, obj_pin(map, "bpf/x"));
 *	}
 */
#define in_child(status)						\
	for (pid_t __pid = fork(), __once = 1; __once;			\
	     __pid ? (void)(*(status) = wait_child(__pid)) : _exit(0),	\
	     __once = 0)						\
		if (__pid)						\
			;						\
		else

/* ---- namespaces ---- */

/* unshare(CLONE_NEWNS) with private propagation. */
int mntns_unshare(void);
/*
 * New user namespace for the calling process, ids 0 to 65535 in it being
 * @host to @host + 65535 outside; the caller becomes its root. More @flags for
 * unshare() may be given.
 */
int userns_unshare(uid_t host, int flags);

/* ---- mounts ---- */

/*
 * The sockets of contexts of C's in the environment, of which then mounts are made: of
 * our own namespaces, and of containers' with their user namespaces.
 */
#define CONTEXTS "BPFFS_CONTEXTS"
#define CONTAINERS "BPFFS_CONTAINERS"

/* mount(2) with @opts (may be NULL), directory made when missing. */
int mount_bpf(const char *dir, const char *opts);
int mount_bpf_flags(const char *dir, unsigned long flags, const char *opts);
int umount_bpf(const char *dir);

/* The new API; all return -errno on failure. */
int fs_open(void);
/* The same, but where there are contexts of C's in the environment, one of those. */
int fs_open_tested(void);
/* Whether C serves the context, which ignores what ours refuses. */
bool context_is_old(int fs);
int fs_set(int fs, const char *key, const char *value);
int fs_flag(int fs, const char *key);
int fs_create(int fs);
int fs_create_excl(int fs);
int fs_mount(int fs, unsigned int attrs);
int mnt_attach(int mnt, const char *dir);
/* First message in the log of the context; false when there is none. */
bool fs_log(int fs, char *buf, size_t size);
/* True if one of the messages contains @text; reads the log empty. */
bool fs_logged(int fs, const char *text);

/*
 * An instance that belongs to a user namespace, as a container gets it: opened
 * in there, configured with @opts (pairs of key and value, then NULL) and made
 * by us. Returns the mount, and the user namespace in @userns; root in there is
 * CONTAINER_ROOT. To be the container: setns(userns, 0), become(0, 0).
 */
#define CONTAINER_ROOT 100000
int container_mount(int *userns, const char *const *opts);

/* Its context, which is open in a process of its own. */
struct container {
	int fs, userns;
	pid_t pid;
	int closed;
};

/* 0 or -errno; in either case container_left() comes next. */
int container_open(struct container *c);
/* Ends the process; the files stay open. */
void container_left(struct container *c);

/* Fields of the line for @dir in /proc/self/mountinfo. */
struct mountinfo {
	unsigned int id;
	char type[32];
	char source[128];
	char mnt_opts[256];
	char sb_opts[1024];
};
bool mountinfo(const char *dir, struct mountinfo *info);

/* ---- BPF objects ---- */

int sys_bpf(int cmd, union bpf_attr *attr);
int map_create(enum bpf_map_type type, unsigned int key, unsigned int value,
	       unsigned int max);
/* An array map of one int. */
int map_new(void);
int map_set(int map, int key, int value);
int map_get(int map, int key, int *value);
/* A socket filter from instructions; @insns may hold map fds. */
int prog_load(const struct bpf_insn *insns, unsigned int cnt);
/* A socket filter that returns @ret. */
int prog_new(int ret);
int obj_pin(int fd, const char *path);
int obj_pin_at(int fd, int path_fd, const char *path, unsigned int flags);
int obj_get(const char *path);
int obj_get_at(int path_fd, const char *path, unsigned int flags);

enum obj_kind { OBJ_MAP, OBJ_PROG, OBJ_LINK, OBJ_KINDS };
/* Id of the object behind the fd, or -errno. */
int obj_id(int fd, enum obj_kind kind);
/* The next higher id of a live object, 0 after the last. */
unsigned int obj_next(enum obj_kind kind, unsigned int id);
/* Lets go what the loading of modules has left, or a test would seem to have freed it. */
void objects_settle(void);
bool obj_alive(enum obj_kind kind, unsigned int id);

/* ---- the implementation under test ---- */

#define MODULE_NAME "bpffs"
#define MODULE_LIVEPATCH "/sys/kernel/livepatch/" MODULE_NAME

/* Whether ours serves: module loaded, livepatch enabled. */
bool impl_rust(void);
/*
 * Load BPFFS_MODULE (or what modprobe finds) and wait for the livepatch to be
 * effective; disable the livepatch and unload. Return 0 or -errno.
 */
int module_load(const char *params);
/* No transition of the livepatch is going on; it is effective, or gone. */
bool module_settled(void);
int module_unload(void);
/* /sys/module/bpffs/refcnt, or -errno. */
int module_refcnt(void);

/* ---- the guard around each test ---- */

/*
 * guard_enter() gives the calling process a mount namespace of its own with an
 * empty tmpfs at /tmp as working directory. guard_leave() goes back and says
 * what the test left behind: maps, programs, links, superblocks of ours,
 * processes, warnings in the kernel log. Frees are deferred, so it waits.
 */
struct guard;
struct guard *guard_new(void);
int guard_enter(struct guard *guard);
/* Number of complaints, each printed as a line of diagnostics. */
int guard_leave(struct guard *guard);

/* Parts of it, for more than a test: objects are to be as when noted last, */
void guard_note(struct guard *guard);
int guard_objects(struct guard *guard);
/* and the kernel log without fault since the last look. */
int guard_log(struct guard *guard);

/*
 * Written into the kernel log around calls whose allocations are made to fail: in
 * between, a call trace that follows the kernel's message that one failed is no fault.
 * tools/testing/vm/src/klog.rs knows them, too.
 */
#define LOG_FAILING		"bpffs: allocations are made to fail"
#define LOG_FAILING_NO_MORE	"bpffs: allocations are made to fail no more"

#endif /* BPFFS_SELFTEST_UTIL_H */
