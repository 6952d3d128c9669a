// SPDX-License-Identifier: GPL-2.0

//! Exposes a pinned view in the directory of each cgroup of a tree, and of each that is made later,
//! until the pin is removed.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use bpffs_samples::{get, pin, EXPOSE_WAY_OUT};
use clap::Parser;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

/// Expose the view that is pinned to PIN as NAME in each cgroup below TREE, also in those that are
/// made later, until PIN is removed.
#[derive(Parser)]
#[command(name = "view-follow-rust")]
struct Args {
    /// Path of the pin, such as /sys/fs/bpf/view
    pin: PathBuf,
    /// Directory of a cgroup, such as /sys/fs/cgroup
    tree: PathBuf,
    /// Name of the files; it begins with `bpf.`
    #[arg(default_value = "bpf.view")]
    name: String,
}

/// The directories of cgroups that are watched.
struct Tree<'a> {
    args: &'a Args,
    view: OwnedFd,
    inotify: OwnedFd,
    paths: HashMap<i32, PathBuf>,
    watches: HashMap<PathBuf, i32>,
}

/// Nothing instead of one kind of error: cgroups come and go, and some are found twice.
fn unless<T, E: Into<io::Error>>(kind: ErrorKind, result: Result<T, E>) -> io::Result<Option<T>> {
    match result.map_err(Into::into) {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == kind => Ok(None),
        Err(error) => Err(error),
    }
}

impl Tree<'_> {
    /// Exposes the view in a directory and in all below it.
    fn add(&mut self, directory: &Path) -> Result<()> {
        // Watched first: a directory that is made from now on is reported, if it is not found.
        let watched = inotify::add_watch(
            &self.inotify,
            directory,
            WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::ONLYDIR,
        );
        let Some(watch) = unless(ErrorKind::NotFound, watched).with_context(|| {
            let path = directory.display();
            format!("{path}: cannot watch it (see /proc/sys/fs/inotify/max_user_watches)")
        })?
        else {
            return Ok(());
        };
        self.paths.insert(watch, directory.to_owned());
        self.watches.insert(directory.to_owned(), watch);

        let file = directory.join(&self.args.name);
        let exposed = pin(self.view.as_fd(), &file);
        let exposed = unless(ErrorKind::AlreadyExists, exposed).map(Option::unwrap_or_default);
        unless(ErrorKind::NotFound, exposed)
            .with_context(|| format!("{}: cannot expose ({EXPOSE_WAY_OUT})", file.display()))?;

        let Some(entries) = unless(ErrorKind::NotFound, fs::read_dir(directory))? else {
            return Ok(());
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                self.add(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Forgets a directory that was removed, which the watch would keep in memory.
    fn forget(&mut self, directory: &Path) {
        if let Some(watch) = self.watches.remove(directory) {
            self.paths.remove(&watch);
            // The kernel may have been first.
            let _ = inotify::remove_watch(&self.inotify, watch);
        }
    }
}

/// Follows the tree until the pin is gone.
fn follow(tree: &mut Tree<'_>, pin: i32) -> Result<()> {
    let args = tree.args;
    tree.add(&args.tree)?;
    println!(
        "{} is in {} cgroups, from {} on",
        args.name,
        tree.watches.len(),
        args.tree.display()
    );

    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut events = Reader::new(tree.inotify.try_clone()?, &mut buffer);
    loop {
        let event = events.next().context("inotify")?;
        let what = event.events();
        if what.contains(ReadFlags::QUEUE_OVERFLOW) {
            tree.add(&args.tree)?;
        }
        if event.wd() == pin {
            return Ok(());
        }
        let (Some(parent), Some(name)) = (tree.paths.get(&event.wd()), event.file_name()) else {
            continue;
        };
        let directory = parent.join(OsStr::from_bytes(name.to_bytes()));
        if what.contains(ReadFlags::ISDIR | ReadFlags::DELETE) {
            tree.forget(&directory);
        } else if what.contains(ReadFlags::ISDIR) {
            tree.add(&directory)?;
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let inotify = inotify::init(CreateFlags::CLOEXEC).context("inotify")?;
    let view = get(&args.pin)?;
    let pin = inotify::add_watch(&inotify, &args.pin, WatchFlags::DELETE_SELF)
        .with_context(|| args.pin.display().to_string())?;
    let mut tree = Tree {
        args,
        view,
        inotify,
        paths: HashMap::new(),
        watches: HashMap::new(),
    };
    match follow(&mut tree, pin) {
        // The kernel exposes nothing that is not pinned.
        Err(error) if args.pin.exists() => Err(error),
        _ => {
            println!("{} is gone, and so are its files", args.pin.display());
            Ok(())
        }
    }
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // All causes in one line.
            eprintln!("view-follow-rust: {error:#}");
            ExitCode::FAILURE
        }
    }
}
