// SPDX-License-Identifier: GPL-2.0

//! Which processes hold what: an instance by a working directory, a root or an open file; an object by
//! a file descriptor.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::os::fd::AsFd;
use std::path::PathBuf;

use rustix::fs::{statx, AtFlags, OFlags, StatxFlags};
use serde::Serialize;

use crate::bpf::{Kind, ObjectId};
use crate::instances::{is_bpf, Machine};
use crate::mounts::Device;
use crate::owner::{self, Owner};
use crate::proc::Proc;

/// A process, as people know it.
#[derive(Clone, Debug, Serialize)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Its name.
    pub name: String,
    /// The unit or container that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

impl Process {
    /// Looks it up.
    pub fn new(proc: &Proc, pid: u32) -> Self {
        let owner = proc.text(&format!("{pid}/cgroup")).ok();
        Self {
            pid,
            name: proc.name(pid),
            owner: owner.and_then(|text| owner::parse(&text)),
        }
    }
}

/// How an instance is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// The working directory of one of its threads.
    WorkingDirectory,
    /// The root directory.
    Root,
    /// An open file, by the number of its descriptor.
    Descriptor(u32),
}

/// A process that holds an instance.
#[derive(Clone, Debug, Serialize)]
pub struct Holder {
    /// Who.
    #[serde(flatten)]
    pub process: Process,
    /// How.
    pub how: How,
    /// What, as the kernel names it.
    #[serde(serialize_with = "crate::output::lossy")]
    pub path: PathBuf,
}

/// A process that has an object open.
#[derive(Clone, Debug, Serialize)]
pub struct User {
    /// Who.
    #[serde(flatten)]
    pub process: Process,
    /// By which descriptor.
    pub descriptor: u32,
}

/// All that is held, but by this program itself.
#[derive(Debug, Default)]
pub struct Held {
    /// By the instance.
    pub instances: BTreeMap<Device, Vec<Holder>>,
    /// By the object.
    pub objects: HashMap<ObjectId, Vec<User>>,
    /// Who configures a mount, of whatever file system: the context may be one of ours, and hold
    /// the module.
    pub contexts: Vec<User>,
}

/// Whether file systems are BPF ones: asked only where no mount tells, as it may take long.
struct Devices<'a> {
    proc: &'a Proc,
    known: HashMap<Device, bool>,
}

impl<'a> Devices<'a> {
    fn new(proc: &'a Proc, machine: &Machine) -> Self {
        let others = machine.others.iter().map(|&device| (device, false));
        let known = machine
            .instances
            .iter()
            .map(|instance| (instance.device, true));
        Self {
            proc,
            known: others.chain(known).collect(),
        }
    }

    /// The BPF file system that a link of `/proc` leads to.
    fn of(&mut self, path: &str) -> Option<Device> {
        let wanted = StatxFlags::TYPE | StatxFlags::INO;
        // No server is asked: what the kernel has is enough.
        let status = statx(
            self.proc.directory(),
            path,
            AtFlags::STATX_DONT_SYNC,
            wanted,
        )
        .ok()?;
        let device = Device {
            major: status.stx_dev_major,
            minor: status.stx_dev_minor,
        };
        if device.major != 0 {
            return None;
        }
        let ask = || {
            let file = self.proc.open(path, OFlags::PATH).ok()?;
            is_bpf(file.as_fd()).ok()
        };
        let bpf = *self
            .known
            .entry(device)
            .or_insert_with(|| ask().unwrap_or(false));
        bpf.then_some(device)
    }
}

/// The object that a descriptor is of, by what `/proc/PID/fdinfo/N` says.
fn object(kind: Kind, information: &str) -> Option<ObjectId> {
    let field = format!("{kind}_id:");
    let id = information
        .lines()
        .find_map(|line| line.strip_prefix(&field))?;
    Some(ObjectId {
        kind,
        id: id.trim().parse().ok()?,
    })
}

impl Held {
    /// Looks at all processes that may be looked at.
    pub fn find(proc: &Proc, machine: &Machine) -> Self {
        let mut held = Self::default();
        let mut devices = Devices::new(proc, machine);
        for pid in proc.processes() {
            if pid != std::process::id() {
                held.add(proc, pid, &mut devices);
            }
        }
        held
    }

    fn add(&mut self, proc: &Proc, pid: u32, devices: &mut Devices<'_>) {
        let mut process = None;
        let mut who = || {
            process
                .get_or_insert_with(|| Process::new(proc, pid))
                .clone()
        };
        let mut hold = |device, how, path: &str, process| {
            let path = proc.link(path).unwrap_or_default();
            self.instances
                .entry(device)
                .or_default()
                .push(Holder { process, how, path });
        };
        // Threads may have directories of their own; those that have the same count once.
        let mut seen = BTreeSet::new();
        for thread in proc.numbers(&format!("{pid}/task")) {
            for (how, name) in [(How::WorkingDirectory, "cwd"), (How::Root, "root")] {
                let path = format!("{pid}/task/{thread}/{name}");
                let Some(device) = devices.of(&path) else {
                    continue;
                };
                if seen.insert((device, how)) {
                    hold(device, how, &path, who());
                }
            }
        }
        for number in proc.numbers(&format!("{pid}/fd")) {
            let path = format!("{pid}/fd/{number}");
            if let Some(device) = devices.of(&path) {
                hold(device, How::Descriptor(number), &path, who());
            }
            let Ok(link) = proc.link(&path) else { continue };
            let link = link.to_string_lossy();
            if link == "anon_inode:[fscontext]" {
                self.contexts.push(User {
                    process: who(),
                    descriptor: number,
                });
            }
            let Some(kind) = Kind::of_descriptor(&link) else {
                continue;
            };
            let information = proc
                .text(&format!("{pid}/fdinfo/{number}"))
                .unwrap_or_default();
            if let Some(id) = object(kind, &information) {
                let user = User {
                    process: who(),
                    descriptor: number,
                };
                self.objects.entry(id).or_default().push(user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Catches: the program of a link being taken for the link.
    #[test]
    fn descriptors_tell_their_object() {
        let text =
            "pos:\t0\nlink_type:\txdp\nlink_id:\t7\nprog_tag:\tab\nprog_id:\t12\nifindex:\t3";
        assert_eq!(object(Kind::Link, text), "link:7".parse().ok());
        assert_eq!(object(Kind::Prog, text), "prog:12".parse().ok());
        assert_eq!(object(Kind::Map, text), None);
    }
}
