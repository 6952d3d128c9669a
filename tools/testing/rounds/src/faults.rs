// SPDX-License-Identifier: GPL-2.0

//! Faults that are put in, to see that each check finds what it is for.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{ensure, Result};

use crate::places::BPF;
use crate::sys;

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Fault {
    /// Pins of an agent are removed behind its back: calls.unit
    Pin,
    /// The same while two trees may be in use: calls.unit
    Killed,
    /// The program array loses its entry: watched
    Array,
    /// The pin of a link is removed: watched
    Link,
    /// The mode of a pin changes: trees
    Mode,
    /// A mount gets another flag: trees
    Mount,
    /// What a client has pinned is removed: client.bpftool
    Client,
    /// A map stays pinned: ids
    Leak,
}

/// When faults are put in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// When trees have been moved to bpffs for the first time.
    Moved,
    /// When a run has been killed for the first time.
    Killed,
    /// When clients run.
    Clients,
}

fn remove_files(directory: &Path) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()).collect::<Vec<_>>() {
        let _ = sys::unlink(&path);
    }
}

impl Fault {
    /// Puts it in, if it is time.
    pub fn put(self, when: When) -> Result<()> {
        let at = |name: &str| Path::new(BPF).join(name);
        let done = |answer: sys::Answer<()>| answer.map_err(std::io::Error::from_raw_os_error);
        match (self, when) {
            (Self::Pin, When::Moved) | (Self::Killed, When::Killed) => {
                // One that it makes at that very moment is not enough.
                let end = Instant::now() + Duration::from_secs(1);
                while Instant::now() < end {
                    remove_files(&at("unit"));
                }
            }
            (Self::Array, When::Moved) => {
                let _ = sys::get(&at("watched/jumps")).and_then(|map| sys::delete(&map, 0));
            }
            (Self::Link, When::Moved) if at("watched/link").exists() => {
                done(sys::unlink(&at("watched/link")))?
            }
            (Self::Mode, When::Moved) => done(sys::chmod(&at("kept/array"), 0o600))?,
            (Self::Mount, When::Moved) => {
                let mut command = Command::new("mount");
                let status = command
                    .args(["-o", "remount,bind,nosymfollow", BPF])
                    .status()?;
                ensure!(status.success(), "{command:?}");
            }
            (Self::Client, When::Clients) => {
                let end = Instant::now() + Duration::from_secs(10);
                while Instant::now() < end {
                    remove_files(&at("clients/bpftool"));
                    thread::sleep(Duration::from_millis(1));
                }
            }
            (Self::Leak, When::Moved) if !at("leaked").exists() => {
                done(sys::array(1, None).and_then(|map| sys::pin(&map, &at("leaked"))))?
            }
            _ => (),
        }
        Ok(())
    }
}
