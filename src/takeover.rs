// SPDX-License-Identifier: GPL-2.0

//! Taking over from the kernel's own file system, and giving back.

#![forbid(unsafe_code)]

use kernel::prelude::*;
use kernel_ext::{
    bpf::syscall,
    fs::FileSystem,
    livepatch::{Callbacks, Enable, Patch, TakeOver},
    print,
};

use crate::file_system::BpfFs;

/// All functions that depend on how an inode of the file system looks, or that make one.
static PATCH: Patch<5> = Patch::new::<BpfFs>([
    syscall::mount::<BpfFs>(),
    syscall::obj_pin::<BpfFs>(),
    syscall::obj_get::<BpfFs>(),
    syscall::prog_get_type_path::<BpfFs>(),
    syscall::token_create::<BpfFs>(),
]);

impl TakeOver for BpfFs {
    fn patch() -> &'static dyn Enable {
        &PATCH
    }
}

impl Callbacks for BpfFs {
    fn patched() {
        print::info(fmt!("new mounts of type bpf are served by this module\n"));
    }

    fn unpatched() {
        print::info(fmt!(
            "new mounts of type bpf are served by the kernel again\n"
        ));
        if Self::file_system_type().is_mounted() {
            print::warn(fmt!(
                "disabled while mounted: pins cannot be reached until bpffs is unmounted, removed and loaded again\n"
            ));
        }
    }
}
