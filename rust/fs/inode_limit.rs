// SPDX-License-Identifier: GPL-2.0

//! How many inodes a superblock may have.

use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

/// The inodes of a superblock, counted, and their limit.
///
/// The root counts. A name that is made by `link(2)` counts as an inode, too: it takes memory for
/// as long as it exists.
pub(crate) struct INodeLimit {
    /// What is left of the limit. It is less than what is left, for a moment, where an inode is
    /// refused; so it may be negative.
    left: Atomic<i64>,
    limit: Atomic<i64>,
}

impl INodeLimit {
    /// The limit of who has none. It is never reached.
    const NONE: i64 = i64::MAX;

    #[inline]
    pub(crate) const fn new() -> Self {
        Self {
            left: Atomic::new(Self::NONE),
            limit: Atomic::new(Self::NONE),
        }
    }

    /// Counts one more.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there are as many already as there may be.
    #[inline]
    pub(crate) fn charge(&self) -> Result {
        if self.left.fetch_sub(1, Relaxed) <= 0 {
            self.uncharge();
            return Err(ENOSPC);
        }
        Ok(())
    }

    /// Counts one less.
    #[inline]
    pub(crate) fn uncharge(&self) {
        self.left.add(1, Relaxed);
    }

    /// How many there are. The answer may be out of date as it is given.
    pub(crate) fn used(&self) -> u64 {
        let used = self
            .limit
            .load(Relaxed)
            .saturating_sub(self.left.load(Relaxed));
        // Not negative but in the middle of `set()`.
        used.max(0).unsigned_abs()
    }

    /// The limit, if there is one.
    pub(crate) fn get(&self) -> Option<u64> {
        let limit = self.limit.load(Relaxed);
        (limit != Self::NONE).then_some(limit.unsigned_abs())
    }

    /// Sets the limit, `None` for none. Callers take turns.
    ///
    /// # Errors
    ///
    /// `EINVAL` for 0, for what C's `s64` does not hold, and for a lower limit if there are more inodes
    /// already. Then the limit stays what it was; but an inode that is made meanwhile may be refused.
    pub(crate) fn set(&self, limit: Option<u64>) -> Result {
        let limit = match limit {
            None => Self::NONE,
            Some(0) => return Err(EINVAL),
            Some(limit) => i64::try_from(limit).map_err(|_| EINVAL)?,
        };
        // Neither is negative, so that the difference is no less than that of two limits can be.
        let more = limit.wrapping_sub(self.limit.load(Relaxed));
        let before = self.left.fetch_add(more, Relaxed);
        // Those that are about to be refused have been counted for a moment.
        if more < 0 && before.wrapping_add(more) < 0 {
            self.left.fetch_sub(more, Relaxed);
            return Err(EINVAL);
        }
        self.limit.store(limit, Relaxed);
        Ok(())
    }
}
