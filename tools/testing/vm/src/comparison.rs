// SPDX-License-Identifier: GPL-2.0

//! How much was compared between the two implementations, and that no test was run on one alone.
//!
//! Ours is there twice: as it is loaded, and with `sharing=mount`, where it makes an instance for
//! each mount as C's does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{bail, Context, Result};

use crate::ktap::{self, TestResult};

/// The kernel's, ours, ours with `sharing=mount`, and the kernel's superblocks while ours serves: how
/// `run.c` begins the names of results.
const SIDES: [&str; 4] = ["c", "rust", "mount", "old"];
/// Where each test is to run, all but those on the list.
const EVERYWHERE: [&str; 3] = ["c", "rust", "mount"];
/// Names shown of tests that ran on one alone.
const SHOWN: usize = 20;

/// What was run and compared so far.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Where each test was run.
    tests: BTreeMap<String, BTreeSet<&'static str>>,
    /// Those that failed somewhere: nothing is the same then.
    failed: BTreeSet<String>,
    /// What else was compared, in numbers.
    counts: BTreeMap<String, u64>,
}

impl Comparison {
    /// Takes note of a line of KTAP, and of the results it brings.
    pub fn note(&mut self, line: &str, results: &[TestResult]) {
        for result in results {
            let Some((side, test)) = result.name.split_once(": ") else {
                continue;
            };
            if let Some(side) = SIDES.into_iter().find(|s| *s == side) {
                self.tests.entry(test.to_owned()).or_default().insert(side);
                if result.failure.is_some() {
                    self.failed.insert(test.to_owned());
                }
            }
        }
        let counted = ktap::diagnostic(line, "compared:").map(str::trim);
        if let Some((number, what)) = counted.and_then(|text| text.split_once(' ')) {
            if let Ok(number) = number.parse() {
                self.add(number, what);
            }
        }
    }

    /// So many of these were compared.
    pub fn add(&mut self, number: u64, what: &str) {
        *self.counts.entry(what.to_owned()).or_default() += number;
    }

    /// All in one line.
    pub fn summary(&self) -> String {
        let on = |sides: &[&str]| {
            self.tests
                .iter()
                .filter(|(test, _)| !self.failed.contains(*test))
                .filter(|(_, there)| sides.iter().all(|side| there.contains(side)))
                .count()
        };
        let mut text = format!(
            "compared: {} tests on both, {} of them with sharing=mount, {} on old instances, too",
            on(&["c", "rust"]),
            on(&EVERYWHERE),
            on(&["c", "rust", "old"])
        );
        for (what, number) in &self.counts {
            let _ = write!(text, ", {number} {what}");
        }
        text
    }

    /// Judges which tests ran where, by the list of those that are not to run everywhere; what is
    /// wrong, if anything.
    pub fn judge(&self, list: &Path) -> Result<Option<String>> {
        let text = std::fs::read_to_string(list).with_context(|| list.display().to_string())?;
        let mut listed = BTreeSet::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((name, reason)) = line.split_once(" -- ") else {
                bail!("{}: no reason: {line}", list.display());
            };
            if reason.trim().is_empty() || !listed.insert(name.trim().to_owned()) {
                bail!("{}: not a name and a reason: {line}", list.display());
            }
        }
        Ok(self.wrong(&listed))
    }

    fn wrong(&self, listed: &BTreeSet<String>) -> Option<String> {
        let alone: BTreeSet<_> = self
            .tests
            .iter()
            .filter(|(_, sides)| !EVERYWHERE.iter().all(|side| sides.contains(side)))
            .flat_map(|(test, sides)| sides.iter().map(move |side| format!("{side}: {test}")))
            .collect();
        let mut complaints = Vec::new();
        for (what, names) in [
            ("run, but not on c, rust and mount", &alone - listed),
            ("listed, but not run like that", listed - &alone),
        ] {
            if names.is_empty() {
                continue;
            }
            let shown: Vec<_> = names.iter().take(SHOWN).map(String::as_str).collect();
            let more = match names.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            complaints.push(format!("{what}: {}{more}", shown.join(", ")));
        }
        (!complaints.is_empty()).then(|| complaints.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison(names: &[&str]) -> Comparison {
        let mut comparison = Comparison::default();
        for name in names {
            let result = TestResult {
                name: (*name).to_owned(),
                failure: None,
                output: Vec::new(),
            };
            comparison.note("", &[result]);
        }
        comparison
    }

    fn wrong(names: &[&str], listed: &[&str]) -> Option<String> {
        let listed = listed.iter().map(|name| (*name).to_owned()).collect();
        comparison(names).wrong(&listed)
    }

    // Catches: a test that runs on one implementation only, and nobody hears of it.
    #[test]
    fn alone_is_wrong() {
        let everywhere = ["c: a.b", "rust: a.b", "mount: a.b"];
        assert_eq!(wrong(&everywhere, &[]), None);
        assert_eq!(wrong(&[&everywhere[..], &["old: a.b"]].concat(), &[]), None);
        let alone = wrong(&[&everywhere[..], &["rust: a.c"]].concat(), &[]).unwrap();
        assert!(alone.contains("rust: a.c") && !alone.contains("a.b"));
        assert!(wrong(&["c: a.b"], &[]).unwrap().contains("c: a.b"));
        assert!(wrong(&["old: a.b", "rust: a.b"], &["rust: a.b"]).is_some());
        for left_out in 0..everywhere.len() {
            let mut names = everywhere.to_vec();
            names.remove(left_out);
            assert!(wrong(&names, &[]).unwrap().contains(names[0]));
        }
        // What has no side is of tests that see to both themselves.
        assert_eq!(wrong(&["mixed.get", "selftests: x"], &[]), None);
    }

    // Catches: a list that excuses more than there is.
    #[test]
    fn list_is_of_what_there_is() {
        assert_eq!(wrong(&["rust: load"], &["rust: load"]), None);
        let stale = wrong(&["c: a.b", "rust: a.b", "mount: a.b"], &["c: a.b"]).unwrap();
        assert!(stale.contains("listed") && stale.contains("c: a.b"));
        assert!(wrong(&[], &["rust: load"]).is_some());
    }

    // Catches: a number that is not that of what ran.
    #[test]
    fn summary_counts() {
        let mut comparison = comparison(&[
            "c: a", "rust: a", "mount: a", "old: a", "c: b", "rust: b", "mount: b", "c: d",
            "rust: d", "c: x", "c: bad",
        ]);
        let failed = TestResult {
            name: "rust: bad".to_owned(),
            failure: Some("it was expected to be better".to_owned()),
            output: Vec::new(),
        };
        comparison.note("", &[failed]);
        comparison.note("# # compared: 30 lines of clients", &[]);
        comparison.note("# compared: 12 lines of clients", &[]);
        comparison.note("# compared: many lines", &[]);
        assert_eq!(
            comparison.summary(),
            "compared: 3 tests on both, 2 of them with sharing=mount, 1 on old instances, too, \
             42 lines of clients"
        );
    }

    // Catches: an entry of the list without a reason.
    #[test]
    fn reasons_are_needed() {
        let path = std::env::temp_dir().join(format!("bpffs-vm-list-{}", std::process::id()));
        let list = |text: &str| {
            std::fs::write(&path, text).unwrap();
            comparison(&["rust: load"]).judge(&path)
        };
        assert_eq!(
            list("# c\nrust: load -- there is nothing to load\n").unwrap(),
            None
        );
        assert!(list("rust: load\n").is_err());
        assert!(list("rust: load -- \n").is_err());
        assert!(list("").unwrap().is_some());
        std::fs::remove_file(&path).unwrap();
    }
}
