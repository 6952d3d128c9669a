// SPDX-License-Identifier: GPL-2.0
//! The list of vmlinux symbols that a module may reach by livepatch relocation.
//!
//! One `NAME` or `NAME,POS` per line. `POS` tells symbols of the same name apart: it counts them,
//! from 1, in the order of `/proc/kallsyms`; 0, the default, means that the name must be unique.
//! `#` starts a comment; blank lines are ignored; everything else is an error.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{bail, ensure, Context, Result};

/// Longest symbol name that livepatch reads (KSYM_NAME_LEN less the NUL), and BTF may have.
pub(crate) const MAX_NAME: usize = 511;

/// A symbol of vmlinux: name and position.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Symbol {
    /// Name in `/proc/kallsyms`.
    pub name: String,
    /// Which of several of that name, from 1; 0 where there must be only one.
    pub position: u32,
}

impl Symbol {
    /// Reads `NAME` or `NAME,POS`.
    pub fn parse(text: &str) -> Result<Self> {
        let (name, position) = match text.split_once(',') {
            None => (text, 0),
            Some((name, pos)) => {
                // u32::from_str() would take a sign.
                ensure!(
                    !pos.is_empty() && pos.bytes().all(|c| c.is_ascii_digit()),
                    "'{pos}' is no position (expected NAME or NAME,POS)"
                );
                (
                    name,
                    pos.parse().with_context(|| format!("position '{pos}'"))?,
                )
            }
        };
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$');
        ensure!(
            !name.is_empty() && name.chars().all(valid),
            "'{}' is no symbol name (expected NAME or NAME,POS)",
            name.escape_debug()
        );
        ensure!(
            name.len() <= MAX_NAME,
            "symbol name longer than {MAX_NAME} characters"
        );
        Ok(Symbol {
            name: name.into(),
            position,
        })
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.name, self.position)
    }
}

/// A list of symbols, by name.
#[derive(Debug, Default)]
pub struct SymbolList {
    symbols: BTreeMap<String, Symbol>,
}

impl SymbolList {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Reads `text`; `origin` is the file named in errors.
    pub fn parse(text: &str, origin: &str) -> Result<Self> {
        let mut lines: BTreeMap<String, usize> = BTreeMap::new();
        let mut list = Self::default();
        for (i, line) in text.lines().enumerate() {
            let line_number = i + 1;
            let content = line.split('#').next().unwrap_or_default().trim();
            if content.is_empty() {
                continue;
            }
            let symbol =
                Symbol::parse(content).with_context(|| format!("{origin}:{line_number}"))?;
            if let Some(first) = lines.insert(symbol.name.clone(), line_number) {
                // Even with another position: one name in the module cannot mean two things.
                bail!(
                    "{origin}:{line_number}: {} is listed in line {first} already",
                    symbol.name
                );
            }
            list.symbols.insert(symbol.name.clone(), symbol);
        }
        Ok(list)
    }

    /// The listed symbol of this name.
    pub fn get(&self, name: &str) -> Option<&Symbol> {
        self.symbols.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Symbol> {
        self.symbols.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Catches: a default position other than 0, comments or blanks taken for symbols.
    #[test]
    fn reads_names_positions_comments() {
        let text = "# list\n\n  a_b  # why\nfoo.isra.0,2\nz,0\n";
        let list = SymbolList::parse(text, "list").unwrap();
        let all: Vec<_> = list.iter().map(|s| s.to_string()).collect();
        assert_eq!(all, ["a_b,0", "foo.isra.0,2", "z,0"]);
        assert!(list.get("b").is_none());
    }

    // Catches: a malformed line that is silently taken for something else, or an error that does
    // not say where.
    #[test]
    fn names_file_and_line_of_what_is_wrong() {
        for bad in [
            "a b",
            "a,",
            "a,-1",
            "a,+1",
            "a, 1",
            "a,1,2",
            ",1",
            "a,4294967296",
            "ä",
            "a;",
        ] {
            let err = SymbolList::parse(&format!("ok\n{bad}\n"), "list").unwrap_err();
            assert!(format!("{err:#}").starts_with("list:2: "), "{bad}: {err:#}");
        }
        let long = "x".repeat(MAX_NAME + 1);
        assert!(SymbolList::parse(&long, "list").is_err());
        assert!(SymbolList::parse(&long[1..], "list").is_ok());
    }

    // Catches: the second of two contradicting lines winning.
    #[test]
    fn refuses_a_name_listed_twice() {
        let err = SymbolList::parse("a\nb\na,1\n", "list").unwrap_err();
        assert_eq!(format!("{err:#}"), "list:3: a is listed in line 1 already");
    }
}
