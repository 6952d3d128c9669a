// SPDX-License-Identifier: GPL-2.0

//! Files outside of the file system that expose an object: what they are, and what can be done with
//! them. `exposed.rs` has how long there are any.

use bpf::{Elements, Iteration, Link, Object};
use fs::{
    capability::{capable, Capability, Opener},
    seq::Sequence,
    AnyINode,
    CreatingPath,
    Mode,
    Path,
    UserPath, //
};
use kernel::{
    prelude::*,
    str::CStr,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
    },
};
use kernfs::{
    CgroupDirectory,
    Directory,
    FileOperations,
    FileType,
    Node,
    Text, //
};

use crate::exposed::{self, Table};

/// The type of the files.
static FILES: FileType<Outside> = FileType::new();

/// What the name of a file has to begin with. Nobody else's begins so: cgroup's own files have their
/// controller's name there, and there is none of that name.
const PREFIX: &[u8] = b"bpf.";

/// The mode of a file before the umask.
const MODE: Mode = Mode::new(0o400);

/// Exposes `object` at the path that `user_path` leads to, `path`. May sleep. For bad paths see
/// [`CreatingPath::make`](fs::CreatingPath::make).
///
/// # Errors
///
/// `EPERM` if the directory is not one of kernfs, or its files belong to namespaces; if the name does
/// not begin with `bpf.`; without `CAP_BPF`; if the object is not pinned. Those of
/// [`CreatingPath::from_user`], [`Search::add`](exposed::Search::add) and [`Directory::create`].
#[cold]
pub(crate) fn expose(object: &Object, path: CreatingPath, user_path: UserPath<'_>) -> Result {
    directory_of(&path)?;
    // The search must not find the directory locked.
    drop(path);
    let search = exposed::search(object)?;
    let path = CreatingPath::from_user(user_path)?;
    let directory = directory_of(&path)?;
    let mode = MODE.masked_with(user_path.files());
    path.security_mknod(mode)?;
    path.make(mode, |mode| {
        // Permission is asked for first.
        search.as_ref().ok_or(EPERM)?.add(|table| {
            let exposed = Exposed {
                object: object.clone(),
                cgroup: CgroupDirectory::of(&directory),
                file_system: directory.file_system_name(),
                is_removed: Atomic::new(0),
                table,
            };
            directory.create(&FILES, mode, exposed)
        })
    })
}

/// The directory of `path`, if the current task may have something exposed there by that name. Permissions
/// of the directory are not looked at.
///
/// # Errors
///
/// `EPERM`.
fn directory_of(path: &CreatingPath) -> Result<Directory<'_>> {
    let directory = Directory::of(path).ok_or(EPERM)?;
    let is_named = (path.name().strip_prefix(PREFIX)).is_some_and(|rest| !rest.is_empty());
    if !is_named || directory.is_namespaced() || !may_use_bpf() {
        return Err(EPERM);
    }
    Ok(directory)
}

/// The object that the file at `path` exposes.
///
/// # Errors
///
/// `EACCES` if it is no such file, as it is for any file that stands for no object; `ENODEV` if it has
/// just been removed.
#[cold]
pub(crate) fn object_at(path: &Path) -> Result<Object> {
    let file = FILES.at(path)?.ok_or(EACCES)?;
    Ok(file.data().object.clone())
}

/// As C's `bpf_capable()`.
fn may_use_bpf() -> bool {
    capable(Capability::BPF) || capable(Capability::SYS_ADMIN)
}

/// Files that expose an object.
pub(crate) struct Outside;

/// What belongs to a file.
pub(crate) struct Exposed {
    object: Object,
    /// Its directory, if that is one of cgroup's.
    cgroup: Option<CgroupDirectory>,
    /// The name of the type of the file system that it is in.
    file_system: &'static CStr,
    /// Whether somebody wanted it removed before it was in the table. Of use with the table locked.
    is_removed: Atomic<i32>,
    table: Arc<Table>,
}

impl Exposed {
    /// Has the file removed as soon as it is in the table.
    pub(crate) fn set_removed(&self) {
        self.is_removed.store(1, Relaxed);
    }

    /// Whether it is to be removed.
    pub(crate) fn is_removed(&self) -> bool {
        self.is_removed.load(Relaxed) != 0
    }

    /// The name of the type of the file system that the file is in.
    pub(crate) fn file_system(&self) -> &'static CStr {
        self.file_system
    }
}

/// How an open file is read.
pub(crate) enum Reader {
    /// By running the program for the cgroup, which has been done or not.
    Cgroup { is_done: bool },
    /// By running an iterator.
    Iterator(Iteration),
    /// By showing the elements of a map.
    Map(MapReader),
    /// Not at all: it is open for writing.
    Nothing,
}

#[vtable]
impl FileOperations for Outside {
    type Data = Exposed;
    type Open = Reader;

    fn open(file: &Node<Self>, to_read: bool) -> Result<Reader> {
        if !to_read {
            return Ok(Reader::Nothing);
        }
        match &file.data().object {
            Object::Link(link) if link.is_cgroup_iterator() => {
                let is_done = false;
                let cgroup = file.data().cgroup.as_ref();
                cgroup.map(|_| Reader::Cgroup { is_done }).ok_or(EIO)
            }
            Object::Link(link) if link.is_iterator() => link.iterate().map(Reader::Iterator),
            Object::Map(map) => map.elements().map(|elements| {
                Reader::Map(MapReader {
                    elements,
                    next: Next::First,
                })
            }),
            _ => Err(EIO),
        }
    }

    fn read(reader: &mut Reader, file: &Node<Self>, room: usize, text: &mut Text<'_>) -> Result {
        match reader {
            Reader::Cgroup { is_done } => {
                if core::mem::replace(is_done, true) {
                    return Ok(());
                }
                let Exposed { object, cgroup, .. } = file.data();
                match (object, cgroup) {
                    (Object::Link(link), Some(cgroup)) => show_cgroup(link, cgroup, text),
                    _ => Err(EIO),
                }
            }
            Reader::Iterator(iteration) => {
                text.writer().write(iteration.read(room)?);
                Ok(())
            }
            Reader::Map(map) => map.read(room, text),
            Reader::Nothing => Err(EBADF),
        }
    }

    /// Takes `remove`, which removes the file, if its owner or somebody with `CAP_BPF` has opened it.
    fn write(file: &Node<Self>, inode: &AnyINode, opener: Opener<'_>, text: &[u8]) -> Result {
        if text.strip_suffix(b"\n").unwrap_or(text) != b"remove" {
            return Err(EINVAL);
        }
        let may_use_bpf =
            || opener.is_capable(Capability::BPF) || opener.is_capable(Capability::SYS_ADMIN);
        if opener.fs_uid() != inode.uid() && !may_use_bpf() {
            return Err(EPERM);
        }
        let Exposed { object, table, .. } = file.data();
        table.remove(object, file)
    }
}

/// What the program of `link` says of a cgroup; nothing, if that dies.
fn show_cgroup(link: &Link, directory: &CgroupDirectory, text: &mut Text<'_>) -> Result {
    if let Some(cgroup) = directory.cgroup() {
        link.show_cgroup(&cgroup, text.writer())?;
    }
    // As reading the pin of an iterator.
    if text.has_overflowed() {
        return Err(E2BIG);
    }
    Ok(())
}

/// A reader of a map.
pub(crate) struct MapReader {
    elements: Elements,
    next: Next,
}

/// What a [`MapReader`] has to do next.
#[derive(Clone, Copy)]
enum Next {
    /// To go to the first record.
    First,
    /// To show the record that it is at.
    Show,
    /// To go to the next record.
    Following,
    /// Nothing.
    End,
}

impl MapReader {
    fn read(&mut self, room: usize, text: &mut Text<'_>) -> Result {
        loop {
            let is_there = match self.next {
                Next::First => self.elements.start(0),
                Next::Show => true,
                Next::Following => self.elements.next(),
                Next::End => false,
            };
            if !is_there {
                self.next = Next::End;
                return Ok(());
            }
            let before = text.len();
            self.elements.show(text.writer())?;
            if text.has_overflowed() {
                self.next = Next::Show;
                if before != 0 {
                    text.truncate(before);
                    return Ok(());
                }
                text.grow()?;
                continue;
            }
            self.next = Next::Following;
            if text.len() >= room {
                return Ok(());
            }
        }
    }
}
