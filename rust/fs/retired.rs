// SPDX-License-Identifier: GPL-2.0

//! Superblocks in whose place others have come.
//!
//! Where the mounts of a superblock are replaced by those of another one, some tasks have looked up
//! their path already, and are about to change what is not seen any more. Those are answered
//! `ESTALE`, for which the VFS looks a path up once more: they change what has come in its place.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)

use crate::{
    bindings, compat,
    frozen::{freeze, thaw},
    walk::for_each_held_inode,
    AnyINode, FileSystem, Frozen, FsContext, Path,
};
use core::{mem, ptr};
use kernel::{
    container_of, new_mutex,
    prelude::*,
    sync::{
        atomic::{atomic_load, atomic_store, Relaxed, Release},
        Arc, Mutex,
    },
};

/// Another superblock has come in the place of this one, of any file system: whoever would change names
/// or attributes is answered `ESTALE`. Readers are served as ever, and so is who writes to a file.
///
/// What this takes is undone when it is dropped, which waits for tasks that have begun. It waits for nobody
/// if no other mount of the superblock is left. May sleep.
///
/// # Invariants
///
/// - The operations of each inode of the superblock that has a name are those of one of the tables.
/// - If `handlers` is not null, the handlers of attributes are those of `bin` that were made of these.
pub struct Retired {
    path: Path,
    tables: KVec<KBox<Table>>,
    /// The superblock's own handlers of attributes.
    handlers: *const *const bindings::xattr_handler,
    bin: Arc<Bin>,
}

// SAFETY: The handlers are the superblock's, which stays for as long as the path, and never written to.
unsafe impl Send for Retired {}

/// What refuses changes, and what does not any more and may still be looked at.
///
/// # Invariants
///
/// Handlers stay where they are, until this is dropped.
#[pin_data(PinnedDrop)]
pub(crate) struct Bin {
    #[pin]
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// Tables that no inode has any more. Some tasks may have just taken a pointer to one, and not have used
    /// it yet: they do not sleep before they have. To wait for them takes a grace period of tasks, which is
    /// not worth it for a few tables.
    tables: KVec<KVec<KBox<Table>>>,
    /// Handlers for each kind of superblock. `vfs_getxattr_alloc()` may sleep before it has looked at them for
    /// the last time, so that they are made once, and stay.
    handlers: KVec<Handlers>,
}

impl Bin {
    /// So many superblocks' tables are kept.
    const FULL: usize = 64;

    /// An empty one. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new() -> Result<Arc<Self>> {
        let new = pin_init!(Self { kept <- new_mutex!(Kept::default(), "Bin::kept") });
        Arc::pin_init(new, GFP_KERNEL)
    }

    /// Takes what no inode has any more. May sleep.
    fn add(&self, unused: KVec<KBox<Table>>) {
        let mut kept = self.kept.lock();
        if kept.tables.len() < Self::FULL && kept.tables.reserve(1, GFP_KERNEL).is_ok() {
            // There is room.
            let _ = kept.tables.push_within_capacity(unused);
            return;
        }
        let old = mem::take(&mut kept.tables);
        drop(kept);
        wait_for_lookers();
        drop((old, unused));
    }

    /// Puts handlers that refuse changes in the place of those of a superblock, if it has any; what it had.
    fn replace_handlers(&self, path: &Path) -> Result<*const *const bindings::xattr_handler> {
        let original = handlers_of(path);
        if original.is_null() {
            return Ok(original);
        }
        let mut kept = self.kept.lock();
        if !kept
            .handlers
            .iter()
            .any(|handlers| handlers.are_of(original))
        {
            let new = Handlers::of(original)?;
            kept.handlers.push(new, GFP_KERNEL)?;
        }
        let mut all = kept.handlers.iter();
        if let Some(handlers) = all.find(|handlers| handlers.are_of(original)) {
            // SAFETY:
            // - The list ends in a null pointer, and its handlers do what the superblock's own do, or
            //   refuse.
            // - It stays until the bin is dropped, which `Retired` keeps until the superblock has its own.
            //   The bin is dropped when its type has no superblocks any more, and so no task that looks at
            //   theirs. Of another type's superblock, a task that sleeps for memory in
            //   `vfs_getxattr_alloc()` is not waited for: it would have to sleep there from the time when
            //   the superblock was retired until after the module is gone.
            unsafe { set_handlers(path, handlers.list.as_ptr()) };
        }
        Ok(original)
    }
}

#[pinned_drop]
impl PinnedDrop for Bin {
    fn drop(self: Pin<&mut Self>) {
        let kept = mem::take(&mut *self.kept.lock());
        if !kept.tables.is_empty() || !kept.handlers.is_empty() {
            wait_for_lookers();
        }
        drop(kept);
    }
}

/// Waits for those who have taken a pointer to a table. May sleep.
fn wait_for_lookers() {
    // SAFETY: The function can be called wherever one may sleep.
    unsafe { bindings::synchronize_rcu_tasks() };
}

/// Operations of inodes that refuse changes, and whose place they take.
struct Table {
    operations: bindings::inode_operations,
    original: *const bindings::inode_operations,
}

/// Handlers of attributes that refuse changes, and whose place they take.
struct Handlers {
    /// What `list` points to.
    handlers: KVec<bindings::xattr_handler>,
    /// Ends in a null pointer.
    list: KVec<*const bindings::xattr_handler>,
    original: *const *const bindings::xattr_handler,
}

// SAFETY: What the pointers lead to is static, and never written to.
unsafe impl Send for Table {}
// SAFETY: What the pointers lead to is static, or owned by the value, and never written to.
unsafe impl Send for Handlers {}

/// What whoever would change something is answered.
const STALE: c_int = -(bindings::ESTALE as c_int);

/// Whether `error` is what is answered on a superblock that is [`Retired`]: the path is to be looked up
/// once more.
#[inline]
pub fn is_stale(error: Error) -> bool {
    error.to_errno() == STALE
}

/// What whoever would change something is answered.
pub(crate) fn stale() -> Error {
    Error::from_errno(STALE)
}

fn not_supported() -> Error {
    Error::from_errno(-(bindings::EOPNOTSUPP as c_int))
}

/// The most kinds of inodes, by their operations, that a file system may have.
const MOST_KINDS: usize = 32;

impl Frozen {
    /// Sends those who wait to look up their path once more, and all who come. May sleep; takes time in
    /// proportion to the number of inodes. `fc` is a context of whoever asks for it.
    ///
    /// Before that, all names of the files that `is_to_go` tells are removed: of what is not to live on for as
    /// long as this superblock. `is_to_go` is called with locks held and must not sleep.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` for a file system whose inodes have operations that are not known here, or with more
    /// than 32 kinds of inodes; `ENOMEM`. Then the superblock stays frozen.
    pub fn retire<T: FileSystem>(
        self,
        fc: &FsContext<T>,
        is_to_go: impl Fn(&AnyINode) -> bool,
    ) -> Result<Retired, (Error, Self)> {
        let prepare = || {
            let tables = Table::of_all(self.path())?;
            let bin = fc.bin()?;
            let handlers = bin.replace_handlers(self.path())?;
            Ok((tables, bin, handlers))
        };
        let (tables, bin, handlers) = match prepare() {
            Ok(prepared) => prepared,
            Err(error) => return Err((error, self)),
        };
        for_each_named_inode(self.path(), |inode| {
            // SAFETY: The inode is valid for the duration of the call.
            let original = unsafe { operations_of(inode) };
            if let Some(table) = find(&tables, original) {
                // SAFETY:
                // - The inode is valid for the duration of the call.
                // - The table does what the inode's own operations do, or refuses. It stays until the
                //   drop of `Retired` has given the inode its own, and then in the bin for a grace period
                //   of tasks. The inode cannot go before that: it has a name, which cannot be removed.
                unsafe { set_operations(inode, &table.operations) };
            }
            true
        });
        remove_files(self.path(), is_to_go);
        // INVARIANT: Nobody gave a name to an inode meanwhile, as the superblock is frozen: each has the
        // operations of a table now. Those who make one later are refused.
        Ok(Retired {
            path: self.into_path(),
            tables,
            handlers,
            bin,
        })
    }
}

impl Drop for Retired {
    fn drop(&mut self) {
        if !self.path.is_last() {
            // Those who had looked up their path before, and were just about to begin, have begun.
            // SAFETY: The function can be called wherever one may sleep.
            unsafe { bindings::synchronize_rcu_tasks() };
        }
        // Those who have begun end. If somebody else has frozen the superblock, nobody begins.
        let frozen = freeze(&self.path);
        // Before the inodes: whoever retires the superblock next begins with these.
        if !self.handlers.is_null() {
            // SAFETY: These were the superblock's handlers, and stay for as long as that.
            unsafe { set_handlers(&self.path, self.handlers) };
        }
        for_each_named_inode(&self.path, |inode| {
            // SAFETY: The inode is valid for the duration of the call.
            let operations = unsafe { operations_of(inode) };
            if let Some(original) = original_of(operations) {
                // SAFETY:
                // - The inode is valid for the duration of the call.
                // - These were its operations, which stay for as long as its superblock.
                unsafe { set_operations(inode, original) };
            }
            true
        });
        if frozen.is_ok() {
            thaw(&self.path);
        }
        self.bin.add(mem::take(&mut self.tables));
    }
}

impl Table {
    /// A table for each kind of inode of the superblock.
    fn of_all(path: &Path) -> Result<KVec<KBox<Self>>> {
        let mut tables = KVec::new();
        loop {
            let mut kind = None;
            for_each_named_inode(path, |inode| {
                // SAFETY: The inode is valid for the duration of the call.
                let operations = unsafe { operations_of(inode) };
                if find(&tables, operations).is_none() {
                    kind = Some(operations);
                }
                kind.is_none()
            });
            let Some(kind) = kind else {
                return Ok(tables);
            };
            if tables.len() >= MOST_KINDS {
                return Err(not_supported());
            }
            tables.push(KBox::new(Self::of(kind)?, GFP_KERNEL)?, GFP_KERNEL)?;
        }
    }

    /// Operations that refuse changes, in the place of `original`.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` if there are some that change something and are not refused here.
    fn of(original: *const bindings::inode_operations) -> Result<Self> {
        // SAFETY: These are an inode's, which are static in a module that the superblock holds.
        let mut operations = unsafe { *original };
        let is_known = operations.atomic_open.is_none()
            && operations.tmpfile.is_none()
            && operations.set_acl.is_none()
            && operations.fileattr_set.is_none();
        // Those of another `Retired`.
        if !is_known || is_table(original) {
            return Err(not_supported());
        }
        // What is absent is refused by the VFS, and stays so.
        operations.create = operations.create.and(Some(refuse::create));
        operations.link = operations.link.and(Some(refuse::link));
        operations.unlink = operations.unlink.and(Some(refuse::unlink));
        operations.symlink = operations.symlink.and(Some(refuse::symlink));
        operations.mkdir = operations.mkdir.and(Some(refuse::mkdir));
        operations.rmdir = operations.rmdir.and(Some(refuse::unlink));
        operations.mknod = operations.mknod.and(Some(refuse::mknod));
        operations.rename = operations.rename.and(Some(refuse::rename));
        // That is not, but the VFS' own then.
        operations.setattr = Some(refuse::setattr);
        Ok(Self {
            operations,
            original,
        })
    }
}

/// The table that was made of `original`.
fn find(tables: &[KBox<Table>], original: *const bindings::inode_operations) -> Option<&Table> {
    let mut tables = tables.iter();
    tables
        .find(|table| ptr::eq(table.original, original))
        .map(|table| &**table)
}

impl Handlers {
    /// Handlers that refuse changes, in the place of `original`: a superblock's, which the caller holds.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` if they refuse changes already; `ENOMEM`.
    fn of(original: *const *const bindings::xattr_handler) -> Result<Self> {
        let mut handlers = KVec::new();
        for_each_handler(original, |handler| {
            let mut handler = *handler;
            if let Some(set) = handler.set {
                if ptr::fn_addr_eq(set, refuse::set_xattr as SetXattr) {
                    return Err(not_supported());
                }
                handler.set = Some(refuse::set_xattr);
            }
            Ok(handlers.push(handler, GFP_KERNEL)?)
        })?;
        let mut list = KVec::with_capacity(handlers.len().saturating_add(1), GFP_KERNEL)?;
        for handler in &handlers {
            list.push(&raw const *handler, GFP_KERNEL)?;
        }
        list.push(ptr::null(), GFP_KERNEL)?;
        Ok(Self {
            handlers,
            list,
            original,
        })
    }

    /// Whether they take the place of `original`: a superblock's, which the caller holds. What another module
    /// has had at the same address does not count.
    fn are_of(&self, original: *const *const bindings::xattr_handler) -> bool {
        let mut own = self.handlers.iter();
        let are_alike = ptr::eq(self.original, original)
            && for_each_handler(original, |its| match own.next() {
                Some(own) if is_alike(own, its) => Ok(()),
                _ => Err(EINVAL),
            })
            .is_ok();
        are_alike && own.next().is_none()
    }
}

type SetXattr = unsafe extern "C" fn(
    *const bindings::xattr_handler,
    *mut bindings::mnt_idmap,
    *mut bindings::dentry,
    *mut bindings::inode,
    *const c_char,
    *const c_void,
    usize,
    c_int,
) -> c_int;

/// Whether one handler is the other one, but for what sets.
fn is_alike(one: &bindings::xattr_handler, other: &bindings::xattr_handler) -> bool {
    let address = |handler: &bindings::xattr_handler| {
        (
            handler.name.addr(),
            handler.prefix.addr(),
            handler.flags,
            handler.list.map(|list| list as *const () as usize),
            handler.get.map(|get| get as *const () as usize),
            handler.set.is_some(),
        )
    };
    address(one) == address(other)
}

/// Calls `f` with each handler of a superblock's list, which the caller holds, until it fails.
fn for_each_handler(
    list: *const *const bindings::xattr_handler,
    mut f: impl FnMut(&bindings::xattr_handler) -> Result,
) -> Result {
    let mut at = list;
    // SAFETY: The list is a superblock's, which ends in a null pointer and stays for as long as the
    // superblock. So do the handlers in it.
    while let Some(handler) = unsafe { (*at).as_ref() } {
        f(handler)?;
        at = at.wrapping_add(1);
    }
    Ok(())
}

/// Operations that change something: whoever calls one looks up the path once more.
mod refuse {
    use super::*;
    use bindings::{dentry, iattr, inode, mnt_idmap, umode_t};

    /// Defines operations that do nothing.
    macro_rules! refuse {
        ($($(#[$attribute:meta])* $name:ident($($argument:ty),*) -> $result:ty { $answer:expr })*) => {
            $(
                /// # Safety
                ///
                /// None; `unsafe` is what the type of the function asks for.
                $(#[$attribute])*
                pub(super) unsafe extern "C" fn $name($(_: $argument),*) -> $result {
                    $answer
                }
            )*
        };
    }

    compat::create_operation! {
        /// # Safety
        ///
        /// None; `unsafe` is what the type of the function asks for.
        pub(super) unsafe extern "C" fn create(
            _: *mut mnt_idmap,
            _: *mut inode,
            _: *mut dentry,
            _: umode_t
        ) -> c_int {
            STALE
        }
    }

    refuse! {
        link(*mut dentry, *mut inode, *mut dentry) -> c_int { STALE }
        unlink(*mut inode, *mut dentry) -> c_int { STALE }
        symlink(*mut mnt_idmap, *mut inode, *mut dentry, *const c_char) -> c_int { STALE }
        mkdir(*mut mnt_idmap, *mut inode, *mut dentry, umode_t) -> *mut dentry {
            Error::from_errno(STALE).to_ptr()
        }
        mknod(*mut mnt_idmap, *mut inode, *mut dentry, umode_t, bindings::dev_t) -> c_int { STALE }
        rename(*mut mnt_idmap, *mut inode, *mut dentry, *mut inode, *mut dentry, c_uint) -> c_int { STALE }
        // Its address tells the operations of a table: there must be but one.
        #[inline(never)]
        setattr(*mut mnt_idmap, *mut dentry, *mut iattr) -> c_int { STALE }
        set_xattr(
            *const bindings::xattr_handler, *mut mnt_idmap, *mut dentry, *mut inode, *const c_char,
            *const c_void, usize, c_int
        ) -> c_int { STALE }
    }
}

/// Whether these are the operations of a [`Table`].
#[inline]
fn is_table(operations: *const bindings::inode_operations) -> bool {
    type Setattr = unsafe extern "C" fn(
        *mut bindings::mnt_idmap,
        *mut bindings::dentry,
        *mut bindings::iattr,
    ) -> c_int;

    // SAFETY: These are an inode's, which stay for as long as it has them and for a grace period of
    // tasks after that. The caller has just looked, and does not sleep.
    let its = unsafe { (*operations).setattr };
    its.is_some_and(|its| ptr::fn_addr_eq(its, refuse::setattr as Setattr))
}

/// The operations that `operations` take the place of, if they are those of a [`Table`].
fn original_of(
    operations: *const bindings::inode_operations,
) -> Option<*const bindings::inode_operations> {
    is_table(operations).then(|| {
        // SAFETY: They are in a table, as just seen, which stays as they do.
        unsafe { (*container_of!(operations.cast_mut(), Table, operations)).original }
    })
}

impl AnyINode {
    /// Whether the inode's superblock is [`Retired`]. That stays so for as long as the caller has write
    /// access to the superblock.
    #[inline]
    pub(crate) fn is_retired(&self) -> bool {
        // SAFETY: The inode is live by the type invariant.
        is_table(unsafe { operations_of(self.as_ptr()) })
    }

    /// C's operations of the inode: its own, also while its superblock is [`Retired`].
    #[inline]
    pub fn operations_ptr(&self) -> *const bindings::inode_operations {
        // SAFETY: The inode is live by the type invariant.
        let operations = unsafe { operations_of(self.as_ptr()) };
        original_of(operations).unwrap_or(operations)
    }
}

/// # Safety
///
/// `inode` must point to a valid inode.
#[inline]
unsafe fn operations_of(inode: *mut bindings::inode) -> *const bindings::inode_operations {
    // SAFETY: The inode is valid by this function's contract. Others change the field by whole words.
    unsafe { atomic_load(&raw mut (*inode).i_op, Relaxed) }
}

/// # Safety
///
/// - `inode` must point to a valid inode.
/// - `operations` must do for the inode, and stay for as long as it has them and for a grace period of
///   tasks after that.
unsafe fn set_operations(
    inode: *mut bindings::inode,
    operations: *const bindings::inode_operations,
) {
    // SAFETY: The inode is valid by this function's contract. The VFS reads the field with no lock, and
    // calls what it has read before it sleeps. Where it looks whether there is an operation, and reads the
    // field again to call it, both have that operation or neither, but for `setattr`: no task is there, as
    // the superblock is frozen.
    unsafe { atomic_store(&raw mut (*inode).i_op, operations, Release) }
}

/// The handlers of attributes that the superblock of `path` has; null for none.
fn handlers_of(path: &Path) -> *const *const bindings::xattr_handler {
    // SAFETY: The path holds its superblock. Others change the field by whole words.
    unsafe { atomic_load(&raw mut (*path.super_block_ptr()).s_xattr, Relaxed) }
}

/// # Safety
///
/// `handlers` must be a list that ends in a null pointer, do for the superblock of `path`, and stay for
/// as long as the superblock has it and for as long after that as a task looks at it that has taken it before.
unsafe fn set_handlers(path: &Path, handlers: *const *const bindings::xattr_handler) {
    // SAFETY: The path holds its superblock. The VFS reads the field with no lock.
    unsafe {
        atomic_store(
            &raw mut (*path.super_block_ptr()).s_xattr,
            handlers,
            Release,
        )
    }
}

/// Removes all names of the files that `is_to_go` tells, which is called with locks held. May sleep.
///
/// The superblock must be frozen, and its inodes have the operations of tables: then nobody else changes names.
fn remove_files(path: &Path, is_to_go: impl Fn(&AnyINode) -> bool) {
    // SAFETY:
    // - The path holds its superblock.
    // - An inode is valid while it is asked for. One that has a name is live, and held as its names are removed.
    unsafe {
        for_each_held_inode(
            path.super_block_ptr(),
            |inode| is_named(inode) && is_to_go(AnyINode::from_raw(inode)),
            |inode| remove_names(inode),
        )
    }
}

/// Removes all names of a file, as `vfs_unlink()` does for one, but that nobody is told, and that what is mounted
/// on the file stays. May sleep.
///
/// The directory is locked before the file, as by the VFS.
///
/// # Safety
///
/// `inode` must be held by the caller, be no directory, and be in a superblock that is frozen and whose inodes
/// have the operations of tables.
unsafe fn remove_names(inode: *mut bindings::inode) {
    loop {
        // SAFETY: The inode is held by this function's contract.
        let dentry = unsafe { bindings::d_find_alias(inode) };
        if dentry.is_null() {
            break;
        }
        // SAFETY:
        // - The dentry and its parent are held until the end of the block. Nobody renames in the superblock, so
        //   that the parent stays the same, and its inode is a directory.
        // - The dentry has a name there, is positive and no directory: it can be unlinked. Both inodes are locked
        //   for writing.
        // - The operation is the directory's own. What it does, it does with the dentry and both inodes.
        // - An inode without a name has its own operations, by which its file system knows what it holds, before
        //   `d_delete()` may put the last reference but ours to it.
        let is_removed = unsafe {
            let parent = bindings::dget_parent(dentry);
            let dir = (*parent).d_inode;
            bindings::inode_lock_nested(dir, bindings::I_MUTEX_PARENT);
            bindings::inode_lock(inode);
            let operations = operations_of(dir);
            let operations = original_of(operations).unwrap_or(operations);
            let is_removed = (*operations)
                .unlink
                .is_some_and(|unlink| unlink(dir, dentry) == 0);
            if is_removed && (*inode).__bindgen_anon_1.__i_nlink == 0 {
                if let Some(original) = original_of(operations_of(inode)) {
                    set_operations(inode, original);
                }
            }
            bindings::inode_unlock(inode);
            if is_removed {
                bindings::d_delete(dentry);
            }
            bindings::inode_unlock(dir);
            bindings::dput(parent);
            bindings::dput(dentry);
            is_removed
        };
        if !is_removed {
            break;
        }
    }
}

/// Whether an inode has a name.
///
/// # Safety
///
/// `inode` must point to a valid inode.
unsafe fn is_named(inode: *mut bindings::inode) -> bool {
    // A new inode has a link before it has a name, and a token's has no link when it gets its dentry.
    // SAFETY: The inode is valid by this function's contract. The list of its dentries, which is there until it is
    // freed, is looked at with its lock held.
    unsafe {
        let lock = &raw mut (*inode).i_lock;
        bindings::spin_lock(lock);
        let is_named = (*inode).__bindgen_anon_1.__i_nlink != 0
            && !(*inode).__bindgen_anon_2.i_dentry.first.is_null();
        bindings::spin_unlock(lock);
        is_named
    }
}

/// Calls `f` with each inode of the superblock that has a name, which is valid for the duration of the call,
/// until it is `false`. `f` runs with the lock of the list held and must not sleep.
///
/// An inode without a name may be about to be destroyed, when it has to have its own operations: by these C's
/// file system knows what it holds. A token's is made while others wait, and never has a name. Nothing can be
/// changed there that somebody else sees.
fn for_each_named_inode(path: &Path, mut f: impl FnMut(*mut bindings::inode) -> bool) {
    for_each_inode(path, |inode| {
        // SAFETY: The inode is valid for the duration of the call.
        !unsafe { is_named(inode) } || f(inode)
    });
}

/// Calls `f` with each inode of the superblock, which is valid for the duration of the call, until it is
/// `false`. `f` runs with the lock of the list held and must not sleep.
fn for_each_inode(path: &Path, mut f: impl FnMut(*mut bindings::inode) -> bool) {
    let sb = path.super_block_ptr();
    // SAFETY: The path holds its superblock. The list of its inodes is looked at with the list's lock
    // held only, and an inode in the list is valid for that time.
    unsafe {
        let lock = &raw mut (*sb).s_inode_list_lock;
        let head = &raw mut (*sb).s_inodes;
        bindings::spin_lock(lock);
        let mut at = (*head).next;
        while !ptr::eq(at, head) && f(container_of!(at, bindings::inode, i_sb_list)) {
            at = (*at).next;
        }
        bindings::spin_unlock(lock);
    }
}
