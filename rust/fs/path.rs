// SPDX-License-Identifier: GPL-2.0

//! Paths, existing and about to be created.
//!
//! Paths are looked up for the current task. A task that exits has no root and no working directory
//! any more; for such a task, functions that do not ask for a [`TaskFiles`] answer `ESRCH`.
//!
//! C header: [`include/linux/namei.h`](srctree/include/linux/namei.h)

use crate::{
    bindings, dentry,
    task::{self, TaskFiles},
    AccessMask, AnyINode, FileOps, FileSystem, INode, Instantiated, Mode, NewDentry,
};
use core::marker::PhantomData;
use kernel::{
    error::{from_err_ptr, from_result, to_result},
    prelude::*,
    uaccess::UserPtr,
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

    /// Updates the time of last access, as far as the mount says so.
    #[inline]
    pub fn touch_atime(&self) {
        // SAFETY: The path is valid by the type invariant.
        unsafe { bindings::touch_atime(&self.0) }
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
    /// `EEXIST`, `EROFS`, and those of [`Path::from_user`]. Stands for C's
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
        Ok(Self { parent, dentry })
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

    /// Creates a regular file of file system `T`, after the VFS has checked the current task's
    /// permissions; tells those who watch the directory. May sleep.
    ///
    /// The directory's own operations are not asked. If creating the file fails, `data` is dropped
    /// after the parent is unlocked: it may take other locks along.
    ///
    /// # Errors
    ///
    /// `EXDEV` if the parent is not of `T`; `EACCES`, `EPERM` …; `ENOSPC` without memory; what
    /// `data` answers. Stands for C's `vfs_mkobj()`.
    pub fn file<T: FileSystem, E>(
        self,
        mode: Mode,
        data: impl PinInit<T::INodeData, E>,
        operations: impl for<'d> FnOnce(&'d T::INodeData) -> FileOps<'d, T>,
    ) -> Result
    where
        Error: From<E>,
    {
        let mut making = Making {
            data: Some(data),
            operations: Some(operations),
            _type: PhantomData,
        };
        // What is declared last is dropped first: the lock goes before the data.
        let this = self;
        this.make_file(mode, &mut making)
    }

    fn make_file<T: FileSystem, I, O, E>(
        &self,
        mode: Mode,
        making: &mut Making<T, I, O, E>,
    ) -> Result
    where
        I: PinInit<T::INodeData, E>,
        O: for<'d> FnOnce(&'d T::INodeData) -> FileOps<'d, T>,
        Error: From<E>,
    {
        if INode::<T>::try_from_any(self.parent()).is_none() {
            return Err(EXDEV);
        }
        // SAFETY:
        // - The dentry is as `vfs_mkobj()` wants it by the type invariant.
        // - `make()` is given what it asks for: `making` outlives the call, and the dentry is one
        //   in a directory of `T`, as just seen.
        to_result(unsafe {
            bindings::vfs_mkobj(
                self.dentry,
                mode.with_type(bindings::S_IFREG),
                Some(Making::<T, I, O, E>::make),
                (&raw mut *making).cast(),
            )
        })
    }
}

impl Drop for CreatingPath {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: What the call undoes is ours by the type invariant.
        unsafe { bindings::end_creating_path(&self.parent, self.dentry) }
    }
}

/// What a file is to be made of.
struct Making<T, I, O, E> {
    data: Option<I>,
    operations: Option<O>,
    _type: PhantomData<fn(T) -> E>,
}

impl<T, I, O, E> Making<T, I, O, E>
where
    T: FileSystem,
    I: PinInit<T::INodeData, E>,
    O: for<'d> FnOnce(&'d T::INodeData) -> FileOps<'d, T>,
    Error: From<E>,
{
    /// # Safety
    ///
    /// The caller must do as `vfs_mkobj()` does: pass a negative dentry whose parent is locked for
    /// writing, and `arg` as it was given. The latter must point to such a value, and the parent be
    /// a directory of `T`.
    unsafe extern "C" fn make(
        dentry: *mut bindings::dentry,
        mode: bindings::umode_t,
        arg: *mut c_void,
    ) -> c_int {
        // SAFETY: Both are as the types want them by this function's contract.
        let (this, dentry) =
            unsafe { (&mut *arg.cast::<Self>(), NewDentry::<T>::from_raw(dentry)) };
        from_result(|| {
            let operations = this.operations.take().ok_or(EINVAL)?;
            let Instantiated { .. } =
                dentry.file_from(Mode::from_raw(mode), &mut this.data, operations)?;
            Ok(0)
        })
    }
}
