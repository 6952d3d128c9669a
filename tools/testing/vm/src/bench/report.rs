// SPDX-License-Identifier: GPL-2.0

//! What two guests have counted, side by side.

use std::fmt::Write as _;

use anyhow::{bail, Context, Result};
use serde::Serialize;

use super::limits::Limits;

/// The file system that is measured, and the one that is the same in both guests.
const BPF: &str = "bpf";
const TMPFS: &str = "tmpfs";
/// What a call is counted in that does nothing but reach a function that ours replaces: instructions,
/// by which the livepatch core's entry shows.
const ENTRY: &str = "entry";

/// What a guest said in a line.
#[derive(Debug, PartialEq)]
struct Line<'a> {
    unit: &'a str,
    file_system: &'a str,
    operation: &'a str,
    condition: &'a str,
    number: f64,
}

/// What a guest said.
#[derive(Debug)]
pub struct Said<'a> {
    lines: Vec<Line<'a>>,
    /// The slab cache that the pins' inodes are in: whose file system it was.
    cache: &'a str,
}

impl<'a> Said<'a> {
    /// Understands what the program in the guest prints.
    pub fn parse(text: &'a str) -> Result<Self> {
        let mut lines = Vec::new();
        let mut cache = None;
        for line in text.lines() {
            let fields: Vec<_> = line.split('\t').collect();
            let &[unit, file_system, operation, condition, number] = fields.as_slice() else {
                bail!("a line that is not understood: {line:?}");
            };
            let number: f64 = number.parse().with_context(|| format!("{line:?}"))?;
            if unit == "cache" {
                cache = Some(operation);
                continue;
            }
            if !number.is_finite() || number <= 0.0 {
                bail!("nothing was counted: {line:?}");
            }
            lines.push(Line {
                unit,
                file_system,
                operation,
                condition,
                number,
            });
        }
        let cache = cache.context("it is not said where the inodes are")?;
        Ok(Self { lines, cache })
    }

    fn find(&self, file_system: &str, operation: &str, condition: &str) -> Option<f64> {
        let line = self.lines.iter().find(|line| {
            (line.file_system, line.operation, line.condition)
                == (file_system, operation, condition)
        });
        line.map(|line| line.number)
    }
}

/// A number of C's implementation and of ours.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Pair {
    c: f64,
    ours: f64,
    /// `ours / c`.
    ratio: f64,
}

impl Pair {
    fn new(c: f64, ours: f64) -> Self {
        Self {
            c,
            ours,
            ratio: ours / c,
        }
    }
}

/// An operation.
#[derive(Debug, Serialize)]
struct Row<'a> {
    operation: &'a str,
    /// How many pins or instances there were, if many.
    condition: &'a str,
    /// Instructions, bytes, or the instructions of an entry.
    unit: &'a str,
    #[serde(flatten)]
    pair: Pair,
    limit: f64,
    /// How many times what it takes without the condition.
    growth: Option<Pair>,
    /// The same of tmpfs, in the guest with C's implementation and in that with ours.
    tmpfs: Option<Pair>,
}

impl Row<'_> {
    fn name(&self) -> String {
        match self.condition {
            "" => self.operation.to_owned(),
            condition => format!("{}, {condition}", self.operation),
        }
    }

    fn is_above(&self) -> bool {
        self.pair.ratio > self.limit
    }
}

/// The whole comparison.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    rows: Vec<Row<'a>>,
    /// The operation with the largest ratio, and that ratio; no entry is one.
    worst: (String, f64),
    /// The largest ratio of tmpfs, in either direction: how exact the other ratios are.
    noise: f64,
    /// Why the comparison fails.
    failures: Vec<String>,
}

impl<'a> Report<'a> {
    /// Compares what both guests said.
    pub fn new(c: &Said<'a>, ours: &Said<'a>, limits: &Limits) -> Result<Self> {
        if c.cache == ours.cache {
            bail!(
                "both guests have their inodes in {}, so it was the same implementation",
                c.cache
            );
        }
        if let Some(line) = ours.lines.iter().find(|line| {
            c.find(line.file_system, line.operation, line.condition)
                .is_none()
        }) {
            bail!("{line:?} has no like on C's");
        }
        let pair = |file_system, line: &Line<'_>, condition| -> Option<Pair> {
            let of = |said: &Said<'_>| said.find(file_system, line.operation, condition);
            Some(Pair::new(of(c)?, of(ours)?))
        };
        let mut rows = Vec::new();
        for line in c.lines.iter().filter(|line| line.file_system == BPF) {
            let counted = pair(BPF, line, line.condition)
                .with_context(|| format!("{line:?} has no like on ours"))?;
            let plain = (!line.condition.is_empty())
                .then(|| pair(BPF, line, ""))
                .flatten();
            rows.push(Row {
                operation: line.operation,
                condition: line.condition,
                unit: line.unit,
                pair: counted,
                limit: limits.of(line.operation),
                growth: plain
                    .map(|plain| Pair::new(counted.c / plain.c, counted.ours / plain.ours)),
                tmpfs: pair(TMPFS, line, line.condition),
            });
        }
        if let Some(unknown) = limits
            .exceptions()
            .find(|name| rows.iter().all(|row| row.operation != *name))
        {
            bail!("there is a limit of \"{unknown}\", but no such operation");
        }
        let worst = rows
            .iter()
            .filter(|row| row.unit != ENTRY)
            .max_by(|a, b| a.pair.ratio.total_cmp(&b.pair.ratio))
            .map(|row| (row.name(), row.pair.ratio))
            .context("nothing was counted")?;
        let noise = rows
            .iter()
            .filter_map(|row| row.tmpfs)
            .map(|tmpfs| tmpfs.ratio.max(1.0 / tmpfs.ratio))
            .max_by(f64::total_cmp)
            .context("nothing was counted on tmpfs")?;
        let mut failures: Vec<_> = rows
            .iter()
            .filter(|row| row.is_above())
            .map(|row| {
                let (ratio, limit) = (row.pair.ratio, row.limit);
                format!(
                    "{}: {ratio:.4} is above the limit of {limit:.3}",
                    row.name()
                )
            })
            .collect();
        if noise > limits.tmpfs {
            failures.push(format!(
                "tmpfs differs by {noise:.4} between the guests, which is above the limit of {:.3}: \
                 the other ratios are not exact enough",
                limits.tmpfs
            ));
        }
        Ok(Self {
            rows,
            worst,
            noise,
            failures,
        })
    }

    /// Whether nothing is above its limit.
    pub fn is_good(&self) -> bool {
        self.failures.is_empty()
    }

    /// All of it for a program to read.
    pub fn json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    /// All of it for a person to read; the last line is the worst ratio.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let mut heading = None;
        for row in &self.rows {
            if heading != Some((row.unit, row.condition)) {
                heading = Some((row.unit, row.condition));
                let blank = if text.is_empty() { "" } else { "\n" };
                let _ = writeln!(text, "{blank}{}", Self::heading(row));
            }
            let Pair { c, ours, ratio } = row.pair;
            let _ = write!(
                text,
                "{:<30}{:>10}{:>10}{ratio:>9.4}{}",
                row.operation,
                figure(c),
                figure(ours),
                if row.is_above() { " !" } else { "  " }
            );
            let mut columns = String::new();
            if row.unit == ENTRY {
                let _ = write!(columns, "{:>+10.1}", ours - c);
            }
            if !row.condition.is_empty() {
                let growth = row.growth.map_or_else(String::new, |growth| {
                    format!("{:>8.3}{:>8.3}", growth.c, growth.ours)
                });
                let _ = write!(columns, "{growth:>16}");
            }
            if let Some(tmpfs) = row.tmpfs {
                let _ = write!(columns, "{:>10}{:>9.4}", figure(tmpfs.c), tmpfs.ratio);
            }
            let _ = writeln!(text, "{}", columns);
        }
        let _ = writeln!(
            text,
            "\ntmpfs, which is the same in both guests, differs by {:.2} % at most",
            (self.noise - 1.0) * 100.0
        );
        for failure in &self.failures {
            let _ = writeln!(text, "FAILED  {failure}");
        }
        let (name, ratio) = &self.worst;
        let _ = writeln!(text, "worst ratio ours/C: {ratio:.4}, of {name}");
        // No blanks where a line has not all columns.
        text.lines()
            .map(|line| line.trim_end().to_owned() + "\n")
            .collect()
    }

    fn heading(row: &Row<'_>) -> String {
        let what = match row.condition {
            "" => row.unit.to_owned(),
            condition => format!("{}, {condition}", row.unit),
        };
        let growth = match row.condition {
            "" => String::new(),
            _ => format!("{:>8}{:>8}", "C grows", "ours"),
        };
        let tmpfs = match row.tmpfs {
            None if row.unit == ENTRY => format!("{:>10}", "ours-C"),
            None => String::new(),
            Some(_) => format!("{:>10}{:>9}", "tmpfs", "ours/C"),
        };
        format!(
            "{what:<30}{:>10}{:>10}{:>9}  {growth}{tmpfs}",
            "C", "ours", "ours/C"
        )
    }
}

/// A number as exact as it is of interest.
fn figure(number: f64) -> String {
    if number < 1000.0 {
        format!("{number:.1}")
    } else {
        format!("{number:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const C: &str = "instructions\ttmpfs\tget\t\t1000\n\
        instructions\tbpf\tget\t\t5000\n\
        instructions\tbpf\tget\t9 pins\t6000\n\
        bytes\tbpf\tan inode\t\t592\n\
        cache\tbpf\tbpf_fs_inode_cache\t\t9\n";

    /// What the other guest says: this instead of that.
    fn ours(changes: &[(&str, &str)]) -> String {
        let text = C.replace("bpf_fs_inode_cache", "bpffs_inode_cache");
        changes.iter().fold(text, |text, (old, new)| {
            assert!(text.contains(old));
            text.replace(old, new)
        })
    }

    fn failures(changes: &[(&str, &str)], exceptions: &str) -> Result<Vec<String>> {
        let limits = Limits::parse(&format!("all = 1.03\ntmpfs = 1.01\n{exceptions}"))?;
        let ours = ours(changes);
        let report = Report::new(&Said::parse(C)?, &Said::parse(&ours)?, &limits)?;
        assert_eq!(report.is_good(), report.failures.is_empty());
        let (name, ratio) = &report.worst;
        let last = report.table().lines().last().unwrap_or_default().to_owned();
        assert_eq!(last, format!("worst ratio ours/C: {ratio:.4}, of {name}"));
        Ok(report.failures)
    }

    // Catches: an operation above its limit that passes, one below that fails, or an exception that
    // holds for others.
    #[test]
    fn limits_are_held() {
        assert!(failures(&[], "").unwrap().is_empty());
        assert!(failures(&[("5000", "5149")], "").unwrap().is_empty());
        assert_eq!(
            failures(&[("5000", "5160")], "").unwrap(),
            ["get: 1.0320 is above the limit of 1.030"]
        );
        assert_eq!(
            failures(&[("6000", "6600"), ("592", "632")], "an inode = 1 # x").unwrap(),
            [
                "get, 9 pins: 1.1000 is above the limit of 1.030",
                "an inode: 1.0676 is above the limit of 1.000"
            ]
        );
        let changes = [("6000", "6600"), ("5000", "5400")];
        assert!(failures(&changes, "get = 1.1 # x").unwrap().is_empty());
    }

    // Catches: ratios that are believed though the guests differ in what is the same.
    #[test]
    fn noise_is_a_failure() {
        for noise in ["\t1011", "\t989"] {
            let failures = failures(&[("\t1000", noise)], "").unwrap();
            assert_eq!(failures.len(), 1);
            assert!(failures[0].starts_with("tmpfs differs by 1.011"));
        }
        assert!(failures(&[("\t1000", "\t1009")], "").unwrap().is_empty());
    }

    // Catches: a comparison of something else, or of less than all.
    #[test]
    fn what_cannot_be_compared_is_refused() {
        let refused =
            |changes: &[_], limits| format!("{:#}", failures(changes, limits).unwrap_err());
        let get = "instructions\tbpf\tget\t\t5000\n";
        assert!(refused(&[(get, "")], "").contains("has no like on ours"));
        assert!(refused(&[("\tget\t\t5000", "\tput\t\t5000")], "").contains("has no like on C's"));
        assert!(refused(&[("bpffs_", "bpf_fs_")], "").contains("the same implementation"));
        assert!(refused(&[("cache\t", "bytes\t")], "").contains("where the inodes are"));
        assert!(refused(&[("5000", "0")], "").contains("nothing was counted"));
        assert!(refused(&[(get, "oops\n")], "").contains("not understood"));
        assert!(refused(&[], "put = 2 # x").contains("no such operation"));
    }

    // Catches: an entry that is taken for the worst operation, or that is not judged.
    #[test]
    fn an_entry_is_apart() {
        let said = |entry, text: &str| format!("entry\tbpf\tno get\t\t{entry}\n{text}");
        let (c, ours) = (said(600, C), said(690, &ours(&[])));
        let (c, ours) = (Said::parse(&c).unwrap(), Said::parse(&ours).unwrap());
        for (limit, is_good) in [("1.2", true), ("1.1", false)] {
            let limits = format!("all = 1.03\ntmpfs = 1.01\nno get = {limit} # x");
            let limits = Limits::parse(&limits).unwrap();
            let report = Report::new(&c, &ours, &limits).unwrap();
            assert_eq!(report.is_good(), is_good);
            assert_eq!(report.worst.1, 1.0);
            let table = report.table();
            let line = table.lines().nth(1).unwrap().split_whitespace();
            let fields: Vec<_> = line.filter(|field| *field != "!").collect();
            assert_eq!(fields, ["no", "get", "600.0", "690.0", "1.1500", "+90.0"]);
        }
    }

    // Catches: a table whose columns are wrong.
    #[test]
    fn the_table_is_readable() {
        let limits = Limits::parse("all = 1.03\ntmpfs = 1.01").unwrap();
        let ours = ours(&[("5000", "5500")]);
        let (c, ours) = (Said::parse(C).unwrap(), Said::parse(&ours).unwrap());
        let report = Report::new(&c, &ours, &limits).unwrap();
        let table = report.table();
        let lines: Vec<_> = table
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(
            lines,
            [
                "instructions C ours ours/C tmpfs ours/C",
                "get 5000 5500 1.1000 ! 1000 1.0000",
                "",
                "instructions, 9 pins C ours ours/C C grows ours",
                "get 6000 6000 1.0000 1.200 1.091",
                "",
                "bytes C ours ours/C",
                "an inode 592.0 592.0 1.0000",
                "",
                "tmpfs, which is the same in both guests, differs by 0.00 % at most",
                "FAILED get: 1.1000 is above the limit of 1.030",
                "worst ratio ours/C: 1.1000, of get",
            ]
        );
        let json: serde_json::Value = serde_json::from_str(&report.json().unwrap()).unwrap();
        assert_eq!(json["rows"][0]["ratio"], 1.1);
        assert_eq!(json["rows"][1]["growth"]["c"], 1.2);
    }
}
