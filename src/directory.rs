// SPDX-License-Identifier: GPL-2.0

//! Directories: names, subdirectories and symlinks. Files come by pinning only. Linking, removing
//! and renaming are libfs's.

use fs::{DirectoryOperations, DirectoryOps, INode, Instantiated, Mode, NewDentry};
use kernel::{prelude::*, sync::aref::ARef};

use crate::{file_system::BpfFs, object::Pinned};

/// A directory.
pub(crate) struct Directory;

impl Directory {
    /// What can be done with one.
    pub(crate) const OPS: DirectoryOps<BpfFs> = DirectoryOps::of::<Self>();
}

#[vtable]
impl DirectoryOperations for Directory {
    type FileSystem = BpfFs;

    fn lookup(dir: &INode<BpfFs>, name: &[u8]) -> Result<Option<ARef<INode<BpfFs>>>> {
        // Names with dots are reserved for the kernel, in all directories that have any permission.
        if dir.mode() != Mode::new(0) && name.contains(&b'.') {
            return Err(EPERM);
        }
        Ok(None)
    }

    fn mkdir<'a>(new: NewDentry<'a, BpfFs>, mode: Mode) -> Result<Instantiated<'a>> {
        new.directory(mode, Pinned(None), Self::OPS)
    }

    fn symlink<'a>(new: NewDentry<'a, BpfFs>, target: &CStr) -> Result<Instantiated<'a>> {
        new.symlink(target, Pinned(None))
    }
}
