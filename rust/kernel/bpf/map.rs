// SPDX-License-Identifier: GPL-2.0

//! BPF maps.

use super::{map_file, FileFlags, InstalledFd};
use crate::{bindings, fs::FileOperations, task};
use core::{mem::ManuallyDrop, ptr::NonNull};
use kernel::{error::from_err_ptr, prelude::*};

/// An owned reference to a map, as one of its *users*.
///
/// A map counts its users (file descriptors and pins, `usercnt`) apart from its references
/// (`refcnt`, which programs and other maps have too). When the last user goes, a program array is
/// flushed, however many plain references there are: that is what takes apart cycles of program
/// arrays and the programs in them.
///
/// # Invariants
///
/// Owns one reference and one user of a live map.
pub struct Map(NonNull<bindings::bpf_map>);

// SAFETY: Maps are counted atomically and belong to no task.
unsafe impl Send for Map {}
// SAFETY: The methods on `&self` may be called at the same time by any task.
unsafe impl Sync for Map {}

impl Map {
    /// The map that file descriptor `fd` of the current task stands for.
    ///
    /// # Errors
    ///
    /// `EBADF` if there is no such file descriptor, `EINVAL` if it is not of a map.
    /// `ESRCH` in a task that exits and has none any more.
    pub fn from_fd(fd: u32) -> Result<Self> {
        task::has_files()?;
        // SAFETY: Copes with any number, given that the task has files.
        let map = from_err_ptr(unsafe { bindings::bpf_map_get_with_uref(fd) })?;
        // INVARIANT: That is what a success gives.
        NonNull::new(map).map(Self).ok_or(EINVAL)
    }

    /// Another user of the map that `map` points to.
    ///
    /// # Safety
    ///
    /// `map` must point to a map that has a user for the duration of the call.
    pub(super) unsafe fn from_borrowed(map: NonNull<bindings::bpf_map>) -> Self {
        // SAFETY: By the caller's promise.
        unsafe { bindings::bpf_map_inc_with_uref(map.as_ptr()) };
        // INVARIANT: That was the reference and the user.
        Self(map)
    }

    /// A new file descriptor of the current task for the map, which takes over the reference. May
    /// sleep.
    ///
    /// # Errors
    ///
    /// `EMFILE` if the task has no more, `ENFILE`, `ENOMEM`, what an LSM answers.
    /// `ESRCH` in a task that exits and has none any more.
    pub fn into_fd(self, flags: FileFlags) -> Result<InstalledFd> {
        task::has_files()?;
        // SAFETY: The map is valid by the type invariant, and the task has files.
        let fd = unsafe { bindings::bpf_map_new_fd(self.0.as_ptr(), flags.0) };
        let fd = InstalledFd::from_raw(fd)?;
        let _now_the_file_owns_it = ManuallyDrop::new(self);
        Ok(fd)
    }

    /// How to read the map's elements, if it can show them: it has BTF, and is of a type that does.
    pub fn file_operations(&self) -> Option<FileOperations<'_>> {
        // SAFETY: The map is valid by the type invariant.
        unsafe { bindings::bpf_map_support_seq_show(self.as_ptr()) }.then(|| {
            // SAFETY: This value is a user of the map for as long as it lives, and the map can show
            // its elements, as just seen.
            unsafe { FileOperations::new(&map_file::OPERATIONS.0, self.as_ptr().cast()) }
        })
    }

    pub(super) fn as_ptr(&self) -> *mut bindings::bpf_map {
        self.0.as_ptr()
    }
}

impl Clone for Map {
    fn clone(&self) -> Self {
        // SAFETY: There is a user: this one.
        unsafe { Self::from_borrowed(self.0) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: The reference and the user are ours by the type invariant.
        unsafe { bindings::bpf_map_put_with_uref(self.0.as_ptr()) }
    }
}
