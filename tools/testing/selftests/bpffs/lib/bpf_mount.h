/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mounts of the BPF file system, by both interfaces, and instances of containers.
 *
 * Tests that run_old runs want mounts of C's while ours serves. Then the environment
 * has the socket of contexts (contexts.h), and mount_bpf(), mount_bpf_flags(),
 * fs_open_tested() and container_mount() take a context of C's each time.
 */
#ifndef BPFFS_SELFTEST_BPF_MOUNT_H
#define BPFFS_SELFTEST_BPF_MOUNT_H

#include "sys.h"

#ifndef BPF_FS_MAGIC
#define BPF_FS_MAGIC 0xcafe4a11
#endif

/* mount(2) with @opts, which may be NULL, at @dir, which is made if it is missing; 0 or -errno. */
int mount_bpf(const char *dir, const char *opts);
int mount_bpf_flags(const char *dir, unsigned long flags, const char *opts);
int umount_bpf(const char *dir);

/*
 * A new instance asks for the module that pins things in it (preload.c). Where there is none,
 * that starts modprobe each time for nothing, which takes a hundred times as long as the mount.
 * From here until the process ends the kernel loads no module by itself there.
 */
void mounts_ask_for_nothing(void);

/* fsopen("bpf"): a context, for the calls of fsmount.h, or -errno. */
int fs_open(void);
/* The same, or a context of C's where the environment has contexts. */
int fs_open_tested(void);
/* Whether C serves the context: C ignores an option that ours refuses. */
bool context_is_old(int fs);

/*
 * An instance that belongs to a user namespace, as a container gets it: the context
 * is opened in the namespace; we configure it with @opts (pairs of key and value,
 * then NULL) and make the superblock. Returns the mount or -errno, and the user
 * namespace in @userns. The root of the user namespace is CONTAINER_ROOT outside. A
 * process becomes the container by setns(userns, 0) and become(0, 0).
 */
#define CONTAINER_ROOT 100000
int container_mount(int *userns, const char *const *opts);

/* The context of a container, which a process in the container has opened. */
struct container {
	int fs, userns;
	pid_t pid;
	int closed;
};

/* 0 or -errno; in either case the caller calls container_left() next. */
int container_open(struct container *c);
/* Ends the process; the context and the user namespace stay open. */
void container_left(struct container *c);

/*
 * Variables of the environment that hold the sockets of contexts: of our own
 * namespaces, and of containers together with their user namespaces.
 */
#define CONTEXTS "BPFFS_CONTEXTS"
#define CONTAINERS "BPFFS_CONTAINERS"

#endif /* BPFFS_SELFTEST_BPF_MOUNT_H */
