// SPDX-License-Identifier: GPL-2.0

//! The test programs that mutants are tried on, and the order in which they run.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{ensure, Context, Result};

/// What the guest says before it runs a program.
pub const PROGRAM: &str = "# bpffs-mutants: ";

/// Where the programs are listed.
pub fn makefile() -> PathBuf {
    "tools/testing/selftests/bpffs/Makefile".into()
}

/// The test programs that look at our implementation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Programs {
    /// Run by `run_rust`, which loads the module.
    run: Vec<String>,
    /// Load the module themselves.
    switch: Vec<String>,
}

impl Programs {
    /// Those in the selftests' Makefile; the ones for a debugging kernel, too, if it is one.
    pub fn read(makefile: &Path, debug: bool) -> Result<Self> {
        let name = makefile.display().to_string();
        let text = fs::read_to_string(makefile).context(name.clone())?;
        let mut run = variable(&text, "IMPL_TESTS");
        let mut switch = variable(&text, "SWITCH_TESTS");
        ensure!(
            !run.is_empty() && !switch.is_empty(),
            "{name} does not say what IMPL_TESTS and SWITCH_TESTS are"
        );
        if debug {
            run.extend(variable(&text, "DEBUG_TESTS"));
            run.extend(variable(&text, "FAILNTH_TESTS"));
            switch.extend(variable(&text, "DEBUG_SWITCH_TESTS"));
        }
        for word in run.iter().chain(&switch) {
            ensure!(
                !word.contains('$'),
                "{name}: {word} where only names of test programs are understood"
            );
        }
        Ok(Self { run, switch })
    }

    /// Those named in `names`, and the others.
    pub fn split(&self, names: &[String]) -> Result<(Self, Self)> {
        for name in names {
            ensure!(
                self.run.contains(name) || self.switch.contains(name),
                "Try: {name}: there is no such test program"
            );
        }
        let part = |list: &[String], named: bool| {
            let list = list.iter();
            list.filter(|name| names.contains(name) == named)
                .cloned()
                .collect()
        };
        let of = |named| Self {
            run: part(&self.run, named),
            switch: part(&self.switch, named),
        };
        Ok((of(true), of(false)))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.run.is_empty() && self.switch.is_empty()
    }

    /// A shell command that runs them one after the other, each as a group of KTAP, until a test
    /// fails. The others may each have to wait for what a fault has broken.
    pub fn command(&self) -> String {
        let run = self
            .run
            .iter()
            .map(|name| (name, format!("./run_rust {name}")));
        let switch = self.switch.iter().map(|name| (name, format!("./{name}")));
        let mut command = "set -o pipefail; ".to_owned();
        for (number, (name, call)) in run.chain(switch).enumerate() {
            let number = number + 1;
            command.push_str(&format!(
                "echo '{PROGRAM}{name}'; \
                 if {call} 2>&1 | sed -u -e 's/^/# /' -e '/^# not ok/q1'; then echo 'ok {number} {name}'; \
                 else echo 'not ok {number} {name}'; exit 1; fi; "
            ));
        }
        command
    }
}

/// The words of a variable in a Makefile, set by `:=`, `+=` or `=`.
fn variable(text: &str, name: &str) -> Vec<String> {
    let text = text.replace("\\\n", " ");
    let values = text.lines().filter_map(|line| {
        let (left, right) = line.split_once('=')?;
        let left = left.trim_end_matches([':', '+', '?']).trim();
        (left == name).then_some(right)
    });
    values
        .flat_map(str::split_whitespace)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Programs of these names.
    pub fn programs(run: &[&str], switch: &[&str]) -> Programs {
        let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Programs {
            run: list(run),
            switch: list(switch),
        }
    }

    // Catches: test programs that are never tried.
    #[test]
    fn programs_come_from_the_makefile() {
        let text = "# IMPL_TESTS := no\nIMPL_TESTS := a b \\\n\tc\nSWITCH_TESTS = d\n\
                    IMPL_TESTS += e\nTEST_GEN_PROGS := run_c $(SWITCH_TESTS)\n";
        assert_eq!(variable(text, "IMPL_TESTS"), ["a", "b", "c", "e"]);
        assert_eq!(variable(text, "SWITCH_TESTS"), ["d"]);
        assert!(variable(text, "DEBUG_TESTS").is_empty());
    }

    // Catches: programs that are left out because others are tried first.
    #[test]
    fn others_are_kept() {
        let all = programs(&["a", "b", "c"], &["d", "e"]);
        let (first, others) = all.split(&["e".into(), "b".into()]).unwrap();
        assert_eq!(first, programs(&["b"], &["e"]));
        assert_eq!(others, programs(&["a", "c"], &["d"]));
        assert!(all.split(&["f".into()]).is_err());
        let (first, others) = all.split(&[]).unwrap();
        assert!(first.is_empty());
        assert_eq!(others, all);
    }
}
