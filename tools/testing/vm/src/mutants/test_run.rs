// SPDX-License-Identifier: GPL-2.0

//! A run of the tests on a module, and the verdict on the module.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::Instant;

use anyhow::{ensure, Result};

use super::programs::{Programs, PROGRAM};
use crate::job::Job;
use crate::ktap::{Count, TestResult};
use crate::machine::Machine;
use crate::outcome::{Emulation, Outcome, TooLong};
use crate::suite::follow;
use crate::{kernel_log, pipe};

/// What the tests found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing, and so many there were.
    Passed(u32),
    /// Something: what it was that found it, and what.
    Caught(String),
}

/// What was seen of a guest's tests.
#[derive(Debug, Default)]
struct Seen {
    /// The program that was running.
    program: String,
    /// The last result that there was.
    last: String,
    /// Names of tests that failed.
    failed: Vec<String>,
    count: Count,
}

/// Where and with what the tests run.
pub struct TestRun<'a> {
    /// The guest.
    pub machine: &'a Machine,
    /// The job but for what differs from module to module.
    pub job: &'a Job,
    /// Directory of the test programs.
    pub selftests: &'a Path,
}

impl TestRun<'_> {
    /// Boots a guest that runs `programs` on `module`; what they say goes to `log`.
    pub fn run(&self, programs: &Programs, module: &Path, mut log: File) -> Result<Verdict> {
        let begin = Instant::now();
        let mut job = Job {
            directory: self.selftests.to_owned(),
            command: programs.command(),
            one_stream: true,
            failure_ends: true,
            ..self.job.clone()
        };
        job.env.push(format!("BPFFS_MODULE={}", module.display()));
        let (reader, writer) = pipe()?;
        let output = log.try_clone()?;
        let follower = thread::spawn(move || {
            let mut seen = Seen::default();
            let count = follow(reader, output, begin, |line, results| {
                seen.line(line, results);
            });
            Seen { count, ..seen }
        });
        let outcome = self
            .machine
            .boot(&job, Box::new(writer), Box::new(io::sink()));
        let seen = follower.join().unwrap_or_default();
        match &outcome {
            Ok(outcome) => {
                for line in outcome.kernel.iter().chain(&outcome.errors) {
                    writeln!(log, "{line}")?;
                }
            }
            Err(error) => writeln!(log, "{error:#}")?,
        }
        judge(&seen, &outcome)
    }
}

impl Seen {
    /// Takes a line and the results it brings.
    fn line(&mut self, line: &str, results: &[TestResult]) {
        if let Some(name) = line.strip_prefix(PROGRAM) {
            name.clone_into(&mut self.program);
        }
        for result in results {
            result.name.clone_into(&mut self.last);
            // What only the end of the output shows to have failed says less than what ended it.
            if result.failure.is_some() && !line.is_empty() {
                self.failed.push(result.name.clone());
            }
        }
    }
}

/// Says what came out of a run. An error is one that tells nothing about the module.
fn judge(seen: &Seen, outcome: &Result<Outcome>) -> Result<Verdict> {
    // The first is what caught it; others may be there only since the rest was not run.
    if let Some(test) = seen.failed.first() {
        return Ok(Verdict::Caught(test.clone()));
    }
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            let slow = error.is::<TooLong>();
            ensure!(
                !error.is::<Emulation>(),
                "of its emulation, so run it again: {error:#}"
            );
            let error = format!("{error:#}");
            ensure!(!seen.program.is_empty(), "no test was run: {error}");
            let lines: Vec<_> = error.lines().collect();
            let first = lines.first().copied().unwrap_or_default();
            let telling = telling(&lines);
            let at = format!("{}{}", seen.program, after(&seen.last));
            ensure!(
                !slow || telling.is_some(),
                "{at}: {first}: nothing says why, so run it again on an idle machine"
            );
            let what = telling.unwrap_or(first);
            return Ok(Verdict::Caught(format!("{at}: {}", without_time(what))));
        }
    };
    ensure!(
        !seen.program.is_empty(),
        "no test was run: {}",
        outcome.errors.join("; ")
    );
    if !outcome.kernel.is_empty() {
        let lines: Vec<_> = outcome.kernel.iter().map(String::as_str).collect();
        let line = telling(&lines)
            .or(lines.first().copied())
            .unwrap_or_default();
        return Ok(Verdict::Caught(format!(
            "kernel log: {}",
            without_time(line)
        )));
    }
    if let Some(error) = outcome.errors.first() {
        return Ok(Verdict::Caught(format!("after the tests: {error}")));
    }
    if outcome.status != Some(0) {
        return Ok(Verdict::Caught(format!("exit status of {}", seen.program)));
    }
    ensure!(seen.count.passed > 0, "no test was run");
    Ok(Verdict::Passed(seen.count.passed))
}

/// The line of a kernel's log that says best what is wrong.
fn telling<'a>(lines: &[&'a str]) -> Option<&'a str> {
    let bad = |line: &&&str| kernel_log::is_bad(line) || line.starts_with("unreferenced object");
    // These only come with others, if those are there.
    let vague = |line: &&&str| line.contains("Call Trace:") || line.contains("cut here");
    let mut found = lines.iter().filter(bad);
    let clear = found.clone().find(|line| !vague(line));
    clear.or_else(|| found.next()).copied()
}

fn after(test: &str) -> String {
    if test.is_empty() {
        String::new()
    } else {
        format!(", after {test}")
    }
}

/// A message without the kernel's time stamp.
fn without_time(line: &str) -> &str {
    let rest = line.trim().strip_prefix('[');
    rest.and_then(|rest| rest.split_once(']'))
        .map_or(line.trim(), |(_, message)| message.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ktap::Parser;
    use crate::mutants::programs::tests::programs;
    use crate::outcome::with_console;
    use anyhow::anyhow;

    /// What comes of a run that prints `text` in a guest that ends so.
    fn verdict(text: &str, outcome: Result<Outcome>) -> Result<Verdict> {
        let mut parser = Parser::default();
        let mut seen = Seen::default();
        for line in text.lines() {
            seen.line(line, &parser.line(line));
        }
        seen.line("", &parser.end());
        seen.count = parser.count;
        judge(&seen, &outcome)
    }

    fn ended(status: u8) -> Result<Outcome> {
        Ok(Outcome {
            status: Some(status),
            ..Outcome::default()
        })
    }

    fn caught(by: &str) -> Verdict {
        Verdict::Caught(by.to_owned())
    }

    /// What the shell prints of the command, with programs that do not exist in their place.
    fn shell(programs: &Programs, replace: &[(&str, &str)]) -> (String, u8) {
        let mut command = programs.command();
        for (from, to) in replace {
            command = command.replace(from, to);
        }
        let output = std::process::Command::new("bash")
            .args(["-c", &command])
            .output()
            .unwrap();
        let status = output.status.code().unwrap().try_into().unwrap();
        (String::from_utf8(output.stdout).unwrap(), status)
    }

    // Catches: a failure that gets lost between programs, or tests that are run after it.
    #[test]
    fn programs_run_until_one_fails() {
        let all = programs(&["a", "b"], &["c"]);
        let good = "printf 'ok 1 x.y\\nok 2 x.z\\n1..2\\n'";
        let bad = "{ printf 'ok 1 x.y\\nnot ok 2 x.z\\nnot ok 3 x.a\\n1..3\\n'; false; }";
        let replace = [
            ("./run_rust a", good),
            ("./run_rust b", good),
            ("./c", good),
        ];
        let (text, status) = shell(&all, &replace);
        assert_eq!(verdict(&text, ended(status)).unwrap(), Verdict::Passed(6));
        let replace = [("./run_rust a", good), ("./run_rust b", bad)];
        let (text, status) = shell(&all, &replace);
        assert!(!text.contains("ok 3"), "{text}");
        assert_eq!(verdict(&text, ended(status)).unwrap(), caught("x.z"));
        // One that says nothing of what it dies of.
        let replace = [("./run_rust a", "{ echo '1..1'; false; }")];
        let (text, status) = shell(&all, &replace);
        assert_eq!(
            verdict(&text, ended(status)).unwrap(),
            caught("a (1 planned tests)")
        );
        let replace = [("./run_rust a", "false")];
        let (text, status) = shell(&all, &replace);
        assert_eq!(verdict(&text, ended(status)).unwrap(), caught("a"));
    }

    const TEXT: &str = "# bpffs-mutants: a\n# ok 1 a.x\n# ok 2 a.y\n# 1..2\n";

    // Catches: a mutant that passes for survived although the kernel has complained or died.
    #[test]
    fn guests_that_end_badly() {
        let done = format!("{TEXT}ok 1 a\n");
        assert_eq!(verdict(&done, ended(0)).unwrap(), Verdict::Passed(2));
        assert_eq!(
            verdict(&done, ended(1)).unwrap(),
            caught("exit status of a")
        );
        let mut outcome = ended(0).unwrap();
        outcome.kernel = vec!["[    1.2] hello".into(), "[    1.3] BUG: it".into()];
        assert_eq!(
            verdict(&done, Ok(outcome)).unwrap(),
            caught("kernel log: BUG: it")
        );
        let mut outcome = ended(0).unwrap();
        outcome.errors = vec!["unmounting /a: EBUSY".into()];
        assert_eq!(
            verdict(&done, Ok(outcome)).unwrap(),
            caught("after the tests: unmounting /a: EBUSY")
        );
        let console = "[ 1.0] x\n[ 2.0] Call Trace:\n[ 2.0] Oops: 1\n[ 3.0] BUG";
        let died = with_console(&anyhow!("the guest died"), "", console);
        assert_eq!(
            verdict(TEXT, Err(died)).unwrap(),
            caught("a, after a.y: Oops: 1")
        );
    }

    // Catches: a machine with too much else to do, taken for what catches a mutant.
    #[test]
    fn guests_that_take_too_long() {
        let slow = |console| {
            let error = TooLong::to("finish the command").into();
            Err(with_console(&error, "", console))
        };
        let error = verdict(TEXT, slow("[ 1.0] x")).unwrap_err().to_string();
        assert_eq!(
            error,
            "a, after a.y: the guest took too long to finish the command: \
             nothing says why, so run it again on an idle machine"
        );
        assert_eq!(
            verdict(TEXT, slow("[ 1.0] INFO: task a blocked\n[ 2.0] x")).unwrap(),
            caught("a, after a.y: INFO: task a blocked")
        );
        let failed = "# bpffs-mutants: a\nok 1 a.x\nnot ok 2 a.y\n";
        assert_eq!(verdict(failed, slow("")).unwrap(), caught("a.y"));
    }

    // Catches: a guest that does not get as far as the tests, taken for a mutant that was caught.
    #[test]
    fn guests_that_run_nothing() {
        assert!(verdict("", Err(anyhow!("no QEMU"))).is_err());
        assert!(verdict("", ended(0)).is_err());
        assert!(verdict("# bpffs-mutants: a\n", ended(0)).is_err());
    }
}
