// SPDX-License-Identifier: GPL-2.0

//! BPF objects, and how `bpf(2)` reaches the file system that they are pinned in.
//!
//! [`Map`], [`Prog`] and [`Link`] are owned references: cloning one takes another reference,
//! dropping one gives it back. There is no other way to do either.
//!
//! C header: [`include/linux/bpf.h`](srctree/include/linux/bpf.h)

#![cfg_attr(doctest, no_std)]

#[path = "../bindings/lib.rs"]
mod bindings;

pub mod btf;
pub mod builtin;
mod elements;
mod link;
mod map;
pub mod preload;
mod prog;
mod token;

pub use elements::Elements;
pub use link::Link;
pub use map::Map;
pub use prog::{Prog, ProgType};
pub use token::{Delegated, Delegates, Delegation, TokenRequest, TokenRoot};

use kernel::prelude::*;

/// The magic number of the BPF file system, `BPF_FS_MAGIC`.
pub const BPF_FS_MAGIC: u32 = bindings::BPF_FS_MAGIC;

/// A file descriptor that was just installed in the current task's table.
///
/// User space can see it already, so all that is left to do with it is to return it, once.
#[must_use]
pub struct InstalledFd(c_int);

impl InstalledFd {
    /// What a C function that makes file descriptors returned.
    fn from_raw(fd: c_int) -> Result<Self> {
        if fd < 0 {
            Err(Error::from_errno(fd))
        } else {
            Ok(Self(fd))
        }
    }

    /// The number, to be returned to user space.
    pub fn into_raw(self) -> c_int {
        self.0
    }
}

/// How a file descriptor of an object may be used, from the `file_flags` of `bpf(2)`.
///
/// # Invariants
///
/// Holds what C's `bpf_get_file_flag()` gives: `O_RDONLY`, `O_WRONLY` or `O_RDWR`.
#[derive(Clone, Copy)]
pub struct FileFlags(c_int);

impl FileFlags {
    /// The access that `flags` ask for: `BPF_F_RDONLY`, `BPF_F_WRONLY` or, with neither, both.
    ///
    /// # Errors
    ///
    /// `EINVAL` if they ask for only reading and only writing.
    pub fn from_bpf(flags: c_int) -> Result<Self> {
        // SAFETY: The function computes on the flags, whatever they are.
        let flags = unsafe { bindings::bpf_get_file_flag(flags) };
        if flags < 0 {
            return Err(Error::from_errno(flags));
        }
        // INVARIANT: The value was computed by that function.
        Ok(Self(flags))
    }

    /// Whether both reading and writing are asked for.
    pub fn is_read_write(self) -> bool {
        self.0 == bindings::O_RDWR as c_int
    }

    /// The flags as `open(2)` has them.
    pub fn as_open_flags(self) -> c_int {
        self.0
    }
}
