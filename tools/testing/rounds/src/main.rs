// SPDX-License-Identifier: GPL-2.0

//! Moves a machine's trees there and back while agents use them, and shows that nothing is lost.

mod agent;
mod clients;
mod control;
mod driver;
mod faults;
mod ktap;
mod model;
mod moves;
mod places;
mod replay;
mod snapshot;
mod sys;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

#[derive(Parser)]
#[command(about, version)]
enum Command {
    /// Use a directory of a BPF file system until the driver says that it is over
    Agent(agent::Args),
    /// Judge logs of agents once more; without the times of moves
    Replay {
        /// Files
        #[arg(required = true)]
        logs: Vec<PathBuf>,
    },
    /// Send packets, for the driver
    Send,
    /// Move trees while agents use them, in a guest whose first process is systemd
    Run(driver::Args),
}

fn run() -> Result<bool> {
    match Command::parse() {
        Command::Agent(args) => agent::run(args).map(|()| true),
        Command::Replay { logs } => replay(&logs),
        Command::Send => watch::send().map(|()| true),
        Command::Run(args) => driver::run(&args),
    }
}

fn replay(logs: &[PathBuf]) -> Result<bool> {
    let mut is_good = true;
    for log in logs {
        let report = replay::file(log, &[])?;
        let shown = log.display();
        println!(
            "{shown}: {} calls, {} of which succeeded, {} wrong; {} between two look-ups; the longest took {:.1} ms",
            report.calls,
            report.succeeded,
            report.wrong_count,
            report.between,
            report.other as f64 / 1e6
        );
        for line in &report.wrong {
            println!("{line}");
        }
        is_good &= report.wrong_count == 0;
    }
    Ok(is_good)
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("Bail out! {error:#}");
            ExitCode::FAILURE
        }
    }
}
