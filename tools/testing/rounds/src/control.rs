// SPDX-License-Identifier: GPL-2.0

//! What the driver tells the agents, and they it: numbers in a file that all of them see.

use std::fs::OpenOptions;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};

use crate::sys::Shared;

/// Where the file is, and all else that agents share.
pub const DIRECTORY: &str = "/run/rounds";
/// So many agents at most.
pub const SLOTS: usize = 32;
const SIZE: usize = 8 + 2 * SLOTS;

/// The agents are to end.
const STOP: u64 = u64::MAX;

/// What agents take for granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Each call is answered as it would be without moves.
    Strict,
    /// Somebody is killed: two trees may be in use.
    Loose,
    /// It is over.
    Stop,
}

/// The numbers.
#[derive(Clone, Copy)]
pub struct Control(Shared);

impl Control {
    /// Opens the file.
    pub fn open() -> Result<Self> {
        let path = Path::new(DIRECTORY).join("control");
        let file = OpenOptions::new().read(true).write(true).open(&path);
        let file = file.with_context(|| path.display().to_string())?;
        Ok(Self(Shared::new(file.as_fd(), SIZE)?))
    }

    /// Makes the file.
    pub fn create() -> Result<Self> {
        let path = Path::new(DIRECTORY).join("control");
        std::fs::write(&path, vec![0; SIZE * size_of::<u64>()])?;
        // Containers have other users.
        crate::sys::chmod(&path, 0o666).map_err(std::io::Error::from_raw_os_error)?;
        Self::open()
    }

    /// The number of the epoch: it is strict if even, and loose if odd.
    fn epoch(&self) -> &AtomicU64 {
        self.0.at(0)
    }

    /// Packets that were begun to be sent, and those that were sent.
    pub fn packets(&self) -> (&AtomicU64, &AtomicU64) {
        (self.0.at(1), self.0.at(2))
    }

    /// Whether agents are to make calls: not before all are there.
    fn go(&self) -> &AtomicU64 {
        self.0.at(3)
    }

    /// For an agent: waits until all are there.
    pub fn wait_for_others(&self) {
        while self.go().load(SeqCst) == 0 && self.now().1 != Mode::Stop {
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Lets the agents make calls.
    pub fn begin(&self) {
        self.go().store(1, SeqCst);
    }

    /// How many calls an agent has made.
    pub fn calls(&self, slot: usize) -> &AtomicU64 {
        self.0.at(8 + 2 * slot)
    }

    /// The epoch that an agent is in, and one more: 0 if it has not begun.
    fn seen(&self, slot: usize) -> &AtomicU64 {
        self.0.at(9 + 2 * slot)
    }

    /// For an agent: the epoch.
    pub fn now(&self) -> (u64, Mode) {
        match self.epoch().load(SeqCst) {
            STOP => (STOP, Mode::Stop),
            epoch if epoch % 2 == 0 => (epoch, Mode::Strict),
            epoch => (epoch, Mode::Loose),
        }
    }

    /// For an agent: it is in this epoch.
    pub fn enter(&self, slot: usize, epoch: u64) {
        self.seen(slot).store(epoch.wrapping_add(1), SeqCst);
    }

    /// For an agent: it has ended.
    pub fn end(&self, slot: usize) {
        self.seen(slot).store(STOP, SeqCst);
    }

    /// Whether an agent has begun.
    pub fn has_begun(&self, slot: usize) -> bool {
        self.seen(slot).load(SeqCst) > 0
    }

    /// Begins the next epoch, and waits until all of these agents are in it.
    pub fn next(&self, slots: &[usize]) -> Result<()> {
        let epoch = self.epoch().fetch_add(1, SeqCst) + 1;
        self.wait(slots, |seen| seen == epoch + 1)
    }

    /// Ends the agents, and waits until all of these have.
    pub fn stop(&self, slots: &[usize]) -> Result<()> {
        self.epoch().store(STOP, SeqCst);
        self.wait(slots, |seen| seen == STOP)
    }

    fn wait(&self, slots: &[usize], is_so: impl Fn(u64) -> bool) -> Result<()> {
        let end = Instant::now() + Duration::from_secs(120);
        for slot in slots {
            while !is_so(self.seen(*slot).load(SeqCst)) {
                if Instant::now() > end {
                    bail!("agent {slot} does not go on");
                }
                thread::sleep(Duration::from_millis(1));
            }
        }
        Ok(())
    }
}
