// SPDX-License-Identifier: GPL-2.0

//! BPF links.

use super::InstalledFd;
use crate::{bindings, fs::FileOperations, task};
use core::{mem::ManuallyDrop, ptr::NonNull};
use kernel::{error::from_err_ptr, prelude::*};

/// An owned reference to a link. When the last one goes, the link is detached.
///
/// # Invariants
///
/// Owns one reference to a live link.
pub struct Link(NonNull<bindings::bpf_link>);

// SAFETY: Links are counted atomically and belong to no task.
unsafe impl Send for Link {}
// SAFETY: The methods on `&self` may be called at the same time by any task.
unsafe impl Sync for Link {}

impl Link {
    /// The link that file descriptor `fd` of the current task stands for.
    ///
    /// # Errors
    ///
    /// `EBADF` if there is no such file descriptor, `EINVAL` if it is not of a link.
    /// `ESRCH` in a task that exits and has none any more.
    pub fn from_fd(fd: u32) -> Result<Self> {
        task::has_files()?;
        // SAFETY: Copes with any number, given that the task has files.
        let link = from_err_ptr(unsafe { bindings::bpf_link_get_from_fd(fd) })?;
        // INVARIANT: That is what a success gives.
        NonNull::new(link).map(Self).ok_or(EINVAL)
    }

    /// Another reference to the link that `link` points to.
    ///
    /// # Safety
    ///
    /// `link` must point to a link that has a reference for the duration of the call.
    pub(super) unsafe fn from_borrowed(link: NonNull<bindings::bpf_link>) -> Self {
        // SAFETY: By the caller's promise.
        unsafe { bindings::bpf_link_inc(link.as_ptr()) };
        // INVARIANT: That was the reference.
        Self(link)
    }

    /// A new file descriptor of the current task for the link, which takes over the reference. May
    /// sleep.
    ///
    /// # Errors
    ///
    /// `EMFILE` if the task has no more, `ENFILE`, `ENOMEM`.
    /// `ESRCH` in a task that exits and has none any more.
    pub fn into_fd(self) -> Result<InstalledFd> {
        task::has_files()?;
        // SAFETY: The link is valid by the type invariant, and the task has files.
        let fd = InstalledFd::from_raw(unsafe { bindings::bpf_link_new_fd(self.as_ptr()) })?;
        let _now_the_file_owns_it = ManuallyDrop::new(self);
        Ok(fd)
    }

    /// How to run the link's iterator, by reading, if it is one of an iterator.
    pub fn file_operations(&self) -> Option<FileOperations<'_>> {
        // SAFETY: The link is valid by the type invariant.
        unsafe { bindings::bpf_link_is_iter(self.as_ptr()) }.then(|| {
            // SAFETY: The operations are for inodes whose private data is the link of an iterator,
            // of which this value holds a reference for as long as it lives.
            unsafe { FileOperations::new(&raw const bindings::bpf_iter_fops, self.as_ptr().cast()) }
        })
    }

    pub(super) fn as_ptr(&self) -> *mut bindings::bpf_link {
        self.0.as_ptr()
    }
}

impl Clone for Link {
    fn clone(&self) -> Self {
        // SAFETY: There is a reference: this one.
        unsafe { Self::from_borrowed(self.0) }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // SAFETY: The reference is ours by the type invariant.
        unsafe { bindings::bpf_link_put(self.0.as_ptr()) }
    }
}
