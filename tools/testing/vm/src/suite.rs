// SPDX-License-Identifier: GPL-2.0

//! `test`: the kselftests in a guest, the tests of the host's tools here, and the sum of both.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{io, iter, thread};

use anyhow::{bail, Context, Result};

use crate::comparison::Comparison;
use crate::job::Job;
use crate::ktap::{self, Count, Parser, TestResult};
use crate::machine::Machine;
use crate::outcome::Emulation;
use crate::pipe;
use crate::process::SPAWNING;
use crate::systemd_comparison;
use crate::work_queue::{self, Work};

/// What belongs to the suite.
pub struct Plan {
    /// The kselftests, each in a guest of its own.
    pub jobs: Vec<Job>,
    /// Those for a guest with SELinux.
    pub selinux: Option<Job>,
    /// What is to say the same with systemd as first process.
    pub systemd: Option<Job>,
    /// In these roots.
    pub systemd_roots: Vec<PathBuf>,
    /// Where to log; the guests' names are added.
    pub log: PathBuf,
    /// So many guests at a time.
    pub at_once: NonZeroUsize,
    /// Cargo projects.
    pub cargo: Vec<PathBuf>,
    /// The list of tests that run on one implementation alone, if all others are to run on both.
    pub one_sided: Option<PathBuf>,
}

/// Runs everything; the last line on standard output is the sum.
pub fn run(machine: &Machine, plan: Plan) -> Result<u8> {
    let log = plan.log;
    if let Some(directory) = log.parent() {
        std::fs::create_dir_all(directory)?;
    }
    machine.prepare()?;
    // The tools' tests have time to run while the guests boot.
    let projects = plan.cargo;
    let tools = thread::spawn(move || -> Result<Vec<CargoTest>> {
        projects
            .iter()
            .map(|project| CargoTest::run(project))
            .collect()
    });
    let comparison = Arc::new(Mutex::new(Comparison::default()));
    let mut work: Vec<Work<'_, Count>> = Vec::new();
    let jobs = plan.jobs.into_iter().map(|job| (job, false));
    let selinux = plan.selinux.into_iter().map(|job| (job, true));
    for (number, (job, selinux)) in (1..).zip(jobs.chain(selinux)) {
        let log = log.with_extension(format!("{number}.log"));
        let machine = Machine {
            name: format!("guest{number}"),
            selinux: machine.selinux || selinux,
            ..machine.clone()
        };
        let comparison = &comparison;
        work.push(Box::new(move || {
            kselftests(&machine, job, &log, comparison)
        }));
    }
    for (root, job) in plan
        .systemd_roots
        .into_iter()
        .zip(iter::repeat(&plan.systemd))
    {
        let Some(job) = job else { break };
        let machine = Machine {
            root,
            ..machine.clone()
        };
        let (log, comparison) = (&log, &comparison);
        work.push(Box::new(move || {
            systemd_comparison::run(&machine, job, log, comparison)
        }));
    }
    let mut count = Count::default();
    for part in work_queue::run(work, plan.at_once)? {
        count += part;
    }
    for test in tools.join().unwrap_or_else(|_| bail!("a thread died"))? {
        test.show();
        count += test.count;
    }
    if let (Some(list), Ok(comparison)) = (&plan.one_sided, comparison.lock()) {
        if let Some(wrong) = comparison.judge(list)? {
            println!("FAILED  tests on both implementations ({wrong})");
            count.failed += 1;
        }
        println!("{}", comparison.summary());
    }
    println!("{} passed, {} failed", count.passed, count.failed);
    Ok(u8::from(count.failed > 0))
}

/// Shows a result in one piece, whatever other threads have to show.
fn show(result: &TestResult) {
    let mut text = match &result.failure {
        None => format!("ok      {}\n", result.name),
        Some(reason) => format!("FAILED  {} ({reason})\n", result.name),
    };
    if result.failure.is_some() {
        for line in &result.output {
            text.push_str(&format!("        {line}\n"));
        }
    }
    print!("{text}");
}

/// Reads KTAP to its end, logs it, and gives `each` line to see with what results it brings; the
/// last time is for those that the end brings.
pub fn follow(
    reader: File,
    mut log: File,
    begin: Instant,
    mut each: impl FnMut(&str, &[TestResult]),
) -> Count {
    let mut parser = Parser::default();
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while let Ok(1..) = reader.read_until(b'\n', &mut line) {
        let text = String::from_utf8_lossy(&line);
        // When it was said tells which test takes the time.
        let _ = write!(log, "[{:8.3}] {text}", begin.elapsed().as_secs_f64());
        let text = text.trim_end();
        each(text, &parser.line(text));
        line.clear();
    }
    each("", &parser.end());
    parser.count
}

/// Runs kselftests in a guest; once more in another one if that dies of its emulation.
fn kselftests(
    machine: &Machine,
    mut job: Job,
    log: &Path,
    comparison: &Arc<Mutex<Comparison>>,
) -> Result<Count> {
    let name = &machine.name;
    println!("kselftests in {name}, which say in {}:", log.display());
    job.one_stream = true;
    if let Some(count) = try_kselftests(machine, &job, log, comparison, true)? {
        return Ok(count);
    }
    println!(
        "{name}: QEMU has run an instruction that was replaced (see Documentation/testing.rst): once more, \
         and what it said before does not count"
    );
    let count = try_kselftests(machine, &job, log, comparison, false)?;
    count.context("nothing was counted")
}

/// Nothing is counted of a guest that dies of its emulation, if that `may` happen.
fn try_kselftests(
    machine: &Machine,
    job: &Job,
    log: &Path,
    comparison: &Arc<Mutex<Comparison>>,
    may: bool,
) -> Result<Option<Count>> {
    let begin = Instant::now();
    let name = &machine.name;
    let log = File::create(log).with_context(|| log.display().to_string())?;
    let (reader, writer) = pipe()?;
    let comparison = comparison.clone();
    let follower = thread::spawn(move || {
        follow(reader, log, begin, |line, results| {
            results.iter().for_each(show);
            if let Ok(mut comparison) = comparison.lock() {
                comparison.note(line, results);
            }
            if let Some(report) = ktap::report(line) {
                println!("       {report}");
            }
        })
    });
    let outcome = machine.boot(job, Box::new(writer), Box::new(io::sink()));
    let mut count = follower.join().unwrap_or_default();
    let mut failures = Vec::new();
    if count == Count::default() {
        failures.push("any test at all: none ran");
    }
    match outcome {
        Ok(outcome) => {
            let complains = outcome.report();
            if may && outcome.is_of_emulation() {
                return Ok(None);
            }
            if complains {
                failures.push("a silent kernel and a clean end of the guest");
            }
            if outcome.status != Some(0) {
                failures.push("exit status of the test run");
            }
        }
        Err(error) => {
            eprintln!("bpffs: error: {name}: {error:#}");
            if may && error.is::<Emulation>() {
                return Ok(None);
            }
            failures.push("a guest that lives to the end");
        }
    }
    for failure in failures {
        println!("FAILED  {name}: {failure}");
        count.failed += 1;
    }
    println!("{name}: {} s", begin.elapsed().as_secs());
    Ok(Some(count))
}

/// The tests of a Cargo project.
struct CargoTest {
    project: PathBuf,
    count: Count,
    output: String,
    duration: Duration,
}

impl CargoTest {
    fn run(project: &Path) -> Result<Self> {
        let begin = Instant::now();
        let (mut reader, writer) = pipe()?;
        let mut cargo = Command::new("cargo");
        cargo
            .args([
                "test",
                "--quiet",
                "--locked",
                "--no-fail-fast",
                "--manifest-path",
            ])
            .arg(project.join("Cargo.toml"))
            .args(["--", "--format=pretty"])
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer);
        let spawning = SPAWNING.lock();
        let mut child = cargo.spawn().context("cargo")?;
        drop(spawning);
        drop(cargo);
        let mut output = String::new();
        reader.read_to_string(&mut output)?;
        let success = child.wait()?.success();
        let mut count = cargo_results(&output);
        if !success && count.failed == 0 {
            count.failed = 1;
        }
        Ok(Self {
            project: project.to_owned(),
            count,
            output,
            duration: begin.elapsed(),
        })
    }

    fn show(&self) {
        if self.count.failed > 0 {
            print!("{}", self.output);
        }
        println!(
            "cargo test of {}: {} passed, {} failed, {} s",
            self.project.display(),
            self.count.passed,
            self.count.failed,
            self.duration.as_secs()
        );
    }
}

/// Sums up the `test result:` lines; an ignored test is none that passed.
fn cargo_results(text: &str) -> Count {
    let mut count = Count::default();
    for line in text.lines() {
        let Some(result) = line.strip_prefix("test result: ") else {
            continue;
        };
        for part in result.split([';', '.']) {
            let mut words = part.split_whitespace();
            let number = words.next().and_then(|word| word.parse::<u32>().ok());
            match (number, words.next()) {
                (Some(number), Some("passed")) => count.passed += number,
                (Some(number), Some("failed" | "ignored")) => count.failed += number,
                _ => {}
            }
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    // Catches: failed or ignored tests of a tool that do not reach the sum.
    #[test]
    fn cargo_results_sum_up() {
        let text = "running 3 tests\n\
            test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s\n\
            test result: FAILED. 1 passed; 2 failed; 4 ignored; 0 measured; 9 filtered out; finished in 1s\n";
        assert_eq!(
            cargo_results(text),
            Count {
                passed: 4,
                failed: 6
            }
        );
    }
}
