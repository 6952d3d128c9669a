// SPDX-License-Identifier: GPL-2.0

//! The commands, a module each.

pub mod expose;
pub mod load;
pub mod ls;
pub mod rm;
pub mod status;
pub mod takeover;
pub mod unload;

use std::process::ExitCode;

use rustix::process::geteuid;

use crate::output::{self, Output};
use crate::owner::Owner;
use crate::proc::Proc;

/// What commands have in common.
pub struct Environment {
    /// The processes of the machine.
    pub proc: Proc,
    /// How to print.
    pub output: Output,
}

/// How a command ended that has not failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of it.
    Done,
    /// Done in part: something is in the way, and was named.
    Part,
    /// There is nothing of ours: the module is not loaded.
    Absent,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Done => 0,
            Outcome::Part => 3,
            Outcome::Absent => 4,
        })
    }
}

impl Environment {
    /// Tells of what could not be looked at, and what comes of it.
    fn tell(&self, problems: &[String]) -> Outcome {
        for problem in problems {
            eprintln!("bpffsctl: {}", output::message(problem));
        }
        match problems.is_empty() {
            true => Outcome::Done,
            false => Outcome::Part,
        }
    }
}

fn is_root() -> bool {
    geteuid().is_root()
}

/// `nginx (312, nginx.service)`.
fn process(pid: u32, name: &str, owner: Option<&Owner>) -> String {
    let name = output::plain(name);
    match owner {
        Some(owner) => format!("{name} ({pid}, {})", output::plain(&owner.to_string())),
        None => format!("{name} ({pid})"),
    }
}

/// `1 map`, `2 maps`.
fn counted(count: usize, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        _ => format!("{count} {thing}s"),
    }
}
