// SPDX-License-Identifier: GPL-2.0

//! Superblocks.

use super::{
    inode::{INodeContainer, NewINode},
    xattr,
    xattr::XattrCache,
    FileSystem,
    INode,
    Instantiated,
    Mode,
    NewDentry, //
};
use crate::{
    bindings,
    uidgid::{Kgid, Kuid},
};
use core::{marker::PhantomData, ptr};
use kernel::{
    error::{from_err_ptr, from_result},
    prelude::*,
    seq_file::SeqFile,
    types::{Opaque, ScopeGuard},
};

/// A superblock that can be used: it has a root.
pub struct Live(());

/// A superblock that is being made and that nobody else can see yet.
pub struct Filling(());

/// A superblock of file system `T`, in state [`Live`] or [`Filling`].
///
/// # Invariants
///
/// Valid, and `s_fs_info` owns a `SuperBlockInfo<T>`. A live one has a root, a directory of `T`,
/// until it is shut down.
#[repr(transparent)]
pub struct SuperBlock<T, S = Live>(Opaque<bindings::super_block>, PhantomData<(T, S)>);

impl<T: FileSystem, S> SuperBlock<T, S> {
    /// # Safety
    ///
    /// `sb` must point to a superblock of `T` in state `S`, valid and in that state for `'a`.
    pub(super) unsafe fn from_raw<'a>(sb: *mut bindings::super_block) -> &'a Self {
        // INVARIANT: By the caller's promise.
        // SAFETY: By the caller's promise; the layouts are the same.
        unsafe { &*sb.cast() }
    }

    fn as_ptr(&self) -> *mut bindings::super_block {
        self.0.get()
    }

    /// What belongs to this superblock.
    pub fn info(&self) -> &T::Info {
        // SAFETY: By the type invariant; freed only once the superblock can be reached no more.
        unsafe { &info::<T>(self.as_ptr()).info }
    }
}

impl<T: FileSystem> SuperBlock<T, Live> {
    /// Whether the superblock as a whole is read-only, whatever its mounts are.
    pub fn is_read_only(&self) -> bool {
        // SAFETY: The superblock is valid; one word, read at once.
        let flags = unsafe { (&raw const (*self.as_ptr()).s_flags).read_volatile() };
        flags & bindings::SB_RDONLY != 0
    }
}

impl<T: FileSystem> SuperBlock<T, Filling> {
    /// Gives the superblock its root directory. May sleep.
    ///
    /// # Errors
    ///
    /// `EEXIST` if it has one; `ENOSPC` or `ENOMEM` without memory.
    pub fn make_root(&self, mode: Mode, uid: Kuid, gid: Kgid) -> Result<NewRoot<'_, T>> {
        let sb = self.as_ptr();
        // SAFETY: Nobody else has a superblock that is being filled.
        if !unsafe { (*sb).s_root }.is_null() {
            return Err(EEXIST);
        }
        // SAFETY: It has no root, as just seen.
        let inode = unsafe { NewINode::<T>::new_root(sb, mode, uid, gid)? };
        // SAFETY: As above. `d_make_root()` takes over the inode, also when it fails.
        unsafe {
            (*sb).s_root = bindings::d_make_root(inode.into_raw());
            if (*sb).s_root.is_null() {
                return Err(ENOMEM);
            }
        }
        // INVARIANT: It was just made.
        Ok(NewRoot(self))
    }
}

/// The root directory of a superblock that is being filled.
///
/// # Invariants
///
/// The superblock has a root, a directory of `T`.
pub struct NewRoot<'a, T>(&'a SuperBlock<T, Filling>);

impl<T: FileSystem> NewRoot<'_, T> {
    /// Creates the entry `name` through `make`. Asks no permission, but
    /// [`FileSystem::check_name`]. May sleep.
    ///
    /// # Errors
    ///
    /// `EEXIST`; `EACCES` for a name that is none; what [`FileSystem::check_name`] or `make`
    /// answers.
    pub fn create(
        &self,
        name: &CStr,
        make: impl FnOnce(NewDentry<'_, T>) -> Result<Instantiated<'_>>,
    ) -> Result {
        // SAFETY: The root is a directory by the type invariant, and held by the superblock.
        let dentry = from_err_ptr(unsafe {
            bindings::simple_start_creating(self.dentry(), name.as_char_ptr())
        })?;
        let _locked = ScopeGuard::new(|| {
            // SAFETY: Undoes the above, once.
            unsafe { bindings::simple_done_creating(dentry) }
        });
        // SAFETY: What was started is to create a negative dentry in the root, which is locked for
        // writing and of `T`, until the guard is dropped.
        let Instantiated { .. } = make(unsafe { NewDentry::from_raw(dentry) })?;
        Ok(())
    }

    /// Sets the permission bits.
    pub fn set_mode(&self, mode: Mode) {
        // SAFETY: By the type invariant there is a root, with an inode. Nobody else sees it yet.
        unsafe {
            let inode = (*self.dentry()).d_inode;
            // The cast loses nothing: file types are bits of `umode_t`.
            (*inode).i_mode = bindings::S_IFDIR as bindings::umode_t | mode.into_raw();
        }
    }

    fn dentry(&self) -> *mut bindings::dentry {
        // SAFETY: The superblock is valid.
        unsafe { (*self.0.as_ptr()).s_root }
    }
}

/// Sets up what all superblocks of `T` have in common.
///
/// # Safety
///
/// `sb` must point to a superblock of `T` that is being filled.
pub(super) unsafe fn init<T: FileSystem>(sb: *mut bindings::super_block) {
    // SAFETY: By the caller's promise, nobody else looks at it.
    unsafe {
        (*sb).s_blocksize = kernel::page::PAGE_SIZE as c_ulong;
        (*sb).s_blocksize_bits = kernel::page::PAGE_SHIFT as u8;
        (*sb).s_magic = T::MAGIC as c_ulong;
        (*sb).s_op = Operations::<T>::OPERATIONS;
        (*sb).s_xattr = xattr::Handlers::<T>::LIST.as_ptr();
        (*sb).s_iflags |= (bindings::SB_I_NOEXEC | bindings::SB_I_NODEV) as c_ulong;
        (*sb).s_time_gran = 1;
    }
}

/// What belongs to a superblock.
///
/// # Safety
///
/// `sb` must point to a superblock of `T` that is not freed in `'a`.
pub(super) unsafe fn info<'a, T: FileSystem>(
    sb: *mut bindings::super_block,
) -> &'a SuperBlockInfo<T> {
    // SAFETY: `sget_fc()` in `context.rs` put it there; `kill()` frees it.
    unsafe { &*(*sb).s_fs_info.cast() }
}

/// What `s_fs_info` is.
pub(super) struct SuperBlockInfo<T: FileSystem> {
    pub(super) info: T::Info,
    pub(super) xattrs: XattrCache,
}

/// Shuts a superblock down, after its last mount and file are gone.
///
/// # Safety
///
/// As the VFS calls it: `sb` is a superblock of `T` with no active reference left.
pub(super) unsafe extern "C" fn kill<T: FileSystem>(sb: *mut bindings::super_block) {
    // SAFETY: By the VFS's promise.
    unsafe {
        let info = (*sb).s_fs_info.cast::<SuperBlockInfo<T>>();
        // Drops the dentries and with them the inodes. It ends by setting `SB_DEAD` under
        // `sb_lock`: from then on `sget_fc()` passes the superblock over and does not ask
        // `same_instance()` about it, although it may stay listed for a while.
        bindings::kill_anon_super(sb);
        drop(KBox::from_raw(info));
    }
}

/// Operations of superblocks of `T`.
struct Operations<T>(PhantomData<T>);

impl<T: FileSystem> Operations<T> {
    const OPERATIONS: &'static bindings::super_operations = &bindings::super_operations {
        alloc_inode: Some(Self::alloc_inode),
        destroy_inode: Some(Self::destroy_inode),
        free_inode: Some(Self::free_inode),
        drop_inode: Some(bindings::inode_just_drop),
        statfs: Some(bindings::simple_statfs),
        show_options: Some(Self::show_options),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// As the VFS calls it: `sb` is a superblock of `T`.
    unsafe extern "C" fn alloc_inode(sb: *mut bindings::super_block) -> *mut bindings::inode {
        // SAFETY: By the VFS's promise; the superblock lives as long as the call.
        match unsafe { T::file_system_type().inodes() } {
            // SAFETY: As above.
            Some(cache) => unsafe { cache.alloc(sb) },
            None => ptr::null_mut(),
        }
    }

    /// Drops what the inode holds. May sleep.
    ///
    /// # Safety
    ///
    /// As the VFS calls it: `inode` is an inode of `T` that has no references left.
    unsafe extern "C" fn destroy_inode(inode: *mut bindings::inode) {
        // SAFETY: Path walk under RCU may still look at the inode but not at the node or
        // attributes, which takes a reference. So they are ours alone.
        unsafe {
            let container = INodeContainer::<T>::of(inode);
            *(*container).node.get() = None;
            (*container).xattrs.free(&info::<T>((*inode).i_sb).xattrs);
        }
    }

    /// Frees the memory, after a grace period. Does not sleep.
    ///
    /// # Safety
    ///
    /// As the VFS calls it: after `destroy_inode()`, when nobody looks at the inode any more.
    unsafe extern "C" fn free_inode(inode: *mut bindings::inode) {
        // SAFETY: The inode is not freed yet.
        if let Some(cache) = unsafe { T::file_system_type().inodes() } {
            // SAFETY: It comes from `alloc_inode()`, and by the VFS's promise.
            unsafe { cache.free(inode) };
        }
    }

    /// # Safety
    ///
    /// As the VFS calls it: `dentry` is what a mount of a live superblock of `T` shows as its root,
    /// which for a bind mount may be any directory or file, and `m` is being written by this task
    /// only.
    unsafe extern "C" fn show_options(
        m: *mut bindings::seq_file,
        dentry: *mut bindings::dentry,
    ) -> c_int {
        // SAFETY: By the VFS's promise.
        let (sb, inode, m) = unsafe {
            (
                SuperBlock::from_raw((*dentry).d_sb),
                INode::from_raw((*dentry).d_inode),
                SeqFile::from_raw(m),
            )
        };
        from_result(|| T::show_options(sb, inode, m).map(|()| 0))
    }
}
