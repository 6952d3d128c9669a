// SPDX-License-Identifier: GPL-2.0

//! A file system that takes the place of the kernel's own BPF file system.
//!
//! This is where file systems ([`fs`]), BPF ([`bpf`]) and livepatching ([`livepatch`]) meet. A file
//! system that implements [`Syscalls`] and [`TakeOver`] is made a module by [`module_takeover!`].
//! While that is loaded, mounts of type `bpf` are its own, and `bpf(2)` comes to it for paths.
//!
//! Such a module is linked to symbols of vmlinux that are not exported, by livepatch relocations.
//! What else these give a file system is here, too: [extended attributes](SimpleXattrs) as tmpfs
//! has them, and the [id of a mount namespace](MntNamespaceId).
//!
//! C headers: [`include/linux/bpf.h`](srctree/include/linux/bpf.h),
//! [`include/linux/fs_context.h`](srctree/include/linux/fs_context.h)

#![cfg_attr(doctest, no_std)]

#[path = "../bindings/lib.rs"]
mod bindings;

mod mnt_namespace;
mod module;
mod simple_xattrs;
mod syscall;

pub use mnt_namespace::MntNamespaceId;
pub use module::{Module, TakeOver};
pub use simple_xattrs::SimpleXattrs;
pub use syscall::{
    mount,
    obj_get,
    obj_pin,
    prog_get_type_path,
    token_create,
    Syscalls, //
};
