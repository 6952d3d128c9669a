// SPDX-License-Identifier: GPL-2.0

//! lcov(1)'s format, in which `llvm-cov export` tells what was run.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Sources;

/// What was run of a source.
#[derive(Debug, Default, PartialEq)]
pub struct Source {
    /// How often each line was run, of those that are code.
    pub lines: BTreeMap<u32, u64>,
    /// How often each branch was taken, by its line and its numbers there.
    pub branches: BTreeMap<(u32, String), u64>,
}

/// Where the sources are that are told of.
const OURS: [&str; 2] = ["rust", "src"];

impl Source {
    /// Lines, those that were run, branches, those that were taken.
    pub fn numbers(&self) -> [usize; 4] {
        let not_none = |count: &&u64| **count > 0;
        [
            self.lines.len(),
            self.lines.values().filter(not_none).count(),
            self.branches.len(),
            self.branches.values().filter(not_none).count(),
        ]
    }

    /// Whether there is a branch in this line that was never taken.
    pub fn has_branch_not_taken(&self, line: u32) -> bool {
        let of_line = (line, String::new())..(line + 1, String::new());
        self.branches.range(of_line).any(|(_, count)| *count == 0)
    }

    fn add(&mut self, kind: &str, value: &str) -> Result<()> {
        match kind {
            "DA" => {
                let (line, count) = value.split_once(',').context("no count")?;
                *self.lines.entry(line.parse()?).or_default() += count.parse::<u64>()?;
            }
            "BRDA" => {
                let (line, rest) = value.split_once(',').context("no branch")?;
                let (branch, count) = rest.rsplit_once(',').context("no count")?;
                let count = match count {
                    // The line itself was not run.
                    "-" => 0,
                    count => count.parse::<u64>()?,
                };
                *self
                    .branches
                    .entry((line.parse()?, branch.to_owned()))
                    .or_default() += count;
            }
            _ => (),
        }
        Ok(())
    }
}

/// Adds what was run of our own sources.
pub fn add(sources: &mut Sources, text: &str) -> Result<()> {
    let top = env::current_dir()?;
    let mut now: Option<PathBuf> = None;
    for line in text.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            let path = Path::new(path).strip_prefix(&top).ok();
            let is_ours = |path: &&Path| OURS.iter().any(|ours| path.starts_with(ours));
            now = path.filter(is_ours).map(Path::to_owned);
        } else if let (Some(path), Some((kind, value))) = (&now, line.split_once(':')) {
            let source = sources.entry(path.clone()).or_default();
            source.add(kind, value).with_context(|| line.to_owned())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    // Catches: what is not ours in the sums, and counts of several modules that replace each other.
    #[test]
    fn counts_are_added() {
        let top = env::current_dir().unwrap();
        let ours = format!("SF:{}/src/a.rs", top.display());
        let text = format!(
            "{ours}\nFNF:1\nDA:1,0\nDA:2,3\nBRDA:2,0,0,-\nBRDA:2,0,1,4\nend_of_record\n\
             SF:/kernel/src/rust/kernel/init.rs\nDA:9,1\nend_of_record\n"
        );
        let mut sources = Sources::new();
        for _ in 0..2 {
            add(&mut sources, &text).unwrap();
        }
        assert_eq!(sources.len(), 1);
        let source = &sources[Path::new("src/a.rs")];
        assert_eq!(source.lines, BTreeMap::from([(1, 0), (2, 6)]));
        assert_eq!(source.numbers(), [2, 1, 2, 1]);
        assert!(source.has_branch_not_taken(2));
        assert!(!source.has_branch_not_taken(1));
    }
}
