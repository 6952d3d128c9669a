// SPDX-License-Identifier: GPL-2.0

//! What the kernel says of an object: its type, its name, its tag.
//!
//! C header: [`include/linux/bpf.h`](srctree/include/linux/bpf.h)

use crate::{
    bindings,
    btf::{Btf, Lower},
};
use kernel::{
    fmt::{Display, Formatter, Result},
    prelude::*,
};

/// An enumeration of types.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum TypesOf {
    Maps,
    Progs,
    Links,
}

impl TypesOf {
    /// Its name, and what the names of its constants begin with.
    fn names(self) -> (&'static CStr, &'static [u8]) {
        match self {
            Self::Maps => (c"bpf_map_type", b"BPF_MAP_TYPE_"),
            Self::Progs => (c"bpf_prog_type", b"BPF_PROG_TYPE_"),
            Self::Links => (c"bpf_link_type", b"BPF_LINK_TYPE_"),
        }
    }
}

/// The type of a map, a program or a link.
///
/// It is displayed as bpftool does: the name of the constant in lower case, without its prefix, such
/// as `hash`, `xdp` or `raw_tracepoint`; a number if the kernel's BTF has no name for it. Displaying
/// may sleep.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ObjectType {
    types: TypesOf,
    number: u32,
}

impl ObjectType {
    pub(crate) fn new(types: TypesOf, number: u32) -> Self {
        Self { types, number }
    }

    /// The name, without prefix. Where a type has two, the kernel has deprecated the first
    /// (`..._DEPRECATED`), and users know the last.
    fn name(self) -> Option<&'static [u8]> {
        let (enumeration, prefix) = self.types.names();
        let mut name = None;
        for (constant, value) in Btf::vmlinux().ok()?.enumeration(enumeration)?.constants() {
            if u32::try_from(value) == Ok(self.number) {
                name = constant.to_bytes().strip_prefix(prefix).or(name);
            }
        }
        name
    }
}

impl Display for ObjectType {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.name() {
            Some(name) => Lower(name).fmt(f),
            None => self.number.fmt(f),
        }
    }
}

/// The name of a map or a program: what it was made with, of up to 15 bytes. Two objects may have
/// the same.
#[derive(Clone, Copy)]
pub struct ObjectName([c_char; bindings::BPF_OBJ_NAME_LEN as usize]);

impl ObjectName {
    /// `None` if the object has no name.
    pub(crate) fn new(name: [c_char; bindings::BPF_OBJ_NAME_LEN as usize]) -> Option<Self> {
        let name = Self(name);
        (!name.as_bytes().is_empty()).then_some(name)
    }

    /// The name: letters, digits, `_` and `.`, where the kernel takes bytes of 0xc0 and above for
    /// letters.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.split(|&byte| byte == 0).next().unwrap_or(&[])
    }
}

/// The tag of a program: a hash of its instructions. Programs that were loaded from the same
/// instructions have the same.
///
/// It is displayed as 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tag(pub(crate) [u8; bindings::BPF_TAG_SIZE as usize]);

impl Display for Tag {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_fmt(fmt!("{:016x}", u64::from_be_bytes(self.0)))
    }
}
