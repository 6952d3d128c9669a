// SPDX-License-Identifier: GPL-2.0

//! Capabilities of the current task, and of whoever has opened a file.
//!
//! C header: [`include/linux/capability.h`](srctree/include/linux/capability.h)

use crate::{bindings, Kuid};
use core::marker::PhantomData;
use kernel::prelude::*;

/// A capability, as in `capabilities(7)`.
///
/// # Invariants
///
/// The kernel knows the capability.
#[derive(Clone, Copy)]
pub struct Capability(c_int);

impl Capability {
    /// `CAP_SYS_ADMIN`.
    // INVARIANT: The number is the kernel's own of that name.
    pub const SYS_ADMIN: Self = Self(bindings::CAP_SYS_ADMIN as c_int);

    /// `CAP_BPF`.
    // INVARIANT: The number is the kernel's own of that name.
    pub const BPF: Self = Self(bindings::CAP_BPF as c_int);
}

/// Whether the current task has `capability` in the initial user namespace.
///
/// Marks the task as having used superuser privileges if so. Stands for C's `capable()`.
#[inline]
pub fn capable(capability: Capability) -> bool {
    // SAFETY: `capable()` takes any capability that the kernel knows, and `Capability` holds no
    // other by its type invariant.
    unsafe { bindings::capable(capability.0) }
}

/// Whether the current task has `capability` in the user namespace `ns`.
///
/// Marks the task as having used superuser privileges if so. Stands for C's `ns_capable()`.
///
/// # Safety
///
/// `ns` must point to a valid user namespace.
#[inline]
pub unsafe fn ns_capable(ns: *mut bindings::user_namespace, capability: Capability) -> bool {
    // SAFETY:
    // - `ns` is valid by this function's contract.
    // - `Capability` holds none that the kernel does not know by its type invariant.
    unsafe { bindings::ns_capable(ns, capability.0) }
}

/// Whoever has opened a file. Where something is asked for by writing to a file, this is who asks: the file
/// descriptor may be somebody else's by now, who just prints a text to it.
///
/// # Invariants
///
/// Points to an open file, which stays open for `'a`.
#[derive(Clone, Copy)]
pub struct Opener<'a>(*mut bindings::file, PhantomData<&'a ()>);

impl Opener<'_> {
    /// Of `file`.
    ///
    /// # Safety
    ///
    /// `file` must point to an open file, which stays open for the lifetime of the result.
    pub unsafe fn from_raw(file: *mut bindings::file) -> Self {
        // INVARIANT: By this function's contract.
        Self(file, PhantomData)
    }

    /// The user id for access to files that the opener had then.
    pub fn fs_uid(&self) -> Kuid {
        // SAFETY: The file is open by the type invariant. Its credentials do not change, and stay for as long
        // as the file.
        Kuid::from_raw(unsafe { (*(*self.0).f_cred).fsuid })
    }

    /// Whether the opener had `capability` in the initial user namespace then. Stands for C's
    /// `file_ns_capable()`.
    pub fn is_capable(&self, capability: Capability) -> bool {
        // SAFETY:
        // - The file is open by the type invariant.
        // - The initial user namespace lives for as long as the kernel does.
        // - `Capability` holds none that the kernel does not know by its type invariant.
        unsafe { bindings::file_ns_capable(self.0, &raw mut bindings::init_user_ns, capability.0) }
    }
}
