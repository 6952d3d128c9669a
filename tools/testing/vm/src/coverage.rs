// SPDX-License-Identifier: GPL-2.0

//! Which lines of the module the tests have run, and on which branches.

mod counted;
mod lcov;
mod unreached;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{ensure, Context, Result};

use counted::Counted;
use lcov::Source;
use unreached::Unreached;

/// Where in the directory of modules that count they leave what they have counted.
pub const COUNTED: &str = "counted";

/// What is to be told.
pub struct Plan {
    /// Directories of modules, each with what they have counted.
    pub modules: Vec<PathBuf>,
    /// The list of lines that nothing can reach.
    pub unreached: PathBuf,
    /// Where the annotated sources go.
    pub out: PathBuf,
    /// The version of LLVM's tools.
    pub llvm: String,
}

/// The sources, by their paths from the top of the clone.
type Sources = BTreeMap<PathBuf, Source>;

/// Tells it. The status is that of a check that every line is run, or listed with a reason.
pub fn run(plan: &Plan) -> Result<u8> {
    let mut sources = Sources::new();
    for directory in &plan.modules {
        add(&mut sources, directory, plan).with_context(|| directory.display().to_string())?;
    }
    ensure!(
        !sources.is_empty(),
        "nothing was counted: make coverage does that"
    );
    let list = fs::read_to_string(&plan.unreached)
        .with_context(|| plan.unreached.display().to_string())?;
    let unreached = Unreached::parse(&list)?;
    let mut failures = unreached.of_no_source(&sources);
    for (path, source) in &sources {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        annotate(&plan.out, path, source, &text)?;
        failures.extend(unreached.judge(path, source, &text));
    }
    print!("{}", table(&sources));
    println!("annotated sources: {}", plan.out.display());
    for failure in &failures {
        println!("FAILED  {failure}");
    }
    if failures.is_empty() {
        println!(
            "each line was run, or is listed in {}",
            plan.unreached.display()
        );
    }
    Ok(u8::from(!failures.is_empty()))
}

/// Adds what the modules of a directory have counted.
fn add(sources: &mut Sources, directory: &Path, plan: &Plan) -> Result<()> {
    let scratch = directory.join("profiles");
    fs::create_dir_all(&scratch)?;
    let mut profiles = Vec::new();
    let mut objects = Vec::new();
    for entry in fs::read_dir(directory.join(COUNTED)).context("nothing was counted")? {
        let path = entry?.path();
        let name = path.extension().context("not of a module")?;
        let object = directory.join(name).with_extension("ko");
        let profile = scratch.join(path.file_name().context("no name")?);
        let counted = fs::read(&path)?;
        let counted = Counted::parse(&counted).with_context(|| path.display().to_string())?;
        fs::write(&profile, counted.profile())?;
        profiles.push(profile);
        if !objects.contains(&object) {
            objects.push(object);
        }
    }
    let merged = scratch.join("all.profdata");
    let tool = |name: &str| Command::new(format!("{name}-{}", plan.llvm));
    let mut merge = tool("llvm-profdata");
    output(merge.arg("merge").arg("-o").arg(&merged).args(&profiles))?;
    for object in objects {
        let mut export = tool("llvm-cov");
        let export = export.args(["export", "--format=lcov", "--instr-profile"]);
        let text = output(export.arg(&merged).arg(&object))?;
        lcov::add(sources, &text).with_context(|| object.display().to_string())?;
    }
    Ok(())
}

/// What a command prints.
fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| name.clone())?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name}: {}", complaint.trim());
    String::from_utf8(output.stdout).context(name)
}

/// How many of how many, and in percent.
fn share(reached: usize, all: usize) -> String {
    match all {
        0 => format!("{:>7}", "-"),
        _ => format!("{:6.2}%", reached as f64 * 100.0 / all as f64),
    }
}

fn table(sources: &Sources) -> String {
    let width = sources.keys().map(|path| path.as_os_str().len()).max();
    let width = width.unwrap_or_default();
    let mut text = String::new();
    let mut row = |name: &str, [lines, run, branches, taken]: [usize; 4]| {
        let _ = writeln!(
            text,
            "{name:width$} {run:>6} of {lines:>6} lines {} {taken:>6} of {branches:>6} branches {}",
            share(run, lines),
            share(taken, branches),
        );
    };
    let mut sum = [0; 4];
    for (path, source) in sources {
        let numbers = source.numbers();
        for (sum, number) in sum.iter_mut().zip(numbers) {
            *sum += number;
        }
        row(&path.to_string_lossy(), numbers);
    }
    row("all", sum);
    text
}

/// Writes a source with how often each line was run, as gcov(1) does, and `-` at what has a branch that was
/// never taken.
fn annotate(out: &Path, path: &Path, source: &Source, text: &str) -> Result<()> {
    let mut annotated = String::new();
    for (number, line) in (1..).zip(text.lines()) {
        let count = match source.lines.get(&number) {
            None => String::new(),
            Some(0) => "#####".into(),
            Some(count) => count.to_string(),
        };
        let mark = match source.has_branch_not_taken(number) {
            true => '-',
            false => ' ',
        };
        let _ = writeln!(annotated, "{count:>12} {mark} {number:5}: {line}");
    }
    let path = out.join(path).with_extension("rs.txt");
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(&path, annotated).with_context(|| path.display().to_string())
}
