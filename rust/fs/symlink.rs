// SPDX-License-Identifier: GPL-2.0

//! Symlinks.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)

use crate::{bindings, inode::CompleteINode, xattr, FileSystem};
use core::{marker::PhantomData, mem::ManuallyDrop};
use kernel::{alloc::flags, prelude::*};

/// Where a symlink is to point: an owned string with its NUL, from `kmalloc()`.
pub(crate) struct Target(KVec<u8>);

impl Target {
    /// A copy of `target`. May sleep. Fails with `ENOMEM`.
    pub(crate) fn new(target: &CStr) -> Result<Self> {
        let mut bytes = KVec::new();
        bytes.extend_from_slice(
            target.to_bytes_with_nul(),
            flags::GFP_KERNEL_ACCOUNT | flags::__GFP_NOWARN,
        )?;
        Ok(Self(bytes))
    }

    /// Makes `inode`, which has the mode of a symlink, one to it. The inode takes over the string.
    pub(crate) fn set<T: FileSystem>(self, inode: &mut CompleteINode<T>) {
        let (inode, mut bytes) = (inode.as_ptr(), ManuallyDrop::new(self.0));
        // SAFETY: The inode is ours alone. The string does not move until `free()` frees it.
        unsafe {
            (*inode).i_op = SymlinkTable::<T>::TABLE;
            (*inode).__bindgen_anon_5.i_link = bytes.as_mut_ptr().cast();
        }
    }
}

/// Frees the string of a symlink; nothing for any other inode. Does not sleep.
///
/// # Safety
///
/// `inode` must point to an inode that nobody looks at any more, whose string, if it is a symlink
/// that has one, came from [`Target::set()`].
#[inline]
pub(crate) unsafe fn free(inode: *mut bindings::inode) {
    // SAFETY:
    // - The inode is ours by this function's contract.
    // - The string is from `kmalloc()`, or null, which `kfree()` takes as well.
    unsafe {
        if u32::from((*inode).i_mode) & bindings::S_IFMT == bindings::S_IFLNK {
            bindings::kfree((*inode).__bindgen_anon_5.i_link.cast());
        }
    }
}

/// C's operations of symlinks of `T`.
struct SymlinkTable<T>(PhantomData<T>);

impl<T: FileSystem> SymlinkTable<T> {
    const TABLE: &'static bindings::inode_operations = &bindings::inode_operations {
        get_link: Some(bindings::simple_get_link),
        listxattr: xattr::list::<T>(),
        ..pin_init::zeroed()
    };
}
