// SPDX-License-Identifier: GPL-2.0

//! BTF: what the kernel knows of its own types.
//!
//! C header: [`include/linux/btf.h`](srctree/include/linux/btf.h)

use crate::bindings;
use core::{ptr::NonNull, slice};
use kernel::{
    error::from_err_ptr,
    fmt::{self, Write},
    prelude::*, //
};

/// The kernel's own BTF.
///
/// # Invariants
///
/// Points to the BTF of vmlinux, which is never freed and does not change.
#[derive(Clone, Copy)]
pub struct Btf(NonNull<bindings::btf>);

impl Btf {
    /// The BTF of vmlinux. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOENT` if the kernel has none; what parsing it answered.
    pub fn vmlinux() -> Result<Self> {
        // SAFETY: The function asks for nothing but to be called where one may sleep.
        let btf = from_err_ptr(unsafe { bindings::bpf_get_btf_vmlinux() })?;
        // INVARIANT: A success gives the BTF of vmlinux, or null if the kernel has none.
        NonNull::new(btf).map(Self).ok_or(ENOENT)
    }

    /// The enumeration called `name`.
    pub fn enumeration(self, name: &CStr) -> Option<Enumeration> {
        let (btf, kind) = (self.0.as_ptr(), bindings::BTF_KIND_ENUM as u8);
        // SAFETY: The BTF is valid by the type invariant, and `name` is a string.
        let id = unsafe { bindings::btf_find_by_name_kind(btf, name.as_char_ptr(), kind) };
        let id = u32::try_from(id).ok()?;
        // SAFETY:
        // - The BTF is valid by the type invariant, and looking a type up takes any number.
        // - The type is an enumeration of up to 32 bits, as it was found as one. In valid BTF such a
        //   type is followed by `btf_vlen()` constants, which live and stay as long as the BTF.
        let constants = unsafe {
            let ty = NonNull::new(bindings::btf_type_by_id(btf, id).cast_mut())?.as_ptr();
            slice::from_raw_parts(bindings::btf_enum(ty), bindings::btf_vlen(ty) as usize)
        };
        // INVARIANT: The constants were found in `self`.
        Some(Enumeration {
            btf: self,
            constants,
        })
    }
}

/// An enumeration of the kernel's.
///
/// # Invariants
///
/// `constants` are part of `btf`.
#[derive(Clone, Copy)]
pub struct Enumeration {
    btf: Btf,
    constants: &'static [bindings::btf_enum],
}

impl Enumeration {
    /// The names and values of its constants.
    pub fn constants(self) -> Constants {
        // INVARIANT: The constants are part of the BTF by the invariant of `Enumeration`.
        Constants {
            btf: self.btf,
            rest: self.constants.iter(),
        }
    }
}

/// The constants of an [`Enumeration`].
///
/// # Invariants
///
/// `rest` are part of `btf`.
pub struct Constants {
    btf: Btf,
    rest: slice::Iter<'static, bindings::btf_enum>,
}

impl Iterator for Constants {
    type Item = (&'static CStr, i32);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let constant = self.rest.next()?;
            // SAFETY:
            // - The BTF is valid by the invariant of `Btf`, and looking a name up takes any offset.
            // - What is found is a string that lives and stays as long as the BTF, that is forever.
            let name = unsafe {
                let name = bindings::btf_name_by_offset(self.btf.0.as_ptr(), constant.name_off);
                (!name.is_null()).then(|| CStr::from_char_ptr(name))
            };
            if let Some(name) = name {
                return Some((name, constant.val));
            }
        }
    }
}

/// A name in lower case.
pub struct Lower<'a>(pub &'a [u8]);

impl fmt::Display for Lower<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| f.write_char(byte.to_ascii_lowercase().into()))
    }
}
