// SPDX-License-Identifier: GPL-2.0

//! Open files, as places in the tree.

use super::{inode, AccessMask, FileSystem, SuperBlock};
use crate::{bindings, task};
use core::ptr;
use kernel::{error::to_result, fs::LocalFile, prelude::*, sync::aref::ARef};

/// What an open file is opened on.
pub struct OpenPath(ARef<LocalFile>);

impl OpenPath {
    /// What file descriptor `fd` of the current task has open.
    ///
    /// # Errors
    ///
    /// `EBADF` if there is no such file descriptor, or it was opened with `O_PATH`; `ESRCH` in a
    /// task that exits and has none any more.
    pub fn from_fd(fd: u32) -> Result<Self> {
        task::has_files()?;
        Ok(Self(LocalFile::fget(fd)?))
    }

    /// The path, valid for as long as `self`.
    pub(crate) fn as_path_ptr(&self) -> *const bindings::path {
        // SAFETY: Only makes a pointer to a field of an open file; the path of one never changes.
        unsafe { &raw const (*self.0.as_ptr()).__bindgen_anon_1.f_path }
    }

    /// The superblock, valid for as long as `self`.
    pub(crate) fn super_block_ptr(&self) -> *mut bindings::super_block {
        // SAFETY: An open file holds its dentry, which never changes its superblock.
        unsafe { (*(*self.as_path_ptr()).dentry).d_sb }
    }

    /// Whether this is the root directory of its superblock.
    pub fn is_root(&self) -> bool {
        // SAFETY: As above; the root of a superblock in use does not change.
        unsafe {
            ptr::eq(
                (*self.as_path_ptr()).dentry,
                (*self.super_block_ptr()).s_root,
            )
        }
    }

    /// The superblock, if it is one of file system `T`.
    pub fn super_block<T: FileSystem>(&self) -> Option<&SuperBlock<T>> {
        let sb = self.super_block_ptr();
        // SAFETY: The superblock is valid for as long as the file is open, and as there are files
        // on it, it is live. Its type never changes.
        unsafe {
            ptr::eq((*sb).s_type, T::file_system_type().as_ptr()).then(|| SuperBlock::from_raw(sb))
        }
    }

    /// The user namespace that owns the superblock, valid for as long as `self`.
    pub(crate) fn user_ns(&self) -> *mut bindings::user_namespace {
        // SAFETY: The superblock is valid, and the field never changes.
        unsafe { (*self.super_block_ptr()).s_user_ns }
    }

    /// Whether the current task has access, as the mount maps ids. May sleep.
    ///
    /// # Errors
    ///
    /// `EACCES`, `EPERM`, `EROFS`, what an LSM answers. Stands for C's `path_permission()`.
    pub fn permission(&self, mask: AccessMask) -> Result {
        // SAFETY: The path is valid.
        to_result(unsafe { bindings::path_permission(self.as_path_ptr(), mask.into_raw()) })
    }

    /// A new inode of the superblock, without a name. The caller owns the only reference.
    ///
    /// # Errors
    ///
    /// `ENOSPC` without memory.
    ///
    /// # Safety
    ///
    /// The superblock's file system must not mind inodes that it did not ask for, with numbers that
    /// it did not give.
    pub(crate) unsafe fn new_inode(&self, mode: bindings::umode_t) -> Result<*mut bindings::inode> {
        // SAFETY: The superblock is valid.
        let inode = unsafe { inode::new_inode(self.super_block_ptr(), ptr::null(), mode)? };
        Ok(inode.as_ptr())
    }
}
