// SPDX-License-Identifier: GPL-2.0

//! The module in a guest: loading and unloading it, and waiting for its livepatch.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{anyhow, bail, Context, Result};

use super::wait_for;
use crate::job::Job;
use crate::kernel_log;

const MODULE: &str = "bpffs";
const LIVEPATCH: &str = "/sys/kernel/livepatch/bpffs";
/// What `/proc/PID/task/TID/patch_state` says, during a transition, of a task that runs the code
/// from before the livepatch, and of one that runs the livepatch's.
const OLD_CODE: &str = "0";
const NEW_CODE: &str = "1";

/// Whether the module is loaded.
pub fn is_loaded() -> bool {
    Path::new("/sys/module").join(MODULE).exists()
}

/// Loads the module and waits until its livepatch is effective.
pub fn load(job: &Job) -> Result<()> {
    let path = job.module.as_ref().context("no module given")?;
    let file = File::open(path).with_context(|| path.display().to_string())?;
    if let Err(error) = in_thread(|| rustix::system::finit_module(&file, c"", 0))? {
        let log = kernel_log::tail(&kernel_log::read()?, 5);
        bail!(
            "the kernel refuses {}: {error}; its last words: {log}",
            path.display()
        );
    }
    wait_for("the livepatch transition", || Ok(!in_transition()))
        .with_context(|| in_the_way(Path::new("/proc"), OLD_CODE))
}

/// Does something to the module in a thread, whose kernel stack goes with it: what the calls have
/// left on that of a task that lives would hide leaks.
fn in_thread<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T> {
    thread::scope(|scope| scope.spawn(work).join()).map_err(|_| anyhow!("a thread died"))
}

fn in_transition() -> bool {
    let path = Path::new(LIVEPATCH).join("transition");
    fs::read_to_string(path).is_ok_and(|text| text.trim() != "0")
}

/// Says which tasks a transition waits for: those that are in this state.
fn in_the_way(proc: &Path, state: &str) -> String {
    // Links, such as /proc/self, would only say the same again.
    let list = |path: &Path| {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
    };
    let read = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
    let mut names = Vec::new();
    for process in list(proc) {
        // Each thread is patched on its own.
        for task in list(&process.path().join("task")) {
            if read(task.path().join("patch_state")).trim() == state {
                let name = read(task.path().join("comm"));
                let id = task.file_name();
                names.push(format!("{} ({})", name.trim(), id.to_string_lossy()));
            }
        }
    }
    format!("tasks in the way: {}", names.join(", "))
}

/// Disables the livepatch and unloads the module.
pub fn unload() -> Result<()> {
    in_thread(unload_here)?
}

fn unload_here() -> Result<()> {
    if Path::new(LIVEPATCH).exists() {
        fs::write(Path::new(LIVEPATCH).join("enabled"), "0").context("disabling the livepatch")?;
        wait_for("the livepatch to go", || Ok(!Path::new(LIVEPATCH).exists()))
            .with_context(|| in_the_way(Path::new("/proc"), NEW_CODE))?;
    }
    wait_for("the module to be unused", || {
        // O_NONBLOCK: to be refused while it is in use.
        let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
        match rustix::system::delete_module(c"bpffs", flags) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::BUSY) => Ok(false),
            Err(error) => Err(error).context("unloading the module"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::symlink;
    use std::process;

    // Catches: a thread that keeps a livepatch from coming or going, and is not named.
    #[test]
    fn threads_in_the_way_are_named() {
        let proc = std::env::temp_dir().join(format!("bpffs-vm-proc-{}", process::id()));
        for (task, state, name) in [
            ("5/task/5", "1\n", "main\n"),
            ("5/task/6", "0\n", "other\n"),
            ("7/task/7", "-1\n", "idle\n"),
        ] {
            let task = proc.join(task);
            fs::create_dir_all(&task).unwrap();
            fs::write(task.join("patch_state"), state).unwrap();
            fs::write(task.join("comm"), name).unwrap();
        }
        symlink("5", proc.join("self")).unwrap();
        let (old, new) = (in_the_way(&proc, OLD_CODE), in_the_way(&proc, NEW_CODE));
        fs::remove_dir_all(&proc).unwrap();
        assert_eq!(old, "tasks in the way: other (6)");
        assert_eq!(new, "tasks in the way: main (5)");
    }
}
