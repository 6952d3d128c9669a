/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What bindgen reads for the crate takeover. Sorted alphabetically.
 */

#include <linux/bpf.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/xattr.h>

/* Replaced (rust/livepatch.replaced), and used by the kernel as that operation only. */
typeof(*((struct file_system_type *)0)->init_fs_context) bpf_init_fs_context;

#include "../helpers/takeover.c"
