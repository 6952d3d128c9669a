// SPDX-License-Identifier: GPL-2.0

//! The slab cache of a file system's inodes.

use super::{inode::INodeContainer, xattr::Xattrs, FileSystem};
use crate::bindings;
use core::{
    cell::UnsafeCell,
    marker::PhantomData,
    mem::{align_of, size_of},
    ptr::NonNull,
};
use kernel::{prelude::*, types::Opaque};

/// A slab cache of [`INodeContainer<T>`].
///
/// # Invariants
///
/// Owns a cache made for objects of that size and alignment, with `init_once()` as its constructor.
pub(super) struct INodeCache<T>(NonNull<bindings::kmem_cache>, PhantomData<T>);

impl<T: FileSystem> INodeCache<T> {
    /// What the cache is told about the containers.
    const SIZE: c_uint = Self::unsigned(size_of::<INodeContainer<T>>());
    const ALIGN: c_uint = Self::unsigned(align_of::<INodeContainer<T>>());

    /// At compile time only: does not compile for what does not fit.
    const fn unsigned(value: usize) -> c_uint {
        assert!(value <= c_uint::MAX as usize);
        value as c_uint
    }

    /// May sleep. Fails with `ENOMEM`.
    pub(super) fn new() -> Result<Self> {
        let mut args = bindings::kmem_cache_args {
            align: Self::ALIGN,
            ctor: Some(init_once::<T>),
            ..pin_init::zeroed()
        };
        // SAFETY: The name is a string that lives as long as the module, longer than the cache.
        let cache = unsafe {
            bindings::__kmem_cache_create_args(
                T::INODE_CACHE.as_char_ptr(),
                Self::SIZE,
                &mut args,
                bindings::SLAB_ACCOUNT,
            )
        };
        // INVARIANT: As just made.
        Ok(Self(NonNull::new(cache).ok_or(ENOMEM)?, PhantomData))
    }

    /// The inode of a new container without node and target, or null. May sleep.
    ///
    /// # Safety
    ///
    /// `sb` must point to a valid superblock.
    pub(super) unsafe fn alloc(&self, sb: *mut bindings::super_block) -> *mut bindings::inode {
        // SAFETY: `sb` is valid by the caller's promise, the cache by the type invariant.
        let container =
            unsafe { bindings::alloc_inode_sb(sb, self.0.as_ptr(), bindings::GFP_KERNEL) };
        let Some(container) = NonNull::new(container.cast::<INodeContainer<T>>()) else {
            return core::ptr::null_mut();
        };
        let container = container.as_ptr();
        // SAFETY: The memory is new, and of that size and alignment by the type invariant. The
        // constructor has seen to the inode; the other fields hold nothing that would want
        // dropping.
        unsafe {
            (&raw mut (*container).node).write(UnsafeCell::new(None));
            (&raw mut (*container).target).write(UnsafeCell::new(None));
            Xattrs::init(&raw mut (*container).xattrs);
            Opaque::cast_into(&raw const (*container).inode)
        }
    }

    /// Frees what `alloc()` gave. Does not sleep.
    ///
    /// # Safety
    ///
    /// `inode` must come from `alloc()` of this cache, with its node dropped, and nobody may look
    /// at it any more.
    pub(super) unsafe fn free(&self, inode: *mut bindings::inode) {
        // SAFETY: By the caller's promise.
        unsafe {
            let container = INodeContainer::<T>::of(inode);
            core::ptr::drop_in_place(&raw mut (*container).target);
            bindings::kmem_cache_free(self.0.as_ptr(), container.cast());
        }
    }
}

impl<T> Drop for INodeCache<T> {
    fn drop(&mut self) {
        // SAFETY: The cache is ours by the type invariant.
        unsafe { bindings::kmem_cache_destroy(self.0.as_ptr()) };
    }
}

/// Initialises what stays valid from one use of an inode's memory to the next.
///
/// # Safety
///
/// As the slab allocator calls it: with memory for a container.
unsafe extern "C" fn init_once<T: FileSystem>(container: *mut c_void) {
    let container = container.cast::<INodeContainer<T>>();
    // SAFETY: By the allocator's promise.
    unsafe { bindings::inode_init_once(Opaque::cast_into(&raw const (*container).inode)) }
}
