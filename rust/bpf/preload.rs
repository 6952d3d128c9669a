// SPDX-License-Identifier: GPL-2.0

//! Links that the module `bpf_preload` has pinned into each new instance of the file system:
//! iterators that list all maps and programs. Kernels with `CONFIG_BPF_PRELOAD` come with it.
//!
//! C header: `kernel/bpf/preload/bpf_preload.h`. It is in no directory for headers, so that a
//! package of headers may lack it; then there are no such links (`bpf_preload_header` is set by
//! `Kbuild`).

use crate::Link;
#[cfg(bpf_preload_header)]
use crate::{bindings, object_ref::ObjectRef};
#[cfg(bpf_preload_header)]
use core::ptr::NonNull;
use kernel::prelude::*;
#[cfg(bpf_preload_header)]
use kernel::{
    error::to_result,
    sync::{
        atomic::{atomic_load, Relaxed},
        rcu,
    },
};

/// Calls `f` with the name and a reference of each link, until it fails. Has the module that makes
/// them loaded if it is not. May sleep; calls user space (`modprobe`).
///
/// # Errors
///
/// `ENOENT` if the module cannot be had; what it or `f` answers.
#[cfg(bpf_preload_header)]
pub fn for_each(mut f: impl FnMut(&CStr, Link) -> Result) -> Result {
    let module = PreloadModule::get_or_load().ok_or(ENOENT)?;
    let mut links: [bindings::bpf_preload_info; bindings::BPF_PRELOAD_LINKS as usize] =
        pin_init::zeroed();
    module.preload(&mut links)?;
    for info in &links {
        let name = CStr::from_bytes_until_nul(&info.link_name).map_err(|_| EINVAL)?;
        let link = NonNull::new(info.link).ok_or(EINVAL)?;
        // SAFETY: The module filled in a link that it owns a reference to until it goes, which the
        // reference to the module prevents for as long as there is `module`.
        f(name, Link(unsafe { ObjectRef::from_borrowed(link) }))?;
    }
    Ok(())
}

/// It is not known what they look like.
#[cfg(not(bpf_preload_header))]
pub fn for_each(_f: impl FnMut(&CStr, Link) -> Result) -> Result {
    Ok(())
}

/// The module `bpf_preload`, in use.
///
/// # Invariants
///
/// Points to the module's operations, and owns a reference to the module.
#[cfg(bpf_preload_header)]
struct PreloadModule(NonNull<bindings::bpf_preload_ops>);

#[cfg(bpf_preload_header)]
impl PreloadModule {
    #[inline]
    fn get_or_load() -> Option<Self> {
        if Self::operations().is_none() {
            let (format, name) = (c"%s".as_char_ptr(), c"bpf_preload".as_char_ptr());
            // SAFETY: Both are strings, and the format takes one string.
            unsafe { bindings::__request_module(true, format, name) };
            // Whether the module could be loaded shows now.
            Self::operations()?;
        }
        Self::get()
    }

    /// The operations of the module, if it is loaded.
    #[inline]
    fn operations() -> Option<NonNull<bindings::bpf_preload_ops>> {
        // SAFETY: The static is always valid. The module sets it as it comes and clears it as it
        // goes, both by writing the whole word.
        NonNull::new(unsafe { atomic_load(&raw mut bindings::bpf_preload_ops, Relaxed) })
    }

    /// The module if it is loaded and not about to go.
    fn get() -> Option<Self> {
        let _guard = rcu::Guard::new();
        let ops = Self::operations()?;
        // SAFETY: The operations and their module are valid for as long as there is the guard: a
        // module that goes clears the pointer first, and its memory is freed only after a grace
        // period, which the guard keeps from ending. A module that goes refuses the reference.
        let got = unsafe { bindings::try_module_get((*ops.as_ptr()).owner) };
        // INVARIANT: That was the reference. There is no value without: its drop would put one.
        got.then(|| Self(ops))
    }

    /// Has the module fill in its links. They are the module's, and there for as long as that is.
    ///
    /// C serialises this by a lock of its own, which guards nothing else: the module only reads.
    fn preload(
        &self,
        links: &mut [bindings::bpf_preload_info; bindings::BPF_PRELOAD_LINKS as usize],
    ) -> Result {
        // SAFETY:
        // - The operations are the module's, which stays for as long as there is `self`, by the type
        //   invariant.
        // - The operation fills in `BPF_PRELOAD_LINKS` elements, which is the length of the array.
        to_result(unsafe {
            match self.0.as_ref().preload {
                Some(preload) => preload(links.as_mut_ptr()),
                None => ENOENT.to_errno(),
            }
        })
    }
}

#[cfg(bpf_preload_header)]
impl Drop for PreloadModule {
    fn drop(&mut self) {
        // SAFETY: The reference to the module is ours by the type invariant. The operations, which
        // are the module's, are read before the reference is gone.
        unsafe { bindings::module_put((*self.0.as_ptr()).owner) }
    }
}
