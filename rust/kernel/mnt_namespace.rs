// SPDX-License-Identifier: GPL-2.0

//! Mount namespaces.
//!
//! C header: [`include/linux/mnt_namespace.h`](srctree/include/linux/mnt_namespace.h)

use crate::bindings;
use core::num::NonZero;

/// The 64-bit id of a mount namespace.
///
/// Ids are never used again while the kernel runs, so one that is kept after its namespace has
/// died equals no other; unlike a pointer it needs no reference to stay meaningful.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MntNamespaceId(NonZero<u64>);

impl MntNamespaceId {
    /// The id of the current task's mount namespace; `None` if the task exits and has left it.
    pub fn current() -> Option<Self> {
        // SAFETY: `current->nsproxy` is only changed by the task itself, so unless it is null, it
        // and the mount namespace that it holds a reference to are valid for the duration of the
        // call. Ids are not zero.
        NonZero::new(unsafe { bindings::current_mnt_ns_id() }).map(Self)
    }
}
