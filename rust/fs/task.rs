// SPDX-License-Identifier: GPL-2.0

//! What the current task still has.
//!
//! A task that exits gives up its files, then its root and working directory, then its namespaces.
//! After that the task may still close files for good, and so drop what the files hold. Functions
//! that a task without files or without a root cannot use answer `ESRCH`.
//!
//! C header: [`include/linux/sched.h`](srctree/include/linux/sched.h)

use kernel::{bindings, prelude::*, task::Task};

/// Fails with `ESRCH` if the current task has no root and working directory any more.
#[inline]
pub fn has_fs() -> Result {
    // SAFETY:
    // - The current task is valid for as long as it runs.
    // - Only the task itself changes the field while it runs.
    let fs = unsafe { (*Task::current_raw()).fs };
    (!fs.is_null()).then_some(()).ok_or(ESRCH)
}

/// Fails with `ESRCH` if the current task has no file descriptors any more. A task that has some
/// has its root and working directory, too, which it gives up later.
#[inline]
pub fn has_files() -> Result {
    // SAFETY:
    // - The current task is valid for as long as it runs.
    // - Only the task itself changes the field while it runs.
    let files = unsafe { (*Task::current_raw()).files };
    (!files.is_null()).then_some(()).ok_or(ESRCH)
}

/// The namespaces of the current task. The task holds them for as long as it does not change them
/// itself.
///
/// # Errors
///
/// `ESRCH` if the task has left its namespaces.
#[inline]
pub fn nsproxy() -> Result<*mut bindings::nsproxy> {
    // SAFETY:
    // - The current task is valid for as long as it runs.
    // - Only the task itself sets the field; others look at it.
    let nsproxy = unsafe { (*Task::current_raw()).nsproxy };
    (!nsproxy.is_null()).then_some(nsproxy).ok_or(ESRCH)
}
