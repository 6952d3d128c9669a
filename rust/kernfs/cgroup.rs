// SPDX-License-Identifier: GPL-2.0

//! Cgroups, as what is behind a directory of cgroup's file systems.
//!
//! C header: [`include/linux/cgroup.h`](srctree/include/linux/cgroup.h)

use crate::{bindings, Directory};
use core::{ptr, ptr::NonNull};
use kernel::sync::rcu;

/// The directory of a cgroup, of version 1 or 2. It does not keep the cgroup.
///
/// # Invariants
///
/// Owns a reference to a node that is, or was, a directory of cgroup's.
pub struct CgroupDirectory(NonNull<bindings::kernfs_node>);

// SAFETY: A node belongs to no task.
unsafe impl Send for CgroupDirectory {}
// SAFETY: All that can be done with `&self` is atomic.
unsafe impl Sync for CgroupDirectory {}

impl CgroupDirectory {
    /// `directory`, if it is one of cgroup's.
    pub fn of(directory: &Directory<'_>) -> Option<Self> {
        if !directory.is_cgroup() {
            return None;
        }
        // SAFETY: The directory holds its node.
        unsafe { bindings::kernfs_get(directory.as_ptr()) };
        // INVARIANT: The reference has just been got. The node is one of cgroup's, as just seen.
        NonNull::new(directory.as_ptr()).map(Self)
    }

    /// The cgroup, unless it is gone or dying: then it has no tasks any more, and its directory goes.
    pub fn cgroup(&self) -> Option<Cgroup> {
        let _guard = rcu::read_lock();
        // SAFETY:
        // - The node is valid by the type invariant. Its private data is the cgroup, or null once that
        //   is released; it is freed a grace period later, which does not end before the drop of
        //   `_guard`. Others change the field by whole words.
        // - So the cgroup can be looked at, and a reference be had unless the last one is gone.
        let cgroup = unsafe {
            let cgroup = ptr::read_volatile(&raw const (*self.0.as_ptr()).priv_);
            let cgroup = NonNull::new(cgroup.cast::<bindings::cgroup>())?;
            bindings::cgroup_tryget(cgroup.as_ptr()).then_some(cgroup)?
        };
        // INVARIANT: The reference has just been got.
        let cgroup = Cgroup(cgroup);
        (!cgroup.is_dead()).then_some(cgroup)
    }
}

impl Drop for CgroupDirectory {
    fn drop(&mut self) {
        // SAFETY: The reference is ours by the type invariant.
        unsafe { bindings::kernfs_put(self.0.as_ptr()) }
    }
}

/// An owned reference to a cgroup, which may die any time all the same.
///
/// # Invariants
///
/// Owns a reference.
pub struct Cgroup(NonNull<bindings::cgroup>);

impl Cgroup {
    fn is_dead(&self) -> bool {
        // SAFETY: The cgroup is valid by the type invariant.
        unsafe { bindings::cgroup_is_dead(self.0.as_ptr()) }
    }

    /// C's cgroup, valid for as long as `self`.
    pub fn as_ptr(&self) -> *mut bindings::cgroup {
        self.0.as_ptr()
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // SAFETY: The reference is ours by the type invariant.
        unsafe { bindings::cgroup_put(self.0.as_ptr()) }
    }
}
