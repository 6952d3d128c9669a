// SPDX-License-Identifier: GPL-2.0

//! A copy of the module's sources, to put faults into and to build.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{bail, Context, Result};

use super::patch::Mutant;
use crate::process::SPAWNING;

/// What the modules are built of: Kbuild makes that of the sample, too.
const SOURCES: [&str; 4] = ["Kbuild", "rust", "src", "samples/notefs"];
/// What kbuild makes of it.
const MODULE: &str = "bpffs.ko";

/// The copy. There is but one, so that kbuild makes anew only what differs from the mutant before.
pub struct SourceCopy {
    directory: PathBuf,
}

impl SourceCopy {
    /// The one in `directory`, whatever it has in it.
    pub fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    /// Builds the module with a fault, or without, and puts it at `module`. What the compiler says
    /// goes to `log`.
    pub fn build(&self, mutant: Option<&Mutant>, module: &Path, log: &File) -> Result<()> {
        let sources = self.prepare(Path::new("."), mutant)?;
        let out = self.directory.join("build");
        let jobs = thread::available_parallelism().map_or(1, usize::from);
        let mut make = Command::new("make");
        make.arg(format!("-j{jobs}"))
            .args(["--no-print-directory", "-f", "tools/testing/vm/build.mk"])
            .arg("module")
            .env("MODULE_SOURCES", &sources)
            .env("MODULE_OUT", &out)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log.try_clone()?);
        let spawning = SPAWNING.lock();
        let mut child = make.spawn().context("make")?;
        drop(spawning);
        let status = child.wait()?;
        if !status.success() {
            bail!("it does not build: correct the patch");
        }
        fs::copy(out.join(MODULE), module).with_context(|| module.display().to_string())?;
        Ok(())
    }

    /// Makes the copy what is in `top`, but for the fault; returns where it is.
    pub fn prepare(&self, top: &Path, mutant: Option<&Mutant>) -> Result<PathBuf> {
        let sources = self.directory.join("sources");
        synchronise(top, &sources, &SOURCES)?;
        if let Some(mutant) = mutant {
            mutant.apply(&sources).context(
                "it does not apply: the sources have changed. Put the fault into them anew, and \
                 the output of 'git diff' into the patch",
            )?;
        }
        Ok(sources)
    }
}

/// Makes `names` in `to` what they are in `from`, and touches only what differs.
fn synchronise(from: &Path, to: &Path, names: &[&str]) -> Result<()> {
    fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    for name in names {
        let (from, to) = (from.join(name), to.join(name));
        if from.is_dir() {
            let wanted = names_in(&from)?;
            if to.is_dir() {
                for extra in names_in(&to)?.difference(&wanted) {
                    remove(&to.join(extra))?;
                }
            }
            let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
            synchronise(&from, &to, &wanted)?;
        } else {
            let content = fs::read(&from).with_context(|| from.display().to_string())?;
            if fs::read(&to).ok().as_ref() != Some(&content) {
                fs::write(&to, content).with_context(|| to.display().to_string())?;
            }
        }
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    removed.with_context(|| path.display().to_string())
}

fn names_in(directory: &Path) -> Result<BTreeSet<String>> {
    fs::read_dir(directory)
        .with_context(|| directory.display().to_string())?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Catches: a mutant that still has the fault of the one before; files touched for nothing, and
    // everything built anew each time.
    #[test]
    fn copy_follows_the_sources() {
        let top = std::env::temp_dir().join(format!("bpffs-vm-copy-{}", std::process::id()));
        let (from, to) = (top.join("from"), top.join("to"));
        fs::create_dir_all(from.join("src/deep")).unwrap();
        for (path, content) in [("Kbuild", "k"), ("src/a", "a"), ("src/deep/b", "b")] {
            fs::write(from.join(path), content).unwrap();
        }
        fs::write(from.join("other"), "o").unwrap();
        let names = ["Kbuild", "src"];
        synchronise(&from, &to, &names).unwrap();
        let time = |path: &str| fs::metadata(to.join(path)).unwrap().modified().unwrap();
        let before = (time("Kbuild"), time("src/deep/b"));
        fs::write(to.join("src/a"), "fault").unwrap();
        fs::write(to.join("src/extra"), "fault").unwrap();
        fs::create_dir(to.join("src/more")).unwrap();
        synchronise(&from, &to, &names).unwrap();
        assert_eq!(fs::read_to_string(to.join("src/a")).unwrap(), "a");
        assert_eq!(before, (time("Kbuild"), time("src/deep/b")));
        for absent in ["src/extra", "src/more", "other"] {
            assert!(!to.join(absent).exists(), "{absent}");
        }
        fs::remove_dir_all(&top).unwrap();
    }
}
