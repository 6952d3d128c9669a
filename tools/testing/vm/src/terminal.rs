// SPDX-License-Identifier: GPL-2.0

//! The terminal that a shell in a guest is used from.

use std::io;

use anyhow::Result;
use rustix::termios::{tcgetattr, tcsetattr, OptionalActions, Termios};

/// The terminal in raw mode, until it is dropped.
pub struct RawTerminal(Termios);

impl RawTerminal {
    /// Puts it there.
    pub fn new() -> Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        Ok(Self(before))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
