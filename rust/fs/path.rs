// SPDX-License-Identifier: GPL-2.0

//! Paths, existing and about to be created.
//!
//! Paths are looked up for the current task. A task that exits has no root and no working directory
//! any more; for such a task, functions that do not ask for a [`TaskFiles`] answer `ESRCH`.
//!
//! C header: [`include/linux/namei.h`](srctree/include/linux/namei.h)

use crate::{
    bindings, dentry, from_err_ptr,
    retired::stale,
    task::{self, TaskFiles},
    to_result, AccessMask, AnyINode, FileOps, FileSystem, INode, Instantiated, Mode, NewDentry,
};
use core::{marker::PhantomData, ops::Deref, ptr};
use kernel::{
    error::from_result,
    prelude::*,
    sync::atomic::{atomic_load, Relaxed},
    uaccess::UserPtr, //
};

/// A path as a system call is given it: a string in user memory, relative to a directory file
/// descriptor, for a system call of the current task. Nothing of it is checked before it is used.
#[derive(Clone, Copy)]
pub struct UserPath<'a> {
    dir_fd: c_int,
    path: UserPtr,
    files: TaskFiles<'a>,
}

impl<'a> UserPath<'a> {
    /// `path` is relative to `dir_fd`, which may be `AT_FDCWD`.
    #[inline]
    pub fn new(dir_fd: c_int, path: UserPtr, files: TaskFiles<'a>) -> Self {
        Self {
            dir_fd,
            path,
            files,
        }
    }

    /// That the task has its file descriptors.
    #[inline]
    pub fn files(self) -> TaskFiles<'a> {
        self.files
    }

    #[inline]
    fn as_ptr(self) -> *const c_char {
        self.path.as_const_ptr().cast()
    }
}

/// A path that exists.
///
/// # Invariants
///
/// Owns references to the mount and to the dentry, which is positive.
pub struct Path(bindings::path);

// SAFETY: References to a mount and a dentry belong to no task.
unsafe impl Send for Path {}

impl Path {
    /// Looks up `path`, following symlinks. May sleep.
    ///
    /// # Errors
    ///
    /// `EFAULT`, `ENOENT`, `ENOTDIR`, `EACCES`, `ELOOP`, `ENAMETOOLONG`, `EBADF` …, as
    /// `path_resolution(7)` has them. Stands for C's `user_path_at()`.
    #[inline]
    pub fn from_user(path: UserPath<'_>) -> Result<Self> {
        Self::look_up(|out| {
            // SAFETY: The function copes with any number and any pointer to user memory, given that
            // the task has files and a root, as there is a `TaskFiles`.
            unsafe {
                bindings::user_path_at(path.dir_fd, path.as_ptr(), bindings::LOOKUP_FOLLOW, out)
            }
        })
    }

    /// Looks up `path`, following symlinks; relative to the current task's working directory. May
    /// sleep.
    ///
    /// # Errors
    ///
    /// As `path_resolution(7)` has them. Stands for C's `kern_path()`.
    #[inline]
    pub fn from_kernel(path: &CStr) -> Result<Self> {
        task::has_files()?;
        Self::look_up(|out| {
            // SAFETY: `path` is a string, and the task has a root, as just seen.
            unsafe { bindings::kern_path(path.as_char_ptr(), bindings::LOOKUP_FOLLOW, out) }
        })
    }

    #[inline]
    fn look_up(f: impl FnOnce(*mut bindings::path) -> c_int) -> Result<Self> {
        let mut path = pin_init::zeroed();
        to_result(f(&mut path))?;
        // INVARIANT: A successful look-up gives both references, and leads to what exists.
        Ok(Self(path))
    }

    /// What `file` is opened on.
    ///
    /// # Safety
    ///
    /// `file` must point to an open file.
    pub(crate) unsafe fn of_file(file: *mut bindings::file) -> Self {
        // SAFETY: An open file holds its mount and its dentry, which is positive. The path of one never
        // changes.
        unsafe {
            let path = &raw const (*file).__bindgen_anon_1.f_path;
            bindings::path_get(path);
            // INVARIANT: The references were just taken.
            Self(*path)
        }
    }

    /// The inode.
    #[inline]
    pub fn inode(&self) -> &AnyINode {
        // SAFETY: The dentry is positive by the type invariant, and stays so while there is a
        // reference to it.
        unsafe { AnyINode::from_raw((*self.0.dentry).d_inode) }
    }

    /// Whether the current task has access to what the path leads to, as the mount maps ids. May
    /// sleep.
    ///
    /// # Errors
    ///
    /// `EACCES`, `EPERM`, `EROFS`, what an LSM answers. Stands for C's `path_permission()`.
    #[inline]
    pub fn permission(&self, mask: AccessMask) -> Result {
        // SAFETY: The path is valid by the type invariant.
        to_result(unsafe { bindings::path_permission(&self.0, mask.into_raw()) })
    }

    /// Whether nothing can be changed through the mount that the path leads through: the mount or
    /// the superblock is read-only. The answer may be out of date as it is given. Stands for C's
    /// `__mnt_is_readonly()`.
    #[inline]
    pub fn is_read_only(&self) -> bool {
        // SAFETY: The path holds its mount by the type invariant.
        unsafe { bindings::__mnt_is_readonly(self.0.mnt) }
    }

    /// Whether the path leads to a file system of `T`.
    pub fn is_on<T: FileSystem>(&self) -> bool {
        // SAFETY: The superblock is valid for as long as the path. Its type never changes.
        let fs_type = unsafe { (*self.super_block_ptr()).s_type };
        ptr::eq(fs_type, T::file_system_type().as_ptr())
    }

    /// C's dentry, valid for as long as `self`.
    #[inline]
    pub fn dentry_ptr(&self) -> *mut bindings::dentry {
        self.0.dentry
    }

    /// Whether the path's mount is the only thing that keeps the superblock: no other mount, context or
    /// freeze does. The answer may be out of date as it is given, unless that mount is the caller's own.
    pub(crate) fn is_last(&self) -> bool {
        // SAFETY: The path holds its superblock. Others change the counter by atomic operations.
        unsafe { atomic_load(&raw mut (*self.super_block_ptr()).s_active.counter, Relaxed) == 1 }
    }

    /// C's superblock, valid for as long as `self`.
    #[inline]
    pub fn super_block_ptr(&self) -> *mut bindings::super_block {
        // SAFETY: The dentry is held by the type invariant, and never changes its superblock.
        unsafe { (*self.0.dentry).d_sb }
    }

    /// Updates the time of last access, as far as the mount says so.
    #[inline]
    pub fn touch_atime(&self) {
        // SAFETY: The path is valid by the type invariant.
        unsafe { bindings::touch_atime(&self.0) }
    }
}

impl Clone for Path {
    fn clone(&self) -> Self {
        // SAFETY: The path is valid by the type invariant.
        unsafe { bindings::path_get(&self.0) };
        // INVARIANT: The references were just taken.
        Self(self.0)
    }
}

impl Drop for Path {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: The references are ours by the type invariant.
        unsafe { bindings::path_put(&self.0) }
    }
}

/// A path whose last component does not exist and is about to be created.
///
/// # Invariants
///
/// Owns write access to the mount, references to it and to the parent, the lock of the parent for
/// writing, and a reference to the negative dentry.
pub struct CreatingPath {
    parent: bindings::path,
    dentry: *mut bindings::dentry,
}

impl CreatingPath {
    /// Looks up all but the last component of `path`, and locks the parent for creating that. May
    /// sleep.
    ///
    /// # Errors
    ///
    /// `EEXIST`, `EROFS`, and those of [`Path::from_user`]; what [`is_stale`](crate::is_stale) tells, if
    /// another superblock has come in the place of the directory's. Stands for C's
    /// `start_creating_user_path()`.
    #[inline]
    pub fn from_user(path: UserPath<'_>) -> Result<Self> {
        let mut parent = pin_init::zeroed();
        // SAFETY: The function copes with any number and any pointer to user memory, given that the
        // task has files and a root, as there is a `TaskFiles`.
        let dentry = from_err_ptr(unsafe {
            bindings::start_creating_user_path(path.dir_fd, path.as_ptr(), &mut parent, 0)
        })?;
        // INVARIANT: A success gives all of these.
        let path = Self { parent, dentry };
        // What the VFS has of a directory's operations is not asked for what is made by `vfs_mkobj()`.
        if path.parent().is_retired() {
            return Err(stale());
        }
        Ok(path)
    }

    /// The directory that the path is to be created in.
    #[inline]
    pub fn parent(&self) -> &AnyINode {
        // SAFETY: The parent is held by the type invariant; that of a dentry being created is a
        // directory.
        unsafe { AnyINode::from_raw((*self.parent.dentry).d_inode) }
    }

    /// The name that is to be created.
    #[inline]
    pub fn name(&self) -> &[u8] {
        // SAFETY: The dentry is held, and its parent locked for writing, by the type invariant: the
        // name does not change.
        unsafe { dentry::name(self.dentry) }
    }

    /// The same, with its NUL.
    #[inline]
    pub fn c_name(&self) -> &CStr {
        // SAFETY: The name of a dentry is followed by a NUL and has none in it. It is valid, and does
        // not change, for as long as `self`.
        unsafe { CStr::from_char_ptr(self.name().as_ptr().cast()) }
    }

    /// C's dentry of the directory, valid for as long as `self`.
    #[inline]
    pub fn parent_dentry_ptr(&self) -> *mut bindings::dentry {
        self.parent.dentry
    }

    /// C's negative dentry, whose parent stays locked for as long as `self`.
    #[inline]
    pub fn dentry_ptr(&self) -> *mut bindings::dentry {
        self.dentry
    }

    /// Asks the LSMs that care about paths whether a regular file of that mode may be made.
    ///
    /// # Errors
    ///
    /// What an LSM answers. Stands for C's `security_path_mknod()`.
    #[inline]
    pub fn security_mknod(&self, mode: Mode) -> Result {
        let mode = mode.with_type(bindings::S_IFREG);
        // SAFETY: Path and dentry are valid by the type invariant.
        to_result(unsafe { bindings::security_path_mknod(&self.parent, self.dentry, mode, 0) })
    }

    /// The same, if the directory is one of file system `T`; else the path is given back.
    #[inline]
    pub fn within<T: FileSystem>(self) -> Result<CreatingIn<T>, Self> {
        match INode::<T>::try_from_any(self.parent()) {
            // INVARIANT: The directory is one of `T`, as just seen, and stays the same.
            Some(_) => Ok(CreatingIn(self, PhantomData)),
            None => Err(self),
        }
    }

    /// Has `make` create what the path is to lead to, after the VFS has checked the current task's
    /// permissions; tells those who watch the directory. May sleep. `make` is given the mode, runs with
    /// the directory locked, and is for file systems that are asked again for a name that they have
    /// made behind the VFS' back, such as kernfs.
    ///
    /// # Errors
    ///
    /// `EACCES`, `EPERM` …; what an LSM or `make` answers. Stands for C's `vfs_mkobj()`.
    pub fn make<R>(&self, mode: Mode, make: impl FnOnce(Mode) -> Result<R>) -> Result<R> {
        let mut made = None;
        self.make_with(mode, |_, mode| {
            made = Some(make(mode)?);
            Ok(())
        })?;
        made.ok_or(EINVAL)
    }

    /// Calls C's `vfs_mkobj()`, which calls `make` with the negative dentry and the mode.
    #[inline]
    fn make_with<F>(&self, mode: Mode, make: F) -> Result
    where
        F: FnOnce(*mut bindings::dentry, Mode) -> Result,
    {
        let mut make = Some(make);
        // SAFETY:
        // - The dentry is as `vfs_mkobj()` wants it by the type invariant.
        // - `call_maker()` is given what it asks for: `make` outlives the call.
        to_result(unsafe {
            bindings::vfs_mkobj(
                self.dentry,
                mode.with_type(bindings::S_IFREG),
                Some(call_maker::<F>),
                (&raw mut make).cast(),
            )
        })
    }
}

/// A [`CreatingPath`] in a directory of file system `T`.
///
/// # Invariants
///
/// The directory is one of `T`.
pub struct CreatingIn<T: FileSystem>(CreatingPath, PhantomData<T>);

impl<T: FileSystem> CreatingIn<T> {
    /// The directory that the path is to be created in.
    #[inline]
    pub fn dir(&self) -> &INode<T> {
        // SAFETY: The directory is one of `T` by the type invariant, and held by that of `CreatingPath`.
        unsafe { INode::from_raw(self.parent().as_ptr()) }
    }

    /// Creates a regular file, after the VFS has checked the current task's permissions; tells those
    /// who watch the directory. May sleep.
    ///
    /// The directory's own operations are not asked. If creating the file fails, `data` is dropped
    /// after the parent is unlocked: it may take other locks along.
    ///
    /// # Errors
    ///
    /// `EACCES`, `EPERM` …; `ENOSPC` without memory; what `data` answers. Stands for C's
    /// `vfs_mkobj()`.
    #[inline]
    pub fn file<E>(
        self,
        mode: Mode,
        data: impl PinInit<T::INodeData, E>,
        operations: impl for<'d> FnOnce(&'d T::INodeData) -> FileOps<'d, T>,
    ) -> Result
    where
        Error: From<E>,
    {
        let (mut data, mut refused) = (Some(data), None);
        // What is declared last is dropped first: the lock goes before the data.
        let this = self;
        let (data, refused) = (&mut data, &mut refused);
        this.make_with(mode, move |dentry, mode| {
            // SAFETY: The dentry is negative by the invariant of `CreatingPath`, in a directory of `T` by
            // that of the type, which is locked for writing.
            let dentry = unsafe { NewDentry::<T>::from_raw(dentry) };
            let Instantiated { .. } = dentry.file_from(mode, data, operations, refused)?;
            Ok(())
        })
    }
}

impl<T: FileSystem> Deref for CreatingIn<T> {
    type Target = CreatingPath;

    #[inline]
    fn deref(&self) -> &CreatingPath {
        &self.0
    }
}

/// # Safety
///
/// The caller must do as `vfs_mkobj()` does: pass `make` as it was given, which must point to an
/// `Option<F>` that is the caller's.
unsafe extern "C" fn call_maker<F>(
    dentry: *mut bindings::dentry,
    mode: bindings::umode_t,
    make: *mut c_void,
) -> c_int
where
    F: FnOnce(*mut bindings::dentry, Mode) -> Result,
{
    from_result(|| {
        // SAFETY: `make` is valid by this function's contract.
        let make = unsafe { (*make.cast::<Option<F>>()).take() };
        make.ok_or(EINVAL)?(dentry, Mode::from_raw(mode)).map(|()| 0)
    })
}

impl Drop for CreatingPath {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: What the call undoes is ours by the type invariant.
        unsafe { bindings::end_creating_path(&self.parent, self.dentry) }
    }
}
