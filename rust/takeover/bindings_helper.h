/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What bindgen reads for the crate takeover. Sorted alphabetically.
 */

#include <linux/bpf.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/xattr.h>

#include "../helpers/takeover.c"
