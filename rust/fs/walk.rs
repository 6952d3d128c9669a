// SPDX-License-Identifier: GPL-2.0

//! Going through all superblocks of a type, and through all inodes of a superblock.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)

use crate::{bindings, inode::INodeContainer, task, FileSystem, INode, SuperBlock};
use core::ptr;
use kernel::{container_of, prelude::*};

/// Calls `f` for each superblock of `T` that is live. Its `s_umount` is locked for reading, so that it
/// stays so. May sleep: it waits for superblocks that are being filled or shut down.
///
/// Superblocks that come while this runs may be missed. Stands for C's `iterate_supers_type()`.
pub fn for_each_super_block<T: FileSystem>(mut f: impl FnMut(&SuperBlock<T>)) {
    /// # Safety
    ///
    /// The caller must do as `iterate_supers_type()` does: pass a superblock of `T` that is live and
    /// stays so during the call, and `f` as it was given, a pointer to an `F` that is the caller's.
    unsafe extern "C" fn call<T: FileSystem, F: FnMut(&SuperBlock<T>)>(
        sb: *mut bindings::super_block,
        f: *mut c_void,
    ) {
        // SAFETY: Both are valid by this function's contract.
        unsafe { (*f.cast::<F>())(SuperBlock::from_raw(sb)) }
    }

    /// Names the type of `f`.
    fn call_of<T: FileSystem, F: FnMut(&SuperBlock<T>)>(
        _: &F,
    ) -> unsafe extern "C" fn(*mut bindings::super_block, *mut c_void) {
        call::<T, F>
    }

    let call = call_of(&f);
    // SAFETY:
    // - The type is static.
    // - The function is called with superblocks of the type that are born and are not dying, with
    //   `s_umount` held: they have data and a root. `f` is used during the call only, by this task.
    unsafe {
        bindings::iterate_supers_type(
            T::file_system_type().as_ptr(),
            Some(call),
            (&raw mut f).cast(),
        );
    }
}

/// A reference to an inode.
///
/// # Invariants
///
/// Owns one.
pub(crate) struct Held(*mut bindings::inode);

impl Held {
    /// Takes over a reference.
    ///
    /// # Safety
    ///
    /// The caller must own a reference to `inode`, and hands it over.
    pub(crate) unsafe fn from_raw(inode: *mut bindings::inode) -> Self {
        // INVARIANT: The reference is ours now, by this function's contract.
        Self(inode)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: The reference is ours by the type invariant.
        unsafe { bindings::iput(self.0) }
    }
}

impl<T: FileSystem> SuperBlock<T> {
    /// Calls `f` for each inode that has data. May sleep; takes time in proportion to the number of
    /// inodes. `f` may sleep, and may do with the inode what it likes. No lock is held.
    ///
    /// Inodes that come while this runs may be missed; those that are there all the time are not.
    pub fn for_each_inode(&self, mut f: impl FnMut(&INode<T>)) {
        let sb = self.as_ptr();
        let mut held: Option<Held> = None;
        // SAFETY:
        // - The superblock is live by the type invariant. Its list of inodes is looked at with the
        //   list's lock held only.
        // - An inode in the list is valid while the lock is held. One that somebody holds stays in
        //   the list. So the list is gone on with from the inode that `held` holds.
        // - All inodes of the superblock are in containers of `T`. One that has data, and that
        //   `igrab()` has taken a reference to, is live.
        unsafe {
            let lock = &raw mut (*sb).s_inode_list_lock;
            let head = &raw mut (*sb).s_inodes;
            bindings::spin_lock(lock);
            let mut at = (*head).next;
            while !ptr::eq(at, head) {
                let inode = container_of!(at, bindings::inode, i_sb_list);
                if INodeContainer::<T>::has_new_data(inode) && !bindings::igrab(inode).is_null() {
                    bindings::spin_unlock(lock);
                    // INVARIANT: `igrab()` has given a reference. That of the previous inode is not
                    // needed any more.
                    drop(held.replace(Held::from_raw(inode)));
                    f(INode::from_raw(inode));
                    task::cond_resched();
                    bindings::spin_lock(lock);
                }
                at = (*at).next;
            }
            bindings::spin_unlock(lock);
        }
        drop(held);
    }
}
