// SPDX-License-Identifier: GPL-2.0

//! Being told when an inode ends.
//!
//! # Locking
//!
//! The lock of the watches is taken with any locks of the VFS held that may be held where an inode
//! ends. Nothing but memory is asked for while it is held, and no watcher is called.

use crate::smp_mb;
use kernel::{
    new_mutex,
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNode, //
    },
    sync::{
        atomic::{
            Atomic,
            Full,
            Relaxed, //
        },
        Arc,
        Mutex, //
    },
};

/// Somebody who wants to be told when an inode ends. See [`INode::watch`](crate::INode::watch).
///
/// An inode ends when its last name is removed, by `unlink(2)` or by a `rename(2)` over it. An inode
/// that has names then ends when its superblock is shut down, and a directory that is removed when it is
/// not used any more. So a file that is open may have ended.
pub trait Watcher: Send + Sync + 'static {
    /// An inode has ended. To be called once for each inode that is watched.
    ///
    /// The data of the inode is there still, but may go right after this. It is called in process
    /// context and may sleep. The locks that are held are those of the operation that ends the inode:
    ///
    /// - a mount's write access, `i_rwsem` of the directories and of the inode;
    /// - or `s_umount` of the superblock, for writing;
    /// - or none.
    ///
    /// So what it does must be short, and must wait for nobody who may want one of these. What takes
    /// longer, or other locks, can be the drop of a [`Deferred`](crate::Deferred). More inodes may be
    /// watched or may end meanwhile, also by what this does.
    fn ended(&self);
}

/// What a watch is found by: the addresses of the inode and of the watcher. Neither is used again
/// while there is the watch: the watch holds the watcher, and an inode ends before it is freed.
type Place = (usize, usize);

/// All watches of a type of file systems.
#[pin_data]
pub(crate) struct Watches {
    /// How many watches there are, or a few more.
    count: Atomic<usize>,
    #[pin]
    watches: Mutex<RBTree<Place, Arc<dyn Watcher>>>,
}

impl Watches {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            count: Atomic::new(0),
            watches <- new_mutex!(RBTree::new()),
        })
    }

    /// Adds a watch of the inode at address `inode`, which the caller holds, unless there is that one
    /// already. May sleep. Returns whether it was added.
    ///
    /// # Errors
    ///
    /// `ENOENT` if the inode `has_ended`; `ENOMEM`.
    pub(crate) fn add(
        &self,
        inode: usize,
        watcher: Arc<dyn Watcher>,
        has_ended: impl FnOnce() -> bool,
    ) -> Result<bool> {
        let place = (inode, Arc::as_ptr(&watcher).cast::<()>().addr());
        let node = RBTreeNode::new(place, watcher, GFP_KERNEL)?;
        let mut watches = self.watches.lock();
        if watches.get(&place).is_some() {
            return Ok(false);
        }
        // The inode loses its last name, then `ended()` looks at the count. Here the count is raised,
        // then the names are looked at. So one of the two sees what the other has done, and if it is
        // `ended()`, it waits for the lock.
        self.count.fetch_add(1, Full);
        if has_ended() {
            self.count.fetch_sub(1, Relaxed);
            return Err(ENOENT);
        }
        let replaced = watches.insert(node);
        // What is replaced would have been found above.
        drop(watches);
        drop(replaced);
        Ok(true)
    }

    /// The inode at that address has lost its last name or its last reference: tells those who watch
    /// the inode, once. May sleep.
    #[inline]
    pub(crate) fn ended(&self, inode: usize) {
        smp_mb();
        if self.count.load(Relaxed) != 0 {
            self.tell(inode);
        }
    }

    #[cold]
    fn tell(&self, inode: usize) {
        while let Some(watcher) = self.take(inode) {
            watcher.ended();
        }
    }

    /// Takes one of the watches of the inode.
    fn take(&self, inode: usize) -> Option<Arc<dyn Watcher>> {
        let mut watches = self.watches.lock();
        let cursor = watches.cursor_lower_bound(&(inode, 0))?;
        let place = *cursor.current().0;
        if place.0 != inode {
            return None;
        }
        let watcher = watches.remove(&place);
        self.count.fetch_sub(1, Relaxed);
        watcher
    }
}
