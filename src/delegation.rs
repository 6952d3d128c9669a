// SPDX-License-Identifier: GPL-2.0

//! The `delegate_*` mount options: what may be done with tokens of an instance.

use bpf::{
    btf::{self, Btf, Enumeration, Lower},
    Delegated,
    Delegation, //
};
use fs::{number, Parameter};
use kernel::{prelude::*, seq_file::SeqFile, seq_print};

/// The name of the option that delegates `what`.
pub(crate) const fn option(what: Delegated) -> &'static CStr {
    match what {
        Delegated::Commands => c"delegate_cmds",
        Delegated::MapTypes => c"delegate_maps",
        Delegated::ProgTypes => c"delegate_progs",
        Delegated::AttachTypes => c"delegate_attachs",
    }
}

/// What the names of the values begin with, which is left out in the option.
fn prefix(what: Delegated) -> &'static [u8] {
    match what {
        Delegated::Commands | Delegated::AttachTypes => b"BPF_",
        Delegated::MapTypes => b"BPF_MAP_TYPE_",
        Delegated::ProgTypes => b"BPF_PROG_TYPE_",
    }
}

/// The mask that a value of the option stands for: names, in any case, and numbers, separated by
/// colons, or `any`.
///
/// # Errors
///
/// `EINVAL` for what is neither, `ERANGE` for a number of more than 64 bits.
pub(crate) fn parse(what: Delegated, parameter: Parameter<'_>) -> Result<u64> {
    let enumeration = enumeration(what);
    let mut mask = 0;
    for part in parameter.split()? {
        let part_bytes = part.to_bytes();
        if part_bytes == b"any" {
            mask = u64::MAX;
        } else if let Some((_, bit)) = Constants::new(what, enumeration)
            .find(|(name, _)| name.eq_ignore_ascii_case(part_bytes))
        {
            mask |= bit;
        } else {
            // As in C: what stood before a number is forgotten.
            mask = number::parse_u64(part)?;
        }
    }
    Ok(mask)
}

/// Shows the option as C does: names in lower case, what has no name as a number. Values that there
/// are not are left out.
pub(crate) fn show(what: Delegated, delegation: &Delegation, m: &SeqFile) {
    let all = what.all_values();
    let mut rest = delegation.get(what) & all;
    if rest == 0 {
        return;
    }
    seq_print!(m, ",{}", Lower(option(what).to_bytes()));
    if rest == all {
        seq_print!(m, "=any");
        return;
    }
    let mut separator = '=';
    for (name, bit) in Constants::new(what, enumeration(what)) {
        if rest & bit != 0 {
            seq_print!(m, "{separator}{}", Lower(name));
            rest &= !bit;
            separator = ':';
        }
    }
    if rest != 0 {
        seq_print!(m, "{separator}0x{rest:x}");
    }
}

/// The enumeration of the values, if the kernel has BTF.
fn enumeration(what: Delegated) -> Option<Enumeration> {
    Btf::vmlinux().ok()?.enumeration(what.enumeration())
}

/// The values' names, without the prefix, and their bits. Constants that are no bit are left out.
///
/// The type has a name of its own because what a chain of adapters is called is longer than many
/// readers of /proc/kallsyms take (255 characters with all that is in the line): such a reader
/// would not see anything after it.
struct Constants {
    prefix: &'static [u8],
    rest: Option<btf::Constants>,
}

impl Constants {
    fn new(what: Delegated, enumeration: Option<Enumeration>) -> Self {
        Self {
            prefix: prefix(what),
            rest: enumeration.map(Enumeration::constants),
        }
    }
}

impl Iterator for Constants {
    type Item = (&'static [u8], u64);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (name, value) = self.rest.as_mut()?.next()?;
            let Some((prefix, rest)) = name.to_bytes().split_at_checked(self.prefix.len()) else {
                continue;
            };
            let bit = u32::try_from(value).ok().and_then(|n| 1u64.checked_shl(n));
            if let (true, Some(bit)) = (prefix.eq_ignore_ascii_case(self.prefix), bit) {
                return Some((rest, bit));
            }
        }
    }
}
