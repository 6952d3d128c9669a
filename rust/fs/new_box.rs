// SPDX-License-Identifier: GPL-2.0

//! Boxes from `kmalloc()`.

use crate::bindings;
use core::mem::MaybeUninit;
use kernel::{alloc::AllocError, prelude::*};

/// A box whose value is not initialised yet.
///
/// Stands for `KBox::new_uninit()`. The kernel crate's allocator has `krealloc()` for memory that is
/// new, too, which takes 80 instructions more than `kmalloc()`: as many as all that Rust adds to a
/// system call here. The kernel crate's `Flags` do not give the number away that C wants.
#[inline]
pub fn new_uninit_box<T>(flags: bindings::gfp_t) -> Result<KBox<MaybeUninit<T>>, AllocError> {
    const { assert!(size_of::<T>() != 0, "a value without a size needs no memory") };
    // SAFETY: `kmalloc()` may be called with any size, and with any flags that the caller may use.
    let memory = unsafe { bindings::kmalloc(size_of::<T>(), flags) };
    if memory.is_null() {
        return Err(AllocError);
    }
    // SAFETY:
    // - The memory is ours alone, and large enough. It is aligned: to the largest power of two that
    //   the size is a multiple of, and the size is one of the alignment.
    // - It is from `kmalloc()`, as a `KBox` frees by `kfree()`.
    Ok(unsafe { KBox::from_raw(memory.cast()) })
}
