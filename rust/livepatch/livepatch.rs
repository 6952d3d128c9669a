// SPDX-License-Identifier: GPL-2.0

//! Livepatching: replacing functions of the running kernel.
//!
//! The kernel switches each task on its own, at a moment when the task is in none of the functions
//! concerned. Until `/sys/kernel/livepatch/<module>/transition` reads 0, some tasks may still use
//! the old ones. Disabling a livepatch (`echo 0 > /sys/kernel/livepatch/<module>/enabled`) works
//! the same way back, and only then can the module be removed.
//!
//! A [`Patch`] is a set of [`Replacement`]s in a `static`, which [`Patch::enable`] puts into effect.
//! Not supported are functions of modules, functions that share their name with others, and
//! shadow variables.
//!
//! C header: [`include/linux/livepatch.h`](srctree/include/linux/livepatch.h)
//!
//! # Examples
//!
//! ```
//! use kernel::prelude::*;
//! use livepatch::{replacement, Callbacks, Patch};
//!
//! struct Mine;
//!
//! impl Callbacks for Mine {
//!     fn patched() {}
//!     fn unpatched() {}
//! }
//!
//! unsafe extern "C" fn my_sched_clock() -> u64 {
//!     42
//! }
//!
//! static PATCH: Patch<1> = Patch::new::<Mine>([
//!     // SAFETY:
//!     // - The function is static, and has the signature of the kernel's, which asks nothing of its
//!     //   callers.
//!     // - It calls nothing.
//!     unsafe { replacement!(sched_clock, my_sched_clock as *mut c_void) },
//! ]);
//! ```

#![cfg_attr(doctest, no_std)]

#[path = "../bindings/lib.rs"]
mod bindings;

use kernel::{error::to_result, prelude::*, types::Opaque, ThisModule};

/// A function of the kernel, and what is to be called in its place.
///
/// # Invariants
///
/// - The replacement is static, and has the signature and the contract of the function, under the
///   conditions that its maker states.
/// - It stays on the stack until all that it calls in the module has returned: by that the
///   livepatch core knows that nobody runs the module's code.
#[repr(transparent)]
pub struct Replacement(
    /// Read by the livepatch core, through [`Functions`].
    #[allow(dead_code)]
    bindings::klp_func,
);

impl Replacement {
    /// Replaces the only function of the kernel that is called `old`.
    ///
    /// # Safety
    ///
    /// `new` must be as the type invariant says.
    pub const unsafe fn new(old: &'static CStr, new: *mut c_void) -> Self {
        // INVARIANT: `new` is as the invariant says by this function's contract.
        Self(bindings::klp_func {
            old_name: kernel::str::as_char_ptr_in_const_context(old),
            new_func: new,
            ..pin_init::zeroed()
        })
    }
}

/// [`Replacement::new()`] for a function whose name is given as an identifier. It also puts the name
/// into `.modinfo`. There `klp-relocate` finds whose prototypes are to be proved, and modinfo(8)
/// shows it.
///
/// Takes the name and the pointer, and is as unsafe as [`Replacement::new()`].
#[macro_export]
macro_rules! replacement {
    ($old:ident, $new:expr $(,)?) => {{
        ::module::info!(
            RECORD,
            ::core::concat!("livepatch_replaces=", ::core::stringify!($old), "\0")
        );
        $crate::Replacement::new(::kernel::c_str!(::core::stringify!($old)), $new)
    }};
}

/// A set of functions that are replaced together, to be kept in a `static`.
///
/// # Invariants
///
/// Until it is enabled, everything but the callbacks and functions is zeroed; from then on it is
/// the livepatch core's.
#[repr(C)]
pub struct Patch<const N: usize> {
    patch: Opaque<bindings::klp_patch>,
    /// The kernel, and a zeroed one as the end.
    objects: Opaque<[bindings::klp_object; 2]>,
    functions: Opaque<Functions<N>>,
}

/// The functions of an object, and a zeroed one as the end.
#[repr(C)]
struct Functions<const N: usize> {
    functions: [Replacement; N],
    end: bindings::klp_func,
}

// SAFETY: Everything in a patch is the livepatch core's, under a lock of its own.
unsafe impl<const N: usize> Sync for Patch<N> {}
// SAFETY: A patch belongs to no task.
unsafe impl<const N: usize> Send for Patch<N> {}

impl<const N: usize> Patch<N> {
    /// A patch of these functions of the kernel, which tells `T` when it takes effect.
    pub const fn new<T: Callbacks>(functions: [Replacement; N]) -> Self {
        // INVARIANT: Nothing else is set.
        Self {
            patch: Opaque::new(pin_init::zeroed()),
            objects: Opaque::new([
                bindings::klp_object {
                    callbacks: bindings::klp_callbacks {
                        post_patch: Some(post_patch::<T>),
                        post_unpatch: Some(post_unpatch::<T>),
                        ..pin_init::zeroed()
                    },
                    ..pin_init::zeroed()
                },
                pin_init::zeroed(),
            ]),
            functions: Opaque::new(Functions {
                functions,
                end: pin_init::zeroed(),
            }),
        }
    }

    /// Begins to use the replacements. May sleep.
    ///
    /// # Errors
    ///
    /// - `EINVAL` if the kernel lacks one of the functions; `ENOMEM` …: the kernel log says more;
    /// - `EBUSY` while another livepatch is in transition, or if something else that changes the
    ///   course of the kernel is attached to one of the functions: the log tells only of the latter;
    /// - `ENODEV` if the kernel cannot do it, or the module is about to go.
    ///
    /// # Safety
    ///
    /// - The conditions must hold, for as long as the patch is enabled, that the makers of its
    ///   replacements state.
    /// - To be called once, as the last thing that can fail in the initialisation of `module`,
    ///   which must be [marked as a livepatch](livepatch_info!) and have this patch in its static
    ///   data.
    pub unsafe fn enable(&'static self, module: &'static ThisModule) -> Result {
        let (patch, objects) = (self.patch.get(), self.objects.get());
        // SAFETY:
        // - Nobody else uses the patch yet, as this is called once by this function's contract.
        // - The pointers are to static data: `self` is. Both lists end in a zeroed element, as the
        //   livepatch core expects, by the types of the fields.
        // - Then the patch is complete, and static, as is all that it points to.
        // - The functions in it may be replaced as long as the conditions of their makers hold,
        //   which they do by this function's contract.
        // - The module is being initialised, is marked and has the patch in its static data, by that
        //   contract.
        to_result(unsafe {
            (&raw mut (*objects)[0].funcs).write(self.functions.get().cast());
            (&raw mut (*patch).objs).write(objects.cast());
            (&raw mut (*patch).mod_).write(module.as_ptr());
            bindings::klp_enable_patch(patch)
        })
    }
}

/// What happens as a patch takes effect. The methods run in process context with `klp_mutex` held,
/// and may sleep.
pub trait Callbacks {
    /// All tasks use the replacements.
    fn patched();

    /// All tasks use the kernel's own functions: again, or, if patching was given up or failed
    /// halfway, still. Not called if the patch was refused before that, nor if another livepatch
    /// takes the place of this one.
    fn unpatched();
}

/// # Safety
///
/// None; `unsafe` is what the type of the callback asks for.
unsafe extern "C" fn post_patch<T: Callbacks>(_: *mut bindings::klp_object) {
    T::patched();
}

/// # Safety
///
/// None; `unsafe` is what the type of the callback asks for.
unsafe extern "C" fn post_unpatch<T: Callbacks>(_: *mut bindings::klp_object) {
    T::unpatched();
}

/// Marks the module as a livepatch, which makes the module loader accept livepatch relocations, and
/// gives it a version. `module!` has no keys for either.
#[macro_export]
macro_rules! livepatch_info {
    (version: $version:literal) => {
        ::module::info!(LIVEPATCH_INFO, "livepatch=Y\0");
        ::module::info!(VERSION_INFO, ::core::concat!("version=", $version, "\0"));
    };
}
