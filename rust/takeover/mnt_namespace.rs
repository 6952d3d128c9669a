// SPDX-License-Identifier: GPL-2.0

//! Mount namespaces.
//!
//! C header: [`include/linux/mnt_namespace.h`](srctree/include/linux/mnt_namespace.h)

use crate::bindings;
use core::num::NonZero;
use fs::task;

/// The 64-bit id of a mount namespace.
///
/// Ids are never used again while the kernel runs, so that one which is kept after its namespace
/// has died equals no other. Unlike a pointer, an id needs no reference to stay meaningful.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MntNamespaceId(NonZero<u64>);

impl MntNamespaceId {
    /// The id of the current task's mount namespace; `None` if the task exits and has left it.
    #[inline]
    pub fn current() -> Option<Self> {
        let nsproxy = task::nsproxy().ok()?;
        // SAFETY:
        // - `nsproxy` is what the current task has, which changes it only by itself: so the task
        //   holds it, and thus the mount namespace, for the duration of the call.
        // - The id of a namespace never changes.
        let id = unsafe { bindings::mnt_ns_id((*nsproxy).mnt_ns) };
        // Ids are not zero.
        NonZero::new(id).map(Self)
    }

    /// The number.
    #[inline]
    pub fn get(self) -> u64 {
        self.0.get()
    }
}
