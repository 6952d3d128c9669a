// SPDX-License-Identifier: GPL-2.0

//! Memory that was never freed, as a kernel with `CONFIG_DEBUG_KMEMLEAK` finds it.

use std::path::Path;
use std::time::Duration;
use std::{fs, thread};

use anyhow::{Context, Result};

const KMEMLEAK: &str = "/sys/kernel/debug/kmemleak";
/// The kernel does not speak of what is younger.
const MIN_AGE: Duration = Duration::from_secs(6);

/// Looks for leaks; the lines of the kernel's report, empty if there are none or if this kernel
/// does not look for any.
///
/// It takes two scans: what nothing points to is taken for being in use if it has changed since the
/// last scan that saw it so, and what was not seen so before has changed.
///
/// A kernel whose detector has given up is an error.
pub fn find() -> Result<Vec<String>> {
    if !Path::new(KMEMLEAK).exists() {
        return Ok(Vec::new());
    }
    thread::sleep(MIN_AGE);
    for _ in 0..2 {
        fs::write(KMEMLEAK, "scan").context("looking for memory leaks")?;
    }
    let report = fs::read_to_string(KMEMLEAK).context(KMEMLEAK)?;
    // What was shown once is not to be shown again by the next look.
    fs::write(KMEMLEAK, "clear").context(KMEMLEAK)?;
    Ok(report.lines().map(str::to_owned).collect())
}
