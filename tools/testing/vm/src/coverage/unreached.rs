// SPDX-License-Identifier: GPL-2.0

//! The list of lines that nothing can reach, with reasons.
//!
//! An entry begins with `PATH: REASON`. The lines of that source follow, indented, as they are there: by
//! what they say, as numbers change. An entry without lines is all of the source.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};

use super::lcov::Source;
use super::Sources;

/// What of a source is listed.
#[derive(Debug, Default, PartialEq)]
struct Listed {
    all: bool,
    lines: Vec<String>,
}

/// The list.
#[derive(Debug, PartialEq)]
pub struct Unreached(BTreeMap<PathBuf, Listed>);

impl Unreached {
    /// Reads it.
    pub fn parse(text: &str) -> Result<Self> {
        let mut list = BTreeMap::<PathBuf, Listed>::new();
        let mut lines = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
            .peekable();
        let mut now = None;
        while let Some(line) = lines.next() {
            if line.starts_with(char::is_whitespace) {
                let path: &PathBuf = now.as_ref().context("a line of no source")?;
                let listed = list.entry(path.clone()).or_default();
                listed.lines.push(line.trim().to_owned());
                continue;
            }
            let (path, reason) = line.split_once(": ").context(line.to_owned())?;
            if reason.trim().is_empty() {
                bail!("{path}: no reason");
            }
            let is_all = lines
                .peek()
                .is_none_or(|next| !next.starts_with(char::is_whitespace));
            list.entry(path.into()).or_default().all |= is_all;
            now = Some(path.into());
        }
        Ok(Self(list))
    }

    /// What is listed of sources that there are not.
    pub fn of_no_source(&self, sources: &Sources) -> Vec<String> {
        let missing = self.0.keys().filter(|path| !sources.contains_key(*path));
        missing
            .map(|path| format!("{}: is listed, and was not built", path.display()))
            .collect()
    }

    /// What is wrong with a source: lines that were not run and are not listed, or the reverse.
    pub fn judge(&self, path: &Path, source: &Source, text: &str) -> Vec<String> {
        let nothing = Listed::default();
        let listed = self.0.get(path).unwrap_or(&nothing);
        let mut left: Vec<_> = listed.lines.iter().map(String::as_str).collect();
        let mut wrong = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            if source.lines.get(&number) != Some(&0) {
                continue;
            }
            let line = line.trim();
            match left.iter().position(|listed| *listed == line) {
                Some(at) => drop(left.remove(at)),
                None if listed.all => (),
                None => wrong.push(format!("{}:{number}: not run: {line}", path.display())),
            }
        }
        for line in left {
            wrong.push(format!(
                "{}: is listed, and was run or is gone: {line}",
                path.display()
            ));
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "fn a() {\n    b();\n    c();\n    b();\n}\n";

    fn judged(list: &str) -> Vec<String> {
        let source = Source {
            lines: BTreeMap::from([(1, 1), (2, 0), (3, 2), (4, 0)]),
            ..Source::default()
        };
        let list = Unreached::parse(list).unwrap();
        list.judge(Path::new("src/a.rs"), &source, TEXT)
    }

    // Catches: a line that is not run and nobody knows of; and a reason that has become wrong.
    #[test]
    fn each_line_is_listed_or_run() {
        assert_eq!(judged("").len(), 2);
        assert_eq!(
            judged("src/a.rs: why\n\tb();\n"),
            ["src/a.rs:4: not run: b();"]
        );
        assert!(judged("# all\n\nsrc/a.rs: why\n\tb();\n\tb();\n").is_empty());
        assert!(judged("src/a.rs: why\nsrc/b.rs: why\n\tx\n").is_empty());
        let wrong = judged("src/a.rs: why\n\tb();\n\tb();\n\tc();\n");
        assert_eq!(wrong, ["src/a.rs: is listed, and was run or is gone: c();"]);
    }

    // Catches: an entry without a reason.
    #[test]
    fn reasons_are_needed() {
        assert!(Unreached::parse("src/a.rs:  \n").is_err());
        assert!(Unreached::parse("src/a.rs\n").is_err());
        assert!(Unreached::parse("\tb();\n").is_err());
    }
}
