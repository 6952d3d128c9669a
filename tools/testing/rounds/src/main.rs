// SPDX-License-Identifier: GPL-2.0

//! Moves a machine's trees there and back while agents use them, and shows that nothing is lost.

mod agent;
mod control;
mod model;
mod replay;
mod sys;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about, version)]
enum Command {
    /// Use a directory of a BPF file system until the driver says that it is over
    Agent(agent::Args),
    /// Judge the logs of agents
    Replay { logs: Vec<PathBuf> },
}

fn main() -> ExitCode { ExitCode::SUCCESS }
