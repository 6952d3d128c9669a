// SPDX-License-Identifier: GPL-2.0

//! Processes of the host's.

use std::io;
use std::process::Child;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// Held while there are descriptors that a child is to inherit, lest another's child does, too: it
/// would keep them open.
pub static SPAWNING: Mutex<()> = Mutex::new(());

/// Processes that end with their owner.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for a process to end; whether it does so in time.
pub fn ends_within(child: &mut Child, limit: Duration) -> io::Result<bool> {
    let end = Instant::now() + limit;
    while child.try_wait()?.is_none() {
        if Instant::now() > end {
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    // Catches: a wait for a guest that hangs, or a guest that ends and is not noticed.
    #[test]
    fn waiting_has_an_end() {
        let sleep = |time| {
            let child = Command::new("sleep").arg(time).spawn().unwrap();
            Running(child)
        };
        assert!(!ends_within(&mut sleep("1000").0, Duration::from_millis(50)).unwrap());
        assert!(ends_within(&mut sleep("0.1").0, Duration::from_secs(100)).unwrap());
    }
}
