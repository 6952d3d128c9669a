// SPDX-License-Identifier: GPL-2.0

//! The kernel's log, and what must not be in it.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::LazyLock;

use anyhow::{bail, Context, Result};
use rustix::io::Errno;

/// The texts that the tests' own look at the log goes by, too.
const TEXTS: &str = include_str!("../../selftests/lib/kernel_log.def");

/// What [`TEXTS`] has.
struct Texts {
    /// Any of these in a message of the kernel means that something is wrong in it.
    faults: Vec<&'static str>,
    /// The fault that a failed allocation excuses.
    trace: &'static str,
    /// What tests write into the log around calls whose allocations they make fail.
    failing: &'static str,
    failing_no_more: &'static str,
    /// Messages that an allocation failed; in between, a call trace may follow one.
    allocation_failed: Vec<&'static str>,
}

static LISTED: LazyLock<Texts> = LazyLock::new(|| {
    let all = |word| texts(TEXTS, word).collect::<Vec<_>>();
    let one = |word| texts(TEXTS, word).next().unwrap_or_default();
    let trace = one("TRACE");
    let mut faults = all("FAULT");
    faults.push(trace);
    Texts {
        faults,
        trace,
        failing: one("FAILING"),
        failing_no_more: one("FAILING_NO_MORE"),
        allocation_failed: all("ALLOCATION_FAILED"),
    }
});

/// The texts of lines like `WORD("text")`.
fn texts<'a>(list: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    list.lines().filter_map(move |line| {
        let text = line.strip_prefix(word)?.strip_prefix("(\"")?;
        text.strip_suffix("\")")
    })
}

/// Lines shown before and after a bad one.
const BEFORE: usize = 3;
const AFTER: usize = 45;

/// Flags of `/proc/sys/kernel/tainted` that loading a livepatch from outside the tree sets:
/// O (out of tree), E (unsigned), K (livepatch).
const EXPECTED_TAINT: u64 = (1 << 12) | (1 << 13) | (1 << 15);

const RAN_OVER: &str =
    "the kernel's log ran over, and messages are lost: it needs a larger log_buf_len=";

/// A message of the kernel, or one that a process wrote into its log.
#[derive(Clone, Debug)]
pub struct Record {
    number: u64,
    from_kernel: bool,
    text: String,
}

impl Record {
    fn parse(record: &str) -> Option<Self> {
        let (prefix, rest) = record.split_once(';')?;
        let mut fields = prefix.split(',');
        let priority: u32 = fields.next()?.parse().ok()?;
        let number = fields.next()?.parse().ok()?;
        let microseconds: u64 = fields.next()?.parse().ok()?;
        let message = rest.lines().next().unwrap_or_default();
        Some(Self {
            number,
            from_kernel: priority >> 3 == 0,
            text: format!(
                "[{:5}.{:06}] {message}",
                microseconds / 1_000_000,
                microseconds % 1_000_000
            ),
        })
    }

    fn is_bad(&self) -> bool {
        self.from_kernel && is_bad(&self.text)
    }
}

/// Whether a message of the kernel says that something is wrong in it.
pub fn is_bad(text: &str) -> bool {
    LISTED.faults.iter().any(|fault| has_word(text, fault))
}

/// Whether `word` is in `text` at the start of a word: `BUG` is not in `DEBUG`.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// Everything in the log. It is an error if the oldest messages are gone: nobody looked at them.
pub fn read() -> Result<Vec<Record>> {
    let mut file = OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32)
        .open("/dev/kmsg")
        .context("/dev/kmsg")?;
    let mut records = Vec::new();
    let mut buffer = vec![0; 16384];
    loop {
        match file.read(&mut buffer) {
            Ok(length) => {
                let text = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default());
                records.extend(Record::parse(&text));
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => return complete(records),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) if e.raw_os_error() == Some(Errno::PIPE.raw_os_error()) => bail!(RAN_OVER),
            Err(e) => return Err(e).context("/dev/kmsg"),
        }
    }
}

/// They are numbered from the boot on, from 0.
fn complete(records: Vec<Record>) -> Result<Vec<Record>> {
    match records.first() {
        Some(first) if first.number > 0 => bail!(RAN_OVER),
        _ => Ok(records),
    }
}

/// The bad messages with what is around them; empty if there are none.
pub fn report(records: &[Record]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut shown = 0;
    let (mut failing, mut failed) = (false, false);
    for (index, record) in records.iter().enumerate() {
        if !record.from_kernel && record.text.contains(LISTED.failing) {
            failing = !record.text.contains(LISTED.failing_no_more);
            failed = false;
        }
        let tells = |text: &&str| has_word(&record.text, text);
        failed |= failing && record.from_kernel && LISTED.allocation_failed.iter().any(tells);
        if !record.is_bad() {
            continue;
        }
        if failed && record.text.contains(LISTED.trace) {
            failed = false;
            continue;
        }
        let from = index.saturating_sub(BEFORE).max(shown);
        let to = (index + AFTER).min(records.len());
        if from < to {
            lines.extend(records.iter().take(to).skip(from).map(|r| r.text.clone()));
            shown = to;
        }
    }
    lines
}

/// The last messages, for an error that they may explain.
pub fn tail(records: &[Record], count: usize) -> String {
    let texts: Vec<_> = records.iter().map(|r| r.text.as_str()).collect();
    texts[texts.len().saturating_sub(count)..].join("; ")
}

/// What else than our module's loading has tainted the kernel.
pub fn unexpected_taint() -> Result<Option<String>> {
    let flags: u64 = std::fs::read_to_string("/proc/sys/kernel/tainted")?
        .trim()
        .parse()?;
    let unexpected = flags & !EXPECTED_TAINT;
    Ok((unexpected != 0).then(|| format!("the kernel is tainted: flags {unexpected:#x}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(lines: &[&str]) -> Vec<Record> {
        lines
            .iter()
            .map(|line| Record::parse(line).unwrap())
            .collect()
    }

    // Catches: a line of the list that only one of its readers understands.
    #[test]
    fn every_line_of_the_list_is_understood() {
        let without_comments: String = TEXTS
            .split("/*")
            .map(|part| part.split_once("*/").map_or(part, |(_, rest)| rest))
            .collect();
        let lines = without_comments.lines().filter(|line| !line.is_empty());
        let number = LISTED.faults.len() + LISTED.allocation_failed.len() + 2;
        assert_eq!(lines.count(), number);
        for text in LISTED.faults.iter().chain(&LISTED.allocation_failed) {
            assert!(!text.is_empty() && !text.contains(['"', '\\']), "{text}");
        }
        assert!(LISTED.failing_no_more.starts_with(LISTED.failing));
        assert!(!LISTED.failing.is_empty() && !LISTED.trace.is_empty());
    }

    // Catches: a warning of the kernel that passes unnoticed.
    #[test]
    fn warnings_are_reported_with_context() {
        let log = records(&[
            "6,1,1000,-;a",
            "6,2,2000,-;b",
            "4,3,3000,-;WARNING: CPU: 0 PID: 1 at fs/inode.c:1 iput+0x1/0x2",
            "4,4,4000,-;Modules linked in: bpffs",
        ]);
        assert_eq!(report(&log).len(), 4);
        for bad in [
            "4,1,1,-;------------[ cut here ]------------",
            "1,1,1,-;BUG: KASAN: slab-use-after-free in x",
            "4,1,1,-;WARNING: possible circular locking dependency detected",
            "3,1,1,-;BUG kmalloc-64 (Not tainted): Objects remaining in x on __kmem_cache_shutdown()",
            "4,1,1,-;refcount_t: underflow; use-after-free.",
            "3,1,1,-;INFO: task a:1 blocked for more than 120 seconds.",
            "0,1,1,-;rust_kernel: panicked at src/lib.rs:1:1:",
            "1,1,1,-;BUG: unable to handle page fault for address: 1",
            "3,1,1,-;UBSAN: shift-out-of-bounds in lib/a.c:1:2",
            "3,1,1,-;ODEBUG: free active (active state 0) object: 1 object type: work_struct",
            "4,1,1,-;WARNING: suspicious RCU usage",
            "3,1,1,-;INFO: trying to register non-static key.",
            "4,1,1,-;kmemleak: Kernel memory leak detector disabled",
        ] {
            assert_eq!(report(&records(&[bad])).len(), 1, "{bad}");
        }
    }

    // Catches: warnings that were lost because so much was logged after them.
    #[test]
    fn a_log_without_its_beginning_is_an_error() {
        assert!(complete(records(&["6,0,1000,-;a", "6,1,2000,-;b"])).is_ok());
        assert!(complete(records(&["6,1,1000,-;b"])).is_err());
    }

    // Catches: a run that fails for what a process wrote, or for what every boot says.
    #[test]
    fn others_messages_are_no_warnings() {
        let log = records(&[
            "12,1,1000,-;a test writes WARNING: hello",
            "4,2,2000,-;bpffs: loading out-of-tree module taints kernel.",
            "6,3,3000,-;kasan: KernelAddressSanitizer initialized (generic), DEBUG_KASAN",
            "6,4,4000,-;livepatch: 'bpffs': patching complete\n SUBSYSTEM=x",
        ]);
        assert_eq!(report(&log), Vec::<String>::new());
    }

    // Catches: a run that fails because a test makes allocations fail, or a fault that hides there.
    #[test]
    fn allocations_that_are_made_to_fail() {
        let begin = "12,1,1,-;bpffs: allocations are made to fail";
        let end = "12,1,1,-;bpffs: allocations are made to fail no more";
        let failed = "4,1,1,-;x: vmalloc error: size 4096, vm_struct allocation failed";
        let trace = "4,1,1,-;Call Trace:";
        let is_bad = |lines: &[&str]| !report(&records(lines)).is_empty();
        assert!(!is_bad(&[begin, failed, trace, end]));
        assert!(is_bad(&[failed, trace]));
        assert!(is_bad(&[begin, trace]));
        assert!(is_bad(&[begin, failed, trace, trace]));
        assert!(is_bad(&[begin, end, failed, trace]));
        assert!(is_bad(&[begin, failed, end, trace]));
        assert!(is_bad(&[begin, failed, "1,1,1,-;BUG: KASAN: x"]));
        assert!(is_bad(&[
            "4,1,1,-;bpffs: allocations are made to fail",
            failed,
            trace
        ]));
    }

    // Catches: one splat shown many times over, once for each of its lines.
    #[test]
    fn reports_do_not_overlap() {
        let log: Vec<_> = (0..100)
            .map(|i| Record::parse(&format!("4,{i},{i},-;BUG: {i}")).unwrap())
            .collect();
        assert_eq!(report(&log).len(), 100);
    }
}
