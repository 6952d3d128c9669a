// SPDX-License-Identifier: GPL-2.0

//! Mount parameters.
//!
//! C header: [`include/linux/fs_parser.h`](srctree/include/linux/fs_parser.h)

use crate::bindings;
use core::marker::PhantomData;
use kernel::prelude::*;

/// The specification of one parameter: its name, its type, and the number that
/// [`Context::parse`](super::Context::parse) knows it by.
#[repr(transparent)]
pub struct Spec(bindings::fs_parameter_spec);

impl Spec {
    /// A parameter without a value.
    pub const fn flag(name: &'static CStr, option: u8) -> Self {
        Self::new(name, option, None, 0)
    }

    /// A number, decimal unless it begins as C's numbers do.
    pub const fn u32(name: &'static CStr, option: u8) -> Self {
        Self::new(name, option, Some(bindings::fs_param_is_u32), 0)
    }

    /// An octal number.
    pub const fn u32_octal(name: &'static CStr, option: u8) -> Self {
        Self::new(name, option, Some(bindings::fs_param_is_u32), 8)
    }

    /// A string that is not empty.
    pub const fn string(name: &'static CStr, option: u8) -> Self {
        Self::new(name, option, Some(bindings::fs_param_is_string), 0)
    }

    const fn new(
        name: &'static CStr,
        option: u8,
        type_: bindings::fs_param_type,
        base: usize,
    ) -> Self {
        Self(bindings::fs_parameter_spec {
            name: kernel::str::as_char_ptr_in_const_context(name),
            type_,
            opt: option,
            // For numbers, `data` is their base instead of a pointer.
            data: core::ptr::without_provenance(base),
            ..pin_init::zeroed()
        })
    }
}

// SAFETY: Never written, and what it points to is static.
unsafe impl Sync for Spec {}

/// The parameters of a file system, in a `static`: a list of specifications with its end.
#[repr(C)]
pub struct Parameters<const N: usize> {
    specs: [Spec; N],
    /// A zeroed one marks the end.
    end: Spec,
}

impl<const N: usize> Parameters<N> {
    /// A list of these.
    pub const fn new(specs: [Spec; N]) -> Self {
        Self {
            specs,
            end: Spec(pin_init::zeroed()),
        }
    }

    /// The list, whatever its length.
    pub const fn table(&'static self) -> ParameterTable {
        // INVARIANT: `specs` is followed by `end` without a gap: they are of the same type, in a
        // C structure.
        ParameterTable((&raw const *self).cast())
    }
}

/// A list of parameters.
///
/// # Invariants
///
/// Points to an array of `fs_parameter_spec` in a `static` that ends in a zeroed one.
#[derive(Clone, Copy)]
pub struct ParameterTable(*const bindings::fs_parameter_spec);

impl ParameterTable {
    pub(super) const fn as_ptr(self) -> *const bindings::fs_parameter_spec {
        self.0
    }
}

/// A parameter that was given and is as its [`Spec`] says.
///
/// # Invariants
///
/// `parameter` points to a valid parameter for `'a`, which nobody else uses.
pub struct Parameter<'a> {
    parameter: *const bindings::fs_parameter,
    number: u32,
    _lifetime: PhantomData<&'a bindings::fs_parameter>,
}

impl<'a> Parameter<'a> {
    /// # Safety
    ///
    /// `parameter` must point to a valid parameter for `'a`, which nobody else uses, and which
    /// `__fs_parse()` accepted with `result`.
    pub(super) unsafe fn new(
        parameter: *const bindings::fs_parameter,
        result: &bindings::fs_parse_result,
    ) -> Self {
        // INVARIANT: By the caller's promise.
        Self {
            parameter,
            // SAFETY: `__fs_parse()` sets the whole union to zero before anything else, and any
            // bits are a number.
            number: unsafe { *result.__bindgen_anon_1.uint_32.as_ref() },
            _lifetime: PhantomData,
        }
    }

    /// The value of a parameter that is a number.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The parts of the value of a parameter that is a string, between colons. Takes the string
    /// apart in place: to be used once.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the parameter is not a string.
    pub fn split(self) -> Result<impl Iterator<Item = &'a CStr>> {
        // SAFETY: The parameter is valid, and `string` is set in one of that type.
        let mut rest = unsafe {
            if (*self.parameter).type_() != bindings::fs_value_type_fs_value_is_string {
                return Err(EINVAL);
            }
            (*self.parameter).__bindgen_anon_1.string
        };
        Ok(core::iter::from_fn(move || {
            // SAFETY: `rest` is what is left of the string, or null at its end. The string is the
            // parameter's, for us to write to.
            let part = unsafe { bindings::strsep(&mut rest, c":".as_char_ptr()) };
            // SAFETY: Each part ends in a NUL, and is as valid as the parameter.
            (!part.is_null()).then(|| unsafe { CStr::from_char_ptr(part) })
        }))
    }
}
