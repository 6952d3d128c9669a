// SPDX-License-Identifier: GPL-2.0

//! Exposes a pinned object outside of the BPF file system: makes a file of it in a directory of a
//! cgroup or of sysfs, by `BPF_OBJ_GET` and `BPF_OBJ_PIN`. Removes such a file again.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{anyhow, ensure, Context, Result};
use bpffs_samples::{get, pin, EXPOSE_WAY_OUT};
use clap::Parser;
use rustix::fs::{chmod, lstat, statfs, FileType, Mode};

/// Expose the object that is pinned to PIN as FILE, or remove FILE again.
///
/// All files of an object go with its last pin: `rm PIN`.
#[derive(Parser)]
#[command(
    name = "bpffs-expose-rust",
    override_usage = "bpffs-expose-rust PIN FILE\n       bpffs-expose-rust --remove FILE"
)]
struct Args {
    /// Remove FILE
    #[arg(long, value_name = "FILE", exclusive = true)]
    remove: Option<PathBuf>,
    /// Path of the pin, such as /sys/fs/bpf/view
    #[arg(required_unless_present = "remove")]
    pin: Option<PathBuf>,
    /// Path in a directory of a cgroup or of sysfs, with a name that begins with `bpf.`, such as
    /// /sys/fs/cgroup/app/bpf.view
    #[arg(required_unless_present = "remove")]
    file: Option<PathBuf>,
}

fn expose(path: &Path, file: &Path) -> Result<()> {
    let object = get(path)?;
    pin(object.as_fd(), file).map_err(|error| {
        let way_out = match error.kind() {
            ErrorKind::NotFound => "no such directory, or it is being removed? see `ls -d`",
            ErrorKind::AlreadyExists => {
                "it is exposed already, or remove the file first: bpffs-expose-rust --remove"
            }
            ErrorKind::PermissionDenied => EXPOSE_WAY_OUT,
            _ => "see `findmnt -T`, `ls -ld`",
        };
        let (path, file) = (path.display(), file.display());
        anyhow!("{file}: cannot expose {path}: {error} ({way_out})")
    })
}

/// `CGROUP2_SUPER_MAGIC`, `CGROUP_SUPER_MAGIC` and `SYSFS_MAGIC`.
const FILE_SYSTEMS: [u64; 3] = [0x6367_7270, 0x0027_e0eb, 0x6265_6572];

fn remove(file: &Path) -> Result<()> {
    let status = lstat(file)?;

    // What is written is a command to such a file, and would be data to another.
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    ensure!(
        name.starts_with("bpf.")
            && FileType::from_raw_mode(status.st_mode).is_file()
            && FILE_SYSTEMS.contains(&statfs(file)?.f_type.try_into()?),
        "is not an exposed file: see `findmnt -T`"
    );
    // Such a file is read-only until its owner says otherwise; in sysfs to root, too.
    chmod(file, Mode::from_raw_mode(status.st_mode) | Mode::WUSR)
        .context("cannot make it writable (not yours? see `ls -l`)")?;
    OpenOptions::new()
        .write(true)
        .open(file)
        .and_then(|mut file| file.write_all(b"remove"))
        .context("cannot remove it (neither yours nor CAP_BPF? see `ls -l`)")
}

fn run(args: Args) -> Result<()> {
    match args {
        Args {
            remove: Some(file), ..
        } => remove(&file).with_context(|| file.display().to_string()),
        Args {
            pin: Some(pin),
            file: Some(file),
            ..
        } => expose(&pin, &file),
        _ => Ok(()),
    }
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // All causes in one line.
            eprintln!("bpffs-expose-rust: {error:#}");
            ExitCode::FAILURE
        }
    }
}
