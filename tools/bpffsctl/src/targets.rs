// SPDX-License-Identifier: GPL-2.0

//! What links are attached to, in the words of people: paths of cgroups, names of devices and of
//! network namespaces.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::bpf::attachment::{Attachment, Target};
use crate::mounts;
use crate::proc::Proc;

/// Finds names, each kind when it is first asked for.
pub struct Targets<'a> {
    proc: &'a Proc,
    cgroups: OnceCell<HashMap<u64, PathBuf>>,
    networks: OnceCell<HashMap<u64, String>>,
    devices: OnceCell<HashMap<u32, String>>,
}

impl<'a> Targets<'a> {
    /// Asks nothing yet.
    pub fn new(proc: &'a Proc) -> Self {
        Self {
            proc,
            cgroups: OnceCell::new(),
            networks: OnceCell::new(),
            devices: OnceCell::new(),
        }
    }

    /// All cgroups below where the unified hierarchy is mounted here, by their inodes.
    fn cgroups(&self) -> HashMap<u64, PathBuf> {
        let mounts = self.proc.read("thread-self/mountinfo").unwrap_or_default();
        let mounts = mounts::parse(&mounts).unwrap_or_default();
        let mut found = HashMap::new();
        let Some(top) = mounts.iter().find(|mount| mount.kind == "cgroup2") else {
            return found;
        };
        let mut left = vec![top.point.clone()];
        while let Some(directory) = left.pop() {
            let Ok(status) = fs::symlink_metadata(&directory) else {
                continue;
            };
            let below = directory.strip_prefix(&top.point).unwrap_or(&directory);
            found.insert(status.ino(), Path::new("/").join(below));
            let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
            let directories =
                entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            left.extend(directories.map(|entry| entry.path()));
        }
        found
    }

    /// The network namespaces that have a name or a process, by their inodes.
    fn networks(&self) -> HashMap<u64, String> {
        let mut found = HashMap::new();
        for pid in self.proc.processes() {
            let Ok(status) = self.proc.status(&format!("{pid}/ns/net")) else {
                continue;
            };
            let name = || format!("of {} ({pid})", self.proc.name(pid));
            found.entry(status.st_ino).or_insert_with(name);
        }
        for entry in fs::read_dir("/run/netns").into_iter().flatten().flatten() {
            if let Ok(status) = entry.metadata() {
                found.insert(
                    status.ino(),
                    entry.file_name().to_string_lossy().into_owned(),
                );
            }
        }
        if let Ok(own) = self.proc.status("self/ns/net") {
            found.insert(own.st_ino, "this one".into());
        }
        found
    }

    /// The devices of the caller's own network namespace.
    fn devices() -> HashMap<u32, String> {
        let entries = fs::read_dir("/sys/class/net")
            .into_iter()
            .flatten()
            .flatten();
        let device = |entry: fs::DirEntry| {
            let number = fs::read_to_string(entry.path().join("ifindex")).ok()?;
            let name = entry.file_name().to_string_lossy().into_owned();
            Some((number.trim().parse().ok()?, name))
        };
        entries.filter_map(device).collect()
    }

    /// The path or name of a target, if it has one that can be found.
    pub fn name(&self, target: &Target) -> Option<String> {
        match *target {
            Target::Cgroup { id } => {
                let cgroups = self.cgroups.get_or_init(|| self.cgroups());
                cgroups
                    .get(&id)
                    .map(|path| path.to_string_lossy().into_owned())
            }
            Target::NetworkNamespace { inode } => {
                let networks = self.networks.get_or_init(|| self.networks());
                networks.get(&inode.into()).cloned()
            }
            Target::Device { ifindex } => {
                let devices = self.devices.get_or_init(Self::devices);
                devices.get(&ifindex).cloned()
            }
            _ => None,
        }
    }

    /// A whole attachment.
    pub fn describe(&self, attachment: &Attachment) -> String {
        let name = self.name(&attachment.target);
        let text = match &attachment.target {
            _ if attachment.is_gone() => match &attachment.target {
                Target::Cgroup { .. } => "a cgroup that is gone".into(),
                Target::NetworkNamespace { .. } => "a network namespace that is gone".into(),
                Target::Device { .. } => "a network device that is gone".into(),
                _ => "nothing any more".into(),
            },
            Target::Cgroup { id } => match name {
                Some(path) => format!("cgroup {path}"),
                None => format!("cgroup with inode {id}"),
            },
            Target::NetworkNamespace { inode } => match name {
                Some(name) => format!("network namespace {name} (net:[{inode}])"),
                None => format!("network namespace net:[{inode}]"),
            },
            // A number counts in one network namespace, which the kernel does not tell.
            Target::Device { ifindex } => match name {
                Some(name) => {
                    format!("network device {ifindex} ({name} in this network namespace)")
                }
                None => format!("network device {ifindex} of another network namespace"),
            },
            Target::Map { id } => format!("map:{id}"),
            Target::Kernel { name } if name.is_empty() => "the kernel".into(),
            Target::Kernel { name } => name.clone(),
            Target::Functions { count } => format!("{count} functions of the kernel"),
            Target::Btf {
                object: 0,
                function,
            } => format!("BTF type {function}"),
            Target::Btf { object, function } => format!("BTF type {function} of object {object}"),
            Target::File { path, count: 1 } => path.clone(),
            Target::File { path, count } => format!("{count} places in {path}"),
            Target::Iterator { over } => format!("iterator over {over}"),
            Target::Netfilter {
                family,
                hook,
                priority,
            } => {
                format!("netfilter family {family} hook {hook} priority {priority}")
            }
            Target::Other => "something that is not known here".into(),
        };
        match &attachment.by {
            Some(by) => format!("{text}, {by}"),
            None => text,
        }
    }
}
