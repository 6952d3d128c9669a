// SPDX-License-Identifier: GPL-2.0

//! BPF programs.
//!
//! C header: [`include/linux/bpf.h`](srctree/include/linux/bpf.h)

use crate::{
    about::TypesOf,
    bindings,
    object_ref::{Counted, ObjectRef},
    InstalledFd,
    ObjectName,
    ObjectType,
    Tag, //
};
use core::{mem::ManuallyDrop, num::NonZero};
use fs::task::TaskFiles;
use kernel::{
    error::to_result,
    prelude::*,
    sync::atomic::{
        atomic_load,
        Relaxed, //
    }, //
};

/// The type of a program, `BPF_PROG_TYPE_*`.
#[derive(Clone, Copy)]
pub struct ProgType(bindings::bpf_prog_type);

impl ProgType {
    /// Makes a `ProgType` of the C type.
    #[inline]
    pub fn from_raw(ty: bindings::bpf_prog_type) -> Self {
        Self(ty)
    }
}

/// An owned reference to a program.
#[derive(Clone)]
pub struct Prog(pub(crate) ObjectRef<bindings::bpf_prog>);

// SAFETY:
// - A program is freed when its count, which is atomic, drops to zero. It belongs to no task.
// - `bpf_prog_get()` looks the number up in the task's table, and takes a reference.
// - `bpf_prog_inc()` adds to the count, `bpf_prog_put()` takes away from it.
unsafe impl Counted for bindings::bpf_prog {
    const FROM_FD: unsafe extern "C" fn(u32) -> *mut Self = bindings::bpf_prog_get;
    const GET: unsafe extern "C" fn(*mut Self) = bindings::bpf_prog_inc;
    const PUT: unsafe extern "C" fn(*mut Self) = bindings::bpf_prog_put;
}

impl Prog {
    /// The program that file descriptor `fd` of the current task stands for.
    ///
    /// # Errors
    ///
    /// `EBADF` if there is no such file descriptor, `EINVAL` if it is not of a program.
    #[inline]
    pub fn from_fd(fd: u32, files: TaskFiles<'_>) -> Result<Self> {
        ObjectRef::from_fd(fd, files).map(Self)
    }

    /// The type of the program.
    pub fn type_(&self) -> ObjectType {
        // SAFETY: The program is valid by the invariant of `ObjectRef`, and the field never changes
        // once there is a reference to a loaded program.
        ObjectType::new(TypesOf::Progs, unsafe { (*self.as_ptr()).type_ })
    }

    /// The id of the program.
    pub fn id(&self) -> Option<NonZero<u32>> {
        // SAFETY: The program is valid by the invariant of `ObjectRef`, and so is what its `aux`
        // points to, which never changes. Others change the field as a whole.
        NonZero::new(unsafe { atomic_load(&raw mut (*(*self.as_ptr()).aux).id, Relaxed) })
    }

    /// The name of the program, if it has one.
    pub fn name(&self) -> Option<ObjectName> {
        // SAFETY: The program is valid by the invariant of `ObjectRef`, and so is what its `aux`
        // points to, which never changes. Nor does the name.
        ObjectName::new(unsafe { (*(*self.as_ptr()).aux).name })
    }

    /// The tag of the program.
    pub fn tag(&self) -> Tag {
        // SAFETY: The program is valid by the invariant of `ObjectRef`. Its tag, which any bytes
        // are good for, never changes once there is a reference to a loaded program.
        Tag(unsafe { (*self.as_ptr()).__bindgen_anon_1.tag })
    }

    /// Asks the LSMs whether the current task may have the program, and checks that it is of type
    /// `ty` and may be used without a device.
    ///
    /// # Errors
    ///
    /// What an LSM answers; `EINVAL` if it is of another type.
    pub fn check_type(&self, ty: ProgType) -> Result {
        let mut ty = ty.0;
        // SAFETY:
        // - Both functions look at the program, which is valid by the invariant of `ObjectRef`.
        // - `ty` is a local variable, and is used during the call only.
        let is_ok = unsafe {
            to_result(bindings::security_bpf_prog(self.as_ptr()))?;
            bindings::bpf_prog_get_ok(self.as_ptr(), &mut ty, false)
        };
        is_ok.then_some(()).ok_or(EINVAL)
    }

    /// A new file descriptor of the current task for the program, which takes over the reference.
    /// May sleep.
    ///
    /// # Errors
    ///
    /// `EMFILE` if the task has no more file descriptors, `ENFILE`, `ENOMEM`, what an LSM answers.
    #[inline]
    pub fn into_fd(self, files: TaskFiles<'_>) -> Result<InstalledFd> {
        self.0.into_fd(files, |prog| {
            // SAFETY:
            // - `prog` has a reference: that of `self`. On success the file takes it over.
            // - The task has files when this closure is called.
            unsafe { bindings::bpf_prog_new_fd(prog) }
        })
    }

    /// C's program, valid for as long as `self`.
    #[inline]
    pub fn as_ptr(&self) -> *mut bindings::bpf_prog {
        self.0.as_ptr()
    }

    /// Hands the reference to whoever takes the pointer.
    #[inline]
    pub fn into_raw(self) -> *mut bindings::bpf_prog {
        ManuallyDrop::new(self).as_ptr()
    }
}
