// SPDX-License-Identifier: GPL-2.0

//! User and group ids as the kernel keeps them.
//!
//! C header: [`include/linux/uidgid.h`](srctree/include/linux/uidgid.h)

use crate::bindings;

/// A user id that means the same in every user namespace: C's `kuid_t`.
#[derive(Clone, Copy)]
pub struct Kuid(bindings::kuid_t);

/// A group id that means the same in every user namespace: C's `kgid_t`.
#[derive(Clone, Copy)]
pub struct Kgid(bindings::kgid_t);

macro_rules! id {
    ($id:ident, $raw:ty, $make:ident, $valid:ident, $mapped:ident, $munged:ident, $fs:ident) => {
        impl $id {
            /// The current task's id for file system access.
            pub fn current_fs() -> Self {
                // SAFETY: Reads the current task's own credentials.
                Self(unsafe { bindings::$fs() })
            }

            /// `id` as the current task's user namespace means it, provided that `fs_ns` has a
            /// mapping for it.
            ///
            /// # Safety
            ///
            /// `fs_ns` must point to a valid `struct user_namespace`.
            pub(crate) unsafe fn from_current_ns(
                id: u32,
                fs_ns: *mut bindings::user_namespace,
            ) -> Option<Self> {
                // SAFETY: The current task's user namespace is valid for as long as it runs, and
                // `fs_ns` by this function's contract.
                unsafe {
                    let id = bindings::$make(bindings::current_user_ns(), id);
                    (bindings::$valid(id) && bindings::$mapped(fs_ns, id)).then_some(Self(id))
                }
            }

            /// Whether this is root's id of the initial user namespace.
            pub fn is_global_root(self) -> bool {
                self.0.val == 0
            }

            /// The id as the initial user namespace numbers it.
            pub fn in_init_user_ns(self) -> u32 {
                // SAFETY: The initial user namespace lives for as long as the kernel does.
                unsafe { bindings::$munged(&raw mut bindings::init_user_ns, self.0) }
            }

            /// The id of an inode, which is valid unless a file system that has ids of its own
            /// could not map it.
            pub(crate) fn from_raw(id: $raw) -> Self {
                Self(id)
            }

            pub(crate) fn into_raw(self) -> $raw {
                self.0
            }
        }
    };
}

id!(
    Kuid,
    bindings::kuid_t,
    make_kuid,
    uid_valid,
    kuid_has_mapping,
    from_kuid_munged,
    current_fsuid
);
id!(
    Kgid,
    bindings::kgid_t,
    make_kgid,
    gid_valid,
    kgid_has_mapping,
    from_kgid_munged,
    current_fsgid
);
