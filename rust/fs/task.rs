// SPDX-License-Identifier: GPL-2.0

//! What the current task still has, and will do.
//!
//! A task that exits gives up its files, then its root and working directory, then its namespaces.
//! After that the task may still close files for good, and so drop what the files hold. Functions
//! that a task without files or without a root cannot use answer `ESRCH`.
//!
//! C header: [`include/linux/sched.h`](srctree/include/linux/sched.h)

use crate::bindings;
use core::marker::PhantomData;
use kernel::{prelude::*, task::Task, types::NotThreadSafe};

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

/// Whether the current task is one of user space's, which runs its task work before it returns to user
/// mode, and when it exits. A kernel thread never does. A worker of io_uring, which belongs to a task
/// of user space's, runs its task work between requests.
#[inline]
pub fn returns_to_user_mode() -> bool {
    // SAFETY:
    // - The current task is valid for as long as it runs.
    // - Only the task itself changes the field while it runs.
    let flags = unsafe { (*Task::current_raw()).flags };
    flags & bindings::PF_KTHREAD == 0
}

/// Lets others run, if it is their turn. May sleep. Stands for C's `cond_resched()`.
#[inline]
pub fn cond_resched() {
    // SAFETY: The function can be called wherever one may sleep.
    unsafe { bindings::cond_resched() };
}

/// That the current task has its file descriptors, and thus its root and working directory, for
/// `'a`.
///
/// # Invariants
///
/// The task does not exit in `'a`.
#[derive(Clone, Copy)]
pub struct TaskFiles<'a>(PhantomData<&'a ()>, NotThreadSafe);

/// Calls `f` with the proof that the current task has its file descriptors.
///
/// # Errors
///
/// `ESRCH` in a task that exits and has none any more; what `f` answers.
#[inline]
pub fn with_files<R>(f: impl for<'a> FnOnce(TaskFiles<'a>) -> Result<R>) -> Result<R> {
    has_files()?;
    // INVARIANT: The task has them, as just seen, and does not exit while `f` runs.
    f(TaskFiles(PhantomData, NotThreadSafe))
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
