// SPDX-License-Identifier: GPL-2.0

//! Directory entries that an operation creates, removes or renames.
//!
//! Each type stands for one entry in the middle of one operation, with the directory locked for it.
//! What ends the operation takes the value and returns the proof that it was done. The operation
//! has to return that proof for its success. An operation must not fail after it was done: the VFS
//! would not know that it was.
//!
//! C header: [`include/linux/dcache.h`](srctree/include/linux/dcache.h)

use crate::{
    bindings,
    directory::DirectoryOps,
    file::FileOps,
    inode::{CompleteINode, NewINode},
    symlink,
    to_result,
    FileSystem,
    INode,
    Mode, //
};
use core::{marker::PhantomData, ptr, slice};
use kernel::{prelude::*, types::Opaque};

/// No other lifetime will do for a value that has it: neither a longer nor a shorter one. So a
/// proof of that lifetime is about the very value that it was made from.
type Brand<'a> = PhantomData<fn(&'a ()) -> &'a ()>;

/// # Safety
///
/// `dentry` must point to a live dentry.
unsafe fn qstr(dentry: *mut bindings::dentry) -> *const bindings::qstr {
    // SAFETY: Only makes a pointer to a field of a dentry that is live by this function's contract.
    unsafe { &raw const (*dentry).__bindgen_anon_1.__d_name }
}

/// The name of a dentry, without its NUL.
///
/// # Safety
///
/// `dentry` must point to a dentry that is live, and whose name does not change, for `'a`.
pub(crate) unsafe fn name<'a>(dentry: *mut bindings::dentry) -> &'a [u8] {
    // SAFETY: A dentry has a name of that length, which stays by this function's contract.
    unsafe {
        let name = *qstr(dentry);
        slice::from_raw_parts(
            name.name,
            name.__bindgen_anon_1.__bindgen_anon_1.len as usize,
        )
    }
}

/// A dentry in the middle of an operation on its directory.
///
/// # Invariants
///
/// - Alive for `'a`.
/// - Its parent is a directory of `T` that stays locked for `'a`, at least for reading, so that
///   parent, name and inode do not change but by the operation.
/// - Its inode, if it has one, is one of `T` with data.
pub(crate) struct Dentry<'a, T: FileSystem>(&'a Opaque<bindings::dentry>, PhantomData<fn(T)>);

impl<'a, T: FileSystem> Dentry<'a, T> {
    /// # Safety
    ///
    /// `dentry` must be as the type invariants say.
    pub(crate) unsafe fn from_raw(dentry: *mut bindings::dentry) -> Self {
        // INVARIANT: The dentry is as the invariant says by this function's contract.
        // SAFETY: The dentry is alive for `'a`; the layouts are the same.
        Self(unsafe { &*dentry.cast() }, PhantomData)
    }

    fn as_ptr(&self) -> *mut bindings::dentry {
        self.0.get()
    }

    /// The directory that the dentry is in.
    pub(crate) fn dir(&self) -> &'a INode<T> {
        // SAFETY: The dentry holds its parent, which by the type invariant is a directory of `T` and
        // stays the parent.
        unsafe { INode::from_raw((*(*self.as_ptr()).d_parent).d_inode) }
    }

    /// The inode, if there is one.
    fn inode(&self) -> Option<&'a INode<T>> {
        // SAFETY: The dentry holds its inode, which is one of `T` with data by the type invariant.
        unsafe {
            let inode = (*self.as_ptr()).d_inode;
            (!inode.is_null()).then(|| INode::from_raw(inode))
        }
    }

    pub(crate) fn qstr(&self) -> *const bindings::qstr {
        // SAFETY: The dentry is live by the type invariant.
        unsafe { qstr(self.as_ptr()) }
    }

    /// The name, without its NUL.
    pub(crate) fn name(&self) -> &'a [u8] {
        // SAFETY: The dentry is live, and its name does not change, by the type invariant.
        unsafe { name(self.as_ptr()) }
    }

    /// Fails with `EPERM` for a dentry that does not stand in its directory until somebody removes
    /// it: one that was made by looking it up. libfs can neither remove nor replace such a name.
    fn check_persistent(&self) -> Result {
        // SAFETY: The dentry is alive. The bit changes only with the parent locked.
        let flags = unsafe { (*self.as_ptr()).d_flags };
        if flags & bindings::DCACHE_PERSISTENT == 0 {
            return Err(EPERM);
        }
        Ok(())
    }
}

/// A name in a directory of `T` that is about to be created.
///
/// Consumed by giving it an inode, so that it gets one at most.
///
/// # Invariants
///
/// The dentry is negative, and its parent locked for writing for `'a`.
pub struct NewDentry<'a, T: FileSystem> {
    dentry: Dentry<'a, T>,
    _brand: Brand<'a>,
}

impl<'a, T: FileSystem> NewDentry<'a, T> {
    /// # Safety
    ///
    /// `dentry` must be as the invariants of `Dentry` and this type say.
    pub(crate) unsafe fn from_raw(dentry: *mut bindings::dentry) -> Self {
        // INVARIANT: The dentry is as the invariant says by this function's contract.
        Self {
            // SAFETY: The dentry is as the type wants it by this function's contract.
            dentry: unsafe { Dentry::from_raw(dentry) },
            _brand: PhantomData,
        }
    }

    /// The directory that the name is in.
    pub fn dir(&self) -> &INode<T> {
        self.dentry.dir()
    }

    /// The name.
    pub fn name(&self) -> &[u8] {
        self.dentry.name()
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
        let inode = NewINode::for_dentry(&self.dentry, bindings::S_IFDIR, mode)?;
        let inode = inode.into_directory(data, operations)?;
        Ok(self.instantiate(inode, true))
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
        let inode = NewINode::for_dentry(&self.dentry, bindings::S_IFLNK, Mode::RWX_ALL)?;
        let inode = inode.into_symlink(data, target)?;
        Ok(self.instantiate(inode, false))
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
        self.file_from(mode, &mut Some(data), operations, &mut None)
    }

    /// Does what [`file`](Self::file) does. So that the data is not dropped with the directory locked, takes
    /// `data` only when nothing but [`FileSystem::new_file`] can fail; what that refuses is `refused`.
    pub(crate) fn file_from<E>(
        self,
        mode: Mode,
        data: &mut Option<impl PinInit<T::INodeData, E>>,
        operations: impl for<'d> FnOnce(&'d T::INodeData) -> FileOps<'d, T>,
        refused: &mut Option<CompleteINode<T>>,
    ) -> Result<Instantiated<'a>>
    where
        Error: From<E>,
    {
        let inode = NewINode::for_dentry(&self.dentry, bindings::S_IFREG, mode)?;
        let inode = inode.into_file(data.take().ok_or(EINVAL)?, operations)?;
        if T::HAS_NEW_FILE {
            if let Err(error) = T::new_file(inode.as_inode()) {
                *refused = Some(inode);
                return Err(error);
            }
        }
        Ok(self.instantiate(inode, false))
    }

    /// Makes the name another one of `from`, which must not be a directory: `simple_link()`.
    ///
    /// # Errors
    ///
    /// `EXDEV` if the file is of another superblock, `EPERM` if it is a directory, `ENOSPC` if the
    /// superblock's limit of inodes is reached.
    pub fn link(self, from: &LinkSource<'_, T>) -> Result<Instantiated<'a>> {
        let dir = self.dir();
        if !ptr::eq(dir.super_block(), from.inode.super_block()) {
            return Err(EXDEV);
        }
        if from.inode.is_directory() {
            return Err(EPERM);
        }
        let limit = dir.super_block().inode_count();
        limit.charge()?;
        // SAFETY:
        // - The dentry is negative and its directory locked for writing by the type invariant.
        // - The other one is positive, and its inode locked, by its own. It is of the same
        //   superblock and no directory, as just seen.
        to_result(unsafe {
            bindings::simple_link(from.dentry.get(), dir.as_ptr(), self.dentry.as_ptr())
        })
        .inspect_err(|_| limit.uncharge())?;
        // INVARIANT: The dentry has an inode now.
        Ok(Instantiated(PhantomData))
    }

    /// Makes the name stand for `inode`, for as long as nobody removes it. The directory's times
    /// and, for a subdirectory, its link count follow.
    ///
    /// `inode` must have been made for this very dentry.
    fn instantiate(self, inode: CompleteINode<T>, is_directory: bool) -> Instantiated<'a> {
        let dir = self.dir().as_ptr();
        // SAFETY:
        // - The dentry is negative and its directory locked for writing by the type invariant.
        // - The inode is of the same superblock, as the callers, right above, see to.
        // - `d_make_persistent()` takes over the reference to the inode.
        unsafe {
            if is_directory {
                bindings::inc_nlink(dir);
            }
            bindings::d_make_persistent(self.dentry.as_ptr(), inode.into_raw());
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
/// A positive dentry, alive for `'a`, of that inode, which is locked for writing.
pub struct LinkSource<'a, T: FileSystem> {
    dentry: &'a Opaque<bindings::dentry>,
    inode: &'a INode<T>,
}

impl<'a, T: FileSystem> LinkSource<'a, T> {
    /// # Safety
    ///
    /// `dentry` must point to a positive dentry, alive for `'a`, of an inode of `T` with data that
    /// is locked for writing.
    pub(crate) unsafe fn from_raw(dentry: *mut bindings::dentry) -> Self {
        // INVARIANT: Dentry and inode are as the invariant says by this function's contract.
        // SAFETY: The dentry is alive for `'a` and holds its inode; the layouts are the same.
        unsafe {
            Self {
                dentry: &*dentry.cast(),
                inode: INode::from_raw((*dentry).d_inode),
            }
        }
    }

    /// The file.
    pub fn inode(&self) -> &INode<T> {
        self.inode
    }
}

/// An entry of a directory of `T` that is about to be removed.
///
/// # Invariants
///
/// The dentry is positive, of that inode. Its parent and the inode are locked for writing for `'a`.
pub struct Entry<'a, T: FileSystem> {
    dentry: Dentry<'a, T>,
    inode: &'a INode<T>,
    _brand: Brand<'a>,
}

impl<'a, T: FileSystem> Entry<'a, T> {
    /// # Safety
    ///
    /// `dentry` must be as the invariants of `Dentry` and this type say.
    pub(crate) unsafe fn from_raw(dentry: *mut bindings::dentry) -> Result<Self> {
        // SAFETY: The dentry is as the type wants it by this function's contract.
        let dentry = unsafe { Dentry::from_raw(dentry) };
        // INVARIANT: The dentry is as the invariant says by this function's contract.
        Ok(Self {
            inode: dentry.inode().ok_or(ENOENT)?,
            dentry,
            _brand: PhantomData,
        })
    }

    /// The directory that the entry is in.
    pub fn dir(&self) -> &INode<T> {
        self.dentry.dir()
    }

    /// The entry's inode.
    pub fn inode(&self) -> &INode<T> {
        self.inode
    }

    /// The name.
    pub fn name(&self) -> &[u8] {
        self.dentry.name()
    }

    /// Removes the name of something that is no directory: `simple_unlink()`.
    ///
    /// # Errors
    ///
    /// `EISDIR`; `EPERM` for a name that was made by looking it up.
    pub fn unlink(self) -> Result<Removed<'a>> {
        if self.inode.is_directory() {
            return Err(EISDIR);
        }
        self.dentry.check_persistent()?;
        let charged = ChargedName::of(Some(self.inode));
        // SAFETY: The dentry is positive, and its parent and inode locked for writing, by the type
        // invariant. It is persistent, as just seen.
        to_result(unsafe { bindings::simple_unlink(self.dir().as_ptr(), self.dentry.as_ptr()) })?;
        charged.uncharge();
        self.inode.name_removed();
        // INVARIANT: The name is removed.
        Ok(Removed(PhantomData))
    }

    /// Removes a directory: `simple_rmdir()`.
    ///
    /// # Errors
    ///
    /// `ENOTDIR`; `ENOTEMPTY`; `EPERM` for a name that was made by looking it up.
    pub fn rmdir(self) -> Result<Removed<'a>> {
        if !self.inode.is_directory() {
            return Err(ENOTDIR);
        }
        self.dentry.check_persistent()?;
        // SAFETY: The dentry is positive, and its parent and inode locked for writing, by the type
        // invariant. It is persistent, as just seen.
        to_result(unsafe { bindings::simple_rmdir(self.dir().as_ptr(), self.dentry.as_ptr()) })?;
        // INVARIANT: The name is removed.
        Ok(Removed(PhantomData))
    }
}

/// A name that is about to be removed and counts as an inode of its own: one beyond the first of its
/// inode.
struct ChargedName<'a, T: FileSystem>(Option<&'a INode<T>>);

impl<'a, T: FileSystem> ChargedName<'a, T> {
    /// Whether the name of `inode`, which is locked for writing, is one.
    fn of(inode: Option<&'a INode<T>>) -> Self {
        Self(inode.filter(|inode| !inode.is_directory() && inode.links() > 1))
    }

    /// The name is removed. The caller still holds the inode by its other names.
    fn uncharge(self) {
        if let Some(inode) = self.0 {
            inode.super_block().inode_count().uncharge();
        }
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
/// - `old` is positive, of that inode, and `flags` are those of `renameat2(2)`.
/// - Both parents are locked for writing for `'a`.
pub struct Renaming<'a, T: FileSystem> {
    old: Dentry<'a, T>,
    inode: &'a INode<T>,
    new: Dentry<'a, T>,
    flags: c_uint,
    _brand: Brand<'a>,
}

impl<'a, T: FileSystem> Renaming<'a, T> {
    /// # Safety
    ///
    /// Both dentries and the flags must be as the invariants of `Dentry` and this type say.
    pub(crate) unsafe fn from_raw(
        old: *mut bindings::dentry,
        new: *mut bindings::dentry,
        flags: c_uint,
    ) -> Result<Self> {
        // SAFETY: The dentries are as the type wants them by this function's contract.
        let (old, new) = unsafe { (Dentry::from_raw(old), Dentry::from_raw(new)) };
        // INVARIANT: The dentries are as the invariant says by this function's contract.
        Ok(Self {
            inode: old.inode().ok_or(ENOENT)?,
            old,
            new,
            flags,
            _brand: PhantomData,
        })
    }

    /// The directory that the entry leaves.
    pub fn old_dir(&self) -> &INode<T> {
        self.old.dir()
    }

    /// The directory that the entry comes to, which may be the same.
    pub fn new_dir(&self) -> &INode<T> {
        self.new.dir()
    }

    /// What is renamed.
    pub fn inode(&self) -> &INode<T> {
        self.inode
    }

    /// What is replaced, or exchanged with the other.
    pub fn replaced(&self) -> Option<&INode<T>> {
        self.new.inode()
    }

    /// The new name.
    pub fn new_name(&self) -> &[u8] {
        self.new.name()
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
    /// for a name that was made by looking it up, and if the new directory does not let its entries
    /// be renamed.
    pub fn rename(self) -> Result<Renamed<'a>> {
        if !self.new_dir().is_renaming_allowed() {
            return Err(EPERM);
        }
        self.old.check_persistent()?;
        if self.replaced().is_some() {
            self.new.check_persistent()?;
        }
        let replaced = self.new.inode().filter(|_| !self.is_exchange());
        let charged = ChargedName::of(replaced);
        // SAFETY: All is as the operation wants it by the type invariant; the dentries are
        // persistent, as just seen.
        to_result(unsafe {
            bindings::simple_rename(
                &raw mut bindings::nop_mnt_idmap,
                self.old_dir().as_ptr(),
                self.old.as_ptr(),
                self.new_dir().as_ptr(),
                self.new.as_ptr(),
                self.flags,
            )
        })?;
        charged.uncharge();
        if let Some(replaced) = replaced {
            replaced.name_removed();
        }
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
