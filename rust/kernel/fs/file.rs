// SPDX-License-Identifier: GPL-2.0

//! File operations of regular files.

use crate::bindings;
use core::{marker::PhantomData, ptr};
use kernel::prelude::*;

/// What can be done with the open file of something that lives for `'a`.
///
/// # Invariants
///
/// `operations` is static, and sound to use for `'a` with an inode that has that private data.
#[derive(Clone, Copy)]
pub struct FileOperations<'a> {
    operations: *const bindings::file_operations,
    private: *mut c_void,
    _lifetime: PhantomData<&'a ()>,
}

impl<'a> FileOperations<'a> {
    /// Nothing: opening the file fails with `EIO`.
    pub const UNOPENABLE: Self = Self {
        operations: &bindings::file_operations {
            open: Some(open_fails),
            ..pin_init::zeroed()
        },
        private: ptr::null_mut(),
        _lifetime: PhantomData,
    };

    /// What `operations` do with an inode whose private data is `private`.
    ///
    /// # Safety
    ///
    /// `operations` must be static, and sound to use for `'a` with an inode that has that private
    /// data.
    pub(crate) const unsafe fn new(
        operations: *const bindings::file_operations,
        private: *mut c_void,
    ) -> Self {
        // INVARIANT: By the caller's promise.
        Self {
            operations,
            private,
            _lifetime: PhantomData,
        }
    }

    /// Makes them those of an inode.
    ///
    /// # Safety
    ///
    /// `inode` must point to an inode that only the caller uses, and that will be used as a file
    /// during `'a` only.
    pub(super) unsafe fn set(self, inode: *mut bindings::inode) {
        // SAFETY: By the caller's promise.
        unsafe {
            (*inode).__bindgen_anon_3.i_fop = self.operations;
            (*inode).i_private = self.private;
        }
    }
}

/// # Safety
///
/// None; `unsafe` is what the type of the operation asks for.
unsafe extern "C" fn open_fails(_: *mut bindings::inode, _: *mut bindings::file) -> c_int {
    EIO.to_errno()
}
