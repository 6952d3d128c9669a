/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What bindgen reads for the crate fs. Sorted alphabetically.
 */

#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/fs_parser.h>
#include <linux/hash.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/statfs.h>

/* Exported, and declared in kernel/rcu/rcu.h, which is not among the headers for modules. */
void rcu_expedite_gp(void);
void rcu_unexpedite_gp(void);

/* Constants that bindgen does not recognise. */
const unsigned int RUST_CONST_HELPER_DCACHE_PERSISTENT = DCACHE_PERSISTENT;
const u64 RUST_CONST_HELPER_GOLDEN_RATIO_64 = GOLDEN_RATIO_64;
const unsigned int RUST_CONST_HELPER_I_MUTEX_PARENT = I_MUTEX_PARENT;
const unsigned int RUST_CONST_HELPER_LOOKUP_FOLLOW = LOOKUP_FOLLOW;
const loff_t RUST_CONST_HELPER_MAX_LFS_FILESIZE = MAX_LFS_FILESIZE;
const unsigned long RUST_CONST_HELPER_SB_ACTIVE = SB_ACTIVE;
const unsigned long RUST_CONST_HELPER_SB_BORN = SB_BORN;
const unsigned long RUST_CONST_HELPER_SB_RDONLY = SB_RDONLY;
const slab_flags_t RUST_CONST_HELPER_SLAB_ACCOUNT = SLAB_ACCOUNT;
const umode_t RUST_CONST_HELPER_S_IALLUGO = S_IALLUGO;
const umode_t RUST_CONST_HELPER_S_IRWXUGO = S_IRWXUGO;

#include "../helpers/fs.c"
