// SPDX-License-Identifier: GPL-2.0

//! What a module says of itself, and lets be set.
//!
//! The kernel crate's `module!` declares a module. What that macro lacks is here: any
//! [entry of the module's information](info!), and [parameters](Parameter) that sysfs has.
//!
//! C headers: [`include/linux/module.h`](srctree/include/linux/module.h),
//! [`include/linux/moduleparam.h`](srctree/include/linux/moduleparam.h)

#![cfg_attr(doctest, no_std)]

mod parameter;

#[doc(hidden)]
pub use parameter::RawParameter;
pub use parameter::{Choice, Parameter};

/// Puts an entry into the information of the module whose crate this is in, where modinfo(8) finds
/// it: `NAME=VALUE` and a NUL, in a `static` of the given name.
///
/// # Examples
///
/// ```
/// module::info!(VERSION, "version=0.1.0\0");
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! info {
    ($static:ident, $text:expr) => {
        #[link_section = ".modinfo"]
        #[used(compiler)]
        static $static: [u8; $text.len()] = $crate::to_array($text);
    };
}

/// The bytes of `text`, in an array of its length. At compile time only.
#[doc(hidden)]
pub const fn to_array<const N: usize>(text: &str) -> [u8; N] {
    let bytes = text.as_bytes();
    assert!(bytes.len() == N);
    let mut array = [0; N];
    let mut i = 0;
    while i < N {
        array[i] = bytes[i];
        i += 1;
    }
    array
}
