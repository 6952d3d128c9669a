// SPDX-License-Identifier: GPL-2.0

//! Pseudo file systems.
//!
//! A file system is a type that implements [`FileSystem`]; [`module_file_system!`] makes a kernel
//! module of it. What the VFS hands to it comes as references or owned values that fit their life
//! cycle:
//!
//! - a mount is configured in a [`Context`] and an [`FsContext`];
//! - a [`SuperBlock`] is [`Filling`] until it has a root, then [`Live`];
//! - a [`CreatingPath`] is a name about to be created, with the parent locked for it, and a
//!   [`Path`] one that exists;
//! - a [`NewDentry`] is a name without an inode, a [`PendingINode`] one that has all it needs to
//!   come into being but has not.
//!
//! Inodes carry the file system's data in the same allocation ([`FileSystem::Node`]), which lives
//! exactly as long as they do.
//!
//! [`module_file_system!`]: crate::module_file_system
//!
//! C headers: [`include/linux/fs.h`](srctree/include/linux/fs.h),
//! [`include/linux/fs_context.h`](srctree/include/linux/fs_context.h),
//! [`include/linux/namei.h`](srctree/include/linux/namei.h)

mod context;
mod dentry;
mod file;
mod file_system;
mod inode;
mod inode_cache;
mod mode;
mod open_path;
mod operations;
mod parameter;
mod path;
pub mod seq;
mod super_block;
mod xattr;

pub(crate) use context::init_fs_context;
pub use context::{Context, FsContext};
pub use dentry::{Instantiated, NewDentry, PendingFile, PendingINode};
pub use file::FileOperations;
pub(crate) use file_system::Enabled;
pub use file_system::{FileSystem, FileSystemType, HasFileSystemType};
pub use inode::{AnyINode, INode};
pub use mode::{AccessMask, Mode};
pub use open_path::OpenPath;
pub use parameter::{Parameter, ParameterTable, Parameters, Spec};
pub use path::{CreatingPath, Path, UserPath};
pub use super_block::{Filling, Live, NewRoot, SuperBlock};
