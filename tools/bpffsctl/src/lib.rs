// SPDX-License-Identifier: GPL-2.0

//! What a machine has of BPF file systems, and what can be done with it.
//!
//! From the bottom up: [`sys`] has the system calls that no crate offers, and all unsafe code;
//! [`proc`] reads `/proc`; [`bpf`] has BPF objects; [`mounts`] and [`namespaces`] find what is
//! mounted where; [`instances`] groups that by file system; [`tree`] walks one, and [`pins`] says
//! what is pinned in it. [`commands`] are what the user calls by [`cli`].

pub mod bpf;
pub mod cli;
pub mod commands;
pub mod holders;
pub mod index;
pub mod instances;
pub mod module;
pub mod mounts;
pub mod moving;
pub mod namespaces;
pub mod output;
pub mod owner;
pub mod pins;
pub mod proc;
pub mod sys;
pub mod targets;
pub mod tree;
pub mod users;
