// SPDX-License-Identifier: GPL-2.0

//! Capabilities of the current task.
//!
//! C header: [`include/linux/capability.h`](srctree/include/linux/capability.h)

use crate::bindings;
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
