// SPDX-License-Identifier: GPL-2.0

//! Boxes from `kmalloc()`.

use crate::bindings;
use core::mem::MaybeUninit;
use kernel::{alloc::AllocError, prelude::*};

/// A box whose value is not initialised yet.
///
/// Stands for `KBox::new_uninit()`. The kernel crate's allocator calls `krealloc()` for memory that
/// is new, too, which takes 80 instructions more than `kmalloc()`. This is for what a system call
/// allocates that takes but a few thousand. The number of the flags is C's, as the kernel crate's
/// `Flags` do not give theirs away.
#[inline]
pub fn new_uninit_box<T>(flags: bindings::gfp_t) -> Result<KBox<MaybeUninit<T>>, AllocError> {
    const { assert!(size_of::<T>() != 0, "no memory is needed") };
    // SAFETY:
    // - `kmalloc()` takes any size and any flags.
    // - The memory is ours alone, and large enough. `kmalloc()` aligns it to the largest power of
    //   two that divides the size, which a type's alignment, one of these, is no more than.
    // - `KBox` frees by what `kfree()` is, which is right for memory from `kmalloc()`.
    unsafe {
        let memory = bindings::kmalloc(size_of::<T>(), flags);
        if memory.is_null() {
            return Err(AllocError);
        }
        Ok(KBox::from_raw(memory.cast()))
    }
}
