/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mounts of C's while ours serves. A context that was opened before the module
 * came makes an instance of C's whenever it is used. So run_old opens plenty of
 * them and puts them into a socket, from which mount_bpf() takes one each time;
 * a file descriptor in a socket belongs to nobody who could keep the instance.
 */
#ifndef BPFFS_SELFTEST_CONTEXTS_H
#define BPFFS_SELFTEST_CONTEXTS_H

/*
 * Opens so many contexts for this process and those that it runs, and so many of
 * containers, for container_mount(); 0 or -errno.
 */
int contexts_open(unsigned int contexts_cnt, unsigned int containers_cnt);
/* Closes those that are left. */
void contexts_close(void);

#endif /* BPFFS_SELFTEST_CONTEXTS_H */
