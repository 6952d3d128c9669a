// SPDX-License-Identifier: GPL-2.0

//! File modes and access masks.
//!
//! C header: [`include/linux/stat.h`](srctree/include/linux/stat.h)

use crate::{
    bindings,
    task::{self, TaskFiles},
};
use kernel::prelude::*;

/// The permission bits of a file, with setuid, setgid and sticky: what `chmod(2)` changes.
///
/// # Invariants
///
/// No bit outside of `S_IALLUGO` is set.
///
/// # Examples
///
/// ```
/// use fs::Mode;
///
/// let mode = Mode::RWX_ALL.without(Mode::new(0o022)).with(Mode::STICKY);
/// assert_eq!(mode.bits(), 0o1755);
/// // File types are no permissions.
/// assert_eq!(Mode::new(0o100644).bits(), 0o644);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mode(bindings::umode_t);

impl Mode {
    /// C's `S_IALLUGO`.
    const ALL: bindings::umode_t = bindings::S_IALLUGO;

    /// Everybody may do everything: `S_IRWXUGO`.
    pub const RWX_ALL: Self = Self::new(bindings::S_IRWXUGO as u32);

    /// The sticky bit, `S_ISVTX`.
    pub const STICKY: Self = Self::new(bindings::S_ISVTX);

    /// The bits of `bits` that are permissions.
    pub const fn new(bits: u32) -> Self {
        // INVARIANT: Masked with `S_IALLUGO`; the cast loses nothing that is left.
        Self(bits as bindings::umode_t & Self::ALL)
    }

    /// The bits of both modes.
    pub const fn with(self, other: Self) -> Self {
        // INVARIANT: Both modes have only such bits.
        Self(self.0 | other.0)
    }

    /// The bits of this mode that `other` has not.
    pub const fn without(self, other: Self) -> Self {
        // INVARIANT: This mode has only such bits.
        Self(self.0 & !other.0)
    }

    /// Those bits of this mode that the current task's umask lets through. A task that exits has
    /// no umask any more, which lets all through.
    #[inline]
    pub fn masked(self) -> Self {
        task::with_files(|files| Ok(self.masked_with(files))).unwrap_or(self)
    }

    /// The same, in a task that is known not to be one of those.
    #[inline]
    pub fn masked_with(self, _: TaskFiles<'_>) -> Self {
        // SAFETY: The call reads the umask of the current task, which has one for as long as it has
        // file descriptors, as there is a `TaskFiles`.
        let umask = unsafe { bindings::current_umask() };
        self.without(Self::new(umask as u32))
    }

    /// The bits, as in `stat(2)`.
    pub const fn bits(self) -> u32 {
        self.0 as u32
    }

    #[inline]
    pub(crate) fn from_raw(mode: bindings::umode_t) -> Self {
        Self::new(mode.into())
    }

    /// The bits, as C keeps them.
    #[inline]
    pub fn into_raw(self) -> bindings::umode_t {
        self.0
    }

    /// The bits together with a file type, one of `S_IFMT`.
    pub(crate) fn with_type(self, file_type: u32) -> bindings::umode_t {
        // The cast loses nothing: file types are bits of `umode_t`.
        file_type as bindings::umode_t | self.0
    }
}

/// What access is asked for: C's `MAY_*`.
#[derive(Clone, Copy)]
pub struct AccessMask(c_int);

impl AccessMask {
    /// `MAY_ACCESS`: as `access(2)`, to see whether access is allowed.
    pub const ACCESS: Self = Self(bindings::MAY_ACCESS as c_int);

    /// `MAY_READ`.
    pub const READ: Self = Self(bindings::MAY_READ as c_int);

    /// The access that a file opened with these `O_*` flags has: C's `ACC_MODE()`.
    #[inline]
    pub const fn of_open_flags(flags: c_int) -> Self {
        Self(match flags as u32 & bindings::O_ACCMODE {
            bindings::O_RDONLY => bindings::MAY_READ,
            bindings::O_WRONLY => bindings::MAY_WRITE,
            _ => bindings::MAY_READ | bindings::MAY_WRITE,
        } as c_int)
    }

    #[inline]
    pub(crate) fn into_raw(self) -> c_int {
        self.0
    }
}
