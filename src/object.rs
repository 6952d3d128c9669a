// SPDX-License-Identifier: GPL-2.0

//! What an inode stands for, and what can be done with its file.

use bpf::{builtin, Elements, Object};
use fs::{
    seq::{
        SeqAccess,
        SeqFileOperations, //
    },
    AnyINode,
    FileOps,
    INode, //
};
use kernel::prelude::*;

use crate::file_system::BpfFs;

/// What an inode of this file system stands for: nothing, if it is a directory or a symlink.
///
/// The type has a name of its own because those of the functions that have it in theirs would be
/// longer than many readers of /proc/kallsyms take (255 characters with all that is in the line).
pub(crate) struct Pinned(pub(crate) Option<Object>);

/// The object that an inode stands for, of this file system or of the kernel's own.
///
/// # Errors
///
/// `EACCES` if it stands for none.
pub(crate) fn of_inode(inode: &AnyINode) -> Result<Object> {
    match INode::<BpfFs>::try_from_any(inode) {
        Some(inode) => inode.data().0.clone(),
        None => Object::from_builtin(inode),
    }
    .ok_or(EACCES)
}

/// Whether an inode stands for a link. Does not sleep.
pub(crate) fn is_link(inode: &AnyINode) -> bool {
    match INode::<BpfFs>::try_from_any(inode) {
        Some(inode) => matches!(inode.data().0, Some(Object::Link(_))),
        None => builtin::is_link(inode),
    }
}

/// What can be done with the open file of a pin.
pub(crate) fn file_ops(pinned: &Pinned) -> FileOps<'_, BpfFs> {
    match &pinned.0 {
        Some(Object::Map(map)) if map.can_show_elements() => FileOps::seq::<MapFile>(),
        Some(Object::Link(link)) => link.file_operations().unwrap_or(FileOps::UNOPENABLE),
        _ => FileOps::UNOPENABLE,
    }
}

/// The file of a map that can show its elements.
struct MapFile;

impl SeqFileOperations for MapFile {
    type FileSystem = BpfFs;
    type Sequence = Elements;

    // Both as with C's.
    const ACCESS: SeqAccess = SeqAccess::ReadOnly;
    const RESIZABLE: bool = true;

    fn open(inode: &INode<BpfFs>) -> Result<Elements> {
        match &inode.data().0 {
            Some(Object::Map(map)) => map.elements(),
            _ => Err(EIO),
        }
    }
}
