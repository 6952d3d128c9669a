// SPDX-License-Identifier: GPL-2.0

//! Files in the directories of others: those of cgroup, sysfs and whatever else is made of kernfs.
//!
//! A subsystem that uses kernfs has a tree of *nodes*, and each superblock of its file system makes
//! dentries and inodes of them as they are looked up. With this crate somebody else adds a file to a
//! directory of such a tree. [`FileOperations`] says what can be done with the file, a `static`
//! [`FileType`] makes C's operations of that, and [`Directory::create`] makes a [`File`], which removes
//! the file when it is dropped.
//!
//! The crate knows neither BPF nor livepatching. Most of the functions of kernfs are not exported, so
//! a module that uses it needs livepatch relocations for them.
//!
//! # Examples
//!
//! A file with a number in it, which whoever may write to the directory of `path` gets:
//!
//! ```
//! use fs::{CreatingPath, Mode};
//! use kernel::{prelude::*, seq_print};
//! use kernfs::{Directory, File, FileOperations, FileType, Node, Text};
//!
//! static ANSWER: FileType<Answer> = FileType::new();
//!
//! struct Answer;
//!
//! #[vtable]
//! impl FileOperations for Answer {
//!     type Data = u32;
//!     /// Whether all is read.
//!     type Open = bool;
//!
//!     fn open(_file: &Node<Self>, _to_read: bool) -> Result<bool> {
//!         Ok(false)
//!     }
//!
//!     fn read(done: &mut bool, file: &Node<Self>, _room: usize, text: &mut Text<'_>) -> Result {
//!         if !core::mem::replace(done, true) {
//!             seq_print!(text.writer(), "{}\n", file.data());
//!         }
//!         Ok(())
//!     }
//! }
//!
//! fn answer(path: &CreatingPath) -> Result<File<Answer>> {
//!     let directory = Directory::of(path).ok_or(EPERM)?;
//!     directory.create(&ANSWER, Mode::new(0o400), 42)
//! }
//! # fn main() {}
//! ```
//!
//! # The life of a file
//!
//! ```text
//!   Directory::create()      the node is in the tree; File owns a reference to it, and the data
//!        |
//!   open(2), read(2) ...     C's kernfs takes an *active reference*, calls an operation with the
//!        |                   Node, and gives the reference back as that returns
//!        |
//!        +-- the directory is removed: no more active references, those that are there are waited
//!        |   for, open files are released. The name is gone, File and data are still there
//!        |
//!   drop of File             the same, unless it has been done; then the data is dropped
//! ```
//!
//! A file that is open when it is removed stays open. All that can be done with it is `ENODEV`, and no
//! code of this crate runs for it any more. So a module may go while such files are open, once each
//! `File` is dropped.
//!
//! # Removing waits for operations
//!
//! Whoever removes a node, be it by dropping a `File` or by removing the directory, waits until all
//! operations on it that run have returned. So an operation must not wait for whoever removes nodes:
//!
//! - **`rmdir(2)` of a cgroup** waits with `cgroup_mutex` held, and with `i_rwsem` of the directory and
//!   of its parent. So an operation must take none of these, nor any lock that is held while one of
//!   these is waited for.
//! - **The drop of a `File`** waits with whatever locks its owner holds. An owner that cannot know them
//!   keeps the `File` in an [`fs::Deferred`], whose value is dropped with no lock held.
//! - **An operation that drops the `File` of its own node** would wait for itself. With an
//!   [`fs::Deferred`] it does not: the drop comes when the system call that the operation is part of
//!   returns.
//! - **A page fault** of the reader may wait for user space. kernfs copies to and from user space with no
//!   active reference held, so nobody who removes a node waits for a page fault.
//!
//! lockdep sees all of this: each [`FileType`] has a class of its own, of which an operation holds a
//! lock for reading, and who removes a node takes one for writing.
//!
//! C header: [`include/linux/kernfs.h`](srctree/include/linux/kernfs.h)

#![cfg_attr(doctest, no_std)]

#[path = "../bindings/lib.rs"]
mod bindings;

mod cgroup;
mod directory;
mod file;
mod file_type;
mod node;
mod text;

pub use cgroup::{Cgroup, CgroupDirectory};
pub use directory::Directory;
pub use file::File;
pub use file_type::{FileOperations, FileType};
pub use node::{Active, Node};
pub use text::Text;
