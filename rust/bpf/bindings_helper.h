/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What bindgen reads for the crate bpf. Sorted alphabetically.
 */

#include <linux/anon_inodes.h>
#include <linux/bpf.h>
#include <linux/fs.h>
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/seq_file.h>
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
extern const struct fs_context_operations bpf_context_ops;
extern struct file_system_type bpf_fs_type;
extern const struct inode_operations bpf_dir_iops;
extern const struct inode_operations bpf_map_iops;
extern const struct inode_operations bpf_prog_iops;
extern const struct inode_operations bpf_link_iops;
int bpf_mkmap(struct dentry *dentry, umode_t mode, void *arg);
int bpf_mkprog(struct dentry *dentry, umode_t mode, void *arg);
int bpf_mklink(struct dentry *dentry, umode_t mode, void *arg);

/* Likewise, static in kernel/bpf/syscall.c. */
void bpf_link_put_deferred(struct work_struct *work);

/*
 * Local to kernel/bpf/cgroup_iter.c and kernel/bpf/bpf_iter.c. The types are compared with the kernel's
 * BTF when the module is built (rust/livepatch.structs).
 */
struct bpf_iter__cgroup {
	__bpf_md_ptr(struct bpf_iter_meta *, meta);
	__bpf_md_ptr(struct cgroup *, cgroup);
};

struct bpf_iter_target_info {
	struct list_head list;
	const struct bpf_iter_reg *reg_info;
	u32 btf_id;
};

struct bpf_iter_priv_data {
	struct bpf_iter_target_info *tinfo;
	const struct bpf_iter_seq_info *seq_info;
	struct bpf_prog *prog;
	u64 session_id;
	u64 seq_num;
	bool done_stop;
	u8 target_private[] __aligned(8);
};

#include "../helpers/bpf.c"
