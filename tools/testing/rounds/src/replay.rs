// SPDX-License-Identifier: GPL-2.0

//! The log of an agent, replayed against the model.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result};

use crate::model::{Call, Found, Model};

/// A time from CLOCK_MONOTONIC to another one, in nanoseconds.
pub type Span = (u64, u64);

/// What a log has told.
#[derive(Default)]
pub struct Report {
    /// How many calls were made.
    pub calls: usize,
    /// How many of these succeeded.
    pub succeeded: usize,
    /// How many failed as documented, between two look-ups.
    pub between: usize,
    /// What is wrong: the first few things, with the calls before.
    pub wrong: Vec<String>,
    /// How many things are wrong.
    pub wrong_count: usize,
    /// The longest call that overlaps with a move, and which.
    pub held: (u64, String),
    /// The longest call of all others.
    pub other: u64,
    /// Whether the log ends as logs do.
    pub is_whole: bool,
}

/// So many lines before what is wrong are shown.
const BEFORE: usize = 8;
/// So many things that are wrong are shown.
const SHOWN: usize = 3;

/// A line of a call: when it began and ended, the call, and what it has answered.
fn parse(line: &str) -> Option<(Span, Call<'_>, Result<&str, i32>)> {
    let mut words = line.split(' ');
    let span = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let name = words.next()?;
    let mut word = || words.next();
    let call = match name {
        "pin" => Call::Pin(word()?, word()?.parse().ok()?),
        "get" => Call::Get(word()?),
        "rename" => Call::Rename(word()?, word()?),
        "link" => Call::Link(word()?, word()?),
        "unlink" => Call::Unlink(word()?),
        "mkdir" => Call::Mkdir(word()?),
        "rmdir" => Call::Rmdir(word()?),
        "symlink" => Call::Symlink(word()?, word()?),
        "readlink" => Call::Readlink(word()?),
        "chmod" => Call::Chmod(word()?, u32::from_str_radix(word()?, 8).ok()?),
        "stat" => Call::Stat(word()?),
        "list" => Call::List(word()?),
        "token" => Call::Token,
        _ => return None,
    };
    let answer = match word()? {
        failed if failed.starts_with('-') => Err(failed.get(1..)?.parse().ok()?),
        said => Ok(said),
    };
    word().is_none().then_some((span, call, answer))
}

/// A line of a walk.
fn parse_found(line: &str) -> Option<(String, Found)> {
    let mut words = line.split(' ');
    let path = words.next()?.to_owned();
    let found = match words.next()? {
        "d" => Found::Directory,
        "s" => Found::Symlink(words.next()?.to_owned()),
        "f" => Found::File(
            words.next()?.parse().ok()?,
            words.next()?.parse().ok()?,
            u32::from_str_radix(words.next()?, 8).ok()?,
        ),
        _ => return None,
    };
    Some((path, found))
}

/// Replays a log. `moves` are the times in which trees were moved, in their order.
pub fn file(path: &Path, moves: &[Span]) -> Result<Report> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    let mut report = Report::default();
    let mut model = Model::default();
    let mut before: VecDeque<String> = VecDeque::new();
    let mut walk: Option<Vec<(String, Found)>> = None;
    let mut moves = moves.iter().peekable();
    for line in BufReader::with_capacity(1 << 16, file).lines() {
        let line = line?;
        report.is_whole = false;
        let result = if let Some(call) = parse(&line) {
            let (span, call, answer) = call;
            report.calls += 1;
            report.succeeded += usize::from(answer.is_ok());
            while moves.next_if(|its| its.1 < span.0).is_some() {}
            let length = span.1.saturating_sub(span.0);
            match moves.peek() {
                Some(its) if its.0 <= span.1 => {
                    if length > report.held.0 {
                        report.held = (length, line.clone());
                    }
                }
                _ => report.other = report.other.max(length),
            }
            model.call(&call, answer)
        } else if let (Some(found), Some(walk)) =
            (line.strip_prefix("w ").and_then(parse_found), walk.as_mut())
        {
            walk.push(found);
            continue;
        } else if let Some(map) = line.strip_prefix("! ") {
            let id = map.split_once(' ').and_then(|(_, id)| id.parse().ok());
            id.map(|id| model.maps.push(id))
                .ok_or_else(|| "no id".to_owned())
        } else {
            match line.as_str() {
                "# loose" => {
                    model.loosen();
                    Ok(())
                }
                "# walk" => {
                    walk = Some(Vec::new());
                    continue;
                }
                "# end" => {
                    report.is_whole = true;
                    model.walked(&walk.take().unwrap_or_default())
                }
                _ => Err("no line of a log".into()),
            }
        };
        if let Err(why) = result {
            report.wrong_count += 1;
            if report.wrong.len() < SHOWN {
                report
                    .wrong
                    .extend(before.iter().map(|line| format!("  {line}")));
                report.wrong.push(format!("  {line}: {why}"));
            }
        }
        before.push_back(line);
        if before.len() > BEFORE {
            before.pop_front();
        }
    }
    report.between = model.between;
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replayed(name: &str, log: &str, moves: &[Span]) -> Report {
        let path = std::env::temp_dir().join(format!("rounds-{name}-{}", std::process::id()));
        std::fs::write(&path, log).unwrap();
        let report = file(&path, moves).unwrap();
        std::fs::remove_file(&path).unwrap();
        report
    }

    const LOG: &str = "! 0 7\n! 1 8\n1 3 pin f1 1 0\n5 15 get f1 8\n20 21 get f2 -2\n# walk\nw f1 f 8 0 600\n# end\n";

    // Catches: a log that nobody has looked at.
    #[test]
    fn a_log_is_read_to_its_end() {
        let report = replayed("whole", LOG, &[(10, 12)]);
        assert_eq!(
            (report.calls, report.succeeded, report.wrong_count),
            (3, 2, 0)
        );
        assert!(report.is_whole);
        assert_eq!((report.held.0, report.other), (10, 2));
        let report = replayed("cut", &LOG.replace("# end\n", ""), &[]);
        assert!(!report.is_whole);
        assert_eq!(report.held.0, 0);
    }

    // Catches: what is wrong in a log and counts as nothing.
    #[test]
    fn what_is_wrong_is_told() {
        for (from, to) in [
            ("get f1 8", "get f1 7"),
            ("-2", "-116"),
            ("w f1 f 8", "w f1 f 7"),
            ("w f1", "w f2"),
            ("20 21", "no"),
        ] {
            let report = replayed("wrong", &LOG.replace(from, to), &[]);
            assert!(report.wrong_count > 0, "{to}");
            assert!(!report.wrong.is_empty());
        }
    }
}
