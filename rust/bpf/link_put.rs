// SPDX-License-Identifier: GPL-2.0

//! Giving a reference to a link back, so that the link is detached when the system call returns.
//!
//! Detaching takes locks: those of the network, of cgroups, of trampolines. A reference may go
//! while locks are held in whose order those do not fit: `s_umount` in `umount(2)`, `commit_mutex`
//! in a look-up by xt_bpf. C's `bpf_link_put()`, which may be called anywhere, leaves detaching to a
//! worker. Until the worker gets to it, the program runs, and attaching another one is `EBUSY`.
//!
//! The last reference of a file meets the same locks, and `fput()` has the model: the current task
//! does the rest itself, as *task work*, on its way back to user mode, where it holds no lock. So it
//! is here. C itself detaches as task work when a task exits that has the last file descriptor of a
//! link, so the functions that detach are made for it.
//!
//! | the last reference goes in                     | the link is detached              |
//! |------------------------------------------------|-----------------------------------|
//! | a system call                                  | when it returns                   |
//! | the exit of a task                             | before its parent can wait for it |
//! | a worker of io_uring                           | before its next request           |
//! | a kernel thread                                | later, by C's worker              |
//! | a task that exits, behind its last task work   | later, by C's worker              |
//!
//! No code of this module runs then, and none waits to run: the task calls C's own function. So the
//! module may be unloaded while task work is pending.
//!
//! C source: [`kernel/bpf/syscall.c`](srctree/kernel/bpf/syscall.c),
//! [`kernel/task_work.c`](srctree/kernel/task_work.c)

use crate::bindings;
use core::mem::transmute;
use fs::task;
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Full,
        Relaxed, //
    },
    task::Task,
};

/// The type of a function that is run as task work.
type TaskWorkFunc = unsafe extern "C" fn(*mut bindings::callback_head);

/// A kernel with kCFI traps a call of a function through a pointer to another type of function,
/// which is how C's function is called here.
const CALLS_BY_OTHER_TYPES: bool = !cfg!(CONFIG_CFI);

/// Gives a reference to `link` back. If the reference was the last one, the link is detached before
/// the current task returns to user mode, if it does, and otherwise later.
///
/// Stands for C's `bpf_link_put()`. May be called in any context in which that may: nothing is
/// detached during the call.
///
/// # Safety
///
/// The caller must own a reference to `link`, which is not the caller's any more afterwards.
pub(crate) unsafe extern "C" fn link_put(link: *mut bindings::bpf_link) {
    if CALLS_BY_OTHER_TYPES && task::returns_to_user_mode() {
        // SAFETY:
        // - The link is valid while the caller's reference is there, and is not touched after that
        //   unless the reference was the last one. Then the link is ours.
        // - All accesses to the count are atomic.
        let refcnt = unsafe { Atomic::from_ptr(&raw mut (*link).refcnt.counter) };
        if refcnt.fetch_sub(1, Full) != 1 {
            return;
        }
        // SAFETY: That was the last reference, so nobody uses the link: a look-up by id leaves alone
        // a link whose count is zero.
        if unsafe { free_as_task_work(link) }.is_ok() {
            return;
        }
        // The reference is there again. A look-up by id that comes now finds the link, as if it had
        // come before. Nobody was told that the count was zero.
        refcnt.store(1, Relaxed);
    }
    // SAFETY: The caller owns a reference, which the function takes.
    unsafe { bindings::bpf_link_put(link) }
}

/// Has the current task detach and free `link` before it returns to user mode.
///
/// # Errors
///
/// `ESRCH` if the task exits and has run its last task work. The link is as it was then.
///
/// # Safety
///
/// Nobody else may use the link.
unsafe fn free_as_task_work(link: *mut bindings::bpf_link) -> Result {
    // SAFETY:
    // - Nobody else uses the link, so its union of a callback and of the work of a worker is free, as
    //   it is for the work in C's `bpf_link_put()`.
    // - The callback and the work are at the same address, that of the union. The function is made
    //   for the work. It takes the address and looks for the link around the address, whatever the
    //   pointer is of. Both types of functions take one pointer, and return nothing.
    // - The function frees the link, which may sleep, as task work may. It runs once, as task work
    //   does, and nobody uses the link meanwhile.
    // - The function is the kernel's. So it stays where it is, whatever becomes of this module. Its
    //   address is taken in the kernel, too, so it may be called indirectly.
    // - The current task is valid. It runs the task work that is added with success.
    let err = unsafe {
        let work = &raw mut (*link).__bindgen_anon_1.rcu;
        (*work).func = Some(transmute::<
            unsafe extern "C" fn(*mut bindings::work_struct),
            TaskWorkFunc,
        >(bindings::bpf_link_put_deferred));
        bindings::task_work_add(
            Task::current_raw(),
            work,
            bindings::task_work_notify_mode_TWA_RESUME,
        )
    };
    kernel::error::to_result(err)
}
