// SPDX-License-Identifier: GPL-2.0

//! bpffs: Linux's BPF file system, in Rust.
//!
//! While it is loaded, bpffs takes the place of the kernel's own, `kernel/bpf/inode.c`; see
//! `Documentation/design.rst`.

#![forbid(unsafe_code)]

mod attributes;
mod context;
mod delegation;
mod directory;
mod exposed;
mod file_system;
mod instance;
mod joining;
mod moving;
mod object;
mod options;
mod outside;
mod preload;
mod remount;
mod sharing;
mod syscalls;
mod takeover;

::takeover::module_takeover! {
    version: "0.1.0",
    type: file_system::BpfFs,
    name: "bpffs",
    authors: ["The bpffs authors"],
    description: "BPF file system in Rust, in place of the kernel's own",
    license: "GPL",
    imports_ns: ["BPF_INTERNAL"],
}
