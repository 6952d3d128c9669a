// SPDX-License-Identifier: GPL-2.0

//! Inodes.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)

use crate::{
    bindings,
    compat::init_in_place,
    dentry::Dentry,
    directory::DirectoryOps,
    file::FileOps,
    symlink,
    to_result,
    uidgid::{Kgid, Kuid},
    xattr::{self, Store},
    AccessMask,
    FileSystem,
    Mode,
    SbInfo,
    SuperBlock,
    Watcher, //
};
use core::{
    cell::UnsafeCell, marker::PhantomData, mem::ManuallyDrop, ops::Deref, ptr, ptr::NonNull,
};
use kernel::{
    container_of,
    prelude::*,
    sync::{
        aref::AlwaysRefCounted,
        atomic::{
            atomic_load,
            atomic_store,
            Acquire,
            Relaxed,
            Release, //
        },
        Arc, //
    },
    types::{NotThreadSafe, Opaque}, //
};

/// An inode of any file system.
///
/// # Invariants
///
/// A live inode that somebody holds a reference to.
#[repr(transparent)]
pub struct AnyINode(Opaque<bindings::inode>);

// SAFETY: An inode belongs to no task.
unsafe impl Send for AnyINode {}
// SAFETY: All methods on `&self` may be called by several tasks at a time.
unsafe impl Sync for AnyINode {}

impl AnyINode {
    /// # Safety
    ///
    /// `inode` must point to a live inode that stays so for `'a`.
    pub unsafe fn from_raw<'a>(inode: *mut bindings::inode) -> &'a Self {
        // INVARIANT: The inode is live by this function's contract.
        // SAFETY:
        // - `inode` is valid for `'a` by this function's contract.
        // - The layouts are the same.
        unsafe { &*inode.cast() }
    }

    /// C's inode.
    #[inline]
    pub fn as_ptr(&self) -> *mut bindings::inode {
        self.0.get()
    }

    /// Whether the current task has access to the inode itself, whatever a mount says: neither that
    /// it is read-only nor how it maps ids counts. May sleep.
    ///
    /// # Errors
    ///
    /// `EACCES`, `EPERM`, what an LSM answers. Stands for C's `inode_permission()`.
    #[inline]
    pub fn permission(&self, mask: AccessMask) -> Result {
        // SAFETY: The inode is live by the type invariant.
        to_result(unsafe {
            bindings::inode_permission(
                &raw mut bindings::nop_mnt_idmap,
                self.as_ptr(),
                mask.into_raw(),
            )
        })
    }

    /// The permission bits. `chmod(2)` may change them at any time.
    #[inline]
    pub fn mode(&self) -> Mode {
        Mode::new(self.raw_mode())
    }

    /// The owner. `chown(2)` may change it at any time.
    #[inline]
    pub fn uid(&self) -> Kuid {
        self.owner().0
    }

    /// The group. `chown(2)` may change it at any time.
    #[inline]
    pub fn gid(&self) -> Kgid {
        self.owner().1
    }

    #[inline]
    fn owner(&self) -> (Kuid, Kgid) {
        // SAFETY: The inode is live by the type invariant. Others change the fields by whole words.
        let (uid, gid) = unsafe {
            let inode = self.as_ptr();
            (
                atomic_load(&raw mut (*inode).i_uid.val, Relaxed),
                atomic_load(&raw mut (*inode).i_gid.val, Relaxed),
            )
        };
        (
            Kuid::from_raw(bindings::kuid_t { val: uid }),
            Kgid::from_raw(bindings::kgid_t { val: gid }),
        )
    }

    /// Whether this is a directory.
    #[inline]
    pub fn is_directory(&self) -> bool {
        self.raw_mode() & bindings::S_IFMT == bindings::S_IFDIR
    }

    /// Permission bits and file type.
    #[inline]
    fn raw_mode(&self) -> u32 {
        // SAFETY:
        // - The inode is live by the type invariant.
        // - Others change the field by whole words. The kernel's atomics know no `u16`, so that the
        //   same bits are read as an `i16`.
        let mode =
            unsafe { atomic_load((&raw mut (*self.as_ptr()).i_mode).cast::<i16>(), Relaxed) };
        u32::from(mode as bindings::umode_t)
    }

    /// The size in bytes. Whoever has the inode locked may change it at any time.
    #[inline]
    pub fn size(&self) -> u64 {
        // SAFETY: The inode is live by the type invariant.
        let size = unsafe { bindings::i_size_read(self.as_ptr()) };
        // Sizes are not negative.
        size as u64
    }
}

/// An inode of file system `T`.
///
/// An [`ARef`](kernel::sync::aref::ARef) of it keeps the superblock alive, as an open file does,
/// and so keeps the file system's module from going. One in the data of the superblock itself, or
/// of an inode of the same superblock, is a cycle: the superblock then never goes. The last one may
/// take the superblock along, so that dropping an `ARef` may sleep.
///
/// # Invariants
///
/// A live inode, embedded in an `INodeContainer<T>` that has its data, whose superblock is one of
/// `T` and has its data.
#[repr(transparent)]
pub struct INode<T: FileSystem>(AnyINode, PhantomData<T>);

// SAFETY: An inode belongs to no task; what it gives access to may be shared and sent, as
// `FileSystem` demands.
unsafe impl<T: FileSystem> Send for INode<T> {}
// SAFETY: All methods on `&self` may be called by several tasks at a time.
unsafe impl<T: FileSystem> Sync for INode<T> {}

impl<T: FileSystem> Deref for INode<T> {
    type Target = AnyINode;

    fn deref(&self) -> &AnyINode {
        &self.0
    }
}

impl<T: FileSystem> INode<T> {
    /// # Safety
    ///
    /// `inode` must point to an inode of file system `T` that has its data and stays live for
    /// `'a`.
    pub(crate) unsafe fn from_raw<'a>(inode: *mut bindings::inode) -> &'a Self {
        // INVARIANT: The inode is live and has its data by this function's contract. All inodes of
        // superblocks of `T` come from `INodeCache<T>`.
        // SAFETY:
        // - `inode` is valid for `'a` by this function's contract.
        // - The layouts are the same.
        unsafe { &*inode.cast() }
    }

    /// `inode` as one of file system `T`, if it is. An inode without data, which somebody else has
    /// made on a superblock of `T` as the BPF tokens do, is not.
    pub fn try_from_any(inode: &AnyINode) -> Option<&Self> {
        // SAFETY:
        // - The inode is live, so that its superblock is valid. Neither that nor its type ever
        //   changes.
        // - The inode is in a container of `T` if its superblock is one of `T`. What has data then
        //   is an inode of `T`, which the reference keeps live.
        unsafe {
            let fs_type = (*(*inode.as_ptr()).i_sb).s_type;
            (ptr::eq(fs_type, T::file_system_type().as_ptr())
                && INodeContainer::<T>::has_data(inode.as_ptr()))
            .then(|| Self::from_raw(inode.as_ptr()))
        }
    }

    /// What the file system keeps with this inode.
    pub fn data(&self) -> &T::INodeData {
        // SAFETY: The type invariant gives the container and its data, which is dropped with the
        // inode.
        unsafe { &*(*INodeContainer::<T>::of(self.as_ptr())).data.get() }
    }

    /// The number of names, as in `stat(2)`. Whoever has the inode locked may change it at any time.
    #[inline]
    pub(crate) fn links(&self) -> u32 {
        // SAFETY: The inode is live by the type invariant. Others change the field by whole words.
        unsafe { atomic_load(&raw mut (*self.as_ptr()).__bindgen_anon_1.i_nlink, Relaxed) }
    }

    /// Has `watcher` told when the inode [ends](Watcher). May sleep. Returns whether this is news:
    /// a watcher that watches the inode already is told once.
    ///
    /// A watch cannot be taken back; it is over when the inode ends.
    ///
    /// # Errors
    ///
    /// `ENOENT` if the inode has ended: it is open, but has no name any more; `ENOMEM`.
    pub fn watch(&self, watcher: Arc<dyn Watcher>) -> Result<bool> {
        let watches = &self.super_block().common().watches;
        watches.add(self.as_ptr().addr(), watcher, || self.links() == 0)
    }

    /// Tells those who watch the inode if it has just lost its last name.
    #[inline]
    pub(crate) fn name_removed(&self) {
        if self.links() == 0 {
            let watches = &self.super_block().common().watches;
            watches.ended(self.as_ptr().addr());
        }
    }

    /// Whether the inode is the root of its superblock.
    #[inline]
    pub fn is_root(&self) -> bool {
        ptr::eq(self, self.super_block().root())
    }

    /// Whether a directory has an operation for renaming.
    pub(crate) fn is_renaming_allowed(&self) -> bool {
        // SAFETY: The inode is live by the type invariant. Its own operations are static.
        unsafe { (*self.operations_ptr()).rename.is_some() }
    }

    /// The superblock.
    pub fn super_block(&self) -> &SuperBlock<T> {
        // SAFETY: The superblock is one of `T` with its data, by the type invariant, and an inode
        // keeps its superblock.
        unsafe { SuperBlock::from_raw((*self.as_ptr()).i_sb) }
    }
}

// SAFETY:
// - An inode lives as long as there are references, and an active reference to the superblock
//   keeps that from being shut down, which would end with inodes that are still referred to.
// - The two functions are each other's reverse.
unsafe impl<T: FileSystem> AlwaysRefCounted for INode<T> {
    fn inc_ref(&self) {
        // SAFETY: The inode is live by the type invariant, so that its superblock has an active
        // reference.
        unsafe {
            bindings::ihold(self.as_ptr());
            bindings::atomic_inc(&raw mut (*(*self.as_ptr()).i_sb).s_active);
        }
    }

    unsafe fn dec_ref(obj: NonNull<Self>) {
        let inode = obj.as_ptr().cast::<bindings::inode>();
        // SAFETY: Both references are the caller's by the contract of `dec_ref()`. The second keeps
        // the superblock after the inode is gone.
        unsafe {
            let sb = (*inode).i_sb;
            bindings::iput(inode);
            bindings::deactivate_super(sb);
        }
    }
}

/// An inode that the current task has locked for writing (`i_rwsem`).
///
/// # Invariants
///
/// The lock is held for `'a`.
pub struct LockedINode<'a, T: FileSystem>(&'a INode<T>, NotThreadSafe);

impl<T: FileSystem> Deref for LockedINode<'_, T> {
    type Target = INode<T>;

    fn deref(&self) -> &INode<T> {
        self.0
    }
}

impl<'a, T: FileSystem> LockedINode<'a, T> {
    /// # Safety
    ///
    /// The current task must hold the inode's lock for writing for `'a`.
    pub(crate) unsafe fn new(inode: &'a INode<T>) -> Self {
        // INVARIANT: The lock is held by this function's contract.
        Self(inode, NotThreadSafe)
    }

    /// Sets the size in bytes.
    ///
    /// # Errors
    ///
    /// `EFBIG` if the size is more than the file system's maximum.
    pub fn set_size(&self, size: u64) -> Result {
        let size = i64::try_from(size).map_err(|_| EFBIG)?;
        if size > T::MAX_FILE_SIZE {
            return Err(EFBIG);
        }
        // SAFETY: The inode is live, and locked, which C asks for.
        unsafe { bindings::i_size_write(self.as_ptr(), size) };
        Ok(())
    }
}

/// An inode together with what the file system keeps with it: one allocation, made by
/// `INodeCache<T>`.
///
/// # Invariants
///
/// - Stays where it is from allocation to freeing.
/// - `data` is initialised if `i_private` of the inode is not null. Both are set while the inode is
///   new and thus somebody's exclusively; the data is dropped as the inode is destroyed.
/// - `i_link` of a symlink owns a string from `kmalloc()`. Path walk under RCU may read the string
///   after the inode was destroyed, so it is freed only with the memory.
#[repr(C)]
pub(crate) struct INodeContainer<T: FileSystem> {
    pub(crate) data: Opaque<T::INodeData>,
    pub(crate) xattrs: UnsafeCell<T::Xattrs>,
    pub(crate) inode: Opaque<bindings::inode>,
}

impl<T: FileSystem> INodeContainer<T> {
    /// # Safety
    ///
    /// `inode` must point to the inode of such a container.
    pub(crate) unsafe fn of(inode: *mut bindings::inode) -> *mut Self {
        // SAFETY: The inode is that field by this function's contract.
        unsafe { container_of!(Opaque::cast_from(inode), Self, inode) }.cast_mut()
    }

    /// # Safety
    ///
    /// `inode` must point to the inode of such a container, which is not freed during the call.
    #[inline]
    unsafe fn has_data(inode: *mut bindings::inode) -> bool {
        // SAFETY: The inode is valid by this function's contract. The field does not change once
        // the inode can be found by others than those who go through all inodes.
        !unsafe { (*inode).i_private }.is_null()
    }

    /// The same, of an inode that may just be getting its data. That is seen then.
    ///
    /// # Safety
    ///
    /// `inode` must point to the inode of such a container, which is not freed during the call.
    pub(crate) unsafe fn has_new_data(inode: *mut bindings::inode) -> bool {
        // SAFETY: The inode is valid by this function's contract. Others change the field by whole
        // words.
        unsafe { atomic_load((&raw mut (*inode).i_private).cast::<usize>(), Acquire) != 0 }
    }

    /// Drops what the inode holds. May sleep.
    ///
    /// # Safety
    ///
    /// `inode` must point to the inode of such a container, which nobody has a reference to any
    /// more. To be called once.
    pub(crate) unsafe fn release(inode: *mut bindings::inode) {
        // SAFETY:
        // - The container is valid by this function's contract. Path walk under RCU may still look
        //   at the inode, but not at data and attributes, which takes a reference. So they are ours
        //   alone.
        // - The data is initialised if there is any, by the type invariant, and dropped this once.
        // - The superblock, whose type this is, is there as long as the inode is not freed.
        // - The attributes are those of the inode's superblock, which an inode keeps.
        unsafe {
            let container = Self::of(inode);
            if Self::has_data(inode) {
                let watches = &T::file_system_type().live_common().watches;
                watches.ended(inode.addr());
                ptr::drop_in_place((*container).data.get());
            }
            let info = SbInfo::<T>::of((*inode).i_sb);
            (*(*container).xattrs.get()).release(info.xattrs());
            ptr::drop_in_place((*container).xattrs.get());
            info.inodes.uncharge();
        }
    }
}

/// An inode that has no name yet and is its owner's alone. It lacks data and operations.
///
/// Dropping it destroys it.
///
/// # Invariants
///
/// Owns the only reference to an inode of a superblock of `T` that no dentry refers to.
pub(crate) struct NewINode<T: FileSystem>(NonNull<bindings::inode>, PhantomData<T>);

/// An inode that has no name yet, is its owner's alone, and has all that it needs.
///
/// # Invariants
///
/// Owns the only reference to an inode of `T` that has data and operations, and that no dentry
/// refers to.
pub(crate) struct CompleteINode<T: FileSystem>(NewINode<T>);

impl<T: FileSystem> NewINode<T> {
    /// A new inode, with the current time for its times, and owned by the current task as far as
    /// `parent` (its setgid bit) does not say otherwise. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOSPC` when there is no memory for it, as for other pseudo file systems.
    ///
    /// # Safety
    ///
    /// `sb` must point to a superblock of `T`, `parent` to a directory of it or be null.
    pub(crate) unsafe fn new(
        sb: *mut bindings::super_block,
        parent: *const bindings::inode,
        mode: bindings::umode_t,
    ) -> Result<Self> {
        // SAFETY:
        // - `sb` is a superblock of `T`, and `parent` valid or null, by this function's contract.
        // - The inode is new and thus ours.
        let inode = unsafe {
            let inode = NonNull::new(bindings::new_inode(sb)).ok_or(ENOSPC)?;
            (*inode.as_ptr()).i_ino = SbInfo::<T>::of(sb).next_number();
            bindings::simple_inode_init_ts(inode.as_ptr());
            bindings::inode_init_owner(
                &raw mut bindings::nop_mnt_idmap,
                inode.as_ptr(),
                parent,
                mode,
            );
            inode
        };
        // INVARIANT: `new_inode()` gives the only reference.
        Ok(Self(inode, PhantomData))
    }

    /// A new inode for the name `dentry`, its security label initialised by the LSMs. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOSPC` without memory; what an LSM answers.
    #[inline]
    pub(crate) fn for_dentry(dentry: &Dentry<'_, T>, file_type: u32, mode: Mode) -> Result<Self> {
        let dir = dentry.dir().as_ptr();
        // SAFETY:
        // - The directory is a live inode of `T`, so that its superblock is one of `T`.
        // - The new inode is ours. The dentry's name does not change during the call.
        let (this, err) = unsafe {
            let this = Self::new((*dir).i_sb, dir, mode.with_type(file_type))?;
            let err = bindings::security_inode_init_security(
                this.as_ptr(),
                dir,
                dentry.qstr(),
                xattr::init_security::<T>(),
                ptr::null_mut(),
            );
            (this, err)
        };
        const EOPNOTSUPP: c_int = -(bindings::EOPNOTSUPP as c_int);
        match err {
            0 | EOPNOTSUPP => Ok(this),
            err => Err(Error::from_errno(err)),
        }
    }

    /// Makes it the root of a superblock, with inode number 1, as far as its attributes go.
    pub(crate) fn set_root_attributes(&mut self, (uid, gid): (Kuid, Kgid)) {
        // SAFETY: The inode is ours by the type invariant.
        unsafe {
            (*self.as_ptr()).i_ino = 1;
            (*self.as_ptr()).i_uid = uid.into_raw();
            (*self.as_ptr()).i_gid = gid.into_raw();
        }
    }

    /// Makes a directory of it: data first, which alone can fail.
    pub(crate) fn into_directory<E>(
        self,
        data: impl PinInit<T::INodeData, E>,
        operations: DirectoryOps<T>,
    ) -> Result<CompleteINode<T>>
    where
        Error: From<E>,
    {
        self.complete(data, |this| {
            operations.set(this);
            ptr::null_mut()
        })
    }

    /// Makes a regular file of it: data first, which alone can fail.
    pub(crate) fn into_file<E>(
        self,
        data: impl PinInit<T::INodeData, E>,
        operations: impl for<'d> FnOnce(&'d T::INodeData) -> FileOps<'d, T>,
    ) -> Result<CompleteINode<T>>
    where
        Error: From<E>,
    {
        self.complete(data, |this| {
            // SAFETY:
            // - The inode is ours and has data, which stays where it is until the inode is destroyed,
            //   when it is in no more use as a file.
            // - So the operations are good for it: they are for as long as the data is borrowed.
            unsafe {
                let data = &*(*INodeContainer::<T>::of(this.as_ptr())).data.get();
                operations(data).set(this.as_ptr())
            }
        })
    }

    /// Makes a symlink of it: data first, which alone can fail.
    pub(crate) fn into_symlink<E>(
        self,
        data: impl PinInit<T::INodeData, E>,
        target: symlink::Target,
    ) -> Result<CompleteINode<T>>
    where
        Error: From<E>,
    {
        self.complete(data, |this| {
            target.set(this);
            ptr::null_mut()
        })
    }

    /// Gives it data, and the operations that `set_operations` sets, which answers what `i_private` is to
    /// be, or null if that does not matter.
    ///
    /// # Errors
    ///
    /// What `data` answers; then the inode is destroyed without data.
    fn complete<E>(
        self,
        data: impl PinInit<T::INodeData, E>,
        set_operations: impl FnOnce(&mut CompleteINode<T>) -> *mut c_void,
    ) -> Result<CompleteINode<T>>
    where
        Error: From<E>,
    {
        // SAFETY:
        // - The inode and its container are ours by the type invariant; there is no data yet.
        // - The container stays where it is, so the data is pinned.
        let slot = unsafe {
            let slot = (*INodeContainer::<T>::of(self.as_ptr())).data.get();
            init_in_place(slot, data)?;
            slot
        };
        // INVARIANT: There is data now. The operations are set right here.
        let mut this = CompleteINode(self);
        let private = set_operations(&mut this);
        // A type without a size has an address that is not null, too.
        let private = if private.is_null() {
            slot.cast()
        } else {
            private
        };
        // Last of all: who finds the inode among those of the superblock sees data and operations behind
        // `i_private`.
        //
        // SAFETY: The inode is ours, and the data is initialised. Others read the field by whole words.
        unsafe {
            let field = (&raw mut (*this.as_ptr()).i_private).cast::<usize>();
            atomic_store(field, private.expose_provenance(), Release);
        }
        Ok(this)
    }

    #[inline]
    fn as_ptr(&self) -> *mut bindings::inode {
        self.0.as_ptr()
    }
}

impl<T: FileSystem> CompleteINode<T> {
    /// C's inode, which is ours alone.
    #[inline]
    pub(crate) fn as_ptr(&self) -> *mut bindings::inode {
        self.0.as_ptr()
    }

    /// The inode, which nobody else has yet.
    #[inline]
    pub(crate) fn as_inode(&self) -> &INode<T> {
        // SAFETY: The inode is one of `T`, live and with data, by the type invariant.
        unsafe { INode::from_raw(self.as_ptr()) }
    }

    /// Hands the reference to whoever takes the pointer.
    pub(crate) fn into_raw(self) -> *mut bindings::inode {
        ManuallyDrop::new(self).as_ptr()
    }
}

impl<T: FileSystem> Drop for NewINode<T> {
    fn drop(&mut self) {
        // SAFETY: The reference is ours by the type invariant.
        unsafe { bindings::iput(self.as_ptr()) }
    }
}
