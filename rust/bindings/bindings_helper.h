/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What bindgen reads. Sorted alphabetically.
 */

#include <linux/bpf.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/fs_parser.h>
#include <linux/kmod.h>
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/slab.h>

/* Not among the headers that packages have for building modules. */
#if __has_include(<../kernel/bpf/preload/bpf_preload.h>)
#include <../kernel/bpf/preload/bpf_preload.h>
#endif

/*
 * Static in kernel/bpf/inode.c, so no header declares them. Reached by livepatch
 * relocations (rust/livepatch.symbols), which also make sure that they exist.
 */
extern const struct inode_operations bpf_dir_iops;
extern const struct inode_operations bpf_map_iops;
extern const struct inode_operations bpf_prog_iops;
extern const struct inode_operations bpf_link_iops;
int bpf_mkmap(struct dentry *dentry, umode_t mode, void *arg);
int bpf_mkprog(struct dentry *dentry, umode_t mode, void *arg);
int bpf_mklink(struct dentry *dentry, umode_t mode, void *arg);

/* Constants that bindgen does not recognise. */
const unsigned long RUST_CONST_HELPER_SB_RDONLY = SB_RDONLY;
const unsigned long RUST_CONST_HELPER_SB_ACTIVE = SB_ACTIVE;
const umode_t RUST_CONST_HELPER_S_IALLUGO = S_IALLUGO;
const umode_t RUST_CONST_HELPER_S_IRWXUGO = S_IRWXUGO;
const unsigned int RUST_CONST_HELPER_LOOKUP_FOLLOW = LOOKUP_FOLLOW;
const slab_flags_t RUST_CONST_HELPER_SLAB_ACCOUNT = SLAB_ACCOUNT;

#include "../helpers/helpers.c"
