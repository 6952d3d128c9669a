// SPDX-License-Identifier: GPL-2.0

//! The module that takes over.
//!
//! C header: [`include/linux/livepatch.h`](srctree/include/linux/livepatch.h)

use crate::Syscalls;
use fs::{FileSystem, Registration};
use kernel::{prelude::*, ThisModule};
use livepatch::{Callbacks, Patch};

/// A file system that takes the place of the kernel's own.
pub trait TakeOver: FileSystem + Syscalls + Callbacks {
    /// The kernel refused to replace its functions. May sleep.
    fn refused(error: Error);
}

/// What a module that takes over keeps until it exits. Made by
/// [`module_takeover!`](crate::module_takeover).
pub struct Module<T: TakeOver> {
    _registration: Registration<T>,
}

impl<T: TakeOver> Module<T> {
    /// Takes over. May sleep.
    ///
    /// # Errors
    ///
    /// See [`Patch::enable`].
    ///
    /// # Safety
    ///
    /// - To be called once, as the last thing that can fail as `module` is initialised, which must
    ///   be marked as a livepatch and have the file system's type and `patch` in its static data.
    /// - The replacements of `patch` must be those of [this crate](crate), for `T`.
    /// - What it returns must be kept until the module exits.
    #[doc(hidden)]
    pub unsafe fn new<const N: usize>(
        module: &'static ThisModule,
        patch: &'static Patch<N>,
    ) -> Result<Self> {
        // SAFETY:
        // - The module has the type of `T` in its static data by this function's contract.
        // - What this returns is kept until the module exits. By then the patch is disabled, or it
        //   would hold the module, so that no contexts of the type can be made any more.
        // - If enabling the patch fails, the registration is dropped right here. Enabling does not
        //   fail any more once tasks begin to use the replacements, so that there are no contexts
        //   of the type either.
        // - The replacements ask for a registration of `T`, which is kept for as long as the patch
        //   can be enabled.
        // - This is the last thing to do, and done once, by this function's contract; and so is
        //   the module marked and has the patch.
        let registration = unsafe {
            let registration = Registration::new_unlisted(module)?;
            patch.enable(module).inspect_err(|e| T::refused(*e))?;
            registration
        };
        Ok(Self {
            _registration: registration,
        })
    }
}

/// Declares a kernel module that is a file system which [takes the place](TakeOver) of the kernel's
/// own.
///
/// Takes a `version`, and what `module!` does, with the file system as the `type`; to be used once
/// in a crate.
///
/// # Examples
///
/// ```ignore
/// takeover::module_takeover! {
///     version: "0.1.0",
///     type: MyBpfFs,
///     name: "my_bpf_fs",
///     authors: ["Me"],
///     description: "BPF file system",
///     license: "GPL",
///     imports_ns: ["BPF_INTERNAL"],
/// }
/// ```
#[macro_export]
macro_rules! module_takeover {
    (version: $version:literal, type: $fs:ty, $($info:tt)*) => {
        ::fs::impl_has_file_system_type!($fs);

        ::livepatch::livepatch_info!(version: $version);

        /// All functions of the kernel that depend on how an inode of the file system looks, or
        /// that make one.
        static PATCH: ::livepatch::Patch<5> = ::livepatch::Patch::new::<$fs>([
            $crate::mount::<$fs>(),
            $crate::obj_pin::<$fs>(),
            $crate::obj_get::<$fs>(),
            $crate::prog_get_type_path::<$fs>(),
            $crate::token_create::<$fs>(),
        ]);

        /// The module, while it is loaded.
        struct Module {
            _taken_over: $crate::Module<$fs>,
        }

        impl ::kernel::Module for Module {
            fn init(module: &'static ::kernel::ThisModule) -> ::kernel::error::Result<Self> {
                Ok(Self {
                    // SAFETY:
                    // - `module!` calls this once as it initialises `module`, which has both
                    //   statics just above and is marked there, and has nothing else to do.
                    // - The replacements are those just above.
                    // - `module!` drops the result as the module exits.
                    _taken_over: unsafe { $crate::Module::new(module, &PATCH)? },
                })
            }
        }

        ::kernel::prelude::module! {
            type: Module,
            $($info)*
        }
    };
}
