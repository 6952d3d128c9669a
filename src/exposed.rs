// SPDX-License-Identifier: GPL-2.0

//! Which objects are exposed outside of the file system, and for how long.
//!
//! An object is exposed by files in directories of kernfs (`outside.rs`), for as long as it is pinned in
//! some instance. So its pins are counted: from the first time that it is exposed, each of its inodes is
//! watched, those that come later too. When the last one ends, the files go.
//!
//! ```text
//!   unlink(2), rename(2), umount(2)
//!     an inode ends                      locks of the VFS are held
//!       Pins::ended()                    the lock of the table; the object has no pins any more
//!         drop of the Deferred files     nothing is waited for
//!   the system call returns              no lock is held
//!     drop of each File                  waits for its readers; then the name is gone
//!   back in user mode
//! ```
//!
//! # Locking
//!
//! The lock of the table is taken with the locks held that a [`Watcher`] may be called with, or by an
//! operation on one of the files. With it held nothing is waited for but memory, so readers never wait
//! for somebody who waits for them.

use bpf::Object;
use core::mem;
use fs::{
    for_each_super_block,
    smp_mb,
    Deferred,
    Global,
    INode,
    Watcher, //
};
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
use kernfs::{File, Node};

use crate::{file_system::BpfFs, outside::Outside};

/// A file that exposes an object, and goes with the drop, which waits.
///
/// There are two of a file that its owner has removed: one in the table, the other until the owner's
/// system call returns. Whoever drops one waits until the file has gone.
struct Exposing(Arc<File<Outside>>);

impl Drop for Exposing {
    fn drop(&mut self) {
        self.0.remove();
    }
}

/// What stands for an object: an address that is no other object's while there is a pin.
type ObjectKey = usize;

/// All objects that are exposed, and those that were and are still pinned.
pub(crate) struct Exposures(Arc<Table>);

impl Global for Exposures {
    fn new() -> impl PinInit<Self, Error> {
        Arc::pin_init(Table::new(), GFP_KERNEL).map(Self)
    }
}

#[pin_data]
pub(crate) struct Table {
    /// How many objects there are in the table, for those who have to do with none of them.
    count: Atomic<usize>,
    #[pin]
    objects: Mutex<RBTree<ObjectKey, Exposed>>,
}

/// An object in the table.
struct Exposed {
    /// How many of its inodes are watched.
    pins: usize,
    /// Whether all its pins are watched: a search has found them, and those that came later were told.
    is_complete: bool,
    /// How many tasks look for inodes to be watched. They keep the object in the table.
    searches: usize,
    watcher: Arc<Pins>,
    files: KVec<Deferred<Exposing>>,
}

/// Who watches the pins of an object.
struct Pins {
    table: Arc<Table>,
    object: ObjectKey,
}

impl Watcher for Pins {
    fn ended(&self) {
        self.table.update(self.object, |exposed| {
            exposed.pins = exposed.pins.saturating_sub(1)
        });
    }
}

/// That an object stays in the table, whether it is pinned or not.
pub(crate) struct Search {
    table: Arc<Table>,
    object: ObjectKey,
}

impl Drop for Search {
    fn drop(&mut self) {
        self.table.update(self.object, |exposed| {
            exposed.searches = exposed.searches.saturating_sub(1)
        });
    }
}

/// A pin of an exposed object has been made: has it counted. `inode` has no name yet. May sleep.
///
/// # Errors
///
/// `ENOMEM`.
#[inline]
pub(crate) fn pinned(inode: &INode<BpfFs>) -> Result {
    let table = &inode.super_block().global().0;
    // The inode can be found, then the table is looked at; who exposes an object does it the other way
    // round. So one of the two sees the other.
    smp_mb();
    if table.count.load(Relaxed) == 0 {
        return Ok(());
    }
    match &inode.data().0 {
        Some(object) => table.watch_pin(object.key(), inode),
        None => Ok(()),
    }
}

/// Has the files of an object counted by `f`, and those that are gone forgotten. May sleep.
///
/// # Errors
///
/// What `f` answers.
pub(crate) fn for_each_file(
    inode: &INode<BpfFs>,
    object: &Object,
    mut f: impl FnMut(&File<Outside>) -> Result,
) -> Result {
    let mut objects = inode.super_block().global().0.objects.lock();
    let Some(exposed) = objects.get_mut(&object.key()) else {
        return Ok(());
    };
    exposed.forget_gone();
    exposed.files.iter().try_for_each(|file| f(&file.0))
}

/// Has the pins of `object` watched, for files to be [added](Search::add); [`None`] if there are none in an
/// instance. Takes time in proportion to the number of inodes of all instances if the object was not exposed
/// before.
///
/// May sleep, and waits for mounts that are about to be made. Those may wait for who knows what: a module
/// that is loaded, to begin with. So the caller must not have locked a directory.
///
/// # Errors
///
/// `ENOMEM`.
pub(crate) fn search(object: &Object) -> Result<Option<Search>> {
    match Table::find() {
        Some(table) => table.search(object),
        None => Ok(None),
    }
}

impl Exposed {
    /// Forgets the files that have gone with their directories.
    fn forget_gone(&mut self) {
        self.files.retain(|file| file.0.is_there());
    }
}

impl Table {
    fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            count: Atomic::new(0),
            objects <- new_mutex!(RBTree::new()),
        }? Error)
    }

    /// The table, if there are instances.
    fn find() -> Option<Arc<Self>> {
        let mut table = None;
        for_each_super_block::<BpfFs>(|sb| table = Some(sb.global().0.clone()));
        table
    }

    /// Changes what there is of an object. If it has no pins then, its files go; if there is nobody who looks
    /// for some either, it leaves the table.
    fn update(&self, object: ObjectKey, change: impl FnOnce(&mut Exposed)) {
        let mut objects = self.objects.lock();
        let Some(exposed) = objects.get_mut(&object) else {
            return;
        };
        change(exposed);
        // Whoever looks for some may take a while.
        let files = if exposed.pins == 0 && exposed.is_complete {
            mem::take(&mut exposed.files)
        } else {
            KVec::new()
        };
        let gone = if exposed.pins == 0 && exposed.searches == 0 {
            self.count.fetch_sub(1, Relaxed);
            objects.remove(&object)
        } else {
            None
        };
        drop(objects);
        drop((files, gone));
    }

    /// Has `inode`, a pin of `object`, watched and counted, unless it is already or the object is not in
    /// the table. May sleep. Fails with `ENOMEM`.
    fn watch_pin(&self, object: ObjectKey, inode: &INode<BpfFs>) -> Result {
        let watcher = {
            let mut objects = self.objects.lock();
            let Some(exposed) = objects.get_mut(&object) else {
                return Ok(());
            };
            // Counted first, as the pin may end as soon as it is watched.
            exposed.pins = exposed.pins.saturating_add(1);
            exposed.watcher.clone()
        };
        let result = inode.watch(watcher.clone());
        if !matches!(result, Ok(true)) {
            watcher.ended();
        }
        match result {
            Err(error) if error != ENOENT => Err(error),
            _ => Ok(()),
        }
    }

    /// Puts `object` into the table, and has its pins watched, unless they are; [`None`] if there are none. A
    /// search that fails leaves some of them watched; the next one finds the others.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    fn search(self: Arc<Self>, object: &Object) -> Result<Option<Search>> {
        let key = object.key();
        let (search, are_known) = self.begin_search(key)?;
        if !are_known {
            let mut result = Ok(());
            for_each_super_block::<BpfFs>(|sb| {
                sb.for_each_inode(|inode| {
                    let is_pin = (inode.data().0.as_ref()).is_some_and(|its| its.key() == key);
                    if is_pin && result.is_ok() {
                        result = search.table.watch_pin(key, inode);
                    }
                });
            });
            result?;
        }
        let mut objects = search.table.objects.lock();
        let is_pinned = objects.get_mut(&key).is_some_and(|exposed| {
            exposed.is_complete = true;
            exposed.pins != 0
        });
        // The search that is dropped, where there is no pin, locks the table.
        drop(objects);
        Ok(is_pinned.then_some(search))
    }

    /// Keeps the object in the table. Also says whether its pins are watched.
    fn begin_search(self: Arc<Self>, object: ObjectKey) -> Result<(Search, bool)> {
        let watcher = Arc::new(
            Pins {
                table: self.clone(),
                object,
            },
            GFP_KERNEL,
        )?;
        let exposed = Exposed {
            pins: 0,
            is_complete: false,
            searches: 0,
            watcher,
            files: KVec::new(),
        };
        let node = RBTreeNode::new(object, exposed, GFP_KERNEL)?;
        let mut objects = self.objects.lock();
        let mut unused = Some(node);
        if objects.get(&object).is_none() {
            // Counted before inodes are looked at, see `pinned()`.
            self.count.fetch_add(1, Full);
            unused = unused.and_then(|node| objects.insert(node));
        }
        let mut are_known = false;
        if let Some(exposed) = objects.get_mut(&object) {
            exposed.searches = exposed.searches.saturating_add(1);
            are_known = exposed.is_complete;
        }
        drop(objects);
        drop(unused);
        let search = Search {
            table: self,
            object,
        };
        Ok((search, are_known))
    }

    /// Has the file with that node removed when the system call returns. It stays in the table until it
    /// has gone, so that the end of the last pin waits for it. May sleep.
    ///
    /// # Errors
    ///
    /// `ENFILE` if the system has no more files; `ENOMEM`.
    pub(crate) fn remove(&self, object: &Object, node: &Node<Outside>) -> Result {
        let file = {
            let mut objects = self.objects.lock();
            let exposed = objects.get_mut(&object.key());
            let files = exposed.map(|exposed| &exposed.files);
            let file = files.and_then(|files| files.iter().find(|file| file.0.is(node)));
            if file.is_none() {
                // It is about to be added, which is to be refused then, or about to be removed.
                node.data().set_removed();
            }
            file.map(|file| file.0.clone())
        };
        match file {
            // Dropping it here would wait for the caller, who is in an operation on the file.
            Some(file) => Deferred::with(|| Exposing(file)).map(drop),
            None => Ok(()),
        }
    }
}

impl Search {
    /// Has the object exposed by the file that `create` makes, which goes with the last pin. A file that
    /// was to be removed meanwhile goes at once. May sleep.
    ///
    /// # Errors
    ///
    /// `EPERM` if the object has no pin any more; `ENFILE` if the system has no more files; `ENOMEM`; what
    /// `create` answers.
    pub(crate) fn add(&self, create: impl FnOnce(Arc<Table>) -> Result<File<Outside>>) -> Result {
        let file = Arc::new(create(self.table.clone())?, GFP_KERNEL)?;
        let file = Deferred::new(Exposing(file))?;
        let mut objects = self.table.objects.lock();
        let exposed = objects.get_mut(&self.object).ok_or(EPERM)?;
        // The last one may have gone since they were looked for.
        if exposed.pins == 0 {
            return Err(EPERM);
        }
        if file.0.is_removed() {
            return Ok(());
        }
        // As many are looked at as are added, in the long run.
        if exposed.files.len() == exposed.files.capacity() {
            exposed.forget_gone();
        }
        Ok(exposed.files.push(file, GFP_KERNEL)?)
    }
}
