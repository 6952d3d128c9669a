// SPDX-License-Identifier: GPL-2.0

//! C's results that may be an error.
//!
//! The functions of these names in the kernel crate are calls, and have calls in them where C's are
//! inline. Those here are for system calls that take but a few thousand instructions.
//!
//! C header: [`include/linux/err.h`](srctree/include/linux/err.h)

use crate::bindings;
use kernel::prelude::*;

/// `pointer`, or the error that it stands for.
#[inline]
pub fn from_err_ptr<T>(pointer: *mut T) -> Result<*mut T> {
    // As C's `IS_ERR_VALUE()`.
    const FIRST_ERROR: usize = 0_usize.wrapping_sub(bindings::MAX_ERRNO as usize);
    let address = pointer.addr();
    if address < FIRST_ERROR {
        Ok(pointer)
    } else {
        Err(Error::from_errno(address as isize as c_int))
    }
}

/// The error that `result` is, if it is negative.
#[inline]
pub fn to_result(result: c_int) -> Result {
    if result < 0 {
        Err(Error::from_errno(result))
    } else {
        Ok(())
    }
}

/// What `read(2)` and its like may answer of `error`: the VFS does not survive `EIOCBQUEUED`, which says that the
/// operation goes on without the task. None here does.
pub fn not_queued(error: Error) -> Error {
    if error == EIOCBQUEUED {
        EIO
    } else {
        error
    }
}
