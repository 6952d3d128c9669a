// SPDX-License-Identifier: GPL-2.0

//! Extended attributes that nobody keeps: a file system computes them as they are read.
//!
//! They say what a file system knows of an inode. Nobody can set or remove them: `setxattr(2)` and
//! `removexattr(2)` are `EOPNOTSUPP`, as they are without such attributes. `listxattr(2)` does not
//! list them. A program that copies a file with its attributes takes those that are listed, and
//! would fail to set these on the copy.
//!
//! # Examples
//!
//! A file system whose files say how often they were read, in the attribute `line.reads`:
//!
//! ```ignore
//! impl FileSystem for LineFs {
//!     const COMPUTED_XATTRS: Option<ComputedXattrs<Self>> = Some(ComputedXattrs::of::<About>());
//!     // ...
//! }
//!
//! struct About;
//!
//! impl ComputedXattrOperations for About {
//!     type FileSystem = LineFs;
//!
//!     const PREFIX: &'static CStr = c"line.";
//!
//!     fn get<'a>(
//!         inode: &INode<LineFs>,
//!         name: &[u8],
//!         value: Buffer<'a>,
//!     ) -> Result<Option<Filled<'a>>> {
//!         match name {
//!             b"reads" => value.fill_fmt(fmt!("{}", inode.data().reads())).map(Some),
//!             _ => Ok(None),
//!         }
//!     }
//! }
//! ```
//!
//! C header: [`include/linux/xattr.h`](srctree/include/linux/xattr.h)

use crate::{
    bindings,
    xattr::{Buffer, Filled},
    AnyINode,
    FileSystem,
    INode, //
};
use core::marker::PhantomData;
use kernel::{error::from_result, prelude::*, str::as_char_ptr_in_const_context};

/// Attributes that are computed as they are read. A type that implements this becomes a value of
/// [`ComputedXattrs`].
pub trait ComputedXattrOperations {
    /// The file system whose inodes have them.
    type FileSystem: FileSystem;

    /// What their names begin with, up to a dot. Does not compile if it is empty, or one of the
    /// kernel's prefixes.
    const PREFIX: &'static CStr;

    /// `getxattr(2)`: puts the value of the attribute into `value`. `name` is what follows the
    /// prefix, and not empty. Returns `None` if `inode` has no such attribute, which is `ENODATA`.
    ///
    /// The VFS has checked that the task may read the inode, and asked the LSMs. May sleep; the
    /// inode is not locked, so that other tasks may change it and whatever it is about.
    ///
    /// # Errors
    ///
    /// What `value` answers, and what keeps the file system from knowing the value.
    fn get<'a>(
        inode: &INode<Self::FileSystem>,
        name: &[u8],
        value: Buffer<'a>,
    ) -> Result<Option<Filled<'a>>>;
}

/// The computed attributes of a file system: a [`ComputedXattrOperations`] as a value.
pub struct ComputedXattrs<T> {
    handler: &'static bindings::xattr_handler,
    _type: PhantomData<fn(T)>,
}

impl<T: FileSystem> ComputedXattrs<T> {
    /// Those that `O` computes.
    pub const fn of<O: ComputedXattrOperations<FileSystem = T>>() -> Self {
        const {
            assert!(
                is_own_prefix(O::PREFIX),
                "PREFIX has no dot, or is the kernel's"
            )
        };
        Self {
            handler: Table::<O>::HANDLER,
            _type: PhantomData,
        }
    }

    /// C's handler.
    pub(crate) const fn as_ptr(&self) -> *const bindings::xattr_handler {
        self.handler
    }
}

/// What the VFS has rules for, and what a [`Store`](crate::xattr::Store) serves.
const KERNEL_PREFIXES: [&[u8]; 4] = [
    bindings::XATTR_SECURITY_PREFIX,
    bindings::XATTR_SYSTEM_PREFIX,
    bindings::XATTR_TRUSTED_PREFIX,
    bindings::XATTR_USER_PREFIX,
];

/// Whether a file system may have names with `prefix` to itself: there is something before a dot,
/// which is the only one and the end, and it is not the kernel's. At compile time only.
const fn is_own_prefix(prefix: &CStr) -> bool {
    let prefix = prefix.to_bytes_with_nul();
    let mut i = 0;
    while i < KERNEL_PREFIXES.len() {
        if are_equal(prefix, KERNEL_PREFIXES[i]) {
            return false;
        }
        i += 1;
    }
    let mut dot = 0;
    while prefix[dot] != b'.' && prefix[dot] != 0 {
        dot += 1;
    }
    dot > 0 && dot + 2 == prefix.len()
}

/// At compile time only.
const fn are_equal(a: &[u8], b: &[u8]) -> bool {
    let mut i = 0;
    while i < a.len() && i < b.len() && a[i] == b[i] {
        i += 1;
    }
    i == a.len() && i == b.len()
}

/// C's operations of the attributes that `O` computes.
struct Table<O>(PhantomData<O>);

impl<O: ComputedXattrOperations> Table<O> {
    const HANDLER: &'static bindings::xattr_handler = &bindings::xattr_handler {
        prefix: as_char_ptr_in_const_context(O::PREFIX),
        get: Some(Self::get),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass a live inode of `O::FileSystem`, as `name` what
    /// follows the prefix in a string, and `size` bytes or null as `value`.
    unsafe extern "C" fn get(
        _: *const bindings::xattr_handler,
        _: *mut bindings::dentry,
        inode: *mut bindings::inode,
        name: *const c_char,
        value: *mut c_void,
        size: usize,
    ) -> c_int {
        from_result(|| {
            // SAFETY: Inode, name and memory are valid by this function's contract.
            let (inode, name, value) = unsafe {
                (
                    AnyINode::from_raw(inode),
                    CStr::from_char_ptr(name).to_bytes(),
                    Buffer::from_raw(value, size),
                )
            };
            // An inode that somebody else has made on the superblock has no data, and so nothing
            // to be told of.
            let filled = match INode::try_from_any(inode) {
                Some(inode) => O::get(inode, name, value)?,
                None => None,
            };
            filled.map(Filled::into_raw).ok_or(no_data())
        })
    }
}

/// `ENODATA`, which the kernel crate lacks.
fn no_data() -> Error {
    Error::from_errno(-(bindings::ENODATA as c_int))
}
