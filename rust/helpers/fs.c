// SPDX-License-Identifier: GPL-2.0
/*
 * C macros and inline functions, which Rust cannot call, for the crate fs. Each gets a
 * one-line function; nothing else is in C. Sorted alphabetically.
 */

#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uidgid.h>

/* The kernel's own rust/helpers may inline theirs into Rust; these are called. */
#ifndef __rust_helper
#define __rust_helper
#endif

__rust_helper void *rust_helper_alloc_inode_sb(struct super_block *sb, struct kmem_cache *cache,
					       gfp_t gfp);
__rust_helper void *rust_helper_alloc_inode_sb(struct super_block *sb, struct kmem_cache *cache,
					       gfp_t gfp)
{
	return alloc_inode_sb(sb, cache, gfp);
}

__rust_helper int rust_helper_cond_resched(void);
__rust_helper int rust_helper_cond_resched(void)
{
	return cond_resched();
}

__rust_helper kgid_t rust_helper_current_fsgid(void);
__rust_helper kgid_t rust_helper_current_fsgid(void)
{
	return current_fsgid();
}

__rust_helper kuid_t rust_helper_current_fsuid(void);
__rust_helper kuid_t rust_helper_current_fsuid(void)
{
	return current_fsuid();
}

__rust_helper int rust_helper_current_umask(void);
__rust_helper int rust_helper_current_umask(void)
{
	return current_umask();
}

__rust_helper struct dentry *rust_helper_dget(struct dentry *dentry);
__rust_helper struct dentry *rust_helper_dget(struct dentry *dentry)
{
	return dget(dentry);
}

__rust_helper void rust_helper_file_accessed(struct file *file);
__rust_helper void rust_helper_file_accessed(struct file *file)
{
	file_accessed(file);
}

__rust_helper bool rust_helper_gid_valid(kgid_t gid);
__rust_helper bool rust_helper_gid_valid(kgid_t gid)
{
	return gid_valid(gid);
}

__rust_helper loff_t rust_helper_i_size_read(const struct inode *inode);
__rust_helper loff_t rust_helper_i_size_read(const struct inode *inode)
{
	return i_size_read(inode);
}

__rust_helper void rust_helper_i_size_write(struct inode *inode, loff_t size);
__rust_helper void rust_helper_i_size_write(struct inode *inode, loff_t size)
{
	i_size_write(inode, size);
}

__rust_helper void rust_helper_inode_lock(struct inode *inode);
__rust_helper void rust_helper_inode_lock(struct inode *inode)
{
	inode_lock(inode);
}

__rust_helper void rust_helper_inode_lock_nested(struct inode *inode, unsigned int subclass);
__rust_helper void rust_helper_inode_lock_nested(struct inode *inode, unsigned int subclass)
{
	inode_lock_nested(inode, subclass);
}

__rust_helper struct timespec64 rust_helper_inode_set_mtime_to_ts(struct inode *inode,
								  struct timespec64 ts);
__rust_helper struct timespec64 rust_helper_inode_set_mtime_to_ts(struct inode *inode,
								  struct timespec64 ts)
{
	return inode_set_mtime_to_ts(inode, ts);
}

__rust_helper void rust_helper_inode_unlock(struct inode *inode);
__rust_helper void rust_helper_inode_unlock(struct inode *inode)
{
	inode_unlock(inode);
}

__rust_helper bool rust_helper_kgid_has_mapping(struct user_namespace *ns, kgid_t gid);
__rust_helper bool rust_helper_kgid_has_mapping(struct user_namespace *ns, kgid_t gid)
{
	return kgid_has_mapping(ns, gid);
}

__rust_helper void *rust_helper_kmalloc(size_t size, gfp_t flags);
__rust_helper void *rust_helper_kmalloc(size_t size, gfp_t flags)
{
	return kmalloc(size, flags);
}

__rust_helper bool rust_helper_kuid_has_mapping(struct user_namespace *ns, kuid_t uid);
__rust_helper bool rust_helper_kuid_has_mapping(struct user_namespace *ns, kuid_t uid)
{
	return kuid_has_mapping(ns, uid);
}

__rust_helper int rust_helper_path_permission(const struct path *path, int mask);
__rust_helper int rust_helper_path_permission(const struct path *path, int mask)
{
	return path_permission(path, mask);
}

__rust_helper bool rust_helper_uid_valid(kuid_t uid);
__rust_helper bool rust_helper_uid_valid(kuid_t uid)
{
	return uid_valid(uid);
}
