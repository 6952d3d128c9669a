// SPDX-License-Identifier: GPL-2.0

//! `mutants`: whether the tests notice when something is wrong with the module.
//!
//! Each mutant is a patch that puts a fault into the module. It is built and the tests are run on
//! it, and one of them must fail. Without a fault they must pass, or their failing says nothing.
//! While the tests of one run in a guest, the next is built.

mod patch;
mod programs;
mod source_copy;
mod test_run;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure, Context, Result};
use rustix::fs::{flock, FlockOperation};

use crate::job::Job;
use crate::machine::Machine;
use patch::Mutant;
use programs::Programs;
use source_copy::SourceCopy;
use test_run::{TestRun, Verdict};

/// What the run without a fault is called.
const CONTROL: &str = "control";
/// A mutant may take so much longer than the control run before it is taken to hang.
const SLACK: u32 = 5;
const LEAST_LIMIT: Duration = Duration::from_secs(180);

/// What to do, and with what.
pub struct Plan {
    /// Directory of the patches.
    pub patches: PathBuf,
    /// Directory of the test programs.
    pub selftests: PathBuf,
    /// Directory for everything that is made.
    pub out: PathBuf,
    /// The guest's kernel is a debugging one.
    pub debug: bool,
    /// Names of the mutants; none for all.
    pub names: Vec<String>,
}

/// A module with a fault, or without.
struct Built {
    mutant: Option<Mutant>,
    module: PathBuf,
    log: File,
    log_path: PathBuf,
    seconds: u64,
    result: Result<()>,
}

/// A line of the table.
struct Row {
    name: String,
    /// What caught it, or what is wrong with the mutant or with the tests.
    result: Result<String, String>,
    build: u64,
    test: u64,
}

/// Runs everything; the last line on standard output is the sum.
pub fn run(machine: &Machine, job: &Job, plan: Plan) -> Result<u8> {
    let programs = Programs::read(&programs::makefile(), plan.debug)?;
    let (mutants, others) = choose(patch::read_all(&plan.patches)?, &plan)?;
    for mutant in &mutants {
        programs
            .split(&mutant.try_first)
            .with_context(|| mutant.name.clone())?;
    }
    fs::create_dir_all(&plan.out).with_context(|| plan.out.display().to_string())?;
    let out = plan.out.canonicalize()?;
    let _lock = lock(&out)?;

    machine.prepare()?;
    let number = mutants.len();
    let test_run = TestRun {
        machine,
        job,
        selftests: &plan.selftests,
    };
    println!("mutants: first a control run, without a fault");
    let built = build_all(mutants, out);
    let mut rows = Vec::new();
    let control = receive(&built)?;
    let begin = Instant::now();
    let row = examine(&test_run, &programs, control);
    let Ok(said) = &row.result else {
        println!("{}", table(&[row]));
        bail!(
            "the tests fail, or cannot be run, without any fault: nothing can be said about \
             mutants. Make 'make test' pass first"
        );
    };
    println!("mutants: {CONTROL}: {said}, {} s", row.test);
    let limit = (begin.elapsed() * SLACK).max(LEAST_LIMIT);
    let limit = machine.timeout.map_or(limit, |timeout| timeout.min(limit));
    rows.push(row);

    let machine = Machine {
        timeout: Some(limit),
        ..machine.clone()
    };
    let test_run = TestRun {
        machine: &machine,
        ..test_run
    };
    for index in 1..=number {
        let built = receive(&built)?;
        if let Some(mutant) = &built.mutant {
            println!(
                "mutants: {index} of {number}: {}: {}",
                mutant.name, mutant.fault
            );
        }
        let row = examine(&test_run, &programs, built);
        println!("mutants:     {}", row.text());
        rows.push(row);
    }
    println!("\n{}", table(&rows));
    for mutant in others {
        println!(
            "{} is no part of this run: only a debugging kernel can tell (DEBUG=1)",
            mutant.name
        );
    }
    let failed = rows.iter().filter(|row| row.result.is_err()).count();
    println!("{} passed, {failed} failed", rows.len() - failed);
    Ok(u8::from(failed > 0))
}

/// The mutants of this run, and those that would be but for the kernel.
fn choose(all: Vec<Mutant>, plan: &Plan) -> Result<(Vec<Mutant>, Vec<Mutant>)> {
    for name in &plan.names {
        if !all.iter().any(|mutant| mutant.name == *name) {
            let names: Vec<_> = all.iter().map(|mutant| mutant.name.as_str()).collect();
            bail!("there is no mutant {name}, but: {}", names.join(" "));
        }
    }
    let (mutants, others): (Vec<_>, Vec<_>) = all
        .into_iter()
        .filter(|mutant| plan.names.is_empty() || plan.names.contains(&mutant.name))
        .partition(|mutant| plan.debug || !mutant.needs_debug);
    ensure!(
        !mutants.is_empty(),
        "no mutant is left to run: those asked for need a debugging kernel (DEBUG=1)"
    );
    Ok((mutants, others))
}

/// Keeps others from using the same directory until it is dropped.
fn lock(directory: &Path) -> Result<File> {
    let file = File::create(directory.join(".lock"))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)
        .with_context(|| format!("{}: another run is using it", directory.display()))?;
    Ok(file)
}

/// Builds a module without a fault and then each mutant, one ahead of who takes them.
fn build_all(mutants: Vec<Mutant>, out: PathBuf) -> Receiver<Result<Built>> {
    let (sender, receiver) = mpsc::sync_channel(0);
    thread::spawn(move || {
        let copy = SourceCopy::new(&out);
        for mutant in std::iter::once(None).chain(mutants.into_iter().map(Some)) {
            if sender.send(build(&copy, &out, mutant)).is_err() {
                return;
            }
        }
    });
    receiver
}

fn build(copy: &SourceCopy, out: &Path, mutant: Option<Mutant>) -> Result<Built> {
    let begin = Instant::now();
    let name = mutant.as_ref().map_or(CONTROL, |mutant| &mutant.name);
    let log_path = out.join(format!("{name}.log"));
    let mut log = File::create(&log_path).with_context(|| log_path.display().to_string())?;
    if let Some(mutant) = &mutant {
        writeln!(log, "Fault: {}\nHarm: {}\n", mutant.fault, mutant.harm)?;
    }
    let module = out.join(format!("{name}.ko"));
    let result = copy.build(mutant.as_ref(), &module, &log);
    Ok(Built {
        result,
        module,
        log,
        log_path,
        seconds: begin.elapsed().as_secs(),
        mutant,
    })
}

fn receive(built: &Receiver<Result<Built>>) -> Result<Built> {
    built.recv().context("building has stopped")?
}

/// Runs the tests on a module.
fn examine(test_run: &TestRun<'_>, programs: &Programs, built: Built) -> Row {
    let begin = Instant::now();
    let result = built.result.and_then(|()| {
        let first = built.mutant.as_ref().map(|mutant| &*mutant.try_first);
        let (first, rest) = programs.split(first.unwrap_or_default())?;
        let named = !first.is_empty();
        // Leaks of memory show when a guest ends, so the likely ones have a guest of their own.
        let mut verdict = Verdict::Passed(0);
        if named {
            verdict = test_run.run(&first, &built.module, built.log.try_clone()?)?;
        }
        if matches!(verdict, Verdict::Passed(_)) && !rest.is_empty() {
            verdict = test_run.run(&rest, &built.module, built.log.try_clone()?)?;
            if let (true, Verdict::Caught(by)) = (named, &mut verdict) {
                by.push_str(", by none of those that it is tried on first");
            }
        }
        Ok(verdict)
    });
    let result = match (result, &built.mutant) {
        (Ok(Verdict::Passed(tests)), None) => {
            Ok(format!("nothing: {tests} tests pass, as they must"))
        }
        (Ok(Verdict::Caught(by)), None) => Err(format!("FAILED: {by}")),
        (Ok(Verdict::Caught(by)), Some(_)) => Ok(by),
        (Ok(Verdict::Passed(_)), Some(_)) => {
            Err("SURVIVED: all tests pass, so one is missing: write it".into())
        }
        (Err(error), _) => Err(format!("FAILED: {error:#}")),
    };
    let result = result.map_err(|why| format!("{why}; see {}", built.log_path.display()));
    Row {
        name: built
            .mutant
            .map_or(CONTROL.to_owned(), |mutant| mutant.name),
        result,
        build: built.seconds,
        test: begin.elapsed().as_secs(),
    }
}

impl Row {
    fn text(&self) -> String {
        match &self.result {
            Ok(by) => format!("caught by {by}, {} s", self.test),
            Err(why) => why.clone(),
        }
    }
}

/// What caught which.
fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let mut text = format!("{:width$}  build  tests  caught by\n", "mutant");
    for row in rows {
        let by = match &row.result {
            Ok(by) => by,
            Err(why) => why,
        };
        text.push_str(&format!(
            "{:width$}  {:3} s  {:3} s  {by}\n",
            row.name, row.build, row.test
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutant(name: &str, needs: &str) -> Mutant {
        let text =
            format!("Fault: f\nHarm: h\n{needs}--- a/src/a\n+++ b/src/a\n@@ -1 +1 @@\n-a\n+b\n");
        Mutant::parse(name, &text).unwrap()
    }

    fn names(debug: bool, names: &[&str]) -> Result<Vec<String>> {
        let plan = Plan {
            patches: PathBuf::new(),
            selftests: PathBuf::new(),
            out: PathBuf::new(),
            debug,
            names: names.iter().map(|&name| name.to_owned()).collect(),
        };
        let all = ["a", "b", "c"].map(|name| {
            let needs = if name == "b" { "Needs: debug\n" } else { "" };
            mutant(name, needs)
        });
        let (mutants, _) = choose(all.into(), &plan)?;
        Ok(mutants.into_iter().map(|mutant| mutant.name).collect())
    }

    // Catches: mutants that are left out of a run, or a misspelt name that passes for a good run.
    #[test]
    fn mutants_are_chosen() {
        assert_eq!(names(false, &[]).unwrap(), ["a", "c"]);
        assert_eq!(names(true, &[]).unwrap(), ["a", "b", "c"]);
        assert_eq!(names(true, &["b"]).unwrap(), ["b"]);
        assert!(names(false, &["b"]).is_err());
        assert!(names(true, &["d"]).is_err());
    }

    // Catches: a table whose columns do not fit together, or that hides a mutant that survived.
    #[test]
    fn table_shows_all() {
        let row = |name: &str, result| Row {
            name: name.into(),
            result,
            build: 7,
            test: 123,
        };
        let rows = [
            row("a-long-name", Ok("x.y".into())),
            row("b", Err("SURVIVED".into())),
        ];
        assert_eq!(
            table(&rows),
            "mutant       build  tests  caught by\n\
             a-long-name    7 s  123 s  x.y\n\
             b              7 s  123 s  SURVIVED\n"
        );
    }

    // Catches: patches of the set that cannot be read any more, or that no longer fit the sources.
    #[test]
    fn all_patches_fit() {
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
        let mutants = patch::read_all(&top.join("tools/testing/mutants")).unwrap();
        assert!(mutants.len() >= 12);
        let scratch = std::env::temp_dir().join(format!("bpffs-vm-fit-{}", std::process::id()));
        let copy = SourceCopy::new(&scratch);
        for mutant in &mutants {
            copy.prepare(&top, Some(mutant))
                .with_context(|| mutant.name.clone())
                .unwrap();
        }
        fs::remove_dir_all(&scratch).unwrap();
    }
}
