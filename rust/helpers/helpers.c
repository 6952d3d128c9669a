// SPDX-License-Identifier: GPL-2.0
/*
 * Non-trivial C macros and inline functions cannot be called from Rust. Each gets
 * a one-line function here; nothing else is in C. Sorted alphabetically.
 */

#include <linux/compiler.h>

/* The kernel's own rust/helpers may inline theirs into Rust; these are called. */
#define __rust_helper

#include "bpf.c"
#include "fs.c"
#include "mnt_namespace.c"
#include "modinfo.c"
