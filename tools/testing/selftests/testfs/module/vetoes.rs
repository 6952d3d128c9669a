// SPDX-License-Identifier: GPL-2.0

//! A directory that has every operation. Each leaves in `log` what it was told, and refuses a name
//! that begins with `no`. A name that begins with `wrong` is removed as what it is not.

use crate::{
    directories::{make_directory, make_file, make_symlink},
    TestFs,
};
use fs::{
    DirectoryOperations, Entry, INode, Instantiated, LinkSource, Mode, NewDentry, Removed, Renamed,
    Renaming,
};
use kernel::{fmt, prelude::*, str::BStr};

pub(crate) struct Vetoes;

fn check(name: &[u8]) -> Result {
    if name.starts_with(b"no") {
        return Err(EDOM);
    }
    Ok(())
}

/// Leaves a line in the log.
fn note(dir: &INode<TestFs>, text: fmt::Arguments<'_>) -> Result {
    dir.super_block().data().note(text)
}

/// Asks about a name that is to be made.
fn may_make(operation: &str, new: &NewDentry<'_, TestFs>) -> Result {
    let (name, dir) = (BStr::from_bytes(new.name()), new.dir().data().name());
    note(new.dir(), fmt!("{operation} {name} in {dir}"))?;
    check(new.name())
}

/// Asks about a name that is to be removed.
fn may_remove(operation: &str, entry: &Entry<'_, TestFs>) -> Result {
    let (name, dir) = (BStr::from_bytes(entry.name()), entry.dir().data().name());
    let made_as = entry.inode().data().name();
    note(
        entry.dir(),
        fmt!("{operation} {name} in {dir}, made as {made_as}"),
    )?;
    check(entry.name())
}

#[vtable]
impl DirectoryOperations for Vetoes {
    type FileSystem = TestFs;

    fn create<'a>(new: NewDentry<'a, TestFs>, mode: Mode) -> Result<Instantiated<'a>> {
        may_make("create", &new)?;
        make_file(new, mode)
    }

    fn mkdir<'a>(new: NewDentry<'a, TestFs>, mode: Mode) -> Result<Instantiated<'a>> {
        may_make("mkdir", &new)?;
        make_directory::<Self>(new, mode)
    }

    fn symlink<'a>(new: NewDentry<'a, TestFs>, target: &CStr) -> Result<Instantiated<'a>> {
        may_make("symlink", &new)?;
        make_symlink(new, target)
    }

    fn link<'a>(
        new: NewDentry<'a, TestFs>,
        from: &LinkSource<'_, TestFs>,
    ) -> Result<Instantiated<'a>> {
        let (name, dir) = (BStr::from_bytes(new.name()), new.dir().data().name());
        let made_as = from.inode().data().name();
        note(new.dir(), fmt!("link {name} in {dir}, made as {made_as}"))?;
        check(new.name())?;
        new.link(from)
    }

    fn unlink(entry: Entry<'_, TestFs>) -> Result<Removed<'_>> {
        may_remove("unlink", &entry)?;
        if entry.name().starts_with(b"wrong") {
            return entry.rmdir();
        }
        entry.unlink()
    }

    fn rmdir(entry: Entry<'_, TestFs>) -> Result<Removed<'_>> {
        may_remove("rmdir", &entry)?;
        if entry.name().starts_with(b"wrong") {
            return entry.unlink();
        }
        entry.rmdir()
    }

    fn rename(renaming: Renaming<'_, TestFs>) -> Result<Renamed<'_>> {
        let (from, to) = (
            renaming.old_dir().data().name(),
            renaming.new_dir().data().name(),
        );
        let name = BStr::from_bytes(renaming.new_name());
        let made_as = renaming.inode().data().name();
        let replaced = renaming
            .replaced()
            .map_or(BStr::from_bytes(b"nothing"), |inode| inode.data().name());
        let what = if renaming.is_exchange() {
            "exchange"
        } else {
            "rename"
        };
        note(
            renaming.new_dir(),
            fmt!("{what} from {from} to {name} in {to}, made as {made_as}, for {replaced}"),
        )?;
        check(renaming.new_name())?;
        // What must not be removed must not be replaced, either.
        if !renaming.is_exchange() {
            check(replaced).or_else(|e| renaming.replaced().map_or(Ok(()), |_| Err(e)))?;
        }
        renaming.rename()
    }
}
