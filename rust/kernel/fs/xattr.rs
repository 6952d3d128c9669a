// SPDX-License-Identifier: GPL-2.0

//! Extended attributes, kept in memory: `trusted.*` and `security.*`.
//!
//! C header: [`include/linux/xattr.h`](srctree/include/linux/xattr.h)

use super::{
    inode::INodeContainer,
    super_block::{self, SuperBlockInfo},
    FileSystem, //
};
use crate::bindings;
use core::{cell::UnsafeCell, marker::PhantomData, ptr, ptr::NonNull};
use kernel::{
    alloc::flags,
    error::{from_err_ptr, from_result, to_result},
    prelude::*,
    types::Opaque,
};

/// Where the attributes of all inodes of a superblock are looked up.
///
/// # Invariants
///
/// A valid `struct simple_xattr_cache`.
pub(super) struct XattrCache(Opaque<bindings::simple_xattr_cache>);

// SAFETY: The functions that use it synchronise with each other, and it belongs to no task.
unsafe impl Send for XattrCache {}
// SAFETY: As above.
unsafe impl Sync for XattrCache {}

impl XattrCache {
    pub(super) fn new() -> Self {
        // INVARIANT: A zeroed one is empty.
        Self(Opaque::new(pin_init::zeroed()))
    }

    fn as_ptr(&self) -> *mut bindings::simple_xattr_cache {
        self.0.get()
    }
}

impl Drop for XattrCache {
    fn drop(&mut self) {
        // SAFETY: Nobody else uses it, and the attributes are gone with their inodes.
        unsafe { bindings::simple_xattr_cache_cleanup(self.as_ptr()) };
    }
}

/// The attributes of an inode.
///
/// # Invariants
///
/// `list` is the head of a list of `struct simple_xattr`, and does not move.
pub(super) struct Xattrs {
    list: UnsafeCell<bindings::list_head>,
    /// Of `security.*`, which anybody may set who may change the file.
    limits: UnsafeCell<bindings::simple_xattr_limits>,
}

impl Xattrs {
    /// Makes an empty list at `this`.
    ///
    /// # Safety
    ///
    /// `this` must point to memory for it, which stays where it is.
    pub(super) unsafe fn init(this: *mut Self) {
        // INVARIANT: An empty list points to itself.
        // SAFETY: By the caller's promise.
        unsafe {
            let list = UnsafeCell::raw_get(&raw const (*this).list);
            list.write(bindings::list_head {
                next: list,
                prev: list,
            });
            UnsafeCell::raw_get(&raw const (*this).limits).write(pin_init::zeroed());
        }
    }

    /// Drops all attributes.
    ///
    /// # Safety
    ///
    /// Nobody may use them any more; `cache` must be that of their superblock.
    pub(super) unsafe fn free(&self, cache: &XattrCache) {
        // SAFETY: By the caller's promise.
        unsafe {
            bindings::simple_xattrs_free(cache.as_ptr(), self.list.get(), ptr::null_mut());
        }
    }
}

/// The cache and the attributes of an inode.
///
/// # Safety
///
/// `inode` must point to an inode of `T` that stays live for `'a`.
unsafe fn of<'a, T: FileSystem>(inode: *mut bindings::inode) -> (&'a XattrCache, &'a Xattrs) {
    // SAFETY: By the caller's promise; the inode keeps its superblock.
    unsafe {
        let info: &SuperBlockInfo<T> = super_block::info((*inode).i_sb);
        (&info.xattrs, &(*INodeContainer::<T>::of(inode)).xattrs)
    }
}

/// An attribute that belongs to no inode yet.
///
/// # Invariants
///
/// Owns an attribute with a name, both as `simple_xattr_free()` frees them.
struct NewXattr(NonNull<bindings::simple_xattr>);

impl NewXattr {
    /// `security.` and `name`.
    ///
    /// # Safety
    ///
    /// `value` must point to `size` bytes.
    unsafe fn security(name: &CStr, value: *const c_void, size: usize) -> Result<Self> {
        let mut full_name = KVec::new();
        // The prefix is a string with its NUL.
        let prefix = bindings::XATTR_SECURITY_PREFIX;
        for part in [
            prefix.split_last().map_or(&[][..], |(_, prefix)| prefix),
            name.to_bytes_with_nul(),
        ] {
            full_name.extend_from_slice(part, flags::GFP_KERNEL_ACCOUNT)?;
        }
        // SAFETY: `value` has that size by the caller's promise.
        let xattr = from_err_ptr(unsafe { bindings::simple_xattr_alloc(value, size) })?;
        let xattr = NonNull::new(xattr).ok_or(EINVAL)?;
        // SAFETY: The attribute is ours.
        unsafe { (*xattr.as_ptr()).name = full_name.into_raw_parts().0.cast() };
        // INVARIANT: It has a name from `kmalloc()`.
        Ok(Self(xattr))
    }

    /// Adds it to an inode's.
    ///
    /// # Safety
    ///
    /// `cache` must be that of the inode's superblock, and nobody else may write to `xattrs`.
    unsafe fn add(self, cache: &XattrCache, xattrs: &Xattrs) -> Result {
        // SAFETY: The attribute has a name and is ours by the type invariant; for the rest by the
        // caller's promise.
        to_result(unsafe {
            bindings::simple_xattr_add_limited(
                cache.as_ptr(),
                xattrs.list.get(),
                xattrs.limits.get(),
                self.0.as_ptr(),
            )
        })?;
        let _now_the_inode_owns_it = core::mem::ManuallyDrop::new(self);
        Ok(())
    }
}

impl Drop for NewXattr {
    fn drop(&mut self) {
        // SAFETY: It is ours by the type invariant.
        unsafe { bindings::simple_xattr_free(self.0.as_ptr()) };
    }
}

/// Gives a new inode the attributes that the LSMs want it to have.
///
/// # Safety
///
/// As `security_inode_init_security()` calls it: `inode` is a new inode of `T`, and `xattrs` an
/// array that ends in one without a name.
pub(super) unsafe extern "C" fn init_security<T: FileSystem>(
    inode: *mut bindings::inode,
    mut xattrs: *const bindings::xattr,
    _: *mut c_void,
) -> c_int {
    from_result(|| {
        // SAFETY: By that promise.
        let (cache, own) = unsafe { of::<T>(inode) };
        loop {
            // SAFETY: The array goes on until there is one without a name.
            let xattr = unsafe { &*xattrs };
            if xattr.name.is_null() {
                return Ok(0);
            }
            // SAFETY: A name is a string.
            let name = unsafe { CStr::from_char_ptr(xattr.name) };
            // SAFETY: The LSM's value has that length. The inode is new, so nobody else has it.
            unsafe { NewXattr::security(name, xattr.value, xattr.value_len)?.add(cache, own)? };
            // SAFETY: This was not the end.
            xattrs = unsafe { xattrs.add(1) };
        }
    })
}

/// `listxattr(2)`.
///
/// # Safety
///
/// As the VFS calls it: `dentry` is positive and of `T`, and `buffer` null or of that size.
pub(super) unsafe extern "C" fn list<T: FileSystem>(
    dentry: *mut bindings::dentry,
    buffer: *mut c_char,
    size: usize,
) -> isize {
    // SAFETY: By the VFS's promise.
    unsafe {
        let inode = (*dentry).d_inode;
        bindings::simple_xattr_list(inode, of::<T>(inode).1.list.get(), buffer, size)
    }
}

/// What reads and writes attributes of inodes of `T`.
pub(super) struct Handlers<T>(PhantomData<T>);

impl<T: FileSystem> Handlers<T> {
    /// The list of handlers, with its end.
    pub(super) const LIST: &'static [*const bindings::xattr_handler] =
        &[Self::TRUSTED, Self::SECURITY, ptr::null()];

    const TRUSTED: &'static bindings::xattr_handler = &bindings::xattr_handler {
        prefix: bindings::XATTR_TRUSTED_PREFIX.as_ptr().cast(),
        get: Some(Self::get),
        set: Some(Self::set_trusted),
        ..pin_init::zeroed()
    };

    const SECURITY: &'static bindings::xattr_handler = &bindings::xattr_handler {
        prefix: bindings::XATTR_SECURITY_PREFIX.as_ptr().cast(),
        get: Some(Self::get),
        set: Some(Self::set_security),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// As the VFS calls it: `inode` is of `T`, `name` what follows the handler's prefix, and
    /// `value` of that size.
    unsafe extern "C" fn get(
        handler: *const bindings::xattr_handler,
        _: *mut bindings::dentry,
        inode: *mut bindings::inode,
        name: *const c_char,
        value: *mut c_void,
        size: usize,
    ) -> c_int {
        // SAFETY: By the VFS's promise.
        unsafe {
            let (cache, own) = of::<T>(inode);
            let name = bindings::xattr_full_name(handler, name);
            bindings::simple_xattr_get(cache.as_ptr(), own.list.get(), name, value, size)
        }
    }

    /// # Safety
    ///
    /// As for `get()`; and the inode is locked for writing.
    unsafe extern "C" fn set_security(
        handler: *const bindings::xattr_handler,
        _: *mut bindings::mnt_idmap,
        _: *mut bindings::dentry,
        inode: *mut bindings::inode,
        name: *const c_char,
        value: *const c_void,
        size: usize,
        flags: c_int,
    ) -> c_int {
        // SAFETY: By the VFS's promise.
        unsafe {
            let (cache, own) = of::<T>(inode);
            let name = bindings::xattr_full_name(handler, name);
            let err = bindings::simple_xattr_set_limited(
                cache.as_ptr(),
                own.list.get(),
                own.limits.get(),
                name,
                value,
                size,
                flags,
            );
            if err == 0 {
                bindings::inode_set_ctime_current(inode);
            }
            err
        }
    }

    /// # Safety
    ///
    /// As for `set_security()`.
    unsafe extern "C" fn set_trusted(
        handler: *const bindings::xattr_handler,
        _: *mut bindings::mnt_idmap,
        _: *mut bindings::dentry,
        inode: *mut bindings::inode,
        name: *const c_char,
        value: *const c_void,
        size: usize,
        flags: c_int,
    ) -> c_int {
        from_result(|| {
            // SAFETY: By the VFS's promise. What was there before is ours to free.
            unsafe {
                let (cache, own) = of::<T>(inode);
                let name = bindings::xattr_full_name(handler, name);
                let old = from_err_ptr(bindings::simple_xattr_set(
                    cache.as_ptr(),
                    own.list.get(),
                    name,
                    value,
                    size,
                    flags,
                ))?;
                bindings::simple_xattr_free_rcu(old);
                bindings::inode_set_ctime_current(inode);
            }
            Ok(0)
        })
    }
}
