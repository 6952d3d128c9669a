// SPDX-License-Identifier: GPL-2.0

//! Mount parameters.
//!
//! C header: [`include/linux/fs_parser.h`](srctree/include/linux/fs_parser.h)

use crate::{bindings, Path};
use core::marker::PhantomData;
use kernel::prelude::*;

/// The specification of a parameter: its name and its type.
#[derive(Clone, Copy)]
pub struct Spec {
    name: &'static CStr,
    type_: bindings::fs_param_type,
    /// Of a number; 0 for C's way to tell.
    base: usize,
}

impl Spec {
    /// A parameter without a value.
    pub const fn flag(name: &'static CStr) -> Self {
        Self::new(name, None, 0)
    }

    /// A number, decimal unless it begins as C's octal and hexadecimal numbers do.
    pub const fn u32(name: &'static CStr) -> Self {
        Self::new(name, Some(bindings::fs_param_is_u32), 0)
    }

    /// An octal number.
    pub const fn u32_octal(name: &'static CStr) -> Self {
        Self::new(name, Some(bindings::fs_param_is_u32), 8)
    }

    /// A string that is not empty.
    #[inline]
    pub const fn string(name: &'static CStr) -> Self {
        Self::new(name, Some(bindings::fs_param_is_string), 0)
    }

    /// A file descriptor, which `FSCONFIG_SET_FD` gives.
    #[inline]
    pub const fn fd(name: &'static CStr) -> Self {
        Self::new(name, Some(bindings::fs_param_is_fd), 0)
    }

    const fn new(name: &'static CStr, type_: bindings::fs_param_type, base: usize) -> Self {
        Self { name, type_, base }
    }

    /// The specification as C has it, known by `number`.
    const fn into_raw(self, number: u8) -> bindings::fs_parameter_spec {
        bindings::fs_parameter_spec {
            name: kernel::str::as_char_ptr_in_const_context(self.name),
            type_: self.type_,
            opt: number,
            // For numbers, `data` is their base instead of a pointer.
            data: core::ptr::without_provenance(self.base),
            ..pin_init::zeroed()
        }
    }
}

/// The parameters of a file system, to be kept in a `static`: a specification of each, and what
/// [`Context::parse`](crate::Context::parse) knows the parameter by.
///
/// # Examples
///
/// ```
/// use fs::{ParameterTable, Parameters, Spec};
///
/// #[derive(Clone, Copy)]
/// enum Opt {
///     Size,
///     Mode,
/// }
///
/// static PARAMETERS: Parameters<Opt, 2> = Parameters::new([
///     (Spec::string(c"size"), Opt::Size),
///     (Spec::u32_octal(c"mode"), Opt::Mode),
/// ]);
///
/// const TABLE: ParameterTable<Opt> = PARAMETERS.table();
/// ```
#[repr(C)]
pub struct Parameters<O: 'static, const N: usize> {
    specs: [bindings::fs_parameter_spec; N],
    end: bindings::fs_parameter_spec,
    options: [O; N],
}

// SAFETY:
// - Nobody writes to the specifications, and what they point to is static.
// - The options may be shared if `O` may.
unsafe impl<O: Sync, const N: usize> Sync for Parameters<O, N> {}

/// Whether a parameter is the one that the VFS takes by itself. At compile time only.
const fn is_source(name: &[u8]) -> bool {
    matches!(name, b"source")
}

impl<O: Copy, const N: usize> Parameters<O, N> {
    /// A list of these. Does not compile for none, for more than 255, or for `source`, which is the
    /// VFS's.
    pub const fn new(list: [(Spec, O); N]) -> Self {
        const { assert!(N > 0 && N <= u8::MAX as usize) };
        let mut specs = [const { pin_init::zeroed() }; N];
        let mut options = [list[0].1; N];
        let mut i = 0;
        while i < N {
            assert!(
                !is_source(list[i].0.name.to_bytes()),
                "the VFS takes source"
            );
            // The cast loses nothing, as just asserted.
            specs[i] = list[i].0.into_raw(i as u8);
            options[i] = list[i].1;
            i += 1;
        }
        Self {
            specs,
            end: pin_init::zeroed(),
            options,
        }
    }

    /// The list, whatever its length.
    pub const fn table(&'static self) -> ParameterTable<O> {
        // INVARIANT: `specs` is followed by `end` without a gap, as both are of the same type in a
        // C structure. `new()` has numbered the specifications as the options are.
        ParameterTable {
            specs: (&raw const *self).cast(),
            options: &self.options,
        }
    }
}

/// A list of parameters.
///
/// # Invariants
///
/// `specs` points to an array of `fs_parameter_spec` in a `static` that ends in a zeroed one. The
/// number of each is an index of `options`.
#[derive(Clone, Copy)]
pub struct ParameterTable<O: 'static> {
    specs: *const bindings::fs_parameter_spec,
    options: &'static [O],
}

impl<O: Copy> ParameterTable<O> {
    /// No parameters.
    pub const EMPTY: Self = Self {
        // INVARIANT: The array has but its end.
        specs: const { &pin_init::zeroed() },
        options: &[],
    };

    pub(crate) const fn as_ptr(self) -> *const bindings::fs_parameter_spec {
        self.specs
    }

    /// The option that C knows by `number`.
    pub(crate) fn option(self, number: usize) -> Option<O> {
        self.options.get(number).copied()
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
    /// - `parameter` must point to a valid parameter for `'a`, which nobody else uses.
    /// - `__fs_parse()` must have accepted the parameter with `result`.
    pub(crate) unsafe fn new(
        parameter: *const bindings::fs_parameter,
        result: &bindings::fs_parse_result,
    ) -> Self {
        // INVARIANT: The parameter is as the invariant says by this function's contract.
        Self {
            parameter,
            // SAFETY: `__fs_parse()` sets the whole union to zero before anything else, and any
            // bits are a number.
            number: unsafe { *result.__bindgen_anon_1.uint_32.as_ref() },
            _lifetime: PhantomData,
        }
    }

    /// The value of a parameter that is a number. Means nothing for any other.
    #[inline]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// What the value of a parameter that is a file descriptor is opened on.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the parameter was given as anything else.
    pub fn path(&self) -> Result<Path> {
        // SAFETY:
        // - The parameter is valid by the type invariant.
        // - `file` is what is set of the union in a parameter of that type: an open file, which the
        //   parameter holds.
        unsafe {
            if (*self.parameter).type_() != bindings::fs_value_type_fs_value_is_file {
                return Err(EINVAL);
            }
            Ok(Path::of_file((*self.parameter).__bindgen_anon_1.file))
        }
    }

    /// The value of a parameter that is a string.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the parameter is no string.
    #[inline]
    pub fn string(&self) -> Result<&CStr> {
        let string = self.raw_string()?;
        // SAFETY:
        // - The value of such a parameter is a string with its NUL.
        // - The parameter stays valid, and `split()`, which alone writes to the string, takes
        //   `self`.
        Ok(unsafe { CStr::from_char_ptr(string) })
    }

    /// The parts of the value of a parameter that is a string, between colons. Takes the string
    /// apart in place.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the parameter is no string.
    pub fn split(self) -> Result<impl Iterator<Item = &'a CStr>> {
        let mut rest = self.raw_string()?;
        Ok(core::iter::from_fn(move || {
            // SAFETY:
            // - `rest` is what is left of the string, or null at its end.
            // - The string is the parameter's, which is ours by the type invariant.
            // - Each part ends in a NUL, and is as valid as the parameter.
            unsafe {
                let part = bindings::strsep(&mut rest, c":".as_char_ptr());
                (!part.is_null()).then(|| CStr::from_char_ptr(part))
            }
        }))
    }

    #[inline]
    fn raw_string(&self) -> Result<*mut c_char> {
        // SAFETY:
        // - The parameter is valid by the type invariant.
        // - `string` is what is set of the union in a parameter of that type.
        unsafe {
            if (*self.parameter).type_() == bindings::fs_value_type_fs_value_is_string {
                Ok((*self.parameter).__bindgen_anon_1.string)
            } else {
                Err(EINVAL)
            }
        }
    }
}
