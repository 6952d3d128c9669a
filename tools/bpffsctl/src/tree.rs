// SPDX-License-Identifier: GPL-2.0

//! Walking a BPF file system by descriptors: nothing outside of it is reached, whatever others rename,
//! link or mount there meanwhile.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use anyhow::Result;
use rustix::fs::{
    openat2, readlinkat, statx, AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Statx,
    StatxFlags,
};

use crate::instances::reopen;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A directory.
    Directory,
    /// A symbolic link, and what it says.
    Symlink(PathBuf),
    /// A pin, or one of the kernel's own files.
    Pin,
}

/// What was found under a name.
pub struct Entry<'a> {
    /// The directory that has the name; [`None`] for the root of the walk.
    pub directory: Option<BorrowedFd<'a>>,
    /// The name in it.
    pub name: &'a CStr,
    /// The path from the root of the walk, which itself is the empty path.
    pub path: &'a Path,
    /// The very file, by `O_PATH`.
    pub file: BorrowedFd<'a>,
    /// Its status.
    pub status: &'a Statx,
    /// What it is.
    pub what: &'a What,
}

/// How far to go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The root only.
    Itself,
    /// What is in it.
    Entries,
    /// Everything below.
    All,
}

/// A directory that is being read.
struct Level {
    directory: OwnedFd,
    path: PathBuf,
    names: std::vec::IntoIter<CString>,
}

/// More would be an attempt to use up descriptors.
const DEEPEST: usize = 512;

/// What the caller of [`walk`] wants next.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The next one, and what is below this one.
    Go,
    /// Nothing more.
    Stop,
}

/// Names that a directory has lead nowhere else by themselves. `BENEATH` would be an error for a file that is
/// renamed to another directory meanwhile.
const WITHIN: ResolveFlags = ResolveFlags::NO_XDEV
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS);

fn status(file: BorrowedFd<'_>) -> io::Result<Statx> {
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
    Ok(statx(file, c"", AtFlags::EMPTY_PATH, wanted)?)
}

fn what(file: BorrowedFd<'_>, status: &Statx) -> io::Result<What> {
    Ok(match FileType::from_raw_mode(status.stx_mode.into()) {
        FileType::Directory => What::Directory,
        FileType::Symlink => {
            let target = readlinkat(file, c"", Vec::new())?;
            What::Symlink(OsString::from_vec(target.into_bytes()).into())
        }
        _ => What::Pin,
    })
}

/// Opens a name of a directory: not what a link leads to, nor what is mounted there.
pub fn open(directory: BorrowedFd<'_>, name: &CStr) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat2(directory, name, flags, Mode::empty(), WITHIN)?)
}

fn level(directory: BorrowedFd<'_>, path: PathBuf) -> io::Result<Level> {
    let directory = reopen(directory)?;
    let mut names = Vec::new();
    for entry in Dir::read_from(&directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    Ok(Level {
        directory,
        path,
        names: names.into_iter(),
    })
}

/// Goes through what is below `root`, a directory or a file by `O_PATH`, the root first and
/// directories before what is in them, by name.
///
/// What vanishes meanwhile is left out. Returns what could not be looked at, by its path, and why.
/// The first error of `visit` ends the walk.
pub fn walk(
    root: BorrowedFd<'_>,
    depth: Depth,
    visit: &mut dyn FnMut(&Entry<'_>) -> Result<Next>,
) -> Result<Vec<(PathBuf, io::Error)>> {
    let mut problems = Vec::new();
    let of_root = status(root)?;
    let what_root = what(root, &of_root)?;
    let entry = Entry {
        directory: None,
        name: c"",
        path: Path::new(""),
        file: root,
        status: &of_root,
        what: &what_root,
    };
    if visit(&entry)? == Next::Stop || depth == Depth::Itself || what_root != What::Directory {
        return Ok(problems);
    }
    let mut levels = match level(root, PathBuf::new()) {
        Ok(level) => vec![level],
        Err(error) => return Ok(vec![(PathBuf::new(), error)]),
    };
    while let Some(last) = levels.last_mut() {
        let Some(name) = last.names.next() else {
            levels.pop();
            continue;
        };
        let path = last.path.join(OsStr::from_bytes(name.to_bytes()));
        let directory = last.directory.as_fd();
        let look = || {
            let file = open(directory, &name)?;
            let status = status(file.as_fd())?;
            let what = what(file.as_fd(), &status)?;
            Ok((file, status, what))
        };
        let (file, status, what) = match look() {
            Ok(found) => found,
            Err(error) => {
                note(&mut problems, path, error);
                continue;
            }
        };
        let entry = Entry {
            directory: Some(directory),
            name: &name,
            path: &path,
            file: file.as_fd(),
            status: &status,
            what: &what,
        };
        if visit(&entry)? == Next::Stop {
            break;
        }
        if what == What::Directory && depth == Depth::All {
            if levels.len() >= DEEPEST {
                problems.push((path, io::Error::other("too deep to be looked at")));
                continue;
            }
            match level(file.as_fd(), path.clone()) {
                Ok(level) => levels.push(level),
                Err(error) => note(&mut problems, path, error),
            }
        }
    }
    Ok(problems)
}

fn note(problems: &mut Vec<(PathBuf, io::Error)>, path: PathBuf, error: io::Error) {
    match error.kind() {
        io::ErrorKind::NotFound => (),
        // RESOLVE_NO_XDEV: a directory that something else is mounted on.
        io::ErrorKind::CrossesDevices => (),
        _ => problems.push((path, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::CWD;
    use std::fs;

    /// A directory that goes with the value.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("bpffsctl-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn open(&self) -> OwnedFd {
            let flags = OFlags::PATH | OFlags::DIRECTORY;
            rustix::fs::openat(CWD, &self.0, flags, Mode::empty()).unwrap()
        }

        fn walked(&self, depth: Depth) -> Vec<(String, What)> {
            let mut seen = Vec::new();
            let problems = walk(self.open().as_fd(), depth, &mut |entry| {
                seen.push((
                    entry.path.to_string_lossy().into_owned(),
                    entry.what.clone(),
                ));
                Ok(Next::Go)
            });
            assert!(problems.unwrap().is_empty());
            seen
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    // Catches: a walk that follows links, forgets names, or goes on where it was not asked to.
    #[test]
    fn everything_is_seen_and_nothing_followed() {
        let scratch = Scratch::new("walk");
        fs::create_dir_all(scratch.0.join("b/c")).unwrap();
        fs::write(scratch.0.join("b/c/pin"), "").unwrap();
        fs::write(scratch.0.join("a"), "").unwrap();
        std::os::unix::fs::symlink("/", scratch.0.join("link")).unwrap();
        let entries = vec![
            ("".into(), What::Directory),
            ("a".into(), What::Pin),
            ("b".into(), What::Directory),
            ("link".into(), What::Symlink("/".into())),
        ];
        assert_eq!(scratch.walked(Depth::Entries), entries);
        assert_eq!(scratch.walked(Depth::Itself), entries[..1]);
        let names: Vec<_> = scratch
            .walked(Depth::All)
            .into_iter()
            .map(|(path, _)| path)
            .collect();
        assert_eq!(names, ["", "a", "b", "b/c", "b/c/pin", "link"]);
    }

    // Catches: that a name cannot be looked at as it is just renamed to another directory (RESOLVE_BENEATH).
    #[test]
    fn what_is_renamed_meanwhile_is_there_or_not() {
        let scratch = Scratch::new("renamed");
        let [here, there] = ["here", "there"].map(|name| scratch.0.join(name).join("pin"));
        for path in [&here, &there] {
            fs::create_dir(path.parent().unwrap()).unwrap();
        }
        fs::write(&here, "").unwrap();
        let directory = open(scratch.open().as_fd(), c"here").unwrap();
        std::thread::scope(|scope| {
            let renaming = scope.spawn(|| {
                for _ in 0..20_000 {
                    fs::rename(&here, &there).unwrap();
                    fs::rename(&there, &here).unwrap();
                }
            });
            while !renaming.is_finished() {
                let error = open(directory.as_fd(), c"pin").err();
                let kind = error.map_or(io::ErrorKind::NotFound, |error| error.kind());
                assert_eq!(kind, io::ErrorKind::NotFound);
            }
        });
    }

    // Catches: the deepest tree that there can be ending the program.
    #[test]
    fn too_deep_is_a_problem_and_not_the_end() {
        let scratch = Scratch::new("deep");
        let mut directory = scratch.open();
        for _ in 0..DEEPEST + 3 {
            rustix::fs::mkdirat(&directory, c"d", Mode::RWXU).unwrap();
            directory = open(directory.as_fd(), c"d").unwrap();
        }
        let mut count = 0;
        let problems = walk(scratch.open().as_fd(), Depth::All, &mut |_| {
            count += 1;
            Ok(Next::Go)
        });
        assert_eq!(problems.unwrap().len(), 1);
        assert_eq!(count, DEEPEST + 1);
    }
}
