// SPDX-License-Identifier: GPL-2.0

//! Numbers in strings, read as C reads them.
//!
//! C header: [`include/linux/kstrtox.h`](srctree/include/linux/kstrtox.h)

use crate::bindings;
use kernel::{error::to_result, prelude::*};

/// The number that `string` consists of: octal after `0`, hexadecimal after `0x`, else decimal.
///
/// # Errors
///
/// `EINVAL` if it is not a number, `ERANGE` if it does not fit. Stands for C's `kstrtou64()` with
/// base 0.
pub fn parse_u64(string: &CStr) -> Result<u64> {
    let mut number = 0;
    // SAFETY: `string` is a string.
    to_result(unsafe { bindings::kstrtoull(string.as_char_ptr(), 0, &mut number) })?;
    Ok(number)
}
