// SPDX-License-Identifier: GPL-2.0

//! What changes in a tree while it is copied (inotify(7)).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::CString;
use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

use crate::proc::Proc;

/// What has changed.
#[derive(Debug, PartialEq, Eq)]
pub enum Changes {
    /// These names, by directory. The empty name is the directory itself.
    Names(BTreeMap<PathBuf, BTreeSet<CString>>),
    /// More than the kernel keeps: anything.
    Any,
}

/// All directories of a tree.
pub struct Watch {
    queue: OwnedFd,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    directories: HashMap<i32, PathBuf>,
    names: BTreeMap<PathBuf, BTreeSet<CString>>,
    any: bool,
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

    /// Adds a directory, which is at this path. One that was there before has moved here: what was told
    /// of it meanwhile is said of its old path, where whoever asks finds nothing of it.
    pub fn add(&self, directory: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
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
        state.directories.insert(descriptor, path.into());
        Ok(())
    }

    /// Takes over what the kernel has to tell, of which it keeps so much only
    /// (`/proc/sys/fs/inotify/max_queued_events`). To be called now and then while a tree is copied.
    pub fn gather(&self) -> io::Result<()> {
        let mut state = self.state();
        let State {
            directories,
            names,
            any,
        } = &mut *state;
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
            *any |= events.contains(ReadFlags::QUEUE_OVERFLOW);
            if events.contains(ReadFlags::IGNORED) {
                continue;
            }
            if let Some(path) = directories.get(&event.wd()) {
                let name = event.file_name().unwrap_or_default();
                names.entry(path.clone()).or_default().insert(name.into());
            }
        }
    }

    /// What has changed since it was asked last.
    pub fn changes(&self) -> io::Result<Changes> {
        self.gather()?;
        let mut state = self.state();
        let names = mem::take(&mut state.names);
        Ok(match mem::take(&mut state.any) {
            true => Changes::Any,
            false => Changes::Names(names),
        })
    }
}
