// SPDX-License-Identifier: GPL-2.0

//! Values that are dropped later, without a lock held.
//!
//! C header: [`include/linux/anon_inodes.h`](srctree/include/linux/anon_inodes.h)

use crate::bindings;
use core::{marker::PhantomData, ops::Deref, ptr::NonNull};
use kernel::{error::from_err_ptr, prelude::*};

/// A value whose drop waits for something, or takes locks, and so cannot be done wherever its owner
/// lets go of it. Dropping a `Deferred` may be done in any context. The value is dropped
///
/// - in a task of user space's: before the task returns to user mode, or before its parent is told
///   that it has exited;
/// - in a kernel thread, in an interrupt, or late in a task's exit: some time later, by a worker.
///
/// No lock is held then. Who calls a system call that lets go of such a value finds it dropped when
/// the call has returned.
///
/// The value is kept by an open file that has no descriptor, as the kernel puts off the end of a
/// file in just that way (`fput()`). The file also holds the module, until no code of the module runs
/// any more for its sake. So the module cannot go before the value, and the value cannot have the
/// module's last instructions run after the module is freed. There is one file for each value, which
/// counts among the files of the system (`fs.file-max`).
///
/// # Examples
///
/// ```ignore
/// let timer = Deferred::new(Timer::new()?)?;
/// // Under a spinlock: the timer is waited for later.
/// drop(timer);
/// ```
///
/// # Invariants
///
/// Owns the only reference to a file, whose private data is a `KBox<T>`.
pub struct Deferred<T: Send + 'static>(NonNull<bindings::file>, PhantomData<T>);

// SAFETY: The file belongs to no task, and the value may be sent.
unsafe impl<T: Send> Send for Deferred<T> {}
// SAFETY: What can be done with `&self` is to look at the value, which may be shared.
unsafe impl<T: Send + Sync> Sync for Deferred<T> {}

impl<T: Send> Deferred<T> {
    /// Keeps `value`. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `ENFILE` if the system has no more files. The value is dropped at once then.
    pub fn new(value: T) -> Result<Self> {
        Self::with(|| value)
    }

    /// Keeps what `value` makes, which is made when nothing can fail any more: for a value that must not
    /// be dropped right here. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `ENFILE` if the system has no more files.
    pub fn with(value: impl FnOnce() -> T) -> Result<Self> {
        let place = KBox::<T>::new_uninit(GFP_KERNEL)?;
        // SAFETY:
        // - Name and operations are static. The operations name the module that they are in.
        // - The pointer to the value is passed on to `release()` only, which is not called before there is
        //   a value.
        let file = from_err_ptr(unsafe {
            bindings::anon_inode_getfile(
                c"[deferred]".as_char_ptr(),
                Self::OPERATIONS,
                (&raw const *place).cast_mut().cast(),
                bindings::O_RDONLY as c_int,
            )
        })?;
        let _now_the_file_owns_it = KBox::into_raw(KBox::write(place, value()));
        // INVARIANT: The file is new, and nobody else has it. Its private data is the box, which is where
        // it was.
        NonNull::new(file)
            .map(|file| Self(file, PhantomData))
            .ok_or(ENOMEM)
    }

    const OPERATIONS: &'static bindings::file_operations = &bindings::file_operations {
        // Each module has one of its own.
        owner: (&raw const kernel::bindings::__this_module).cast_mut(),
        release: Some(Self::release),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass a file with these operations that nobody uses any
    /// more.
    unsafe extern "C" fn release(_: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: By the type invariant, the private data is the box. This is called once, and nobody
        // uses the file any more, by this function's contract.
        drop(unsafe { KBox::from_raw((*file).private_data.cast::<T>()) });
        0
    }
}

impl<T: Send> Deref for Deferred<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: By the type invariant the private data is the box, which stays until the file ends.
        unsafe { &*(*self.0.as_ptr()).private_data.cast::<T>() }
    }
}

impl<T: Send> Drop for Deferred<T> {
    fn drop(&mut self) {
        // SAFETY: The reference is ours by the type invariant.
        unsafe { bindings::fput(self.0.as_ptr()) }
    }
}
