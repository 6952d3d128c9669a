// SPDX-License-Identifier: GPL-2.0

//! Where each object of the machine is pinned.

use std::collections::HashMap;
use std::os::fd::AsFd;
use std::path::PathBuf;

use anyhow::Result;
use serde::Serialize;

use crate::bpf::ObjectId;
use crate::instances::Machine;
use crate::mounts::Device;
use crate::owner::Owner;
use crate::pins::{self, Detail};
use crate::proc::Proc;
use crate::tree::{walk, Depth, Next, What};

/// A name that holds an object: a pin may have more than one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The instance.
    pub device: Device,
    /// The path from its root.
    pub inside: PathBuf,
}

/// Where a name is seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// The path there.
    #[serde(serialize_with = "crate::output::lossy")]
    pub path: PathBuf,
    /// The mount namespace, unless it is the caller's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<u64>,
    /// Somebody in that mount namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Whose that mount namespace is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

/// All names of pinned objects.
#[derive(Debug, Default)]
pub struct Index {
    /// By the object.
    pub names: HashMap<ObjectId, Vec<Name>>,
    /// Where objects are exposed outside of the file system.
    pub exposed: HashMap<ObjectId, Vec<String>>,
    /// What could not be looked at.
    pub problems: Vec<String>,
}

impl Index {
    /// Looks at every pin of every instance that can be reached.
    pub fn make(proc: &Proc, machine: &Machine) -> Result<Self> {
        let mut index = Self::default();
        for instance in &machine.instances {
            let roots = instance.roots();
            if roots.is_empty() {
                let text = format!(
                    "instance {}: no mount of it can be reached",
                    instance.device
                );
                index.problems.push(text);
            }
            for place in roots {
                let Ok(root) = &place.root else { continue };
                let problems = walk(root.as_fd(), Depth::All, &mut |entry| {
                    if *entry.what == What::Pin {
                        if let Ok(pin) = pins::inspect(proc, entry.file, Detail::Brief) {
                            let inside = match entry.path.as_os_str().is_empty() {
                                true => place.mount.root.clone(),
                                false => place.mount.root.join(entry.path),
                            };
                            let device = instance.device;
                            let names = index.names.entry(pin.id).or_default();
                            names.push(Name { device, inside });
                            if !pin.exposed.is_empty() {
                                index.exposed.insert(pin.id, pin.exposed);
                            }
                        }
                    }
                    Ok(Next::Go)
                })?;
                for (path, error) in problems {
                    let path = place.mount.point.join(path);
                    index.problems.push(format!("{}: {error}", path.display()));
                }
            }
        }
        for names in index.names.values_mut() {
            names.sort();
            names.dedup();
        }
        Ok(index)
    }
}

/// All places at which a name is seen, the caller's own namespace first.
pub fn seen(machine: &Machine, name: &Name) -> Vec<Seen> {
    let Some(instance) = machine.instance(name.device) else {
        return Vec::new();
    };
    let places = instance.places_of(&name.inside);
    let mut seen: Vec<Seen> = places
        .filter_map(|(index, path)| {
            let namespace = machine.namespaces.list.get(index)?;
            Some(Seen {
                path,
                namespace: (!namespace.own).then_some(namespace.inode),
                pid: (!namespace.own)
                    .then(|| Some(namespace.members.first()?.pid))
                    .flatten(),
                owner: namespace.owner.clone().filter(|_| !namespace.own),
            })
        })
        .collect();
    seen.sort_by(|a, b| (a.namespace, &a.path).cmp(&(b.namespace, &b.path)));
    seen.dedup();
    seen
}
