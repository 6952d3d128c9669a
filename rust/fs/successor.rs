// SPDX-License-Identifier: GPL-2.0

//! Mounts that another file system type makes.
//!
//! C header: [`include/linux/fs_context.h`](srctree/include/linux/fs_context.h)

use crate::{bindings, to_result, FileSystem, FsContext};
use core::{mem, ptr};
use kernel::prelude::*;

/// What makes a mount instead of the context's own file system type: another type, and what that
/// would have made of the context.
///
/// # Invariants
///
/// - The type and its operations are static in the kernel itself.
/// - `info` is what the operations find in `s_fs_info` of a context that is configured. It is a box of
///   ours, which the operations free with the context unless a superblock has taken it.
pub struct Successor {
    fs_type: *mut bindings::file_system_type,
    operations: *const bindings::fs_context_operations,
    info: *mut c_void,
    free: unsafe fn(*mut c_void),
}

impl Successor {
    /// A context of `fs_type`, with `operations` and `info`.
    ///
    /// # Safety
    ///
    /// - Both pointers must be to static data of the kernel itself.
    /// - `info` must be what the operations find in `s_fs_info` of a context that is configured, and
    ///   free by `kfree()`.
    pub unsafe fn new<I>(
        fs_type: *mut bindings::file_system_type,
        operations: *const bindings::fs_context_operations,
        info: KBox<I>,
    ) -> Self {
        /// # Safety
        ///
        /// `info` must be a box of `I` that was turned into a pointer, and is the caller's.
        unsafe fn free<I>(info: *mut c_void) {
            // SAFETY: The box is the caller's by this function's contract.
            drop(unsafe { KBox::<I>::from_raw(info.cast()) });
        }

        // INVARIANT: All of this is so by this function's contract.
        Self {
            fs_type,
            operations,
            info: KBox::into_raw(info).cast(),
            free: free::<I>,
        }
    }

    /// Makes the superblock that `fc` mounts. May sleep.
    ///
    /// # Errors
    ///
    /// What the other type answers.
    pub(crate) fn get_tree<T: FileSystem>(self, fc: &FsContext<T>) -> Result {
        let this = mem::ManuallyDrop::new(self);
        let fc = fc.as_ptr();
        // SAFETY:
        // - The context is valid and nobody else uses it, by the invariant of `FsContext`. Nothing is
        //   left in it of the type of `T` but the reference to that type, which is put back.
        // - The operations find what they expect, by the type invariant. They are in the kernel
        //   itself, so that nothing needs to hold them. `free()` is called once, as the last of them.
        unsafe {
            (*fc).s_fs_info = this.info;
            let fs_type = mem::replace(&mut (*fc).fs_type, this.fs_type);
            let result = match (*this.operations).get_tree {
                Some(get_tree) => to_result(get_tree(fc)),
                None => Err(EINVAL),
            };
            (*fc).fs_type = fs_type;
            if let Some(free) = (*this.operations).free {
                free(fc);
            }
            (*fc).s_fs_info = ptr::null_mut();
            result
        }
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        // SAFETY: The box is ours by the type invariant.
        unsafe { (self.free)(self.info) }
    }
}
