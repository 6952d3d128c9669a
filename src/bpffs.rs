// SPDX-License-Identifier: GPL-2.0

//! bpffs: Linux's BPF file system, in Rust.
//!
//! Takes the place of the kernel's own, `kernel/bpf/inode.c`, while it is loaded; see
//! `Documentation/design.rst`. This file is all that is not forbidden to be unsafe, for what the
//! `module!` macro expands to.

mod context;
mod delegation;
mod file_system;
mod instance;
mod object;
mod options;
mod syscalls;
mod takeover;

use kernel::{prelude::*, ThisModule};
use kernel_ext::livepatch::FileSystemModule;

/// The module, while it is loaded.
struct Bpffs {
    _file_system: FileSystemModule<file_system::BpfFs>,
}

impl kernel::Module for Bpffs {
    fn init(module: &'static ThisModule) -> Result<Self> {
        Ok(Self {
            _file_system: FileSystemModule::new(module)?,
        })
    }
}

module! {
    type: Bpffs,
    name: "bpffs",
    authors: ["The bpffs authors"],
    description: "BPF file system in Rust, in place of the kernel's own",
    license: "GPL",
    imports_ns: ["BPF_INTERNAL"],
}
