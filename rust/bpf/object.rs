// SPDX-License-Identifier: GPL-2.0

//! What can be pinned.
//!
//! C header: [`include/linux/bpf.h`](srctree/include/linux/bpf.h)

use crate::{builtin, FileFlags, InstalledFd, Link, Map, Prog};
use fs::{task::TaskFiles, AnyINode, CreatingPath, Mode};
use kernel::prelude::*;

/// An owned reference to a BPF object: what an inode holds, and what is on its way there or to
/// become a file descriptor.
///
/// A [`Map`] among them counts as a user of the map. Dropping the object is the only put there is:
/// evicting an inode, a pin that fails and a get that fails are nothing else.
#[derive(Clone)]
pub enum Object {
    /// A map, as one of its users.
    Map(Map),
    /// A program.
    Prog(Prog),
    /// A link.
    Link(Link),
}

impl Object {
    /// The object that file descriptor `fd` of the current task stands for.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no such file descriptor, or it is of something else.
    #[inline]
    pub fn from_fd(fd: u32, files: TaskFiles<'_>) -> Result<Self> {
        Map::from_fd(fd, files)
            .map(Self::Map)
            .or_else(|_| Prog::from_fd(fd, files).map(Self::Prog))
            .or_else(|_| Link::from_fd(fd, files).map(Self::Link))
            .map_err(|_| EINVAL)
    }

    /// The object that `inode` of the [built-in file system](builtin) stands for, if it is one of
    /// that and stands for an object.
    pub fn from_builtin(inode: &AnyINode) -> Option<Self> {
        builtin::get(inode)
            .map(|map| Self::Map(Map(map)))
            .or_else(|| builtin::get(inode).map(|prog| Self::Prog(Prog(prog))))
            .or_else(|| builtin::get(inode).map(|link| Self::Link(Link(link))))
    }

    /// What tells the object from all others: an address, which is no other object's while there is a
    /// reference.
    #[inline]
    pub fn key(&self) -> usize {
        match self {
            Self::Map(map) => map.as_ptr().addr(),
            Self::Prog(prog) => prog.as_ptr().addr(),
            Self::Link(link) => link.as_ptr().addr(),
        }
    }

    /// A new file descriptor of the current task for the object, which takes over the reference.
    /// May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a link that is not to be both read and written; those of [`Map::into_fd`],
    /// [`Prog::into_fd`] and [`Link::into_fd`].
    #[inline]
    pub fn into_fd(self, flags: FileFlags, files: TaskFiles<'_>) -> Result<InstalledFd> {
        match self {
            Self::Map(map) => map.into_fd(flags, files),
            Self::Prog(prog) => prog.into_fd(files),
            Self::Link(link) if flags == FileFlags::ReadWrite => link.into_fd(files),
            Self::Link(_) => Err(EINVAL),
        }
    }

    /// Pins the object at `path`, whose parent must be a directory of the
    /// [built-in file system](builtin). May sleep.
    ///
    /// If that fails, the object is dropped after the parent is unlocked: it may take other locks
    /// along.
    ///
    /// # Errors
    ///
    /// `EPERM` if the parent is something else; those of C's `vfs_mkobj()`.
    pub fn pin_builtin(self, path: CreatingPath, mode: Mode) -> Result {
        match self {
            Self::Map(map) => builtin::pin(map.0, path, mode),
            Self::Prog(prog) => builtin::pin(prog.0, path, mode),
            Self::Link(link) => builtin::pin(link.0, path, mode),
        }
    }
}
