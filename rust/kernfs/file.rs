// SPDX-License-Identifier: GPL-2.0

//! Files that somebody has added to a directory.
//!
//! C header: [`include/linux/kernfs.h`](srctree/include/linux/kernfs.h)

use crate::{bindings, FileOperations, FileType};
use core::{marker::PhantomData, ops::Deref, ptr, ptr::NonNull};
use fs::{Kgid, Kuid, Mode};
use kernel::{
    error::from_err_ptr,
    prelude::*,
    str::CStr,
    sync::atomic::{
        atomic_load,
        Relaxed, //
    },
};

/// A file in a directory of kernfs. Dropping it removes the file, unless it has gone with its
/// directory, and waits until all operations on the file have returned. May sleep; see
/// [the crate](crate) for what must not be held.
///
/// # Invariants
///
/// Owns a reference to a node of type `O`, which is in no tree any more or has the data as its `priv`.
/// The data is `KBox<O::Data>`'s, owned, and dropped after the node is removed.
pub struct File<O: FileOperations> {
    kn: NonNull<bindings::kernfs_node>,
    data: NonNull<O::Data>,
    _type: PhantomData<O>,
}

// SAFETY: A node belongs to no task, and the data may be sent and shared.
unsafe impl<O: FileOperations> Send for File<O> {}
// SAFETY: What can be done with `&self` is to look at data that may be shared, and at fields that
// others change by whole words.
unsafe impl<O: FileOperations> Sync for File<O> {}

impl<O: FileOperations> File<O> {
    /// Creates the file `name` in `parent`. May sleep.
    ///
    /// # Errors
    ///
    /// `EEXIST`; `ENOENT` if the directory is being removed; `ENOMEM`.
    ///
    /// # Safety
    ///
    /// `parent` must point to the node of a directory, which somebody holds, without namespaces.
    pub(crate) unsafe fn new(
        parent: *mut bindings::kernfs_node,
        name: &CStr,
        mode: Mode,
        (uid, gid): (Kuid, Kgid),
        ty: &'static FileType<O>,
        data: O::Data,
    ) -> Result<Self> {
        let data = KBox::new(data, GFP_KERNEL)?;
        // SAFETY:
        // - The directory is valid by this function's contract, and the name a string, which is copied.
        // - The operations are static, and those of nodes whose private data is an `O::Data`. The class
        //   is static. The module has both, and goes after each `File`: nothing else keeps them when the
        //   node is removed.
        let kn = from_err_ptr(unsafe {
            bindings::__kernfs_create_file(
                parent,
                name.as_char_ptr(),
                mode.bits() as bindings::umode_t,
                uid.into_raw(),
                gid.into_raw(),
                0,
                ty.operations(),
                (&raw const *data).cast_mut().cast(),
                ptr::null(),
                ty.class(),
            )
        })?;
        // The tree has the only reference so far, and gives it up as soon as somebody removes the
        // directory: then `kn` must not be looked at. Finding the node gives one that is ours.
        // SAFETY: The directory is valid by this function's contract, and the name a string.
        let found = unsafe {
            NonNull::new(bindings::kernfs_find_and_get_ns(
                parent,
                name.as_char_ptr(),
                ptr::null(),
            ))
        };
        let found = found.ok_or(ENOENT)?;
        // SAFETY: The node is valid, as it has just been got.
        let is_ours = unsafe {
            found.as_ptr() == kn && ptr::eq((*found.as_ptr()).priv_.cast(), &raw const *data)
        };
        if !is_ours {
            // SAFETY: The reference has just been got.
            unsafe { bindings::kernfs_put(found.as_ptr()) };
            return Err(ENOENT);
        }
        // INVARIANT: The reference is the one that has just been got. The node has the data, which is
        // owned from here on.
        let this = Self {
            kn: found,
            data: NonNull::from(KBox::leak(data)),
            _type: PhantomData,
        };
        // In a tree such as that of cgroup, a new node is hidden until it is activated. One that is being
        // removed stays so.
        // SAFETY: The node is valid by the type invariant.
        unsafe { bindings::kernfs_activate(this.kn.as_ptr()) };
        Ok(this)
    }

    /// Whether the file is in its directory. The answer may be out of date as it is given.
    pub fn is_there(&self) -> bool {
        // SAFETY: The node is valid by the type invariant. The count is changed atomically.
        unsafe { atomic_load(&raw mut (*self.kn.as_ptr()).active.counter, Relaxed) >= 0 }
    }

    /// Removes the file, and waits, as the drop does. Does nothing if it has gone; waits all the same if
    /// somebody else is about to remove it.
    pub fn remove(&self) {
        // SAFETY: The node is valid by the type invariant. kernfs copes with one that is removed.
        unsafe { bindings::kernfs_remove(self.kn.as_ptr()) };
    }

    /// Whether this is `node`.
    pub fn is(&self, node: &crate::Node<O>) -> bool {
        ptr::eq(self.kn.as_ptr(), node.as_ptr())
    }

    /// Puts the path from the root of the tree into `buffer`. A directory above may be renamed at any
    /// time. `None` if `buffer` is too small.
    pub fn path<'b>(&self, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        // SAFETY: The node is valid by the type invariant, and the buffer has room for so many bytes.
        let length = unsafe {
            bindings::kernfs_path_from_node(
                self.kn.as_ptr(),
                ptr::null_mut(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
            )
        };
        let length = usize::try_from(length).ok()?;
        // C cuts off what does not fit, with the NUL at the end, and does not say so.
        match length.saturating_add(1) < buffer.len() {
            true => buffer.get(..length),
            false => None,
        }
    }
}

impl<O: FileOperations> Deref for File<O> {
    type Target = O::Data;

    fn deref(&self) -> &O::Data {
        // SAFETY: The data is there until the drop, by the type invariant.
        unsafe { self.data.as_ref() }
    }
}

impl<O: FileOperations> Drop for File<O> {
    fn drop(&mut self) {
        // SAFETY:
        // - The reference is ours by the type invariant, and keeps the node until it is given back, and
        //   with it those above and the tree.
        // - When `kernfs_remove()` has returned, the node is in the tree no more, no operation runs, and
        //   none will. So the data, which is ours by the type invariant, is nobody else's.
        unsafe {
            self.remove();
            drop(KBox::from_raw(self.data.as_ptr()));
            bindings::kernfs_put(self.kn.as_ptr());
        }
    }
}
