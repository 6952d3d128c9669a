/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mounts of C's while ours serves. A context that was opened before the module
 * came makes an instance of C's whenever the context is used. So run_old opens plenty
 * of contexts and puts them into a socket, from which mount_bpf() takes one each time.
 * No process holds a descriptor that is in a socket, so nobody keeps the instance alive.
 */
#ifndef BPFFS_SELFTEST_CONTEXTS_H
#define BPFFS_SELFTEST_CONTEXTS_H

/*
 * Opens @contexts_cnt contexts for mounts of this process and of the programs that it
 * runs, and @containers_cnt contexts of containers for container_mount(); 0 or -errno.
 */
int contexts_open(unsigned int contexts_cnt, unsigned int containers_cnt);
/* Closes the contexts that are left. */
void contexts_close(void);

#endif /* BPFFS_SELFTEST_CONTEXTS_H */
