// SPDX-License-Identifier: GPL-2.0

//! User and group ids as the kernel keeps them.
//!
//! The kernel crate has [`Kuid`], but neither a group id nor the functions of [`KernelId`].
//!
//! C header: [`include/linux/uidgid.h`](srctree/include/linux/uidgid.h)

use crate::bindings;
pub use kernel::task::Kuid;

/// A group id that means the same in every user namespace: C's `kgid_t`.
#[derive(Clone, Copy)]
pub struct Kgid(bindings::kgid_t);

impl Kgid {
    /// Makes a `Kgid` of the C type.
    pub fn from_raw(gid: bindings::kgid_t) -> Self {
        Self(gid)
    }

    /// The C type.
    pub fn into_raw(self) -> bindings::kgid_t {
        self.0
    }
}

impl PartialEq for Kgid {
    fn eq(&self, other: &Self) -> bool {
        self.0.val == other.0.val
    }
}

impl Eq for Kgid {}

/// What [`Kuid`] and [`Kgid`] have in common.
pub trait KernelId: Copy {
    /// The current task's id for file system access: C's `current_fsuid()` and `current_fsgid()`.
    fn current_fs() -> Self;

    /// Whether this is the id of root in the initial user namespace.
    fn is_global_root(self) -> bool;

    /// The id as the initial user namespace numbers it.
    fn in_init_user_ns(self) -> u32;

    /// The id that the current task's user namespace calls `id`, provided that `fs_ns` has a
    /// mapping for it.
    ///
    /// # Safety
    ///
    /// `fs_ns` must point to a valid `struct user_namespace`.
    unsafe fn from_current_ns(id: u32, fs_ns: *mut bindings::user_namespace) -> Option<Self>;
}

macro_rules! impl_kernel_id {
    ($id:ident {
        current_fs: $current_fs:ident,
        munged: $munged:ident,
        make: $make:ident,
        is_valid: $is_valid:ident,
        has_mapping: $has_mapping:ident,
    }) => {
        impl KernelId for $id {
            #[inline]
            fn current_fs() -> Self {
                // SAFETY: Reads the current task's own credentials.
                Self::from_raw(unsafe { bindings::$current_fs() })
            }

            fn is_global_root(self) -> bool {
                self.into_raw().val == 0
            }

            fn in_init_user_ns(self) -> u32 {
                // SAFETY: The initial user namespace lives for as long as the kernel does.
                unsafe { bindings::$munged(&raw mut bindings::init_user_ns, self.into_raw()) }
            }

            unsafe fn from_current_ns(
                id: u32,
                fs_ns: *mut bindings::user_namespace,
            ) -> Option<Self> {
                // SAFETY:
                // - The current task's user namespace is valid for as long as the task runs.
                // - `fs_ns` is valid by this function's contract.
                unsafe {
                    let id = bindings::$make(bindings::current_user_ns(), id);
                    (bindings::$is_valid(id) && bindings::$has_mapping(fs_ns, id))
                        .then(|| Self::from_raw(id))
                }
            }
        }
    };
}

impl_kernel_id!(Kuid {
    current_fs: current_fsuid,
    munged: from_kuid_munged,
    make: make_kuid,
    is_valid: uid_valid,
    has_mapping: kuid_has_mapping,
});

impl_kernel_id!(Kgid {
    current_fs: current_fsgid,
    munged: from_kgid_munged,
    make: make_kgid,
    is_valid: gid_valid,
    has_mapping: kgid_has_mapping,
});
