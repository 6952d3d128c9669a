// SPDX-License-Identifier: GPL-2.0

//! Mount namespaces.
//!
//! C header: [`include/linux/mnt_namespace.h`](srctree/include/linux/mnt_namespace.h)

use crate::bindings;

/// The 64-bit id of a mount namespace.
///
/// Ids are never used again while the kernel runs, so one that is kept after its namespace has
/// died equals no other; unlike a pointer it needs no reference to stay meaningful.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MntNamespaceId(u64);

impl MntNamespaceId {
    /// The id of the current task's mount namespace.
    pub fn current() -> Self {
        // SAFETY: `current->nsproxy` is only changed by the task itself and is set for every task
        // that runs a system call, so it and the mount namespace it holds a reference to are
        // valid for the duration of the call.
        Self(unsafe { bindings::current_mnt_ns_id() })
    }
}
