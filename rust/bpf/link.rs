// SPDX-License-Identifier: GPL-2.0

//! BPF links.
//!
//! C header: [`include/linux/bpf.h`](srctree/include/linux/bpf.h)

use crate::{
    bindings,
    link_put::link_put,
    object_ref::{Counted, ObjectRef},
    InstalledFd,
};
use fs::{task::TaskFiles, FileOps, FileSystem};
use kernel::prelude::*;

/// An owned reference to a link. When the last one goes, the link is detached: before the current
/// task returns to user mode, or later if that is a kernel thread. Nothing is detached during the drop
/// itself, which may come with any locks held.
#[derive(Clone)]
pub struct Link(pub(crate) ObjectRef<bindings::bpf_link>);

// SAFETY:
// - A link is freed when its count, which is atomic, drops to zero. It belongs to no task.
// - `bpf_link_get_from_fd()` looks the number up in the task's table, and takes a reference.
// - `bpf_link_inc()` adds to the count, `link_put()` takes away from it.
unsafe impl Counted for bindings::bpf_link {
    const FROM_FD: unsafe extern "C" fn(u32) -> *mut Self = bindings::bpf_link_get_from_fd;
    const GET: unsafe extern "C" fn(*mut Self) = bindings::bpf_link_inc;
    const PUT: unsafe extern "C" fn(*mut Self) = link_put;
}

impl Link {
    /// The link that file descriptor `fd` of the current task stands for.
    ///
    /// # Errors
    ///
    /// `EBADF` if there is no such file descriptor, `EINVAL` if it is not of a link.
    #[inline]
    pub fn from_fd(fd: u32, files: TaskFiles<'_>) -> Result<Self> {
        ObjectRef::from_fd(fd, files).map(Self)
    }

    /// A new file descriptor of the current task for the link, which takes over the reference. May
    /// sleep.
    ///
    /// # Errors
    ///
    /// `EMFILE` if the task has no more file descriptors, `ENFILE`, `ENOMEM`.
    #[inline]
    pub fn into_fd(self, files: TaskFiles<'_>) -> Result<InstalledFd> {
        self.0.into_fd(files, |link| {
            // SAFETY:
            // - `link` has a reference: that of `self`. On success the file takes it over.
            // - The task has files when this closure is called.
            unsafe { bindings::bpf_link_new_fd(link) }
        })
    }

    /// How to run the link's iterator by reading a file of `T`, if the link is one of an iterator.
    pub fn file_operations<T: FileSystem>(&self) -> Option<FileOps<'_, T>> {
        // SAFETY: The function reads the link, which is valid by the invariant of `ObjectRef`.
        unsafe { bindings::bpf_link_is_iter(self.as_ptr()) }.then(|| {
            // SAFETY:
            // - The operations are static, and for inodes of any file system whose private data is
            //   the link of an iterator, as this link was just seen to be.
            // - The pointer is not null, and valid for the lifetime of the result: until then `self`
            //   is borrowed, which owns a reference to the link.
            unsafe { FileOps::from_raw(&raw const bindings::bpf_iter_fops, self.as_ptr().cast()) }
        })
    }

    /// C's link, valid for as long as `self`.
    #[inline]
    pub fn as_ptr(&self) -> *mut bindings::bpf_link {
        self.0.as_ptr()
    }
}
