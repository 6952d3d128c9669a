// SPDX-License-Identifier: GPL-2.0

//! Directory entries that an operation creates, removes or renames.
//!
//! Each type stands for one entry in the middle of one operation, with the directory locked for it.
//! What ends the operation takes the value and returns the proof that it was done. The operation
//! has to return that proof for its success.
//!
//! C header: [`include/linux/dcache.h`](srctree/include/linux/dcache.h)

use crate::{
    bindings,
    directory::DirectoryOps,
    file::FileOps,
    inode::{CompleteINode, NewINode},
    symlink,
    FileSystem,
    INode,
    Mode, //
};
use core::{marker::PhantomData, slice};
use kernel::{error::to_result, prelude::*, types::Opaque};

/// The name of a dentry, without its NUL.
///
/// # Safety
///
/// `dentry` must point to a dentry that lives for `'a`, and whose name does not change for as long:
/// its parent is locked, or it is just being looked up for the first time.
pub(crate) unsafe fn name<'a>(dentry: *const bindings::dentry) -> &'a [u8] {
    // SAFETY:
    // - A dentry has a name of that length, which is stable by this function's contract.
    // - Other fields may change meanwhile, so there is no reference to the whole.
    unsafe {
        let name = (*dentry).__bindgen_anon_1.__d_name;
        slice::from_raw_parts(
            name.name,
            name.__bindgen_anon_1.__bindgen_anon_1.len as usize,
        )
    }
}

/// No other lifetime will do for a value that has it: neither a longer nor a shorter one. So a
/// proof of that lifetime is about the very value that it was made from.
type Brand<'a> = PhantomData<fn(&'a ()) -> &'a ()>;

/// A name in a directory of `T` that is about to be created.
///
/// Consumed by giving it an inode, so that it gets one at most.
///
/// # Invariants
///
/// A negative dentry, alive for `'a`, whose parent is a directory of `T` that stays locked for
/// writing for `'a`.
pub struct NewDentry<'a, T: FileSystem> {
    dentry: &'a Opaque<bindings::dentry>,
    _brand: Brand<'a>,
    _file_system: PhantomData<fn(T)>,
}

impl<'a, T: FileSystem> NewDentry<'a, T> {
    /// # Safety
    ///
    /// `dentry` must be as the type invariants say.
    pub(crate) unsafe fn from_raw(dentry: *mut bindings::dentry) -> Self {
        // INVARIANT: The dentry is as the invariant says by this function's contract.
        Self {
            // SAFETY: The dentry is alive for `'a`; the layouts are the same.
            dentry: unsafe { &*dentry.cast() },
            _brand: PhantomData,
            _file_system: PhantomData,
        }
    }

    /// The directory that the name is in.
    pub fn dir(&self) -> &INode<T> {
        // SAFETY: The parent is a directory of `T` by the type invariant. As it is locked, it stays
        // the parent, and the dentry holds it.
        unsafe { INode::from_raw((*(*self.dentry.get()).d_parent).d_inode) }
    }

    /// The name.
    pub fn name(&self) -> &[u8] {
        // SAFETY: The dentry is alive and its parent locked by the type invariant.
        unsafe { name(self.dentry.get()) }
    }

    pub(crate) fn qstr(&self) -> *const bindings::qstr {
        // SAFETY: Only makes a pointer to a field of a live dentry.
        unsafe { &raw const (*self.dentry.get()).__bindgen_anon_1.__d_name }
    }

    /// Makes the name that of a new, empty directory. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOSPC` without memory; what an LSM or `data` answers.
    pub fn directory<E>(
        self,
        mode: Mode,
        data: impl PinInit<T::INodeData, E>,
        operations: DirectoryOps<T>,
    ) -> Result<Instantiated<'a>>
    where
        Error: From<E>,
    {
        let inode = NewINode::for_dentry(&self, bindings::S_IFDIR, mode)?;
        let inode = inode.into_directory(data, operations)?;
        Ok(self.instantiate(inode))
    }

    /// Makes the name that of a new symlink to `target`. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM` and `ENOSPC` without memory; what an LSM or `data` answers.
    pub fn symlink<E>(
        self,
        target: &CStr,
        data: impl PinInit<T::INodeData, E>,
    ) -> Result<Instantiated<'a>>
    where
        Error: From<E>,
    {
        let target = symlink::Target::new(target)?;
        let inode = NewINode::for_dentry(&self, bindings::S_IFLNK, Mode::RWX_ALL)?;
        let inode = inode.into_symlink(data, target)?;
        Ok(self.instantiate(inode))
    }

    /// Makes the name that of a new regular file. `operations` says what can be done with a file
    /// that has this data. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOSPC` without memory; what an LSM or `data` answers.
    pub fn file<E>(
        self,
        mode: Mode,
        data: impl PinInit<T::INodeData, E>,
        operations: impl for<'d> FnOnce(&'d T::INodeData) -> FileOps<'d, T>,
    ) -> Result<Instantiated<'a>>
    where
        Error: From<E>,
    {
        self.file_from(mode, &mut Some(data), operations)
    }

    /// Does what [`file`](Self::file) does. Takes `data` only when nothing else can fail, so that
    /// it is not dropped with the directory locked.
    pub(crate) fn file_from<E>(
        self,
        mode: Mode,
        data: &mut Option<impl PinInit<T::INodeData, E>>,
        operations: impl for<'d> FnOnce(&'d T::INodeData) -> FileOps<'d, T>,
    ) -> Result<Instantiated<'a>>
    where
        Error: From<E>,
    {
        let inode = NewINode::for_dentry(&self, bindings::S_IFREG, mode)?;
        let inode = inode.into_file(data.take().ok_or(EINVAL)?, operations)?;
        Ok(self.instantiate(inode))
    }

    /// Makes the name another one of `inode`, which must not be a directory: `simple_link()`.
    ///
    /// # Errors
    ///
    /// `EXDEV` if the inode is of another superblock, `EPERM` if it is a directory.
    pub fn link(self, from: &LinkSource<'_, T>) -> Result<Instantiated<'a>> {
        let dir = self.dir();
        // SAFETY: Both inodes are live, and neither their superblocks nor their types change.
        unsafe {
            if (*dir.as_ptr()).i_sb != (*from.inode().as_ptr()).i_sb {
                return Err(EXDEV);
            }
            if u32::from((*from.inode().as_ptr()).i_mode) & bindings::S_IFMT == bindings::S_IFDIR {
                return Err(EPERM);
            }
        }
        // SAFETY:
        // - The dentry is negative and its directory locked for writing by its type invariant.
        // - The other one is positive, of the same superblock, and its inode locked by its own.
        to_result(unsafe {
            bindings::simple_link(from.dentry.get(), dir.as_ptr(), self.dentry.get())
        })?;
        // INVARIANT: The dentry has an inode now.
        Ok(Instantiated(PhantomData))
    }

    /// Makes the name stand for `inode`, for as long as nobody removes it. The directory's times
    /// and, for a subdirectory, its link count follow.
    ///
    /// `inode` must have been made for this very dentry.
    fn instantiate(self, inode: CompleteINode<T>) -> Instantiated<'a> {
        let dir = self.dir().as_ptr();
        let is_directory = inode.is_directory();
        // SAFETY:
        // - The dentry is negative and its directory locked for writing by its type invariant.
        // - The inode is of the same superblock, as the callers, right above, see to.
        // - `d_make_persistent()` takes over the reference to the inode.
        unsafe {
            if is_directory {
                bindings::inc_nlink(dir);
            }
            bindings::d_make_persistent(self.dentry.get(), inode.into_raw());
            bindings::inode_set_mtime_to_ts(dir, bindings::inode_set_ctime_current(dir));
        }
        // INVARIANT: The dentry has an inode now.
        Instantiated(PhantomData)
    }
}

/// That a name has got its inode: what an operation that creates one has to show for its success.
///
/// # Invariants
///
/// The dentry of the `NewDentry<'a, _>` has an inode.
#[must_use]
pub struct Instantiated<'a>(Brand<'a>);

/// The file that `link(2)` gives another name to.
///
/// # Invariants
///
/// A positive dentry of `T`, alive for `'a`, whose inode is locked for writing.
pub struct LinkSource<'a, T: FileSystem> {
    dentry: &'a Opaque<bindings::dentry>,
    _file_system: PhantomData<fn(T)>,
}

impl<T: FileSystem> LinkSource<'_, T> {
    /// # Safety
    ///
    /// `dentry` must be as the type invariants say.
    pub(crate) unsafe fn from_raw(dentry: *mut bindings::dentry) -> Self {
        // INVARIANT: The dentry is as the invariant says by this function's contract.
        Self {
            // SAFETY: The dentry is alive for `'a`; the layouts are the same.
            dentry: unsafe { &*dentry.cast() },
            _file_system: PhantomData,
        }
    }

    /// The file.
    pub fn inode(&self) -> &INode<T> {
        // SAFETY: The dentry is positive and of `T` by the type invariant, and holds its inode.
        unsafe { INode::from_raw((*self.dentry.get()).d_inode) }
    }
}

/// An entry of a directory of `T` that is about to be removed.
///
/// # Invariants
///
/// A positive dentry, alive for `'a`, whose parent is a directory of `T`. Parent and inode stay
/// locked for writing for `'a`.
pub struct Entry<'a, T: FileSystem> {
    dentry: &'a Opaque<bindings::dentry>,
    _brand: Brand<'a>,
    _file_system: PhantomData<fn(T)>,
}

impl<'a, T: FileSystem> Entry<'a, T> {
    /// # Safety
    ///
    /// `dentry` must be as the type invariants say.
    pub(crate) unsafe fn from_raw(dentry: *mut bindings::dentry) -> Self {
        // INVARIANT: The dentry is as the invariant says by this function's contract.
        Self {
            // SAFETY: The dentry is alive for `'a`; the layouts are the same.
            dentry: unsafe { &*dentry.cast() },
            _brand: PhantomData,
            _file_system: PhantomData,
        }
    }

    /// The directory that the entry is in.
    pub fn dir(&self) -> &INode<T> {
        // SAFETY: The parent is a directory of `T` by the type invariant. As it is locked, it stays
        // the parent, and the dentry holds it.
        unsafe { INode::from_raw((*(*self.dentry.get()).d_parent).d_inode) }
    }

    /// The entry's inode.
    pub fn inode(&self) -> &INode<T> {
        // SAFETY: The dentry is positive by the type invariant, and holds its inode.
        unsafe { INode::from_raw((*self.dentry.get()).d_inode) }
    }

    /// The name.
    pub fn name(&self) -> &[u8] {
        // SAFETY: The dentry is alive and its parent locked by the type invariant.
        unsafe { name(self.dentry.get()) }
    }

    /// Removes the name of something that is no directory: `simple_unlink()`.
    ///
    /// # Errors
    ///
    /// `EPERM` for a name that was made by looking it up.
    pub fn unlink(self) -> Result<Removed<'a>> {
        // SAFETY: The dentry is alive by the type invariant.
        unsafe { check_persistent(self.dentry.get())? };
        // SAFETY: The dentry is positive, and its parent and inode locked for writing, by the type
        // invariant. It is persistent, as just seen.
        to_result(unsafe { bindings::simple_unlink(self.dir().as_ptr(), self.dentry.get()) })?;
        // INVARIANT: The name is removed.
        Ok(Removed(PhantomData))
    }

    /// Removes a directory: `simple_rmdir()`.
    ///
    /// # Errors
    ///
    /// `ENOTEMPTY`; `EPERM` for a name that was made by looking it up.
    pub fn rmdir(self) -> Result<Removed<'a>> {
        // SAFETY: The dentry is alive by the type invariant.
        unsafe { check_persistent(self.dentry.get())? };
        // SAFETY: The dentry is positive, and its parent and inode locked for writing, by the type
        // invariant. It is persistent, as just seen.
        to_result(unsafe { bindings::simple_rmdir(self.dir().as_ptr(), self.dentry.get()) })?;
        // INVARIANT: The name is removed.
        Ok(Removed(PhantomData))
    }
}

/// That an entry was removed: what an operation that removes one has to show for its success.
///
/// # Invariants
///
/// The name of the `Entry<'a, _>` is removed.
#[must_use]
pub struct Removed<'a>(Brand<'a>);

/// A rename within a superblock of `T` that is about to be done.
///
/// # Invariants
///
/// - `old` is positive, both are alive for `'a`, and `flags` are those of `renameat2(2)`.
/// - Both parents are directories of `T`, and stay locked for writing for `'a`.
pub struct Renaming<'a, T: FileSystem> {
    old: &'a Opaque<bindings::dentry>,
    new: &'a Opaque<bindings::dentry>,
    flags: c_uint,
    _brand: Brand<'a>,
    _file_system: PhantomData<fn(T)>,
}

impl<'a, T: FileSystem> Renaming<'a, T> {
    /// # Safety
    ///
    /// The dentries must be as the type invariants say.
    pub(crate) unsafe fn from_raw(
        old: *mut bindings::dentry,
        new: *mut bindings::dentry,
        flags: c_uint,
    ) -> Self {
        // INVARIANT: The dentries are as the invariant says by this function's contract.
        // SAFETY: The dentries are alive for `'a`; the layouts are the same.
        unsafe {
            Self {
                old: &*old.cast(),
                new: &*new.cast(),
                flags,
                _brand: PhantomData,
                _file_system: PhantomData,
            }
        }
    }

    /// The directory that the entry leaves.
    pub fn old_dir(&self) -> &INode<T> {
        // SAFETY: The parent is a directory of `T` and locked by the type invariant.
        unsafe { INode::from_raw((*(*self.old.get()).d_parent).d_inode) }
    }

    /// The directory that the entry comes to, which may be the same.
    pub fn new_dir(&self) -> &INode<T> {
        // SAFETY: The parent is a directory of `T` and locked by the type invariant.
        unsafe { INode::from_raw((*(*self.new.get()).d_parent).d_inode) }
    }

    /// What is renamed.
    pub fn inode(&self) -> &INode<T> {
        // SAFETY: The dentry is positive by the type invariant, and holds its inode.
        unsafe { INode::from_raw((*self.old.get()).d_inode) }
    }

    /// What is replaced, or exchanged with the other.
    pub fn replaced(&self) -> Option<&INode<T>> {
        // SAFETY: The dentry is alive, and its parent locked, by the type invariant; it holds its
        // inode, if it has one.
        unsafe {
            let inode = (*self.new.get()).d_inode;
            (!inode.is_null()).then(|| INode::from_raw(inode))
        }
    }

    /// The new name.
    pub fn new_name(&self) -> &[u8] {
        // SAFETY: The dentry is alive and its parent locked by the type invariant.
        unsafe { name(self.new.get()) }
    }

    /// Whether the two names are exchanged (`RENAME_EXCHANGE`).
    pub fn is_exchange(&self) -> bool {
        self.flags & bindings::RENAME_EXCHANGE != 0
    }

    /// Renames: `simple_rename()`.
    ///
    /// # Errors
    ///
    /// `ENOTEMPTY`; `EINVAL` for flags other than `RENAME_NOREPLACE` and `RENAME_EXCHANGE`; `EPERM`
    /// for a name that was made by looking it up.
    pub fn rename(self) -> Result<Renamed<'a>> {
        // SAFETY: The dentries are alive by the type invariant.
        unsafe {
            check_persistent(self.old.get())?;
            if self.replaced().is_some() {
                check_persistent(self.new.get())?;
            }
        }
        // SAFETY: All is as the operation wants it by the type invariant; the dentries are
        // persistent, as just seen.
        to_result(unsafe {
            bindings::simple_rename(
                &raw mut bindings::nop_mnt_idmap,
                self.old_dir().as_ptr(),
                self.old.get(),
                self.new_dir().as_ptr(),
                self.new.get(),
                self.flags,
            )
        })?;
        // INVARIANT: It is done.
        Ok(Renamed(PhantomData))
    }
}

/// That a rename was done: what the operation has to show for its success.
///
/// # Invariants
///
/// The `Renaming<'a, _>` is done.
#[must_use]
pub struct Renamed<'a>(Brand<'a>);

/// Fails with `EPERM` for a dentry that does not stand in its directory until somebody removes it:
/// one that was made by looking it up. libfs can neither remove nor replace such a name.
///
/// # Safety
///
/// `dentry` must point to a dentry that is alive during the call.
unsafe fn check_persistent(dentry: *const bindings::dentry) -> Result {
    // SAFETY: The dentry is alive by this function's contract. The bit changes only with the parent
    // locked.
    let flags = unsafe { (*dentry).d_flags };
    if flags & bindings::DCACHE_PERSISTENT == 0 {
        return Err(EPERM);
    }
    Ok(())
}
