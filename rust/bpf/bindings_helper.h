/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What bindgen reads for the crate bpf. Sorted alphabetically.
 */

#include <linux/bpf.h>
#include <linux/fs.h>
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/workqueue.h>

/* Not among the headers that packages have for building modules. */
#if __has_include(<../kernel/bpf/preload/bpf_preload.h>)
#include <../kernel/bpf/preload/bpf_preload.h>
#endif

/*
 * Static in kernel/bpf/inode.c, so no header declares them. Reached by livepatch
 * relocations (rust/livepatch.symbols), which also make sure that they exist. The
 * functions' prototypes are compared with the kernel's BTF when the module is built.
 */
extern const struct inode_operations bpf_dir_iops;
extern const struct inode_operations bpf_map_iops;
extern const struct inode_operations bpf_prog_iops;
extern const struct inode_operations bpf_link_iops;
int bpf_mkmap(struct dentry *dentry, umode_t mode, void *arg);
int bpf_mkprog(struct dentry *dentry, umode_t mode, void *arg);
int bpf_mklink(struct dentry *dentry, umode_t mode, void *arg);

/* Likewise, static in kernel/bpf/syscall.c. */
void bpf_link_put_deferred(struct work_struct *work);

#include "../helpers/bpf.c"
