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
    used: Atomic<u64>,
    /// 0 for none.
    limit: Atomic<u64>,
}

impl INodeLimit {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self {
            used: Atomic::new(0),
            limit: Atomic::new(0),
        }
    }

    /// Counts one more.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there are as many already as there may be.
    #[inline]
    pub(crate) fn charge(&self) -> Result {
        let mut used = self.used.load(Relaxed);
        loop {
            let limit = self.limit.load(Relaxed);
            if limit != 0 && used >= limit {
                return Err(ENOSPC);
            }
            match self.used.cmpxchg(used, used.wrapping_add(1), Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => used = now,
            }
        }
    }

    /// Counts one less.
    #[inline]
    pub(crate) fn uncharge(&self) {
        self.used.fetch_sub(1, Relaxed);
    }

    /// How many there are. The answer may be out of date as it is given.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Relaxed)
    }

    /// The limit, if there is one.
    pub(crate) fn get(&self) -> Option<u64> {
        match self.limit.load(Relaxed) {
            0 => None,
            limit => Some(limit),
        }
    }

    /// Sets the limit, `None` for none. Callers take turns.
    ///
    /// # Errors
    ///
    /// `EINVAL` for 0, and if there are more inodes already. Then the limit stays what it was; but
    /// an inode that is made meanwhile may find the one that is refused.
    pub(crate) fn set(&self, limit: Option<u64>) -> Result {
        if limit == Some(0) {
            return Err(EINVAL);
        }
        let old = self.limit.load(Relaxed);
        // An inode is counted after this, or found the new limit.
        self.limit.store(limit.unwrap_or(0), Relaxed);
        if limit.is_some_and(|limit| self.used() > limit) {
            self.limit.store(old, Relaxed);
            return Err(EINVAL);
        }
        Ok(())
    }
}
