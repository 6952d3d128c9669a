// SPDX-License-Identifier: GPL-2.0

//! Pseudo file systems.
//!
//! DOC

#[path = "../bindings/lib.rs"]
mod bindings;

// SAFETY: The type has no size.
unsafe impl<T> pin_init::Zeroable for bindings::__BindgenUnionField<T> {}

mod attributes;
pub mod capability;
mod context;
mod dentry;
mod directory;
mod file;
mod file_system;
mod filling;
mod inode;
mod inode_cache;
mod instances;
mod mode;
mod mount;
pub mod number;
mod open_path;
mod parameter;
mod path;
pub mod seq;
mod super_block;
mod symlink;
pub mod task;
mod uidgid;
pub mod xattr;

pub use attributes::{Changes, Stat};
pub use context::{init_fs_context, Context, FsContext, Sharing, UnknownParameters};
pub use dentry::{Entry, Instantiated, LinkSource, NewDentry, Removed, Renamed, Renaming};
pub use directory::{DirectoryOperations, DirectoryOps};
pub use file::{FileOperations, FileOps, OpenFile, Whence};
pub use file_system::{
    FileSystem, FileSystemType, HasFileSystemType, INodeNumbers, Registration,
};
pub use filling::{NewDirectory, Root};
pub use inode::{AnyINode, INode, LockedINode};
pub use instances::Key;
pub use mode::{AccessMask, Mode};
pub use open_path::OpenPath;
pub use parameter::{Parameter, ParameterTable, Parameters, Spec};
pub use path::{CreatingPath, Path, UserPath};
pub use super_block::{FillingSuperBlock, NewSuperBlock, StatFs, SuperBlock};
pub(crate) use super_block::SuperBlockInfo;
pub use uidgid::{KernelId, Kgid, Kuid};
