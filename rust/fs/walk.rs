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

/// Calls `f` with each inode of a superblock that `is_wanted` tells, which is held meanwhile. May sleep, and so
/// may `f`; no lock is held then. `is_wanted` is called with the lock of the list held, and must not sleep.
///
/// # Safety
///
/// `sb` must point to a superblock that stays live during the call.
pub(crate) unsafe fn for_each_held_inode(
    sb: *mut bindings::super_block,
    is_wanted: impl Fn(*mut bindings::inode) -> bool,
    mut f: impl FnMut(*mut bindings::inode),
) {
    let mut held: Option<Held> = None;
    // SAFETY:
    // - The superblock is live by this function's contract. Its list of inodes is looked at with the list's lock
    //   held only, and an inode in the list is valid for that time.
    // - An inode that somebody holds stays in the list. So the list is gone on with from the inode that `held`
    //   holds.
    unsafe {
        let lock = &raw mut (*sb).s_inode_list_lock;
        let head = &raw mut (*sb).s_inodes;
        bindings::spin_lock(lock);
        let mut at = (*head).next;
        while !ptr::eq(at, head) {
            let inode = container_of!(at, bindings::inode, i_sb_list);
            if is_wanted(inode) && !bindings::igrab(inode).is_null() {
                bindings::spin_unlock(lock);
                // INVARIANT: `igrab()` has given a reference. That of the previous inode is not needed any more.
                drop(held.replace(Held(inode)));
                f(inode);
                task::cond_resched();
                bindings::spin_lock(lock);
            }
            at = (*at).next;
        }
        bindings::spin_unlock(lock);
    }
    drop(held);
}

/// A reference to an inode.
///
/// # Invariants
///
/// Owns one.
struct Held(*mut bindings::inode);

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
        // SAFETY:
        // - The superblock is live by the type invariant.
        // - All its inodes are in containers of `T`, and are valid while they are asked for. One that has
        //   data, and that is held, is live.
        unsafe {
            for_each_held_inode(
                self.as_ptr(),
                |inode| INodeContainer::<T>::has_new_data(inode),
                |inode| f(INode::from_raw(inode)),
            )
        }
    }
}
