// SPDX-License-Identifier: GPL-2.0

//! Kernel messages for code that forbids `unsafe`.
//!
//! The kernel crate's `pr_*!` macros expand to unsafe code at the place of use. These are
//! functions; use them with the prelude's `fmt!`: `print::info(fmt!("{}\n", n))`.
//!
//! C header: [`include/linux/printk.h`](srctree/include/linux/printk.h)

use kernel::{fmt, print::format_strings};

/// What every message begins with, before a colon.
const PREFIX: &[u8] = b"bpffs\0";

/// Prints at `KERN_INFO`. `args` should end in a newline.
pub fn info(args: fmt::Arguments<'_>) {
    // SAFETY: `format_strings::INFO` is one of the kernel crate's format strings, and `PREFIX` is
    // NUL-terminated.
    unsafe { kernel::print::call_printk(&format_strings::INFO, PREFIX, args) }
}

/// Prints at `KERN_WARNING`. `args` should end in a newline.
pub fn warn(args: fmt::Arguments<'_>) {
    // SAFETY: As in `info()`.
    unsafe { kernel::print::call_printk(&format_strings::WARNING, PREFIX, args) }
}

/// Prints at `KERN_ERR`. `args` should end in a newline.
pub fn err(args: fmt::Arguments<'_>) {
    // SAFETY: As in `info()`.
    unsafe { kernel::print::call_printk(&format_strings::ERR, PREFIX, args) }
}
