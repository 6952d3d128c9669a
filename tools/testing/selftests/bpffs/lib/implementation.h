/* SPDX-License-Identifier: GPL-2.0 */
/* The implementation that serves: C's or ours, and the module that is ours. */
#ifndef BPFFS_SELFTEST_IMPLEMENTATION_H
#define BPFFS_SELFTEST_IMPLEMENTATION_H

#include "module.h"

#define MODULE_NAME "bpffs"
#define MODULE_LIVEPATCH "/sys/kernel/livepatch/" MODULE_NAME
#define MODULE_SHARING "/sys/module/" MODULE_NAME "/parameters/sharing"

/* Whether ours serves: the module is loaded, and its livepatch is enabled. */
bool impl_rust(void);
/*
 * Whether a mount that asks for no instance joins that of its mount namespace, if there is one:
 * ours serves, and its parameter "sharing" says so. Otherwise each mount has its own.
 */
bool mounts_join(void);
/*
 * Loads BPFFS_MODULE (or what modprobe finds) and waits until the livepatch is
 * effective; 0 or -errno.
 */
int module_load(const char *params);
/* Whether no transition of the livepatch is going on: it is effective, or gone. */
bool module_settled(void);
/* Disables the livepatch, waits until it is gone, and unloads the module; 0 or -errno. */
int module_unload(void);

#endif /* BPFFS_SELFTEST_IMPLEMENTATION_H */
