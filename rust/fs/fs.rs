// SPDX-License-Identifier: GPL-2.0

//! Pseudo file systems: those whose files live in memory.
//!
//! A file system is a type that implements [`FileSystem`], and a few more types that it names:
//! what belongs to a mount and to an inode, how a mount is configured, and what can be done with a
//! directory and a file. [`module_fs!`] makes a kernel module of it. None of this takes unsafe code
//! of the file system.
//!
//! This crate knows neither BPF nor livepatching, and refers to exported symbols only. The sample
//! `samples/notefs` is a whole file system on it.
//!
//! # Examples
//!
//! A file system with one file, which keeps the last line that was written to it. Whoever mounts it
//! may say what the line is at first: `mount -t line -o line=hello none /mnt`.
//!
//! ```
//! use fs::{xattr::NoXattrs, *};
//! use kernel::{
//!     alloc::flags::*,
//!     iov::{IovIterDest, IovIterSource},
//!     prelude::*,
//!     sync::{new_mutex, Mutex},
//! };
//!
//! fs::module_fs! {
//!     type: LineFs,
//!     name: "line_fs",
//!     authors: ["Me"],
//!     description: "A file system with a line in it",
//!     license: "GPL",
//! }
//!
//! struct LineFs;
//!
//! #[vtable]
//! impl FileSystem for LineFs {
//!     const NAME: &'static CStr = c"line";
//!     const INODE_CACHE: &'static CStr = c"line_inode_cache";
//!     const MAGIC: u32 = 0x6c696e65;
//!
//!     type Data = ();
//!     /// The line; the root has none.
//!     type INodeData = Mutex<KVVec<u8>>;
//!     type Context = Mount;
//!     type Xattrs = NoXattrs;
//!     type Global = ();
//! }
//!
//! /// A mount that is being configured.
//! struct Mount {
//!     line: KVVec<u8>,
//! }
//!
//! #[derive(Clone, Copy)]
//! enum Opt {
//!     Line,
//! }
//!
//! static PARAMETERS: Parameters<Opt, 1> = Parameters::new([(Spec::string(c"line"), Opt::Line)]);
//!
//! #[vtable]
//! impl Context for Mount {
//!     type FileSystem = LineFs;
//!     type Option = Opt;
//!
//!     const PARAMETERS: ParameterTable<Opt> = PARAMETERS.table();
//!
//!     fn new() -> Result<Self> {
//!         Ok(Self { line: KVVec::new() })
//!     }
//!
//!     fn parse(
//!         &mut self,
//!         _fc: &FsContext<LineFs>,
//!         option: Opt,
//!         parameter: Parameter<'_>,
//!     ) -> Result {
//!         match option {
//!             Opt::Line => {
//!                 self.line.clear();
//!                 let line = parameter.string()?.to_bytes();
//!                 Ok(self.line.extend_from_slice(line, GFP_KERNEL)?)
//!             }
//!         }
//!     }
//!
//!     fn fill<'a>(&mut self, sb: NewSuperBlock<'a, LineFs>) -> Result<Root<'a, LineFs>> {
//!         let owner = (Kuid::current_fs(), Kgid::current_fs());
//!         let nothing = new_mutex!(KVVec::new());
//!         let operations = DirectoryOps::of::<Directory>();
//!         let root = sb.with_data(())?.into_root(Mode::new(0o755), owner, nothing, operations)?;
//!
//!         let line = new_mutex!(core::mem::take(&mut self.line));
//!         root.file(c"line", Mode::new(0o644), line, |_| FileOps::of::<File>())?;
//!         Ok(root)
//!     }
//! }
//!
//! /// A directory in which nothing can be made.
//! struct Directory;
//!
//! #[vtable]
//! impl DirectoryOperations for Directory {
//!     type FileSystem = LineFs;
//! }
//!
//! /// The file with the line.
//! struct File;
//!
//! #[vtable]
//! impl FileOperations for File {
//!     type FileSystem = LineFs;
//!     type Open = ();
//!
//!     fn open(_inode: &INode<LineFs>) -> Result {
//!         Ok(())
//!     }
//!
//!     fn read(file: &OpenFile<'_, Self>, position: u64, to: &mut IovIterDest<'_>) -> Result {
//!         simple_read(to, position, &file.inode().data().lock())
//!     }
//!
//!     fn write(
//!         file: &LockedFile<'_, Self>,
//!         _position: u64,
//!         from: &mut IovIterSource<'_>,
//!     ) -> Result {
//!         let inode = file.inode();
//!         let mut line = KVVec::new();
//!         from.copy_from_iter_vec(&mut line, GFP_KERNEL_ACCOUNT | __GFP_NOWARN)?;
//!         inode.set_size(line.len() as u64)?;
//!         *inode.data().lock() = line;
//!         Ok(())
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! # The life of a mount
//!
//! What C says in comments or by a flag is a type here. What ends a state takes the value.
//!
//! 1. `fsopen(2)` or `mount(2)` opens a context. [`Context::new`] makes the file system's side of
//!    it; [`FsContext`] is the VFS's.
//! 2. [`Context::parse`] takes one [`Parameter`] after the other.
//! 3. [`Context::sharing`] says which superblock is to be shown: a new one, the only one, or the one
//!    with a [`Key`]. The abstraction looks for it.
//! 4. If there is none, [`Context::fill`] gets a [`NewSuperBlock`]. Its data makes it a
//!    [`FillingSuperBlock`], and that a [`Root`], in which files and directories can be created. The
//!    root is the proof that `fill` has to return. If there is one, [`Context::join`] may refuse.
//! 5. From now on there is a [`SuperBlock`]. [`Context::reconfigure`] serves `mount -o remount`.
//! 6. When the last mount, open file and [`ARef`] of an inode are gone, the superblock is shut down:
//!    first its inodes go, then its data is dropped.
//!
//! Each context and each superblock holds the module.
//!
//! # The life of an inode
//!
//! 1. An operation of a directory gets a [`NewDentry`]: a name that does not exist, with the
//!    directory locked. [`NewDentry::file`] and its like make the inode and initialise its data in
//!    place, next to C's `struct inode`: one allocation. Then nothing can fail any more, the name
//!    gets the inode, and [`Instantiated`] is the proof that the operation has to return.
//! 2. An [`INode`] is live: whoever has one reaches its [data](INode::data) and
//!    [superblock](INode::super_block) without a lock. [`LockedINode`] is one with its lock held. An
//!    [`ARef<INode<T>>`][`ARef`] keeps one.
//! 3. [`Entry::unlink`] removes a name, for which [`Removed`] is the proof. When the last name goes, or
//!    else the inode, whoever has asked for it by [`INode::watch`] is told.
//! 4. When the last name, open file and reference are gone, the data is dropped, in a context that
//!    may sleep. No lock of a directory is held then, but for a directory's own data, which `rmdir(2)`
//!    may drop with the parent locked. The memory is freed a grace period later, as path walk under
//!    RCU may still look at it.
//!
//! # What is not supported
//!
//! - Files on a device or a network: there is no writeback, and no `evict_inode()`.
//! - Listing names that are made by looking them up (an `iterate_shared()` of one's own).
//! - Device nodes, sockets and fifos, `O_TMPFILE`, `atomic_open()`.
//! - `mmap(2)`, `ioctl(2)`, `poll(2)`, asynchronous reading and writing.
//! - POSIX ACLs, quota, `user.*` attributes, id-mapped mounts, file handles (`export_operations`).
//!
//! # Locking
//!
//! The abstraction has two locks of its own: the one of the [index](Key) of superblocks, taken with
//! `s_umount` of a superblock held, and the one of the [watches](INode::watch). Each is taken last, and
//! no code of a file system runs under it.
//!
//! C headers: [`include/linux/fs.h`](srctree/include/linux/fs.h),
//! [`include/linux/fs_context.h`](srctree/include/linux/fs_context.h),
//! [`include/linux/namei.h`](srctree/include/linux/namei.h)
//!
//! [`ARef`]: kernel::sync::aref::ARef

#![cfg_attr(doctest, no_std)]

#[path = "../bindings/lib.rs"]
mod bindings;

// SAFETY: The type has no size.
unsafe impl<T> pin_init::Zeroable for bindings::__BindgenUnionField<T> {}

mod attributes;
mod c_result;
pub mod capability;
mod compat;
mod computed_xattrs;
mod context;
mod deferred;
mod dentry;
mod directory;
mod file;
mod file_system;
mod filling;
mod frozen;
mod inode;
mod inode_cache;
mod inode_limit;
mod instances;
mod mode;
mod mount;
mod new_box;
pub mod number;
mod open_path;
mod parameter;
mod path;
mod retired;
mod sb_info;
pub mod seq;
mod successor;
mod super_block;
mod symlink;
pub mod task;
mod uidgid;
mod walk;
mod watch;
pub mod xattr;

pub use attributes::{Changes, Stat};
pub use c_result::{from_err_ptr, not_queued, to_result};
pub use compat::smp_mb;
pub use context::{init_fs_context, Context, FsContext, Sharing, UnknownParameters};
pub use deferred::Deferred;
pub use dentry::{Entry, Instantiated, LinkSource, NewDentry, Removed, Renamed, Renaming};
pub use directory::{DirectoryOperations, DirectoryOps};
pub use file::{simple_read, FileOperations, FileOps, LockedFile, OpenFile, Whence};
#[doc(hidden)]
pub use file_system::{alias, alias_len};
pub use file_system::{
    FileSystem,
    FileSystemType,
    Global,
    HasFileSystemType,
    INodeNumbers,
    Registration, //
};
pub use filling::{NewDirectory, Root};
pub use frozen::Frozen;
pub use inode::{AnyINode, INode, LockedINode};
pub use instances::{Key, KeyName};
pub use mode::{AccessMask, Mode};
pub use new_box::new_uninit_box;
pub use open_path::OpenPath;
pub use parameter::{Parameter, ParameterTable, Parameters, Spec};
pub use path::{CreatingIn, CreatingPath, Path, UserPath};
pub use retired::{is_stale, Retired};
pub(crate) use sb_info::SbInfo;
pub use successor::Successor;
pub use super_block::{FillingSuperBlock, NewSuperBlock, StatFs, SuperBlock};
pub use uidgid::{KernelId, Kgid, Kuid};
pub use walk::for_each_super_block;
pub use watch::Watcher;
