// SPDX-License-Identifier: GPL-2.0

//! What changes in a tree while it is copied (inotify(7)).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
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
    directories: Mutex<HashMap<i32, PathBuf>>,
}

impl Watch {
    /// Nothing yet.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            queue: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
            directories: Mutex::default(),
        })
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
        let descriptor = inotify::add_watch(&self.queue, place, events)?;
        self.directories().insert(descriptor, path.into());
        Ok(())
    }

    fn directories(&self) -> MutexGuard<'_, HashMap<i32, PathBuf>> {
        // Nobody dies while the lock is held.
        self.directories
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// What has changed since it was asked last.
    pub fn changes(&self) -> io::Result<Changes> {
        let mut names: BTreeMap<PathBuf, BTreeSet<CString>> = BTreeMap::new();
        let mut any = false;
        let mut buffer = [MaybeUninit::uninit(); 65536];
        let directories = self.directories();
        let mut reader = inotify::Reader::new(&self.queue, &mut buffer);
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            let events = event.events();
            any |= events.contains(ReadFlags::QUEUE_OVERFLOW);
            if events.contains(ReadFlags::IGNORED) {
                continue;
            }
            if let Some(path) = directories.get(&event.wd()) {
                let name = event.file_name().unwrap_or_default();
                names.entry(path.clone()).or_default().insert(name.into());
            }
        }
        Ok(match any {
            true => Changes::Any,
            false => Changes::Names(names),
        })
    }
}
