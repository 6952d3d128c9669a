// SPDX-License-Identifier: GPL-2.0

//! File systems and their types.

use super::{
    inode_cache::INodeCache,
    super_block,
    Context,
    FileOperations,
    INode,
    Instantiated,
    Mode,
    NewDentry,
    SuperBlock, //
};
use crate::bindings;
use core::{cell::UnsafeCell, marker::PhantomData};
use kernel::{prelude::*, seq_file::SeqFile, types::Opaque, ThisModule};

/// A pseudo file system: one whose inodes live in memory and are made by its own means.
///
/// Removing, renaming and linking are generic (`simple_unlink()` and its like).
pub trait FileSystem: HasFileSystemType + Send + Sync {
    /// The name, as in `mount -t` and `/proc/mounts`.
    const NAME: &'static CStr;

    /// The name of the slab cache of its inodes.
    const INODE_CACHE: &'static CStr;

    /// The magic number that `statfs(2)` reports.
    const MAGIC: u32;

    /// What belongs to a superblock. Dropped with it, in whatever task lets go of it last, which
    /// may be one that exits.
    type Info: Send + Sync;

    /// What belongs to an inode that is a regular file. Dropped as the inode is destroyed, in
    /// process context, in whatever task lets go of it last, which may be one that exits.
    type Node: Send + Sync;

    /// How mounts are configured.
    type Context: Context<FileSystem = Self>;

    /// Whether a mount that wants `wanted` is to show the superblock that has `live`, rather than
    /// one of its own. Only asked for superblocks of the same user namespace, which may also be
    /// still being filled, or dying: the mount then waits for what becomes of them.
    ///
    /// Called under a spinlock (`sb_lock`): must not sleep.
    fn is_same_instance(live: &Self::Info, wanted: &Self::Info) -> bool;

    /// Whether `name` may be looked up, and thus be created, in `dir`. The error is the answer if
    /// not. May sleep; `dir` is locked, at least for reading.
    fn check_name(dir: &INode<Self>, name: &[u8]) -> Result;

    /// `mkdir(2)` of `dentry`; the error is its answer. May sleep; the directory is locked for
    /// writing.
    fn mkdir<'a>(dentry: NewDentry<'a, Self>, mode: Mode) -> Result<Instantiated<'a>>;

    /// `symlink(2)` of `dentry`; the rest as for [`mkdir`](Self::mkdir).
    fn symlink<'a>(dentry: NewDentry<'a, Self>, target: &CStr) -> Result<Instantiated<'a>>;

    /// What can be done with the open file of an inode with that node.
    fn file_operations(node: &Self::Node) -> FileOperations<'_>;

    /// Writes the mount options, each with a comma before it, for `/proc/mounts`. `root` is the
    /// root of the mount: for a bind mount, any directory or file of the superblock. May sleep;
    /// mounts are locked for reading (`namespace_sem`).
    fn show_options(sb: &SuperBlock<Self>, root: &INode<Self>, m: &SeqFile) -> Result;
}

/// A file system that has its type. Implemented by
/// [`module_file_system!`](crate::module_file_system).
///
/// # Safety
///
/// The method must return the same reference each time.
pub unsafe trait HasFileSystemType: Sized + 'static {
    /// The one type of this file system.
    fn file_system_type() -> &'static FileSystemType<Self>;
}

/// The type of a file system, to be kept in a `static`.
///
/// It can be mounted only while a module keeps it enabled, see
/// [`FileSystemModule`](crate::livepatch::FileSystemModule).
///
/// # Invariants
///
/// `inodes` is `Some` from before the first mount context of this type is made until after the
/// last superblock of it is gone and its inodes are freed.
#[repr(C)]
pub struct FileSystemType<T> {
    c: Opaque<bindings::file_system_type>,
    inodes: UnsafeCell<Option<INodeCache<T>>>,
}

// SAFETY: The VFS synchronises its use of `c`; `inodes` is written only while nobody else can have
// a superblock or context of this type, and a slab cache may be used by several tasks at once.
unsafe impl<T: FileSystem> Sync for FileSystemType<T> {}

impl<T: FileSystem> FileSystemType<T> {
    /// The type of `T`, for its `static`.
    #[expect(clippy::new_without_default)]
    pub const fn new() -> Self {
        // INVARIANT: Nothing knows the type yet.
        Self {
            c: Opaque::new(bindings::file_system_type {
                name: kernel::str::as_char_ptr_in_const_context(T::NAME),
                fs_flags: bindings::FS_USERNS_MOUNT as c_int,
                init_fs_context: Some(super::context::init::<T>),
                parameters: T::Context::PARAMETERS.as_ptr().cast(),
                kill_sb: Some(super_block::kill::<T>),
                ..pin_init::zeroed()
            }),
            inodes: UnsafeCell::new(None),
        }
    }

    pub(crate) fn as_ptr(&self) -> *mut bindings::file_system_type {
        self.c.get()
    }

    /// Whether there are superblocks of this type.
    pub fn is_mounted(&self) -> bool {
        // SAFETY: A racy look at whether a list is empty: one word, read at once.
        let first = unsafe { (&raw const (*self.c.get()).fs_supers.first).read_volatile() };
        !first.is_null()
    }

    /// Makes it possible to mount this type, as a part of `module`. May sleep.
    ///
    /// # Errors
    ///
    /// `EBUSY` if it is possible already; `ENOMEM`.
    ///
    /// # Safety
    ///
    /// - Only to be called by one task at a time.
    /// - The result must be kept until no more contexts of the type can be made and all superblocks
    ///   are gone; as each context and superblock holds a reference to `module`, the module's exit
    ///   is such a time once nothing refers to the type any more.
    pub(crate) unsafe fn enable(&'static self, module: &'static ThisModule) -> Result<Enabled<T>> {
        // SAFETY: Nobody changes it meanwhile, by the caller's promise.
        if unsafe { (*self.inodes.get()).is_some() } {
            return Err(EBUSY);
        }
        let cache = INodeCache::new()?;
        // INVARIANT: No context of the type has been made so far.
        // SAFETY: For the same reason nobody else looks at the fields, by the caller's promise.
        unsafe {
            (*self.c.get()).owner = module.as_ptr();
            *self.inodes.get() = Some(cache);
        }
        // INVARIANT: The first, as there were no inodes yet; for the rest by the caller's promise.
        Ok(Enabled(self, PhantomData))
    }

    /// The cache of inodes.
    ///
    /// # Safety
    ///
    /// There must be a superblock of this type, or an inode that is not freed yet, for the lifetime
    /// of the result.
    pub(super) unsafe fn inodes(&self) -> Option<&INodeCache<T>> {
        // SAFETY: By the type invariant, and as `Enabled::drop()` waits for inodes, not written as
        // long as there is either.
        unsafe { (*self.inodes.get()).as_ref() }
    }
}

/// That a file system type can be mounted; ends with this value.
///
/// # Invariants
///
/// The only one for its type; dropped when there are no contexts and superblocks of it, and no way
/// to make any.
pub(crate) struct Enabled<T: FileSystem>(&'static FileSystemType<T>, PhantomData<T>);

impl<T: FileSystem> Drop for Enabled<T> {
    fn drop(&mut self) {
        // The last inodes are freed after an RCU grace period: wait until they are.
        // SAFETY: No preconditions.
        unsafe { bindings::rcu_barrier() };
        // INVARIANT: The last superblock is gone.
        // SAFETY: By the type invariant, and as the last inode is gone too, nobody else looks at
        // the field.
        unsafe { *self.0.inodes.get() = None };
    }
}
