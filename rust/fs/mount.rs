// SPDX-License-Identifier: GPL-2.0

//! From a configured context to the superblock that it mounts, new or joined.
//!
//! C header: [`include/linux/fs_context.h`](srctree/include/linux/fs_context.h)

use crate::{
    bindings,
    instances::{
        Active,
        Added,
        Place, //
    },
    super_block,
    Context,
    FileSystem,
    FsContext,
    NewSuperBlock,
    Root,
    SbInfo,
    Sharing,
    SuperBlock, //
};
use core::{marker::PhantomData, mem::ManuallyDrop, ptr, ptr::NonNull};
use kernel::{error::from_err_ptr, prelude::*, types::ForeignOwnable};

/// Finds or makes the superblock that the context in `info` asks for, and makes it what `fc` mounts.
/// A superblock that is made keeps `info`.
pub(crate) fn get_tree<T: FileSystem>(fc: &FsContext<T>, mut info: Pin<KBox<SbInfo<T>>>) -> Result {
    let mut context = info.as_mut().take_context().ok_or(EINVAL)?;
    if T::Context::HAS_SUCCESSOR {
        if let Some(successor) = context.successor(fc)? {
            return successor.get_tree(fc);
        }
    }
    let sharing = if T::Context::HAS_SHARING {
        context.sharing(fc)?
    } else {
        Sharing::Independent
    };
    let place = match sharing {
        Sharing::Independent => None,
        Sharing::Single => Some(Place::SINGLE),
        Sharing::Keyed(key) => Some(Place::keyed(fc.user_ns(), key)),
    };
    let sb = match LockedSuperBlock::get(fc, place, info)? {
        Got::New(sb) => {
            sb.fill(fc, &mut context)?;
            sb
        }
        Got::Live(sb) => {
            if T::Context::HAS_JOIN {
                context.join(fc, sb.live())?;
            }
            sb
        }
    };
    sb.into_root_of(fc);
    Ok(())
}

/// A superblock that a context found or made, with its `s_umount` locked for writing.
///
/// # Invariants
///
/// Owns an active reference to a superblock of `T`, and the lock.
struct LockedSuperBlock<T: FileSystem>(NonNull<bindings::super_block>, PhantomData<T>);

/// What a context got.
enum Got<T: FileSystem> {
    /// A superblock that was just made and lacks data and root.
    New(LockedSuperBlock<T>),
    /// A superblock that existed already and is live.
    Live(LockedSuperBlock<T>),
}

impl<T: FileSystem> LockedSuperBlock<T> {
    /// The superblock in that place, or a new one if there is none or no place is given. Exactly
    /// one of several tasks that ask for a place at the same time gets a new superblock; the
    /// others wait until that is filled.
    ///
    /// # Errors
    ///
    /// `EBUSY` if there is a superblock already and the context insists on a new one, or is of
    /// another user namespace; `ENOMEM`; `EMFILE` when there are too many anonymous devices.
    fn get(fc: &FsContext<T>, place: Option<Place>, info: Pin<KBox<SbInfo<T>>>) -> Result<Got<T>> {
        let Some(place) = place else {
            return Self::make(fc, info).map(Got::New);
        };
        let mut info = Some(info);
        // SAFETY: The context is of the type of `T`, which it keeps from being disabled.
        let instances = unsafe { &T::file_system_type().common().ok_or(ENODEV)?.instances };
        let mut found = instances.find(&place);
        loop {
            if let Some(active) = found.take() {
                if let Some(sb) = Self::join(fc, active)? {
                    return Ok(Got::Live(sb));
                }
                // Whoever was to fill that superblock failed, and has taken it out of the index.
                found = instances.find(&place);
                continue;
            }
            // There is none left if another task was faster once.
            let info = info.take().map_or_else(|| SbInfo::new(None), Ok)?;
            let sb = Self::make(fc, info)?;
            // SAFETY: The superblock was made of the type of `T`. `super_block::kill()` takes it
            // out of the index.
            let added = unsafe {
                let entry = &SbInfo::<T>::of(sb.0.as_ptr()).entry;
                instances.add(&place, entry, sb.0)
            };
            match added {
                Added::Yes => return Ok(Got::New(sb)),
                // Another task was faster. Ours, which nobody has seen and which holds nothing
                // yet, goes before the other is locked.
                Added::Other(other) => found = Some(other),
            }
        }
    }

    /// Locks a superblock that exists, once it is filled. `None` if filling it failed.
    fn join(fc: &FsContext<T>, active: Active) -> Result<Option<Self>> {
        if fc.is_exclusive() {
            fc.warning(fmt!("reusing existing filesystem not allowed"));
            return Err(EBUSY);
        }
        // SAFETY:
        // - The reference keeps the superblock valid. The user namespace never changes.
        // - Whoever fills the superblock holds the lock until that is done. The VFS sets the flag
        //   before, if filling it succeeds.
        let is_born = unsafe {
            let sb = active.as_ptr();
            if !ptr::eq((*sb).s_user_ns, fc.user_ns()) {
                fc.warning(fmt!(
                    "reusing existing filesystem in another namespace not allowed"
                ));
                return Err(EBUSY);
            }
            bindings::down_write(&raw mut (*sb).s_umount);
            (*sb).s_flags & bindings::SB_BORN != 0
        };
        // INVARIANT: The reference is that of `active`; the lock was just taken.
        let this = Self(active.into_raw(), PhantomData);
        Ok(is_born.then_some(this))
    }

    /// A new superblock, without data and root.
    fn make(fc: &FsContext<T>, info: Pin<KBox<SbInfo<T>>>) -> Result<Self> {
        // SAFETY:
        // - The context is valid, and ours to use by its type invariant.
        // - `super_block::kill()` is in accord about what `s_fs_info` is.
        // - A superblock that was just made is nobody else's.
        let sb = unsafe {
            (*fc.as_ptr()).s_fs_info = info.into_foreign();
            let sb = bindings::sget_fc(fc.as_ptr(), None, Some(bindings::set_anon_super_fc));
            // The superblock has taken it, unless there is none.
            let left = core::mem::replace(&mut (*fc.as_ptr()).s_fs_info, ptr::null_mut());
            if !left.is_null() {
                drop(Pin::<KBox<SbInfo<T>>>::from_foreign(left));
            }
            let sb = NonNull::new(from_err_ptr(sb)?).ok_or(ENOMEM)?;
            super_block::init::<T>(sb.as_ptr());
            sb
        };
        // INVARIANT: `sget_fc()` gives an active reference, with the lock held.
        Ok(Self(sb, PhantomData))
    }

    /// Has the context fill a superblock that is new.
    fn fill(&self, fc: &FsContext<T>, context: &mut T::Context) -> Result {
        // SAFETY: The superblock is new, locked, and lacks data and root. There is no other value
        // for it, of whatever lifetime, as `Got::New` is given out once.
        let new = unsafe { NewSuperBlock::from_raw(self.0, fc) };
        let filled = context.fill(new);
        // SAFETY: The superblock is valid and locked, and keeps its type enabled.
        unsafe {
            match filled {
                // That there is a root shows in its type: there is no other of that very lifetime.
                Ok(Root { .. }) => (*self.0.as_ptr()).s_flags |= bindings::SB_ACTIVE,
                // Others may be waiting for the superblock, and keep it alive: they are not to find
                // it again.
                Err(_) => super_block::remove_from_index::<T>(self.0.as_ptr()),
            }
        }
        filled.map(|_| ())
    }

    /// The superblock, which must be live.
    fn live(&self) -> &SuperBlock<T> {
        // SAFETY: Callers have got the superblock from `Got::Live`. The lock keeps it from being
        // shut down.
        unsafe { SuperBlock::from_raw(self.0.as_ptr()) }
    }

    /// Makes the superblock what the context mounts, which takes over reference and lock.
    fn into_root_of(self, fc: &FsContext<T>) {
        let this = ManuallyDrop::new(self);
        // SAFETY:
        // - The superblock is valid, and has a root: it was live or has been filled.
        // - The context is valid and ours to use by its type invariant.
        unsafe { (*fc.as_ptr()).root = bindings::dget((*this.0.as_ptr()).s_root) };
    }
}

impl<T: FileSystem> Drop for LockedSuperBlock<T> {
    fn drop(&mut self) {
        // SAFETY: Reference and lock are ours by the type invariant.
        unsafe { bindings::deactivate_locked_super(self.0.as_ptr()) };
    }
}
