// SPDX-License-Identifier: GPL-2.0

//! Directories of kernfs that a file is about to be created in.
//!
//! C header: [`include/linux/kernfs.h`](srctree/include/linux/kernfs.h)

use crate::{bindings, File, FileOperations, FileType};
use core::ptr::NonNull;
use fs::{CreatingPath, KernelId, Kgid, Kuid, Mode};
use kernel::{
    prelude::*,
    str::CStr, //
};

/// The directory of a path that is about to be created, if it is one of kernfs. It is locked, as
/// [`CreatingPath`] has it.
///
/// # Invariants
///
/// The node is that of the directory.
pub struct Directory<'a> {
    path: &'a CreatingPath,
    kn: NonNull<bindings::kernfs_node>,
}

impl<'a> Directory<'a> {
    /// The directory of `path`, if it is one of kernfs.
    pub fn of(path: &'a CreatingPath) -> Option<Self> {
        // SAFETY: The dentry is valid for as long as `path`.
        let kn = unsafe { bindings::kernfs_node_from_dentry(path.parent_dentry_ptr()) };
        // INVARIANT: That is the node of the directory.
        NonNull::new(kn).map(|kn| Self { path, kn })
    }

    /// Whether each of its files belongs to a namespace. [`create`](Self::create) makes none that does.
    pub fn is_namespaced(&self) -> bool {
        // SAFETY: The directory holds its node. The flag is set before the directory has any files.
        let flags = unsafe { core::ptr::read_volatile(&raw const (*self.kn.as_ptr()).flags) };
        u32::from(flags) & bindings::kernfs_node_flag_KERNFS_NS != 0
    }

    /// The name of the type of the file system, such as `cgroup2`.
    pub fn file_system_name(&self) -> &'static CStr {
        // SAFETY:
        // - The directory holds its superblock, whose type never changes.
        // - All file systems of kernfs are built into the kernel, and so are their names.
        unsafe {
            let sb = (*self.path.parent_dentry_ptr()).d_sb;
            CStr::from_char_ptr((*(*sb).s_type).name)
        }
    }

    /// Whether the directory is that of a cgroup, of version 1 or 2.
    pub fn is_cgroup(&self) -> bool {
        // SAFETY: The directory holds its superblock, whose magic number never changes.
        let magic = unsafe { (*(*self.path.parent_dentry_ptr()).d_sb).s_magic };
        magic == bindings::CGROUP2_SUPER_MAGIC as c_ulong
            || magic == bindings::CGROUP_SUPER_MAGIC as c_ulong
    }

    /// C's node, valid for as long as `self`.
    pub fn as_ptr(&self) -> *mut bindings::kernfs_node {
        self.kn.as_ptr()
    }

    /// Creates the file that the path leads to, owned by the current task. Permissions are not checked:
    /// [`CreatingPath::make`] does that. May sleep.
    ///
    /// If that fails, `data` is dropped with the directory locked.
    ///
    /// # Errors
    ///
    /// `EEXIST`; `ENAMETOOLONG`; `ENOENT` if the directory is being removed; `EINVAL` if it is
    /// [namespaced](Self::is_namespaced); `ENOMEM`.
    pub fn create<O: FileOperations>(
        &self,
        ty: &'static FileType<O>,
        mode: Mode,
        data: O::Data,
    ) -> Result<File<O>> {
        if self.is_namespaced() {
            return Err(EINVAL);
        }
        // kernfs has no limit of its own, and so the VFS does not ask for one.
        if self.path.name().len() > bindings::NAME_MAX as usize {
            return Err(Error::from_errno(-(bindings::ENAMETOOLONG as c_int)));
        }
        // SAFETY:
        // - The directory holds its node.
        // - The directory has no namespaces, as just seen.
        unsafe {
            File::new(
                self.kn.as_ptr(),
                self.path.c_name(),
                mode,
                (Kuid::current_fs(), Kgid::current_fs()),
                ty,
                data,
            )
        }
    }
}
