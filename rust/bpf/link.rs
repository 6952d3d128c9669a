// SPDX-License-Identifier: GPL-2.0

//! BPF links.

use super::InstalledFd;
use crate::bindings;
use core::{mem::ManuallyDrop, ptr::NonNull};
use fs::{task, FileOps, FileSystem};
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
    /// `EBADF` if there is no such file descriptor, `EINVAL` if it is not of a link; `ESRCH` in a
    /// task that exits and has no file descriptors any more.
    pub fn from_fd(fd: u32) -> Result<Self> {
        task::has_files()?;
        // SAFETY: The function copes with any number, given that the task has files.
        let link = from_err_ptr(unsafe { bindings::bpf_link_get_from_fd(fd) })?;
        // INVARIANT: A success gives a reference.
        NonNull::new(link).map(Self).ok_or(EINVAL)
    }

    /// Another reference to the link that `link` points to.
    ///
    /// # Safety
    ///
    /// `link` must point to a link that has a reference for the duration of the call.
    pub(super) unsafe fn from_borrowed(link: NonNull<bindings::bpf_link>) -> Self {
        // SAFETY: The link has a reference by this function's contract.
        unsafe { bindings::bpf_link_inc(link.as_ptr()) };
        // INVARIANT: That was the reference.
        Self(link)
    }

    /// A new file descriptor of the current task for the link, which takes over the reference. May
    /// sleep.
    ///
    /// # Errors
    ///
    /// `EMFILE` if the task has no more file descriptors, `ENFILE`, `ENOMEM`; `ESRCH` in a task that
    /// exits and has none any more.
    pub fn into_fd(self) -> Result<InstalledFd> {
        task::has_files()?;
        // SAFETY: The link is valid by the type invariant, and the task has files.
        let fd = InstalledFd::from_raw(unsafe { bindings::bpf_link_new_fd(self.as_ptr()) })?;
        let _now_the_file_owns_it = ManuallyDrop::new(self);
        Ok(fd)
    }

    /// How to run the link's iterator by reading a file of `T`, if the link is one of an iterator.
    pub fn file_operations<T: FileSystem>(&self) -> Option<FileOps<'_, T>> {
        // SAFETY: The link is valid by the type invariant.
        unsafe { bindings::bpf_link_is_iter(self.as_ptr()) }.then(|| {
            // SAFETY:
            // - The operations are static, and for inodes whose private data is the link of an
            //   iterator, of any file system.
            // - This value holds a reference to the link for as long as it lives.
            unsafe { FileOps::from_raw(&raw const bindings::bpf_iter_fops, self.as_ptr().cast()) }
        })
    }

    /// C's link.
    pub fn as_ptr(&self) -> *mut bindings::bpf_link {
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
