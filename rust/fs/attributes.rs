// SPDX-License-Identifier: GPL-2.0

//! Attributes of inodes: what `stat(2)` shows, and what `chmod(2)` and its like change.
//!
//! C headers: [`include/linux/fs.h`](srctree/include/linux/fs.h),
//! [`include/linux/stat.h`](srctree/include/linux/stat.h)

use crate::{bindings, to_result, FileSystem, INode, Kgid, Kuid, LockedINode, Mode};
use core::marker::PhantomData;
use kernel::{error::from_result, prelude::*};

/// What `stat(2)` is going to show. It is filled in from the inode already.
///
/// # Invariants
///
/// Points to a valid `struct kstat` for `'a`.
pub struct Stat<'a>(&'a mut bindings::kstat);

impl Stat<'_> {
    /// Sets the size in bytes.
    pub fn set_size(&mut self, size: u64) {
        // No file can have more: the cast is as good as any other answer.
        self.0.size = size as i64;
    }

    /// Sets the number of blocks of 512 bytes that are in use.
    pub fn set_blocks(&mut self, blocks: u64) {
        self.0.blocks = blocks;
    }

    /// Sets the number of links.
    pub fn set_links(&mut self, links: u32) {
        self.0.nlink = links;
    }
}

/// What is about to be changed of an inode. All checks have been passed.
///
/// # Invariants
///
/// Points to a valid `struct iattr` for `'a`.
pub struct Changes<'a>(&'a bindings::iattr);

impl Changes<'_> {
    /// The new size in bytes: `truncate(2)`, `O_TRUNC`.
    pub fn size(&self) -> Option<u64> {
        // Sizes are not negative.
        self.has(bindings::ATTR_SIZE)
            .then_some(self.0.ia_size as u64)
    }

    /// The new permission bits.
    pub fn mode(&self) -> Option<Mode> {
        self.has(bindings::ATTR_MODE)
            .then(|| Mode::from_raw(self.0.ia_mode))
    }

    /// The new owner.
    pub fn uid(&self) -> Option<Kuid> {
        self.has(bindings::ATTR_UID).then(|| {
            // SAFETY: Both members of the union have the same layout, and any bits are an id.
            Kuid::from_raw(unsafe { self.0.__bindgen_anon_1.ia_uid })
        })
    }

    /// The new group.
    pub fn gid(&self) -> Option<Kgid> {
        self.has(bindings::ATTR_GID).then(|| {
            // SAFETY: Both members of the union have the same layout, and any bits are an id.
            Kgid::from_raw(unsafe { self.0.__bindgen_anon_2.ia_gid })
        })
    }

    fn has(&self, attribute: u32) -> bool {
        self.0.ia_valid & attribute != 0
    }
}

/// The part of the operations of directories and files that is about attributes.
pub(crate) trait AttributeHooks {
    type FileSystem: FileSystem;

    const HAS_GETATTR: bool;
    const HAS_SETATTR: bool;

    fn getattr(inode: &INode<Self::FileSystem>, stat: &mut Stat<'_>) -> Result;
    fn setattr(inode: &LockedINode<'_, Self::FileSystem>, changes: &Changes<'_>) -> Result;
}

/// C's operations for these.
pub(crate) struct AttributeTable<H>(PhantomData<H>);

impl<H: AttributeHooks> AttributeTable<H> {
    /// `base`, with the operations of `H` among them; the VFS does what libfs would for those that
    /// are absent.
    pub(crate) const fn with(base: bindings::inode_operations) -> bindings::inode_operations {
        bindings::inode_operations {
            getattr: if H::HAS_GETATTR {
                Some(Self::getattr)
            } else {
                None
            },
            setattr: if H::HAS_SETATTR {
                Some(Self::setattr)
            } else {
                None
            },
            ..base
        }
    }

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass the path of a live inode with data of
    /// `H::FileSystem`, and a `stat` to fill in.
    unsafe extern "C" fn getattr(
        idmap: *mut bindings::mnt_idmap,
        path: *const bindings::path,
        stat: *mut bindings::kstat,
        request_mask: u32,
        query_flags: c_uint,
    ) -> c_int {
        from_result(|| {
            // SAFETY: All arguments are valid by this function's contract.
            let (inode, stat) = unsafe {
                let err = bindings::simple_getattr(idmap, path, stat, request_mask, query_flags);
                to_result(err)?;
                (INode::from_raw((*(*path).dentry).d_inode), &mut *stat)
            };
            H::getattr(inode, &mut Stat(stat)).map(|()| 0)
        })
    }

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass the dentry of a live inode with data of
    /// `H::FileSystem`, which is locked for writing, and the changes.
    unsafe extern "C" fn setattr(
        idmap: *mut bindings::mnt_idmap,
        dentry: *mut bindings::dentry,
        changes: *mut bindings::iattr,
    ) -> c_int {
        from_result(|| {
            // SAFETY:
            // - All arguments are valid by this function's contract, and nobody else has the changes.
            // - The inode is live and has data, and is locked for writing.
            let (inode, changes) = unsafe {
                to_result(bindings::setattr_prepare(idmap, dentry, changes))?;
                let inode = INode::<H::FileSystem>::from_raw((*dentry).d_inode);
                (LockedINode::new(inode), &*changes)
            };
            H::setattr(&inode, &Changes(changes))?;
            let resized = Changes(changes).size().filter(|size| *size != inode.size());
            // SAFETY: The inode is live and locked, and the changes are valid.
            unsafe {
                if resized.is_some() {
                    bindings::truncate_setsize(inode.as_ptr(), changes.ia_size);
                    let now = bindings::inode_set_ctime_current(inode.as_ptr());
                    bindings::inode_set_mtime_to_ts(inode.as_ptr(), now);
                }
                bindings::setattr_copy(idmap, inode.as_ptr(), changes);
            }
            Ok(0)
        })
    }
}
