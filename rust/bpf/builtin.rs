// SPDX-License-Identifier: GPL-2.0

//! The BPF file system that is built into the kernel.
//!
//! Superblocks that it made stay its own while another implementation takes new mounts; this is
//! how that one pins into and gets from them. What an inode of it stands for shows in its
//! operations (C: `bpf_inode_type()` in `kernel/bpf/inode.c`).
//!
//! C header: [`include/linux/bpf.h`](srctree/include/linux/bpf.h)

use crate::{bindings, Delegation, Link, Map, Prog};
use core::{mem::ManuallyDrop, ptr, ptr::NonNull};
use fs::{AnyINode, CreatingPath, Mode, OpenPath};
use kernel::{
    error::to_result,
    prelude::*,
    sync::atomic::{atomic_load, Relaxed},
};

/// Whether `inode` is a directory of the built-in file system.
pub fn is_directory(inode: &AnyINode) -> bool {
    has_operations(inode, &raw const bindings::bpf_dir_iops)
}

/// The map that `inode` of the built-in file system stands for.
pub fn map_of(inode: &AnyINode) -> Option<Map> {
    let map = private(inode, &raw const bindings::bpf_map_iops)?;
    // SAFETY: Such an inode has a map's pointer and owns a user of the map until it is destroyed,
    // which the reference prevents.
    Some(unsafe { Map::from_borrowed(map.cast()) })
}

/// The program that `inode` of the built-in file system stands for.
pub fn prog_of(inode: &AnyINode) -> Option<Prog> {
    let prog = private(inode, &raw const bindings::bpf_prog_iops)?;
    // SAFETY: Such an inode has a program's pointer and owns a reference to the program until it is
    // destroyed, which the reference to the inode prevents.
    Some(unsafe { Prog::from_borrowed(prog.cast()) })
}

/// The link that `inode` of the built-in file system stands for.
pub fn link_of(inode: &AnyINode) -> Option<Link> {
    let link = private(inode, &raw const bindings::bpf_link_iops)?;
    // SAFETY: Such an inode has a link's pointer and owns a reference to the link until it is
    // destroyed, which the reference to the inode prevents.
    Some(unsafe { Link::from_borrowed(link.cast()) })
}

/// What the superblock of `path` delegates, if it is the built-in file system's.
pub(crate) fn delegation_of(path: &OpenPath) -> Option<Delegation> {
    let sb = path.super_block_ptr();
    // SAFETY:
    // - The superblock is valid for as long as the path is open, and so is what belongs to it, which
    //   for one with these operations is a `struct bpf_mount_opts`.
    // - The masks do not change. There is no reference to the whole, of which other fields do.
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

/// Pins `map` at `path`, whose parent must be a directory of the built-in file system.
///
/// # Errors
///
/// Those of C's `vfs_mkobj()`; `EPERM` if the parent is another file system's. `map` is given
/// back then.
pub fn pin_map(path: CreatingPath, mode: Mode, map: Map) -> Result<(), (Error, Map)> {
    let pinned = ManuallyDrop::new(map);
    // SAFETY: `bpf_mkmap()` takes over a user of the map if it succeeds, and `pinned` is not
    // dropped then.
    unsafe { pin(path, mode, bindings::bpf_mkmap, pinned.as_ptr().cast()) }
        .map_err(|e| (e, ManuallyDrop::into_inner(pinned)))
}

/// Pins `prog` at `path`, as [`pin_map`] does.
pub fn pin_prog(path: CreatingPath, mode: Mode, prog: Prog) -> Result<(), (Error, Prog)> {
    let pinned = ManuallyDrop::new(prog);
    // SAFETY: `bpf_mkprog()` takes over a reference to the program if it succeeds, and `pinned` is
    // not dropped then.
    unsafe { pin(path, mode, bindings::bpf_mkprog, pinned.as_ptr().cast()) }
        .map_err(|e| (e, ManuallyDrop::into_inner(pinned)))
}

/// Pins `link` at `path`, as [`pin_map`] does.
pub fn pin_link(path: CreatingPath, mode: Mode, link: Link) -> Result<(), (Error, Link)> {
    let pinned = ManuallyDrop::new(link);
    // SAFETY: `bpf_mklink()` takes over a reference to the link if it succeeds, and `pinned` is not
    // dropped then.
    unsafe { pin(path, mode, bindings::bpf_mklink, pinned.as_ptr().cast()) }
        .map_err(|e| (e, ManuallyDrop::into_inner(pinned)))
}

/// # Safety
///
/// `make` must be one of the built-in file system's own functions for pinning, and `object` be what
/// it pins.
unsafe fn pin(
    path: CreatingPath,
    mode: Mode,
    make: unsafe extern "C" fn(*mut bindings::dentry, bindings::umode_t, *mut c_void) -> c_int,
    object: *mut c_void,
) -> Result {
    if !is_directory(path.parent()) {
        return Err(EPERM);
    }
    // SAFETY:
    // - The dentry is negative, and its parent locked for writing, for as long as `path`.
    // - The parent is a directory of the built-in file system, as just seen, which is what `make`
    //   is for; `object` is what it pins by this function's contract.
    to_result(unsafe {
        let mode = mode.into_raw() | bindings::S_IFREG as bindings::umode_t;
        bindings::vfs_mkobj(path.dentry_ptr(), mode, Some(make), object)
    })
}

/// Whether `inode` has these operations: what tells the kinds of inodes of the built-in file system
/// apart.
fn has_operations(inode: &AnyINode, operations: *const bindings::inode_operations) -> bool {
    // SAFETY: The inode is live. Some file systems change the field of a live inode, such as one
    // that went bad, by whole words.
    let its = unsafe { atomic_load(&raw mut (*inode.as_ptr()).i_op, Relaxed) };
    ptr::eq(its, operations)
}

/// What an inode with these operations stands for.
fn private(
    inode: &AnyINode,
    operations: *const bindings::inode_operations,
) -> Option<NonNull<c_void>> {
    if !has_operations(inode, operations) {
        return None;
    }
    // SAFETY: The inode is live. It is one of the built-in file system, as which the operations give
    // it away; the field of those is set before they can be found and never changes.
    NonNull::new(unsafe { (*inode.as_ptr()).i_private })
}
