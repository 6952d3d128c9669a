// SPDX-License-Identifier: GPL-2.0

//! Nodes in use.
//!
//! C header: [`include/linux/kernfs.h`](srctree/include/linux/kernfs.h)

use crate::{bindings, FileOperations};
use core::{marker::PhantomData, ops::Deref};
use kernel::types::{NotThreadSafe, Opaque};

/// A file of type `O` that is in its directory, and is not removed for as long as this is borrowed.
///
/// # Invariants
///
/// A node of type `O` that the current task has an active reference to. `priv` points to the data.
#[repr(transparent)]
pub struct Node<O>(Opaque<bindings::kernfs_node>, PhantomData<O>);

impl<O: FileOperations> Node<O> {
    /// # Safety
    ///
    /// `kn` must point to a node of type `O` that the current task has an active reference to for
    /// `'a`.
    pub(crate) unsafe fn from_raw<'a>(kn: *mut bindings::kernfs_node) -> &'a Self {
        // INVARIANT: The node is one of `O`, and active, by this function's contract.
        // SAFETY:
        // - `kn` is valid for `'a` by this function's contract.
        // - The layouts are the same.
        unsafe { &*kn.cast() }
    }

    /// C's node.
    pub fn as_ptr(&self) -> *mut bindings::kernfs_node {
        self.0.get()
    }

    /// What belongs to the file.
    pub fn data(&self) -> &O::Data {
        // SAFETY: By the type invariant `priv` points to the data, which `File` drops after the node is
        // removed, and that waits for active references.
        unsafe { &*(*self.as_ptr()).priv_.cast() }
    }
}

/// A [`Node`] with an active reference of its own. While there is one, removing the node waits: so it
/// is to be kept for a moment only, and with no lock held that those who remove nodes may hold.
///
/// # Invariants
///
/// Owns an active reference, which the current task has taken.
pub struct Active<'a, O: FileOperations>(&'a Node<O>, NotThreadSafe);

impl<'a, O: FileOperations> Active<'a, O> {
    /// # Safety
    ///
    /// The current task must have taken an active reference to `kn`, a node of type `O`, which is to
    /// become the result's. Somebody must hold the node for `'a`.
    pub(crate) unsafe fn from_raw(kn: *mut bindings::kernfs_node) -> Self {
        // INVARIANT: The reference is the result's by this function's contract.
        // SAFETY: The node is one of `O` and held for `'a`, and active until the drop, by this
        // function's contract.
        Self(unsafe { Node::from_raw(kn) }, NotThreadSafe)
    }
}

impl<O: FileOperations> Deref for Active<'_, O> {
    type Target = Node<O>;

    fn deref(&self) -> &Node<O> {
        self.0
    }
}

impl<O: FileOperations> Drop for Active<'_, O> {
    fn drop(&mut self) {
        // SAFETY: The reference is ours by the type invariant.
        unsafe { bindings::kernfs_put_active(self.0.as_ptr()) }
    }
}
