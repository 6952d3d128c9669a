// SPDX-License-Identifier: GPL-2.0

//! The `delegate_*` mount options: what may be done with tokens of an instance.

#![forbid(unsafe_code)]

use kernel::{prelude::*, seq_file::SeqFile, seq_print};
use kernel_ext::{
    bpf::{
        btf::{self, Btf, Enumeration},
        Delegation,
    },
    fs::Parameter,
    number,
};

/// One of the options.
pub(crate) struct DelegateOption {
    pub(crate) name: &'static CStr,
    /// The enumeration that its values are from.
    enumeration: &'static CStr,
    /// What their names begin with, which is left out in the option.
    prefix: &'static [u8],
    /// All values there are; other bits are neither shown nor do they allow anything.
    pub(crate) all: u64,
    mask: fn(&mut Delegation) -> &mut u64,
}

/// All of them, in the order in which they are shown.
pub(crate) const OPTIONS: [DelegateOption; 4] = [
    DelegateOption {
        name: c"delegate_cmds",
        enumeration: c"bpf_cmd",
        prefix: b"BPF_",
        all: Delegation::ALL_CMDS,
        mask: |delegation| &mut delegation.cmds,
    },
    DelegateOption {
        name: c"delegate_maps",
        enumeration: c"bpf_map_type",
        prefix: b"BPF_MAP_TYPE_",
        all: Delegation::ALL_MAPS,
        mask: |delegation| &mut delegation.maps,
    },
    DelegateOption {
        name: c"delegate_progs",
        enumeration: c"bpf_prog_type",
        prefix: b"BPF_PROG_TYPE_",
        all: Delegation::ALL_PROGS,
        mask: |delegation| &mut delegation.progs,
    },
    DelegateOption {
        name: c"delegate_attachs",
        enumeration: c"bpf_attach_type",
        prefix: b"BPF_",
        all: Delegation::ALL_ATTACHS,
        mask: |delegation| &mut delegation.attachs,
    },
];

impl DelegateOption {
    /// This option's mask.
    pub(crate) fn mask<'a>(&self, delegation: &'a mut Delegation) -> &'a mut u64 {
        (self.mask)(delegation)
    }

    /// The mask that a value of this option stands for: names, in any case, and numbers, separated
    /// by colons, or `any`.
    ///
    /// # Errors
    ///
    /// `EINVAL` for what is neither, `ERANGE` for a number of more than 64 bits.
    pub(crate) fn parse(&self, parameter: Parameter<'_>) -> Result<u64> {
        let enumeration = self.enumeration();
        let mut mask = 0;
        for part in parameter.split()? {
            let part_bytes = part.to_bytes();
            if part_bytes == b"any" {
                mask = u64::MAX;
            } else if let Some((_, bit)) = self
                .constants(enumeration)
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

    /// Shows the option as C does: names in lower case, what has no name as a number.
    pub(crate) fn show(&self, delegation: &Delegation, m: &SeqFile) {
        let mut rest = *self.mask(&mut delegation.clone()) & self.all;
        if rest == 0 {
            return;
        }
        seq_print!(m, ",{}", Lower(self.name.to_bytes()));
        if rest == self.all {
            seq_print!(m, "=any");
            return;
        }
        let mut separator = '=';
        for (name, bit) in self.constants(self.enumeration()) {
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
    fn enumeration(&self) -> Option<Enumeration> {
        Btf::vmlinux().ok()?.enumeration(self.enumeration)
    }

    /// The values' names, without the prefix, and their bits. Constants that are no bit are left
    /// out.
    fn constants(&self, enumeration: Option<Enumeration>) -> Constants<'_> {
        Constants {
            prefix: self.prefix,
            rest: enumeration.map(Enumeration::constants),
        }
    }
}

/// The constants of an option. It has a name of its own because what a chain of adapters is called
/// is longer than many readers of /proc/kallsyms take (255 characters with all that is in the
/// line): they would not see anything after it.
struct Constants<'a> {
    prefix: &'a [u8],
    rest: Option<btf::Constants>,
}

impl Iterator for Constants<'_> {
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

/// A name in lower case.
struct Lower<'a>(&'a [u8]);

impl kernel::fmt::Display for Lower<'_> {
    fn fmt(&self, f: &mut kernel::fmt::Formatter<'_>) -> kernel::fmt::Result {
        use kernel::fmt::Write;
        self.0
            .iter()
            .try_for_each(|byte| f.write_char(byte.to_ascii_lowercase().into()))
    }
}
