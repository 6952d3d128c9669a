// SPDX-License-Identifier: GPL-2.0

//! Numbers in strings, read as C reads them.
//!
//! The kernel crate's `ParseInt` takes other spellings (`0b1`) and answers `EINVAL` for a number
//! that is too large, where C answers `ERANGE`.
//!
//! C header: [`include/linux/kstrtox.h`](srctree/include/linux/kstrtox.h)

use crate::{bindings, to_result};
use kernel::{
    prelude::*,
    str::{parse_int::ParseInt, BStr},
};

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

/// The number of bytes that `string` stands for: a number as the kernel crate's `ParseInt` takes it,
/// and `k`, `m`, `g`, `t`, `p` or `e` behind it, in either case.
///
/// # Errors
///
/// `EINVAL` if the string is no such number, or the number has more than 64 bits. (C's `memparse()`
/// overflows then.)
pub fn parse_size(string: &CStr) -> Result<u64> {
    const SUFFIXES: &[u8] = b"kmgtpe";
    let bytes = string.to_bytes();
    let (digits, shift) = match bytes.split_last() {
        Some((last, rest)) => match SUFFIXES
            .iter()
            .zip(1..)
            .find(|(s, _)| last.eq_ignore_ascii_case(s))
        {
            // `0x1e` ends in a digit.
            Some((_, n)) if !is_hexadecimal(rest) => (rest, 10 * n),
            _ => (bytes, 0),
        },
        None => return Err(EINVAL),
    };
    let number = u64::from_str(BStr::from_bytes(digits))?;
    number.checked_mul(1 << shift).ok_or(EINVAL)
}

#[inline]
fn is_hexadecimal(digits: &[u8]) -> bool {
    matches!(digits, [b'0', b'x' | b'X', ..])
}
