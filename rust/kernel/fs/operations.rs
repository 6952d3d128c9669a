// SPDX-License-Identifier: GPL-2.0

//! Inode operations: from the VFS's calls to the methods of [`FileSystem`].

use super::{xattr, FileSystem, INode, Instantiated, Mode, NewDentry};
use crate::bindings;
use core::{marker::PhantomData, ptr};
use kernel::{error::from_result, prelude::*};

/// Operations of inodes of `T`.
pub(super) struct Operations<T>(PhantomData<T>);

impl<T: FileSystem> Operations<T> {
    /// Those of regular files.
    pub(super) const FILE: &'static bindings::inode_operations = &bindings::inode_operations {
        listxattr: Some(xattr::list::<T>),
        ..pin_init::zeroed()
    };

    /// Those of symlinks.
    pub(super) const SYMLINK: &'static bindings::inode_operations = &bindings::inode_operations {
        get_link: Some(bindings::simple_get_link),
        listxattr: Some(xattr::list::<T>),
        ..pin_init::zeroed()
    };

    /// Those of directories.
    pub(super) const DIRECTORY: &'static bindings::inode_operations = &bindings::inode_operations {
        lookup: Some(Self::lookup),
        mkdir: Some(Self::mkdir),
        symlink: Some(Self::symlink),
        rmdir: Some(bindings::simple_rmdir),
        rename: Some(bindings::simple_rename),
        link: Some(bindings::simple_link),
        unlink: Some(bindings::simple_unlink),
        listxattr: Some(xattr::list::<T>),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// As the VFS calls it: `dir` is a directory of `T`, locked at least for reading, and `dentry`
    /// a name in it that is not looked up yet.
    unsafe extern "C" fn lookup(
        dir: *mut bindings::inode,
        dentry: *mut bindings::dentry,
        flags: c_uint,
    ) -> *mut bindings::dentry {
        // SAFETY: By the VFS's promise; what is being looked up cannot be renamed.
        let (parent, name) = unsafe { (INode::from_raw(dir), super::dentry::name(dentry)) };
        match T::check_name(parent, name) {
            // SAFETY: Passes on what the VFS promised.
            Ok(()) => unsafe { bindings::simple_lookup(dir, dentry, flags) },
            Err(e) => e.to_ptr(),
        }
    }

    /// # Safety
    ///
    /// As the VFS calls it: `dir` is a directory of `T`, locked for writing, and `dentry` a
    /// negative dentry in it.
    unsafe extern "C" fn mkdir(
        _idmap: *mut bindings::mnt_idmap,
        _dir: *mut bindings::inode,
        dentry: *mut bindings::dentry,
        mode: bindings::umode_t,
    ) -> *mut bindings::dentry {
        // SAFETY: By the VFS's promise.
        let dentry = unsafe { NewDentry::from_raw(dentry) };
        match T::mkdir(dentry, Mode::from_raw(mode)) {
            // The VFS's own dentry is the one to go on with.
            Ok(Instantiated { .. }) => ptr::null_mut(),
            Err(e) => e.to_ptr(),
        }
    }

    /// # Safety
    ///
    /// As for `mkdir()`; and `target` is a NUL-terminated string.
    unsafe extern "C" fn symlink(
        _idmap: *mut bindings::mnt_idmap,
        _dir: *mut bindings::inode,
        dentry: *mut bindings::dentry,
        target: *const c_char,
    ) -> c_int {
        // SAFETY: By the VFS's promise.
        let (dentry, target) =
            unsafe { (NewDentry::from_raw(dentry), CStr::from_char_ptr(target)) };
        from_result(|| T::symlink(dentry, target).map(|Instantiated { .. }| 0))
    }
}
