// SPDX-License-Identifier: GPL-2.0

//! Starts everything, moves the trees there and back, and judges.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};

use crate::control::{Control, DIRECTORY};
use crate::ktap::Results;
use crate::moves::{Ctl, Direction};
use crate::places::{self, Place, BPF};
use crate::replay::{self, Span};
use crate::sys;

/// What the driver is told.
#[derive(clap::Args)]
pub struct Args {
    /// Program that moves trees
    #[arg(long)]
    bpffsctl: PathBuf,
    /// Module that is moved to
    #[arg(long)]
    module: PathBuf,
    /// Directory with what other tests have: container.py and BPF programs
    #[arg(long)]
    clients: PathBuf,
    /// Directory for the logs of agents
    #[arg(long)]
    logs: PathBuf,
    /// How many times there and back
    #[arg(long, default_value = "20")]
    rounds: usize,
    /// How many times a run is killed
    #[arg(long, default_value = "100")]
    kills: usize,
    /// Puts in a fault that has to be found
    #[arg(long)]
    fault: Option<String>,
    /// Only these agents
    #[arg(long = "agent")]
    agents: Vec<String>,
}

/// The whole of it; whether all was good.
pub fn run(args: &Args) -> Result<bool> {
    let begin = Instant::now();
    let _ = fs::remove_dir_all(&args.logs);
    fs::create_dir_all(&args.logs)?;
    fs::create_dir(DIRECTORY).with_context(|| DIRECTORY)?;
    sys::chmod(Path::new(DIRECTORY), 0o755).map_err(std::io::Error::from_raw_os_error)?;
    ensure!(
        sys::attributes(Path::new(BPF)).is_ok_and(|all| all.is_empty()),
        "{BPF} is to be the kernel's own"
    );
    let control = Control::create()?;
    let mut results = Results::new();
    let ctl = Ctl {
        program: args.bpffsctl.clone(),
        module: args.module.clone(),
    };
    let container = args.clients.join("container.py");
    let mut places = places::start(&control, &args.logs, &container, &args.agents)?;
    let slots: Vec<_> = places.iter().map(|place| place.slot).collect();
    results.say(&format!("{} agents after {:.1} s", places.len(), begin.elapsed().as_secs_f64()));
    ctl.load()?;

    let mut moves: Vec<Span> = Vec::new();
    let mut wrong = Vec::new();
    for round in 1..=args.rounds {
        for direction in [Direction::Takeover, Direction::Release] {
            let before = places::calls(&control, &places);
            let run = ctl.run(direction, None)?;
            moves.push(run.span);
            let length = (run.span.1 - run.span.0) as f64 / 1e9;
            results.say(&format!("round {round}: {:.2} s, waited {:?} ms", length, run.held()));
            if !run.is_done() {
                wrong.push(format!("round {round}: status {:?}: {}", run.status, run.said));
            }
            thread::sleep(Duration::from_millis(300));
            for ((place, now), before) in places.iter().zip(places::calls(&control, &places)).zip(before) {
                if now <= before {
                    wrong.push(format!("round {round}: the agent {} stands still", place.name));
                }
            }
        }
    }
    results.result("moves", &wrong);

    control.stop(&slots)?;
    judge(&mut results, &places, &moves)?;
    for place in &mut places {
        place.end();
    }
    results.say(&format!("{:.0} s", begin.elapsed().as_secs_f64()));
    Ok(results.end())
}

/// Replays the logs.
fn judge(results: &mut Results, places: &[Place], moves: &[Span]) -> Result<()> {
    let (mut between, mut longest, mut other) = (0, (0, String::new()), 0);
    for place in places {
        let report = replay::file(&place.log, moves)?;
        results.say(&format!(
            "{}: {} calls, {} of which succeeded; longest {:.1} ms while trees moved, {:.1} ms otherwise",
            place.name,
            report.calls,
            report.succeeded,
            report.held.0 as f64 / 1e6,
            report.other as f64 / 1e6
        ));
        let mut wrong = report.wrong;
        if report.wrong_count > 0 {
            wrong.insert(0, format!("{} calls of {}", report.wrong_count, report.calls));
        }
        if !report.is_whole {
            wrong.push("the log does not end as logs do".into());
        }
        if report.calls < 100 {
            wrong.push(format!("{} calls only", report.calls));
        }
        between += report.between;
        other = other.max(report.other);
        if report.held.0 > longest.0 {
            longest = (report.held.0, format!("{}: {}", place.name, report.held.1));
        }
        results.result(&format!("calls.{}", place.name), &wrong);
    }
    results.say(&format!("{between} renames and links met a tree that came between their two look-ups"));
    results.say(&format!(
        "longest call while trees moved: {:.1} ms ({}); otherwise {:.1} ms",
        longest.0 as f64 / 1e6,
        longest.1,
        other as f64 / 1e6
    ));
    Ok(())
}
