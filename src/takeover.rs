// SPDX-License-Identifier: GPL-2.0

//! Taking over from the kernel's own file system, and giving back.

#![forbid(unsafe_code)]

use kernel::prelude::*;
use kernel_ext::{
    bpf::syscall,
    err,
    fs::HasFileSystemType,
    info,
    livepatch::{Callbacks, Enable, Patch, TakeOver},
    warn,
};

use crate::file_system::BpfFs;

/// All functions that depend on how an inode of the file system looks, or that make one.
static PATCH: Patch<BpfFs, 5> = Patch::new([
    syscall::mount(),
    syscall::obj_pin(),
    syscall::obj_get(),
    syscall::prog_get_type_path(),
    syscall::token_create(),
]);

impl TakeOver for BpfFs {
    fn patch() -> &'static dyn Enable<Self> {
        &PATCH
    }
}

impl Callbacks for BpfFs {
    fn refused(error: Error) {
        let why = match error {
            EBUSY => "another livepatch is in transition, or something else is attached to them",
            ENODEV => "livepatching is not available",
            _ => "see livepatch's message above",
        };
        err!(
            "cannot replace the kernel's functions (error {}): {why}\n",
            error.to_errno()
        );
    }

    fn patched() {
        info!("new mounts of type bpf are served by this module\n");
    }

    fn unpatched() {
        if Self::file_system_type().is_mounted() {
            warn!("disabled while mounted: bpf(2) cannot reach the pins any more, only ids can\n");
        }
        info!("new mounts of type bpf are served by the kernel\n");
    }
}
