// SPDX-License-Identifier: GPL-2.0

//! Directories: names, subdirectories and symlinks. Files come by pinning only. Removing is
//! libfs's.

use fs::{
    DirectoryOperations,
    DirectoryOps,
    INode,
    Instantiated,
    LinkSource,
    Mode,
    NewDentry,
    Renamed,
    Renaming, //
};
use kernel::{prelude::*, sync::aref::ARef};

use crate::{file_system::BpfFs, object::Pinned, preload};

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
        let is_reserved = name.contains(&b'.') && dir.mode() != Mode::new(0);
        if is_reserved && !dir.super_block().data().allows_dots() {
            return Err(EPERM);
        }
        Ok(None)
    }

    fn mkdir<'a>(new: NewDentry<'a, BpfFs>, mode: Mode) -> Result<Instantiated<'a>> {
        check_new_name(new.dir(), new.name())?;
        new.directory(mode, Pinned(None), Self::OPS)
    }

    fn symlink<'a>(new: NewDentry<'a, BpfFs>, target: &CStr) -> Result<Instantiated<'a>> {
        check_new_name(new.dir(), new.name())?;
        new.symlink(target, Pinned(None))
    }

    fn link<'a>(
        new: NewDentry<'a, BpfFs>,
        from: &LinkSource<'_, BpfFs>,
    ) -> Result<Instantiated<'a>> {
        check_new_name(new.dir(), new.name())?;
        new.link(from)
    }

    fn rename(renaming: Renaming<'_, BpfFs>) -> Result<Renamed<'_>> {
        if renaming.replaced().is_none() {
            check_new_name(renaming.new_dir(), renaming.new_name())?;
        }
        renaming.rename()
    }
}

/// Checks that users may make the name in `dir`, where it does not exist.
///
/// # Errors
///
/// `EPERM` for a name that the kernel gives away itself, where there is `dots`. Without `dots`, such
/// a name is not even looked up, but in a directory without any permission, where C lets it be
/// made.
#[inline]
pub(crate) fn check_new_name(dir: &INode<BpfFs>, name: &[u8]) -> Result {
    if name.ends_with(b".debug") && is_kernels(dir, name) {
        return Err(EPERM);
    }
    Ok(())
}

/// Whether the kernel gives the name away itself. Not inlined, as hardly any name is like that.
#[cold]
fn is_kernels(dir: &INode<BpfFs>, name: &[u8]) -> bool {
    preload::NAMES.contains(&name) && dir.super_block().data().allows_dots() && dir.is_root()
}
