// SPDX-License-Identifier: GPL-2.0

//! Moving trees while they are in use: instances of the kernel's own to ones of ours, and back.
//!
//! The new tree is made beside the old one and follows what changes in it. Then changes are held back
//! for a moment, in the kernel: what has changed last is copied, and the new tree comes in the place of
//! the old one wherever that is mounted. Those who waited find the new tree. Whatever fails until then
//! is undone, and whoever ends this program in the middle ends the waiting with it.

pub mod context;
pub mod crew;
pub mod details;
pub mod foreign;
pub mod groups;
pub mod mirror;
pub mod places;
pub mod watch;
pub mod workers;

use std::collections::BTreeSet;
use std::mem;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure, Context, Result};
use rustix::fs::{removexattr, setxattr, XattrFlags};
use serde::Serialize;

use self::context::{Hold, Links};
use self::foreign::Opener;
use self::mirror::Mirror;
use self::places::{Site, Tree};
use self::workers::Workers;
use crate::holders::{Held, Holder};
use crate::instances::{attribute, implementation, Implementation, Instance, Machine};
use crate::mounts::{Device, Mount};
use crate::namespaces::Namespace;
use crate::output;
use crate::proc::Proc;
use crate::sys::{self, Urgent};

/// Which way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the kernel's own to the module.
    ToOurs,
    /// From the module to the kernel's own.
    ToBuiltin,
}

impl Direction {
    /// Whether an instance is one that is moved.
    pub fn concerns(self, instance: &Instance) -> bool {
        match self {
            Self::ToOurs => instance.implementation == Implementation::Builtin,
            Self::ToBuiltin => instance.implementation.is_ours(),
        }
    }
}

/// An instance, and what is to become of it.
pub struct Step {
    /// Which.
    pub instance: Instance,
    /// Why it cannot be moved: nothing, if it can.
    pub obstacles: Vec<String>,
    /// Who stays in the old tree: no working directory or open file can be moved.
    pub holders: Vec<Holder>,
    /// Mounts that stay, and why.
    pub leftovers: Vec<String>,
}

/// Plans to move all instances of the machine that are to be moved, and takes them out of what was found there:
/// each is let go of when it has moved.
pub fn plan(proc: &Proc, machine: &mut Machine, direction: Direction) -> Vec<Step> {
    let mut held = Held::find(proc, machine);
    let instances = mem::take(&mut machine.instances);
    let (concerned, others) = instances
        .into_iter()
        .partition(|instance| direction.concerns(instance));
    machine.instances = others;
    let concerned: Vec<_> = concerned;
    let steps = concerned.into_iter().map(|instance| Step {
        obstacles: obstacles(proc, machine, &instance),
        holders: held.instances.remove(&instance.device).unwrap_or_default(),
        leftovers: leftovers(&instance),
        instance,
    });
    steps.collect()
}

/// Adds what is not said yet, as several namespaces have the same mounts.
fn say(said: &mut Vec<String>, more: impl IntoIterator<Item = String>) {
    for line in more {
        if !said.contains(&line) {
            said.push(line);
        }
    }
}

/// Mounts that stay: what they show has no place in another tree, or they cannot be reached.
fn leftovers(instance: &Instance) -> Vec<String> {
    let lines = instance.places.iter().filter_map(|place| {
        let why = match (places::shows_removed(&place.mount), &place.root) {
            (true, _) => "it shows a directory that was removed",
            (false, Err(_)) => "another mount is over it",
            (false, Ok(_)) => return None,
        };
        let point = output::path(&place.mount.point);
        Some(format!(
            "{point} stays in the old tree, as {why}: unmount that"
        ))
    });
    let mut said = Vec::new();
    say(&mut said, lines);
    said
}

/// What is in the way of moving an instance.
fn obstacles(proc: &Proc, machine: &Machine, instance: &Instance) -> Vec<String> {
    let mut obstacles = Vec::new();
    if whole(instance).is_none() {
        obstacles.push("no mount shows its root directory: mount a directory above".into());
    }
    let mut of_namespace: Vec<(usize, Vec<Mount>)> = Vec::new();
    for place in &instance.places {
        if !of_namespace
            .iter()
            .any(|(index, _)| *index == place.namespace)
        {
            let namespace = machine.namespaces.list.get(place.namespace);
            let all = namespace.map(|namespace| namespace.look(proc, |view| view.mounts()));
            match all {
                Some(Ok(all)) => of_namespace.push((place.namespace, all)),
                Some(Err(error)) => obstacles.push(format!("{error:#}")),
                None => (),
            }
        }
        let all = of_namespace
            .iter()
            .find(|(index, _)| *index == place.namespace);
        let all = all.map_or(&[][..], |(_, all)| all);
        say(&mut obstacles, places::obstacle(&place.mount, all));
    }
    obstacles
}

/// Who opens the context of the instance that takes the place of this one: the caller ([`None`]), if it
/// is mounted in a mount namespace of the caller's user namespace; otherwise somebody in the outermost user
/// namespace that has it mounted. The kernel does not tell which user namespace an instance belongs to.
fn opener(proc: &Proc, machine: &Machine, instance: &Instance) -> Result<Option<Opener>> {
    let own = proc.status("self/ns/user")?.st_ino;
    let mut outermost: Option<(usize, OwnedFd, &Namespace)> = None;
    for place in &instance.places {
        let Some(namespace) = machine.namespaces.list.get(place.namespace) else {
            continue;
        };
        let owner = sys::owner(namespace.file())?;
        let depth = depth(own, &owner)?;
        if depth == 0 {
            return Ok(None);
        }
        if outermost.as_ref().is_none_or(|(least, ..)| depth < *least) {
            outermost = Some((depth, owner, namespace));
        }
    }
    let (_, owner, namespace) = outermost.context("it is mounted nowhere")?;
    Opener::new(proc, owner.as_fd(), namespace.file()).map(Some)
}

/// How far below the user namespace with the number `own` another one is.
fn depth(own: u64, namespace: &OwnedFd) -> Result<usize> {
    let mut depth = 0;
    let mut at = namespace.try_clone()?;
    // The kernel has at most 32 levels.
    while rustix::fs::fstat(&at)?.st_ino != own {
        at = sys::parent(at.as_fd()).context("a user namespace above the caller's")?;
        depth += 1;
    }
    Ok(depth)
}

/// What the root of a new tree has while the old one is moved to it, for whoever goes on with that if
/// this program is killed.
pub const MARK: &str = "trusted.bpffsctl";

/// The mark of a tree that is moved: no other tree's while this one exists.
fn mark(device: Device, root: BorrowedFd<'_>) -> Result<String> {
    let status = rustix::fs::fstat(root)?;
    Ok(format!("from {device} {}", status.st_ino))
}

/// The root of a tree that another one with this mark has been moved to in part, and the namespace that
/// it is mounted in.
fn unfinished<'a>(
    machine: &'a Machine,
    direction: Direction,
    mark: &str,
) -> Option<(&'a Namespace, &'a OwnedFd)> {
    let others = machine
        .instances
        .iter()
        .filter(|instance| !direction.concerns(instance));
    let (home, root) = others
        .filter_map(whole)
        .find(|(_, root)| attribute(root.as_fd(), MARK).is_ok_and(|its| its == mark))?;
    Some((machine.namespaces.list.get(home)?, root))
}

/// The mount that shows all of an instance: in the program's own namespace, if there is one.
fn whole(instance: &Instance) -> Option<(usize, &OwnedFd)> {
    let all = instance
        .places
        .iter()
        .filter(|place| place.mount.root.as_os_str() == "/");
    let mut found = all.filter_map(|place| Some((place.namespace, place.root.as_ref().ok()?)));
    found.next()
}

/// Whether nobody has an instance mounted any more: that of a container which has ended, say.
fn is_gone(proc: &Proc, instance: &Instance) -> Result<bool> {
    let machine = Machine::look(proc)?;
    let now = machine.instance(instance.device);
    Ok(now.is_none_or(|now| now.places.is_empty()))
}

/// So often it is looked for who stays.
const LOOKS: usize = 3;

/// Whether somebody stays in a file system with a working directory or an open one. Whoever lists a directory has
/// it open for a moment, and is not there each time.
fn stays(proc: &Proc, machine: &Machine, device: Device) -> bool {
    let look = || {
        let holders = Held::find(proc, machine).instances.remove(&device);
        let holders = holders.unwrap_or_default().into_iter();
        holders
            .map(|holder| (holder.process.pid, holder.how))
            .collect::<BTreeSet<_>>()
    };
    let mut all = look();
    for _ in 1..LOOKS {
        if all.is_empty() {
            break;
        }
        let now = look();
        all.retain(|holder| now.contains(holder));
    }
    !all.is_empty()
}

/// What has been done.
#[derive(Serialize)]
pub struct Moved {
    /// The file system that was moved.
    pub from: Device,
    /// What it was moved to.
    pub to: Device,
    /// How many objects were pinned anew.
    pub pins: usize,
    /// How many mounts were replaced; those by propagation are not counted.
    pub places: usize,
    /// For how long changes were held back.
    #[serde(serialize_with = "milliseconds")]
    pub held: Duration,
}

fn milliseconds<S: serde::Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64() * 1000.0)
}

/// For so long changes are held back before the new tree comes. Who renames or links looks up two paths,
/// one after the other, and is told `EXDEV` if the new tree comes between them. Whoever was about to
/// change something when the changes were held back has looked up both then, and waits.
const CALM: Duration = Duration::from_millis(10);

/// Moves an instance. If it fails, everything is as it was. [`None`] if the instance has gone since the machine
/// was looked at.
///
/// `links` is what becomes of those in the old tree. They stay in any case if somebody stays there.
///
/// The hold that is returned ends the old tree when it is dropped. That takes the kernel no time if nobody has
/// that tree any more; `instance` has it.
pub fn run(
    proc: &Proc,
    machine: &Machine,
    instance: &Instance,
    direction: Direction,
    links: Links,
) -> Result<Option<(Moved, Hold)>> {
    let (home, root) = whole(instance).context("no mount shows its root directory")?;
    let namespaces = &machine.namespaces.list;
    let home = namespaces
        .get(home)
        .context("its mount namespace is gone")?;
    let mark = mark(instance.device, root.as_fd())?;
    let unfinished = unfinished(machine, direction, &mark);
    let opener = opener(proc, machine, instance)?;
    let _acting = opener.as_ref().map(Opener::act).transpose()?;
    let new = match unfinished {
        Some((home, root)) => places::detached(home, root.as_fd())?,
        // What is mounted by this is that namespace's.
        None => {
            let source = instance
                .places
                .first()
                .map_or("bpf", |place| &place.mount.source);
            let make = || context::instance(direction, opener.as_ref(), source, &instance.options);
            places::tree(home.enter(make)?)?
        }
    };
    // For it to be put back.
    let old = match places::detached(home, root.as_fd()) {
        Err(_) if is_gone(proc, instance)? => return Ok(None),
        old => old?,
    };
    places::keep_times(&old);
    let is_ours = implementation(new.root.as_fd()).is_ours();
    ensure!(
        is_ours == (direction == Direction::ToOurs),
        "the new instance is not served by whom it is to be: see bpffsctl status"
    );
    let place = format!(
        "/proc/{}",
        Proc::path_of(new.root.as_fd()).to_string_lossy()
    );
    setxattr(&place, MARK, mark.as_bytes(), XattrFlags::empty())
        .context("cannot mark the new tree")?;
    let mirror = Mirror::new(
        proc,
        old.root.as_fd(),
        new.root.as_fd(),
        unfinished.is_some(),
    )?;
    mirror.all().context("cannot copy")?;
    mirror.catch_up()?;
    if mirror.has_many_links()? {
        mirror.links()?;
    }

    let sites = sites(namespaces, instance, &old, &new);
    thread::scope(|scope| {
        let workers = Workers::start(scope, proc, &sites)?;
        mirror.catch_up()?;
        let links = match stays(proc, machine, instance.device) {
            true => Links::Stay,
            false => links,
        };
        mirror.catch_up()?;
        // Those who change the tree all the time are not to be faster than what follows them.
        let urgent = Urgent::new();
        mirror.catch_up_urgently()?;

        let begin = Instant::now();
        let hold = Hold::new(mirror.old())?;
        mirror.follow()?;
        mirror.links()?;
        thread::sleep(CALM.saturating_sub(begin.elapsed()));
        let replaced = workers.replace().and_then(|count| {
            hold.retire(links)?;
            Ok(count)
        });
        let held = begin.elapsed();
        drop(urgent);
        let replaced = match replaced {
            Ok(count) => count,
            Err(error) => {
                let finished = workers.finish();
                let undone = put_back(proc, &sites).and(finished);
                drop(hold);
                return Err(match undone {
                    Ok(()) => error.context("nothing was moved"),
                    Err(second) => {
                        anyhow!("{error:#}; and putting back what was moved: {second:#}")
                    }
                });
            }
        };
        let finished = workers.finish();
        let late = finished
            .and(late(proc, instance.device, &old, &new))
            .context("moved, but not everywhere")?;
        removexattr(&place, MARK).context("cannot take the mark from the new tree")?;
        let moved = Moved {
            from: instance.device,
            to: new.device,
            pins: mirror.pins(),
            places: replaced + late,
            held,
        };
        Ok(Some((moved, hold)))
    })
}

/// The namespaces in which an instance is mounted; those first from which mounts propagate to others.
fn sites<'a>(
    namespaces: &'a [Namespace],
    instance: &Instance,
    from: &'a Tree<'a>,
    to: &'a Tree<'a>,
) -> Vec<Site<'a>> {
    let mut indices: Vec<(bool, usize)> = Vec::new();
    for place in &instance.places {
        let propagation = &place.mount.propagation;
        let follows = propagation.shared.is_none() || propagation.master.is_some();
        match indices
            .iter_mut()
            .find(|(_, index)| *index == place.namespace)
        {
            Some((all_follow, _)) => *all_follow &= follows,
            None => indices.push((follows, place.namespace)),
        }
    }
    indices.sort_by_key(|(follows, _)| *follows);
    let site = |(_, index)| {
        let namespace = namespaces.get(index)?;
        Some(Site {
            namespace,
            from,
            to,
        })
    };
    indices.into_iter().filter_map(site).collect()
}

/// Replaces mounts at several sites, and all that belongs to it: how many.
fn replace_at(proc: &Proc, sites: &[Site<'_>]) -> Result<usize> {
    thread::scope(|scope| {
        let workers = Workers::start(scope, proc, sites)?;
        let count = workers.replace()?;
        workers.finish()?;
        Ok(count)
    })
}

/// Does what has come meanwhile, namespaces that were copied from others, with the old tree in them: how
/// many mounts.
fn late(proc: &Proc, device: Device, from: &Tree<'_>, to: &Tree<'_>) -> Result<usize> {
    let machine = Machine::look(proc)?;
    match machine.instance(device) {
        Some(instance) => replace_at(proc, &sites(&machine.namespaces.list, instance, from, to)),
        None => Ok(0),
    }
}

/// Puts the old tree in the place of the new one, wherever that has come: propagation has brought it to more
/// namespaces than those where something was done.
fn put_back<'a>(proc: &Proc, sites: &[Site<'a>]) -> Result<()> {
    let back = |site: &Site<'a>| Site {
        from: site.to,
        to: site.from,
        ..*site
    };
    let sites: Vec<_> = sites.iter().map(back).collect();
    replace_at(proc, &sites).map(drop)
}
