// SPDX-License-Identifier: GPL-2.0

//! BPF programs.

use crate::{bindings, InstalledFd};
use core::{mem::ManuallyDrop, ptr::NonNull};
use fs::task;
use kernel::{
    error::{from_err_ptr, to_result},
    prelude::*,
};

/// The type of a program, `BPF_PROG_TYPE_*`.
#[derive(Clone, Copy)]
pub struct ProgType(bindings::bpf_prog_type);

impl ProgType {
    /// Makes a `ProgType` of the C type.
    pub fn from_raw(ty: bindings::bpf_prog_type) -> Self {
        Self(ty)
    }
}

/// An owned reference to a program.
///
/// # Invariants
///
/// Owns one reference to a live program.
pub struct Prog(NonNull<bindings::bpf_prog>);

// SAFETY: Programs are counted atomically and belong to no task.
unsafe impl Send for Prog {}
// SAFETY: The methods on `&self` may be called at the same time by any task.
unsafe impl Sync for Prog {}

impl Prog {
    /// The program that file descriptor `fd` of the current task stands for.
    ///
    /// # Errors
    ///
    /// `EBADF` if there is no such file descriptor, `EINVAL` if it is not of a program; `ESRCH` in a
    /// task that exits and has no file descriptors any more.
    pub fn from_fd(fd: u32) -> Result<Self> {
        task::has_files()?;
        // SAFETY: The function copes with any number, given that the task has files.
        let prog = from_err_ptr(unsafe { bindings::bpf_prog_get(fd) })?;
        // INVARIANT: A success gives a reference.
        NonNull::new(prog).map(Self).ok_or(EINVAL)
    }

    /// Another reference to the program that `prog` points to.
    ///
    /// # Safety
    ///
    /// `prog` must point to a program that has a reference for the duration of the call.
    pub(super) unsafe fn from_borrowed(prog: NonNull<bindings::bpf_prog>) -> Self {
        // SAFETY: The program has a reference by this function's contract.
        unsafe { bindings::bpf_prog_inc(prog.as_ptr()) };
        // INVARIANT: That was the reference.
        Self(prog)
    }

    /// Asks the LSMs whether the current task may have the program, and checks that it is of type
    /// `ty` and may be used without a device.
    ///
    /// # Errors
    ///
    /// What an LSM answers; `EINVAL` if it is of another type.
    pub fn check_type(&self, ty: ProgType) -> Result {
        // SAFETY: The program is valid by the type invariant.
        to_result(unsafe { bindings::security_bpf_prog(self.as_ptr()) })?;
        let mut ty = ty.0;
        // SAFETY: The program is valid by the type invariant; the type is only read.
        if unsafe { bindings::bpf_prog_get_ok(self.as_ptr(), &mut ty, false) } {
            Ok(())
        } else {
            Err(EINVAL)
        }
    }

    /// A new file descriptor of the current task for the program, which takes over the reference.
    /// May sleep.
    ///
    /// # Errors
    ///
    /// `EMFILE` if the task has no more file descriptors, `ENFILE`, `ENOMEM`, what an LSM answers;
    /// `ESRCH` in a task that exits and has none any more.
    pub fn into_fd(self) -> Result<InstalledFd> {
        task::has_files()?;
        // SAFETY: The program is valid by the type invariant, and the task has files.
        let fd = InstalledFd::from_raw(unsafe { bindings::bpf_prog_new_fd(self.as_ptr()) })?;
        let _now_the_file_owns_it = ManuallyDrop::new(self);
        Ok(fd)
    }

    /// C's program.
    pub fn as_ptr(&self) -> *mut bindings::bpf_prog {
        self.0.as_ptr()
    }

    /// Hands the reference to whoever takes the pointer.
    pub fn into_raw(self) -> *mut bindings::bpf_prog {
        ManuallyDrop::new(self).as_ptr()
    }
}

impl Clone for Prog {
    fn clone(&self) -> Self {
        // SAFETY: There is a reference: this one.
        unsafe { Self::from_borrowed(self.0) }
    }
}

impl Drop for Prog {
    fn drop(&mut self) {
        // SAFETY: The reference is ours by the type invariant.
        unsafe { bindings::bpf_prog_put(self.0.as_ptr()) }
    }
}
