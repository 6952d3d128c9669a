// SPDX-License-Identifier: GPL-2.0

//! `bpffsctl takeover` and `bpffsctl release`: moves every instance to the module, and back.

use anyhow::{bail, ensure, Result};
use clap::Args;
use serde_json::json;

use super::load::{self, Load};
use super::unload::{self, Unload};
use super::{counted, is_root, process, Environment, Outcome};
use crate::holders::{Holder, How};
use crate::instances::Machine;
use crate::module::{self, Livepatch};
use crate::moving::{self, context::Links, Direction, Moved, Step};
use crate::output::{self, Progress};

/// What both ways have in common.
#[derive(Args)]
pub struct Options {
    /// Only show what would be moved, and what is in the way
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Move nothing if something is in the way, or somebody stays in an old tree
    #[arg(short, long)]
    strict: bool,
}

/// Move all instances of the kernel's own to bpffs, while they are in use
///
/// Loads the module if needed. If one is loaded already, that one serves: --module and parameters mean
/// nothing then. Each instance is made anew, with the same pins, links, owners, modes, times
/// and attributes, and comes in the place of the old one at every path in every mount namespace. Calls
/// that change something wait for a moment. Nothing that is pinned is missing at any time.
///
/// Working directories and open directories stay in the old tree: who has them is named.
#[derive(Args)]
pub struct Takeover {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    load: Load,
}

/// Move all instances of bpffs back to the kernel's own, while they are in use
///
/// As takeover, the other way round. Names of instances and other options of bpffs are lost, and so are
/// the files outside that objects are exposed in.
#[derive(Args)]
pub struct Release {
    #[command(flatten)]
    options: Options,
    /// Then unload the module, unless something stayed
    #[arg(short, long)]
    unload: bool,
    #[command(flatten)]
    unloading: Unload,
}

/// `bpffsctl takeover`
pub fn takeover(environment: &Environment, args: &Takeover) -> Result<Outcome> {
    need_root("takeover")?;
    // Whatever was to be loaded, a module that is there serves.
    if !args.options.dry_run && !module::is_loaded() {
        load::load(environment, &args.load)?;
    }
    run(environment, Direction::ToOurs, &args.options)
}

/// `bpffsctl release`
pub fn release(environment: &Environment, args: &Release) -> Result<Outcome> {
    need_root("release")?;
    if !module::is_loaded() {
        environment.output.print(&json!({ "loaded": false }), || {
            "bpffs is not loaded: there is nothing to release\n".into()
        })?;
        return Ok(Outcome::Done);
    }
    let outcome = run(environment, Direction::ToBuiltin, &args.options)?;
    match args.unload && !args.options.dry_run && outcome == Outcome::Done {
        true => unload::run(environment, &args.unloading),
        false => Ok(outcome),
    }
}

fn need_root(command: &str) -> Result<()> {
    match is_root() {
        true => Ok(()),
        false => bail!("{command} takes root: it mounts in all mount namespaces"),
    }
}

fn holder(holder: &Holder) -> String {
    let who = process(
        holder.process.pid,
        &holder.process.name,
        holder.process.owner.as_ref(),
    );
    let what = match holder.how {
        How::WorkingDirectory => "its working directory".into(),
        How::Root => "its root directory".into(),
        How::Descriptor(number) => format!("file descriptor {number}"),
    };
    format!("{who} stays in the old tree with {what}")
}

/// What is in the way of a step, if nobody insists.
fn refusal(step: &Step, options: &Options) -> Vec<String> {
    let mut said = step.obstacles.clone();
    if options.strict {
        said.extend(stay(step));
    }
    said
}

/// What stays in the old tree.
fn stay(step: &Step) -> Vec<String> {
    let mut said: Vec<_> = step.holders.iter().map(holder).collect();
    said.extend(step.leftovers.iter().cloned());
    said
}

fn run(environment: &Environment, direction: Direction, options: &Options) -> Result<Outcome> {
    if !options.dry_run {
        // The kernel's own would ignore what holds changes back.
        ensure!(
            module::livepatch() == Livepatch::Enabled,
            "bpffs is loaded and its livepatch is not enabled, so that nothing can be moved: see bpffsctl status"
        );
    }
    let mut machine = Machine::look(&environment.proc)?;
    let mut steps = moving::plan(&environment.proc, &mut machine, direction);
    let own = std::process::id();
    for step in &mut steps {
        step.holders.retain(|holder| holder.process.pid != own);
    }
    let is_blocked = |step: &Step| !refusal(step, options).is_empty();
    let nothing = options.strict && steps.iter().any(is_blocked);
    if options.dry_run || nothing {
        show(environment, &machine, &steps, options)?;
        if nothing && !options.dry_run {
            bail!("nothing was moved, as something is in the way");
        }
        return Ok(match steps.iter().any(is_blocked) {
            true => Outcome::Part,
            false => Outcome::Done,
        });
    }
    let progress = Progress::new();
    let mut moved = Vec::new();
    let mut holds = Vec::new();
    let mut problems = machine.problems.clone();
    for step in steps {
        let device = step.instance.device;
        let said = refusal(&step, options);
        if !said.is_empty() {
            problems.extend(said.iter().map(|said| format!("{device} stays: {said}")));
            continue;
        }
        progress.say(&format!("moving {device}"));
        let staying = stay(&step);
        // What cannot be looked at may stay, too. Who stays is looked for again when all is ready.
        let is_known = machine.problems.is_empty() && machine.namespaces.complete;
        let links = match step.leftovers.is_empty() && is_known {
            true => Links::Go,
            false => Links::Stay,
        };
        match moving::run(
            &environment.proc,
            &machine,
            &step.instance,
            direction,
            links,
        ) {
            Ok(Some((done, hold))) => {
                // The old tree keeps what is pinned there, and links attached: it goes at once. Where somebody has
                // it, the kernel waits a while, which other trees are not to wait for.
                drop(step);
                match staying.is_empty() {
                    true => drop(hold),
                    false => holds.push(hold),
                }
                problems.extend(staying);
                moved.push(done);
            }
            Ok(None) => (),
            Err(error) => problems.push(format!("{device} stays: {error:#}")),
        }
    }
    drop(holds);
    drop(progress);
    environment
        .output
        .print(&json!({ "moved": moved }), || told(&moved))?;
    Ok(environment.tell(&problems))
}

fn told(moved: &[Moved]) -> String {
    if moved.is_empty() {
        return "nothing is to be moved\n".into();
    }
    let lines = moved.iter().map(|moved| {
        format!(
            "moved {} to {}: {}, {}; changes waited for {:.1} ms\n",
            moved.from,
            moved.to,
            counted(moved.pins, "pin"),
            counted(moved.places, "mount"),
            moved.held.as_secs_f64() * 1000.0
        )
    });
    lines.collect()
}

/// Shows the plan.
fn show(
    environment: &Environment,
    machine: &Machine,
    steps: &[Step],
    options: &Options,
) -> Result<()> {
    let place = |step: &Step| -> Vec<String> {
        let places = step.instance.places.iter().map(|place| {
            let namespace = machine.namespaces.list.get(place.namespace);
            let owner = namespace.and_then(|namespace| namespace.owner.as_ref());
            let point = output::path(&place.mount.point);
            match (namespace.is_some_and(|namespace| namespace.own), owner) {
                (false, Some(owner)) => format!("{point} ({})", output::plain(&owner.to_string())),
                _ => point,
            }
        });
        places.collect()
    };
    let value: Vec<_> = steps
        .iter()
        .map(|step| {
            json!({
                "device": step.instance.device,
                "places": place(step),
                "obstacles": refusal(step, options),
                "stay": stay(step),
            })
        })
        .collect();
    environment.output.print(&json!({ "plan": value }), || {
        let mut text = String::new();
        for step in steps {
            text += &format!("{}\n", step.instance.device);
            for line in place(step) {
                text += &format!("    at {line}\n");
            }
            let said = refusal(step, options);
            for line in &said {
                text += &format!("    in the way: {line}\n");
            }
            if !options.strict {
                for line in stay(step) {
                    text += &format!("    {line}\n");
                }
            }
        }
        if steps.is_empty() {
            text += "nothing is to be moved\n";
        }
        text
    })
}
