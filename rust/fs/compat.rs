// SPDX-License-Identifier: GPL-2.0

//! What the series of the kernel have differently. No other file depends on the series.
//!
//! `Kbuild` lists the series that were tried, and passes `since_7_3` and its like.

use kernel::{prelude::*, sync::barrier};

/// Orders all accesses to memory before it against all behind it. Stands for C's `smp_mb()`, whose
/// function the kernel crate has changed.
#[inline]
pub fn smp_mb() {
    #[cfg(since_7_3)]
    barrier::smp_mb(kernel::sync::atomic::Full);
    #[cfg(not(since_7_3))]
    barrier::smp_mb();
}

/// Initialises `slot` by `init`.
///
/// Stands for `pin_init::raw_try_init()`, which kernels before 7.3 lack.
///
/// # Errors
///
/// What `init` answers. Then `slot` is uninitialised.
///
/// # Safety
///
/// `slot` must point to uninitialised memory for a value, which does not move until the value is
/// dropped.
#[inline(always)]
pub(crate) unsafe fn init_in_place<T, E>(slot: *mut T, init: impl PinInit<T, E>) -> Result<(), E> {
    // SAFETY: The memory is as the initialiser wants it by this function's contract.
    unsafe {
        #[cfg(since_7_3)]
        let result = pin_init::raw_try_init(slot, init);
        #[cfg(not(since_7_3))]
        let result = init.__pinned_init(slot);
        result
    }
}

/// Defines an operation `create` of inodes. Before 7.3 it has one parameter more: whether the caller
/// insists on a new file, which the caller has seen to itself.
macro_rules! create_operation {
    (
        $(#[$attribute:meta])*
        $visibility:vis unsafe extern "C" fn $name:ident(
            $($argument:tt: $ty:ty),*
        ) -> $result:ty $body:block
    ) => {
        $(#[$attribute])*
        $visibility unsafe extern "C" fn $name(
            $($argument: $ty,)*
            #[cfg(not(since_7_3))] _excl: bool,
        ) -> $result $body
    };
}
pub(crate) use create_operation;
