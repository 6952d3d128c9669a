// SPDX-License-Identifier: GPL-2.0

//! How fast this machine's time stamp counter runs.

use std::thread;
use std::time::{Duration, Instant};

/// Long enough to be right to a thousandth, also where the scheduler is in the way.
const SPAN: Duration = Duration::from_millis(50);

/// The counter's frequency in kHz.
///
/// QEMU's translator hands the host's counter to the guest. A kernel without ACPI could only hold
/// it against a timer that QEMU emulates, which on a busy host fails.
pub fn khz() -> u64 {
    let (begin, from) = now();
    thread::sleep(SPAN);
    let (end, to) = now();
    let microseconds = end.duration_since(begin).as_micros().max(1) as u64;
    to.wrapping_sub(from).saturating_mul(1000) / microseconds
}

/// A moment and what the counter was then: of some attempts the one that was interrupted least.
fn now() -> (Instant, u64) {
    let attempts = (0..16).map(|_| {
        let before = Instant::now();
        let count = count();
        (before.elapsed(), before, count)
    });
    let (_, moment, count) = attempts
        .min_by_key(|(took, ..)| *took)
        .unwrap_or_else(|| (Duration::ZERO, Instant::now(), count()));
    (moment, count)
}

#[expect(unsafe_code, reason = "the standard library has no other way")]
fn count() -> u64 {
    // SAFETY: The instruction has no operands, and every x86-64 processor has it; Linux lets user
    // space execute it unless the process itself has asked for the contrary.
    unsafe { core::arch::x86_64::_rdtsc() }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Catches: a clock in guests that runs at another speed.
    #[test]
    fn two_measurements_agree() {
        let (one, two) = (khz(), khz());
        assert!(one > 100_000, "{one} kHz");
        assert!(one.abs_diff(two) < one / 50, "{one} and {two} kHz");
    }
}
