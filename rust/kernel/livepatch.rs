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
    print,
};
use kernel::{error::to_result, prelude::*, types::Opaque, ThisModule};

/// A function of the kernel, and what is to be called in its place.
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
    /// `new` must be a function with the signature and the contract of `old`, and static.
    pub(crate) const unsafe fn new(old: &'static CStr, new: *mut c_void) -> Self {
        Self(bindings::klp_func {
            old_name: kernel::str::as_char_ptr_in_const_context(old),
            new_func: new,
            ..pin_init::zeroed()
        })
    }
}

/// A set of functions that are replaced together, to be kept in a `static`.
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

// SAFETY: Everything in it is the livepatch core's, under a lock of its own.
unsafe impl<const N: usize> Sync for Patch<N> {}
// SAFETY: It belongs to no task.
unsafe impl<const N: usize> Send for Patch<N> {}

impl<const N: usize> Patch<N> {
    /// A patch for these functions of the kernel, which tells `T` when it takes effect.
    pub const fn new<T: Callbacks>(functions: [Replacement; N]) -> Self {
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

/// A patch of whatever size.
pub trait Enable: Sync {
    /// Begins to use the replacements. May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the kernel lacks one of the functions; `ENOMEM` …; the kernel log says more.
    ///
    /// # Safety
    ///
    /// To be called once, as the last thing that can fail in the initialisation of `module`, which
    /// must be marked as a livepatch and have this patch in its static data.
    unsafe fn enable(&'static self, module: &'static ThisModule) -> Result;
}

impl<const N: usize> Enable for Patch<N> {
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
    /// All tasks use the replacements.
    fn patched();

    /// All tasks use the kernel's own functions again.
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
pub trait TakeOver: FileSystem {
    /// The functions that it replaces, [`mount`](crate::bpf::syscall::mount) among them.
    fn patch() -> &'static dyn Enable;
}

/// What a kernel module that is such a file system has to keep until it exits.
pub struct FileSystemModule<T: TakeOver> {
    _enabled: Enabled<T>,
}

impl<T: TakeOver> FileSystemModule<T> {
    /// Takes over. To be called once, as the last thing that can fail as `module` is initialised.
    /// May sleep.
    ///
    /// # Errors
    ///
    /// `EBUSY` when called again; `EINVAL` if the kernel lacks one of the functions that are to be
    /// replaced, `ENOMEM` …; the kernel log says more.
    pub fn new(module: &'static ThisModule) -> Result<Self> {
        // SAFETY: What this returns is kept until the module exits. By then the patch is disabled,
        // or it would hold the module, so that no new contexts of the type are made; those that
        // there were have held the module too.
        let enabled = unsafe { T::file_system_type().enable(module)? };
        // SAFETY: This is the last thing to do, and only once. `rust/helpers/modinfo.c` marks the
        // module; patches are kept in statics.
        if let Err(e) = unsafe { T::patch().enable(module) } {
            print::err(fmt!(
                "cannot replace the kernel's functions (error {}): see livepatch's message above\n",
                e.to_errno()
            ));
            return Err(e);
        }
        Ok(Self { _enabled: enabled })
    }
}
