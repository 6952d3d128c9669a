// SPDX-License-Identifier: GPL-2.0

//! Whether a guest has hardware virtualisation on this machine, or is emulated.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::job::Job;
use crate::machine::Machine;
use crate::qemu::{ICOUNT, KVM, TCG};

/// A guest under KVM is up in two seconds; one that hangs never is.
const PROBE_LIMIT: Duration = Duration::from_secs(15);
/// The cache's directory for what was learnt about this machine.
const STATE: &str = "BPFFS_STATE";

/// For a guest that counts, what counts; else KVM if a guest was seen to boot under it since this
/// machine's boot, else TCG.
pub fn choose(machine: &Machine) -> Result<&'static [&'static str]> {
    if machine.icount {
        return Ok(ICOUNT);
    }
    let openable = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/kvm")
        .is_ok();
    if !openable {
        return Ok(TCG);
    }
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let memory = std::env::var_os(STATE).map(|state| Path::new(&state).join("kvm"));
    let known = memory
        .as_ref()
        .and_then(|path| fs::read_to_string(path).ok());
    let works = match known.as_deref().and_then(|text| text.strip_prefix(&boot)) {
        Some(answer) => answer == "works",
        None => {
            eprintln!("bpffs: trying KVM ...");
            let begin = Instant::now();
            let job = Job {
                directory: "/".into(),
                command: "true".into(),
                ..Job::default()
            };
            let probe = machine.boot_with(
                KVM,
                &job,
                Box::new(io::sink()),
                Box::new(io::sink()),
                PROBE_LIMIT,
            );
            let works = probe.is_ok_and(|outcome| outcome.status == Some(0));
            eprintln!(
                "bpffs: trying KVM: {}: {} s",
                if works {
                    "works"
                } else {
                    "runs no guest, so QEMU emulates"
                },
                begin.elapsed().as_secs()
            );
            if let Some(path) = memory {
                let answer = if works { "works" } else { "does not" };
                fs::write(&path, format!("{boot}{answer}"))?;
                if !works {
                    // A host that was only busy may have been too slow for the limit.
                    eprintln!("bpffs: to try it again, delete {}", path.display());
                }
            }
            works
        }
    };
    Ok(if works { KVM } else { TCG })
}
