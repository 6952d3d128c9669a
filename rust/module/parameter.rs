// SPDX-License-Identifier: GPL-2.0

//! Parameters of a module that can be read and written while it is loaded.
//!
//! The parameters of the kernel crate's `module!` are numbers that are set once, and that sysfs does
//! not show.
//!
//! C header: [`include/linux/moduleparam.h`](srctree/include/linux/moduleparam.h)

use core::{marker::PhantomData, ptr};
use kernel::{
    bindings,
    error::from_result,
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

/// What a parameter can be: one of several words.
pub trait Choice: Copy + Sync + 'static {
    /// The words and what they stand for, the default first. A word is shorter than a page.
    const WORDS: &'static [(&'static str, Self)];
}

/// A parameter of a module, to be kept in a `static` that [`parameter!`] declares.
///
/// The parameter is a file in `/sys/module/NAME/parameters/`, which everybody may read and root may
/// write. Writing what is no word of the [`Choice`] is answered with `EINVAL`, and so is loading
/// the module with such a parameter.
///
/// # Examples
///
/// ```
/// use module::Choice;
///
/// #[derive(Clone, Copy)]
/// enum Format {
///     Short,
///     Long,
/// }
///
/// impl Choice for Format {
///     const WORDS: &'static [(&'static str, Self)] =
///         &[("short", Format::Short), ("long", Format::Long)];
/// }
/// ```
///
/// The module then has the following in its root, and uses `FORMAT.get()`:
///
/// ```ignore
/// module::parameter!(FORMAT: Format, "format", "how lines are shown: short or long");
/// ```
///
/// [`parameter!`]: crate::parameter!
pub struct Parameter<T: Choice> {
    /// The number of the word.
    word: Atomic<u32>,
    _type: PhantomData<T>,
}

impl<T: Choice> Parameter<T> {
    /// A parameter that has its default.
    #[doc(hidden)]
    pub const fn new() -> Self {
        const { assert!(!T::WORDS.is_empty(), "there is nothing to choose from") };
        Self {
            word: Atomic::new(0),
            _type: PhantomData,
        }
    }

    /// What was chosen last. It may be out of date as it is returned.
    #[inline]
    pub fn get(&self) -> T {
        self.word().1
    }

    #[inline]
    fn word(&self) -> (&'static str, T) {
        let number = self.word.load(Relaxed) as usize;
        match T::WORDS.get(number) {
            Some(word) => *word,
            // Not reached: only `choose()` sets the number.
            None => const { T::WORDS[0] },
        }
    }

    /// Chooses a word, which may be followed by a line feed.
    fn choose(&self, word: &[u8]) -> Result {
        let word = word.strip_suffix(b"\n").unwrap_or(word);
        let mut numbered = (0u32..).zip(T::WORDS);
        let (number, _) = numbered
            .find(|(_, (name, _))| name.as_bytes() == word)
            .ok_or(EINVAL)?;
        self.word.store(number, Relaxed);
        Ok(())
    }

    /// C's operations of the parameter.
    #[doc(hidden)]
    pub const OPERATIONS: &'static bindings::kernel_param_ops = &bindings::kernel_param_ops {
        flags: 0,
        set: Some(Self::set),
        get: Some(Self::show),
        free: None,
    };

    /// # Safety
    ///
    /// The caller must do as the kernel does: pass a string, and a parameter with these operations
    /// whose `arg` points to a static value of this type.
    unsafe extern "C" fn set(
        value: *const c_char,
        parameter: *const bindings::kernel_param,
    ) -> c_int {
        from_result(|| {
            if value.is_null() {
                return Err(EINVAL);
            }
            // SAFETY: Both are as this function's contract says; the string is not null.
            let (this, value) = unsafe {
                let this = (*parameter).__bindgen_anon_1.arg.cast::<Self>();
                (&*this, CStr::from_char_ptr(value))
            };
            this.choose(value.to_bytes()).map(|()| 0)
        })
    }

    /// # Safety
    ///
    /// The caller must do as the kernel does: pass a buffer of a page, which is only its own, and a
    /// parameter with these operations whose `arg` points to a static value of this type.
    unsafe extern "C" fn show(
        buffer: *mut c_char,
        parameter: *const bindings::kernel_param,
    ) -> c_int {
        // SAFETY: The parameter is as this function's contract says.
        let this = unsafe { &*(*parameter).__bindgen_anon_1.arg.cast::<Self>() };
        let (word, _) = this.word();
        // SAFETY: The buffer is as this function's contract says. A word and a line feed have room
        // there, as `Choice` says.
        unsafe {
            ptr::copy_nonoverlapping(word.as_ptr(), buffer.cast(), word.len());
            buffer.add(word.len()).write(b'\n' as c_char);
        }
        // The cast loses nothing, as the length is less than a page.
        word.len() as c_int + 1
    }
}

/// C's description of a parameter, to be kept in a `static`.
#[doc(hidden)]
#[repr(transparent)]
pub struct RawParameter(pub bindings::kernel_param);

// SAFETY: The description is only read once it is made.
unsafe impl Sync for RawParameter {}

/// Declares a [`Parameter`] of the module whose crate this is in: a `static` of that name and
/// type, the parameter's name, and a description for `modinfo`.
#[macro_export]
macro_rules! parameter {
    ($static:ident: $type:ty, $name:literal, $description:literal) => {
        static $static: $crate::Parameter<$type> = $crate::Parameter::new();

        const _: () = {
            #[link_section = "__param"]
            #[used(compiler)]
            static RAW: $crate::RawParameter =
                $crate::RawParameter(::kernel::bindings::kernel_param {
                    name: ::kernel::str::as_char_ptr_in_const_context(::kernel::c_str!($name)),
                    // SAFETY: Only makes a pointer to the module, which the kernel has there.
                    mod_: unsafe { (&raw const ::kernel::bindings::__this_module).cast_mut() },
                    ops: $crate::Parameter::<$type>::OPERATIONS,
                    perm: 0o644,
                    level: -1,
                    flags: 0,
                    __bindgen_anon_1: ::kernel::bindings::kernel_param__bindgen_ty_1 {
                        arg: (&raw const $static).cast_mut().cast(),
                    },
                });

            $crate::info!(TYPE, ::core::concat!("parmtype=", $name, ":charp\0"));
            $crate::info!(
                DESCRIPTION,
                ::core::concat!("parm=", $name, ":", $description, "\0")
            );
        };
    };
}
