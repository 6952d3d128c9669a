// SPDX-License-Identifier: GPL-2.0

//! Superblocks whose changes are held back.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)

use crate::{bindings, to_result, Path};
use core::ptr;
use kernel::prelude::*;

/// A superblock of any file system that nobody changes: whoever would waits, in the kernel, until this
/// is dropped. Readers do not wait.
///
/// # Invariants
///
/// The superblock that the path leads to is frozen by us.
pub struct Frozen(Path);

impl Frozen {
    /// Waits until all changes that have begun have ended, and holds back others. May sleep.
    ///
    /// `path` should be of a mount that nobody else has (`open_tree(2)` makes one): the end of
    /// [`Retired`](crate::Retired) waits for those who have looked up a path by another mount.
    ///
    /// # Errors
    ///
    /// `EBUSY` if somebody else in the kernel has frozen the superblock. Stands for C's
    /// `freeze_super()`.
    pub fn new(path: Path) -> Result<Self> {
        freeze(&path)?;
        // INVARIANT: The superblock is frozen, as just seen.
        Ok(Self(path))
    }

    /// What the superblock was reached by.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Ends it, and returns what the superblock was reached by.
    pub(crate) fn into_path(self) -> Path {
        self.0.clone()
    }
}

/// That grace periods of RCU are short meanwhile, at the cost of an interrupt of each processor.
struct Expedited;

impl Expedited {
    fn new() -> Self {
        // SAFETY: The function can be called anywhere. The drop undoes it.
        unsafe { bindings::rcu_expedite_gp() };
        Self
    }
}

impl Drop for Expedited {
    fn drop(&mut self) {
        // SAFETY: `new()` has called the other one.
        unsafe { bindings::rcu_unexpedite_gp() }
    }
}

/// Freezes the superblock that `path` leads to.
pub(crate) fn freeze(path: &Path) -> Result {
    // It takes three grace periods, and those who would change something wait from the first one on.
    let _expedited = Expedited::new();
    // SAFETY: The path holds its mount, and the mount its superblock, which is active.
    to_result(unsafe {
        bindings::freeze_super(
            path.super_block_ptr(),
            bindings::freeze_holder_FREEZE_HOLDER_KERNEL,
            ptr::null(),
        )
    })
}

/// Undoes a [`freeze`] that succeeded.
pub(crate) fn thaw(path: &Path) {
    // SAFETY: The path holds its mount, and the mount its superblock, which is active. The call fails if
    // the superblock is not frozen, and changes nothing then.
    unsafe {
        bindings::thaw_super(
            path.super_block_ptr(),
            bindings::freeze_holder_FREEZE_HOLDER_KERNEL,
            ptr::null(),
        );
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        thaw(&self.0);
    }
}
