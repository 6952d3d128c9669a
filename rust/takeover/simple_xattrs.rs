// SPDX-License-Identifier: GPL-2.0

//! Extended attributes that are kept in memory, as tmpfs keeps them.
//!
//! The functions are not exported, so that a file system has to come by livepatch relocations to
//! use them.
//!
//! C header: [`include/linux/xattr.h`](srctree/include/linux/xattr.h)

use crate::bindings;
use core::{cell::UnsafeCell, mem::ManuallyDrop, ptr, ptr::NonNull};
use fs::{
    new_uninit_box,
    xattr::{
        Buffer,
        Filled,
        Name,
        Prefix,
        SetFlags,
        Store,
        XattrsOf, //
    },
    AnyINode,
};
use kernel::{
    alloc::flags,
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    sync::atomic::{
        Acquire,
        Atomic,
        Full,
        Relaxed, //
    },
    types::Opaque, //
};

/// The attributes of an inode, `trusted.*` and `security.*`. The latter, which anybody may set who
/// may change the file, are limited in number and size.
///
/// An inode without attributes needs no memory for them but a pointer.
///
/// # Invariants
///
/// Null, or owns a box. The pointer changes only once, from null, until it is released.
pub struct SimpleXattrs(Atomic<*mut Attributes>);

// SAFETY: The attributes belong to no task.
unsafe impl Send for SimpleXattrs {}
// SAFETY: C's functions that use the attributes synchronise with each other.
unsafe impl Sync for SimpleXattrs {}

/// The attributes of an inode that has any.
///
/// # Invariants
///
/// `list` is the head of a list of `struct simple_xattr`, and does not move.
struct Attributes {
    list: UnsafeCell<bindings::list_head>,
    /// Of `security.*`.
    limits: UnsafeCell<bindings::simple_xattr_limits>,
}

impl Attributes {
    /// No attributes. May sleep. Fails with `ENOMEM`.
    #[inline]
    fn new() -> Result<KBox<Self>> {
        let this = new_uninit_box(bindings::GFP_KERNEL_ACCOUNT)?.write(Self {
            list: UnsafeCell::new(pin_init::zeroed()),
            limits: UnsafeCell::new(pin_init::zeroed()),
        });
        let list = this.list.get();
        // INVARIANT: An empty list points to itself. The box does not move its content.
        // SAFETY: The list is in the box, which nobody else knows of yet.
        unsafe {
            list.write(bindings::list_head {
                next: list,
                prev: list,
            });
        }
        Ok(this)
    }
}

/// Where the attributes of all inodes of a superblock are looked up.
///
/// # Invariants
///
/// A valid `struct simple_xattr_cache`.
pub struct Cache(Opaque<bindings::simple_xattr_cache>);

// SAFETY: The cache belongs to no task.
unsafe impl Send for Cache {}
// SAFETY: C's functions that use the cache synchronise with each other.
unsafe impl Sync for Cache {}

impl Drop for Cache {
    fn drop(&mut self) {
        // SAFETY:
        // - The cache is valid by the type invariant, and ours alone as it is dropped.
        // - It is of a superblock whose inodes are gone, and with them the attributes, or of none.
        unsafe { bindings::simple_xattr_cache_cleanup(self.0.get()) };
    }
}

impl SimpleXattrs {
    /// The attributes, if there are any.
    #[inline]
    fn get(&self) -> Option<&Attributes> {
        // SAFETY:
        // - The pointer is null or that of a box, by the type invariant. The box stays until
        //   `release()`, which takes `&mut self`.
        // - The box was filled in before the pointer was set, which acquiring the pointer keeps in
        //   that order. What changes in the box is in `UnsafeCell`s.
        unsafe { self.0.load(Acquire).as_ref() }
    }

    /// The attributes, made if there were none. May sleep. Fails with `ENOMEM`.
    #[inline]
    fn get_or_make(&self) -> Result<&Attributes> {
        if let Some(there) = self.get() {
            return Ok(there);
        }
        let new = ManuallyDrop::new(Attributes::new()?);
        let pointer = ptr::from_ref::<Attributes>(&new).cast_mut();
        // INVARIANT: If the pointer was null, it owns the box now, which is not dropped.
        if self.0.cmpxchg(ptr::null_mut(), pointer, Full).is_err() {
            // Another task was faster.
            drop(ManuallyDrop::into_inner(new));
        }
        self.get().ok_or(ENOMEM)
    }
}

impl Store for SimpleXattrs {
    type Shared = Cache;

    #[inline]
    fn new_shared() -> impl PinInit<Cache, Error> {
        // INVARIANT: A zeroed one is empty.
        Ok(Cache(Opaque::new(pin_init::zeroed())))
    }

    #[inline]
    fn new() -> impl PinInit<Self> {
        // INVARIANT: The pointer is null.
        Self(Atomic::new(ptr::null_mut()))
    }

    #[inline]
    fn release(&mut self, shared: &Cache) {
        // INVARIANT: The pointer is null again.
        let attributes = self.0.xchg(ptr::null_mut(), Relaxed);
        if attributes.is_null() {
            return;
        }
        // SAFETY:
        // - The pointer was that of a box by the type invariant, which is ours now.
        // - Nobody else uses the list, which is valid by the invariant of `Attributes`.
        // - `shared` is the cache that the attributes were put into: that of the superblock.
        // - Null stands for a counter of the freed memory, which nobody asks for.
        unsafe {
            let attributes = KBox::from_raw(attributes);
            let list = attributes.list.get();
            bindings::simple_xattrs_free(shared.0.get(), list, ptr::null_mut());
        }
    }

    #[inline]
    fn get<'a>(of: XattrsOf<'_, Self>, name: Name<'_>, value: Buffer<'a>) -> Result<Filled<'a>> {
        let attributes = of.own().get().ok_or_else(no_data)?;
        // SAFETY:
        // - List and cache are valid by their types' invariants, and those of an inode and its
        //   superblock by the invariant of `XattrsOf`.
        // - The name is a string.
        // - The buffer is ours or null, by its type's invariant, and C fills as much of it as it
        //   says. Values have at most 64 KiB.
        unsafe {
            let (cache, list) = (of.shared().0.get(), attributes.list.get());
            let (start, size) = value.as_raw();
            let length = bindings::simple_xattr_get(cache, list, name.as_char_ptr(), start, size);
            let length = usize::try_from(length).map_err(|_| Error::from_errno(length))?;
            Ok(value.assume_filled(length))
        }
    }

    #[inline]
    fn set(
        of: XattrsOf<'_, Self>,
        name: Name<'_>,
        value: Option<&[u8]>,
        flags: SetFlags,
    ) -> Result {
        let attributes = of.own().get_or_make()?;
        let (cache, list) = (of.shared().0.get(), attributes.list.get());
        let is_limited = name.prefix() == Prefix::Security;
        let name = name.as_char_ptr();
        let (value, size) = value.map_or((ptr::null(), 0), |v| (v.as_ptr().cast(), v.len()));
        let flags = flags.into_raw();
        // SAFETY:
        // - List, limits and cache are valid by their types' invariants, and those of an inode and
        //   its superblock by the invariant of `XattrsOf`.
        // - The inode is locked for writing, as the functions ask for, by the contract of `Store`.
        // - The name is a string.
        // - `value` points to `size` bytes, or is null and `size` zero.
        // - What `simple_xattr_set()` took off the list is ours to free. It may be null, which
        //   `simple_xattr_free_rcu()` takes.
        unsafe {
            if is_limited {
                let limits = attributes.limits.get();
                return to_result(bindings::simple_xattr_set_limited(
                    cache, list, limits, name, value, size, flags,
                ));
            }
            let old = from_err_ptr(bindings::simple_xattr_set(
                cache, list, name, value, size, flags,
            ))?;
            bindings::simple_xattr_free_rcu(old);
        }
        Ok(())
    }

    #[inline]
    fn list<'a>(of: XattrsOf<'_, Self>, inode: &AnyINode, names: Buffer<'a>) -> Result<Filled<'a>> {
        let list = of.own().get().map_or(ptr::null_mut(), |a| a.list.get());
        // SAFETY:
        // - The inode is live, as is every `AnyINode`.
        // - The list is valid by the invariant of `Attributes`, or null, which stands for none.
        // - The buffer is ours or null, by its type's invariant, and C fills as much of it as it
        //   says. The VFS asks for at most 64 KiB.
        unsafe {
            let (start, size) = names.as_raw();
            let length = bindings::simple_xattr_list(inode.as_ptr(), list, start.cast(), size);
            // The cast loses nothing: errors are small.
            let length = usize::try_from(length).map_err(|_| Error::from_errno(length as c_int))?;
            Ok(names.assume_filled(length))
        }
    }

    fn init_security(of: XattrsOf<'_, Self>, suffix: &CStr, value: &[u8]) -> Result {
        let attributes = of.own().get_or_make()?;
        let xattr = NewXattr::security(suffix, value)?;
        // SAFETY:
        // - List, limits and cache are valid by their types' invariants, and those of an inode and
        //   its superblock by the invariant of `XattrsOf`.
        // - The attribute has a name and is ours by the invariant of `NewXattr`. If the function
        //   succeeds, the inode owns it, and it is forgotten below.
        to_result(unsafe {
            bindings::simple_xattr_add_limited(
                of.shared().0.get(),
                attributes.list.get(),
                attributes.limits.get(),
                xattr.0.as_ptr(),
            )
        })?;
        let _now_the_inode_owns_it = ManuallyDrop::new(xattr);
        Ok(())
    }
}

/// `ENODATA`, which the kernel crate lacks.
fn no_data() -> Error {
    Error::from_errno(-(bindings::ENODATA as c_int))
}

/// `security.`, without its NUL.
fn security_prefix() -> &'static [u8] {
    let prefix = bindings::XATTR_SECURITY_PREFIX;
    prefix.split_last().map_or(&[], |(_, prefix)| prefix)
}

/// An attribute that belongs to no inode yet.
///
/// # Invariants
///
/// Owns an attribute with a name, both as `simple_xattr_free()` frees them.
struct NewXattr(NonNull<bindings::simple_xattr>);

impl NewXattr {
    /// `security.` and `suffix`. May sleep. Fails with `ENOMEM`.
    fn security(suffix: &CStr, value: &[u8]) -> Result<Self> {
        let mut name = KVec::new();
        for part in [security_prefix(), suffix.to_bytes_with_nul()] {
            name.extend_from_slice(part, flags::GFP_KERNEL_ACCOUNT)?;
        }
        // SAFETY: `value` points to as many bytes as it has, of which the function makes a copy.
        let xattr = from_err_ptr(unsafe {
            bindings::simple_xattr_alloc(value.as_ptr().cast(), value.len())
        })?;
        let xattr = NonNull::new(xattr).ok_or(EINVAL)?;
        // SAFETY: The attribute was just made, so it is valid, and nobody else knows of it.
        unsafe { (*xattr.as_ptr()).name = name.into_raw_parts().0.cast() };
        // INVARIANT: The attribute has a name, which is from `kmalloc()`.
        Ok(Self(xattr))
    }
}

impl Drop for NewXattr {
    fn drop(&mut self) {
        // SAFETY: The attribute is ours by the type invariant, which says that it and its name are
        // as the function frees them.
        unsafe { bindings::simple_xattr_free(self.0.as_ptr()) };
    }
}
