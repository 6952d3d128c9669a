// SPDX-License-Identifier: GPL-2.0

//! Dentries: the names of inodes.

use super::{inode::NewINode, FileSystem, INode, Mode};
use crate::bindings;
use core::{marker::PhantomData, slice};
use kernel::{prelude::*, types::Opaque};

/// The name of a dentry, without its NUL.
///
/// # Safety
///
/// The name must not change for the lifetime of the result: the dentry's parent is locked, or it
/// has never been found by a look-up.
pub(super) unsafe fn name(dentry: &bindings::dentry) -> &[u8] {
    // SAFETY: A dentry has a name of that length, which is stable by the caller's promise.
    unsafe {
        let name = &dentry.__bindgen_anon_1.__d_name;
        slice::from_raw_parts(
            name.name,
            name.__bindgen_anon_1.__bindgen_anon_1.len as usize,
        )
    }
}

/// A name in a directory of `T` that is about to be created.
///
/// Consumed by giving it an inode, so that it gets one at most.
///
/// # Invariants
///
/// A negative dentry, alive for `'a`, whose parent is a directory of `T` that stays locked for
/// writing for `'a`.
pub struct NewDentry<'a, T: FileSystem> {
    dentry: &'a Opaque<bindings::dentry>,
    _fs: PhantomData<T>,
}

impl<'a, T: FileSystem> NewDentry<'a, T> {
    /// # Safety
    ///
    /// `dentry` must be as the type invariants say.
    pub(super) unsafe fn from_raw(dentry: *mut bindings::dentry) -> Self {
        // INVARIANT: By the caller's promise.
        Self {
            // SAFETY: Alive for `'a`; the layouts are the same.
            dentry: unsafe { &*dentry.cast() },
            _fs: PhantomData,
        }
    }

    /// The directory that the name is in.
    pub fn dir(&self) -> &INode<T> {
        // SAFETY: By the type invariant; as the parent is locked, it stays the parent, and it is
        // held by its dentry.
        unsafe { INode::from_raw((*(*self.dentry.get()).d_parent).d_inode) }
    }

    pub(super) fn qstr(&self) -> *const bindings::qstr {
        // SAFETY: Only makes a pointer to a field of a live dentry.
        unsafe { &raw const (*self.dentry.get()).__bindgen_anon_1.__d_name }
    }

    /// Prepares an empty directory of that name. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOSPC` without memory; what an LSM answers.
    pub fn directory(self, mode: Mode) -> Result<PendingINode<'a, T>> {
        let inode = NewINode::directory(&self, mode)?;
        Ok(PendingINode {
            dentry: self,
            inode,
        })
    }

    /// Prepares a symlink of that name to `target`. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM` and `ENOSPC` without memory; what an LSM answers.
    pub fn symlink(self, target: &CStr) -> Result<PendingINode<'a, T>> {
        let inode = NewINode::symlink(&self, target)?;
        Ok(PendingINode {
            dentry: self,
            inode,
        })
    }

    /// Prepares a regular file of that name, which nobody can open until
    /// [`PendingINode::set_node`] has said what it is. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOSPC` without memory; what an LSM answers.
    pub fn file(self, mode: Mode) -> Result<PendingINode<'a, T>> {
        let inode = NewINode::file(&self, mode)?;
        Ok(PendingINode {
            dentry: self,
            inode,
        })
    }
}

/// A name that is about to be created, and the new inode that it is to have. All that can fail
/// has been done; dropping it leaves the name unused and destroys the inode.
pub struct PendingINode<'a, T: FileSystem> {
    dentry: NewDentry<'a, T>,
    inode: NewINode<T>,
}

impl<T: FileSystem> PendingINode<'_, T> {
    /// Gives a file what it stands for.
    pub fn set_node(mut self, node: T::Node) -> Self {
        self.inode.set_node(node);
        self
    }

    /// Makes the name stand for the inode, for as long as nobody removes it. The directory's times
    /// and, for a subdirectory, its link count follow.
    pub fn instantiate(self) {
        let Self { dentry, inode } = self;
        let dir = dentry.dir().as_ptr();
        let is_directory = inode.is_directory();
        // SAFETY: The dentry is negative and its directory locked for writing by its type
        // invariant, and the inode was made for that very dentry, so is of the same superblock.
        // `d_make_persistent()` takes over the reference to the inode.
        unsafe {
            if is_directory {
                bindings::inc_nlink(dir);
            }
            bindings::d_make_persistent(dentry.dentry.get(), inode.into_raw());
            bindings::inode_set_mctime_current(dir);
        }
    }
}
