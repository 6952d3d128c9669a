// SPDX-License-Identifier: GPL-2.0

//! Memory barriers, whose functions the kernel crate has changed.

use kernel::sync::barrier;

/// Orders all accesses to memory before it against all behind it. Stands for C's `smp_mb()`.
#[inline]
pub fn smp_mb() {
    #[cfg(since_7_3)]
    barrier::smp_mb(kernel::sync::atomic::Full);
    #[cfg(not(since_7_3))]
    barrier::smp_mb();
}
