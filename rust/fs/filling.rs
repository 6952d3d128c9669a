// SPDX-License-Identifier: GPL-2.0

//! What a new superblock has from the start.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)

use crate::{
    bindings, directory::DirectoryOps, file::FileOps, FileSystem, INode, Instantiated, Mode,
    NewDentry,
};
use core::{marker::PhantomData, ops::Deref, ptr::NonNull};
use kernel::{error::from_err_ptr, prelude::*};

/// A directory of a superblock that is being filled, and that nobody else can see yet.
///
/// Creating entries asks no permission, nor any operation of the directory. It may sleep; no lock is
/// held between one entry and the next.
///
/// # Invariants
///
/// A positive dentry of a superblock of `T`, a directory, which stays for `'a`.
pub struct NewDirectory<'a, T: FileSystem>(
    NonNull<bindings::dentry>,
    PhantomData<fn(&'a T) -> &'a T>,
);

// Not derived: that would ask for a file system that can be copied.
impl<T: FileSystem> Clone for NewDirectory<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: FileSystem> Copy for NewDirectory<'_, T> {}

impl<'a, T: FileSystem> NewDirectory<'a, T> {
    /// Creates a regular file.
    ///
    /// If that fails, `data` is dropped after the directory is unlocked.
    ///
    /// # Errors
    ///
    /// `EEXIST`; `EACCES` for a name that is none; what `data` answers; `ENOSPC` or `ENOMEM` without
    /// memory.
    pub fn file<E>(
        self,
        name: &CStr,
        mode: Mode,
        data: impl PinInit<T::INodeData, E>,
        operations: impl for<'d> FnOnce(&'d T::INodeData) -> FileOps<'d, T>,
    ) -> Result
    where
        Error: From<E>,
    {
        // What is declared last is dropped first: the lock goes before the data.
        let (mut data, mut refused) = (Some(data), None);
        let creating = self.start_creating(name)?;
        let Instantiated { .. } =
            creating
                .dentry()
                .file_from(mode, &mut data, operations, &mut refused)?;
        Ok(())
    }

    /// Creates a directory.
    ///
    /// # Errors
    ///
    /// Those of [`file`](Self::file).
    pub fn directory<E>(
        self,
        name: &CStr,
        mode: Mode,
        data: impl PinInit<T::INodeData, E>,
        operations: DirectoryOps<T>,
    ) -> Result<NewDirectory<'a, T>>
    where
        Error: From<E>,
    {
        let creating = self.start_creating(name)?;
        let Instantiated { .. } = creating.dentry().directory(mode, data, operations)?;
        // INVARIANT: The dentry has a directory's inode now. It is persistent, and nobody can
        // remove it while the superblock is being filled.
        Ok(NewDirectory(creating.0, PhantomData))
    }

    /// Creates a symlink to `target`.
    ///
    /// # Errors
    ///
    /// Those of [`file`](Self::file).
    pub fn symlink<E>(
        self,
        name: &CStr,
        target: &CStr,
        data: impl PinInit<T::INodeData, E>,
    ) -> Result
    where
        Error: From<E>,
    {
        let creating = self.start_creating(name)?;
        let Instantiated { .. } = creating.dentry().symlink(target, data)?;
        Ok(())
    }

    /// What the file system keeps with the directory's inode.
    pub fn data(&self) -> &T::INodeData {
        self.inode().data()
    }

    /// The inode, which nobody may keep: filling the superblock may yet fail.
    fn inode(&self) -> &INode<T> {
        // SAFETY: The dentry is positive and of `T` by the type invariant, and holds its inode.
        unsafe { INode::from_raw((*self.0.as_ptr()).d_inode) }
    }

    fn start_creating(self, name: &CStr) -> Result<Creating<'a, T>> {
        // SAFETY: The dentry is a directory by the type invariant; `name` is a string.
        let dentry = from_err_ptr(unsafe {
            bindings::simple_start_creating(self.0.as_ptr(), name.as_char_ptr())
        })?;
        // INVARIANT: `simple_start_creating()` gives a negative dentry, or an error, and locks the
        // directory, which is one of `T`.
        Ok(Creating(NonNull::new(dentry).ok_or(ENOENT)?, PhantomData))
    }
}

/// A name that is being created, with the directory locked for it.
///
/// # Invariants
///
/// Owns what `simple_start_creating()` gives: a reference to a dentry, and the lock of its parent,
/// a directory of `T`.
struct Creating<'a, T: FileSystem>(NonNull<bindings::dentry>, PhantomData<fn(&'a T) -> &'a T>);

impl<T: FileSystem> Creating<'_, T> {
    /// The name, once: it must be negative.
    fn dentry(&self) -> NewDentry<'_, T> {
        // SAFETY: The dentry is negative before it has been given an inode, which the callers,
        // right above, do once. Its parent is locked for writing and of `T`, by the type invariant.
        unsafe { NewDentry::from_raw(self.0.as_ptr()) }
    }
}

impl<T: FileSystem> Drop for Creating<'_, T> {
    fn drop(&mut self) {
        // SAFETY: Reference and lock are ours by the type invariant.
        unsafe { bindings::simple_done_creating(self.0.as_ptr()) }
    }
}

/// The root of a superblock that is being filled: the proof that the superblock has one.
///
/// # Invariants
///
/// The root of the superblock that the `NewSuperBlock<'a, T>` is.
pub struct Root<'a, T: FileSystem>(NewDirectory<'a, T>);

impl<'a, T: FileSystem> Root<'a, T> {
    /// # Safety
    ///
    /// `root` must point to the root of the superblock that the `NewSuperBlock<'a, T>` is.
    pub(crate) unsafe fn from_raw(root: NonNull<bindings::dentry>) -> Self {
        // INVARIANT: `root` is the root by this function's contract, which is a directory of `T`
        // and stays for as long as the superblock.
        Self(NewDirectory(root, PhantomData))
    }
}

impl<'a, T: FileSystem> Deref for Root<'a, T> {
    type Target = NewDirectory<'a, T>;

    fn deref(&self) -> &NewDirectory<'a, T> {
        &self.0
    }
}
