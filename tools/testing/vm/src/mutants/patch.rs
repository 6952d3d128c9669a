// SPDX-License-Identifier: GPL-2.0

//! A mutant: a patch with a header that says what is wrong with it.
//!
//! The root has no patch(1), whose leniency would be no good here anyway: a fault that lands a few
//! lines off may be none, or another.

use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{bail, ensure, Context, Result};

/// Where faults may be: what the module is made of.
const DIRECTORIES: [&str; 2] = ["rust", "src"];

/// A deliberate fault.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Mutant {
    /// The file's name without number and suffix.
    pub name: String,
    /// What is wrong.
    pub fault: String,
    /// What a user would see of it.
    pub harm: String,
    /// Test programs that are likely to catch it.
    pub try_first: Vec<String>,
    /// Only a debugging kernel can tell.
    pub needs_debug: bool,
    files: Vec<FileChange>,
}

#[derive(Debug, PartialEq, Eq)]
struct FileChange {
    path: PathBuf,
    hunks: Vec<Hunk>,
}

/// Lines, and what is to be in their place.
#[derive(Debug, Default, PartialEq, Eq)]
struct Hunk {
    old: Vec<String>,
    new: Vec<String>,
}

/// All mutants of a directory, in the order of their files' names.
pub fn read_all(directory: &Path) -> Result<Vec<Mutant>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "patch")
        {
            paths.push(path);
        }
    }
    paths.sort();
    paths.iter().map(|path| Mutant::read(path)).collect()
}

impl Mutant {
    fn read(path: &Path) -> Result<Self> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let (_, name) = name
            .split_once('-')
            .filter(|(number, _)| number.parse::<u32>().is_ok())
            .with_context(|| format!("{}: to be named NN-name.patch", path.display()))?;
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::parse(name, &text).with_context(|| path.display().to_string())
    }

    /// A mutant from the text of its patch.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let mut mutant = Self {
            name: name.to_owned(),
            ..Self::default()
        };
        let mut lines = text.lines().peekable();
        let mut field = None;
        while let Some(line) = lines.next_if(|line| !is_diff(line)) {
            // A field goes on where the line is indented.
            if !line.starts_with([' ', '\t']) {
                field = line.split_once(':').map(|(field, _)| field);
            }
            let value = match (field, line.split_once(':')) {
                (Some(field), Some((start, value))) if start == field => value.trim(),
                _ => line.trim(),
            };
            match field {
                Some("Fault") => append(&mut mutant.fault, value),
                Some("Harm") => append(&mut mutant.harm, value),
                Some("Try") => mutant
                    .try_first
                    .extend(value.split_whitespace().map(str::to_owned)),
                Some("Needs") => {
                    ensure!(value == "debug", "Needs: {value}: there is only 'debug'");
                    mutant.needs_debug = true;
                }
                Some("SPDX-License-Identifier") => {}
                None if line.is_empty() => {}
                _ => bail!("the header has Fault, Harm, Try and Needs, but not: {line}"),
            }
            if line.is_empty() {
                field = None;
            }
        }
        ensure!(!mutant.fault.is_empty(), "the header lacks 'Fault:'");
        ensure!(!mutant.harm.is_empty(), "the header lacks 'Harm:'");
        while let Some(line) = lines.next() {
            if let Some(path) = line.strip_prefix("+++ ") {
                mutant.files.push(FileChange {
                    path: source_path(path)?,
                    hunks: Vec::new(),
                });
            } else if let Some((old, new)) = hunk_lengths(line) {
                let hunk = Hunk::parse(&mut lines, old, new)?;
                let file = mutant.files.last_mut().context("a hunk without a file")?;
                file.hunks.push(hunk);
            }
        }
        ensure!(
            mutant.files.iter().any(|file| !file.hunks.is_empty()),
            "it changes nothing"
        );
        Ok(mutant)
    }

    /// Puts the fault into the sources at `tree`.
    pub fn apply(&self, tree: &Path) -> Result<()> {
        for file in &self.files {
            let path = tree.join(&file.path);
            let mut text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            for (index, hunk) in file.hunks.iter().enumerate() {
                text = hunk
                    .apply(&text)
                    .with_context(|| format!("hunk {} of {}", index + 1, file.path.display()))?;
            }
            fs::write(&path, text).with_context(|| path.display().to_string())?;
        }
        Ok(())
    }
}

impl Hunk {
    /// Takes as many lines as the hunk's head says.
    fn parse<'a>(
        lines: &mut impl Iterator<Item = &'a str>,
        old: usize,
        new: usize,
    ) -> Result<Self> {
        let mut hunk = Self::default();
        while hunk.old.len() < old || hunk.new.len() < new {
            let line = lines.next().context("a hunk ends too early")?;
            // An editor may have taken the blank from an empty line.
            let (kind, rest) = line.split_at_checked(1).unwrap_or((" ", ""));
            if kind != "+" {
                hunk.old.push(rest.to_owned());
            }
            if kind != "-" {
                hunk.new.push(rest.to_owned());
            }
            ensure!(matches!(kind, " " | "+" | "-"), "no line of a hunk: {line}");
        }
        Ok(hunk)
    }

    /// `text` with the change. Line numbers do not count: the old lines are to be there, once.
    fn apply(&self, text: &str) -> Result<String> {
        let lines: Vec<&str> = text.lines().collect();
        let mut places = lines
            .windows(self.old.len().max(1))
            .enumerate()
            .filter(|(_, window)| window.iter().eq(self.old.iter()));
        let (at, _) = places.next().context("the sources have no such lines")?;
        ensure!(places.next().is_none(), "the sources have such lines twice");
        let (before, rest) = lines.split_at(at);
        let after = &rest[self.old.len()..];
        Ok(before
            .iter()
            .copied()
            .chain(self.new.iter().map(String::as_str))
            .chain(after.iter().copied())
            .flat_map(|line| [line, "\n"])
            .collect())
    }
}

fn append(text: &mut String, more: &str) {
    if !text.is_empty() && !more.is_empty() {
        text.push(' ');
    }
    text.push_str(more);
}

fn is_diff(line: &str) -> bool {
    line.starts_with("diff ") || line.starts_with("--- ")
}

/// The path after `+++ `, without git's `b/`.
fn source_path(text: &str) -> Result<PathBuf> {
    let path = Path::new(text.strip_prefix("b/").unwrap_or(text));
    let plain = path.components().all(|c| matches!(c, Component::Normal(_)));
    ensure!(
        plain
            && DIRECTORIES
                .iter()
                .any(|directory| path.starts_with(directory)),
        "{text}: a mutant is a fault in rust/ or src/"
    );
    Ok(path.to_owned())
}

/// Numbers of old and new lines of a hunk that begins with `line`, if one does.
fn hunk_lengths(line: &str) -> Option<(usize, usize)> {
    let (ranges, _) = line.strip_prefix("@@ -")?.split_once(" @@")?;
    let (old, new) = ranges.split_once(" +")?;
    let length = |range: &str| match range.split_once(',') {
        Some((_, length)) => length.parse().ok(),
        None => Some(1),
    };
    Some((length(old)?, length(new)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "SPDX-License-Identifier: GPL-2.0\n\
        Fault: a reference\n too many\n\
        Harm: a crash\n\
        Try: refs races\n\
        Needs: debug\n\
        \n\
        diff --git a/src/a.rs b/src/a.rs\n\
        index 1..2 100644\n\
        --- a/src/a.rs\n\
        +++ b/src/a.rs\n\
        @@ -9,3 +9,3 @@ fn f() {\n\
        \x20b\n\
        --- c\n\
        +++ d\n\
        \x20e\n\
        @@ -20 +20,2 @@\n\
        \x20g\n\
        +h\n";

    // Catches: a header that is not understood, and with it the order or the kind of a run.
    #[test]
    fn header_is_read() {
        let mutant = Mutant::parse("x", PATCH).unwrap();
        assert_eq!(mutant.fault, "a reference too many");
        assert_eq!(mutant.harm, "a crash");
        assert_eq!(mutant.try_first, ["refs", "races"]);
        assert!(mutant.needs_debug);
    }

    // Catches: a removed line that looks like a file's head taken for one.
    #[test]
    fn hunks_are_read() {
        let mutant = Mutant::parse("x", PATCH).unwrap();
        assert_eq!(mutant.files.len(), 1);
        assert_eq!(mutant.files[0].path, Path::new("src/a.rs"));
        let hunks = &mutant.files[0].hunks;
        assert_eq!(hunks.len(), 2);
        assert_eq!(hunks[0].old, ["b", "-- c", "e"]);
        assert_eq!(hunks[0].new, ["b", "++ d", "e"]);
        assert_eq!(hunks[1].new, ["g", "h"]);
    }

    // Catches: a patch without a fault, or with one elsewhere, that counts as a mutant.
    #[test]
    fn what_is_no_mutant() {
        let refused = |from: &str, to: &str| Mutant::parse("x", &PATCH.replace(from, to)).is_err();
        assert!(!refused("nothing", ""));
        assert!(refused("Fault", "Default"));
        assert!(refused("Harm: a crash\n", ""));
        assert!(refused("Needs: debug", "Needs: luck"));
        assert!(refused("+++ b/src/a.rs", "+++ b/tools/a.rs"));
        assert!(refused("+++ b/src/a.rs", "+++ b/src/../tools/a.rs"));
        assert!(refused("@@ -20 +20,2 @@", "@@ -20 +20,3 @@"));
        assert!(Mutant::parse("x", "Fault: a\nHarm: b\n").is_err());
    }

    fn hunk(old: &[&str], new: &[&str]) -> Hunk {
        let lines = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect();
        Hunk {
            old: lines(old),
            new: lines(new),
        }
    }

    // Catches: a fault put somewhere else, or changes beside it.
    #[test]
    fn hunks_are_applied_where_they_fit() {
        let text = "a\nb\nc\nb\nd\n";
        let change = hunk(&["c", "b"], &["c", "x", "y"]);
        assert_eq!(change.apply(text).unwrap(), "a\nb\nc\nx\ny\nd\n");
        assert_eq!(hunk(&["a"], &[]).apply(text).unwrap(), "b\nc\nb\nd\n");
        assert_eq!(
            hunk(&["d"], &["d", "e"]).apply(text).unwrap(),
            "a\nb\nc\nb\nd\ne\n"
        );
    }

    // Catches: a fault in one of several places, by chance; one that is in none and thus absent.
    #[test]
    fn hunks_that_do_not_fit_are_refused() {
        let text = "a\nb\nc\nb\nd\n";
        assert!(hunk(&["b"], &["x"]).apply(text).is_err());
        assert!(hunk(&["c", "d"], &["x"]).apply(text).is_err());
        assert!(hunk(&[], &["x"]).apply(text).is_err());
        assert!(hunk(&["a", "b", "c", "b", "d", "e"], &[])
            .apply(text)
            .is_err());
    }
}
