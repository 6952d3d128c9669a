// SPDX-License-Identifier: GPL-2.0

//! Inodes.

use super::{
    file_system::FileSystem,
    operations::Operations,
    xattr,
    xattr::Xattrs,
    AccessMask,
    FileOperations,
    Mode,
    NewDentry, //
};
use crate::{
    bindings,
    uidgid::{Kgid, Kuid},
};
use core::{cell::UnsafeCell, marker::PhantomData, mem::ManuallyDrop, ptr, ptr::NonNull};
use kernel::{
    alloc::flags,
    container_of,
    error::to_result,
    prelude::*,
    types::Opaque, //
};

/// An inode of any file system.
///
/// # Invariants
///
/// A live inode that somebody holds a reference to.
#[repr(transparent)]
pub struct AnyINode(Opaque<bindings::inode>);

impl AnyINode {
    /// # Safety
    ///
    /// `inode` must point to a live inode that stays so for `'a`.
    pub(crate) unsafe fn from_raw<'a>(inode: *mut bindings::inode) -> &'a Self {
        // INVARIANT: By the caller's promise.
        // SAFETY: As well; the layouts are the same.
        unsafe { &*inode.cast() }
    }

    pub(crate) fn as_ptr(&self) -> *mut bindings::inode {
        self.0.get()
    }

    /// Whether the current task has access to the inode itself, whatever a mount says. May sleep.
    ///
    /// # Errors
    ///
    /// `EACCES`, `EPERM`, what an LSM answers. Stands for C's `inode_permission()`.
    pub fn permission(&self, mask: AccessMask) -> Result {
        // SAFETY: The inode is live.
        to_result(unsafe {
            bindings::inode_permission(
                &raw mut bindings::nop_mnt_idmap,
                self.as_ptr(),
                mask.into_raw(),
            )
        })
    }

    /// Which operations the inode has: what tells the kinds of inodes of some file systems apart.
    pub(crate) fn operations(&self) -> *const bindings::inode_operations {
        // SAFETY: The inode is live. Some file systems change the field of a live inode, such as
        // one that went bad; it is one word, read at once.
        unsafe { (&raw const (*self.as_ptr()).i_op).read_volatile() }
    }
}

/// An inode of file system `T`.
///
/// # Invariants
///
/// A live inode, embedded in an `INodeContainer<T>`, whose superblock is one of `T`.
#[repr(transparent)]
pub struct INode<T: FileSystem>(Opaque<bindings::inode>, PhantomData<T>);

impl<T: FileSystem> INode<T> {
    /// # Safety
    ///
    /// `inode` must point to an inode of file system `T` that stays live for `'a`.
    pub(crate) unsafe fn from_raw<'a>(inode: *mut bindings::inode) -> &'a Self {
        // INVARIANT: All inodes of such superblocks come from `alloc_inode()` of `super_block.rs`.
        // SAFETY: By the caller's promise; the layouts are the same.
        unsafe { &*inode.cast() }
    }

    /// `inode` as one of file system `T`, if it is.
    pub fn try_from_any(inode: &AnyINode) -> Option<&Self> {
        // SAFETY: A live inode's `i_sb` is valid, and neither it nor `s_type` ever changes.
        let fs_type = unsafe { (*(*inode.as_ptr()).i_sb).s_type };
        if !ptr::eq(fs_type, T::file_system_type().as_ptr()) {
            return None;
        }
        // SAFETY: Its superblock is one of `T`, as just seen, and the reference keeps it live.
        Some(unsafe { Self::from_raw(inode.as_ptr()) })
    }

    pub(crate) fn as_ptr(&self) -> *mut bindings::inode {
        self.0.get()
    }

    /// What the file system keeps with this inode; `None` for directories and symlinks.
    pub fn node(&self) -> Option<&T::Node> {
        // SAFETY: The type invariant gives the container. Its node is written while the inode
        // is new and thus somebody's exclusively, and is dropped with the inode.
        unsafe { (*(*INodeContainer::<T>::of(self.as_ptr())).node.get()).as_ref() }
    }

    /// The permission bits. May be changed by `chmod(2)` at any time.
    pub fn mode(&self) -> Mode {
        // SAFETY: The inode is live. Racing writers store the whole field at once.
        Mode::from_raw(unsafe { ptr::read_volatile(&raw const (*self.as_ptr()).i_mode) })
    }

    /// The owner. May be changed by `chown(2)` at any time.
    pub fn uid(&self) -> Kuid {
        // SAFETY: As in `mode()`.
        Kuid::from_raw(unsafe { ptr::read_volatile(&raw const (*self.as_ptr()).i_uid) })
    }

    /// The group. May be changed by `chown(2)` at any time.
    pub fn gid(&self) -> Kgid {
        // SAFETY: As in `mode()`.
        Kgid::from_raw(unsafe { ptr::read_volatile(&raw const (*self.as_ptr()).i_gid) })
    }
}

/// An inode together with what the file system keeps with it.
///
/// Allocated and freed by the superblock operations of `super_block.rs`.
///
/// # Invariants
///
/// Stays where it is from allocation to freeing; all fields are initialised.
#[repr(C)]
pub(super) struct INodeContainer<T: FileSystem> {
    /// Dropped as the inode is destroyed, in process context.
    pub(super) node: UnsafeCell<Option<T::Node>>,
    /// Where a symlink points. Path walk under RCU may still read it after the inode was destroyed,
    /// so it is freed only with the memory.
    pub(super) target: UnsafeCell<Option<KVec<u8>>>,
    pub(super) xattrs: Xattrs,
    pub(super) inode: Opaque<bindings::inode>,
}

impl<T: FileSystem> INodeContainer<T> {
    /// # Safety
    ///
    /// `inode` must point to the inode of such a container.
    pub(super) unsafe fn of(inode: *mut bindings::inode) -> *mut Self {
        // SAFETY: The inode is that field, by the caller's promise.
        unsafe { container_of!(Opaque::cast_from(inode), Self, inode) }.cast_mut()
    }
}

/// A new inode, with the current time for its times and owned by the current task as far as
/// `parent` (its setgid bit) does not say otherwise. The caller owns the only reference. May sleep.
///
/// # Errors
///
/// `ENOSPC` when there is no memory for it, as for other pseudo file systems.
///
/// # Safety
///
/// `sb` must point to a superblock, `parent` to a directory of it or be null.
pub(super) unsafe fn new_inode(
    sb: *mut bindings::super_block,
    parent: *const bindings::inode,
    mode: bindings::umode_t,
) -> Result<NonNull<bindings::inode>> {
    // SAFETY: `sb` is valid by the caller's promise.
    let inode = NonNull::new(unsafe { bindings::new_inode(sb) }).ok_or(ENOSPC)?;
    // SAFETY: The inode is new and thus ours; `parent` is valid or null.
    unsafe {
        (*inode.as_ptr()).i_ino = bindings::get_next_ino().into();
        bindings::simple_inode_init_ts(inode.as_ptr());
        bindings::inode_init_owner(
            &raw mut bindings::nop_mnt_idmap,
            inode.as_ptr(),
            parent,
            mode,
        );
    }
    Ok(inode)
}

/// An inode that has no name yet and is its owner's alone.
///
/// Dropping it destroys it, and with it whatever it holds.
///
/// # Invariants
///
/// Owns the only reference to an inode of `T` that no dentry refers to.
pub(super) struct NewINode<T: FileSystem>(NonNull<INode<T>>);

impl<T: FileSystem> NewINode<T> {
    /// See [`new_inode`].
    ///
    /// # Safety
    ///
    /// `sb` must point to a superblock of `T`, `parent` to a directory of it or be null.
    unsafe fn new(
        sb: *mut bindings::super_block,
        parent: *const bindings::inode,
        mode: bindings::umode_t,
    ) -> Result<Self> {
        // INVARIANT: It is the only reference.
        // SAFETY: By the caller's promise.
        Ok(Self(unsafe { new_inode(sb, parent, mode)? }.cast()))
    }

    /// The root directory of a superblock that is being filled, with inode number 1.
    ///
    /// # Safety
    ///
    /// `sb` must point to a superblock of `T` without a root.
    pub(super) unsafe fn new_root(
        sb: *mut bindings::super_block,
        mode: Mode,
        uid: Kuid,
        gid: Kgid,
    ) -> Result<Self> {
        // SAFETY: By the caller's promise.
        let this = unsafe { Self::new(sb, ptr::null(), Self::type_and(bindings::S_IFDIR, mode))? };
        this.make_directory();
        // SAFETY: The inode is ours.
        unsafe {
            (*this.as_ptr()).i_ino = 1;
            (*this.as_ptr()).i_uid = uid.into_raw();
            (*this.as_ptr()).i_gid = gid.into_raw();
        }
        Ok(this)
    }

    /// An inode for the name `dentry`, its security label initialised by the LSMs.
    fn for_dentry(dentry: &NewDentry<'_, T>, file_type: u32, mode: Mode) -> Result<Self> {
        let dir = dentry.dir().as_ptr();
        // SAFETY: The directory is an inode of `T`, so its superblock is one of `T`.
        let this = unsafe { Self::new((*dir).i_sb, dir, Self::type_and(file_type, mode))? };
        // SAFETY: The inode is ours, the directory is live, and the dentry's name cannot change
        // while its parent is locked.
        let err = unsafe {
            bindings::security_inode_init_security(
                this.as_ptr(),
                dir,
                dentry.qstr(),
                Some(xattr::init_security::<T>),
                ptr::null_mut(),
            )
        };
        match to_result(err) {
            Err(e) if e.to_errno() != -(bindings::EOPNOTSUPP as c_int) => Err(e),
            _ => Ok(this),
        }
    }

    /// See [`NewDentry::directory`].
    pub(super) fn directory(dentry: &NewDentry<'_, T>, mode: Mode) -> Result<Self> {
        let this = Self::for_dentry(dentry, bindings::S_IFDIR, mode)?;
        this.make_directory();
        Ok(this)
    }

    /// See [`NewDentry::symlink`].
    pub(super) fn symlink(dentry: &NewDentry<'_, T>, target: &CStr) -> Result<Self> {
        let mut bytes = KVec::new();
        bytes.extend_from_slice(
            target.to_bytes_with_nul(),
            flags::GFP_KERNEL_ACCOUNT | flags::__GFP_NOWARN,
        )?;
        let this = Self::for_dentry(dentry, bindings::S_IFLNK, Mode::RWX_ALL)?;
        // SAFETY: The inode and its container are ours. What `i_link` points to does not move, is
        // owned by the container and freed with the inode's memory.
        unsafe {
            (*this.as_ptr()).i_op = Operations::<T>::SYMLINK;
            (*this.as_ptr()).__bindgen_anon_5.i_link = bytes.as_mut_ptr().cast();
            *(*INodeContainer::<T>::of(this.as_ptr())).target.get() = Some(bytes);
        }
        Ok(this)
    }

    /// See [`NewDentry::file`].
    pub(super) fn file(dentry: &NewDentry<'_, T>, mode: Mode) -> Result<Self> {
        let this = Self::for_dentry(dentry, bindings::S_IFREG, mode)?;
        // SAFETY: The inode is ours.
        unsafe {
            (*this.as_ptr()).i_op = Operations::<T>::FILE;
            FileOperations::UNOPENABLE.set(this.as_ptr());
        }
        Ok(this)
    }

    /// See [`PendingFile::with_node`](super::PendingFile::with_node).
    pub(super) fn set_node(&mut self, node: T::Node) {
        // SAFETY: The inode and its container are ours. From here on the node stays where it is,
        // and is not written to, until the inode is destroyed, when it is in no more use as a file.
        unsafe {
            let node = (*(*INodeContainer::<T>::of(self.as_ptr())).node.get()).insert(node);
            T::file_operations(node).set(self.as_ptr());
        }
    }

    fn make_directory(&self) {
        // SAFETY: The inode is ours. A directory's count has its own `.` besides its name.
        unsafe {
            (*self.as_ptr()).i_op = Operations::<T>::DIRECTORY;
            (*self.as_ptr()).__bindgen_anon_3.i_fop = &raw const bindings::simple_dir_operations;
            bindings::set_nlink(self.as_ptr(), 2);
        }
    }

    /// Whether this is a directory.
    pub(super) fn is_directory(&self) -> bool {
        // SAFETY: The inode is ours.
        let mode = unsafe { (*self.as_ptr()).i_mode };
        u32::from(mode) & bindings::S_IFMT == bindings::S_IFDIR
    }

    fn type_and(file_type: u32, mode: Mode) -> bindings::umode_t {
        // The cast loses nothing: file types are bits of `umode_t`.
        file_type as bindings::umode_t | mode.into_raw()
    }

    fn as_ptr(&self) -> *mut bindings::inode {
        self.0.as_ptr().cast()
    }

    /// Hands the reference to whoever takes the pointer.
    pub(super) fn into_raw(self) -> *mut bindings::inode {
        ManuallyDrop::new(self).as_ptr()
    }
}

impl<T: FileSystem> Drop for NewINode<T> {
    fn drop(&mut self) {
        // SAFETY: The reference is ours by the type invariant.
        unsafe { bindings::iput(self.as_ptr()) }
    }
}
