// SPDX-License-Identifier: GPL-2.0

//! A copy of a tree that follows what changes in it: names, objects, hard and symbolic links,
//! owners, modes, times and extended attributes.

use std::collections::{BTreeSet, HashMap};
use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard};
use std::thread;

use anyhow::{anyhow, Context, Result};
use rustix::fs::{
    linkat, mkdirat, openat2, symlinkat, unlinkat, AtFlags, Dir, FileType, Mode, OFlags,
    ResolveFlags, Statx,
};
use rustix::io::Errno;

use super::details::{self, Age, Descriptors, Named};
use super::watch::{Changes, Watch};
use crate::instances::reopen;
use crate::proc::Proc;
use crate::sys;
use crate::tree;

/// What has been made of a file of the old tree.
struct Made {
    inode: u64,
    /// The names that it was given, some of which may be gone.
    paths: Vec<PathBuf>,
}

/// What has been made of files of the old tree, by their inodes. Whoever makes something of an inode has
/// its part locked meanwhile, so that each gets one file only, whatever names it has.
struct AllMade(Vec<Mutex<HashMap<u64, Made>>>);

impl AllMade {
    /// So many that threads seldom wait for each other.
    const PARTS: u64 = 61;

    fn new() -> Self {
        Self((0..Self::PARTS).map(|_| Mutex::default()).collect())
    }

    /// The part of an inode.
    fn of(&self, inode: u64) -> Result<MutexGuard<'_, HashMap<u64, Made>>> {
        let part = self.0.get((inode % Self::PARTS) as usize);
        let locked = part.and_then(|part| part.lock().ok());
        locked.context("a thread died")
    }
}

/// The copy.
pub struct Mirror {
    descriptors: Descriptors,
    old: OwnedFd,
    new: OwnedFd,
    made: AllMade,
    watch: Watch,
    /// Whether others use the new tree already: what is in there is left alone.
    in_use: bool,
    pins: AtomicUsize,
}

const BELOW: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS);

fn open_directory(root: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    if path.as_os_str().is_empty() {
        return reopen(root);
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat2(root, path, flags, Mode::empty(), BELOW)?)
}

fn names(directory: BorrowedFd<'_>) -> io::Result<BTreeSet<CString>> {
    let mut names = BTreeSet::new();
    for entry in Dir::read_from(reopen(directory)?)? {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}

fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn below(path: &Path, name: &CStr) -> PathBuf {
    path.join(OsStr::from_bytes(name.to_bytes()))
}

fn remove(directory: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    match unlinkat(directory, name, AtFlags::empty()) {
        Err(Errno::ISDIR) => (),
        result => return Ok(result?),
    }
    let inner = openat2(
        directory,
        name,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
        BELOW,
    )?;
    for name in names(inner.as_fd())? {
        remove(inner.as_fd(), &name)?;
    }
    Ok(unlinkat(directory, name, AtFlags::REMOVEDIR)?)
}

impl Mirror {
    /// An empty copy: of the tree whose root is `old`, in a tree whose root is `new`.
    ///
    /// If that tree is in use, as somebody was killed who moved the other one to it, what is in there
    /// stays, and only what is missing comes.
    pub fn new(
        proc: &Proc,
        old: BorrowedFd<'_>,
        new: BorrowedFd<'_>,
        in_use: bool,
    ) -> Result<Self> {
        Ok(Self {
            descriptors: Descriptors::new(proc).context("/proc/self/fd")?,
            old: reopen(old)?,
            new: reopen(new)?,
            made: AllMade::new(),
            watch: Watch::new().context("inotify")?,
            in_use,
            pins: AtomicUsize::new(0),
        })
    }

    /// The root of the old tree, open for reading.
    pub fn old(&self) -> BorrowedFd<'_> {
        self.old.as_fd()
    }

    /// How many pins were made.
    pub fn pins(&self) -> usize {
        self.pins.load(Relaxed)
    }

    /// Copies all of it, or what of it is not the same.
    pub fn all(&mut self) -> Result<()> {
        self.directories(vec![PathBuf::new()])
    }

    /// Copies what has changed since; whether there was something.
    pub fn follow(&mut self) -> Result<bool> {
        match self.watch.changes().context("inotify")? {
            Changes::Any => self.all().map(|()| true),
            Changes::Names(changed) => {
                let changed_any = !changed.is_empty();
                for (path, names) in changed {
                    let inside = self
                        .names(&path, names, None)
                        .with_context(|| name_of(&path))?;
                    self.directories(inside)?;
                }
                Ok(changed_any)
            }
        }
    }

    /// Copies all that is in these directories and below.
    fn directories(&mut self, mut waiting: Vec<PathBuf>) -> Result<()> {
        while let Some(path) = waiting.pop() {
            let copy = |this: &mut Self| -> Result<Vec<PathBuf>> {
                let Some(old) = present(open_directory(this.old.as_fd(), &path))? else {
                    return Ok(Vec::new());
                };
                this.watch.add(old.as_fd(), &path)?;
                let new = open_directory(this.new.as_fd(), &path)?;
                let mut all = names(old.as_fd())?;
                let there = names(new.as_fd())?;
                all.extend(there.iter().cloned());
                // The directory itself, when all is in it: that changes its times.
                all.insert(CString::default());
                this.names(&path, all, Some(&there))
            };
            waiting.extend(copy(self).with_context(|| name_of(&path))?);
        }
        Ok(())
    }

    /// Copies these names of a directory; returns the directories among them. `there` is what the new one
    /// has, if it was looked at.
    fn names(
        &self,
        path: &Path,
        names: BTreeSet<CString>,
        there: Option<&BTreeSet<CString>>,
    ) -> Result<Vec<PathBuf>> {
        let Some(old) = present(open_directory(self.old.as_fd(), path))? else {
            return Ok(Vec::new());
        };
        let new = open_directory(self.new.as_fd(), path)?;
        let names: Vec<_> = names.iter().filter(|name| !name.is_empty()).collect();
        let copy = |names: &[&CString]| -> Result<Vec<PathBuf>> {
            let mut directories = Vec::new();
            for name in names {
                let place = Named {
                    directory: new.as_fd(),
                    name,
                };
                let may_be_there = there.is_none_or(|there| there.contains(*name));
                let is_directory = self
                    .entry(old.as_fd(), place, path, may_be_there)
                    .with_context(|| name_of(&below(path, name)))?;
                if is_directory {
                    directories.push(below(path, name));
                }
            }
            Ok(directories)
        };
        let directories = in_parallel(&names, copy)?;
        if !self.in_use {
            let wanted = Named::of(old.as_fd()).status()?;
            let new = Named::of(new.as_fd());
            self.details((old.as_fd(), &wanted), (new, new.status()?), Age::Old)?;
        }
        Ok(directories)
    }

    /// Copies a name; whether it is a directory's that was not there before, or is looked through.
    fn entry(
        &self,
        old_dir: BorrowedFd<'_>,
        new: Named<'_>,
        path: &Path,
        may_be_there: bool,
    ) -> Result<bool> {
        let old = present(tree::open(old_dir, new.name))?;
        let there = match may_be_there {
            true => present(new.status())?,
            false => None,
        };
        let Some(old) = old else {
            if there.is_some() && !self.in_use {
                remove(new.directory, new.name)?;
            }
            return Ok(false);
        };
        let of_old = Named::of(old.as_fd()).status()?;
        let kind = FileType::from_raw_mode(of_old.stx_mode.into());
        let mut all_made = self.made.of(of_old.stx_ino)?;
        let made = all_made.get(&of_old.stx_ino);
        if let Some(there) = there {
            let inode = there.stx_ino;
            // What the kernel itself has pinned there is there already.
            let is_kernels = path.as_os_str().is_empty() && new.name.to_bytes().contains(&b'.');
            if is_kernels || made.is_some_and(|made| made.inode == inode) {
                self.details((old.as_fd(), &of_old), (new, there), Age::Old)?;
                return Ok(kind == FileType::Directory);
            }
            if self.in_use {
                let paths = vec![below(path, new.name)];
                all_made.insert(of_old.stx_ino, Made { inode, paths });
                return Ok(kind == FileType::Directory);
            }
            remove(new.directory, new.name)?;
        }
        match kind {
            FileType::Directory => mkdirat(new.directory, new.name, Mode::RWXU)?,
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(&old, c"", Vec::new())?;
                symlinkat(target, new.directory, new.name)?;
            }
            _ => self.pin(old.as_fd(), made, new)?,
        }
        let there = new.status()?;
        let inode = there.stx_ino;
        let path = below(path, new.name);
        match all_made.get_mut(&of_old.stx_ino) {
            Some(made) if made.inode == inode => made.paths.push(path),
            _ => {
                let paths = vec![path];
                all_made.insert(of_old.stx_ino, Made { inode, paths });
            }
        }
        self.details((old.as_fd(), &of_old), (new, there), Age::New)?;
        Ok(kind == FileType::Directory)
    }

    /// A pin of the same object, or another name of a pin that was made already.
    fn pin(&self, old: BorrowedFd<'_>, made: Option<&Made>, new: Named<'_>) -> Result<()> {
        for (made, path) in made
            .iter()
            .flat_map(|made| made.paths.iter().map(move |path| (made, path)))
        {
            // Not if that name has gone meanwhile, or is another file's now.
            let same = openat2(
                &self.new,
                path,
                OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
                Mode::empty(),
                BELOW,
            );
            let is_made =
                |status: io::Result<Statx>| status.is_ok_and(|status| status.stx_ino == made.inode);
            if same.is_ok_and(|file| is_made(Named::of(file.as_fd()).status())) {
                linkat(&self.new, path, new.directory, new.name, AtFlags::empty())?;
                return Ok(());
            }
        }
        // By no name of the old tree, as names change.
        let link = Descriptors::name(old);
        let object = sys::get(self.descriptors.directory(), &link, 0)
            .context("cannot fetch what is pinned")?;
        sys::pin(object.as_fd(), new.directory, new.name).context("cannot pin it")?;
        self.pins.fetch_add(1, Relaxed);
        Ok(())
    }

    fn details(
        &self,
        old: (BorrowedFd<'_>, &Statx),
        new: (Named<'_>, Statx),
        age: Age,
    ) -> Result<()> {
        details::copy(&self.descriptors, old, new, age)
    }
}

/// Fewer are not worth another thread.
const MANY: usize = 64;

/// Does something with parts of a list, each in a thread of its own, and puts the results together. No
/// pool: a thread makes files as whoever has started it does.
fn in_parallel<T: Sync, R: Send>(
    list: &[T],
    work: impl Fn(&[T]) -> Result<Vec<R>> + Sync,
) -> Result<Vec<R>> {
    let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let length = list.len().div_ceil(processors).max(MANY);
    if list.len() <= length {
        return work(list);
    }
    thread::scope(|scope| {
        let threads: Vec<_> = list
            .chunks(length)
            .map(|part| scope.spawn(|| work(part)))
            .collect();
        let mut results = Vec::new();
        for thread in threads {
            results.extend(thread.join().map_err(|_| anyhow!("a thread died"))??);
        }
        Ok(results)
    })
}

fn name_of(path: &Path) -> String {
    match path.as_os_str().is_empty() {
        true => "the root directory".into(),
        false => crate::output::path(path),
    }
}
