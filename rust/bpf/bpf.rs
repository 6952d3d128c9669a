// SPDX-License-Identifier: GPL-2.0

//! BPF objects, and how `bpf(2)` reaches the file system that they are pinned in.
//!
//! [`Map`], [`Prog`] and [`Link`] are owned references: cloning one takes another reference,
//! dropping one gives it back. There is no other way to do either. [`Object`] is any of the three.
//!
//! C header: [`include/linux/bpf.h`](srctree/include/linux/bpf.h)

#![cfg_attr(doctest, no_std)]

#[path = "../bindings/lib.rs"]
mod bindings;

mod about;
pub mod btf;
pub mod builtin;
mod elements;
mod iter;
mod link;
mod link_put;
mod map;
mod object;
mod object_ref;
pub mod preload;
mod prog;
mod token;

pub use about::{ObjectName, ObjectType, Tag};
pub use elements::Elements;
pub use iter::Iteration;
pub use link::Link;
pub use map::Map;
pub use object::Object;
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
    #[inline]
    fn from_raw(fd: c_int) -> Result<Self> {
        if fd < 0 {
            Err(Error::from_errno(fd))
        } else {
            Ok(Self(fd))
        }
    }

    /// The number, to be returned to user space.
    #[inline]
    pub fn into_raw(self) -> c_int {
        self.0
    }
}

/// How a file descriptor of an object may be used, from the `file_flags` of `bpf(2)`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum FileFlags {
    /// Only for reading.
    ReadOnly,
    /// Only for writing.
    WriteOnly,
    /// For both.
    ReadWrite,
}

impl FileFlags {
    /// The access that `flags` ask for: `BPF_F_RDONLY`, `BPF_F_WRONLY` or, with neither, both.
    /// Other flags are ignored. Stands for C's `bpf_get_file_flag()`.
    ///
    /// # Errors
    ///
    /// `EINVAL` if they ask for only reading and only writing.
    #[inline]
    pub fn from_bpf(flags: c_int) -> Result<Self> {
        let has = |flag: u32| flags as u32 & flag != 0;
        match (has(bindings::BPF_F_RDONLY), has(bindings::BPF_F_WRONLY)) {
            (true, true) => Err(EINVAL),
            (true, false) => Ok(Self::ReadOnly),
            (false, true) => Ok(Self::WriteOnly),
            (false, false) => Ok(Self::ReadWrite),
        }
    }

    /// The flags as `open(2)` has them: `O_RDONLY`, `O_WRONLY` or `O_RDWR`.
    #[inline]
    pub fn as_open_flags(self) -> c_int {
        (match self {
            Self::ReadOnly => bindings::O_RDONLY,
            Self::WriteOnly => bindings::O_WRONLY,
            Self::ReadWrite => bindings::O_RDWR,
        }) as c_int
    }
}
