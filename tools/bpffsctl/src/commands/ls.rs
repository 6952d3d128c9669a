// SPDX-License-Identifier: GPL-2.0

//! `bpffsctl ls`: pins, and what they hold.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{bail, ensure, Context, Result};
use clap::Args;
use rustix::fs::{statx, AtFlags, OFlags, Statx, StatxFlags};
use serde::Serialize;

use super::{process, Environment, Outcome};
use crate::bpf::attachment::Attachment;
use crate::bpf::ObjectId;
use crate::holders::{Held, User};
use crate::index::{seen, Index, Name, Seen};
use crate::instances::{is_bpf, Machine};
use crate::namespaces::open_own;
use crate::output::{self, plain, Output, Table};
use crate::pins::{self, Detail, Pin};
use crate::proc::Proc;
use crate::targets::Targets;
use crate::tree::{walk, Depth, Entry, Next, What};
use crate::users::Names;

/// List pins and what they hold
///
/// Without PATH, what each BPF file system has that is mounted in this mount namespace.
#[derive(Args)]
pub struct Ls {
    /// Also owner, mode, age, tag, what links are attached to, who has the object open, where else it
    /// is pinned or exposed
    #[arg(short, long)]
    long: bool,
    /// Also what is in directories
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Only links whose network device, cgroup or namespace is gone; goes through directories
    #[arg(long)]
    dead: bool,
    /// All paths on the machine of one object: map:ID, prog:ID, link:ID, or a path of it; not with
    /// --recursive, --dead or PATH
    #[arg(long, value_name = "OBJECT", conflicts_with_all = ["recursive", "dead", "paths"])]
    of: Option<PathBuf>,
    /// Directories and pins of BPF file systems
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// A file, as it is shown.
#[derive(Serialize)]
struct Record {
    #[serde(serialize_with = "crate::output::lossy")]
    path: PathBuf,
    what: &'static str,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "crate::output::some_lossy"
    )]
    target: Option<PathBuf>,
    mode: String,
    uid: u32,
    gid: u32,
    /// Seconds since 1970.
    modified: i64,
    #[serde(flatten)]
    pin: Option<Holding>,
    /// Why what is pinned is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(flatten)]
    more: Option<More>,
    #[serde(skip)]
    permissions: u32,
}

/// What a pin holds.
#[derive(Serialize)]
struct Holding {
    object: String,
    #[serde(rename = "type")]
    kind: String,
    id: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attached: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prog: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attachment: Option<AttachmentShown>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    exposed: Vec<String>,
    #[serde(skip)]
    object_id: ObjectId,
}

#[derive(Serialize)]
struct AttachmentShown {
    #[serde(flatten)]
    attachment: Attachment,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip)]
    text: String,
}

/// What only the whole machine tells.
#[derive(Serialize)]
struct More {
    open_in: Vec<User>,
    also_at: Vec<Seen>,
}

/// Where a walk begins.
pub(super) struct Start {
    /// As the user calls it.
    pub path: PathBuf,
    /// What is there, by `O_PATH`.
    pub file: OwnedFd,
}

/// The paths that were given; without any, a mount of each instance in this mount namespace.
pub(super) fn starts(environment: &Environment, paths: &[PathBuf]) -> Result<Vec<Start>> {
    let open = |path: &PathBuf| {
        let shown = output::path(path);
        let file = open_own(path, OFlags::empty()).with_context(|| shown.clone())?;
        ensure!(
            is_bpf(file.as_fd())?,
            "{shown}: not on a BPF file system (bpffsctl status shows where there are any)"
        );
        Ok(Start {
            path: path.clone(),
            file,
        })
    };
    if !paths.is_empty() {
        return paths.iter().map(open).collect();
    }
    let machine = Machine::look(&environment.proc)?;
    let mut starts = Vec::new();
    for instance in machine.instances {
        let mut here: Vec<_> = instance
            .places
            .into_iter()
            .filter(|place| {
                machine
                    .namespaces
                    .list
                    .get(place.namespace)
                    .is_some_and(|ns| ns.own)
            })
            .filter_map(|place| Some((place.mount, place.root.ok()?)))
            .collect();
        here.sort_by(|(a, _), (b, _)| a.point.cmp(&b.point));
        // Of several that show the same, the first; of parts, each that no other shows.
        let roots: Vec<PathBuf> = here.iter().map(|(mount, _)| mount.root.clone()).collect();
        let mut taken: Vec<PathBuf> = Vec::new();
        for (mount, file) in here {
            let within = |other: &PathBuf| mount.root.starts_with(other);
            if taken.iter().any(within)
                || roots
                    .iter()
                    .any(|other| within(other) && *other != mount.root)
            {
                continue;
            }
            taken.push(mount.root.clone());
            starts.push(Start {
                path: mount.point,
                file,
            });
        }
    }
    starts.sort_by(|a, b| a.path.cmp(&b.path));
    if starts.is_empty() {
        bail!(
            "no BPF file system is mounted in this mount namespace: mount -t bpf bpf /sys/fs/bpf"
        );
    }
    Ok(starts)
}

/// Whether a pin is of a link that is attached to nothing any more.
pub(super) fn is_dead(pin: &Pin) -> bool {
    pin.attached == Some(false)
}

fn record(
    path: PathBuf,
    entry: &Entry<'_>,
    pin: Option<io::Result<Pin>>,
    targets: &Targets<'_>,
) -> Record {
    let (what, target) = match entry.what {
        What::Directory => ("directory", None),
        What::Symlink(target) => ("symlink", Some(target.clone())),
        What::Pin => ("pin", None),
    };
    let (pin, error) = match pin {
        Some(Ok(pin)) => (Some(held(pin, targets)), None),
        Some(Err(error)) => (None, Some(output::message(error))),
        None => (None, None),
    };
    let permissions = u32::from(entry.status.stx_mode);
    Record {
        path,
        what,
        target,
        mode: format!("{:04o}", permissions & 0o7777),
        uid: entry.status.stx_uid,
        gid: entry.status.stx_gid,
        modified: entry.status.stx_mtime.tv_sec,
        pin,
        error,
        more: None,
        permissions,
    }
}

fn held(pin: Pin, targets: &Targets<'_>) -> Holding {
    let attachment = pin.attachment.map(|attachment| AttachmentShown {
        name: targets.name(&attachment.target),
        text: targets.describe(&attachment),
        attachment,
    });
    Holding {
        object: pin.id.to_string(),
        kind: format!("{}:{}", pin.id.kind, pin.kind),
        id: pin.id.id,
        name: pin.name,
        tag: pin.tag,
        attached: pin.attached,
        prog: pin.prog,
        attachment,
        exposed: pin.exposed,
        object_id: pin.id,
    }
}

/// The name of a file within its instance, by its path here and the mount it was reached by.
fn name_of(environment: &Environment, machine: &Machine, file: BorrowedFd<'_>) -> Option<Name> {
    let link = Proc::path_of(file);
    let path = environment.proc.link(&link.to_string_lossy()).ok()?;
    let status: Statx = statx(file, c"", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).ok()?;
    machine.instances.iter().find_map(|instance| {
        let place = instance.places.iter().find(|place| {
            place.mount.id == status.stx_mnt_id
                && machine
                    .namespaces
                    .list
                    .get(place.namespace)
                    .is_some_and(|ns| ns.own)
        })?;
        let below = path.strip_prefix(&place.mount.point).ok()?;
        let inside = match below.as_os_str().is_empty() {
            true => place.mount.root.clone(),
            false => place.mount.root.join(below),
        };
        Some(Name {
            device: instance.device,
            inside,
        })
    })
}

/// What `-l` says of all the machine.
struct Everything {
    machine: Machine,
    held: Held,
    index: Index,
}

impl Everything {
    fn look(environment: &Environment) -> Result<Self> {
        let machine = Machine::look(&environment.proc)?;
        let held = Held::find(&environment.proc, &machine);
        let index = Index::make(&environment.proc, &machine)?;
        Ok(Self {
            machine,
            held,
            index,
        })
    }

    fn of(&self, environment: &Environment, id: ObjectId, file: BorrowedFd<'_>) -> More {
        let own = name_of(environment, &self.machine, file);
        let names = self.index.names.get(&id).into_iter().flatten();
        // Of another name one place is enough, one that can be seen from here if there is any.
        let others = names
            .filter(|&name| Some(name) != own.as_ref())
            .filter_map(|name| seen(&self.machine, name).into_iter().next());
        More {
            open_in: self.held.objects.get(&id).cloned().unwrap_or_default(),
            also_at: others.collect(),
        }
    }
}

fn age(modified: i64) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let seconds = i64::try_from(now.as_secs())
        .unwrap_or(i64::MAX)
        .saturating_sub(modified);
    match seconds {
        ..60 => format!("{}s", seconds.max(0)),
        60..3600 => format!("{}m", seconds / 60),
        3600..86400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86400),
    }
}

/// `-rw-r--r--`.
fn mode(permissions: u32) -> String {
    let kind = match permissions & 0o170000 {
        0o040000 => 'd',
        0o120000 => 'l',
        _ => '-',
    };
    let special = [(0o4000, 's'), (0o2000, 's'), (0o1000, 't')];
    let mut text = String::from(kind);
    for (shift, (bit, letter)) in [6, 3, 0].into_iter().zip(special) {
        let bits = permissions >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (permissions & bit != 0, bits & 1 != 0) {
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

/// Where something is seen, with the mount namespace if it is another one.
fn seen_text(seen: &Seen) -> String {
    let path = output::path(&seen.path);
    let Some(namespace) = seen.namespace else {
        return path;
    };
    let who = match (&seen.owner, seen.pid) {
        (Some(owner), Some(pid)) => format!(" {}, process {pid}", plain(&owner.to_string())),
        (None, Some(pid)) => format!(" process {pid}"),
        _ => String::new(),
    };
    format!("{path} in mnt:[{namespace}]{who}")
}

fn cells(record: &Record) -> (String, String, String, String) {
    match &record.pin {
        Some(pin) => {
            let name = pin.name.as_deref().map(plain).unwrap_or_default();
            (
                pin.kind.clone(),
                pin.id.to_string(),
                name,
                pin.tag.clone().unwrap_or_default(),
            )
        }
        None => {
            let what = match record.what {
                "pin" => "?",
                other => other,
            };
            (what.into(), String::new(), String::new(), String::new())
        }
    }
}

fn text(records: &[Record], long: bool) -> String {
    let mut table = Table::default();
    let (users, groups) = (Names::users(), Names::groups());
    for record in records {
        let (kind, id, name, tag) = cells(record);
        let mut path = output::path(&record.path);
        if let Some(target) = &record.target {
            path += &format!(" -> {}", output::path(target));
        }
        if let Some(error) = &record.error {
            path += &format!(" (cannot be fetched: {error})");
        }
        let dead = record
            .pin
            .as_ref()
            .is_some_and(|pin| pin.attached == Some(false));
        if !long {
            if dead {
                path += " (not attached any more)";
            }
            table.row([kind, id, name, path]);
            continue;
        }
        let owner = format!(
            "{}:{}",
            plain(&users.name(record.uid)),
            plain(&groups.name(record.gid))
        );
        let mode = mode(record.permissions);
        table.row([mode, owner, age(record.modified), kind, id, name, tag, path]);
        let mut note = |what: &str, text: &str| table.note(format!("    {what} {text}"));
        if let Some(pin) = &record.pin {
            match &pin.attachment {
                Some(attachment) => note("attached to", &plain(&attachment.text)),
                None if dead => note("attached to", "nothing any more"),
                None => (),
            }
            if let Some(prog) = pin.prog {
                note("runs", &format!("prog:{prog}"));
            }
            for file in &pin.exposed {
                note("exposed at", &plain(file));
            }
        }
        if let Some(more) = &record.more {
            for user in &more.open_in {
                let who = &user.process;
                note("open in", &process(who.pid, &who.name, who.owner.as_ref()));
            }
            for seen in &more.also_at {
                note("also at", &seen_text(seen));
            }
        }
    }
    table.show()
}

#[derive(Serialize)]
struct All {
    object: String,
    pinned: Vec<Seen>,
    exposed: Vec<String>,
}

/// The object that a word or a path means.
fn object(environment: &Environment, what: &Path) -> Result<ObjectId> {
    if let Some(Ok(id)) = what.to_str().map(str::parse) {
        return Ok(id);
    }
    let shown = output::path(what);
    let file = open_own(what, OFlags::empty()).with_context(|| {
        format!("{shown}: neither map:ID, prog:ID or link:ID nor the path of a pin")
    })?;
    let pin = pins::inspect(&environment.proc, file.as_fd(), Detail::Brief)
        .with_context(|| format!("{shown}: cannot tell what is pinned there"))?;
    Ok(pin.id)
}

fn all_of(environment: &Environment, what: &Path) -> Result<Outcome> {
    let id = object(environment, what)?;
    let machine = Machine::look(&environment.proc)?;
    let index = Index::make(&environment.proc, &machine)?;
    let names = index.names.get(&id).into_iter().flatten();
    let all = All {
        object: id.to_string(),
        pinned: names.flat_map(|name| seen(&machine, name)).collect(),
        exposed: index.exposed.get(&id).cloned().unwrap_or_default(),
    };
    environment.output.print(&all, || {
        let pinned = all.pinned.iter().map(|seen| seen_text(seen) + "\n");
        let exposed = all
            .exposed
            .iter()
            .map(|file| format!("exposed at {}\n", plain(file)));
        pinned.chain(exposed).collect()
    })?;
    let told = environment.tell(&[machine.problems, index.problems].concat());
    if all.pinned.is_empty() {
        bail!(
            "{id}: not pinned anywhere that can be seen{}",
            match super::is_root() {
                true => "",
                false => " without root",
            }
        );
    }
    Ok(told)
}

/// Lists.
pub fn run(environment: &Environment, args: &Ls) -> Result<Outcome> {
    if let Some(what) = &args.of {
        return all_of(environment, what);
    }
    let proc = &environment.proc;
    let targets = Targets::new(proc);
    let everything = match args.long {
        true => Some(Everything::look(environment)?),
        false => None,
    };
    let depth = match args.recursive || args.dead {
        true => Depth::All,
        false => Depth::Entries,
    };
    let mut records = Vec::new();
    let mut problems = Vec::new();
    for start in starts(environment, &args.paths)? {
        let found = walk(start.file.as_fd(), depth, &mut |entry| {
            let is_root = entry.directory.is_none();
            if is_root && *entry.what == What::Directory {
                return Ok(Next::Go);
            }
            let detail = if args.long {
                Detail::Full
            } else {
                Detail::Brief
            };
            let pin = (*entry.what == What::Pin).then(|| pins::inspect(proc, entry.file, detail));
            if args.dead && !matches!(&pin, Some(Ok(pin)) if is_dead(pin)) {
                return Ok(Next::Go);
            }
            let path = match is_root {
                true => start.path.clone(),
                false => start.path.join(entry.path),
            };
            let mut record = record(path, entry, pin, &targets);
            if let (Some(everything), Some(pin)) = (&everything, &record.pin) {
                record.more = Some(everything.of(environment, pin.object_id, entry.file));
            }
            records.push(record);
            Ok(Next::Go)
        })?;
        let said = |(path, error): (PathBuf, io::Error)| {
            format!("{}: {error}", start.path.join(path).display())
        };
        problems.extend(found.into_iter().map(said));
    }
    print(environment.output, &records, args.long)?;
    let told = environment.tell(&problems);
    Ok(match records.iter().any(|record| record.error.is_some()) {
        true => Outcome::Part,
        false => told,
    })
}

fn print(output: Output, records: &[Record], long: bool) -> Result<()> {
    output.print(&records, || text(records, long))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Catches: a mode that is shown as another one.
    #[test]
    fn modes_are_shown_as_ls_does() {
        assert_eq!(mode(0o100600), "-rw-------");
        assert_eq!(mode(0o041777), "drwxrwxrwt");
        assert_eq!(mode(0o042750), "drwxr-s---");
        assert_eq!(mode(0o102640), "-rw-r-S---");
        assert_eq!(mode(0o120777), "lrwxrwxrwx");
    }

    // Catches: an age in the wrong unit, or a clock that was set back ending the program.
    #[test]
    fn ages_are_short() {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs() as i64;
        assert_eq!(age(now - 90), "1m");
        assert_eq!(age(now - 7300), "2h");
        assert_eq!(age(now - 3 * 86400), "3d");
        assert_eq!(age(now + 1000), "0s");
    }
}
