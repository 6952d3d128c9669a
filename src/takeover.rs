// SPDX-License-Identifier: GPL-2.0

//! Taking over from the kernel's own file system, and giving back: what is said about it.

use fs::HasFileSystemType;
use kernel::prelude::*;
use livepatch::Callbacks;
use takeover::TakeOver;

use crate::file_system::BpfFs;

impl TakeOver for BpfFs {
    fn refused(error: Error) {
        let why = match error {
            EBUSY => "another livepatch is in transition, or something else is attached to them",
            ENODEV => "livepatching is not available",
            _ => "see livepatch's message above",
        };
        pr_err!(
            "cannot replace the kernel's functions (error {}): {why}\n",
            error.to_errno()
        );
    }
}

/// The kernel's series, if it is none of those that the tests were run on (`Kbuild`).
fn untried() -> Option<&'static str> {
    option_env!("UNTRIED").filter(|series| !series.is_empty())
}

impl Callbacks for BpfFs {
    fn patched() {
        pr_info!("new mounts of type bpf are served by this module\n");
        if let Some(series) = untried() {
            pr_notice!(
                "not tried with Linux {series} yet: its tests tell whether it works there\n"
            );
        }
    }

    fn unpatched() {
        if Self::file_system_type().is_mounted() {
            pr_warn!(
                "disabled while mounted: bpf(2) cannot reach the pins any more, only ids can\n"
            );
        }
        pr_info!("new mounts of type bpf are served by the kernel\n");
    }
}
