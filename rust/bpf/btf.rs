// SPDX-License-Identifier: GPL-2.0

//! BTF: what the kernel knows of its own types.
//!
//! C header: [`include/linux/btf.h`](srctree/include/linux/btf.h)

use crate::bindings;
use core::ptr::NonNull;
use kernel::{error::from_err_ptr, prelude::*};

/// The kernel's own BTF.
///
/// # Invariants
///
/// Points to the BTF of vmlinux, which is never freed.
#[derive(Clone, Copy)]
pub struct Btf(NonNull<bindings::btf>);

impl Btf {
    /// The BTF of vmlinux. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOENT` if the kernel has none; what parsing it answered.
    pub fn vmlinux() -> Result<Self> {
        // SAFETY: No preconditions.
        let btf = from_err_ptr(unsafe { bindings::bpf_get_btf_vmlinux() })?;
        // INVARIANT: That is what a success gives.
        NonNull::new(btf).map(Self).ok_or(ENOENT)
    }

    /// The enumeration called `name`.
    pub fn enumeration(self, name: &CStr) -> Option<Enumeration> {
        let (btf, kind) = (self.0.as_ptr(), bindings::BTF_KIND_ENUM as u8);
        // SAFETY: By the type invariant; `name` is a string.
        let id = unsafe { bindings::btf_find_by_name_kind(btf, name.as_char_ptr(), kind) };
        let id = u32::try_from(id).ok()?;
        // SAFETY: By the type invariant.
        let ty = NonNull::new(unsafe { bindings::btf_type_by_id(btf, id) }.cast_mut())?;
        // INVARIANT: Just found as an enumeration.
        Some(Enumeration { btf: self, ty })
    }
}

/// An enumeration of the kernel's.
///
/// # Invariants
///
/// `ty` points to an enumeration (`BTF_KIND_ENUM`) in `btf`.
#[derive(Clone, Copy)]
pub struct Enumeration {
    btf: Btf,
    ty: NonNull<bindings::btf_type>,
}

impl Enumeration {
    /// The names and values of its constants.
    pub fn constants(self) -> Constants {
        Constants {
            enumeration: self,
            next: 0,
        }
    }
}

/// The constants of an [`Enumeration`].
pub struct Constants {
    enumeration: Enumeration,
    next: usize,
}

impl Iterator for Constants {
    type Item = (&'static CStr, i32);

    fn next(&mut self) -> Option<Self::Item> {
        let Enumeration { btf, ty } = self.enumeration;
        loop {
            // SAFETY: By the type invariant.
            if self.next >= unsafe { bindings::btf_vlen(ty.as_ptr()) } as usize {
                return None;
            }
            // SAFETY: An enumeration is followed by `btf_vlen()` constants, and this is one of them
            // as `next` is less; BTF is never freed. Nor are names, which are strings or null.
            unsafe {
                let constant = &*bindings::btf_enum(ty.as_ptr()).add(self.next);
                self.next += 1;
                let name = bindings::btf_name_by_offset(btf.0.as_ptr(), constant.name_off);
                if !name.is_null() {
                    return Some((CStr::from_char_ptr(name), constant.val));
                }
            }
        }
    }
}
