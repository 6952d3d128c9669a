// SPDX-License-Identifier: GPL-2.0

//! `bpffsctl unload`: gives the file system back to the kernel, and unloads the module.

use std::fs;
use std::time::Duration;

use anyhow::{bail, ensure, Context, Result};
use clap::Args;
use rustix::io::Errno;
use rustix::system::delete_module;
use serde_json::json;

use super::{counted, is_root, process, Environment, Outcome};
use crate::holders::{Held, Holder, How};
use crate::instances::{self, Implementation, Machine};
use crate::module::{self, Livepatch, LIVEPATCH};
use crate::output;

/// Give the file system back to the kernel, and unload the module
///
/// Refuses while instances of bpffs are mounted or held, and says where and by whom.
#[derive(Args)]
pub struct Unload {
    /// Seconds to wait for tasks, and for the module to be unused
    #[arg(short, long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,
}

/// Whether a holder holds an instance of ours that is mounted nowhere.
fn holds_ours(environment: &Environment, holder: &Holder) -> bool {
    let path = match holder.how {
        How::WorkingDirectory => "cwd".into(),
        How::Root => "root".into(),
        How::Descriptor(number) => format!("fd/{number}"),
    };
    let path = format!("{}/{path}", holder.process.pid);
    let flags = rustix::fs::OFlags::PATH;
    environment.proc.open(&path, flags).is_ok_and(|file| {
        use std::os::fd::AsFd;
        instances::implementation(file.as_fd()).is_ours()
    })
}

/// What keeps the module: where instances of ours are mounted, and who holds them.
pub fn in_the_way(environment: &Environment) -> Result<Vec<String>> {
    let machine = Machine::look(&environment.proc)?;
    let held = Held::find(&environment.proc, &machine);
    let mut said = Vec::new();
    for instance in &machine.instances {
        if instance.implementation == Implementation::Builtin {
            continue;
        }
        for place in &instance.places {
            let Some(namespace) = machine.namespaces.list.get(place.namespace) else {
                continue;
            };
            let point = output::path(&place.mount.point);
            let whose = match (&namespace.owner, namespace.members.first()) {
                _ if namespace.own => String::new(),
                (Some(owner), Some(member)) => format!(
                    " in the mount namespace of {} (process {})",
                    output::plain(&owner.to_string()),
                    member.pid
                ),
                (None, Some(member)) => {
                    format!(" in the mount namespace of process {}", member.pid)
                }
                _ => format!(
                    " in mount namespace {}, which has no process",
                    namespace.inode
                ),
            };
            said.push(format!("{point} is mounted{whose}"));
        }
    }
    for (device, holders) in &held.instances {
        let known = machine.instance(*device);
        for holder in holders {
            let ours = match known {
                Some(instance) => instance.implementation != Implementation::Builtin,
                None => holds_ours(environment, holder),
            };
            if ours {
                let who = &holder.process;
                let who = process(who.pid, &who.name, who.owner.as_ref());
                let path = output::path(&holder.path);
                said.push(match holder.how {
                    How::WorkingDirectory => format!("{who} has the working directory {path}"),
                    How::Root => format!("{who} has the root directory {path}"),
                    How::Descriptor(number) => format!("{who} has {path} open as {number}"),
                });
            }
        }
    }
    for user in &held.contexts {
        let who = &user.process;
        said.push(format!(
            "{} configures a mount, perhaps of bpffs, by descriptor {}",
            process(who.pid, &who.name, who.owner.as_ref()),
            user.descriptor
        ));
    }
    said.extend(machine.problems.iter().cloned());
    Ok(said)
}

fn refuse(environment: &Environment, users: i64) -> Result<Outcome> {
    let said = in_the_way(environment)?;
    for line in &said {
        eprintln!("bpffsctl: in the way: {}", output::plain(line));
    }
    bail!(
        "bpffs is in use ({} besides the livepatch's): unmount its instances and end who holds them{}",
        counted(usize::try_from(users).unwrap_or_default(), "reference"),
        if said.is_empty() {
            "; nobody could be found"
        } else {
            ""
        }
    );
}

/// References but that of the livepatch itself, which goes when it is disabled.
fn users() -> i64 {
    let path = format!("{}/refcnt", module::DIRECTORY);
    let references = fs::read_to_string(path).ok();
    let references: i64 = references
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0);
    let livepatch = fs::exists(LIVEPATCH).unwrap_or(false);
    references - i64::from(livepatch)
}

/// Unloads.
pub fn run(environment: &Environment, args: &Unload) -> Result<Outcome> {
    let limit = Duration::from_secs(args.timeout);
    if !module::is_loaded() {
        environment
            .output
            .print(&json!({ "unloaded": false, "loaded": false }), || {
                "bpffs is not loaded\n".into()
            })?;
        return Ok(Outcome::Absent);
    }
    ensure!(is_root(), "unloading a module takes root");
    // Inodes that are freed, and contexts that have just been closed, hold it for a moment.
    let soon = limit.min(Duration::from_millis(500));
    let mut what = || "waiting for instances to go".into();
    if !module::wait(soon, &mut what, &mut || Ok(users() <= 0))? {
        return refuse(environment, users());
    }
    if fs::exists(LIVEPATCH)? {
        // A transition that has not come to its end is turned round by that.
        if matches!(
            module::livepatch(),
            Livepatch::Enabled | Livepatch::Enabling
        ) {
            fs::write(format!("{LIVEPATCH}/enabled"), "0")
                .context("the livepatch cannot be disabled: try again")?;
        }
        let mut what = || {
            let tasks = module::in_the_way(&environment.proc, module::livepatch());
            format!("waiting for {}", module::named(&tasks))
        };
        if !module::wait(limit, &mut what, &mut || Ok(!fs::exists(LIVEPATCH)?))? {
            eprintln!(
                "bpffsctl: after {} s in the way of unloading: {}",
                limit.as_secs(),
                what()
            );
            eprintln!(
                "bpffsctl: the livepatch is disabled; wake or end these tasks, and try again"
            );
            return Ok(Outcome::Part);
        }
    }
    let mut last = Errno::BUSY;
    let mut what = || "waiting for the module to be unused".into();
    let gone = module::wait(limit.min(Duration::from_secs(10)), &mut what, &mut || {
        // To be refused while it is in use, rather than to wait.
        let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
        match delete_module(c"bpffs", flags) {
            Ok(()) | Err(Errno::NOENT) => Ok(true),
            Err(error @ (Errno::WOULDBLOCK | Errno::BUSY)) => {
                last = error;
                Ok(false)
            }
            Err(error) => Err(error).context("the kernel does not unload bpffs"),
        }
    })?;
    if !gone {
        for line in in_the_way(environment)? {
            eprintln!("bpffsctl: in the way: {}", output::plain(&line));
        }
        eprintln!("bpffsctl: the livepatch is disabled, and bpffs is in use: {last}");
        return Ok(Outcome::Part);
    }
    environment
        .output
        .print(&json!({ "unloaded": true, "loaded": false }), || {
            "unloaded: the kernel's own implementation serves again\n".into()
        })?;
    Ok(Outcome::Done)
}
