// SPDX-License-Identifier: GPL-2.0

//! The BPF file system that is built into the kernel.
//!
//! Superblocks that it made stay its own while another implementation takes new mounts; this is
//! how that one pins into and gets from them. What an inode of it stands for shows in its
//! operations (C: `bpf_inode_type()` in `kernel/bpf/inode.c`).
//!
//! C header: [`include/linux/bpf.h`](srctree/include/linux/bpf.h)

use crate::{
    bindings,
    object_ref::{Counted, ObjectRef},
    Delegation,
};
use core::{mem::ManuallyDrop, ptr, ptr::NonNull};
use fs::{AnyINode, CreatingPath, Kgid, Kuid, Mode, OpenPath, Path, Successor};
use kernel::{error::to_result, prelude::*};

/// A C type of objects that the built-in file system pins.
///
/// # Safety
///
/// - An inode with the [operations](Self::OPERATIONS) must be one of the built-in file system, have
///   a pointer to such an object as its private data, which never changes, and own a reference to
///   the object until the inode is destroyed. A reference is what an [`ObjectRef`] owns.
/// - [`MAKE`](Self::MAKE) must make such an inode in a directory of the built-in file system, of a
///   pointer to such an object, and take over a reference if and only if it succeeds.
pub(crate) unsafe trait Pinnable: Counted {
    /// The operations of the inodes that stand for such objects.
    const OPERATIONS: *const bindings::inode_operations;

    /// What makes such an inode, to be called by `vfs_mkobj()`.
    const MAKE: Make;
}

/// What `vfs_mkobj()` calls to make an inode.
type Make = unsafe extern "C" fn(*mut bindings::dentry, bindings::umode_t, *mut c_void) -> c_int;

// SAFETY: `bpf_mkmap()` is the only one to give an inode these operations, together with the map as
// its private data, of which the inode puts a reference and a user when it is freed.
unsafe impl Pinnable for bindings::bpf_map {
    const OPERATIONS: *const bindings::inode_operations = &raw const bindings::bpf_map_iops;
    const MAKE: Make = bindings::bpf_mkmap;
}

// SAFETY: `bpf_mkprog()` is the only one to give an inode these operations, together with the
// program as its private data, of which the inode puts a reference when it is freed.
unsafe impl Pinnable for bindings::bpf_prog {
    const OPERATIONS: *const bindings::inode_operations = &raw const bindings::bpf_prog_iops;
    const MAKE: Make = bindings::bpf_mkprog;
}

// SAFETY: `bpf_mklink()` and the built-in file system's filling of a new superblock are the only
// ones to give an inode these operations, together with the link as its private data, of which the
// inode puts a reference when it is freed.
unsafe impl Pinnable for bindings::bpf_link {
    const OPERATIONS: *const bindings::inode_operations = &raw const bindings::bpf_link_iops;
    const MAKE: Make = bindings::bpf_mklink;
}

/// Whether `inode` is a directory of the built-in file system.
#[inline]
pub fn is_directory(inode: &AnyINode) -> bool {
    has_operations(inode, &raw const bindings::bpf_dir_iops)
}

/// Whether `inode` is the pin of a link there. Does not sleep.
pub fn is_link(inode: &AnyINode) -> bool {
    has_operations(inode, &raw const bindings::bpf_link_iops)
}

/// The object that `inode` stands for, if it is one of the built-in file system and stands for an
/// object of type `T`.
pub(crate) fn get<T: Pinnable>(inode: &AnyINode) -> Option<ObjectRef<T>> {
    if !has_operations(inode, T::OPERATIONS) {
        return None;
    }
    // SAFETY:
    // - The inode is live. By the contract of `Pinnable`, its operations tell that its private data
    //   does not change and is a pointer to such an object, or null.
    // - The object has a reference for the duration of the call: that of the inode, which is not
    //   destroyed while there is `inode`.
    unsafe {
        let object = NonNull::new((*inode.as_ptr()).i_private.cast())?;
        Some(ObjectRef::from_borrowed(object))
    }
}

/// Pins `object` at `path`, see [`Object::pin_builtin`](crate::Object::pin_builtin).
pub(crate) fn pin<T: Pinnable>(object: ObjectRef<T>, path: CreatingPath, mode: Mode) -> Result {
    // What is declared last is dropped first: the lock goes before the object.
    let path = path;
    if !is_directory(path.parent()) {
        return Err(EPERM);
    }
    let mode = mode.into_raw() | bindings::S_IFREG as bindings::umode_t;
    // SAFETY:
    // - The dentry is negative, and its parent locked for writing, for as long as there is `path`.
    // - `MAKE` is given what it asks for by the contract of `Pinnable`: a directory of the built-in
    //   file system, as just seen, and a pointer to an object with a reference, which is forgotten
    //   below if `MAKE` has taken it over.
    to_result(unsafe {
        bindings::vfs_mkobj(
            path.dentry_ptr(),
            mode,
            Some(T::MAKE),
            object.as_ptr().cast(),
        )
    })?;
    let _now_the_inode_owns_it = ManuallyDrop::new(object);
    Ok(())
}

/// What the superblock of `path` delegates, if it is the built-in file system's.
pub(crate) fn delegation_of(path: &OpenPath) -> Option<Delegation> {
    let sb = path.super_block_ptr();
    // SAFETY:
    // - The superblock is valid for as long as the path is open. Its operations never change.
    // - One with these operations has a `struct bpf_mount_opts`, which it keeps until it is shut
    //   down. There is no reference to the whole, other fields of which may change; the masks do
    //   not.
    unsafe {
        if !ptr::eq((*sb).s_op, &raw const bindings::bpf_super_ops) {
            return None;
        }
        let options = (*sb).s_fs_info.cast::<bindings::bpf_mount_opts>();
        Some(Delegation {
            cmds: (*options).delegate_cmds,
            maps: (*options).delegate_maps,
            progs: (*options).delegate_progs,
            attachs: (*options).delegate_attachs,
        })
    }
}

/// Whether `path` leads to the built-in file system.
pub fn is_on(path: &Path) -> bool {
    let sb = path.super_block_ptr();
    // SAFETY: The superblock is valid for as long as the path. Its operations never change.
    ptr::eq(unsafe { (*sb).s_op }, &raw const bindings::bpf_super_ops)
}

/// What a mount of the built-in file system is asked to be.
pub struct MountOptions {
    /// The mode of the root directory, without the type.
    pub mode: Mode,
    /// The owner of the root directory.
    pub uid: Kuid,
    /// The group of the root directory.
    pub gid: Kgid,
    /// What it delegates.
    pub delegation: Delegation,
}

/// What makes a mount of the built-in file system.
///
/// # Errors
///
/// `ENOMEM`.
pub fn mount(options: &MountOptions) -> Result<Successor> {
    let delegation = &options.delegation;
    // As C's `bpf_init_fs_context()` and `bpf_parse_param()` fill it in.
    let info = bindings::bpf_mount_opts {
        uid: options.uid.into_raw(),
        gid: options.gid.into_raw(),
        mode: options.mode.into_raw(),
        delegate_cmds: delegation.cmds,
        delegate_maps: delegation.maps,
        delegate_progs: delegation.progs,
        delegate_attachs: delegation.attachs,
        ..pin_init::zeroed()
    };
    let info = KBox::new(info, GFP_KERNEL)?;
    // SAFETY:
    // - The type and its operations are static in the kernel.
    // - Its operations find a `struct bpf_mount_opts` there. The memory of a `KBox` is `kfree()`'s.
    Ok(unsafe {
        Successor::new(
            &raw mut bindings::bpf_fs_type,
            (&raw const bindings::bpf_context_ops).cast(),
            info,
        )
    })
}

/// Whether `inode` has these operations: what tells the kinds of inodes of the built-in file system
/// apart.
#[inline]
fn has_operations(inode: &AnyINode, operations: *const bindings::inode_operations) -> bool {
    ptr::eq(inode.operations_ptr(), operations)
}
