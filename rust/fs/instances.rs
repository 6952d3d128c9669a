// SPDX-License-Identifier: GPL-2.0

//! The index of superblocks that mounts can join.
//!
//! C's `sget_fc()` asks a function of the file system about one superblock after the other, with
//! `sb_lock` held. That takes longer the more there are, and keeps the whole machine from mounting
//! meanwhile. Here the superblocks are in a hash table by their keys, with a lock of the type's own,
//! and only the abstraction compares keys. What a superblock has in the table is part of what the
//! file system keeps with it anyway, so that nothing is allocated for the table.
//!
//! # Locking
//!
//! The lock is taken with a superblock's `s_umount` held when that is made and when it is shut down,
//! and with no lock of this crate's held to look for one. Nothing is taken or slept for while the
//! lock is held.

use crate::bindings;
use core::{cell::UnsafeCell, ptr, ptr::NonNull};
use kernel::{
    fmt, new_spinlock,
    prelude::*,
    str::{
        BStr,
        CString, //
    },
    sync::{
        Arc,
        SpinLock, //
    },
};
use pin_init::Zeroable;

/// A name as a [`Key`], in memory that all clones of it share.
#[derive(Clone)]
pub struct KeyName(Arc<CString>);

impl KeyName {
    /// A copy of `name`. May sleep. Fails with `ENOMEM`.
    pub fn new(name: &CStr) -> Result<Self> {
        Ok(Self(Arc::new(CString::try_from(name)?, GFP_KERNEL)?))
    }

    /// The name, without its NUL.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.to_bytes()
    }
}

impl PartialEq for KeyName {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for KeyName {}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(BStr::from_bytes(self.as_bytes()), f)
    }
}

/// What a superblock is found by: a number or a name that the file system gives a meaning to. Case
/// counts.
#[derive(Clone, PartialEq, Eq)]
pub enum Key {
    /// A number.
    Number(u64),
    /// A name, which equals no number.
    Name(KeyName),
}

/// Where in the index a superblock is: the address of the user namespace and the key. The superblock
/// holds the user namespace, and so keeps the address from being used again. No user namespace has
/// the address 0.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Place {
    user_ns: usize,
    key: Key,
}

impl Place {
    /// That of the only one there is.
    pub(crate) const SINGLE: Self = Self {
        user_ns: 0,
        key: Key::Number(0),
    };

    /// That of one of several in a user namespace.
    pub(crate) fn keyed(user_ns: *mut bindings::user_namespace, key: Key) -> Self {
        Self {
            user_ns: user_ns.addr(),
            key,
        }
    }

    /// As C's `hash_64()`.
    #[inline]
    fn hash(&self) -> u8 {
        let mix = |bits: u64| bits.wrapping_mul(bindings::GOLDEN_RATIO_64);
        let key = match &self.key {
            Key::Number(number) => *number,
            Key::Name(name) => name
                .as_bytes()
                .iter()
                .fold(0, |bits, byte| mix(bits ^ u64::from(*byte))),
        };
        (mix(self.user_ns as u64 ^ key) >> (u64::BITS - u8::BITS)) as u8
    }
}

/// What a superblock has in the index: an element of a chain. It is used by the index only.
pub(crate) struct Entry(UnsafeCell<Member>);

/// The content of an entry, which means nothing unless the entry is in an index.
struct Member {
    place: Place,
    sb: NonNull<bindings::super_block>,
    next: Link,
}

/// The first entry of a chain, or the next one.
type Link = Option<NonNull<Entry>>;

impl Entry {
    /// An entry that is in no index.
    pub(crate) const fn new() -> Self {
        Self(UnsafeCell::new(Member {
            place: Place::SINGLE,
            sb: NonNull::dangling(),
            next: None,
        }))
    }
}

/// Superblocks whose places have the same hash, the newest first, for each hash.
#[derive(Zeroable)]
struct Chains([Link; 1 << u8::BITS]);

// SAFETY: Neither an entry nor its superblock belongs to a task.
unsafe impl Send for Chains {}

/// The index.
///
/// # Invariants
///
/// - Each entry in a chain is valid. Its superblock is one of the type that the index belongs to,
///   and has not been freed.
/// - Of several entries with the same place, all but the first are of superblocks that are about to
///   be shut down.
#[pin_data]
pub(crate) struct Instances {
    #[pin]
    chains: SpinLock<Chains>,
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
            chains <- new_spinlock!(pin_init::init_zeroed(), "fs::Instances"),
        })
    }

    /// The superblock in that place, unless there is none or it is about to be shut down.
    pub(crate) fn find(&self, place: &Place) -> Option<Active> {
        self.chains.lock().find(place)
    }

    /// Puts `sb` into the index, unless there is another one that is not about to be shut down.
    ///
    /// # Safety
    ///
    /// `sb` must point to a superblock of the type that the index belongs to, and `entry` be its own,
    /// in no index. [`remove()`](Self::remove) must be called before either is freed.
    pub(crate) unsafe fn add(
        &self,
        place: &Place,
        entry: &Entry,
        sb: NonNull<bindings::super_block>,
    ) -> Added {
        let member = Member {
            place: place.clone(),
            sb,
            next: None,
        };
        let mut chains = self.chains.lock();
        if let Some(other) = chains.find(place) {
            return Added::Other(other);
        }
        let first = chains.first(place);
        // SAFETY: Nobody else looks at an entry that is in no index, as this one is by this
        // function's contract.
        unsafe {
            *entry.0.get() = Member {
                next: *first,
                ..member
            }
        };
        // INVARIANT: Entry and superblock are as the invariant says by this function's contract.
        // What else has that place is about to be shut down, as just seen.
        *first = Some(NonNull::from(entry));
        Added::Yes
    }

    /// Takes `entry` out of the index, if it is there.
    pub(crate) fn remove(&self, entry: &Entry) {
        let mut chains = self.chains.lock();
        // SAFETY: Only `add()` writes to an entry, under the lock, which is held.
        let mut link = chains.first(unsafe { &(*entry.0.get()).place });
        while let Some(at) = *link {
            // SAFETY: An entry in the index is valid by the invariant, and is only used under the
            // lock, which is held. Nothing else refers to this one now.
            let member = unsafe { &mut *at.as_ref().0.get() };
            if ptr::eq(at.as_ptr(), entry) {
                *link = member.next;
                break;
            }
            link = &mut member.next;
        }
    }
}

impl Chains {
    /// Where the chain begins that has superblocks with that place.
    #[inline]
    fn first(&mut self, place: &Place) -> &mut Link {
        // All values of the type are indices of the array.
        &mut self.0[usize::from(place.hash())]
    }

    /// The first superblock in that place, unless there is none or it is about to be shut down.
    fn find(&mut self, place: &Place) -> Option<Active> {
        let mut link = *self.first(place);
        loop {
            // SAFETY:
            // - An entry in the index is valid by the invariant of `Instances`, and is only used
            //   under the lock, which the caller holds as it has got at the chains.
            // - Neither has its superblock been freed.
            unsafe {
                let member = &*link?.as_ref().0.get();
                if member.place == *place {
                    let active = &raw mut (*member.sb.as_ptr()).s_active;
                    // INVARIANT: There is a reference if the number was not zero.
                    return bindings::atomic_inc_not_zero(active).then(|| Active(member.sb));
                }
                link = member.next;
            }
        }
    }
}

impl Active {
    /// The superblock.
    #[inline]
    pub(crate) fn as_ptr(&self) -> *mut bindings::super_block {
        self.0.as_ptr()
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
