// SPDX-License-Identifier: GPL-2.0

//! Paths, existing and about to be created.
//!
//! Looked up for the current task; not once it exits, when it has no root and no working directory
//! any more (`ESRCH`).
//!
//! C header: [`include/linux/namei.h`](srctree/include/linux/namei.h)

use super::{AccessMask, AnyINode, FileSystem, Instantiated, Mode, NewDentry};
use crate::{bindings, task};
use core::mem::MaybeUninit;
use kernel::{
    error::{from_err_ptr, from_result, to_result},
    prelude::*,
    uaccess::UserPtr,
};

/// A path as a system call is given it: a string in user memory, relative to a directory file
/// descriptor. Nothing of it is checked before it is used.
#[derive(Clone, Copy)]
pub struct UserPath {
    dir_fd: c_int,
    path: UserPtr,
}

impl UserPath {
    /// `path` is relative to `dir_fd`, which may be `AT_FDCWD`.
    pub fn new(dir_fd: c_int, path: UserPtr) -> Self {
        Self { dir_fd, path }
    }

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
    pub fn from_user(path: UserPath) -> Result<Self> {
        Self::look_up(|out| {
            // SAFETY: Copes with any number and any pointer to user memory, given that the task has
            // files and a root.
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
    pub fn from_kernel(path: &CStr) -> Result<Self> {
        Self::look_up(|out| {
            // SAFETY: `path` is a string, and the task has a root.
            unsafe { bindings::kern_path(path.as_char_ptr(), bindings::LOOKUP_FOLLOW, out) }
        })
    }

    fn look_up(f: impl FnOnce(*mut bindings::path) -> c_int) -> Result<Self> {
        task::has_fs()?;
        task::has_files()?;
        let mut path = MaybeUninit::uninit();
        to_result(f(path.as_mut_ptr()))?;
        // INVARIANT: What a successful look-up gives.
        // SAFETY: Which also initialises it.
        Ok(Self(unsafe { path.assume_init() }))
    }

    /// The inode.
    pub fn inode(&self) -> &AnyINode {
        // SAFETY: The dentry is positive, and stays so while there is a reference to it.
        unsafe { AnyINode::from_raw(bindings::d_backing_inode(self.0.dentry)) }
    }

    /// Whether the current task has access to what the path leads to, as the mount maps ids. May
    /// sleep.
    ///
    /// # Errors
    ///
    /// `EACCES`, `EPERM`, `EROFS`, what an LSM answers. Stands for C's `path_permission()`.
    pub fn permission(&self, mask: AccessMask) -> Result {
        // SAFETY: The path is valid by the type invariant.
        to_result(unsafe { bindings::path_permission(&self.0, mask.into_raw()) })
    }

    /// Updates the time of last access, as far as the mount says so.
    pub fn touch_atime(&self) {
        // SAFETY: The path is valid by the type invariant.
        unsafe { bindings::touch_atime(&self.0) }
    }
}

impl Drop for Path {
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
    pub fn from_user(path: UserPath) -> Result<Self> {
        task::has_fs()?;
        task::has_files()?;
        let mut parent = MaybeUninit::uninit();
        // SAFETY: Copes with any number and any pointer to user memory, given that the task has
        // files and a root.
        let dentry = from_err_ptr(unsafe {
            bindings::start_creating_user_path(path.dir_fd, path.as_ptr(), parent.as_mut_ptr(), 0)
        })?;
        // INVARIANT: What a success gives.
        Ok(Self {
            // SAFETY: Which also initialises it.
            parent: unsafe { parent.assume_init() },
            dentry,
        })
    }

    /// The directory that the path is to be created in.
    pub fn parent(&self) -> &AnyINode {
        // SAFETY: By the type invariant the parent is held; that of a dentry being created is a
        // directory.
        unsafe { AnyINode::from_raw((*self.parent.dentry).d_inode) }
    }

    /// Asks the LSMs that care about paths whether a regular file of that mode may be made.
    ///
    /// # Errors
    ///
    /// What an LSM answers. Stands for C's `security_path_mknod()`.
    pub fn security_mknod(&self, mode: Mode) -> Result {
        // SAFETY: Path and dentry are valid by the type invariant.
        to_result(unsafe {
            bindings::security_path_mknod(&self.parent, self.dentry, Self::regular(mode), 0)
        })
    }

    /// Creates a regular file of file system `T` through `make`, after the VFS has checked the
    /// current task's permissions; tells those who watch the directory. May sleep.
    ///
    /// # Errors
    ///
    /// `EXDEV` if the parent is not of `T`; `EACCES`, `EPERM` …; what `make` answers. Stands for
    /// C's `vfs_mkobj()`.
    pub fn mkobj<T: FileSystem, F>(self, mode: Mode, make: F) -> Result
    where
        F: FnOnce(NewDentry<'_, T>, Mode) -> Result<Instantiated<'_>>,
    {
        if super::INode::<T>::try_from_any(self.parent()).is_none() {
            return Err(EXDEV);
        }
        let mut make = Some(make);
        // SAFETY: `call_make()` is given what it asks for: `make` outlives the call, and the dentry
        // is one in a directory of `T`.
        unsafe { self.mkobj_raw(mode, call_make::<T, F>, (&raw mut make).cast()) }
    }

    /// Creates a regular file through a C function.
    ///
    /// # Safety
    ///
    /// `make` must be sound to call with `arg` and a negative dentry in the directory
    /// [`Self::parent`], which is locked for writing.
    pub(crate) unsafe fn mkobj_raw(
        self,
        mode: Mode,
        make: unsafe extern "C" fn(*mut bindings::dentry, bindings::umode_t, *mut c_void) -> c_int,
        arg: *mut c_void,
    ) -> Result {
        // SAFETY: The dentry is as `vfs_mkobj()` wants it by the type invariant, and `make` by the
        // caller's promise.
        to_result(unsafe { bindings::vfs_mkobj(self.dentry, Self::regular(mode), Some(make), arg) })
    }

    fn regular(mode: Mode) -> bindings::umode_t {
        // The cast loses nothing: file types are bits of `umode_t`.
        bindings::S_IFREG as bindings::umode_t | mode.into_raw()
    }
}

impl Drop for CreatingPath {
    fn drop(&mut self) {
        // SAFETY: What it undoes is ours by the type invariant.
        unsafe { bindings::end_creating_path(&self.parent, self.dentry) }
    }
}

/// Calls the closure that `arg` points to.
///
/// # Safety
///
/// As `vfs_mkobj()` calls it: `dentry` is negative, and its parent locked for writing; `arg`
/// points to an `Option<F>`, and the parent is a directory of `T`.
unsafe extern "C" fn call_make<T: FileSystem, F>(
    dentry: *mut bindings::dentry,
    mode: bindings::umode_t,
    arg: *mut c_void,
) -> c_int
where
    F: FnOnce(NewDentry<'_, T>, Mode) -> Result<Instantiated<'_>>,
{
    // SAFETY: By this function's contract.
    let (make, dentry) = unsafe {
        (
            (*arg.cast::<Option<F>>()).take(),
            NewDentry::from_raw(dentry),
        )
    };
    from_result(|| {
        let Instantiated { .. } = make.ok_or(EINVAL)?(dentry, Mode::from_raw(mode))?;
        Ok(0)
    })
}
