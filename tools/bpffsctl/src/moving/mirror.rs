// SPDX-License-Identifier: GPL-2.0

//! A copy of a tree that follows what changes in it: names, objects, hard and symbolic links,
//! owners, modes, times and extended attributes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{CStr, CString, OsStr, OsString};
use std::io;
use std::mem;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::AcqRel, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::fs::{
    linkat, mkdirat, openat2, statx, symlinkat, unlinkat, AtFlags, Dir, FileType, Mode, OFlags,
    ResolveFlags, Statx, StatxFlags,
};
use rustix::io::Errno;
use rustix::time::{clock_gettime, ClockId};

use super::crew;
use super::details::{self, Age, Descriptors, Named};
use super::watch::{Changes, Place, Told, Watch};
use crate::instances::reopen;
use crate::proc::Proc;
use crate::sys;
use crate::tree;

/// What has been made of a file of the old tree.
struct Made {
    inode: u64,
    /// The names that it was given, some of which may be gone.
    paths: Vec<PathBuf>,
    /// Of a directory: it has been looked through, and what changes in it is told.
    is_followed: bool,
    /// The details that it was given.
    copied: Copied,
}

impl Made {
    fn new(inode: u64, path: PathBuf, copied: Copied) -> Self {
        Self {
            inode,
            paths: vec![path],
            is_followed: false,
            copied,
        }
    }
}

/// When details of a file of the old tree had last changed as they were copied: [`None`] if that was so
/// short before that a later change may have the same time.
#[derive(Clone, Copy)]
struct Copied(Option<(i64, u32)>);

impl Copied {
    /// The kernel's clock for files ticks each 10 ms, or more often.
    const TICK: i64 = 10_000_000;

    /// The status of a file, and what it stands for.
    fn look(status: impl FnOnce() -> io::Result<Statx>) -> io::Result<(Self, Statx)> {
        let now = clock_gettime(ClockId::Realtime);
        let status = status()?;
        let changed = &status.stx_ctime;
        let since = (now.tv_sec - changed.tv_sec)
            .saturating_mul(1_000_000_000)
            .saturating_add(now.tv_nsec - i64::from(changed.tv_nsec));
        let is_sure = since > Self::TICK;
        let copied = Self(is_sure.then_some((changed.tv_sec, changed.tv_nsec)));
        Ok((copied, status))
    }

    /// Whether a file is as it was then.
    fn is(self, status: &Statx) -> bool {
        self.0 == Some((status.stx_ctime.tv_sec, status.stx_ctime.tv_nsec))
    }
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
        lock(part.context("no part")?)
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
    /// Names of links that are not pinned yet.
    links: Mutex<BTreeMap<Place, BTreeSet<CString>>>,
    /// Whether links are pinned as soon as they are found.
    pins_links: AtomicBool,
    /// Inodes of new files that have lost a name and have others. What was changed by that name before it
    /// went is told of that name alone.
    lost: Mutex<BTreeSet<u64>>,
}

/// What a name of the old tree is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    /// A directory that is to be looked through.
    New,
    /// A directory that is followed at this place.
    Followed,
    /// Something else, or nothing.
    Other,
}

/// What a thread has to do.
enum Work {
    /// All that is in the directory with this path.
    Directory(PathBuf),
    /// Some names of one.
    Names(Lot),
}

/// A directory that names are copied of.
struct Parent {
    path: PathBuf,
    old: OwnedFd,
    new: OwnedFd,
    /// The names that the new one has, if they were looked at.
    there: Option<BTreeSet<CString>>,
    /// How many lots of names are not copied yet.
    left: AtomicUsize,
}

/// A lot of names of a directory.
struct Lot {
    parent: Arc<Parent>,
    names: Vec<CString>,
}

/// So often what changes is followed before changes are held back.
const ROUNDS: usize = 10;

/// So often by threads that leave others no time.
const URGENT_ROUNDS: usize = 3;

/// Others may wait for so long while what has changed last is copied.
const SHORT: Duration = Duration::from_millis(3);

/// So many links are pinned while others wait.
const FEW_LINKS: usize = 64;

/// Names that one thread copies by itself: fewer are not worth another one.
const MANY: usize = 64;

impl Lot {
    /// All these names of a directory, which are copied with the directory's own details if they are none.
    fn of(
        path: PathBuf,
        old: OwnedFd,
        new: OwnedFd,
        names: BTreeSet<CString>,
        there: Option<BTreeSet<CString>>,
    ) -> Vec<Self> {
        // The directory itself, when all is in it.
        let mut names = names.into_iter().filter(|name| !name.is_empty());
        let mut lots = Vec::new();
        loop {
            let lot: Vec<_> = names.by_ref().take(MANY).collect();
            if lot.is_empty() && !lots.is_empty() {
                break;
            }
            lots.push(lot);
        }
        let parent = Arc::new(Parent {
            path,
            old,
            new,
            there,
            left: AtomicUsize::new(lots.len()),
        });
        let of_lot = |names| Self {
            parent: Arc::clone(&parent),
            names,
        };
        lots.into_iter().map(of_lot).collect()
    }
}

/// What has changed below a name of the root, or in the root itself. Parts can be copied at the same time.
struct Part {
    top: Option<OsString>,
    directories: Vec<(Place, BTreeSet<CString>)>,
}

impl Part {
    /// All parts of what has changed.
    fn of(changed: BTreeMap<Place, BTreeSet<CString>>) -> Vec<Self> {
        let mut parts: Vec<Self> = Vec::new();
        // Paths are in order by their components, so that those of a part follow each other.
        for (place, names) in changed {
            let top = place.path.iter().next().map(OsStr::to_owned);
            match parts.last_mut() {
                Some(part) if part.top == top => part.directories.push((place, names)),
                _ => parts.push(Self {
                    top,
                    directories: vec![(place, names)],
                }),
            }
        }
        parts
    }

    /// How many names that are.
    fn names(&self) -> usize {
        self.directories.iter().map(|(_, names)| names.len()).sum()
    }
}

/// Paths are made of names that directories have. `BENEATH` would be an error for what is renamed meanwhile.
const BELOW: ResolveFlags = ResolveFlags::NO_SYMLINKS.union(ResolveFlags::NO_MAGICLINKS);

fn open_directory(root: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    if path.as_os_str().is_empty() {
        return reopen(root);
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat2(root, path, flags, Mode::empty(), BELOW)?)
}

fn inode(of: &OwnedFd) -> io::Result<u64> {
    Ok(Named::of(of.as_fd()).status()?.stx_ino)
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

/// The same of a directory: another kind of file may have come to its path, or to one above.
fn directory_there(result: io::Result<OwnedFd>) -> io::Result<Option<OwnedFd>> {
    match present(result) {
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOTDIR | libc::ELOOP)) => Ok(None),
        result => result,
    }
}

fn below(path: &Path, name: &CStr) -> PathBuf {
    path.join(OsStr::from_bytes(name.to_bytes()))
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
            links: Mutex::default(),
            pins_links: AtomicBool::new(false),
            lost: Mutex::default(),
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
    pub fn all(&self) -> Result<()> {
        self.directories(vec![PathBuf::new()], crew::processors())?;
        self.by_other_names(false)
    }

    /// Copies what has changed since; whether there was something.
    pub fn follow(&self) -> Result<bool> {
        self.apply(self.watch.changes().context("inotify")?)
    }

    fn apply(&self, told: Told) -> Result<bool> {
        let Told {
            changes,
            lost_names,
        } = told;
        match changes {
            Changes::Any => self.all().map(|()| true),
            Changes::Names(changed) => {
                let changed_any = !changed.is_empty();
                let parts = Part::of(changed);
                // In a moment that others wait for, no thread is started for what is done sooner.
                let is_much = parts.iter().map(Part::names).sum::<usize>() > MANY;
                let (root, others): (Vec<_>, Vec<_>) =
                    parts.into_iter().partition(|part| part.top.is_none());
                for part in root {
                    self.part(part, is_much)?;
                }
                match is_much && others.len() > 1 {
                    true => {
                        crew::work(others, crew::processors(), |part, _| self.part(part, false))?
                    }
                    false => others
                        .into_iter()
                        .try_for_each(|part| self.part(part, is_much))?,
                }
                self.by_other_names(lost_names)?;
                Ok(changed_any)
            }
        }
    }

    /// Whether there are so many links that others would wait for them.
    pub fn has_many_links(&self) -> Result<bool> {
        let waiting = lock(&self.links)?;
        Ok(waiting.values().map(BTreeSet::len).sum::<usize>() > FEW_LINKS)
    }

    /// Pins links, which waits until others do not change the tree, unless there are many: a link stays attached
    /// for as long as it is pinned anywhere, so that who removes a pin and attaches another program is not told
    /// that there is one already.
    pub fn links(&self) -> Result<()> {
        self.pins_links.store(true, Relaxed);
        let waiting = mem::take(&mut *lock(&self.links)?);
        for (place, names) in waiting {
            let path = place.path.clone();
            let both = self.both(&place).with_context(|| name_of(&path))?;
            let Some((old, new)) = both else {
                self.watch.put_back(place, names);
                continue;
            };
            for lot in Lot::of(path, old, new, names, None) {
                self.names(&lot, |_, _| Ok(()))?;
            }
        }
        Ok(())
    }

    /// Copies what has changed until what is left takes a few milliseconds, or a few times.
    pub fn catch_up(&self) -> Result<()> {
        self.catch_up_in(ROUNDS)
    }

    /// The same by an urgent thread, which keeps others from running on a machine with few processors: fewer
    /// times.
    pub fn catch_up_urgently(&self) -> Result<()> {
        self.catch_up_in(URGENT_ROUNDS)
    }

    fn catch_up_in(&self, rounds: usize) -> Result<()> {
        for _ in 0..rounds {
            let begin = Instant::now();
            if !self.follow()? || begin.elapsed() < SHORT {
                break;
            }
        }
        Ok(())
    }

    /// Copies what has changed in a part, one directory after the other, those above first: what is told
    /// of a directory can be of one that has come in its place.
    fn part(&self, part: Part, by_several: bool) -> Result<()> {
        for (place, names) in part.directories {
            let path = place.path.clone();
            self.changed(place, names, by_several)
                .with_context(|| name_of(&path))?;
        }
        Ok(())
    }

    /// Both directories at the path of one that is followed, unless others are there now.
    fn both(&self, place: &Place) -> Result<Option<(OwnedFd, OwnedFd)>> {
        let open = |root: &OwnedFd| directory_there(open_directory(root.as_fd(), &place.path));
        let (Some(old), Some(new)) = (open(&self.old)?, open(&self.new)?) else {
            return Ok(None);
        };
        let is_it = inode(&old)? == place.inode
            && match self.made.of(place.inode)?.get(&place.inode) {
                Some(made) => made.inode == inode(&new)?,
                // The root directory was not made.
                None => true,
            };
        Ok(is_it.then_some((old, new)))
    }

    /// Copies these names of a directory, and then what is in the directories among them.
    fn changed(&self, place: Place, names: BTreeSet<CString>, by_several: bool) -> Result<()> {
        let Some((old, new)) = self.both(&place)? else {
            self.watch.put_back(place, names);
            return Ok(());
        };
        let path = &place.path;
        let threads = match by_several && names.len() > MANY {
            true => crew::processors(),
            false => 1,
        };
        let found = Mutex::new(Vec::new());
        let lots = Lot::of(path.clone(), old, new, names, None);
        crew::work(lots, threads, |lot, _| {
            self.names(&lot, |what, path| {
                if what == Found::New {
                    lock(&found)?.push(path);
                }
                Ok(())
            })
        })?;
        let found = found.into_inner().ok().context("a thread died")?;
        match found.is_empty() {
            true => Ok(()),
            false => self.directories(found, threads),
        }
    }

    /// Copies all that is in these directories and below.
    fn directories(&self, paths: Vec<PathBuf>, threads: usize) -> Result<()> {
        let first = paths.into_iter().map(Work::Directory).collect();
        crew::work(first, threads, |work, queue| {
            let mut lots = match work {
                Work::Directory(path) => self.directory(&path).with_context(|| name_of(&path))?,
                Work::Names(lot) => vec![lot],
            }
            .into_iter();
            while let Some(lot) = lots.next() {
                // Threads that make files in the same directory wait for each other.
                if queue.someone_is_idle() {
                    queue.add(lots.by_ref().map(Work::Names));
                }
                self.watch.gather().context("inotify")?;
                self.names(&lot, |_, path| {
                    queue.add([Work::Directory(path)]);
                    Ok(())
                })?;
            }
            Ok(())
        })
    }

    /// Opens a directory in both trees: what is to be copied of it.
    fn directory(&self, path: &Path) -> Result<Vec<Lot>> {
        let Some(old) = directory_there(open_directory(self.old.as_fd(), path))? else {
            return Ok(Vec::new());
        };
        let of_old = inode(&old)?;
        self.watch.add(old.as_fd(), path, of_old)?;
        let new = open_directory(self.new.as_fd(), path)?;
        let mut all = names(old.as_fd())?;
        let there = names(new.as_fd())?;
        let of_new = inode(&new)?;
        // Not if another one has come to the path meanwhile.
        if let Some(made) = self.made.of(of_old)?.get_mut(&of_old) {
            made.is_followed |= made.inode == of_new;
        }
        all.extend(there.iter().cloned());
        Ok(Lot::of(path.into(), old, new, all, Some(there)))
    }

    /// Copies some names of a directory, and with the last of them the directory's own details, as each
    /// name changes its times. Calls `found` with each directory.
    fn names(&self, lot: &Lot, found: impl Fn(Found, PathBuf) -> Result<()>) -> Result<()> {
        let Parent {
            path,
            old,
            new,
            there,
            left,
        } = &*lot.parent;
        for name in &lot.names {
            let place = Named {
                directory: new.as_fd(),
                name,
            };
            let may_be_there = there.as_ref().is_none_or(|there| there.contains(name));
            let what = self
                .entry(old.as_fd(), place, path, may_be_there)
                .with_context(|| name_of(&below(path, name)))?;
            if what != Found::Other {
                found(what, below(path, name))?;
            }
        }
        if left.fetch_sub(1, AcqRel) == 1 && !self.in_use {
            let details = || -> Result<()> {
                let wanted = Named::of(old.as_fd()).status()?;
                let new = Named::of(new.as_fd());
                self.details((old.as_fd(), &wanted), (new, new.status()?), Age::Old)
            };
            details().with_context(|| name_of(path))?;
        }
        Ok(())
    }

    /// Copies a name.
    fn entry(
        &self,
        old_dir: BorrowedFd<'_>,
        new: Named<'_>,
        path: &Path,
        may_be_there: bool,
    ) -> Result<Found> {
        let old = present(tree::open(old_dir, new.name))?;
        let there = match may_be_there {
            true => present(new.status())?,
            false => None,
        };
        let Some(old) = old else {
            if there.is_some() && !self.in_use {
                self.remove(new)?;
            }
            return Ok(Found::Other);
        };
        let (copied, of_old) = Copied::look(|| Named::of(old.as_fd()).status())?;
        let kind = FileType::from_raw_mode(of_old.stx_mode.into());
        let as_directory = |what| match kind {
            FileType::Directory => what,
            _ => Found::Other,
        };
        let mut all_made = self.made.of(of_old.stx_ino)?;
        let made = all_made.get(&of_old.stx_ino);
        if let Some(there) = there {
            let inode = there.stx_ino;
            // What the kernel itself has pinned there is there already.
            let is_kernels = path.as_os_str().is_empty() && new.name.to_bytes().contains(&b'.');
            if is_kernels || made.is_some_and(|made| made.inode == inode) {
                self.details((old.as_fd(), &of_old), (new, there), Age::Old)?;
                return Ok(as_directory(match all_made.get_mut(&of_old.stx_ino) {
                    Some(made) => {
                        made.copied = copied;
                        match made.is_followed {
                            true => Found::Followed,
                            false => Found::New,
                        }
                    }
                    None => Found::New,
                }));
            }
            if self.in_use {
                all_made.insert(
                    of_old.stx_ino,
                    Made::new(inode, below(path, new.name), copied),
                );
                return Ok(as_directory(Found::New));
            }
            self.remove(new)?;
        }
        match kind {
            FileType::Directory => mkdirat(new.directory, new.name, Mode::RWXU)?,
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(&old, c"", Vec::new())?;
                symlinkat(target, new.directory, new.name)?;
            }
            _ => {
                if !self.pin(old.as_fd(), made, new)? {
                    let place = Place {
                        path: path.into(),
                        inode: Named::of(old_dir).status()?.stx_ino,
                    };
                    let mut links = lock(&self.links)?;
                    let names = links.entry(place).or_default();
                    names.insert(new.name.into());
                    return Ok(Found::Other);
                }
            }
        }
        let there = new.status()?;
        let inode = there.stx_ino;
        let path = below(path, new.name);
        match all_made.get_mut(&of_old.stx_ino) {
            Some(made) if made.inode == inode => {
                made.paths.push(path);
                made.copied = copied;
            }
            _ => {
                all_made.insert(of_old.stx_ino, Made::new(inode, path, copied));
            }
        }
        let original = Named {
            directory: old_dir,
            name: new.name,
        };
        self.details((old.as_fd(), &of_old), (new, there), Age::New(original))?;
        Ok(as_directory(Found::New))
    }

    /// Removes a name from the new tree, with all that is in it.
    fn remove(&self, new: Named<'_>) -> Result<()> {
        let there = new.status()?;
        if FileType::from_raw_mode(there.stx_mode.into()) != FileType::Directory {
            if there.stx_nlink > 1 {
                let mut lost = lock(&self.lost)?;
                lost.insert(there.stx_ino);
            }
            return Ok(unlinkat(new.directory, new.name, AtFlags::empty())?);
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let inner = openat2(new.directory, new.name, flags, Mode::empty(), BELOW)?;
        for name in names(inner.as_fd())? {
            self.remove(Named {
                directory: inner.as_fd(),
                name: &name,
            })?;
        }
        Ok(unlinkat(new.directory, new.name, AtFlags::REMOVEDIR)?)
    }

    /// Copies the details of files that have lost a name, by another one of their names: of those that are
    /// known to, or of any that may have.
    fn by_other_names(&self, any: bool) -> Result<()> {
        let lost = mem::take(&mut *lock(&self.lost)?);
        if lost.is_empty() && !any {
            return Ok(());
        }
        let parts = self.made.0.iter().collect();
        // Each file may have to be looked at, in a moment that others wait for.
        let threads = match any {
            true => crew::processors(),
            false => 1,
        };
        crew::work(parts, threads, |part: &Mutex<_>, _| {
            for (inode, made) in lock(part)?.iter_mut() {
                if !any && !lost.contains(&made.inode) {
                    continue;
                }
                for path in &made.paths {
                    let same = self.same(*inode, made, path);
                    if let Some(copied) = same.with_context(|| name_of(path))? {
                        made.copied = copied;
                        break;
                    }
                }
            }
            Ok(())
        })
    }

    /// Copies the details of a file by this path, if it still is that file's in both trees.
    fn same(&self, old_inode: u64, made: &Made, path: &Path) -> Result<Option<Copied>> {
        let at = AtFlags::SYMLINK_NOFOLLOW;
        let Some(wanted) =
            present(statx(&self.old, path, at, StatxFlags::BASIC_STATS).map_err(Into::into))?
        else {
            return Ok(None);
        };
        if wanted.stx_ino != old_inode {
            return Ok(None);
        }
        if made.copied.is(&wanted) {
            return Ok(Some(made.copied));
        }
        let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
            return Ok(None);
        };
        let name = CString::new(name.as_bytes())?;
        let both = |root: &OwnedFd| open_directory(root.as_fd(), directory).ok();
        let (Some(old), Some(new)) = (both(&self.old), both(&self.new)) else {
            return Ok(None);
        };
        let new = Named {
            directory: new.as_fd(),
            name: &name,
        };
        let (Some(old), Some(there)) = (
            present(tree::open(old.as_fd(), &name))?,
            present(new.status())?,
        ) else {
            return Ok(None);
        };
        let (copied, wanted) = Copied::look(|| Named::of(old.as_fd()).status())?;
        if (wanted.stx_ino, there.stx_ino) != (old_inode, made.inode) {
            return Ok(None);
        }
        self.details((old.as_fd(), &wanted), (new, there), Age::Old)?;
        Ok(Some(copied))
    }

    /// A pin of the same object, or another name of a pin that was made already. Nothing, and `false`, for a link
    /// while those are not pinned.
    fn pin(&self, old: BorrowedFd<'_>, made: Option<&Made>, new: Named<'_>) -> Result<bool> {
        for (made, path) in made
            .iter()
            .flat_map(|made| made.paths.iter().map(move |path| (made, path)))
        {
            // Not if that name has gone meanwhile, or is another file's now.
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let Ok(same) = openat2(&self.new, path, flags, Mode::empty(), BELOW) else {
                continue;
            };
            if Named::of(same.as_fd()).status()?.stx_ino != made.inode {
                continue;
            }
            // By no name either, as another thread may just remove this one.
            let link = Descriptors::name(same.as_fd());
            let from = self.descriptors.directory();
            match linkat(from, link, new.directory, new.name, AtFlags::SYMLINK_FOLLOW) {
                Err(Errno::NOENT) => (),
                result => return Ok(result.map(|()| true)?),
            }
        }
        // By no name of the old tree, as names change.
        let link = Descriptors::name(old);
        let get = |flags| sys::get(self.descriptors.directory(), link.as_c_str(), flags);
        let object = match get(sys::READ_ONLY) {
            // So are links refused, and nothing else: they can be fetched for reading and writing only.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                if !self.pins_links.load(Relaxed) {
                    return Ok(false);
                }
                get(0)
            }
            result => result,
        }
        .context("cannot fetch what is pinned")?;
        sys::pin(object.as_fd(), new.directory, new.name).context("cannot pin it")?;
        self.pins.fetch_add(1, Relaxed);
        Ok(true)
    }

    fn details(
        &self,
        old: (BorrowedFd<'_>, &Statx),
        new: (Named<'_>, Statx),
        age: Age<'_>,
    ) -> Result<()> {
        details::copy(&self.descriptors, old, new, age)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>> {
    mutex.lock().ok().context("a thread died")
}

fn name_of(path: &Path) -> String {
    match path.as_os_str().is_empty() {
        true => "the root directory".into(),
        false => crate::output::path(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Catches: a directory that is copied by one thread while another one copies what is above it.
    #[test]
    fn what_is_below_the_same_name_is_one_part() {
        let paths = ["", "a", "a/x", "a/x/y", "a.b", "b"];
        let place = |path: &str| Place {
            path: path.into(),
            inode: 1,
        };
        let changed = paths.map(|path| (place(path), BTreeSet::from([c"n".into()])));
        let parts = Part::of(BTreeMap::from(changed));
        let sizes: Vec<_> = parts.iter().map(Part::names).collect();
        assert_eq!(sizes, [1, 3, 1, 1]);
        assert!(parts.first().is_some_and(|part| part.top.is_none()));
    }

    fn open(path: &Path) -> OwnedFd {
        std::fs::File::open(path).unwrap().into()
    }

    /// A tree with the directory `a/b`, and its copy.
    fn mirror_of(old: &Path, new: &Path) -> Mirror {
        std::fs::create_dir_all(old.join("a/b")).unwrap();
        std::fs::create_dir(new).unwrap();
        let proc = Proc::new().unwrap();
        let mirror = Mirror::new(&proc, open(old).as_fd(), open(new).as_fd(), false).unwrap();
        mirror.all().unwrap();
        mirror
    }

    // Catches: names that are lost as their directory was elsewhere when they were looked at, and came back. It
    // was elsewhere by its own name, or with the directory above.
    #[test]
    fn what_was_told_waits_for_its_directory() {
        let base = std::env::temp_dir().join(format!("bpffsctl-mirror-{}", std::process::id()));
        let (old, new) = (base.join("old"), base.join("new"));
        let mirror = mirror_of(&old, &new);
        for (index, moved) in ["a", "a/b"].into_iter().enumerate() {
            let name = format!("a/b/link{index}");
            std::os::unix::fs::symlink("x", old.join(&name)).unwrap();
            let told = mirror.watch.changes().unwrap();
            std::fs::rename(old.join(moved), old.join("away")).unwrap();
            mirror.apply(told).unwrap();
            assert!(!new.join(&name).is_symlink());
            std::fs::rename(old.join("away"), old.join(moved)).unwrap();
            mirror.follow().unwrap();
            assert!(new.join(&name).is_symlink(), "{name}");
        }
        std::fs::remove_dir_all(base).unwrap();
    }

    // Catches: links that are lost as their directory was elsewhere when they were to be pinned, and came back;
    // and an end of it all where something else has come in its place.
    #[test]
    fn links_wait_for_their_directory() {
        let base = std::env::temp_dir().join(format!("bpffsctl-links-{}", std::process::id()));
        let (old, new) = (base.join("old"), base.join("new"));
        let mirror = mirror_of(&old, &new);
        let place = Place {
            path: "a/b".into(),
            inode: inode(&open(&old.join("a/b"))).unwrap(),
        };
        // As a link that was found and not pinned yet.
        std::os::unix::fs::symlink("x", old.join("a/b/link")).unwrap();
        mirror.follow().unwrap();
        for moved in ["a", "a/b"] {
            std::fs::remove_file(new.join("a/b/link")).unwrap();
            let names = BTreeSet::from([c"link".into()]);
            lock(&mirror.links).unwrap().insert(place.clone(), names);
            std::fs::rename(old.join(moved), old.join("away")).unwrap();
            std::fs::write(old.join(moved), "").unwrap();
            mirror.links().unwrap();
            assert!(!new.join("a/b/link").is_symlink());
            std::fs::remove_file(old.join(moved)).unwrap();
            std::fs::rename(old.join("away"), old.join(moved)).unwrap();
            mirror.follow().unwrap();
            assert!(new.join("a/b/link").is_symlink(), "{moved}");
        }
        std::fs::remove_dir_all(base).unwrap();
    }
}
