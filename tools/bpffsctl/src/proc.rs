// SPDX-License-Identifier: GPL-2.0

//! `/proc`, by a descriptor: it serves threads that are in other mount namespaces, too.

use std::ffi::{CString, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::{openat, readlinkat, statat, AtFlags, Dir, Mode, OFlags, Stat, CWD};

/// The directory of processes.
pub struct Proc(OwnedFd);

impl Proc {
    /// That of this machine.
    pub fn new() -> Result<Self> {
        Self::at(Path::new("/proc")).context("cannot open /proc: is it mounted?")
    }

    /// One that looks like it.
    pub fn at(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(openat(CWD, path, flags, Mode::empty())?))
    }

    /// Opens something in it.
    pub fn open(&self, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
        Ok(openat(
            &self.0,
            path,
            flags | OFlags::CLOEXEC,
            Mode::empty(),
        )?)
    }

    /// The whole content of a file.
    pub fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        File::from(self.open(path, OFlags::RDONLY)?).read_to_end(&mut content)?;
        Ok(content)
    }

    /// The whole content of a file, as text without the newline at its end.
    pub fn text(&self, path: &str) -> io::Result<String> {
        let text = self.read(path)?;
        Ok(String::from_utf8_lossy(&text).trim_end_matches('\n').into())
    }

    /// Where a symbolic link leads to.
    pub fn link(&self, path: &str) -> io::Result<PathBuf> {
        let target = readlinkat(&self.0, path, Vec::new())?;
        Ok(OsString::from_vec(target.into_bytes()).into())
    }

    /// What stat(2) says of what is there, or of what a link there leads to.
    pub fn status(&self, path: &str) -> io::Result<Stat> {
        Ok(statat(&self.0, path, AtFlags::empty())?)
    }

    /// The entries of a directory whose names are numbers, sorted; none if it cannot be read.
    pub fn numbers(&self, path: &str) -> Vec<u32> {
        let open = || {
            Dir::new(self.open(path, OFlags::RDONLY | OFlags::DIRECTORY)?).map_err(io::Error::from)
        };
        let mut numbers: Vec<u32> = open()
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str().ok()?.parse().ok())
            .collect();
        numbers.sort_unstable();
        numbers
    }

    /// The ids of all processes that can be seen.
    pub fn processes(&self) -> Vec<u32> {
        self.numbers(".")
    }

    /// The name of a process or thread: empty if it is gone.
    pub fn name(&self, process: u32) -> String {
        self.text(&format!("{process}/comm")).unwrap_or_default()
    }

    /// A path that leads to what one of our descriptors refers to, be it opened or by `O_PATH`; to
    /// be looked up in [`Proc::directory`].
    pub fn path_of(fd: BorrowedFd<'_>) -> CString {
        let path = format!("self/fd/{}", fd.as_raw_fd());
        CString::new(path).unwrap_or_default()
    }

    /// The directory itself.
    pub fn directory(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
