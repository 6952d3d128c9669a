// SPDX-License-Identifier: GPL-2.0

//! Open files, as places in the tree.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)

use crate::{bindings, task, to_result, AccessMask, FileSystem, SuperBlock};
use core::ptr;
use kernel::{fs::LocalFile, prelude::*, sync::aref::ARef};

/// What an open file is opened on.
pub struct OpenPath(ARef<LocalFile>);

impl OpenPath {
    /// What file descriptor `fd` of the current task has open.
    ///
    /// # Errors
    ///
    /// `EBADF` if there is no such file descriptor, or it was opened with `O_PATH`; `ESRCH` in a
    /// task that exits and has no file descriptors any more.
    #[inline]
    pub fn from_fd(fd: u32) -> Result<Self> {
        task::has_files()?;
        Ok(Self(LocalFile::fget(fd)?))
    }

    /// C's path, valid for as long as `self`.
    #[inline]
    pub fn as_ptr(&self) -> *const bindings::path {
        // SAFETY: Only makes a pointer to a field of an open file; the path of one never changes.
        unsafe { &raw const (*self.0.as_ptr()).__bindgen_anon_1.f_path }
    }

    /// C's superblock, valid for as long as `self`.
    #[inline]
    pub fn super_block_ptr(&self) -> *mut bindings::super_block {
        // SAFETY: An open file holds its dentry, which never changes its superblock.
        unsafe { (*(*self.as_ptr()).dentry).d_sb }
    }

    /// Whether this is the root directory of its superblock.
    #[inline]
    pub fn is_root(&self) -> bool {
        // SAFETY: An open file holds its dentry and superblock. The root of a superblock in use
        // does not change.
        unsafe { ptr::eq((*self.as_ptr()).dentry, (*self.super_block_ptr()).s_root) }
    }

    /// The superblock, if it is one of file system `T`.
    pub fn super_block<T: FileSystem>(&self) -> Option<&SuperBlock<T>> {
        let sb = self.super_block_ptr();
        // SAFETY:
        // - The superblock is valid for as long as the file is open, and as there are files on it,
        //   it is live.
        // - Its type never changes.
        unsafe {
            ptr::eq((*sb).s_type, T::file_system_type().as_ptr()).then(|| SuperBlock::from_raw(sb))
        }
    }

    /// Whether the current task has access, as the mount maps ids. May sleep.
    ///
    /// # Errors
    ///
    /// `EACCES`, `EPERM`, `EROFS`, what an LSM answers. Stands for C's `path_permission()`.
    #[inline]
    pub fn permission(&self, mask: AccessMask) -> Result {
        // SAFETY: The path is valid for as long as the file is open.
        to_result(unsafe { bindings::path_permission(self.as_ptr(), mask.into_raw()) })
    }
}
