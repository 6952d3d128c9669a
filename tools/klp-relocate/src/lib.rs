// SPDX-License-Identifier: GPL-2.0
//! Livepatch relocations for kernel modules.
//!
//! A livepatch module may refer to any symbol of vmlinux, exported or not, static or not, if the
//! reference has the form that the kernel's `Documentation/livepatch/module-elf-format.rst`
//! describes. No linker writes that form; this crate turns the undefined references of a linked
//! module into it.
//!
//! - [`elf`] takes a module apart and puts it together again, keeping every section index;
//! - [`symbols`] reads the list of symbols that a module may reach this way;
//! - [`klp`] knows names, numbers and limits of the format, and reads converted modules;
//! - [`mod@convert`] does the conversion;
//! - [`kallsyms`] looks symbols up as the kernel does when it loads the module;
//! - [`btf`] reads descriptions of types and functions;
//! - [`prototypes`] compares what a module takes vmlinux's symbols to be with what they are.

pub mod btf;
pub mod convert;
pub mod elf;
pub mod kallsyms;
pub mod klp;
pub mod prototypes;
pub mod symbols;
