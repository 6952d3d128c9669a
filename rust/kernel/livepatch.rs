// SPDX-License-Identifier: GPL-2.0

//! Livepatching: replacing functions of the running kernel.
//!
//! The kernel switches each task on its own, at a moment when it is in none of the functions
//! concerned; until `/sys/kernel/livepatch/<module>/transition` reads 0, some may still use the
//! old ones. Disabling a livepatch (`echo 0 > /sys/kernel/livepatch/<module>/enabled`) works the
//! same way back, and only then can the module be removed.
//!
//! C header: [`include/linux/livepatch.h`](srctree/include/linux/livepatch.h)

use crate::{
    bindings,
    fs::{Enabled, FileSystem},
};
use core::marker::PhantomData;
use kernel::{error::to_result, prelude::*, types::Opaque, ThisModule};

/// A function of the kernel, and what of `T` is to be called in its place.
///
/// # Invariants
///
/// The replacement has the signature and the contract of the function, provided that `T` is enabled
/// if it is a file system, and is static. It stays on the stack until all that it calls in the
/// module has returned: by that the livepatch core knows that nobody runs the module's code.
#[repr(transparent)]
pub struct Replacement<T>(
    /// Read by the livepatch core, through [`Functions`].
    #[allow(dead_code)]
    bindings::klp_func,
    PhantomData<fn(T)>,
);

impl<T> Replacement<T> {
    /// Replaces the only function of the kernel that is called `old`.
    ///
    /// # Safety
    ///
    /// `new` must be as the type invariant says.
    pub(crate) const unsafe fn new(old: &'static CStr, new: *mut c_void) -> Self {
        // INVARIANT: By the caller's promise.
        Self(
            bindings::klp_func {
                old_name: kernel::str::as_char_ptr_in_const_context(old),
                new_func: new,
                ..pin_init::zeroed()
            },
            PhantomData,
        )
    }
}

/// A set of functions that are replaced together by `T`, to be kept in a `static`.
///
/// # Invariants
///
/// Until it is enabled, everything but the callbacks and functions is zeroed; from then on it is
/// the livepatch core's.
#[repr(C)]
pub struct Patch<T, const N: usize> {
    patch: Opaque<bindings::klp_patch>,
    /// The kernel, and a zeroed one as the end.
    objects: Opaque<[bindings::klp_object; 2]>,
    functions: Opaque<Functions<T, N>>,
}

/// The functions of an object, and a zeroed one as the end.
#[repr(C)]
struct Functions<T, const N: usize> {
    functions: [Replacement<T>; N],
    end: bindings::klp_func,
}

// SAFETY: Everything in it is the livepatch core's, under a lock of its own.
unsafe impl<T, const N: usize> Sync for Patch<T, N> {}
// SAFETY: It belongs to no task.
unsafe impl<T, const N: usize> Send for Patch<T, N> {}

impl<T: Callbacks, const N: usize> Patch<T, N> {
    /// A patch for these functions of the kernel, which tells `T` when it takes effect.
    pub const fn new(functions: [Replacement<T>; N]) -> Self {
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
}

/// A patch of `T`, of whatever size.
pub trait Enable<T>: Sync {
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
    /// - `T`, if it is a file system, must be enabled and stay so as long as the patch is.
    /// - To be called once, as the last thing that can fail in the initialisation of `module`,
    ///   which must be marked as a livepatch and have this patch in its static data.
    unsafe fn enable(&'static self, module: &'static ThisModule) -> Result;
}

impl<T: 'static, const N: usize> Enable<T> for Patch<T, N> {
    unsafe fn enable(&'static self, module: &'static ThisModule) -> Result {
        let (patch, objects) = (self.patch.get(), self.objects.get());
        // SAFETY: Nobody else knows of the patch yet. The pointers are to static data, to lists
        // that end as they should.
        unsafe {
            (&raw mut (*objects)[0].funcs).write(self.functions.get().cast());
            (&raw mut (*patch).objs).write(objects.cast());
            (&raw mut (*patch).mod_).write(module.as_ptr());
        }
        // SAFETY: The patch is complete, and the module is as the function asks for.
        to_result(unsafe { bindings::klp_enable_patch(patch) })
    }
}

/// What happens as a patch takes effect. The methods may sleep.
pub trait Callbacks {
    /// The kernel refused the patch.
    fn refused(error: Error);

    /// All tasks use the replacements.
    fn patched();

    /// All tasks use the kernel's own functions: again, or, if patching was given up or failed
    /// halfway, still. Not called if the patch was refused before that, nor if another livepatch
    /// takes the place of this one.
    fn unpatched();
}

/// # Safety
///
/// As the livepatch core calls it.
unsafe extern "C" fn post_patch<T: Callbacks>(_: *mut bindings::klp_object) {
    T::patched();
}

/// # Safety
///
/// As the livepatch core calls it.
unsafe extern "C" fn post_unpatch<T: Callbacks>(_: *mut bindings::klp_object) {
    T::unpatched();
}

/// A file system that takes the place of one in the kernel.
pub trait TakeOver: FileSystem + Callbacks {
    /// The functions that it replaces, [`mount`](crate::bpf::syscall::mount) among them.
    fn patch() -> &'static dyn Enable<Self>;
}

/// What a kernel module that is such a file system has to keep until it exits. Made by
/// [`module_file_system!`](crate::module_file_system).
pub struct FileSystemModule<T: TakeOver> {
    _enabled: Enabled<T>,
}

impl<T: TakeOver> FileSystemModule<T> {
    /// Takes over. May sleep.
    ///
    /// # Errors
    ///
    /// See [`Enable::enable`].
    ///
    /// # Safety
    ///
    /// To be called once, as the last thing that can fail as `module` is initialised, which must
    /// have the file system's type and patch in its static data. What it returns must be kept until
    /// the module exits.
    #[doc(hidden)]
    pub unsafe fn new(module: &'static ThisModule) -> Result<Self> {
        // SAFETY: What this returns is kept until the module exits. By then the patch is disabled,
        // or it would hold the module, so that no new contexts of the type are made; those that
        // there were have held the module too. If enabling the patch fails, it is dropped right
        // here: that does not fail any more once tasks begin to use the replacements, so there are
        // no contexts of the type either.
        let enabled = unsafe { T::file_system_type().enable(module)? };
        // SAFETY: The type is enabled. This is the last thing to do, and only once.
        // `rust/helpers/modinfo.c` marks the module.
        unsafe { T::patch().enable(module) }.inspect_err(|e| T::refused(*e))?;
        Ok(Self { _enabled: enabled })
    }
}

/// Declares a kernel module that is a file system which [takes the place](TakeOver) of one in the
/// kernel.
///
/// Takes what `module!` does, with the file system as the `type`, and is to be used once in a
/// crate.
///
/// ```ignore
/// kernel_ext::module_file_system! {
///     type: MyFileSystem,
///     name: "my_fs",
///     authors: ["Me"],
///     description: "A file system",
///     license: "GPL",
/// }
/// ```
#[macro_export]
macro_rules! module_file_system {
    (type: $fs:ty, $($info:tt)*) => {
        static FILE_SYSTEM_TYPE: $crate::fs::FileSystemType<$fs> =
            $crate::fs::FileSystemType::new();

        // SAFETY: There is but one static.
        unsafe impl $crate::fs::HasFileSystemType for $fs {
            fn file_system_type() -> &'static $crate::fs::FileSystemType<Self> {
                &FILE_SYSTEM_TYPE
            }
        }

        /// The module, while it is loaded.
        struct Module {
            _file_system: $crate::livepatch::FileSystemModule<$fs>,
        }

        impl ::kernel::Module for Module {
            fn init(module: &'static ::kernel::ThisModule) -> ::kernel::error::Result<Self> {
                // SAFETY: `module!` calls this once, has nothing else to do, and drops the result
                // as the module exits.
                let file_system = unsafe { $crate::livepatch::FileSystemModule::new(module)? };
                Ok(Self {
                    _file_system: file_system,
                })
            }
        }

        ::kernel::prelude::module! {
            type: Module,
            $($info)*
        }
    };
}
