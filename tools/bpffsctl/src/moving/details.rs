// SPDX-License-Identifier: GPL-2.0

//! What a file has besides its content: owner, mode, times and extended attributes; and copying them.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use anyhow::{Context, Result};
use rustix::fs::{
    chownat, getxattr, listxattr, openat, removexattr, setxattr, statx, utimensat, AtFlags,
    FileType, Gid, Mode, OFlags, Statx, StatxFlags, StatxTimestamp, Timespec, Timestamps, Uid,
    XattrFlags,
};
use rustix::path::DecInt;

use super::MARK;
use crate::proc::Proc;
use crate::sys;

/// A file under its name, no link being followed; with the empty name, the file that is opened.
#[derive(Clone, Copy)]
pub struct Named<'a> {
    /// The directory.
    pub directory: BorrowedFd<'a>,
    /// The name in it.
    pub name: &'a CStr,
}

const ITSELF: AtFlags = AtFlags::EMPTY_PATH.union(AtFlags::SYMLINK_NOFOLLOW);

impl<'a> Named<'a> {
    /// A file that is opened.
    pub fn of(file: BorrowedFd<'a>) -> Self {
        Self {
            directory: file,
            name: c"",
        }
    }

    /// Owner, mode, times, inode.
    pub fn status(self) -> io::Result<Statx> {
        let wanted = StatxFlags::BASIC_STATS;
        Ok(statx(self.directory, self.name, ITSELF, wanted)?)
    }
}

/// Our descriptors as files: what leads from `/proc/self/fd` to the very file that one refers to, by
/// `O_PATH` too.
pub struct Descriptors(OwnedFd);

impl Descriptors {
    /// Those of this process.
    pub fn new(proc: &Proc) -> io::Result<Self> {
        Ok(Self(
            proc.open("self/fd", OFlags::PATH | OFlags::DIRECTORY)?,
        ))
    }

    /// Where the links are.
    pub fn directory(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// The name of the link to a file.
    pub fn name(file: BorrowedFd<'_>) -> DecInt {
        DecInt::from_fd(file)
    }

    /// The names of the extended attributes of a file that are its data.
    fn attributes(&self, file: BorrowedFd<'_>) -> io::Result<Vec<CString>> {
        let name = Self::name(file);
        let list = match sys::list_attributes(self.directory(), name.as_c_str(), AtFlags::empty()) {
            Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => Vec::new(),
            // Before Linux 6.13, where only tests of this program run.
            Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => {
                let mut list = vec![0; 65536];
                let length = listxattr(path_of(file), &mut list)?;
                list.truncate(length);
                list
            }
            result => result?,
        };
        Ok(data_in(&list).map(CStr::to_owned).collect())
    }
}

/// The names in a list that are data of a file, and no answers of the file system.
fn data_in(list: &[u8]) -> impl Iterator<Item = &CStr> {
    list.split_inclusive(|&byte| byte == 0)
        .filter_map(|name| CStr::from_bytes_with_nul(name).ok())
        .filter(|name| !name.to_bytes().starts_with(b"bpf.") && name.to_bytes() != MARK.as_bytes())
}

/// A path to a file that is opened.
fn path_of(file: BorrowedFd<'_>) -> String {
    format!("/proc/{}", Proc::path_of(file).to_string_lossy())
}

fn values(file: BorrowedFd<'_>, names: Vec<CString>) -> io::Result<HashMap<CString, Vec<u8>>> {
    let path = path_of(file);
    let mut values = HashMap::new();
    for name in names {
        let mut value = vec![0; 65536];
        let length = getxattr(&path, &name, &mut value)?;
        value.truncate(length);
        values.insert(name, value);
    }
    Ok(values)
}

/// Whether that is known of what has this name now.
fn has_no_attributes(of: Named<'_>) -> bool {
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    let list = sys::list_attributes(of.directory, of.name, flags);
    list.is_ok_and(|list| data_in(&list).next().is_none())
}

/// Whether a file has just been made: it has no attributes then but what a security module gave it.
#[derive(Clone, Copy)]
pub enum Age<'a> {
    /// It has, of the one that had this name. Names are looked at sooner than descriptors. If it has become
    /// another file's meanwhile, the caller is told, and copies the details once more.
    New(Named<'a>),
    /// It may have anything.
    Old,
}

/// Copies the details of a file, whose status is `wanted`, to another one, whose status is `there`.
pub fn copy(
    descriptors: &Descriptors,
    (old, wanted): (BorrowedFd<'_>, &Statx),
    (new, mut there): (Named<'_>, Statx),
    age: Age<'_>,
) -> Result<()> {
    let is_link = FileType::from_raw_mode(wanted.stx_mode.into()) == FileType::Symlink;
    if !is_link {
        copy_attributes(descriptors, old, new, age).context("extended attributes")?;
    }
    if (wanted.stx_uid, wanted.stx_gid) != (there.stx_uid, there.stx_gid) {
        let (uid, gid) = (Uid::from_raw(wanted.stx_uid), Gid::from_raw(wanted.stx_gid));
        chownat(new.directory, new.name, Some(uid), Some(gid), ITSELF)?;
        there = new.status()?;
    }
    if wanted.stx_mode != there.stx_mode && !is_link {
        let mode = Mode::from_raw_mode(wanted.stx_mode.into());
        sys::chmod(new.directory, new.name, mode.bits())?;
    }
    let times = |status: &Statx| (timespec(&status.stx_atime), timespec(&status.stx_mtime));
    if times(wanted) != times(&there) {
        let (last_access, last_modification) = times(wanted);
        let times = Timestamps {
            last_access,
            last_modification,
        };
        utimensat(new.directory, new.name, &times, ITSELF)?;
    }
    Ok(())
}

fn copy_attributes(
    descriptors: &Descriptors,
    old: BorrowedFd<'_>,
    new: Named<'_>,
    age: Age<'_>,
) -> io::Result<()> {
    if let Age::New(name) = age {
        if has_no_attributes(name) {
            return Ok(());
        }
    }
    let wanted = values(old, descriptors.attributes(old)?)?;
    let opened;
    let new = match new.name.is_empty() {
        true => new.directory,
        false => {
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            opened = openat(new.directory, new.name, flags, Mode::empty())?;
            opened.as_fd()
        }
    };
    let there = values(new, descriptors.attributes(new)?)?;
    let path = path_of(new);
    for name in there.keys().filter(|name| !wanted.contains_key(*name)) {
        removexattr(&path, name.as_c_str())?;
    }
    for (name, value) in &wanted {
        if there.get(name) != Some(value) {
            setxattr(&path, name.as_c_str(), value, XattrFlags::empty())?;
        }
    }
    Ok(())
}

fn timespec(time: &StatxTimestamp) -> Timespec {
    Timespec {
        tv_sec: time.tv_sec,
        tv_nsec: time.tv_nsec.into(),
    }
}
