// SPDX-License-Identifier: GPL-2.0

//! Extended attributes: where a file system keeps those of its inodes.
//!
//! A file system chooses a [`Store`]. [`NoXattrs`] is the one that has none. Of the kernel's
//! prefixes, `trusted.` and `security.` go to the store; `user.` and `system.` are not supported.
//!
//! C header: [`include/linux/xattr.h`](srctree/include/linux/xattr.h)

use crate::{bindings, inode::INodeContainer, AnyINode, FileSystem, SbInfo};
use core::{marker::PhantomData, ptr, slice};
use kernel::{error::from_result, prelude::*};

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

/// That a buffer was filled, and how far: what [`Store::get`] and [`Store::list`] have to show for
/// their success.
///
/// # Invariants
///
/// So many bytes of the `Buffer<'a>` are filled, or would be if it had memory.
pub struct Filled<'a>(usize, PhantomData<fn(&'a ()) -> &'a ()>);

impl<'a> Buffer<'a> {
    /// Puts `bytes` there.
    ///
    /// # Errors
    ///
    /// `ERANGE` if the buffer is too small, `E2BIG` for more than any attribute can have.
    pub fn fill(self, bytes: &[u8]) -> Result<Filled<'a>> {
        if bytes.len() > bindings::XATTR_SIZE_MAX as usize {
            return Err(E2BIG);
        }
        if !self.start.is_null() {
            if bytes.len() > self.size {
                return Err(ERANGE);
            }
            // SAFETY:
            // - The buffer is as large as its type's invariant says, and large enough.
            // - It is ours alone, so it does not overlap with `bytes`.
            unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.start.cast(), bytes.len()) };
        }
        // INVARIANT: The bytes are there now.
        Ok(Filled(bytes.len(), PhantomData))
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
        // INVARIANT: The bytes are there by this function's contract.
        Filled(length, PhantomData)
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
    if <T::Xattrs as Store>::SUPPORTED {
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
    /// The list of handlers, with its end.
    const HANDLERS: &'static [*const bindings::xattr_handler] =
        &[Self::TRUSTED, Self::SECURITY, ptr::null()];

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
            // SAFETY: Inode, handler and name are valid by this function's contract.
            let (of, name) = unsafe { (XattrsOf::of::<T>(inode), Self::name(handler, name)) };
            // INVARIANT: The memory is of that size by this function's contract.
            let value = Buffer {
                start: value,
                size,
                _lifetime: PhantomData,
            };
            // The cast loses nothing: no more than 64 KiB are ever filled.
            T::Xattrs::get(of, name, value).map(|Filled(length, _)| length as c_int)
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
        // SAFETY: The dentry has an inode of `T` and holds it, by this function's contract.
        let (of, inode) = unsafe {
            let inode = (*dentry).d_inode;
            (XattrsOf::of::<T>(inode), AnyINode::from_raw(inode))
        };
        // INVARIANT: The memory is of that size by this function's contract.
        let names = Buffer {
            start: names.cast(),
            size,
            _lifetime: PhantomData,
        };
        match T::Xattrs::list(of, inode, names) {
            // The cast loses nothing: no more than 64 KiB are ever filled.
            Ok(Filled(length, _)) => length as isize,
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
