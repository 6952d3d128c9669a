// SPDX-License-Identifier: GPL-2.0

//! What the current task still has.
//!
//! A task that exits gives up its files, then its root and working directory, then its namespaces;
//! after that it may still close files for good, and so drop what they hold.
//!
//! C header: [`include/linux/sched.h`](srctree/include/linux/sched.h)

use kernel::{bindings, prelude::*, task::Task};

fn current() -> *mut bindings::task_struct {
    Task::current_raw()
}

/// Fails with `ESRCH` if the current task has no root and working directory any more.
pub(crate) fn has_fs() -> Result {
    // SAFETY: Only the task itself changes the field while it runs.
    let fs = unsafe { (*current()).fs };
    (!fs.is_null()).then_some(()).ok_or(ESRCH)
}

/// Fails with `ESRCH` if the current task has no file descriptors any more.
pub(crate) fn has_files() -> Result {
    // SAFETY: As in `has_fs()`.
    let files = unsafe { (*current()).files };
    (!files.is_null()).then_some(()).ok_or(ESRCH)
}

/// Fails with `ESRCH` if the current task has left its namespaces. Otherwise it holds them for as
/// long as it does not change them itself.
pub(crate) fn nsproxy() -> Result<*mut bindings::nsproxy> {
    // SAFETY: Only the task itself sets the field; others look at it.
    let nsproxy = unsafe { (*current()).nsproxy };
    (!nsproxy.is_null()).then_some(nsproxy).ok_or(ESRCH)
}
