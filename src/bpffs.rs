// SPDX-License-Identifier: GPL-2.0

//! bpffs: Linux's BPF file system, in Rust.
//!
//! Takes the place of the kernel's own, `kernel/bpf/inode.c`, while it is loaded; see
//! `Documentation/design.rst`. This file is all that is not forbidden to be unsafe, for what the
//! macro expands to.

mod context;
mod delegation;
mod file_system;
mod instance;
mod object;
mod options;
mod preload;
mod syscalls;
mod takeover;

kernel_ext::module_file_system! {
    type: file_system::BpfFs,
    name: "bpffs",
    authors: ["The bpffs authors"],
    description: "BPF file system in Rust, in place of the kernel's own",
    license: "GPL",
    imports_ns: ["BPF_INTERNAL"],
}
