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

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

#[derive(Parser)]
#[command(about, version)]
enum Command {
    /// Use a directory of a BPF file system until the driver says that it is over
    Agent(agent::Args),
    /// Send packets, for the driver
    Send,
    /// Move trees while agents use them, in a guest whose first process is systemd
    Run(driver::Args),
}

fn run() -> Result<bool> {
    match Command::parse() {
        Command::Agent(args) => agent::run(args).map(|()| true),
        Command::Send => watch::send().map(|()| true),
        Command::Run(args) => driver::run(&args),
    }
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
