// SPDX-License-Identifier: GPL-2.0

//! What can be pinned.

use bpf::{builtin, Elements, FileFlags, InstalledFd, Link, Map, Prog};
use fs::{
    seq::{
        SeqAccess,
        SeqFileOperations, //
    },
    AnyINode,
    CreatingPath,
    FileOps,
    INode,
    Mode, //
};
use kernel::prelude::*;

use crate::file_system::BpfFs;

/// An owned reference to a BPF object: what an inode holds, and what is on its way there or to
/// become a file descriptor.
///
/// A map among them counts as a user of the map. Dropping the object is the only put there is:
/// evicting an inode, a pin that fails and a get that fails are nothing else.
#[derive(Clone)]
pub(crate) enum Object {
    Map(Map),
    Prog(Prog),
    Link(Link),
}

impl Object {
    /// The object that a file descriptor of the current task stands for.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no such file descriptor, or it is of something else.
    pub(crate) fn from_fd(fd: u32) -> Result<Self> {
        Map::from_fd(fd)
            .map(Self::Map)
            .or_else(|_| Prog::from_fd(fd).map(Self::Prog))
            .or_else(|_| Link::from_fd(fd).map(Self::Link))
            .map_err(|_| EINVAL)
    }

    /// The object that an inode stands for, of this file system or of the kernel's own.
    ///
    /// # Errors
    ///
    /// `EACCES` if it stands for none.
    pub(crate) fn from_inode(inode: &AnyINode) -> Result<Self> {
        if let Some(inode) = INode::<BpfFs>::try_from_any(inode) {
            return inode.data().clone().ok_or(EACCES);
        }
        builtin::map_of(inode)
            .map(Self::Map)
            .or_else(|| builtin::prog_of(inode).map(Self::Prog))
            .or_else(|| builtin::link_of(inode).map(Self::Link))
            .ok_or(EACCES)
    }

    /// A new file descriptor of the current task, which takes over the reference.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a link that is not to be both read and written; `EMFILE` …
    pub(crate) fn into_fd(self, flags: FileFlags) -> Result<InstalledFd> {
        match self {
            Self::Map(map) => map.into_fd(flags),
            Self::Prog(prog) => prog.into_fd(),
            Self::Link(link) if flags.is_read_write() => link.into_fd(),
            Self::Link(_) => Err(EINVAL),
        }
    }

    /// Pins the object into the kernel's own file system.
    ///
    /// # Errors
    ///
    /// Those of `mknod(2)`, with the object given back, so that it is dropped without the parent
    /// locked.
    pub(crate) fn pin_builtin(self, path: CreatingPath, mode: Mode) -> Result<(), (Error, Self)> {
        match self {
            Self::Map(map) => {
                builtin::pin_map(path, mode, map).map_err(|(e, map)| (e, Self::Map(map)))
            }
            Self::Prog(prog) => {
                builtin::pin_prog(path, mode, prog).map_err(|(e, prog)| (e, Self::Prog(prog)))
            }
            Self::Link(link) => {
                builtin::pin_link(path, mode, link).map_err(|(e, link)| (e, Self::Link(link)))
            }
        }
    }

    /// What can be done with the open file of a pin.
    pub(crate) fn file_ops(object: &Option<Self>) -> FileOps<'_, BpfFs> {
        match object {
            Some(Self::Map(map)) if map.can_show_elements() => FileOps::seq::<MapFile>(),
            Some(Self::Link(link)) => link.file_operations().unwrap_or(FileOps::UNOPENABLE),
            _ => FileOps::UNOPENABLE,
        }
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
        match inode.data() {
            Some(Object::Map(map)) => map.elements(),
            _ => Err(EIO),
        }
    }
}
