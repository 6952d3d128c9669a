// SPDX-License-Identifier: GPL-2.0

//! What the kernel crate lacks for a pseudo file system that holds BPF objects.
//!
//! Laid out as the kernel tree's own `rust/kernel/`, and meant to be proposed for it:
//!
//! - [`fs`]: write a pseudo file system: its type, mount contexts and their parameters,
//!   superblocks, inodes, dentries, paths;
//! - [`bpf`]: owned references to BPF objects, and the entry points of `bpf(2)` that depend on the
//!   file system;
//! - [`livepatch`]: replace functions of the running kernel;
//! - [`capability`], [`mnt_namespace`], [`number`], [`print`], [`uidgid`]: the little that these
//!   need besides.
//!
//! All of the project's unsafe code is in here. The public interface is safe, and the crate
//! boundary keeps the file system proper to it.

#[path = "../bindings/lib.rs"]
mod bindings;

pub mod bpf;
pub mod capability;
pub mod fs;
pub mod livepatch;
pub mod mnt_namespace;
pub mod number;
pub mod print;
mod task;
pub mod uidgid;
