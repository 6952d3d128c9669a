// SPDX-License-Identifier: GPL-2.0

//! The slab cache of a file system's inodes.
//!
//! C header: [`include/linux/slab.h`](srctree/include/linux/slab.h)

use crate::{
    bindings, compat::init_in_place, inode::INodeContainer, inode_limit::INodeLimit, symlink,
    xattr::Store, FileSystem,
};
use core::{
    cell::UnsafeCell,
    convert::Infallible,
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
pub(crate) struct INodeCache<T>(NonNull<bindings::kmem_cache>, PhantomData<T>);

// SAFETY: A cache belongs to no task.
unsafe impl<T> Send for INodeCache<T> {}
// SAFETY: A cache may be used by several tasks at once.
unsafe impl<T> Sync for INodeCache<T> {}

impl<T: FileSystem> INodeCache<T> {
    /// What the cache is told about the containers.
    const SIZE: c_uint = Self::to_c_uint(size_of::<INodeContainer<T>>());
    const ALIGN: c_uint = Self::to_c_uint(align_of::<INodeContainer<T>>());

    /// At compile time only: does not compile for what does not fit.
    const fn to_c_uint(value: usize) -> c_uint {
        assert!(value <= c_uint::MAX as usize);
        value as c_uint
    }

    /// May sleep. Fails with `ENOMEM`.
    pub(crate) fn new() -> Result<Self> {
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
        // INVARIANT: The cache was just made so.
        Ok(Self(NonNull::new(cache).ok_or(ENOMEM)?, PhantomData))
    }

    /// The inode of a new container without data, or null if there is no memory or the limit of
    /// inodes is reached. May sleep.
    ///
    /// # Safety
    ///
    /// `sb` must point to a valid superblock, which has that limit.
    pub(crate) unsafe fn alloc(
        &self,
        sb: *mut bindings::super_block,
        limit: &INodeLimit,
    ) -> *mut bindings::inode {
        if limit.charge().is_err() {
            return core::ptr::null_mut();
        }
        // SAFETY:
        // - `sb` is valid by this function's contract, the cache by the type invariant.
        // - The memory is new, and of that size and alignment by the type invariant. It stays where
        //   it is until it is freed, which comes after `INodeContainer::release()`.
        // - The constructor has seen to the inode, and the VFS sets `i_private` to null.
        unsafe {
            let container = bindings::alloc_inode_sb(sb, self.0.as_ptr(), bindings::GFP_KERNEL);
            let container = container.cast::<INodeContainer<T>>();
            if container.is_null() {
                limit.uncharge();
                return core::ptr::null_mut();
            }
            let xattrs = UnsafeCell::raw_get(&raw const (*container).xattrs);
            let Ok(()) = init_in_place(xattrs, T::Xattrs::new()) as Result<(), Infallible>;
            Opaque::cast_into(&raw const (*container).inode)
        }
    }

    /// Frees what `alloc()` gave. Does not sleep.
    ///
    /// # Safety
    ///
    /// `inode` must come from `alloc()` of this cache and have gone through
    /// [`INodeContainer::release()`], and nobody may look at it any more.
    pub(crate) unsafe fn free(&self, inode: *mut bindings::inode) {
        // SAFETY: The inode is one of ours that nobody looks at, by this function's contract.
        unsafe {
            symlink::free(inode);
            let container = INodeContainer::<T>::of(inode);
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
/// The caller must do as the slab allocator does: pass memory for a container.
unsafe extern "C" fn init_once<T: FileSystem>(container: *mut c_void) {
    let container = container.cast::<INodeContainer<T>>();
    // SAFETY: The memory is for a container by this function's contract.
    unsafe { bindings::inode_init_once(Opaque::cast_into(&raw const (*container).inode)) }
}
