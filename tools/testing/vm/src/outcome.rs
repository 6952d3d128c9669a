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

/// A guest died of its emulation: QEMU ran an instruction that another processor had replaced by then.
///
/// The kernel replaces code while it runs, for static keys and livepatches. For a moment an instruction
/// begins with int3. A processor that runs it then waits; one that runs it later does not know why it is
/// there, and dies. QEMU's translation of code lets that happen, if rarely, where no processor would.
#[derive(Debug)]
pub struct Emulation(String);

impl Emulation {
    /// Whether the kernel's log tells of that: the first oops is for an int3 that memory does not have.
    fn is_told_of<'a>(log: impl IntoIterator<Item = &'a str>) -> bool {
        let mut lines = log.into_iter();
        let is_int3 = lines
            .find(|line| line.contains("Oops: "))
            .is_some_and(|line| line.contains("Oops: int3"));
        let code = lines.find_map(|line| line.split_once("Code: "));
        // What is behind the instruction is in brackets.
        let before = code.and_then(|(_, code)| code.split_once(" <"));
        is_int3 && before.is_some_and(|(before, _)| !before.ends_with(" cc"))
    }
}

impl fmt::Display for Emulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Emulation {}

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

    /// Whether what went wrong began with the [`Emulation`].
    pub fn is_of_emulation(&self) -> bool {
        Emulation::is_told_of(self.kernel.iter().map(String::as_str))
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
/// one line before that; it stays a [`TooLong`] if it is one, and is an [`Emulation`] if it was that.
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
    } else if Emulation::is_told_of(console.lines()) {
        Emulation(text).into()
    } else {
        anyhow!(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OOPS: &str =
        "[  5.0] Oops: int3: 0000 [#1] SMP NOPTI\n[  5.1] RIP: 0010:__schedule+0xab/0x1060\n";

    // Catches: a fault of the module that is taken for one of QEMU's.
    #[test]
    fn only_what_is_in_memory_no_more_is_the_emulation() {
        let told = |text: &str| Emulation::is_told_of(text.lines());
        let gone = format!("{OOPS}[  5.1] Code: 00 e9 <b0> 04 00\n");
        assert!(told(&gone));
        assert!(!told(&format!("{OOPS}[  5.1] Code: 00 cc <cc> cc 00\n")));
        assert!(!told(OOPS));
        assert!(!told(&format!("[  4.0] Oops: 0000 [#1]\n{gone}")));
        assert!(!told(""));
    }
}
