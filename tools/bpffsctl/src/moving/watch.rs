// SPDX-License-Identifier: GPL-2.0

//! What changes in a tree while it is copied (inotify(7)).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::CString;
use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

use crate::proc::Proc;

/// A directory that is followed. In order by their paths.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Where it was when it was added. It may be elsewhere now, and another one here.
    pub path: PathBuf,
    /// Its inode.
    pub inode: u64,
}

/// What has changed.
#[derive(Debug, PartialEq, Eq)]
pub enum Changes {
    /// These names, by directory. The empty name is the directory itself.
    Names(BTreeMap<Place, BTreeSet<CString>>),
    /// More than the kernel keeps: anything.
    Any,
}

/// What was told since it was asked last.
pub struct Told {
    /// What has changed.
    pub changes: Changes,
    /// Whether a name has gone by which a file's mode, owner or attributes were changed. It is told of that
    /// name alone, and the file may have others.
    pub lost_names: bool,
}

/// All directories of a tree.
pub struct Watch {
    queue: OwnedFd,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    directories: HashMap<i32, Place>,
    names: BTreeMap<Place, BTreeSet<CString>>,
    any: bool,
    /// Names by which something other than names was changed, since it was asked last and before that: what
    /// is told now can be of a time when nobody had looked at these yet.
    altered: [HashSet<(i32, CString)>; 2],
    /// Such names that are on their way to another one, by what both parts of a rename have in common.
    moving: HashSet<u32>,
    lost_names: bool,
}

impl State {
    fn put_back(&mut self, place: Place, names: BTreeSet<CString>) {
        if self.directories.values().any(|its| *its == place) {
            self.names.entry(place).or_default().extend(names);
        }
    }

    fn alter(&mut self, events: ReadFlags, cookie: u32, name: (i32, CString)) {
        if events.contains(ReadFlags::ATTRIB) {
            let [now, _] = &mut self.altered;
            now.insert(name);
            return;
        }
        let was_altered = self
            .altered
            .iter_mut()
            .fold(false, |was, names| names.remove(&name) || was);
        if events.contains(ReadFlags::MOVED_FROM) {
            if was_altered {
                self.moving.insert(cookie);
            }
            return;
        }
        self.lost_names |= was_altered;
        if events.contains(ReadFlags::MOVED_TO) && self.moving.remove(&cookie) {
            let [now, _] = &mut self.altered;
            now.insert(name);
        }
    }
}

impl Watch {
    /// Nothing yet.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            queue: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
            state: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What is in there is whole at any time, also if a thread has died.
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Adds a directory, which is at this path and has this inode, for all of it to be looked at. One that was
    /// there before has moved here: what was told of it meanwhile is said of its old path.
    pub fn add(&self, directory: BorrowedFd<'_>, path: &Path, inode: u64) -> io::Result<()> {
        let events = WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVE
            | WatchFlags::ATTRIB
            | WatchFlags::ONLYDIR;
        let place = Proc::path_of(directory);
        let place = format!("/proc/{}", place.to_string_lossy());
        // Before this, so that nobody reads what is told of a directory that is not known yet.
        let mut state = self.state();
        let descriptor = inotify::add_watch(&self.queue, place, events)?;
        let path = path.into();
        state.directories.insert(descriptor, Place { path, inode });
        Ok(())
    }

    /// Takes back names of a directory that is not where it was: it may come back there, and nobody tells of
    /// them once more. If it was added anew elsewhere, all of it was looked at, and if it is gone, nobody asks.
    pub fn put_back(&self, place: Place, names: BTreeSet<CString>) {
        self.state().put_back(place, names);
    }

    /// Takes over what the kernel has to tell, of which it keeps so much only
    /// (`/proc/sys/fs/inotify/max_queued_events`). To be called now and then while a tree is copied.
    pub fn gather(&self) -> io::Result<()> {
        let mut state = self.state();
        let mut buffer = [MaybeUninit::uninit(); 65536];
        let mut reader = inotify::Reader::new(&self.queue, &mut buffer);
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            let events = event.events();
            state.any |= events.contains(ReadFlags::QUEUE_OVERFLOW);
            if events.contains(ReadFlags::IGNORED) {
                state.directories.remove(&event.wd());
                continue;
            }
            if let Some(place) = state.directories.get(&event.wd()).cloned() {
                let name: CString = event.file_name().unwrap_or_default().into();
                state.alter(events, event.cookie(), (event.wd(), name.clone()));
                state.names.entry(place).or_default().insert(name);
            }
        }
    }

    /// What has changed since it was asked last.
    pub fn changes(&self) -> io::Result<Told> {
        self.gather()?;
        let mut state = self.state();
        let names = mem::take(&mut state.names);
        let changes = match mem::take(&mut state.any) {
            true => Changes::Any,
            false => Changes::Names(names),
        };
        // What has moved where nobody is told of may have gone there.
        let is_away = !mem::take(&mut state.moving).is_empty();
        let [now, before] = &mut state.altered;
        *before = mem::take(now);
        Ok(Told {
            changes,
            lost_names: mem::take(&mut state.lost_names) || is_away,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    fn lost(told: &[(ReadFlags, u32, &CStr)]) -> bool {
        let mut state = State::default();
        for &(events, cookie, name) in told {
            state.alter(events, cookie, (1, name.into()));
        }
        state.lost_names
    }

    // Catches: a mode that is lost with a second name of its file; and that all files are looked at each time
    // that a pin is made under another name first.
    #[test]
    fn names_that_are_lost() {
        use ReadFlags as F;
        let renamed = [
            (F::CREATE, 0, c"new"),
            (F::ATTRIB, 0, c"new"),
            (F::MOVED_FROM, 7, c"new"),
            (F::MOVED_TO, 7, c"it"),
        ];
        assert!(!lost(&renamed));
        assert!(lost(&[&renamed[..], &[(F::DELETE, 0, c"it")]].concat()));
        assert!(!lost(&[&renamed[..], &[(F::DELETE, 0, c"new")]].concat()));
        let over = [(F::MOVED_FROM, 8, c"other"), (F::MOVED_TO, 8, c"it")];
        assert!(lost(&[&renamed[..], &over].concat()));
        assert!(!lost(&over));
    }

    // Catches: names that are lost as their directory was elsewhere when it was asked for them, and names that
    // are put back for ever.
    #[test]
    fn names_wait_for_their_directory() {
        let place = |path: &str, inode| Place {
            path: path.into(),
            inode,
        };
        let names = || BTreeSet::from([c"n".into()]);
        let mut state = State::default();
        state.directories.insert(1, place("a", 7));
        state.put_back(place("a", 7), names());
        assert_eq!(state.names.remove(&place("a", 7)), Some(names()));
        state.directories.insert(1, place("b", 7));
        state.put_back(place("a", 7), names());
        assert!(state.names.is_empty());
        state.directories.remove(&1);
        state.put_back(place("b", 7), names());
        assert!(state.names.is_empty());
    }
}
