// SPDX-License-Identifier: GPL-2.0

//! Directories that leave operations out.

use crate::{files::Content, node::Node, TestFs};
use fs::{
    DirectoryOperations, DirectoryOps, Entry, FileOps, Instantiated, LinkSource, Mode, NewDentry,
    Removed, Renamed, Renaming,
};
use kernel::prelude::*;

/// Makes a file that keeps what is written to it.
pub(crate) fn make_file(new: NewDentry<'_, TestFs>, mode: Mode) -> Result<Instantiated<'_>> {
    let name = Name::of(new.name())?;
    new.file(mode, Node::new(name.bytes()), |_| FileOps::of::<Content>())
}

/// Makes a directory with operations `D`.
pub(crate) fn make_directory<D: DirectoryOperations<FileSystem = TestFs>>(
    new: NewDentry<'_, TestFs>,
    mode: Mode,
) -> Result<Instantiated<'_>> {
    let name = Name::of(new.name())?;
    new.directory(mode, Node::new(name.bytes()), DirectoryOps::of::<D>())
}

/// Makes a symlink.
pub(crate) fn make_symlink<'a>(
    new: NewDentry<'a, TestFs>,
    target: &CStr,
) -> Result<Instantiated<'a>> {
    let name = Name::of(new.name())?;
    new.symlink(target, Node::new(name.bytes()))
}

/// A copy of a name, which outlives the [`NewDentry`] that is used up.
struct Name(KVec<u8>);

impl Name {
    fn of(name: &[u8]) -> Result<Self> {
        let mut copy = KVec::new();
        copy.extend_from_slice(name, GFP_KERNEL)?;
        Ok(Self(copy))
    }

    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// In which all can be made. Linking, removing and renaming are libfs's.
pub(crate) struct Made;

#[vtable]
impl DirectoryOperations for Made {
    type FileSystem = TestFs;

    fn create<'a>(new: NewDentry<'a, TestFs>, mode: Mode) -> Result<Instantiated<'a>> {
        make_file(new, mode)
    }

    fn mkdir<'a>(new: NewDentry<'a, TestFs>, mode: Mode) -> Result<Instantiated<'a>> {
        make_directory::<Self>(new, mode)
    }

    fn symlink<'a>(new: NewDentry<'a, TestFs>, target: &CStr) -> Result<Instantiated<'a>> {
        make_symlink(new, target)
    }
}

/// Without any operation.
pub(crate) struct Nothing;

#[vtable]
impl DirectoryOperations for Nothing {
    type FileSystem = TestFs;
}

pub(crate) struct OnlyCreate;

#[vtable]
impl DirectoryOperations for OnlyCreate {
    type FileSystem = TestFs;

    fn create<'a>(new: NewDentry<'a, TestFs>, mode: Mode) -> Result<Instantiated<'a>> {
        make_file(new, mode)
    }
}

pub(crate) struct OnlyLink;

#[vtable]
impl DirectoryOperations for OnlyLink {
    type FileSystem = TestFs;

    fn link<'a>(
        new: NewDentry<'a, TestFs>,
        from: &LinkSource<'_, TestFs>,
    ) -> Result<Instantiated<'a>> {
        new.link(from)
    }
}

pub(crate) struct OnlyUnlink;

#[vtable]
impl DirectoryOperations for OnlyUnlink {
    type FileSystem = TestFs;

    fn unlink(entry: Entry<'_, TestFs>) -> Result<Removed<'_>> {
        entry.unlink()
    }
}

pub(crate) struct OnlyRmdir;

#[vtable]
impl DirectoryOperations for OnlyRmdir {
    type FileSystem = TestFs;

    fn rmdir(entry: Entry<'_, TestFs>) -> Result<Removed<'_>> {
        entry.rmdir()
    }
}

pub(crate) struct OnlyRename;

#[vtable]
impl DirectoryOperations for OnlyRename {
    type FileSystem = TestFs;

    fn rename(renaming: Renaming<'_, TestFs>) -> Result<Renamed<'_>> {
        renaming.rename()
    }
}

/// Has a say in what is removed, and says nothing of renaming, which removes what it replaces.
pub(crate) struct Undecided;

#[vtable]
impl DirectoryOperations for Undecided {
    type FileSystem = TestFs;

    fn create<'a>(new: NewDentry<'a, TestFs>, mode: Mode) -> Result<Instantiated<'a>> {
        make_file(new, mode)
    }

    fn unlink(_: Entry<'_, TestFs>) -> Result<Removed<'_>> {
        Err(EDOM)
    }
}
