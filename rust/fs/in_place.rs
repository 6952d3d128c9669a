// SPDX-License-Identifier: GPL-2.0

//! Initialising a value where it is to be.

use kernel::prelude::*;

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
