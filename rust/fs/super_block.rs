// SPDX-License-Identifier: GPL-2.0

//! Superblocks.
//!
//! C headers: [`include/linux/fs.h`](srctree/include/linux/fs.h),
//! [`include/linux/fs/super.h`](srctree/include/linux/fs/super.h)

use crate::{
    bindings,
    directory::DirectoryOps,
    file_system::Common,
    filling::Root,
    inode::{INodeContainer, NewINode},
    inode_limit::INodeLimit,
    to_result,
    xattr,
    AnyINode,
    FileSystem,
    FsContext,
    INode,
    Kgid,
    Kuid,
    Mode,
    SbInfo, //
};
use core::{marker::PhantomData, ptr, ptr::NonNull};
use kernel::{
    error::from_result,
    prelude::*,
    seq_file::SeqFile,
    sync::atomic::{
        atomic_load,
        Relaxed, //
    },
    types::{ForeignOwnable, Opaque}, //
};

/// A live superblock of file system `T`: it has its data and a root.
///
/// # Invariants
///
/// Valid, and `s_fs_info` owns a `SbInfo<T>` with its data. It has a root, a directory of
/// `T`, until it is shut down.
#[repr(transparent)]
pub struct SuperBlock<T>(Opaque<bindings::super_block>, PhantomData<T>);

impl<T: FileSystem> SuperBlock<T> {
    /// # Safety
    ///
    /// `sb` must point to a superblock of `T` that is live for `'a`.
    pub(crate) unsafe fn from_raw<'a>(sb: *mut bindings::super_block) -> &'a Self {
        // INVARIANT: The superblock is live by this function's contract.
        // SAFETY:
        // - `sb` is valid for `'a` by this function's contract.
        // - The layouts are the same.
        unsafe { &*sb.cast() }
    }

    /// C's superblock.
    pub fn as_ptr(&self) -> *mut bindings::super_block {
        self.0.get()
    }

    /// What the file system keeps with this superblock.
    pub fn data(&self) -> &T::Data {
        // SAFETY: The superblock has its data by the type invariant. The data is dropped once
        // nobody can reach the superblock any more.
        unsafe { self.info().data() }
    }

    /// What belongs to the file system as a whole.
    #[inline]
    pub fn global(&self) -> &T::Global {
        &self.common().global
    }

    /// What all superblocks of the type share.
    #[inline]
    pub(crate) fn common(&self) -> &Common<T> {
        // SAFETY: The superblock is live by the type invariant.
        unsafe { T::file_system_type().live_common() }
    }

    /// The root directory.
    #[inline]
    pub fn root(&self) -> &INode<T> {
        // SAFETY: The superblock has a root, a directory of `T`, by the type invariant. Whoever has
        // a live superblock keeps it from being shut down.
        unsafe { INode::from_raw((*(*self.as_ptr()).s_root).d_inode) }
    }

    /// Changes mode and owner of the root directory, as `chmod(2)` and `chown(2)` do for somebody
    /// who may: permissions are not checked. May sleep; takes the lock of the directory.
    ///
    /// # Errors
    ///
    /// `EOVERFLOW` for an id that the superblock's user namespace cannot represent, `EPERM` for a
    /// directory that is immutable, what an LSM answers. Stands for C's `notify_change()`.
    pub fn change_root(&self, mode: Option<Mode>, uid: Option<Kuid>, gid: Option<Kgid>) -> Result {
        let mut changes: bindings::iattr = pin_init::zeroed();
        changes.ia_valid = bindings::ATTR_FORCE | bindings::ATTR_CTIME;
        if let Some(mode) = mode {
            changes.ia_valid |= bindings::ATTR_MODE;
            changes.ia_mode = mode.with_type(bindings::S_IFDIR);
        }
        if let Some(uid) = uid {
            changes.ia_valid |= bindings::ATTR_UID;
            changes.__bindgen_anon_1.ia_uid = uid.into_raw();
        }
        if let Some(gid) = gid {
            changes.ia_valid |= bindings::ATTR_GID;
            changes.__bindgen_anon_2.ia_gid = gid.into_raw();
        }
        let root = self.root().as_ptr();
        // SAFETY:
        // - The superblock has a root by the type invariant, whose inode this task locks and
        //   unlocks.
        // - The changes are this function's own, and valid.
        to_result(unsafe {
            bindings::inode_lock(root);
            let err = bindings::notify_change(
                &raw mut bindings::nop_mnt_idmap,
                (*self.as_ptr()).s_root,
                &mut changes,
                ptr::null_mut(),
            );
            bindings::inode_unlock(root);
            err
        })
    }

    /// How many inodes there are, the root among them, and names by `link(2)` beyond the first of
    /// each inode. The answer may be out of date as it is given.
    pub fn inodes(&self) -> u64 {
        self.info().inodes.used()
    }

    /// How many there may be; `None` if there is no limit.
    pub fn inode_limit(&self) -> Option<u64> {
        self.info().inodes.get()
    }

    /// Limits the number of inodes; `None` for no limit. Making one more than that fails with
    /// `ENOSPC`. To be called by one task at a time, as [`Context::reconfigure`] is.
    ///
    /// # Errors
    ///
    /// `EINVAL` for 0, and if there are more already.
    ///
    /// [`Context::reconfigure`]: crate::Context::reconfigure
    pub fn set_inode_limit(&self, limit: Option<u64>) -> Result {
        self.info().inodes.set(limit)
    }

    /// The inodes, counted.
    #[inline]
    pub(crate) fn inode_count(&self) -> &INodeLimit {
        &self.info().inodes
    }

    #[inline]
    fn info(&self) -> &SbInfo<T> {
        // SAFETY: The superblock is live by the type invariant.
        unsafe { SbInfo::of(self.as_ptr()) }
    }

    /// Whether the superblock as a whole is read-only, whatever its mounts are.
    pub fn is_read_only(&self) -> bool {
        self.flags() & bindings::SB_RDONLY != 0
    }

    /// Whether the superblock is filled.
    pub(crate) fn is_active(&self) -> bool {
        self.flags() & bindings::SB_ACTIVE != 0
    }

    fn flags(&self) -> c_ulong {
        // SAFETY: The superblock is valid. Others change the field by whole words.
        unsafe { atomic_load(&raw mut (*self.as_ptr()).s_flags, Relaxed) }
    }
}

/// A new superblock, which nobody else can see yet. It lacks data and a root.
///
/// # Invariants
///
/// Valid for `'a`, with `s_umount` locked, and without data and root. There is no other value for
/// the superblock, and none of that very lifetime for another one.
pub struct NewSuperBlock<'a, T: FileSystem> {
    sb: NonNull<bindings::super_block>,
    fc: &'a FsContext<T>,
    _brand: PhantomData<fn(&'a T) -> &'a T>,
}

impl<'a, T: FileSystem> NewSuperBlock<'a, T> {
    /// # Safety
    ///
    /// `sb` must be as the type invariant says.
    pub(crate) unsafe fn from_raw(
        sb: NonNull<bindings::super_block>,
        fc: &'a FsContext<T>,
    ) -> Self {
        // INVARIANT: `sb` is as the invariant says by this function's contract.
        Self {
            sb,
            fc,
            _brand: PhantomData,
        }
    }

    /// The context that the superblock is made for, to leave messages there.
    pub fn fs_context(&self) -> &'a FsContext<T> {
        self.fc
    }

    /// Gives the superblock its data. May sleep.
    ///
    /// # Errors
    ///
    /// What `data` answers.
    pub fn with_data<E>(
        self,
        data: impl PinInit<T::Data, E>,
    ) -> Result<FillingSuperBlock<'a, T>, Error>
    where
        Error: From<E>,
    {
        // SAFETY: The superblock is valid, and nobody else has it.
        unsafe { SbInfo::<T>::of(self.sb.as_ptr()).init_data(data)? };
        // INVARIANT: There is data now.
        Ok(FillingSuperBlock(self))
    }
}

/// A new superblock that has its data and lacks a root.
///
/// # Invariants
///
/// The superblock has its data.
pub struct FillingSuperBlock<'a, T: FileSystem>(NewSuperBlock<'a, T>);

impl<'a, T: FileSystem> FillingSuperBlock<'a, T> {
    /// What the file system keeps with this superblock.
    pub fn data(&self) -> &T::Data {
        // SAFETY: The superblock is valid and has its data by the type invariant.
        unsafe { SbInfo::<T>::of(self.0.sb.as_ptr()).data() }
    }

    /// The context that the superblock is made for, to leave messages there.
    pub fn fs_context(&self) -> &'a FsContext<T> {
        self.0.fc
    }

    /// Limits the number of inodes, see [`SuperBlock::set_inode_limit`].
    ///
    /// # Errors
    ///
    /// `EINVAL` for 0.
    pub fn set_inode_limit(&self, limit: Option<u64>) -> Result {
        // SAFETY: The superblock is valid by the type invariant.
        unsafe { SbInfo::<T>::of(self.0.sb.as_ptr()).inodes.set(limit) }
    }

    /// Gives the superblock its root directory, with inode number 1. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOSPC` or `ENOMEM` without memory; what `data` answers.
    pub fn into_root<E>(
        self,
        mode: Mode,
        owner: (Kuid, Kgid),
        data: impl PinInit<T::INodeData, E>,
        operations: DirectoryOps<T>,
    ) -> Result<Root<'a, T>>
    where
        Error: From<E>,
    {
        let sb = self.0.sb.as_ptr();
        // SAFETY: The superblock is valid and one of `T`; there is no parent.
        let mut inode =
            unsafe { NewINode::<T>::new(sb, ptr::null(), mode.with_type(bindings::S_IFDIR))? };
        inode.set_root_attributes(owner);
        let inode = inode.into_directory(data, operations)?;
        let inode = inode.into_raw();
        // SAFETY:
        // - The inode is a directory's and ours. `d_make_root()` takes it over, also when it fails.
        // - The superblock is valid, and nobody else has it.
        // - The root stays for as long as the superblock, which by the type invariant is the only
        //   one of that very lifetime.
        unsafe {
            let root = NonNull::new(bindings::d_make_root(inode)).ok_or(ENOMEM)?;
            (*sb).s_root = root.as_ptr();
            Ok(Root::from_raw(root))
        }
    }
}

/// Sets up what all superblocks of `T` have in common.
///
/// # Safety
///
/// `sb` must point to a superblock of `T` that is new and that nobody else looks at.
pub(crate) unsafe fn init<T: FileSystem>(sb: *mut bindings::super_block) {
    let mut iflags = 0;
    if !T::EXECUTABLES {
        iflags |= bindings::SB_I_NOEXEC;
    }
    if !T::DEVICES {
        iflags |= bindings::SB_I_NODEV;
    }
    // SAFETY: The superblock is valid and ours by this function's contract.
    unsafe {
        (*sb).s_blocksize = kernel::page::PAGE_SIZE as c_ulong;
        (*sb).s_blocksize_bits = kernel::page::PAGE_SHIFT as u8;
        (*sb).s_maxbytes = T::MAX_FILE_SIZE;
        (*sb).s_magic = T::MAGIC as c_ulong;
        (*sb).s_op = SuperTable::<T>::TABLE;
        (*sb).s_xattr = xattr::handlers::<T>();
        (*sb).s_iflags |= iflags as c_ulong;
        (*sb).s_time_gran = T::TIME_GRANULARITY;
    }
}

/// Makes sure that no mount joins a superblock any more.
///
/// # Safety
///
/// `sb` must point to a superblock of `T` that is not freed during the call.
pub(crate) unsafe fn remove_from_index<T: FileSystem>(sb: *mut bindings::super_block) {
    // SAFETY: The superblock is valid by this function's contract, and keeps its type enabled.
    unsafe {
        if let Some(common) = T::file_system_type().common() {
            common.instances.remove(&SbInfo::<T>::of(sb).entry);
        }
    }
}

/// Shuts a superblock down, after its last mount and file are gone.
///
/// # Safety
///
/// The caller must do as the VFS does: pass a superblock of `T` with no active reference left, and
/// `s_umount` locked for writing.
pub(crate) unsafe extern "C" fn kill<T: FileSystem>(sb: *mut bindings::super_block) {
    // SAFETY:
    // - The superblock is valid by this function's contract.
    // - `kill_anon_super()` drops the dentries and with them the inodes. After that nobody looks
    //   at what `s_fs_info` is.
    unsafe {
        let info = (*sb).s_fs_info;
        remove_from_index::<T>(sb);
        bindings::kill_anon_super(sb);
        drop(Pin::<KBox<SbInfo<T>>>::from_foreign(info));
    }
}

/// How much there is and how much of that is free: what `statfs(2)` reports.
#[derive(Clone, Copy, Default)]
pub struct StatFs {
    /// Blocks of the size of a page; 0 if there is no limit.
    pub blocks: u64,
    /// Blocks that are free.
    pub free_blocks: u64,
    /// Inodes; 0 if there is no limit.
    pub inodes: u64,
    /// Inodes that are free.
    pub free_inodes: u64,
}

impl StatFs {
    /// So many bytes, of which so many are in use. A block that is in use in part is not free.
    pub const fn from_bytes(limit: u64, used: u64) -> Self {
        Self {
            blocks: limit / kernel::page::PAGE_SIZE as u64,
            free_blocks: limit.saturating_sub(used) / kernel::page::PAGE_SIZE as u64,
            inodes: 0,
            free_inodes: 0,
        }
    }
}

/// C's operations of superblocks of `T`.
struct SuperTable<T>(PhantomData<T>);

impl<T: FileSystem> SuperTable<T> {
    const TABLE: &'static bindings::super_operations = &bindings::super_operations {
        alloc_inode: Some(Self::alloc_inode),
        destroy_inode: Some(Self::destroy_inode),
        free_inode: Some(Self::free_inode),
        drop_inode: Some(bindings::inode_just_drop),
        statfs: if T::HAS_STATFS {
            Some(Self::statfs)
        } else {
            Some(bindings::simple_statfs)
        },
        show_options: if T::HAS_SHOW_OPTIONS {
            Some(Self::show_options)
        } else {
            None
        },
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass a superblock of `T`.
    unsafe extern "C" fn alloc_inode(sb: *mut bindings::super_block) -> *mut bindings::inode {
        // SAFETY: The superblock is valid by this function's contract, and keeps its type enabled.
        unsafe {
            match T::file_system_type().common() {
                Some(common) => common.inodes.alloc(sb, &SbInfo::<T>::of(sb).inodes),
                None => ptr::null_mut(),
            }
        }
    }

    /// Drops what the inode holds. May sleep.
    ///
    /// # Safety
    ///
    /// The caller must do as the VFS does: pass an inode of `T` that has no references left.
    unsafe extern "C" fn destroy_inode(inode: *mut bindings::inode) {
        // SAFETY: The inode is ours but for path walk under RCU, by this function's contract.
        unsafe { INodeContainer::<T>::release(inode) };
    }

    /// Frees the memory, after a grace period. Does not sleep.
    ///
    /// # Safety
    ///
    /// The caller must do as the VFS does: call this after `destroy_inode()`, when nobody looks at
    /// the inode any more.
    unsafe extern "C" fn free_inode(inode: *mut bindings::inode) {
        // SAFETY:
        // - The inode is not freed yet, and keeps the cache.
        // - The inode comes from `alloc_inode()`, and nobody looks at it any more by this function's
        //   contract.
        unsafe {
            if let Some(common) = T::file_system_type().common() {
                common.inodes.free(inode);
            }
        }
    }

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass a dentry of a live superblock of `T`, and a buffer
    /// to fill in.
    unsafe extern "C" fn statfs(
        dentry: *mut bindings::dentry,
        buffer: *mut kernel::bindings::kstatfs,
    ) -> c_int {
        from_result(|| {
            // SAFETY: Dentry and buffer are valid by this function's contract. The kernel crate has
            // but an incomplete type of the buffer.
            let (sb, buffer) = unsafe {
                bindings::simple_statfs(dentry, buffer);
                let buffer = &mut *buffer.cast::<bindings::kstatfs>();
                (SuperBlock::from_raw((*dentry).d_sb), buffer)
            };
            let stat = T::statfs(sb)?;
            buffer.f_blocks = stat.blocks;
            buffer.f_bfree = stat.free_blocks;
            buffer.f_bavail = stat.free_blocks;
            buffer.f_files = stat.inodes;
            buffer.f_ffree = stat.free_inodes;
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass the dentry that a mount of a live superblock of `T`
    /// shows as its root, and an `m` that is being written by this task only.
    unsafe extern "C" fn show_options(
        m: *mut bindings::seq_file,
        dentry: *mut bindings::dentry,
    ) -> c_int {
        // SAFETY:
        // - Dentry and superblock are live by this function's contract, and so is the inode, as the
        //   root of a mount has one.
        // - `m` is ours by this function's contract.
        let (sb, inode, m) = unsafe {
            (
                SuperBlock::from_raw((*dentry).d_sb),
                AnyINode::from_raw((*dentry).d_inode),
                SeqFile::from_raw(m),
            )
        };
        from_result(|| T::show_options(sb, inode, m).map(|()| 0))
    }
}
