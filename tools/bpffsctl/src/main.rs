// SPDX-License-Identifier: GPL-2.0

//! Shows and changes what a machine has of BPF file systems.

use std::process::ExitCode;

use bpffsctl::cli::Cli;
use bpffsctl::output::message;
use clap::Parser;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            eprintln!("bpffsctl: {}", message(&error));
            ExitCode::FAILURE
        }
    }
}
