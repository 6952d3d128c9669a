// SPDX-License-Identifier: GPL-2.0

//! Kernel messages for code that forbids `unsafe`.
//!
//! The kernel crate's `pr_*!` macros expand to unsafe code at the place of use; these do not.
//!
//! C header: [`include/linux/printk.h`](srctree/include/linux/printk.h)

use kernel::{fmt, print::format_strings, str::CStr};

/// Prints at `KERN_INFO`. Used by [`info!`](crate::info).
#[doc(hidden)]
pub fn info(prefix: &'static [u8], args: fmt::Arguments<'_>) {
    // SAFETY: It is one of them.
    unsafe { print(&format_strings::INFO, prefix, args) };
}

/// Prints at `KERN_WARNING`. Used by [`warn!`](crate::warn).
#[doc(hidden)]
pub fn warn(prefix: &'static [u8], args: fmt::Arguments<'_>) {
    // SAFETY: It is one of them.
    unsafe { print(&format_strings::WARNING, prefix, args) };
}

/// Prints at `KERN_ERR`. Used by [`err!`](crate::err).
#[doc(hidden)]
pub fn err(prefix: &'static [u8], args: fmt::Arguments<'_>) {
    // SAFETY: It is one of them.
    unsafe { print(&format_strings::ERR, prefix, args) };
}

/// # Safety
///
/// `format` must be one of `format_strings`.
unsafe fn print(
    format: &'static [u8; format_strings::LENGTH],
    prefix: &'static [u8],
    args: fmt::Arguments<'_>,
) {
    if CStr::from_bytes_with_nul(prefix).is_ok() {
        // SAFETY: The format is one of the kernel crate's by the caller's promise, and the prefix
        // is NUL-terminated.
        unsafe { kernel::print::call_printk(format, prefix, args) }
    }
}

/// Prints at `KERN_INFO`, with the module's name before it. To be used in a crate with a `module!`.
#[macro_export]
#[allow(clippy::crate_in_macro_def)] // The prefix is that of the crate that prints.
macro_rules! info {
    ($($arg:tt)*) => {
        $crate::print::info(crate::__LOG_PREFIX, ::kernel::prelude::fmt!($($arg)*))
    };
}

/// Prints at `KERN_WARNING`, see [`info!`].
#[macro_export]
#[allow(clippy::crate_in_macro_def)] // The prefix is that of the crate that prints.
macro_rules! warn {
    ($($arg:tt)*) => {
        $crate::print::warn(crate::__LOG_PREFIX, ::kernel::prelude::fmt!($($arg)*))
    };
}

/// Prints at `KERN_ERR`, see [`info!`].
#[macro_export]
#[allow(clippy::crate_in_macro_def)] // The prefix is that of the crate that prints.
macro_rules! err {
    ($($arg:tt)*) => {
        $crate::print::err(crate::__LOG_PREFIX, ::kernel::prelude::fmt!($($arg)*))
    };
}
