// SPDX-License-Identifier: GPL-2.0

//! What a file system keeps with a superblock, and the abstraction with it.
//!
//! The file has a short name because the name of the function that drops such a box, which has the
//! path of the type in it, would else be longer than readers of /proc/kallsyms take.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)

use crate::{
    bindings,
    compat::init_in_place,
    inode_limit::INodeLimit,
    instances::Entry,
    new_box::new_uninit_box,
    xattr::Store,
    FileSystem,
    INodeNumbers, //
};
use core::{cell::UnsafeCell, ptr};
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
    types::Opaque, //
};

/// What `s_fs_info` owns.
///
/// It is allocated with a context, to which it belongs until that makes a superblock of it. C's file
/// systems do the same: what `fc->s_fs_info` has becomes the superblock's.
///
/// # Invariants
///
/// `data` is initialised if `has_data` is set.
#[pin_data(PinnedDrop)]
pub(crate) struct SbInfo<T: FileSystem> {
    /// The context, until that is asked for its superblock.
    pub(crate) context: Option<T::Context>,
    /// What the index has of the superblock.
    pub(crate) entry: Entry,
    /// The number of the newest inode, unless numbers are global.
    number: Atomic<i64>,
    pub(crate) inodes: INodeLimit,
    #[pin]
    xattrs: <T::Xattrs as Store>::Shared,
    #[pin]
    data: Opaque<T::Data>,
    has_data: UnsafeCell<bool>,
}

impl<T: FileSystem> SbInfo<T> {
    /// May sleep. Fails with `ENOMEM`, or as the store of attributes does.
    pub(crate) fn new(context: Option<T::Context>) -> Result<Pin<KBox<Self>>> {
        // INVARIANT: The flag is not set.
        new_uninit_box(bindings::GFP_KERNEL)?.write_pin_init(try_pin_init!(Self {
            context,
            entry: Entry::new(),
            number: Atomic::new(0),
            inodes: INodeLimit::new(),
            xattrs <- T::Xattrs::new_shared(),
            data: Opaque::uninit(),
            has_data: UnsafeCell::new(false),
        }? Error))
    }

    /// Takes the context, which has to do with no other superblock.
    #[inline]
    pub(crate) fn take_context(self: Pin<&mut Self>) -> Option<T::Context> {
        self.project().context.take()
    }

    /// # Safety
    ///
    /// `sb` must point to a superblock of `T`, new or live, that is not freed in `'a`.
    pub(crate) unsafe fn of<'a>(sb: *mut bindings::super_block) -> &'a Self {
        // SAFETY: `mount.rs` has put it there as the superblock was made, and `kill()` frees it.
        unsafe { &*(*sb).s_fs_info.cast() }
    }

    /// What belongs to all attributes of inodes of the superblock.
    pub(crate) fn xattrs(&self) -> &<T::Xattrs as Store>::Shared {
        &self.xattrs
    }

    /// # Safety
    ///
    /// To be called once, before anybody else has the superblock.
    pub(crate) unsafe fn init_data<E>(&self, data: impl PinInit<T::Data, E>) -> Result<(), E> {
        // SAFETY:
        // - The place is uninitialised, as this is called once.
        // - It is pinned with `self`.
        // - Nobody else looks at either field.
        unsafe {
            init_in_place(self.data.get(), data)?;
            *self.has_data.get() = true;
        }
        Ok(())
    }

    /// # Safety
    ///
    /// [`init_data()`](Self::init_data) must have succeeded.
    pub(crate) unsafe fn data(&self) -> &T::Data {
        // SAFETY: The data is initialised by this function's contract, and is never written to
        // again before it is dropped with `self`.
        unsafe { &*self.data.get() }
    }

    /// A number for a new inode.
    pub(crate) fn next_number(&self) -> u64 {
        match T::INODE_NUMBERS {
            INodeNumbers::PerSuperBlock => {
                // The cast loses nothing: a counter of 64 bits does not come to its end.
                self.number.fetch_add(1, Relaxed).wrapping_add(1) as u64
            }
            // SAFETY: `get_next_ino()` may be called in any context that may be preempted.
            INodeNumbers::Global => unsafe { bindings::get_next_ino() }.into(),
        }
    }
}

#[pinned_drop]
impl<T: FileSystem> PinnedDrop for SbInfo<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY:
        // - Nobody else has the value, so nobody looks at the fields.
        // - The data is initialised if the flag is set, by the type invariant, and is dropped this
        //   once, in its place.
        unsafe {
            if *self.has_data.get() {
                ptr::drop_in_place(self.data.get());
            }
        }
    }
}
