// SPDX-License-Identifier: GPL-2.0

//! File operations of regular files.

use crate::bindings;
use kernel::prelude::*;

/// What can be done with an open file.
#[derive(Clone, Copy)]
pub struct FileOperations(&'static bindings::file_operations);

impl FileOperations {
    /// Nothing: opening the file fails with `EIO`.
    pub const UNOPENABLE: Self = Self(&bindings::file_operations {
        open: Some(open_fails),
        ..pin_init::zeroed()
    });

    pub(crate) fn as_ptr(self) -> *const bindings::file_operations {
        self.0
    }
}

/// # Safety
///
/// None; `unsafe` is what the type of the operation asks for.
unsafe extern "C" fn open_fails(_: *mut bindings::inode, _: *mut bindings::file) -> c_int {
    EIO.to_errno()
}
