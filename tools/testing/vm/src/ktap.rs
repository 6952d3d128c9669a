// SPDX-License-Identifier: GPL-2.0

//! Counts test results in KTAP as kselftest prints it: nested by `# `.
//!
//! What is counted are the leaves. A group counts only where its leaves do not tell the whole
//! story: it failed and none of them did, or some of the planned ones never ran.

/// Results of a test run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Tests that ran and passed.
    pub passed: u32,
    /// All others: a skipped test is none that passed.
    pub failed: u32,
}

impl std::ops::AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// A result of a leaf, or of a group that tells more than its leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestResult {
    /// Name of the test.
    pub name: String,
    /// Why it did not pass.
    pub failure: Option<String>,
    /// What it said before the result.
    pub output: Vec<String>,
}

/// What a test has to tell although it passed, a table for example: a diagnostic line that says
/// `report: …`.
pub fn report(line: &str) -> Option<&str> {
    diagnostic(line, "report:")
}

/// What a diagnostic line says that begins so.
pub fn diagnostic<'a>(line: &'a str, begin: &str) -> Option<&'a str> {
    let text = unnest(line).1.trim_start_matches(['#', ' ']);
    text.strip_prefix(begin).map(str::trim_end)
}

#[derive(Default)]
struct Level {
    plan: Option<u32>,
    results: u32,
    failures: u32,
}

/// Follows KTAP line by line.
#[derive(Default)]
pub struct Parser {
    levels: Vec<Level>,
    output: Vec<String>,
    /// What was counted so far.
    pub count: Count,
}

impl Parser {
    /// Takes a line; returns the results it brings.
    pub fn line(&mut self, line: &str) -> Vec<TestResult> {
        let (depth, text) = unnest(line);
        if let Some(plan) = plan(text) {
            // It comes first or last; a second one starts something new.
            let mut results = Vec::new();
            if self.level(depth).plan.is_some() {
                results = self.close(depth, "");
                self.record(&results);
            }
            self.level(depth).plan = Some(plan);
            return results;
        }
        if let Some(reason) = text.strip_prefix("Bail out!") {
            return self.single(reason.trim(), Some("bailed out".into()));
        }
        let Some((ok, name, directive)) = result(text) else {
            self.output.push(text.to_owned());
            return Vec::new();
        };
        let is_group = self
            .levels
            .iter()
            .skip(depth + 1)
            .any(|l| l.results > 0 || l.plan.is_some());
        let mut results = self.close(depth + 1, name);
        let leaves_failed = self.level(depth).failures > 0 || !results.is_empty();
        let failure = match (ok, directive) {
            (true, "") => None,
            (false, "") => Some("failed".to_owned()),
            (_, directive) => Some(directive.to_owned()),
        };
        self.level(depth).results += 1;
        let tells = if is_group {
            failure.is_some() && !leaves_failed
        } else {
            true
        };
        self.level(depth).failures = 0;
        if tells {
            results.push(TestResult {
                name: name.to_owned(),
                failure,
                output: std::mem::take(&mut self.output),
            });
        }
        self.output.clear();
        self.record(&results);
        // For the group that all this is in.
        if results.iter().any(|r| r.failure.is_some()) || (is_group && leaves_failed) {
            if let Some(parent) = depth.checked_sub(1) {
                self.level(parent).failures += 1;
            }
        }
        results
    }

    /// Nothing more comes: tests that were planned and did not run have failed.
    pub fn end(&mut self) -> Vec<TestResult> {
        let results = self.close(0, "");
        self.record(&results);
        results
    }

    fn single(&mut self, name: &str, failure: Option<String>) -> Vec<TestResult> {
        let results = vec![TestResult {
            name: name.to_owned(),
            failure,
            output: std::mem::take(&mut self.output),
        }];
        self.record(&results);
        results
    }

    fn record(&mut self, results: &[TestResult]) {
        for result in results {
            match result.failure {
                None => self.count.passed += 1,
                Some(_) => self.count.failed += 1,
            }
        }
    }

    fn level(&mut self, depth: usize) -> &mut Level {
        if self.levels.len() <= depth {
            self.levels.resize_with(depth + 1, Level::default);
        }
        &mut self.levels[depth]
    }

    /// Ends the levels from `depth` on.
    fn close(&mut self, depth: usize, group: &str) -> Vec<TestResult> {
        let mut results = Vec::new();
        for level in self.levels.drain(depth.min(self.levels.len())..) {
            let missing = level.plan.unwrap_or(0).saturating_sub(level.results);
            if missing > 0 {
                results.push(TestResult {
                    name: format!("{group} ({missing} planned tests)")
                        .trim()
                        .to_owned(),
                    failure: Some("did not run".to_owned()),
                    output: std::mem::take(&mut self.output),
                });
            }
        }
        results
    }
}

fn unnest(line: &str) -> (usize, &str) {
    let mut depth = 0;
    let mut text = line;
    while let Some(rest) = text.strip_prefix("# ") {
        depth += 1;
        text = rest;
    }
    (depth, text)
}

fn plan(text: &str) -> Option<u32> {
    let rest = text.strip_prefix("1..")?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Splits a result line into outcome, name and directive (SKIP and the like; not kselftest's
/// `exit=1`).
fn result(text: &str) -> Option<(bool, &str, &str)> {
    let (ok, rest) = match text.strip_prefix("not ok ") {
        Some(rest) => (false, rest),
        None => (true, text.strip_prefix("ok ")?),
    };
    let (number, rest) = rest.split_once(' ')?;
    number.parse::<u32>().ok()?;
    let (name, comment) = rest.split_once(" # ").unwrap_or((rest, ""));
    let name = name.trim().trim_start_matches("- ");
    let directive = ["SKIP", "TODO", "XFAIL", "XPASS", "TIMEOUT"]
        .iter()
        .any(|word| comment.starts_with(word));
    Some((ok, name, if directive || !ok { comment } else { "" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> (u32, u32) {
        let mut parser = Parser::default();
        for line in text.lines() {
            parser.line(line);
        }
        parser.end();
        (parser.count.passed, parser.count.failed)
    }

    // Catches: groups counted as tests, or leaves not counted.
    #[test]
    fn leaves_count() {
        let text = "TAP version 13\n1..2\n# timeout set to 45\n# selftests: bpffs: a\n\
                    # TAP version 13\n# 1..2\n# #  RUN           x ...\n# #            OK  x\n\
                    # ok 1 x\n# ok 2 y\n# # Totals: pass:2 fail:0\nok 1 selftests: bpffs: a\n\
                    # selftests: bpffs: b\nok 2 selftests: bpffs: b\n";
        assert_eq!(count(text), (3, 0));
    }

    // Catches: a failure counted twice, as leaf and as group.
    #[test]
    fn failed_leaf_counts_once() {
        let text = "1..1\n# 1..2\n# ok 1 x\n# not ok 2 y\nnot ok 1 g # exit=1\n";
        assert_eq!(count(text), (1, 1));
    }

    // Catches: a program that crashes after its last result, or on its way out.
    #[test]
    fn failed_group_of_passed_leaves_counts() {
        let text = "1..1\n# 1..2\n# ok 1 x\n# ok 2 y\nnot ok 1 g # exit=139\n";
        assert_eq!(count(text), (2, 1));
    }

    // Catches: a program that dies midway without anyone noticing.
    #[test]
    fn planned_tests_must_run() {
        assert_eq!(count("1..1\n# 1..3\n# ok 1 x\nok 1 g\n"), (1, 1));
        assert_eq!(count("1..2\n# 1..1\n# ok 1 x\nok 1 g\n"), (1, 1));
        assert_eq!(count("1..1\n# 1..2\n# ok 1 x\n"), (1, 2));
    }

    // Catches: a plan at the end, as TAP allows, taken for tests that are yet to come.
    #[test]
    fn plan_may_come_last() {
        assert_eq!(count("1..1\n# ok 1 x\n# ok 2 y\n# 1..2\nok 1 g\n"), (2, 0));
        assert_eq!(count("1..1\n# ok 1 x\n# 1..2\nok 1 g\n"), (1, 1));
    }

    // Catches: a skipped test that counts as passed.
    #[test]
    fn skipped_is_failed() {
        assert_eq!(
            count("1..1\n# 1..1\n# ok 1 x # SKIP no root\nok 1 g # SKIP\n"),
            (0, 1)
        );
        assert_eq!(count("1..1\nok 1 g # SKIP\n"), (0, 1));
    }

    // Catches: a group deeper down whose failure is counted again at each level above.
    #[test]
    fn nested_groups() {
        let text = "1..1\n# 1..1\n# # 1..2\n# # ok 1 x\n# # not ok 2 y\n# not ok 1 m\nnot ok 1 g\n";
        assert_eq!(count(text), (1, 1));
    }

    // Catches: a failure in one group that hides one in the next.
    #[test]
    fn groups_are_apart() {
        let text =
            "1..2\n# 1..1\n# not ok 1 x\nnot ok 1 g\n# 1..1\n# ok 1 x\nnot ok 2 h # exit=1\n";
        assert_eq!(count(text), (1, 2));
    }

    // Catches: a diagnostic that is taken for a result, such as one that says "ok".
    #[test]
    fn diagnostics_are_no_results() {
        assert_eq!(count("1..1\nok so far\nnot ok\nok 1 x\n"), (1, 0));
    }

    // Catches: a table that a test prints and nobody sees.
    #[test]
    fn reports_are_found_in_any_nesting() {
        assert_eq!(report("# # report: a  1"), Some(" a  1"));
        assert_eq!(report("# # # report:"), Some(""));
        assert_eq!(report("# ok 1 report: x"), None);
        assert_eq!(report("# # a report: x"), None);
    }
}
