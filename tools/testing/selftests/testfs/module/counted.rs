// SPDX-License-Identifier: GPL-2.0

//! What is made, and dropped, is counted for the whole module.

use kernel::sync::atomic::{Atomic, Relaxed};

pub(crate) struct Counter {
    name: &'static str,
    made: Atomic<i64>,
    dropped: Atomic<i64>,
}

impl Counter {
    const fn new(name: &'static str) -> Self {
        Self {
            name,
            made: Atomic::new(0),
            dropped: Atomic::new(0),
        }
    }

    /// Counts something that happens rather than is.
    pub(crate) fn happened(&self) {
        self.made.add(1, Relaxed);
    }

    /// Name, how many were made, how many of these dropped.
    pub(crate) fn read(&self) -> (&'static str, i64, i64) {
        (
            self.name,
            self.made.load(Relaxed),
            self.dropped.load(Relaxed),
        )
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $counter:ident = $name:literal;)*) => {
        $($(#[$doc])* pub(crate) static $counter: Counter = Counter::new($name);)*

        /// All of them.
        pub(crate) static ALL: &[&Counter] = &[$(&$counter),*];
    };
}

counters! {
    /// Mounts that are configured.
    CONTEXTS = "contexts";
    /// Data of superblocks.
    SUPER_BLOCKS = "super_blocks";
    /// Data of inodes.
    INODES = "inodes";
    /// Data of open files.
    OPEN = "open";
    /// Sequences that are read.
    SEQUENCES = "sequences";
    /// Look-ups that wait for the gate.
    WAITING = "waiting";
    /// Calls of `fill()`.
    FILLS = "fills";
    /// Calls of `lookup()`.
    LOOKUPS = "lookups";
    /// Calls of `release()`.
    RELEASES = "releases";
    /// Ends of inodes that were told of.
    ENDS = "ends";
    /// Values that are dropped later.
    DEFERRED = "deferred";
}

/// Something that is counted for as long as it is.
pub(crate) struct Counted(&'static Counter);

impl Counted {
    pub(crate) fn new(counter: &'static Counter) -> Self {
        counter.happened();
        Self(counter)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dropped.add(1, Relaxed);
    }
}
