// SPDX-License-Identifier: GPL-2.0

//! The index of superblocks that mounts can join.
//!
//! C's `sget_fc()` asks a function of the file system about one superblock after the other, with
//! `sb_lock` held. That takes longer the more there are, and keeps the whole machine from mounting
//! meanwhile. Here the superblocks are in a tree by their keys, with a lock of the type's own, and
//! only the abstraction compares keys.
//!
//! # Locking
//!
//! The lock is taken with a superblock's `s_umount` held when that is made and when it is shut down,
//! and with no lock of this crate's held to look for one. Nothing is taken or slept for while the
//! lock is held.

use crate::bindings;
use core::{mem::size_of, ptr::NonNull};
use kernel::{
    new_spinlock,
    prelude::*,
    rbtree::{self, RBTree, RBTreeNodeReservation},
    sync::SpinLock, //
};

/// What a superblock is found by: a number or a name that the file system gives a meaning to.
///
/// # Invariants
///
/// The last byte is 1 for a number, which is the first word, and 0 for a name, which is ended by a
/// NUL and filled up with such. So a number never equals a name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key([u64; KEY_WORDS]);

const KEY_WORDS: usize = 8;

impl Key {
    /// How long a name may be, in bytes.
    pub const NAME_MAX: usize = KEY_WORDS * size_of::<u64>() - 1;

    /// The key of that number.
    #[inline]
    pub const fn number(number: u64) -> Self {
        // INVARIANT: The last byte of the last word is 1 on a little-endian machine and otherwise.
        Self([
            number,
            0,
            0,
            0,
            0,
            0,
            0,
            u64::from_le_bytes([0, 0, 0, 0, 0, 0, 0, 1]),
        ])
    }

    /// The key of that name, of which case counts.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the name is empty, too long, or has a NUL.
    pub fn name(name: &[u8]) -> Result<Self> {
        if name.is_empty() || name.len() > Self::NAME_MAX || name.contains(&0) {
            return Err(EINVAL);
        }
        let mut words = [0; KEY_WORDS];
        for (word, part) in words.iter_mut().zip(name.chunks(size_of::<u64>())) {
            let mut bytes = [0; size_of::<u64>()];
            for (to, from) in bytes.iter_mut().zip(part) {
                *to = *from;
            }
            *word = u64::from_le_bytes(bytes);
        }
        // INVARIANT: The name is too short to reach the last byte.
        Ok(Self(words))
    }
}

/// Where in the index a superblock is.
///
/// The address of the user namespace and the key. The superblock holds the user namespace, and so
/// keeps the address from being used again. No user namespace has the address 0.
///
/// The tree has the bare numbers: the names of its functions, which have the type in them, would be
/// longer than readers of /proc/kallsyms take.
#[derive(Clone, Copy)]
pub(crate) struct Place((usize, [u64; KEY_WORDS]));

impl Place {
    /// That of the only one there is.
    pub(crate) const SINGLE: Self = Self((0, [0; KEY_WORDS]));

    /// That of one of several in a user namespace.
    pub(crate) fn keyed(user_ns: *mut bindings::user_namespace, key: Key) -> Self {
        Self((user_ns.addr(), key.0))
    }
}

/// A superblock in the index.
struct Entry(NonNull<bindings::super_block>);

// SAFETY: A superblock belongs to no task.
unsafe impl Send for Entry {}

/// The index.
///
/// # Invariants
///
/// Each superblock in the index is one of the type that the index belongs to, and has not been
/// freed.
#[pin_data]
pub(crate) struct Instances {
    #[pin]
    tree: SpinLock<RBTree<(usize, [u64; KEY_WORDS]), Entry>>,
}

/// A superblock that was found in the index.
///
/// # Invariants
///
/// Owns an active reference.
pub(crate) struct Active(NonNull<bindings::super_block>);

/// What became of a superblock that was to be put into the index.
pub(crate) enum Added {
    /// The superblock is in the index.
    Yes,
    /// There is another one already.
    Other(Active),
}

impl Instances {
    #[inline]
    pub(crate) fn new() -> impl PinInit<Self> {
        // INVARIANT: No superblock is in the index.
        pin_init!(Self {
            tree <- new_spinlock!(RBTree::new(), "fs::Instances"),
        })
    }

    /// The superblock in that place, unless there is none or it is about to be shut down.
    pub(crate) fn find(&self, place: Place) -> Option<Active> {
        self.tree.lock().get(&place.0).and_then(Entry::activate)
    }

    /// Puts `sb` into the index, unless there is another one that is not about to be shut down.
    /// May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    ///
    /// # Safety
    ///
    /// `sb` must point to a superblock of the type that the index belongs to, and
    /// [`remove()`](Self::remove) be called before the superblock is freed.
    pub(crate) unsafe fn add(
        &self,
        place: Place,
        sb: NonNull<bindings::super_block>,
    ) -> Result<Added> {
        let reservation = RBTreeNodeReservation::new(GFP_KERNEL)?;
        let mut tree = self.tree.lock();
        // INVARIANT: The superblock is as the invariant says by this function's contract.
        match tree.entry(place.0) {
            rbtree::Entry::Vacant(entry) => {
                entry.insert(Entry(sb), reservation);
            }
            rbtree::Entry::Occupied(mut entry) => match entry.get().activate() {
                Some(other) => return Ok(Added::Other(other)),
                // What is about to be shut down does not mind.
                None => *entry.get_mut() = Entry(sb),
            },
        }
        Ok(Added::Yes)
    }

    /// Takes `sb` out of the index, if it is the one in that place.
    pub(crate) fn remove(&self, place: Place, sb: *mut bindings::super_block) {
        let mut tree = self.tree.lock();
        if let Some(entry) = tree.find_mut(&place.0) {
            if entry.get().0.as_ptr() == sb {
                entry.remove();
            }
        }
    }
}

impl Entry {
    /// An active reference, unless there is none left.
    #[inline]
    fn activate(&self) -> Option<Active> {
        // SAFETY: A superblock in the index has not been freed by the invariant of `Instances`,
        // whose lock the caller holds as it has got at the entry.
        let active = unsafe { bindings::atomic_inc_not_zero(&raw mut (*self.0.as_ptr()).s_active) };
        // INVARIANT: That was the reference.
        active.then_some(()).map(|()| Active(self.0))
    }
}

impl Active {
    /// The superblock.
    #[inline]
    pub(crate) fn as_ptr(&self) -> *mut bindings::super_block {
        self.0.as_ptr()
    }

    /// The user namespace that the superblock belongs to.
    #[inline]
    pub(crate) fn user_ns(&self) -> *mut bindings::user_namespace {
        // SAFETY: The reference keeps the superblock valid. The field never changes.
        unsafe { (*self.as_ptr()).s_user_ns }
    }

    /// Hands the reference to whoever takes the pointer.
    #[inline]
    pub(crate) fn into_raw(self) -> NonNull<bindings::super_block> {
        core::mem::ManuallyDrop::new(self).0
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        // SAFETY: The reference is ours by the type invariant.
        unsafe { bindings::deactivate_super(self.0.as_ptr()) };
    }
}
