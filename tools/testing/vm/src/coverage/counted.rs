// SPDX-License-Identifier: GPL-2.0

//! What a module has counted, as `tools/testing/coverage/keeper.c` shows it, and as LLVM's tools read it.

use anyhow::{ensure, Context, Result};

/// The parts of it: LLVM's `struct __llvm_profile_data` of each function, counters, and names.
#[derive(Debug, PartialEq)]
pub struct Counted<'a> {
    data: &'a [u8],
    counters: &'a [u8],
    names: &'a [u8],
    /// From the first to the second in the module's memory.
    distance: u64,
}

/// Bytes of `struct head`, and of each `struct __llvm_profile_data` in version 10.
const HEAD: usize = 32;
const FUNCTION: usize = 64;
/// Bytes of a counter.
const COUNTER: usize = 8;
/// "\xfflprofr\x81" in the order of the machine, and the version that LLVM 19 writes.
const MAGIC: u64 = 0xff6c_7072_6f66_7281;
const VERSION: u64 = 10;
/// The last kind of values that are recorded, none of which is.
const LAST_KIND: u64 = 2;

impl<'a> Counted<'a> {
    /// Understands what the keeper shows.
    pub fn parse(bytes: &'a [u8]) -> Result<Self> {
        let (head, rest) = bytes.split_at_checked(HEAD).context("too short")?;
        let mut words = head.chunks_exact(8).map(|word| {
            let mut array = [0; 8];
            array.copy_from_slice(word);
            u64::from_ne_bytes(array)
        });
        let mut word = || words.next().context("too short");
        let sizes = [word()?, word()?, word()?];
        let distance = word()?;
        let mut rest = rest;
        let mut part = |size: u64| {
            let (part, behind) = rest
                .split_at_checked(size.try_into()?)
                .context("too short")?;
            rest = behind;
            Ok::<_, anyhow::Error>(part)
        };
        let [data, counters, names] = sizes;
        let counted = Self {
            data: part(data)?,
            counters: part(counters)?,
            names: part(names)?,
            distance,
        };
        ensure!(
            rest.is_empty()
                && counted.data.len() % FUNCTION == 0
                && counted.counters.len() % COUNTER == 0,
            "not what coverage.ko shows"
        );
        Ok(counted)
    }

    /// The same as a raw profile (`llvm/ProfileData/InstrProfData.inc`).
    pub fn profile(&self) -> Vec<u8> {
        let names = self.names.len() as u64;
        let padding = vec![0; self.names.len().wrapping_neg() % 8];
        let head = [
            MAGIC,
            VERSION,
            0, // bytes of ids of the binary
            (self.data.len() / FUNCTION) as u64,
            0, // bytes of padding before the counters
            (self.counters.len() / COUNTER) as u64,
            0, // bytes of padding behind them
            0, // bytes of bitmaps
            0, // bytes of padding behind these
            names,
            self.distance,
            0, // distance of the bitmaps
            0, // address of the names
            0, // number of tables of virtual functions
            0, // bytes of their names
            LAST_KIND - 1,
        ];
        let head = head.into_iter().flat_map(u64::to_ne_bytes);
        let parts = [self.data, self.counters, self.names, &padding];
        head.chain(parts.concat()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(sizes: [u64; 3], length: usize) -> Vec<u8> {
        let [data, counters, names] = sizes;
        let head = [data, counters, names, 8].map(u64::to_ne_bytes).concat();
        [head, vec![1; length]].concat()
    }

    // Catches: a profile in which LLVM looks for something at another place.
    #[test]
    fn all_parts_are_at_their_places() {
        let bytes = shown([64, 16, 3], 83);
        let profile = Counted::parse(&bytes).unwrap().profile();
        assert_eq!(profile.len(), 16 * 8 + 64 + 16 + 8);
        assert!(profile.starts_with(b"\x81rforpl\xff"));
    }

    // Catches: a file that was cut off.
    #[test]
    fn what_is_cut_off_is_refused() {
        for bytes in [&shown([64, 16, 3], 82)[..], &shown([63, 16, 3], 82), b""] {
            assert!(Counted::parse(bytes).is_err());
        }
    }
}
