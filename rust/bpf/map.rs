// SPDX-License-Identifier: GPL-2.0

//! BPF maps.
//!
//! C header: [`include/linux/bpf.h`](srctree/include/linux/bpf.h)

use crate::{
    about::TypesOf,
    bindings,
    object_ref::{Counted, ObjectRef},
    Elements,
    FileFlags,
    InstalledFd,
    ObjectName,
    ObjectType, //
};
use core::num::NonZero;
use fs::task::TaskFiles;
use kernel::{
    prelude::*,
    sync::atomic::{
        atomic_load,
        Relaxed, //
    }, //
};

/// An owned reference to a map, as one of its *users*.
///
/// A map counts its users (file descriptors and pins, `usercnt`) apart from its references
/// (`refcnt`, which programs and other maps have too). When the last user goes, a program array is
/// flushed, however many plain references there are: that is what takes apart cycles of program
/// arrays and the programs in them.
///
/// # Invariants
///
/// Owns one reference and one user of the map.
#[derive(Clone)]
pub struct Map(pub(crate) ObjectRef<bindings::bpf_map>);

// SAFETY:
// - A map is freed when its count of references, which is atomic as that of users is, drops to zero.
//   It belongs to no task.
// - `bpf_map_get_with_uref()` looks the number up in the task's table, and takes a reference and a
//   user.
// - `bpf_map_inc_with_uref()` adds to both counts, `bpf_map_put_with_uref()` takes away from both.
unsafe impl Counted for bindings::bpf_map {
    const FROM_FD: unsafe extern "C" fn(u32) -> *mut Self = bindings::bpf_map_get_with_uref;
    const GET: unsafe extern "C" fn(*mut Self) = bindings::bpf_map_inc_with_uref;
    const PUT: unsafe extern "C" fn(*mut Self) = bindings::bpf_map_put_with_uref;
}

impl Map {
    /// The map that file descriptor `fd` of the current task stands for.
    ///
    /// # Errors
    ///
    /// `EBADF` if there is no such file descriptor, `EINVAL` if it is not of a map.
    #[inline]
    pub fn from_fd(fd: u32, files: TaskFiles<'_>) -> Result<Self> {
        ObjectRef::from_fd(fd, files).map(Self)
    }

    /// A new file descriptor of the current task for the map, which takes over the reference. May
    /// sleep.
    ///
    /// # Errors
    ///
    /// `EMFILE` if the task has no more file descriptors, `ENFILE`, `ENOMEM`, what an LSM answers.
    #[inline]
    pub fn into_fd(self, flags: FileFlags, files: TaskFiles<'_>) -> Result<InstalledFd> {
        self.0.into_fd(files, |map| {
            // SAFETY:
            // - `map` has a reference and a user: those of `self`. On success the file takes them
            //   over.
            // - The task has files when this closure is called.
            unsafe { bindings::bpf_map_new_fd(map, flags.as_open_flags()) }
        })
    }

    /// The type of the map.
    pub fn type_(&self) -> ObjectType {
        // SAFETY: The map is valid by the invariant of `ObjectRef`, and the field never changes.
        ObjectType::new(TypesOf::Maps, unsafe { (*self.as_ptr()).map_type })
    }

    /// The id of the map. `None` if the map was on a network device which is gone: the kernel takes
    /// the id away then.
    pub fn id(&self) -> Option<NonZero<u32>> {
        // SAFETY: The map is valid by the invariant of `ObjectRef`. Others change the field as a
        // whole.
        NonZero::new(unsafe { atomic_load(&raw mut (*self.as_ptr()).id, Relaxed) })
    }

    /// The name of the map, if it has one.
    pub fn name(&self) -> Option<ObjectName> {
        // SAFETY: The map is valid by the invariant of `ObjectRef`, and the field never changes.
        ObjectName::new(unsafe { (*self.as_ptr()).name })
    }

    /// Whether the map can show its elements: it has BTF, and is of a type that does.
    #[inline]
    pub fn can_show_elements(&self) -> bool {
        // SAFETY: The function reads the map, which is valid by the invariant of `ObjectRef`.
        unsafe { bindings::bpf_map_support_seq_show(self.as_ptr()) }
    }

    /// The elements, for people to look at.
    ///
    /// # Errors
    ///
    /// `EIO` if the map cannot show its elements; `ENOMEM`.
    pub fn elements(&self) -> Result<Elements> {
        Elements::new(self)
    }

    /// C's map, valid for as long as `self`.
    #[inline]
    pub fn as_ptr(&self) -> *mut bindings::bpf_map {
        self.0.as_ptr()
    }
}
