// SPDX-License-Identifier: GPL-2.0

//! A guest whose first process is systemd: it comes up as on any machine, and mounts the BPF file
//! system itself; what is to be done in the guest is done by a process next to it, the agent.

use std::convert::Infallible;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{bail, Context, Result};

use crate::job::Job;

/// The argument by which the program knows that it is the agent.
pub const ARGUMENT: &str = "agent";
const SYSTEMD: &str = "/usr/lib/systemd/systemd";
/// The job again, where it can be seen when all is mounted.
const JOB: &str = "/run/bpffs-job";
/// All that is started at boot: a test's units bring with them what they need.
const TARGET: &str = "bpffs-test.target";

/// Starts the agent and makes systemd of this process, the first one.
pub fn become_init(job: &Job) -> Result<Infallible> {
    job.write(Path::new(JOB))?;
    let units = Path::new("/run/systemd/system");
    fs::create_dir_all(units)?;
    fs::write(
        units.join(TARGET),
        "[Unit]\nDescription=A machine for tests\nDefaultDependencies=no\n",
    )?;
    Command::new("/proc/self/exe")
        .args([ARGUMENT, JOB])
        .spawn()
        .context("cannot start the agent")?;
    let error = Command::new(SYSTEMD)
        .arg(format!("--unit={TARGET}"))
        .args([
            "--log-target=kmsg",
            "--log-level=notice",
            "--show-status=no",
        ])
        .env_clear()
        .exec();
    Err(error).context(SYSTEMD)
}

/// Whether this process is the agent, in a guest of ours.
pub fn is_agent() -> bool {
    let ours = fs::read_to_string("/proc/cmdline")
        .is_ok_and(|text| text.contains(" root=bpffs rootfstype=virtiofs "));
    std::env::args().nth(1).as_deref() == Some(ARGUMENT) && ours
}

/// Waits until systemd has started what it starts at boot.
pub fn wait_until_up() -> Result<()> {
    crate::guest::wait_for("systemd", || Ok(Path::new("/run/systemd/private").exists()))?;
    let output = Command::new("systemctl")
        .args(["is-system-running", "--wait"])
        .output()
        .context("systemctl")?;
    let state = String::from_utf8_lossy(&output.stdout);
    if state.trim() != "running" {
        bail!(
            "systemd says that the system is {}{}",
            state.trim(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}
