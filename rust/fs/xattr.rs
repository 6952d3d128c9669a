// SPDX-License-Identifier: GPL-2.0

//! Extended attributes: where a file system keeps those of its inodes.
//!
//! A file system chooses a [`Store`]. [`NoXattrs`] is the one that has none. Of the kernel's
//! prefixes, `trusted.` and `security.` go to the store; `user.` and `system.` are not supported.
//! Attributes that are computed as they are read have a prefix of the file system's own, see
//! [`ComputedXattrs`].
//!
//! C header: [`include/linux/xattr.h`](srctree/include/linux/xattr.h)

use crate::{bindings, inode::INodeContainer, AnyINode, FileSystem, SbInfo};
use core::{marker::PhantomData, ptr, slice};
use kernel::{
    error::from_result,
    fmt::{self, Write},
    prelude::*, //
};

pub use crate::computed_xattrs::{ComputedXattrOperations, ComputedXattrs};

/// What keeps the attributes of an inode. A value belongs to each inode, and one of
/// [`Shared`](Self::Shared) to each superblock.
///
/// The methods may sleep.
pub trait Store: Sized + Send + Sync {
    /// What belongs to the attributes of all inodes of a superblock.
    type Shared: Send + Sync;

    /// Whether there are attributes at all. If not, no other method but the first two and
    /// [`release`](Self::release) is ever called.
    const SUPPORTED: bool = true;

    /// What a new superblock has.
    fn new_shared() -> impl PinInit<Self::Shared, Error>;

    /// What a new inode has: no attributes.
    fn new() -> impl PinInit<Self>;

    /// Forgets all attributes, as the inode is destroyed. Nobody calls any other method then.
    fn release(&mut self, shared: &Self::Shared);

    /// `getxattr(2)`: puts the value of `name` into `value`.
    ///
    /// # Errors
    ///
    /// `ENODATA` if there is no such attribute; what `value` answers.
    fn get<'a>(of: XattrsOf<'_, Self>, name: Name<'_>, value: Buffer<'a>) -> Result<Filled<'a>>;

    /// `setxattr(2)`, or, without a value, `removexattr(2)`. The inode is locked for writing.
    ///
    /// # Errors
    ///
    /// `EEXIST`, `ENODATA` as `flags` say; `ENOMEM`, `ENOSPC`.
    fn set(of: XattrsOf<'_, Self>, name: Name<'_>, value: Option<&[u8]>, flags: SetFlags)
        -> Result;

    /// `listxattr(2)`: puts all names into `names`, each with its NUL. Those that the LSMs know of
    /// `inode` go before. Names with `trusted.` are for tasks with `CAP_SYS_ADMIN` only, which is
    /// the store's to see to.
    fn list<'a>(of: XattrsOf<'_, Self>, inode: &AnyINode, names: Buffer<'a>) -> Result<Filled<'a>>;

    /// Gives a new inode the attribute `security.` and `suffix`, which an LSM wants it to have.
    fn init_security(of: XattrsOf<'_, Self>, suffix: &CStr, value: &[u8]) -> Result;
}

/// A store of an inode, and what is shared by all of that inode's superblock.
///
/// # Invariants
///
/// The one is always used with the other.
pub struct XattrsOf<'a, S: Store> {
    own: &'a S,
    shared: &'a S::Shared,
}

impl<'a, S: Store> XattrsOf<'a, S> {
    /// # Safety
    ///
    /// `inode` must point to an inode of `T` that is not destroyed in `'a`.
    unsafe fn of<T: FileSystem<Xattrs = S>>(inode: *mut bindings::inode) -> Self {
        // INVARIANT: The second is that of the inode's superblock, which never changes.
        // SAFETY: The inode is valid by this function's contract, and keeps its superblock.
        unsafe {
            Self {
                own: &*(*INodeContainer::<T>::of(inode)).xattrs.get(),
                shared: SbInfo::<T>::of((*inode).i_sb).xattrs(),
            }
        }
    }

    /// What belongs to the inode.
    pub fn own(&self) -> &'a S {
        self.own
    }

    /// What belongs to its superblock.
    pub fn shared(&self) -> &'a S::Shared {
        self.shared
    }
}

/// What an attribute's name begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Prefix {
    /// `trusted.`, which takes `CAP_SYS_ADMIN`.
    Trusted,
    /// `security.`, for LSMs; whoever may change the file may set others, too.
    Security,
}

/// The name of an attribute.
///
/// # Invariants
///
/// Points to the whole name for `'a`, a string that begins with `prefix`.
#[derive(Clone, Copy)]
pub struct Name<'a> {
    full: *const c_char,
    prefix: Prefix,
    _lifetime: PhantomData<&'a CStr>,
}

impl<'a> Name<'a> {
    /// What the name begins with.
    pub fn prefix(self) -> Prefix {
        self.prefix
    }

    /// The whole name, for C.
    pub fn as_char_ptr(self) -> *const c_char {
        self.full
    }

    /// The whole name.
    pub fn to_cstr(self) -> &'a CStr {
        // SAFETY: The pointer is that of a string by the type invariant.
        unsafe { CStr::from_char_ptr(self.full) }
    }
}

/// Where a value or names are put. Without memory, only their length is asked for.
///
/// # Invariants
///
/// Points to `size` bytes for `'a`, or is null.
pub struct Buffer<'a> {
    start: *mut c_void,
    size: usize,
    _lifetime: PhantomData<&'a mut [u8]>,
}

/// That a buffer was filled, and how far: what [`Store::get`], [`Store::list`] and
/// [`ComputedXattrOperations::get`] have to show for their success.
///
/// # Invariants
///
/// So many bytes of the `Buffer<'a>` are filled, or would be if it had memory. They are not more
/// than 64 KiB.
pub struct Filled<'a>(usize, PhantomData<fn(&'a ()) -> &'a ()>);

impl<'a> Buffer<'a> {
    /// The buffer that C passes.
    ///
    /// # Safety
    ///
    /// `start` must point to `size` bytes that are only ours for `'a`, or be null.
    pub(crate) unsafe fn from_raw(start: *mut c_void, size: usize) -> Self {
        // INVARIANT: The memory is as the invariant says by this function's contract.
        Self {
            start,
            size,
            _lifetime: PhantomData,
        }
    }

    /// Puts `bytes` there.
    ///
    /// # Errors
    ///
    /// `ERANGE` if the buffer is too small, `E2BIG` for more than any attribute can have.
    pub fn fill(self, bytes: &[u8]) -> Result<Filled<'a>> {
        let mut filling = Filling::new(self);
        filling.put(bytes);
        filling.finish()
    }

    /// Puts the text there that [`fmt!`] makes, without a NUL. Needs no memory besides.
    ///
    /// # Errors
    ///
    /// As [`fill`](Self::fill); `EINVAL` if the formatting of a value fails.
    pub fn fill_fmt(self, text: fmt::Arguments<'_>) -> Result<Filled<'a>> {
        let mut filling = Filling::new(self);
        filling.write_fmt(text).map_err(|_| EINVAL)?;
        filling.finish()
    }

    /// Where the buffer is, for C, and how large.
    pub fn as_raw(&self) -> (*mut c_void, usize) {
        (self.start, self.size)
    }

    /// That C has filled the buffer.
    ///
    /// # Safety
    ///
    /// `length` bytes of the memory must have been filled, if there is any. `length` must not be
    /// more than 64 KiB.
    pub unsafe fn assume_filled(self, length: usize) -> Filled<'a> {
        // INVARIANT: The bytes are there, and not too many, by this function's contract.
        Filled(length, PhantomData)
    }
}

/// A buffer that is being filled. What is too much for it is only counted.
///
/// # Invariants
///
/// The first `length` bytes of the buffer are filled, if it has memory for that many.
struct Filling<'a> {
    buffer: Buffer<'a>,
    length: usize,
}

impl<'a> Filling<'a> {
    fn new(buffer: Buffer<'a>) -> Self {
        // INVARIANT: Nothing is there yet.
        Self { buffer, length: 0 }
    }

    /// Puts `bytes` behind what is there.
    fn put(&mut self, bytes: &[u8]) {
        let end = self.length.saturating_add(bytes.len());
        if !self.buffer.start.is_null() && end <= self.buffer.size {
            // SAFETY:
            // - The memory is as large as the invariant of `Buffer` says. As `end` is not more than
            //   that, no sum was too large, and the bytes from `length` to `end` are in there.
            // - The memory is ours alone, so it does not overlap with `bytes`.
            unsafe {
                let to = self.buffer.start.cast::<u8>().add(self.length);
                ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
            }
        }
        // INVARIANT: The bytes are there now, behind all others, if there is memory for all.
        self.length = end;
    }

    fn finish(self) -> Result<Filled<'a>> {
        if self.length > bindings::XATTR_SIZE_MAX as usize {
            return Err(E2BIG);
        }
        if !self.buffer.start.is_null() && self.length > self.buffer.size {
            return Err(ERANGE);
        }
        // INVARIANT: The bytes are there by the invariant of `Filling`, and just seen not to be
        // more than 64 KiB.
        Ok(Filled(self.length, PhantomData))
    }
}

impl Write for Filling<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}

impl Filled<'_> {
    /// What the VFS wants to be told.
    pub(crate) fn into_raw(self) -> c_int {
        // The cast loses nothing, by the type invariant.
        self.0 as c_int
    }
}

/// The flags of `setxattr(2)`.
#[derive(Clone, Copy)]
pub struct SetFlags(c_int);

impl SetFlags {
    /// `XATTR_CREATE`: the attribute must not exist.
    pub fn is_create(self) -> bool {
        self.0 & bindings::XATTR_CREATE as c_int != 0
    }

    /// `XATTR_REPLACE`: the attribute must exist.
    pub fn is_replace(self) -> bool {
        self.0 & bindings::XATTR_REPLACE as c_int != 0
    }

    /// The flags as C has them.
    pub fn into_raw(self) -> c_int {
        self.0
    }
}

/// No attributes.
pub struct NoXattrs;

/// `EOPNOTSUPP`, which the kernel crate lacks.
fn unsupported() -> Error {
    Error::from_errno(-(bindings::EOPNOTSUPP as c_int))
}

impl Store for NoXattrs {
    type Shared = ();

    const SUPPORTED: bool = false;

    fn new_shared() -> impl PinInit<(), Error> {
        Ok(())
    }

    fn new() -> impl PinInit<Self> {
        Self
    }

    fn release(&mut self, (): &()) {}

    fn get<'a>(_: XattrsOf<'_, Self>, _: Name<'_>, _: Buffer<'a>) -> Result<Filled<'a>> {
        Err(unsupported())
    }

    fn set(_: XattrsOf<'_, Self>, _: Name<'_>, _: Option<&[u8]>, _: SetFlags) -> Result {
        Err(unsupported())
    }

    fn list<'a>(_: XattrsOf<'_, Self>, _: &AnyINode, _: Buffer<'a>) -> Result<Filled<'a>> {
        Err(unsupported())
    }

    fn init_security(_: XattrsOf<'_, Self>, _: &CStr, _: &[u8]) -> Result {
        Err(unsupported())
    }
}

/// What a superblock of `T` has for `s_xattr`.
pub(crate) const fn handlers<T: FileSystem>() -> *const *const bindings::xattr_handler {
    if <T::Xattrs as Store>::SUPPORTED || T::COMPUTED_XATTRS.is_some() {
        XattrTable::<T>::HANDLERS.as_ptr()
    } else {
        ptr::null()
    }
}

/// What the operations of an inode of `T` have for `listxattr`.
pub(crate) const fn list<T: FileSystem>(
) -> Option<unsafe extern "C" fn(*mut bindings::dentry, *mut c_char, usize) -> isize> {
    if <T::Xattrs as Store>::SUPPORTED {
        Some(XattrTable::<T>::list)
    } else {
        None
    }
}

/// What `security_inode_init_security()` is to call for an inode of `T`.
pub(crate) const fn init_security<T: FileSystem>() -> bindings::initxattrs {
    if <T::Xattrs as Store>::SUPPORTED {
        Some(XattrTable::<T>::init_security)
    } else {
        None
    }
}

/// C's operations of attributes of inodes of `T`.
struct XattrTable<T>(PhantomData<T>);

impl<T: FileSystem> XattrTable<T> {
    /// The list of handlers, with its end. A null is an end.
    const HANDLERS: &'static [*const bindings::xattr_handler; 4] = &{
        let computed = match T::COMPUTED_XATTRS {
            Some(computed) => computed.as_ptr(),
            None => ptr::null(),
        };
        if <T::Xattrs as Store>::SUPPORTED {
            [Self::TRUSTED, Self::SECURITY, computed, ptr::null()]
        } else {
            [computed, ptr::null(), ptr::null(), ptr::null()]
        }
    };

    const TRUSTED: &'static bindings::xattr_handler = &bindings::xattr_handler {
        prefix: bindings::XATTR_TRUSTED_PREFIX.as_ptr().cast(),
        flags: Prefix::Trusted as c_int,
        ..Self::HANDLER
    };

    const SECURITY: &'static bindings::xattr_handler = &bindings::xattr_handler {
        prefix: bindings::XATTR_SECURITY_PREFIX.as_ptr().cast(),
        flags: Prefix::Security as c_int,
        ..Self::HANDLER
    };

    /// The name that has `suffix` behind the prefix of `handler`.
    ///
    /// # Safety
    ///
    /// `handler` must be one of ours, and `suffix` point to what follows the prefix in a string that
    /// lives for `'a`.
    unsafe fn name<'a>(handler: *const bindings::xattr_handler, suffix: *const c_char) -> Name<'a> {
        // INVARIANT: The whole name is where the prefix is, before the suffix.
        // SAFETY: Handler and suffix are valid by this function's contract.
        unsafe {
            Name {
                full: bindings::xattr_full_name(handler, suffix),
                prefix: if (*handler).flags == Prefix::Security as c_int {
                    Prefix::Security
                } else {
                    Prefix::Trusted
                },
                _lifetime: PhantomData,
            }
        }
    }

    const HANDLER: bindings::xattr_handler = bindings::xattr_handler {
        get: Some(Self::get),
        set: Some(Self::set),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass a live inode of `T`, as `name` what follows the
    /// handler's prefix in a string, and `size` bytes or null as `value`.
    unsafe extern "C" fn get(
        handler: *const bindings::xattr_handler,
        _: *mut bindings::dentry,
        inode: *mut bindings::inode,
        name: *const c_char,
        value: *mut c_void,
        size: usize,
    ) -> c_int {
        from_result(|| {
            // SAFETY: Inode, handler, name and memory are valid by this function's contract.
            let (of, name, value) = unsafe {
                (
                    XattrsOf::of::<T>(inode),
                    Self::name(handler, name),
                    Buffer::from_raw(value, size),
                )
            };
            T::Xattrs::get(of, name, value).map(Filled::into_raw)
        })
    }

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass a live inode of `T`, locked for writing, as `name`
    /// what follows the handler's prefix in a string, and `size` bytes or null as `value`.
    unsafe extern "C" fn set(
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
            // SAFETY:
            // - Inode, handler and name are valid by this function's contract.
            // - The value has that size by this function's contract, if there is one.
            let (of, name, value) = unsafe {
                (
                    XattrsOf::of::<T>(inode),
                    Self::name(handler, name),
                    (!value.is_null()).then(|| slice::from_raw_parts(value.cast(), size)),
                )
            };
            T::Xattrs::set(of, name, value, SetFlags(flags))?;
            // SAFETY: The inode is live and locked by this function's contract.
            unsafe { bindings::inode_set_ctime_current(inode) };
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass a positive dentry of `T`, and `size` bytes or null
    /// as `names`.
    unsafe extern "C" fn list(
        dentry: *mut bindings::dentry,
        names: *mut c_char,
        size: usize,
    ) -> isize {
        // SAFETY:
        // - The dentry has an inode of `T` and holds it, by this function's contract.
        // - The memory is valid by this function's contract.
        let (of, inode, names) = unsafe {
            let inode = (*dentry).d_inode;
            (
                XattrsOf::of::<T>(inode),
                AnyINode::from_raw(inode),
                Buffer::from_raw(names.cast(), size),
            )
        };
        match T::Xattrs::list(of, inode, names) {
            Ok(filled) => filled.into_raw() as isize,
            Err(e) => e.to_errno() as isize,
        }
    }

    /// # Safety
    ///
    /// The caller must do as `security_inode_init_security()` does: pass a new inode of `T`, and an
    /// array of attributes that ends in one without a name.
    unsafe extern "C" fn init_security(
        inode: *mut bindings::inode,
        mut xattrs: *const bindings::xattr,
        _: *mut c_void,
    ) -> c_int {
        from_result(|| {
            loop {
                // SAFETY:
                // - The array goes on until there is an attribute without a name, which was not
                //   reached yet.
                // - The inode is valid by this function's contract, and a name is a string.
                // - The LSM's value has that length, and is not null unless it is empty.
                let (of, suffix, value) = unsafe {
                    let xattr = &*xattrs;
                    if xattr.name.is_null() {
                        return Ok(0);
                    }
                    xattrs = xattrs.add(1);
                    let value = match xattr.value_len {
                        0 => &[][..],
                        length => slice::from_raw_parts(xattr.value.cast(), length),
                    };
                    (
                        XattrsOf::of::<T>(inode),
                        CStr::from_char_ptr(xattr.name),
                        value,
                    )
                };
                T::Xattrs::init_security(of, suffix, value)?;
            }
        })
    }
}
