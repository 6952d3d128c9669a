// SPDX-License-Identifier: GPL-2.0

//! Capabilities of the current task.
//!
//! C header: [`include/linux/capability.h`](srctree/include/linux/capability.h)

use crate::bindings;
use kernel::prelude::*;

/// A capability, as in `capabilities(7)`.
#[derive(Clone, Copy)]
pub struct Capability(c_int);

impl Capability {
    /// `CAP_SYS_ADMIN`.
    pub const SYS_ADMIN: Self = Self(bindings::CAP_SYS_ADMIN as c_int);
}

/// Whether the current task has `capability` in the initial user namespace.
///
/// Marks the task as having used superuser privileges if so. Stands for C's `capable()`.
pub fn capable(capability: Capability) -> bool {
    // SAFETY: `capable()` has no preconditions for a capability that exists, and `Capability`
    // holds no other.
    unsafe { bindings::capable(capability.0) }
}
