// SPDX-License-Identifier: GPL-2.0

//! `bpffsctl status`: the kernel, the module, all instances.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::path::PathBuf;

use anyhow::Result;
use serde::Serialize;

use super::{counted, is_root, process, Environment, Outcome};
use crate::holders::{Held, Holder, How};
use crate::instances::{Implementation, Inodes, Instance, Machine};
use crate::module::{self, Livepatch, Module};
use crate::mounts::{Device, Mount};
use crate::namespaces::Namespace;
use crate::output::{self, plain, Style};
use crate::owner::Owner;
use crate::pins::{self, Detail};
use crate::tree::{walk, Depth, Next, What};

#[derive(Serialize)]
struct Status {
    kernel: String,
    module: Option<Module>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "crate::output::some_lossy"
    )]
    installed: Option<PathBuf>,
    instances: Vec<Shown>,
    /// Whether all mount namespaces of the machine were looked at.
    complete: bool,
    problems: Vec<String>,
}

#[derive(Default, Serialize)]
struct Counts {
    maps: usize,
    progs: usize,
    links: usize,
    #[serde(skip_serializing_if = "is_zero")]
    unknown: usize,
    directories: usize,
    symlinks: usize,
    /// Directories whose content is not counted.
    #[serde(skip_serializing_if = "is_zero")]
    unreadable: usize,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[derive(Serialize)]
struct Shown {
    device: Device,
    implementation: Implementation,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    options: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inodes: Option<Inodes>,
    /// Not there if no mount can be reached, or its root cannot be read.
    pins: Option<Counts>,
    mounts: Vec<Mounted>,
    holders: Vec<Holder>,
}

#[derive(Serialize)]
struct Mounted {
    #[serde(flatten)]
    mount: Mount,
    namespace: Where,
    /// Why its root cannot be opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreachable: Option<String>,
}

#[derive(Clone, Serialize)]
struct Where {
    inode: u64,
    id: Option<u64>,
    own: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<Owner>,
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "crate::output::all_lossy"
    )]
    files: Vec<PathBuf>,
}

fn count(environment: &Environment, instance: &Instance) -> Result<(Option<Counts>, Vec<String>)> {
    let proc = &environment.proc;
    let roots = instance.roots();
    if roots.is_empty() {
        return Ok((None, Vec::new()));
    }
    let mut counts = Counts::default();
    let mut unread = 0;
    let count_roots = roots.len();
    let mut said = Vec::new();
    for place in roots {
        let Ok(root) = &place.root else { continue };
        let problems = walk(root.as_fd(), Depth::All, &mut |entry| {
            use crate::bpf::Kind::{Link, Map, Prog};
            let counter = match entry.what {
                What::Directory if entry.directory.is_none() => return Ok(Next::Go),
                What::Directory => &mut counts.directories,
                What::Symlink(_) => &mut counts.symlinks,
                What::Pin => match pins::inspect(proc, entry.file, Detail::Brief) {
                    Ok(pin) => match pin.id.kind {
                        Map => &mut counts.maps,
                        Prog => &mut counts.progs,
                        Link => &mut counts.links,
                    },
                    Err(_) => &mut counts.unknown,
                },
            };
            *counter += 1;
            Ok(Next::Go)
        })?;
        let of_root = |(path, _): &(PathBuf, std::io::Error)| path.as_os_str().is_empty();
        unread += usize::from(problems.iter().any(of_root));
        counts.unreadable += problems.len();
        said.extend(
            problems.into_iter().map(|(path, error)| {
                format!("{}: {error}", place.mount.point.join(path).display())
            }),
        );
    }
    Ok(((unread < count_roots).then_some(counts), said))
}

fn place(environment: &Environment, machine: &Machine, namespace: &Namespace) -> Where {
    let pid = namespace.members.first().map(|member| member.pid);
    Where {
        inode: namespace.inode,
        id: namespace.id,
        own: namespace.own,
        pid,
        name: pid.map(|pid| environment.proc.name(pid)),
        owner: namespace.owner.clone(),
        files: machine
            .bound
            .get(&namespace.inode)
            .cloned()
            .unwrap_or_default(),
    }
}

fn look(environment: &Environment) -> Result<Status> {
    let proc = &environment.proc;
    let machine = Machine::look(proc)?;
    let mut held = Held::find(proc, &machine);
    let module = Module::look(proc);
    let mut problems = machine.problems.clone();
    let mut instances = Vec::new();
    for instance in &machine.instances {
        let (pins, said) = count(environment, instance)?;
        problems.extend(said);
        let mounts = instance.places.iter().filter_map(|found| {
            let namespace = machine.namespaces.list.get(found.namespace)?;
            Some(Mounted {
                mount: found.mount.clone(),
                namespace: place(environment, &machine, namespace),
                unreachable: found.root.as_ref().err().map(ToString::to_string),
            })
        });
        // Without the module there can be none of ours.
        let implementation = match &instance.implementation {
            Implementation::Unknown if module.is_none() => Implementation::Builtin,
            other => other.clone(),
        };
        instances.push(Shown {
            device: instance.device,
            key: match &implementation {
                Implementation::Ours(key) => Some(key.to_string()),
                _ => None,
            },
            implementation,
            options: instance.options.clone(),
            inodes: instance.inodes,
            pins,
            mounts: mounts.collect(),
            holders: held.instances.remove(&instance.device).unwrap_or_default(),
        });
    }
    // Those that are mounted nowhere.
    for (device, holders) in held.instances {
        let of = |holder: &Holder| {
            let path = match holder.how {
                How::WorkingDirectory => "cwd".into(),
                How::Root => "root".into(),
                How::Descriptor(number) => format!("fd/{number}"),
            };
            let path = format!("{}/{path}", holder.process.pid);
            let file = proc.open(&path, rustix::fs::OFlags::PATH).ok()?;
            Some(crate::instances::implementation(file.as_fd()))
        };
        let implementation = holders
            .iter()
            .find_map(of)
            .unwrap_or(Implementation::Unknown);
        instances.push(Shown {
            device,
            key: match &implementation {
                Implementation::Ours(key) => Some(key.to_string()),
                _ => None,
            },
            implementation,
            options: Vec::new(),
            inodes: None,
            pins: None,
            mounts: Vec::new(),
            holders,
        });
    }
    Ok(Status {
        kernel: rustix::system::uname()
            .release()
            .to_string_lossy()
            .into_owned(),
        installed: module.is_none().then(module::installed).flatten(),
        module,
        instances,
        complete: machine.namespaces.complete && is_root(),
        problems,
    })
}

fn module_text(environment: &Environment, status: &Status) -> String {
    let output = environment.output;
    let Some(module) = &status.module else {
        let installed = match &status.installed {
            Some(file) => format!(" ({} is installed)", file.display()),
            None => String::new(),
        };
        let text = format!("not loaded{installed}");
        return format!("module     {}\n", output.paint(Style::Warning, &text));
    };
    let mut text = format!(
        "module     bpffs {}",
        module.version.as_deref().unwrap_or("?")
    );
    if let Some(version) = &module.source_version {
        text += &format!(" (sources {version})");
    }
    if let Some(references) = module.references {
        text += &format!(", {}", counted(references as usize, "reference"));
    }
    let livepatch = match module.livepatch {
        Livepatch::Enabled => output.paint(Style::Good, "enabled: new mounts are ours"),
        Livepatch::Enabling => {
            output.paint(Style::Warning, "in transition: not all tasks use it yet")
        }
        Livepatch::Disabling => output.paint(
            Style::Warning,
            "in transition back: some tasks still use it",
        ),
        Livepatch::Disabled => {
            output.paint(Style::Warning, "disabled: new mounts are the kernel's own")
        }
    };
    text += &format!("\nlivepatch  {livepatch}\n");
    if !module.in_the_way.is_empty() {
        text += &format!(
            "           waits for {}\n",
            module::named(&module.in_the_way)
        );
    }
    for (name, value) in &module.parameters {
        text += &format!("parameter  {name}={value}\n");
    }
    text
}

fn where_text(place: &Where) -> String {
    if place.own {
        return "here".into();
    }
    let mut who = match (&place.owner, place.pid, &place.name) {
        (Some(owner), Some(pid), _) => format!("{}, process {pid}", plain(&owner.to_string())),
        (None, Some(pid), Some(name)) => process(pid, name, None),
        _ => "no process".into(),
    };
    for file in &place.files {
        who += &format!(", file {}", output::path(file));
    }
    format!("mnt:[{}] {who}", place.inode)
}

fn instance_text(environment: &Environment, shown: &Shown) -> String {
    let output = environment.output;
    let whose = shown.implementation.to_string();
    let whose = match shown.implementation {
        Implementation::Ours(_) => output.paint(Style::Good, &plain(&whose)),
        _ => whose,
    };
    let mut text = format!(
        "\n{} {whose}\n",
        output.paint(Style::Bold, &format!("instance {}", shown.device))
    );
    if !shown.options.is_empty() {
        text += &format!("  options  {}\n", plain(&shown.options.join(",")));
    }
    if let Some(inodes) = &shown.inodes {
        text += &format!("  inodes   {} of {}\n", inodes.used, inodes.limit);
    }
    let pins = match &shown.pins {
        Some(counts) => {
            let kinds = [
                (counts.maps, "map"),
                (counts.progs, "program"),
                (counts.links, "link"),
                (counts.unknown, "pin that cannot be fetched"),
                (counts.directories, "directory"),
                (counts.symlinks, "symbolic link"),
                (counts.unreadable, "directory that cannot be read"),
            ];
            let there = kinds.iter().filter(|(count, _)| *count > 0);
            let list: Vec<String> = there
                .map(|&(count, thing)| match (count, thing) {
                    (1, _) => format!("1 {thing}"),
                    (_, "directory") => format!("{count} directories"),
                    (_, "directory that cannot be read") => {
                        format!("{count} directories that cannot be read")
                    }
                    (_, "pin that cannot be fetched") => {
                        format!("{count} pins that cannot be fetched")
                    }
                    _ => counted(count, thing),
                })
                .collect();
            match list.is_empty() {
                true => "none".into(),
                false => list.join(", "),
            }
        }
        None => "cannot be looked at".into(),
    };
    text += &format!("  pins     {pins}\n");
    for (index, mounted) in shown.mounts.iter().enumerate() {
        let label = if index == 0 { "mounted" } else { "" };
        let part = match mounted.mount.root.as_os_str() == "/" {
            true => String::new(),
            false => format!(" ({} of it)", output::path(&mounted.mount.root)),
        };
        let why = match &mounted.unreachable {
            Some(reason) => format!(", {reason}"),
            None => String::new(),
        };
        text += &format!(
            "  {label:8} {}{part} {}\n",
            output::path(&mounted.mount.point),
            output.paint(
                Style::Dim,
                &format!("{}{why}", where_text(&mounted.namespace))
            ),
        );
    }
    // A process is named once, with all that it holds.
    let mut holders: BTreeMap<u32, (String, Vec<String>)> = BTreeMap::new();
    for holder in &shown.holders {
        let process = &holder.process;
        let name = process_text(holder);
        let path = output::path(&holder.path);
        let how = match holder.how {
            How::WorkingDirectory => format!("working directory {path}"),
            How::Root => format!("root directory {path}"),
            How::Descriptor(number) => format!("descriptor {number} {path}"),
        };
        holders
            .entry(process.pid)
            .or_insert((name, Vec::new()))
            .1
            .push(how);
    }
    for (index, (name, how)) in holders.values().enumerate() {
        let label = if index == 0 { "held by" } else { "" };
        text += &format!("  {label:8} {name}: {}\n", how.join(", "));
    }
    text
}

fn process_text(holder: &Holder) -> String {
    let who = &holder.process;
    process(who.pid, &who.name, who.owner.as_ref())
}

/// Shows it.
pub fn run(environment: &Environment) -> Result<Outcome> {
    let status = look(environment)?;
    environment.output.print(&status, || {
        let mut text = format!("kernel     {}\n", status.kernel);
        text += &module_text(environment, &status);
        for shown in &status.instances {
            text += &instance_text(environment, shown);
        }
        if status.instances.is_empty() {
            text += "\nno BPF file system is mounted\n";
        }
        if !status.complete {
            text += "\nWithout root, only what this user may see is shown.\n";
        }
        text
    })?;
    // Without root there is much that cannot be looked at; one line says so.
    let told = match is_root() {
        true => environment.tell(&status.problems),
        false => Outcome::Done,
    };
    Ok(match status.module {
        Some(_) => told,
        None => Outcome::Absent,
    })
}
