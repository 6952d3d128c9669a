// SPDX-License-Identifier: GPL-2.0
//! Looking symbols up in a kernel's `/proc/kallsyms`, as livepatch does when it loads a module.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{ensure, Context, Result};

use crate::symbols::Symbol;

/// How often each wanted name occurs among the symbols of vmlinux.
pub struct Kallsyms {
    counts: HashMap<String, u32>,
}

impl Kallsyms {
    /// Counts `wanted` in the file at `path`, which is as `/proc/kallsyms`: an address, a type and
    /// a name per line, and a module in brackets where it is not a symbol of vmlinux.
    pub fn read<'a>(path: &Path, wanted: impl Iterator<Item = &'a Symbol>) -> Result<Self> {
        let origin = path.display().to_string();
        let file = File::open(path).with_context(|| origin.clone())?;
        Self::count(BufReader::new(file), &origin, wanted)
    }

    fn count<'a>(
        file: impl BufRead,
        origin: &str,
        wanted: impl Iterator<Item = &'a Symbol>,
    ) -> Result<Self> {
        let mut counts: HashMap<String, u32> = wanted.map(|s| (s.name.clone(), 0)).collect();
        let mut of_vmlinux = false;
        for (i, line) in file.lines().enumerate() {
            let line = line.with_context(|| origin.to_owned())?;
            let mut fields = line.split_ascii_whitespace();
            let (address, name) = (fields.next(), fields.nth(1));
            let (Some(address), Some(name)) = (address, name) else {
                anyhow::bail!("{origin}:{}: not a line of /proc/kallsyms", i + 1);
            };
            ensure!(
                address.bytes().all(|c| c.is_ascii_hexdigit()),
                "{origin}:{}: '{}' is no address",
                i + 1,
                address.escape_debug()
            );
            if fields.next().is_some() {
                continue; // of a module, a BPF program, a trampoline
            }
            of_vmlinux = true;
            if let Some(count) = counts.get_mut(name) {
                *count = count.saturating_add(1);
            }
        }
        ensure!(of_vmlinux, "{origin}: no symbol of vmlinux in it");
        Ok(Kallsyms { counts })
    }

    /// What keeps the kernel from finding `symbol`; `None` if nothing does.
    pub fn problem(&self, symbol: &Symbol) -> Option<String> {
        let Symbol { name, position } = symbol;
        match (self.counts.get(name).copied().unwrap_or(0), *position) {
            (0, _) => Some(format!("{name}: no such symbol in vmlinux")),
            (1, 0) => None,
            (n, 0) => Some(format!(
                "{name}: {n} symbols of that name in vmlinux, say which: {name},1 to {name},{n}"
            )),
            (n, position) if position > n => Some(format!(
                "{name},{position}: only {n} of that name in vmlinux"
            )),
            _ => None,
        }
    }

    /// Fails with one line that names every symbol that the kernel would not find.
    pub fn check<'a>(&self, symbols: impl Iterator<Item = &'a Symbol>) -> Result<()> {
        let problems: Vec<_> = symbols.filter_map(|s| self.problem(s)).collect();
        ensure!(problems.is_empty(), "{}", problems.join("; "));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "0000000000000000 A fixed_percpu_data\n\
        ffffffff81000000 T unique\n\
        ffffffff81000010 t twice\n\
        ffffffff81000020 t twice\n\
        ffffffffc0000000 t unique\t[bpffs]\n\
        ffffffffc0000010 t modular\t[bpffs]\n";

    fn problem(symbol: &str) -> Option<String> {
        let symbol = Symbol::parse(symbol).unwrap();
        let kallsyms = Kallsyms::count(FILE.as_bytes(), "f", [&symbol].into_iter()).unwrap();
        kallsyms.problem(&symbol)
    }

    // Catches: a check that passes what the kernel refuses, and the reverse.
    #[test]
    fn agrees_with_the_kernel() {
        assert_eq!(
            problem("unique"),
            None,
            "the module's own one does not count"
        );
        assert_eq!(problem("unique,1"), None);
        assert_eq!(problem("twice,1"), None);
        assert_eq!(problem("twice,2"), None);
        assert!(problem("unique,2").unwrap().contains("only 1"));
        assert!(problem("twice").unwrap().contains("2 symbols"));
        assert!(problem("twice,3").unwrap().contains("only 2"));
        assert!(problem("modular").unwrap().contains("no such symbol"));
        assert!(problem("absent").unwrap().contains("no such symbol"));
    }

    // Catches: a wrong file (or an empty one) that makes every symbol look absent, or worse, fine.
    #[test]
    fn refuses_what_is_not_kallsyms() {
        let none = || [].into_iter();
        assert!(Kallsyms::count("".as_bytes(), "f", none()).is_err());
        assert!(Kallsyms::count("hello\n".as_bytes(), "f", none()).is_err());
        assert!(Kallsyms::count("this is prose\n".as_bytes(), "f", none()).is_err());
        assert!(Kallsyms::count("c0 t only_modules [m]\n".as_bytes(), "f", none()).is_err());
    }
}
