// SPDX-License-Identifier: GPL-2.0

//! What a new superblock has from the start.

use crate::{
    context::Mount,
    directories::{
        Made, Nothing, OnlyCreate, OnlyLink, OnlyRename, OnlyRmdir, OnlyUnlink, Undecided,
    },
    files::{
        Content, Control, Failing, Offer, OwnData, OwnDataSeeking, Partial, ReadOnly, Refused,
        WriteOnly,
    },
    lookup::LookUp,
    made_up::{MadeUpDirectory, MadeUpFile},
    node::Node,
    sequences::{Once, Records, Resizable},
    vetoes::Vetoes,
    TestFs,
};
use fs::{DirectoryOps, FileOps, Mode, NewDirectory, Root};
use kernel::{prelude::*, str::CString};

const DIRECTORY: Mode = Mode::new(0o755);
const FILE: Mode = Mode::new(0o644);

/// The operations of the root.
pub(crate) const ROOT: DirectoryOps<TestFs> = DirectoryOps::of::<Nothing>();

type Directory<'a> = NewDirectory<'a, TestFs>;

/// Data, which fails to initialise if `fail=` has that name.
pub(crate) fn node(mount: &Mount, name: &'static CStr) -> impl PinInit<Node, Error> {
    Node::new(match mount.step(name) {
        Ok(()) => name.to_bytes(),
        Err(_) => b"fail",
    })
}

fn directory<'a>(
    mount: &Mount,
    parent: Directory<'a>,
    name: &'static CStr,
    operations: DirectoryOps<TestFs>,
) -> Result<Directory<'a>> {
    parent.directory(name, DIRECTORY, node(mount, name), operations)
}

fn file(
    mount: &Mount,
    parent: Directory<'_>,
    name: &'static CStr,
    operations: impl for<'d> FnOnce(&'d Node) -> FileOps<'d, TestFs>,
) -> Result {
    parent.file(name, FILE, node(mount, name), operations)
}

pub(crate) fn fill(mount: &Mount, root: &Root<'_, TestFs>) -> Result {
    let root = **root;
    file(mount, root, c"counts", |_| FileOps::seq::<Records>())?;
    if mount.counts_only {
        return Ok(());
    }
    file(mount, root, c"log", |_| FileOps::seq::<Records>())?;
    file(mount, root, c"control", |_| FileOps::of::<Control>())?;
    directory(mount, root, c"made", DirectoryOps::of::<Made>())?;
    let look_up = directory(mount, root, c"lookup", DirectoryOps::of::<LookUp>())?;
    // Filling does not ask lookup(), which refuses that name.
    file(mount, look_up, c"denied_filled", |_| {
        FileOps::of::<Content>()
    })?;

    let vetoes = directory(mount, root, c"vetoes", DirectoryOps::of::<Vetoes>())?;
    file(mount, vetoes, c"no_file", |_| FileOps::of::<Content>())?;
    directory(mount, vetoes, c"no_directory", DirectoryOps::of::<Vetoes>())?;
    absent(mount, root)?;
    files(mount, root)?;

    let made_up = DirectoryOps::of::<MadeUpDirectory>();
    let made_up = directory(mount, root, c"made_up", made_up)?;
    file(mount, made_up, c"file", |_| FileOps::of::<MadeUpFile>())?;
    let secret = DirectoryOps::of::<MadeUpDirectory>();
    directory(mount, made_up, c"secret_directory", secret)?;
    file(mount, made_up, c"secret", |_| FileOps::of::<MadeUpFile>())?;

    sequences(mount, root)?;
    deep(mount, root)?;
    // What cannot be made.
    if mount.step(c"exists").is_err() {
        file(mount, root, c"counts", |_| FileOps::of::<Content>())?;
    }
    if mount.step(c"slash").is_err() {
        file(mount, root, c"a/b", |_| FileOps::of::<Content>())?;
    }
    if mount.step(c"empty").is_err() {
        file(mount, root, c"", |_| FileOps::of::<Content>())?;
    }
    Ok(())
}

fn absent(mount: &Mount, root: Directory<'_>) -> Result {
    let absent = directory(mount, root, c"absent", DirectoryOps::of::<Nothing>())?;
    let choices: [(&'static CStr, DirectoryOps<TestFs>); 7] = [
        (c"nothing", DirectoryOps::of::<Nothing>()),
        (c"only_create", DirectoryOps::of::<OnlyCreate>()),
        (c"only_link", DirectoryOps::of::<OnlyLink>()),
        (c"only_unlink", DirectoryOps::of::<OnlyUnlink>()),
        (c"only_rmdir", DirectoryOps::of::<OnlyRmdir>()),
        (c"only_rename", DirectoryOps::of::<OnlyRename>()),
        (c"no_rename", DirectoryOps::of::<Undecided>()),
    ];
    for (name, operations) in choices {
        let choice = directory(mount, absent, name, operations)?;
        file(mount, choice, c"file", |_| FileOps::of::<Content>())?;
        file(mount, choice, c"other", |_| FileOps::of::<Content>())?;
        directory(mount, choice, c"directory", DirectoryOps::of::<Made>())?;
    }
    Ok(())
}

fn files(mount: &Mount, root: Directory<'_>) -> Result {
    let files = directory(mount, root, c"files", DirectoryOps::of::<Nothing>())?;
    file(mount, files, c"own", |_| FileOps::of::<OwnData>())?;
    file(mount, files, c"seeking", |_| {
        FileOps::of::<OwnDataSeeking>()
    })?;
    file(mount, files, c"refused", |_| FileOps::of::<Refused>())?;
    file(mount, files, c"partial", |_| FileOps::of::<Partial>())?;
    file(mount, files, c"broken", |_| FileOps::of::<Failing>())?;
    file(mount, files, c"read_only", |_| FileOps::of::<ReadOnly>())?;
    file(mount, files, c"write_only", |_| FileOps::of::<WriteOnly>())?;
    file(mount, files, c"offer", |_| FileOps::of::<Offer>())?;
    file(mount, files, c"unopenable", |_| FileOps::UNOPENABLE)
}

fn sequences(mount: &Mount, root: Directory<'_>) -> Result {
    let sequences = directory(mount, root, c"sequences", DirectoryOps::of::<Nothing>())?;
    for name in [c"long", c"large", c"sparse", c"none", c"broken", c"refused"] {
        file(mount, sequences, name, |_| FileOps::seq::<Records>())?;
    }
    file(mount, sequences, c"once", |_| FileOps::seq::<Once>())?;
    file(mount, sequences, c"resizable", |_| {
        FileOps::seq::<Resizable>()
    })
}

/// Directories in each other, of which each is named after its level, and knows the way to itself.
fn deep(mount: &Mount, root: Directory<'_>) -> Result {
    let mut at = directory(mount, root, c"deep", DirectoryOps::of::<Made>())?;
    for level in 0..16 {
        let way = CString::try_from_fmt(fmt!("{}/{}", at.data().name(), level))?;
        let name = CString::try_from_fmt(fmt!("{}", level))?;
        let node = Node::new(way.to_bytes());
        at = at.directory(&name, DIRECTORY, node, DirectoryOps::of::<Made>())?;
    }
    file(mount, at, c"bottom", |_| FileOps::of::<Content>())?;
    at.symlink(c"up", c"../../14/15/bottom", node(mount, c"up"))
}
