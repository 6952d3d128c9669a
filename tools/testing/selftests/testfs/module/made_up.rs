// SPDX-License-Identifier: GPL-2.0

//! Attributes: a directory and files of which `stat(2)` says what is not so (`secret...`: `EDOM`),
//! and which refuse the number 13 for anything that is to be changed. A group of 14 to 16 gives them
//! a size about that of the largest file.

use crate::{node::Node, TestFs};
use fs::{
    Changes, DirectoryOperations, FileOperations, FileSystem, INode, KernelId, LockedINode, Stat,
};
use kernel::prelude::*;

fn getattr(node: &Node, stat: &mut Stat<'_>) -> Result {
    if node.name().starts_with(b"secret") {
        return Err(EDOM);
    }
    stat.set_size(4242);
    stat.set_blocks(77);
    stat.set_links(5);
    Ok(())
}

fn setattr(inode: &LockedINode<'_, TestFs>, changes: &Changes<'_>) -> Result {
    let size = changes.size();
    let mode = changes.mode().map(|mode| mode.bits());
    let uid = changes.uid().map(|uid| uid.in_init_user_ns());
    let gid = changes.gid().map(|gid| gid.in_init_user_ns());
    inode.super_block().data().note(fmt!(
        "setattr {}: size {size:?}, mode {mode:?}, uid {uid:?}, gid {gid:?}",
        inode.data().name()
    ))?;
    if size == Some(13) || [mode, uid, gid].contains(&Some(13)) {
        return Err(EDOM);
    }
    match gid {
        Some(14) => inode.set_size(SIZE_MAX + 1),
        Some(15) => inode.set_size(u64::MAX),
        Some(16) => inode.set_size(SIZE_MAX),
        _ => Ok(()),
    }
}

/// The size of the largest file.
const SIZE_MAX: u64 = TestFs::MAX_FILE_SIZE as u64;

pub(crate) struct MadeUpDirectory;

#[vtable]
impl DirectoryOperations for MadeUpDirectory {
    type FileSystem = TestFs;

    fn getattr(dir: &INode<TestFs>, stat: &mut Stat<'_>) -> Result {
        getattr(dir.data(), stat)
    }

    fn setattr(dir: &LockedINode<'_, TestFs>, changes: &Changes<'_>) -> Result {
        setattr(dir, changes)
    }
}

pub(crate) struct MadeUpFile;

#[vtable]
impl FileOperations for MadeUpFile {
    type FileSystem = TestFs;
    type Open = ();

    fn open(_: &INode<TestFs>) -> Result {
        Ok(())
    }

    fn getattr(inode: &INode<TestFs>, stat: &mut Stat<'_>) -> Result {
        getattr(inode.data(), stat)
    }

    fn setattr(inode: &LockedINode<'_, TestFs>, changes: &Changes<'_>) -> Result {
        setattr(inode, changes)
    }
}
