// SPDX-License-Identifier: GPL-2.0

//! What is counted for coverage in a guest, by modules that are built for that.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result};

/// Where the keeper shows what modules have counted that are gone.
const KEPT: &str = "/sys/kernel/debug/coverage";
/// Tells this boot of this machine from all others.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// Loads the keeper, before any module that counts.
pub fn begin(directory: &Path) -> Result<()> {
    let path = directory.join("coverage.ko");
    let file = File::open(&path).with_context(|| path.display().to_string())?;
    rustix::system::finit_module(&file, c"", 0).with_context(|| path.display().to_string())
}

/// Leaves what was counted in a directory, with a name for each boot and module.
pub fn keep(directory: &Path) -> Result<()> {
    let boot = fs::read_to_string(BOOT).context(BOOT)?;
    fs::create_dir_all(directory)?;
    for entry in fs::read_dir(KEPT).context(KEPT)? {
        let entry = entry?;
        let name = format!("{}.{}", boot.trim(), entry.file_name().to_string_lossy());
        let counted = fs::read(entry.path())?;
        fs::write(directory.join(name), counted).context("keeping what was counted")?;
    }
    Ok(())
}
