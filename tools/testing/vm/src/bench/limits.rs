// SPDX-License-Identifier: GPL-2.0

//! The file of limits.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{bail, Context, Result};

/// Of every operation that has no line of its own.
const ALL: &str = "all";
/// Of what is the same in both guests.
const TMPFS: &str = "tmpfs";

/// How many times what C's implementation takes ours may take.
#[derive(Debug)]
pub struct Limits {
    /// What has no exception.
    pub all: f64,
    /// How far apart the two guests may be.
    pub tmpfs: f64,
    exceptions: BTreeMap<String, f64>,
}

impl Limits {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self> {
        fs::read_to_string(path)
            .map_err(Into::into)
            .and_then(|text| Self::parse(&text))
            .with_context(|| path.display().to_string())
    }

    /// Understands the text of the file.
    pub fn parse(text: &str) -> Result<Self> {
        let mut limits = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let (entry, reason) = line.split_once('#').unwrap_or((line, ""));
            if entry.trim().is_empty() {
                continue;
            }
            let (operation, ratio) = entry
                .split_once('=')
                .with_context(|| format!("line {number}: no OPERATION = RATIO"))?;
            let (operation, ratio) = (operation.trim(), ratio.trim());
            let ratio: f64 = ratio
                .parse()
                .ok()
                .filter(|ratio: &f64| ratio.is_finite() && *ratio > 0.0)
                .with_context(|| format!("line {number}: {ratio} is no ratio"))?;
            if operation != ALL && operation != TMPFS && reason.trim().is_empty() {
                bail!("line {number}: say behind a # why {operation} has a limit of its own");
            }
            if limits.insert(operation.to_owned(), ratio).is_some() {
                bail!("line {number}: a second limit of {operation}");
            }
        }
        let mut take = |name| {
            limits
                .remove(name)
                .with_context(|| format!("no limit of \"{name}\""))
        };
        Ok(Self {
            all: take(ALL)?,
            tmpfs: take(TMPFS)?,
            exceptions: limits,
        })
    }

    /// The limit of an operation.
    pub fn of(&self, operation: &str) -> f64 {
        self.exceptions.get(operation).copied().unwrap_or(self.all)
    }

    /// The operations that have a limit of their own.
    pub fn exceptions(&self) -> impl Iterator<Item = &str> {
        self.exceptions.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Catches: a limit that is not the file's.
    #[test]
    fn limits_are_the_files() {
        let limits =
            Limits::parse("# x\n\nall = 1.03\n tmpfs=1.01\nget, ENOENT = 1.5 # so it is\n")
                .unwrap();
        assert_eq!((limits.all, limits.tmpfs), (1.03, 1.01));
        assert_eq!(limits.of("get, ENOENT"), 1.5);
        assert_eq!(limits.of("get"), 1.03);
        assert_eq!(limits.exceptions().collect::<Vec<_>>(), ["get, ENOENT"]);
    }

    // Catches: an exception that nobody has to justify, or a line that is passed over.
    #[test]
    fn bad_limits_are_refused() {
        let refused = |text: &str| format!("{:#}", Limits::parse(text).unwrap_err());
        assert!(refused("all = 1\ntmpfs = 1\nget = 2").contains("say behind a # why get"));
        assert!(refused("all = 1\ntmpfs = 1\nget = 2 # ").contains("say behind a # why get"));
        assert!(refused("all = 1").contains("no limit of \"tmpfs\""));
        assert!(refused("tmpfs = 1").contains("no limit of \"all\""));
        assert!(refused("all = 1\nall = 2").contains("a second limit"));
        assert!(refused("all = NaN").contains("NaN is no ratio"));
        assert!(refused("all").contains("no OPERATION = RATIO"));
    }
}
