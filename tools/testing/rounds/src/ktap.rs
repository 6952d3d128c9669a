// SPDX-License-Identifier: GPL-2.0

//! Results, as KTAP.

/// Those of a run.
pub struct Results {
    number: usize,
    failed: usize,
}

/// The results that there have been so far, and whether one was bad.
impl Results {
    /// None yet.
    pub fn new() -> Self {
        println!("TAP version 13");
        Self {
            number: 0,
            failed: 0,
        }
    }

    /// Something that is worth knowing.
    pub fn say(&self, text: &str) {
        for line in text.lines() {
            println!("# {line}");
        }
    }

    /// What is worth knowing also if all is well.
    pub fn report(&self, text: &str) {
        println!("# report: {text}");
    }

    /// A result, and why it is not good, if it is not.
    pub fn result(&mut self, name: &str, wrong: &[String]) {
        self.number += 1;
        for text in wrong {
            self.say(text);
        }
        let not = if wrong.is_empty() { "" } else { "not " };
        self.failed += usize::from(!wrong.is_empty());
        println!("{not}ok {} rounds.{name}", self.number);
    }

    /// The end; whether all was good.
    pub fn end(self) -> bool {
        println!("1..{}", self.number);
        self.failed == 0
    }
}
