// SPDX-License-Identifier: GPL-2.0

//! Numbers in strings, read as C reads them.
//!
//! The kernel crate's `ParseInt` takes other spellings (`0b1`) and answers `EINVAL` for a number
//! that is too large, where C answers `ERANGE`.
//!
//! C header: [`include/linux/kstrtox.h`](srctree/include/linux/kstrtox.h)

use crate::bindings;
use kernel::{error::to_result, prelude::*};

/// The number that `string` consists of: octal after `0`, hexadecimal after `0x`, else decimal.
///
/// # Errors
///
/// `EINVAL` if the string is no number, `ERANGE` if the number has more than 64 bits. Stands for
/// C's `kstrtou64()` with base 0.
pub fn parse_u64(string: &CStr) -> Result<u64> {
    let mut number = 0;
    // SAFETY:
    // - `string` ends in a NUL.
    // - `number` can be written to.
    to_result(unsafe { bindings::kstrtoull(string.as_char_ptr(), 0, &mut number) })?;
    Ok(number)
}

/// The number of bytes that `string` stands for: a number as [`parse_u64`] takes it, and `k`, `m`,
/// `g` and the like behind it.
///
/// # Errors
///
/// `EINVAL` if anything is left behind that, or there is no number. Stands for C's `memparse()`.
pub fn parse_size(string: &CStr) -> Result<u64> {
    let mut end = core::ptr::null_mut();
    // SAFETY:
    // - `string` ends in a NUL.
    // - `end` can be written to.
    let size = unsafe { bindings::memparse(string.as_char_ptr(), &mut end) };
    let length = (end as usize).wrapping_sub(string.as_char_ptr() as usize);
    if length == 0 || length != string.to_bytes().len() {
        return Err(EINVAL);
    }
    Ok(size)
}
