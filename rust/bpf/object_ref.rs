// SPDX-License-Identifier: GPL-2.0

//! Owned references, whatever the type of the object.
//!
//! The kernel crate's `ARef` is the like of it. It would take a pair of unsafe functions for each
//! type, where [`Counted`] names those that C has.
//!
//! C header: [`include/linux/bpf.h`](srctree/include/linux/bpf.h)

use crate::InstalledFd;
use core::{mem::ManuallyDrop, ptr::NonNull};
use fs::{from_err_ptr, task::TaskFiles};
use kernel::prelude::*;

/// A C type of objects that are counted, and the functions by which C counts them.
///
/// What is said of a reference here goes for all that a holder of the type owns: for a map, a
/// reference and a user.
///
/// # Safety
///
/// - An object must stay valid for as long as there is a reference to it, and belong to no task.
///   References must be counted atomically.
/// - [`FROM_FD`](Self::FROM_FD) must take any number in a task that has file descriptors, and return
///   a pointer with a reference, which is the caller's then, or an error pointer.
/// - [`GET`](Self::GET) must add a reference to an object that has one.
/// - [`PUT`](Self::PUT) must take a reference away, which may be the last one.
pub(crate) unsafe trait Counted: Sized + 'static {
    /// Finds the object of a file descriptor.
    const FROM_FD: unsafe extern "C" fn(fd: u32) -> *mut Self;

    /// Takes another reference.
    const GET: unsafe extern "C" fn(object: *mut Self);

    /// Gives a reference back.
    const PUT: unsafe extern "C" fn(object: *mut Self);
}

/// An owned reference to an object of C's type `T`.
///
/// # Invariants
///
/// Owns one reference to the object, which therefore is valid.
pub(crate) struct ObjectRef<T: Counted>(NonNull<T>);

// SAFETY: By the contract of `Counted`, objects belong to no task and are counted atomically.
unsafe impl<T: Counted> Send for ObjectRef<T> {}
// SAFETY: What can be done with `&self` is to take another reference, which is counted atomically by
// the contract of `Counted`, and to get the pointer.
unsafe impl<T: Counted> Sync for ObjectRef<T> {}

impl<T: Counted> ObjectRef<T> {
    /// The object that file descriptor `fd` of the current task stands for.
    ///
    /// # Errors
    ///
    /// What [`Counted::FROM_FD`] answers.
    #[inline]
    pub(crate) fn from_fd(fd: u32, _: TaskFiles<'_>) -> Result<Self> {
        // SAFETY: The function takes any number, given that the task has files, as there is a `TaskFiles`.
        let object = from_err_ptr(unsafe { (T::FROM_FD)(fd) })?;
        // INVARIANT: A success gives a reference, which is ours.
        NonNull::new(object).map(Self).ok_or(EINVAL)
    }

    /// The reference to `object` that the caller has.
    ///
    /// # Safety
    ///
    /// The caller must own a reference, which becomes the result's.
    pub(crate) unsafe fn from_owned(object: NonNull<T>) -> Self {
        // INVARIANT: The reference is the result's by this function's contract.
        Self(object)
    }

    /// Another reference to `object`.
    ///
    /// # Safety
    ///
    /// `object` must point to an object that has a reference for the duration of the call.
    pub(crate) unsafe fn from_borrowed(object: NonNull<T>) -> Self {
        // INVARIANT: This function's contract lends the reference for the duration of the call. It is
        // not given back by the drop.
        let borrowed = ManuallyDrop::new(Self(object));
        Self::clone(&borrowed)
    }

    /// Has `new_fd` make a file descriptor, or an error, in a task that has files. A file
    /// descriptor's file takes over the reference. May sleep.
    ///
    /// # Errors
    ///
    /// What `new_fd` answers.
    #[inline]
    pub(crate) fn into_fd(
        self,
        _: TaskFiles<'_>,
        new_fd: impl FnOnce(*mut T) -> c_int,
    ) -> Result<InstalledFd> {
        let fd = InstalledFd::from_raw(new_fd(self.as_ptr()))?;
        let _now_the_file_owns_it = ManuallyDrop::new(self);
        Ok(fd)
    }

    /// C's object, valid for as long as `self`.
    #[inline]
    pub(crate) fn as_ptr(&self) -> *mut T {
        self.0.as_ptr()
    }
}

impl<T: Counted> Clone for ObjectRef<T> {
    #[inline]
    fn clone(&self) -> Self {
        // SAFETY: The object has a reference by the type invariant: this one.
        unsafe { (T::GET)(self.as_ptr()) };
        // INVARIANT: That was the reference.
        Self(self.0)
    }
}

impl<T: Counted> Drop for ObjectRef<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: The reference is ours by the type invariant, and nobody uses it after this.
        unsafe { (T::PUT)(self.as_ptr()) }
    }
}
