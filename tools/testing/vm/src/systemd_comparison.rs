// SPDX-License-Identifier: GPL-2.0

//! One command in several guests that have systemd as their first process: with the kernel's file
//! system, with ours loaded before systemd starts, and with ours loaded after. The command must say
//! the same in all guests.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::comparison::Comparison;
use crate::job::{Impl, Job};
use crate::ktap::Count;
use crate::machine::Machine;

/// The variable that tells the command which of the guests it runs in.
const VARIABLE: &str = "BPFFS_BOOT";
/// The variable that tells which root the guest has, if that is not the usual one.
const ROOT: &str = "BPFFS_ROOT";

/// The guests: what each is called, and whose file system systemd mounts.
const GUESTS: [(&str, Impl); 3] = [
    ("c", Impl::C),
    ("before", Impl::Rust),
    // The command loads the module.
    ("after", Impl::None),
];

/// Boots, runs, compares with the first; what was said goes next to the log.
pub fn run(
    machine: &Machine,
    job: &Job,
    log: &Path,
    comparison: &Mutex<Comparison>,
) -> Result<Count> {
    let begin = Instant::now();
    let which = match machine.root.file_name() {
        None => "systemd".to_owned(),
        Some(root) => format!("{}-systemd", root.to_string_lossy()),
    };
    let mut count = Count::default();
    let mut first: Option<PathBuf> = None;
    for (boot, implementation) in GUESTS {
        let said = log.with_extension(format!("{which}-{boot}.log"));
        let file = File::create(&said).with_context(|| said.display().to_string())?;
        let machine = Machine {
            name: format!("{which}-{boot}"),
            ..machine.clone()
        };
        let mut job = job.clone();
        job.systemd = true;
        job.implementation = implementation;
        job.one_stream = true;
        job.env.push(format!("{VARIABLE}={boot}"));
        if let Some(root) = machine.root.file_name() {
            job.env.push(format!("{ROOT}={}", root.to_string_lossy()));
        }
        let outcome = machine.boot(&job, Box::new(file), Box::new(io::sink()));
        let mut failure = match outcome {
            Ok(outcome) if outcome.report() => Some("the kernel or the guest complains".to_owned()),
            Ok(outcome) if outcome.status != Some(0) => Some("the command failed".to_owned()),
            Ok(_) => None,
            Err(error) => Some(format!("{error:#}")),
        };
        let lines = fs::read_to_string(&said)?.lines().count();
        if lines == 0 {
            failure = failure.or(Some("nothing was said".to_owned()));
        }
        if let (Some(first), None) = (&first, &failure) {
            failure = difference(first, &said)?;
        }
        let what = match &first {
            None => format!("{lines} lines said"),
            Some(_) => format!("{lines} lines are the same as on C"),
        };
        match failure {
            None => {
                println!("ok      {which} as first process, {boot}: {what}");
                count.passed += 1;
                if let (Some(_), Ok(mut comparison)) = (&first, comparison.lock()) {
                    comparison.add(lines as u64, "lines of systemd");
                }
            }
            Some(failure) => {
                println!("FAILED  {which} as first process, {boot}: {failure}");
                println!("        see {}", said.display());
                count.failed += 1;
            }
        }
        first.get_or_insert(said);
    }
    println!("{which}: {} s", begin.elapsed().as_secs());
    Ok(count)
}

/// Where two files differ, none if they do not.
fn difference(one: &Path, other: &Path) -> Result<Option<String>> {
    let output = Command::new("diff")
        .args(["-U5", "--"])
        .args([one, other])
        .output()
        .context("diff")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok((!output.status.success()).then(|| format!("it is not as on C:\n{text}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Catches: a comparison that takes whatever there is for the same.
    #[test]
    fn differences_are_seen() {
        let path =
            |name| std::env::temp_dir().join(format!("bpffs-vm-{name}-{}", std::process::id()));
        let (one, same, other) = (path("one"), path("same"), path("other"));
        fs::write(&one, "a\nb\n").unwrap();
        fs::write(&same, "a\nb\n").unwrap();
        fs::write(&other, "a\nc\n").unwrap();
        assert_eq!(difference(&one, &same).unwrap(), None);
        assert!(difference(&one, &other).unwrap().unwrap().contains("+c"));
        assert!(difference(&one, &path("none")).unwrap().is_some());
        for file in [one, same, other] {
            fs::remove_file(file).unwrap();
        }
    }
}
