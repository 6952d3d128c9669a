// SPDX-License-Identifier: GPL-2.0

//! `bpffsctl rm`: removes pins, among them those of links that are attached to nothing any more.

use std::ffi::CString;
use std::io::{self, BufRead, IsTerminal, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure, Context, Result};
use clap::Args;
use rustix::fs::{statx, unlinkat, AtFlags, OFlags, StatxFlags};
use serde::Serialize;

use super::ls::{is_dead, starts};
use super::{counted, Environment, Outcome};
use crate::instances::is_bpf;
use crate::namespaces::open_own;
use crate::output::{self, Table};
use crate::pins::{self, Detail, Pin};
use crate::tree::{self, walk, Depth, Next, What};

/// Remove pins
///
/// Asks before it removes anything. Where nobody can be asked, as standard input is no terminal, it
/// removes nothing and fails, unless --yes is given. Removes no directories.
#[derive(Args)]
pub struct Rm {
    /// Remove the pins of links whose network device, cgroup or namespace is gone, at the paths and
    /// below; without PATH, wherever a BPF file system is mounted in this mount namespace
    #[arg(long)]
    dead: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Only show what would be removed
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Pins, or with --dead also directories
    #[arg(value_name = "PATH", required_unless_present = "dead")]
    paths: Vec<PathBuf>,
}

/// A name that is to go.
struct Doomed {
    path: PathBuf,
    directory: OwnedFd,
    name: CString,
    inode: u64,
    pin: Option<Pin>,
}

#[derive(Serialize)]
struct Removed {
    #[serde(serialize_with = "crate::output::lossy")]
    path: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<String>,
    removed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

fn dead(environment: &Environment, paths: &[PathBuf]) -> Result<(Vec<Doomed>, Vec<String>)> {
    let proc = &environment.proc;
    let mut doomed = Vec::new();
    let mut problems = Vec::new();
    for start in starts(environment, paths)? {
        let found = walk(start.file.as_fd(), Depth::All, &mut |entry| {
            if *entry.what != What::Pin {
                return Ok(Next::Go);
            }
            let pin = match pins::inspect(proc, entry.file, Detail::Brief) {
                Ok(pin) if is_dead(&pin) => pin,
                _ => return Ok(Next::Go),
            };
            doomed.push(match entry.directory {
                Some(directory) => Doomed {
                    path: start.path.join(entry.path),
                    directory: directory.try_clone_to_owned()?,
                    name: entry.name.to_owned(),
                    inode: entry.status.stx_ino,
                    pin: Some(pin),
                },
                None => named(environment, &start.path)?,
            });
            Ok(Next::Go)
        })?;
        let said = found
            .into_iter()
            .map(|(path, error)| format!("{}: {error}", start.path.join(path).display()));
        problems.extend(said);
    }
    Ok((doomed, problems))
}

/// A pin that is given by its path: a link to it is not followed, as with rm(1).
fn named(environment: &Environment, path: &Path) -> Result<Doomed> {
    let shown = output::path(path);
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = path
        .file_name()
        .with_context(|| format!("{shown}: no name of a pin"))?;
    let name = CString::new(name.as_bytes())?;
    let directory = open_own(parent, OFlags::DIRECTORY).with_context(|| shown.clone())?;
    ensure!(
        is_bpf(directory.as_fd())?,
        "{shown}: not on a BPF file system"
    );
    let file = tree::open(directory.as_fd(), &name).with_context(|| shown.clone())?;
    let status = statx(&file, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
    if rustix::fs::FileType::from_raw_mode(status.stx_mode.into()).is_dir() {
        bail!("{shown}: a directory: rmdir(1) and rm -r remove those");
    }
    Ok(Doomed {
        path: path.to_owned(),
        pin: pins::inspect(&environment.proc, file.as_fd(), Detail::Brief).ok(),
        directory,
        name,
        inode: status.stx_ino,
    })
}

fn table(doomed: &[Doomed]) -> String {
    let mut table = Table::default();
    for one in doomed {
        let (kind, id) = match &one.pin {
            Some(pin) => (
                format!("{}:{}", pin.id.kind, pin.kind),
                pin.id.id.to_string(),
            ),
            None => Default::default(),
        };
        table.row([kind, id, output::path(&one.path)]);
    }
    table.show()
}

/// Whether it may go on.
fn agreed(doomed: &[Doomed]) -> Result<bool> {
    eprint!("{}", table(doomed));
    ensure!(
        io::stdin().is_terminal(),
        "nothing was removed: nobody can be asked; --yes removes {} without asking",
        counted(doomed.len(), "pin")
    );
    eprint!("Remove {}? [y/N] ", counted(doomed.len(), "pin"));
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Removes a name, unless it has come to stand for something else meanwhile.
fn remove(environment: &Environment, one: &Doomed, only_dead: bool) -> Result<()> {
    let file = tree::open(one.directory.as_fd(), &one.name)?;
    let status = statx(&file, c"", AtFlags::EMPTY_PATH, StatxFlags::INO)?;
    ensure!(status.stx_ino == one.inode, "another one has the name now");
    if only_dead {
        let pin = pins::inspect(&environment.proc, file.as_fd(), Detail::Brief)?;
        ensure!(is_dead(&pin), "the link is attached again");
    }
    unlinkat(&one.directory, &one.name, AtFlags::empty())?;
    Ok(())
}

/// Removes.
pub fn run(environment: &Environment, args: &Rm) -> Result<Outcome> {
    let (doomed, problems) = match args.dead {
        true => dead(environment, &args.paths)?,
        false => {
            let one = |path: &PathBuf| named(environment, path);
            (
                args.paths.iter().map(one).collect::<Result<_>>()?,
                Vec::new(),
            )
        }
    };
    let mut outcome = environment.tell(&problems);
    if !args.dry_run && !doomed.is_empty() && !args.yes && !agreed(&doomed)? {
        bail!("nothing was removed");
    }
    let mut removed = Vec::new();
    for one in &doomed {
        let result = match args.dry_run {
            true => Ok(false),
            false => remove(environment, one, args.dead).map(|()| true),
        };
        if let Err(error) = &result {
            let text = format!("{}: not removed: {error}", one.path.display());
            outcome = environment.tell(&[text]);
        }
        removed.push(Removed {
            path: one.path.clone(),
            object: one.pin.as_ref().map(|pin| pin.id.to_string()),
            removed: matches!(result, Ok(true)),
            error: result.err().map(output::message),
        });
    }
    environment.output.print(&removed, || {
        let list = match args.dry_run {
            true => table(&doomed),
            false => String::new(),
        };
        let count = removed.iter().filter(|one| one.removed).count();
        match (doomed.is_empty(), args.dry_run) {
            (true, _) => "no such pin\n".into(),
            (_, true) => format!("{list}{} would be removed\n", counted(doomed.len(), "pin")),
            _ => format!("{} removed\n", counted(count, "pin")),
        }
    })?;
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Catches: a file outside of BPF file systems that is removed.
    #[test]
    fn only_bpf_file_systems_are_touched() {
        let environment = Environment {
            proc: crate::proc::Proc::new().unwrap(),
            output: output::Output::new(false),
        };
        let path = std::env::temp_dir().join(format!("bpffsctl-rm-{}", std::process::id()));
        std::fs::write(&path, "").unwrap();
        let args = Rm {
            dead: false,
            yes: true,
            dry_run: false,
            paths: vec![path.clone()],
        };
        let error = run(&environment, &args).unwrap_err().to_string();
        let there = path.exists();
        std::fs::remove_file(&path).unwrap();
        assert!(
            there && error.contains("not on a BPF file system"),
            "{error}"
        );
        let root = named(&environment, Path::new("/"));
        assert!(root.is_err());
    }
}
