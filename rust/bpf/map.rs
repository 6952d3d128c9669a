// SPDX-License-Identifier: GPL-2.0

//! BPF maps.

use crate::{bindings, Elements, FileFlags, InstalledFd};
use core::{mem::ManuallyDrop, ptr::NonNull};
use fs::task;
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
    /// `EBADF` if there is no such file descriptor, `EINVAL` if it is not of a map; `ESRCH` in a
    /// task that exits and has no file descriptors any more.
    pub fn from_fd(fd: u32) -> Result<Self> {
        task::has_files()?;
        // SAFETY: The function copes with any number, given that the task has files.
        let map = from_err_ptr(unsafe { bindings::bpf_map_get_with_uref(fd) })?;
        // INVARIANT: A success gives a reference and a user.
        NonNull::new(map).map(Self).ok_or(EINVAL)
    }

    /// Another user of the map that `map` points to.
    ///
    /// # Safety
    ///
    /// `map` must point to a map that has a user for the duration of the call.
    pub(super) unsafe fn from_borrowed(map: NonNull<bindings::bpf_map>) -> Self {
        // SAFETY: The map has a user by this function's contract.
        unsafe { bindings::bpf_map_inc_with_uref(map.as_ptr()) };
        // INVARIANT: That was the reference and the user.
        Self(map)
    }

    /// A new file descriptor of the current task for the map, which takes over the reference. May
    /// sleep.
    ///
    /// # Errors
    ///
    /// `EMFILE` if the task has no more file descriptors, `ENFILE`, `ENOMEM`, what an LSM answers;
    /// `ESRCH` in a task that exits and has none any more.
    pub fn into_fd(self, flags: FileFlags) -> Result<InstalledFd> {
        task::has_files()?;
        // SAFETY: The map is valid by the type invariant, and the task has files.
        let fd = unsafe { bindings::bpf_map_new_fd(self.0.as_ptr(), flags.0) };
        let fd = InstalledFd::from_raw(fd)?;
        let _now_the_file_owns_it = ManuallyDrop::new(self);
        Ok(fd)
    }

    /// Whether the map can show its elements: it has BTF, and is of a type that does.
    pub fn can_show_elements(&self) -> bool {
        // SAFETY: The map is valid by the type invariant.
        unsafe { bindings::bpf_map_support_seq_show(self.as_ptr()) }
    }

    /// The elements, for people to look at.
    ///
    /// # Errors
    ///
    /// `EIO` if the map cannot show its elements; `ENOMEM`.
    pub fn elements(&self) -> Result<Elements> {
        Elements::new(self)
    }

    /// C's map.
    pub fn as_ptr(&self) -> *mut bindings::bpf_map {
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
