// SPDX-License-Identifier: GPL-2.0
/*
 * Non-trivial C macros and inline functions cannot be called from Rust. Each gets
 * a one-line function here; nothing else is in C. Sorted alphabetically.
 */

#include <linux/compiler.h>

/* As in the kernel's own rust/helpers: kept out of line whatever the config. */
#ifndef __rust_helper
#define __rust_helper
#endif

#include "bpf.c"
#include "fs.c"
#include "mnt_namespace.c"
#include "modinfo.c"
