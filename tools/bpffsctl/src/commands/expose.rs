// SPDX-License-Identifier: GPL-2.0

//! `bpffsctl expose` and `unexpose`: pinned objects as files in directories of cgroups and of sysfs.

use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail, ensure, Context, Result};
use clap::Args;
use rustix::fs::{chmodat, fstat, fstatfs, open, AtFlags, FileType, Mode, OFlags, CWD};
use rustix::io::Errno;
use serde::Serialize;

use super::{Environment, Outcome};
use crate::bpf::{Object, ObjectId};
use crate::instances::attribute;
use crate::module;
use crate::mounts::{self, Mount};
use crate::namespaces::open_own;
use crate::output;
use crate::pins::{self, Detail};
use crate::proc::Proc;
use crate::tree;

/// Show a pinned object as files in directories of cgroups or of sysfs
///
/// Reading such a file gives what reading the pin gives; of an iterator over cgroups, what it says of
/// that cgroup. The files go with the object's last pin.
#[derive(Args)]
pub struct Expose {
    /// Mode of the files, such as 444; without it, 400 less the umask
    #[arg(short, long, value_name = "OCTAL", value_parser = octal)]
    mode: Option<u32>,
    /// Path of the pin
    pin: PathBuf,
    /// Files to be made, with names that begin with "bpf."; of a directory, bpf.PIN in it
    #[arg(value_name = "FILE|DIRECTORY", required = true)]
    files: Vec<PathBuf>,
}

/// Remove files that expose made
///
/// The object and its pins stay.
#[derive(Args)]
pub struct Unexpose {
    /// Remove all files of what is pinned there (may be repeated)
    #[arg(short, long, value_name = "PIN")]
    all: Vec<PathBuf>,
    /// The files
    #[arg(value_name = "FILE", required_unless_present = "all")]
    files: Vec<PathBuf>,
}

#[derive(Serialize)]
struct Exposed {
    #[serde(serialize_with = "crate::output::lossy")]
    file: PathBuf,
    done: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

fn octal(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("not a mode such as 444".into()),
    }
}

/// `CGROUP2_SUPER_MAGIC`, `CGROUP_SUPER_MAGIC` and `SYSFS_MAGIC`.
const FILE_SYSTEMS: [u64; 3] = [0x6367_7270, 0x0027_e0eb, 0x6265_6572];

fn is_kernfs(file: BorrowedFd<'_>) -> Result<bool> {
    let magic = u64::try_from(fstatfs(file)?.f_type).unwrap_or_default();
    Ok(FILE_SYSTEMS.contains(&(magic & 0xffff_ffff)))
}

/// A directory by `O_PATH`, and the name in it.
fn split(file: &Path) -> Result<(OwnedFd, CString)> {
    let name = file.file_name().context("no name of a file")?;
    let parent = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let directory = open_own(parent, OFlags::DIRECTORY)
        .with_context(|| format!("no directory {}", output::path(parent)))?;
    Ok((directory, CString::new(name.as_bytes())?))
}

/// What is to be made: of a directory, a file in it that is called after the pin.
fn destination(pin: &Path, file: &Path) -> Result<PathBuf> {
    if !file.is_dir() {
        return Ok(file.into());
    }
    let name = pin.file_name().unwrap_or(OsStr::new(""));
    let mut of_file = OsString::from("bpf.");
    of_file.push(name);
    Ok(file.join(of_file))
}

/// The kernel has one errno for many reasons: the first that there is.
fn why(
    pin: BorrowedFd<'_>,
    directory: BorrowedFd<'_>,
    name: &CString,
    error: &io::Error,
) -> String {
    let begins = name
        .to_bytes()
        .strip_prefix(b"bpf.")
        .is_some_and(|rest| !rest.is_empty());
    match error.kind() {
        ErrorKind::AlreadyExists => "there is a file of this name: bpffsctl unexpose removes it".into(),
        ErrorKind::NotFound => "the directory is being removed".into(),
        ErrorKind::PermissionDenied if !is_kernfs(directory).unwrap_or(false) => {
            "not a directory of a cgroup or of sysfs".into()
        }
        ErrorKind::PermissionDenied if !begins => "the name has to begin with \"bpf.\"".into(),
        ErrorKind::PermissionDenied if !module::is_loaded() => {
            "only bpffs can do that, and the module is not loaded: bpffsctl load".into()
        }
        ErrorKind::PermissionDenied if module::livepatch() != module::Livepatch::Enabled => {
            "only bpffs can do that, and its livepatch is not enabled: see bpffsctl status".into()
        }
        ErrorKind::PermissionDenied if attribute(pin, "bpf.type") == Err(Errno::OPNOTSUPP) => {
            "the pin is in an instance of the kernel's own: pin the object in one of bpffs".into()
        }
        ErrorKind::PermissionDenied => {
            "no permission: that takes CAP_BPF and the right to write to the directory; or its entries \
             depend on a network namespace"
                .into()
        }
        _ => "see bpffs(5), and Documentation/outside.rst in the sources of bpffs".into(),
    }
}

fn expose_one(pin: BorrowedFd<'_>, object: &Object, file: &Path, mode: Option<u32>) -> Result<()> {
    let (directory, name) = split(file)?;
    object
        .pin(directory.as_fd(), &name)
        .map_err(|error| anyhow!("{error} ({})", why(pin, directory.as_fd(), &name, &error)))?;
    if let Some(mode) = mode {
        let made = tree::open(directory.as_fd(), &name)?;
        change_mode(made.as_fd(), mode).context("it is exposed, but its mode cannot be changed")?;
    }
    Ok(())
}

/// The path under which what a descriptor refers to can be opened anew.
fn path_again(file: BorrowedFd<'_>) -> PathBuf {
    let path = Proc::path_of(file);
    Path::new("/proc").join(OsStr::from_bytes(path.to_bytes()))
}

fn change_mode(file: BorrowedFd<'_>, mode: u32) -> Result<()> {
    chmodat(
        CWD,
        path_again(file),
        Mode::from_raw_mode(mode),
        AtFlags::empty(),
    )?;
    Ok(())
}

fn unexpose_one(file: &Path) -> Result<()> {
    let (directory, name) = split(file)?;
    let found = tree::open(directory.as_fd(), &name)?;
    let status = fstat(&found)?;
    // What is written is a command to such a file, and would be data to another.
    let regular = FileType::from_raw_mode(status.st_mode).is_file();
    ensure!(
        name.to_bytes().starts_with(b"bpf.") && regular && is_kernfs(found.as_fd())?,
        "not a file that exposes a pin"
    );
    // It is read-only until its owner says otherwise; in sysfs to root, too.
    let mode = status.st_mode & 0o7777;
    if mode & 0o200 == 0 {
        change_mode(found.as_fd(), mode | 0o200)
            .context("it cannot be made writable: not yours? see ls -l")?;
    }
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    let opened = open(path_again(found.as_fd()), flags, Mode::empty())
        .context("it cannot be written to: not yours? see ls -l")?;
    match File::from(opened).write_all(b"remove") {
        // It has gone meanwhile.
        Err(error) if error.raw_os_error() == Some(Errno::NODEV.raw_os_error()) => Ok(()),
        result => result.context("it cannot be removed: neither yours nor CAP_BPF? see ls -l"),
    }
}

fn finish(environment: &Environment, done: Vec<Exposed>) -> Result<Outcome> {
    environment.output.print(&done, String::new)?;
    let failed = done.iter().filter(|one| !one.done).count();
    match failed {
        0 => Ok(Outcome::Done),
        _ if failed < done.len() => Ok(Outcome::Part),
        _ => bail!("nothing was done"),
    }
}

fn each(files: &[PathBuf], work: &mut dyn FnMut(&Path) -> Result<()>) -> Vec<Exposed> {
    let mut one = |file: &PathBuf| {
        let result = work(file);
        if let Err(error) = &result {
            eprintln!(
                "bpffsctl: {}: {}",
                output::path(file),
                output::message(error)
            );
        }
        Exposed {
            file: file.clone(),
            done: result.is_ok(),
            error: result.err().map(output::message),
        }
    };
    files.iter().map(&mut one).collect()
}

/// A pin by `O_PATH`: not what is on another file system.
fn open_pin(path: &Path) -> Result<OwnedFd> {
    let shown = output::path(path);
    let pin = open_own(path, OFlags::empty()).with_context(|| shown.clone())?;
    ensure!(
        crate::instances::is_bpf(pin.as_fd())?,
        "{shown}: not on a BPF file system (bpffsctl status shows where there are any)"
    );
    Ok(pin)
}

/// Where one of the files that a pin tells of is seen: as the type of the file system, a colon, and the
/// path there. Several file systems may have that type and a file of that name: it is the one with this
/// object.
fn seen_at(proc: &Proc, mounts: &[Mount], told: &str, id: ObjectId) -> Option<PathBuf> {
    let (kind, inside) = told.split_once(':')?;
    let shows = |path: &PathBuf| {
        let id_there = || -> Result<ObjectId> {
            let file = open_own(path, OFlags::empty())?;
            Ok(Object::get(proc, file.as_fd())?.info()?.id)
        };
        id_there().is_ok_and(|its| its == id)
    };
    let of_kind = mounts.iter().filter(|mount| mount.kind == kind);
    let mut paths = of_kind.filter_map(|mount| mount.place_of(Path::new(inside)));
    paths.find(shows)
}

/// Removes all files of what is pinned at `path`.
fn unexpose_all(environment: &Environment, path: &Path) -> Result<Vec<Exposed>> {
    let proc = &environment.proc;
    let pin = open_pin(path)?;
    let mut done = Vec::new();
    // The kernel tells of so many at a time only.
    loop {
        let what =
            pins::inspect(proc, pin.as_fd(), Detail::Brief).with_context(|| output::path(path))?;
        let mounts = mounts::parse(&proc.read("self/mountinfo")?)?;
        let before = done.len();
        for told in &what.exposed {
            match seen_at(proc, &mounts, told, what.id) {
                Some(file) => done.extend(each(&[file], &mut unexpose_one)),
                None => {
                    let error = "not to be seen from here: mount that file system, or look there \
                                 as a user who may read the file";
                    eprintln!("bpffsctl: {}: {error}", output::plain(told));
                    done.push(Exposed {
                        file: told.into(),
                        done: false,
                        error: Some(error.into()),
                    });
                }
            }
        }
        // What could not be removed would be told of once more.
        let mut last = done.iter().skip(before);
        if done.len() == before || last.any(|one| !one.done) {
            return Ok(done);
        }
    }
}

/// Makes files.
pub fn expose(environment: &Environment, args: &Expose) -> Result<Outcome> {
    let pin = open_pin(&args.pin)?;
    let object = Object::get(&environment.proc, pin.as_fd()).with_context(|| {
        let shown = output::path(&args.pin);
        format!("{shown}: what is pinned cannot be fetched")
    })?;
    let files: Vec<PathBuf> = args
        .files
        .iter()
        .map(|file| destination(&args.pin, file))
        .collect::<Result<_>>()?;
    let done = each(&files, &mut |file| {
        expose_one(pin.as_fd(), &object, file, args.mode)
    });
    finish(environment, done)
}

/// Removes files.
pub fn unexpose(environment: &Environment, args: &Unexpose) -> Result<Outcome> {
    let mut done = each(&args.files, &mut unexpose_one);
    for pin in &args.all {
        done.extend(unexpose_all(environment, pin)?);
    }
    finish(environment, done)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Catches: "remove" being written to a file that holds data.
    #[test]
    fn other_files_are_left_alone() {
        let file = std::env::temp_dir().join(format!("bpf.{}", std::process::id()));
        std::fs::write(&file, "data").unwrap();
        let error = unexpose_one(&file).unwrap_err().to_string();
        let content = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(content, "data");
        assert!(error.contains("not a file that exposes"), "{error}");
    }

    // Catches: a file in a directory that nobody finds by its pin.
    #[test]
    fn a_directory_gets_a_file_called_after_the_pin() {
        let pin = Path::new("/sys/fs/bpf/view");
        assert_eq!(
            destination(pin, Path::new("/")).unwrap(),
            Path::new("/bpf.view")
        );
        let file = Path::new("/sys/fs/cgroup/none/bpf.x");
        assert_eq!(destination(pin, file).unwrap(), file);
    }

    // Catches: a mode in decimal.
    #[test]
    fn modes_are_octal() {
        assert_eq!(octal("444"), Ok(0o444));
        assert!(octal("888").is_err() && octal("4755").is_err() && octal("").is_err());
    }
}
