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
/// `dentry` must point to a dentry that lives for `'a`, and whose name does not change for as long:
/// its parent is locked, or it is just being looked up for the first time.
pub(super) unsafe fn name<'a>(dentry: *const bindings::dentry) -> &'a [u8] {
    // SAFETY: A dentry has a name of that length, which is stable by the caller's promise. Other
    // fields may change meanwhile, so there is no reference to the whole.
    unsafe {
        let name = (*dentry).__bindgen_anon_1.__d_name;
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
    /// No other lifetime will do, see [`Instantiated`].
    _brand: PhantomData<fn(&'a T) -> &'a T>,
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
            _brand: PhantomData,
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
        Ok(self.with(inode))
    }

    /// Prepares a symlink of that name to `target`. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM` and `ENOSPC` without memory; what an LSM answers.
    pub fn symlink(self, target: &CStr) -> Result<PendingINode<'a, T>> {
        let inode = NewINode::symlink(&self, target)?;
        Ok(self.with(inode))
    }

    /// Prepares a regular file of that name, but for what it stands for. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOSPC` without memory; what an LSM answers.
    pub fn file(self, mode: Mode) -> Result<PendingFile<'a, T>> {
        let inode = NewINode::file(&self, mode)?;
        Ok(PendingFile(self.with(inode)))
    }

    /// `inode` must have been made for this very dentry.
    fn with(self, inode: NewINode<T>) -> PendingINode<'a, T> {
        // INVARIANT: As it says; the callers are right above.
        PendingINode {
            dentry: self,
            inode,
        }
    }
}

/// A regular file that is about to be created and lacks only what it stands for.
pub struct PendingFile<'a, T: FileSystem>(PendingINode<'a, T>);

impl<'a, T: FileSystem> PendingFile<'a, T> {
    /// Says what the file stands for.
    pub fn with_node(mut self, node: T::Node) -> PendingINode<'a, T> {
        self.0.inode.set_node(node);
        self.0
    }
}

/// A name that is about to be created, and the new inode that it is to have. All that can fail
/// has been done; dropping it leaves the name unused and destroys the inode.
///
/// # Invariants
///
/// The inode was made for the dentry, and thus belongs to the same superblock.
pub struct PendingINode<'a, T: FileSystem> {
    dentry: NewDentry<'a, T>,
    inode: NewINode<T>,
}

impl<'a, T: FileSystem> PendingINode<'a, T> {
    /// Makes the name stand for the inode, for as long as nobody removes it. The directory's times
    /// and, for a subdirectory, its link count follow.
    pub fn instantiate(self) -> Instantiated<'a> {
        let Self { dentry, inode } = self;
        let dir = dentry.dir().as_ptr();
        let is_directory = inode.is_directory();
        // SAFETY: The dentry is negative and its directory locked for writing by its type
        // invariant, and the inode is of the same superblock by ours. `d_make_persistent()` takes
        // over the reference to the inode.
        unsafe {
            if is_directory {
                bindings::inc_nlink(dir);
            }
            bindings::d_make_persistent(dentry.dentry.get(), inode.into_raw());
            bindings::inode_set_mtime_to_ts(dir, bindings::inode_set_ctime_current(dir));
        }
        // INVARIANT: It has one now.
        Instantiated(PhantomData)
    }
}

/// That a name has got its inode: what an operation that creates one has to show for its success.
///
/// It is good for that operation alone, whose [`NewDentry`] is the only one of that very lifetime.
///
/// # Invariants
///
/// The dentry of a `NewDentry<'a, _>` has an inode.
#[must_use]
pub struct Instantiated<'a>(PhantomData<fn(&'a ()) -> &'a ()>);
