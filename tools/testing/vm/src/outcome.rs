// SPDX-License-Identifier: GPL-2.0

//! How it went with a guest: what came of the command, or why the guest was given up.

use std::fmt;

use anyhow::{anyhow, Error};

/// Lines of the console shown for a guest that died.
const CONSOLE_TAIL: usize = 60;

/// A guest did not come to its end in time, which may as well be for want of a processor.
#[derive(Debug)]
pub struct TooLong(String);

impl TooLong {
    /// It was to do this.
    pub fn to(doing: &str) -> Self {
        Self(format!("the guest took too long to {doing}"))
    }
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TooLong {}

/// How it went.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The command's exit status, if it came to that.
    pub status: Option<u8>,
    /// What went wrong besides the command.
    pub errors: Vec<String>,
    /// The report on kernel messages that should not be.
    pub kernel: Vec<String>,
}

impl Outcome {
    /// Shows what went wrong; returns whether anything did.
    pub fn report(&self) -> bool {
        if !self.kernel.is_empty() {
            eprintln!("bpffs: error: the kernel complains:");
            for line in &self.kernel {
                eprintln!("    {line}");
            }
        }
        for error in &self.errors {
            eprintln!("bpffs: error: {error}");
        }
        !self.kernel.is_empty() || !self.errors.is_empty()
    }

    /// The exit status for whoever wanted the command run: the command's own, if it failed.
    pub fn exit_status(&self) -> u8 {
        match (self.report(), self.status) {
            (_, Some(status @ 1..)) => status,
            (false, Some(0)) => 0,
            _ => 1,
        }
    }
}

/// Adds to why a guest was given up what QEMU said and how the guest's console ends. The error is
/// one line before that; it stays a [`TooLong`] if it is one.
pub fn with_console(error: &Error, why: &str, console: &str) -> Error {
    let lines: Vec<_> = console.lines().collect();
    let tail = &lines[lines.len().saturating_sub(CONSOLE_TAIL)..];
    let text = format!(
        "{error:#}{}{why}\nThe guest's console ends so:\n{}",
        if why.is_empty() { "" } else { "; " },
        tail.join("\n")
    );
    if error.is::<TooLong>() {
        TooLong(text).into()
    } else {
        anyhow!(text)
    }
}
