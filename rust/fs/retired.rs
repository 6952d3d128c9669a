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
/// - The operations of each inode of the superblock are those of one of the tables, which stay where
///   they are.
/// - The handlers of attributes are ours, if there are any.
pub struct Retired {
    path: Path,
    refusals: Refusals,
    bin: Arc<Bin>,
}

/// What refuses changes of a superblock.
#[derive(Default)]
struct Refusals {
    tables: KVec<KBox<Table>>,
    handlers: Option<Handlers>,
}

/// Operations of inodes that refuse changes, and whose place they take.
struct Table {
    operations: bindings::inode_operations,
    original: *const bindings::inode_operations,
}

/// Handlers of attributes that refuse changes, and whose place they take.
struct Handlers {
    /// What `list` points to.
    _handlers: KVec<bindings::xattr_handler>,
    /// Ends in a null pointer.
    list: KVec<*const bindings::xattr_handler>,
    original: *const *const bindings::xattr_handler,
}

// SAFETY: What the pointers lead to is static, or owned by the value, and never written to.
unsafe impl Send for Refusals {}

/// What refuses no changes any more. Some may have just taken a pointer to a table there, and not have used
/// it yet: they do not sleep before they have. To wait for them takes a grace period of tasks, which is not
/// worth it for a few tables.
#[pin_data(PinnedDrop)]
pub(crate) struct Bin {
    #[pin]
    refusals: Mutex<KVec<Refusals>>,
}

impl Bin {
    /// So much is kept.
    const FULL: usize = 64;

    /// An empty one. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new() -> Result<Arc<Self>> {
        let new = pin_init!(Self { refusals <- new_mutex!(KVec::new(), "Bin::refusals") });
        Arc::pin_init(new, GFP_KERNEL)
    }

    /// Takes what no inode has any more. May sleep.
    fn add(&self, unused: Refusals) {
        let mut refusals = self.refusals.lock();
        if refusals.len() < Self::FULL && refusals.reserve(1, GFP_KERNEL).is_ok() {
            // There is room.
            let _ = refusals.push_within_capacity(unused);
            return;
        }
        wait_for_lookers();
        refusals.clear();
    }
}

#[pinned_drop]
impl PinnedDrop for Bin {
    fn drop(self: Pin<&mut Self>) {
        if !self.refusals.lock().is_empty() {
            wait_for_lookers();
        }
    }
}

/// Waits for those who have taken a pointer to a table. May sleep.
fn wait_for_lookers() {
    // SAFETY: The function can be called wherever one may sleep.
    unsafe { bindings::synchronize_rcu_tasks() };
}

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
    /// # Errors
    ///
    /// `EOPNOTSUPP` for a file system whose inodes have operations that are not known here, or with more
    /// than 32 kinds of inodes; `ENOMEM`. Then the superblock stays frozen.
    pub fn retire<T: FileSystem>(self, fc: &FsContext<T>) -> Result<Retired, (Error, Self)> {
        let prepare = || {
            let refusals = Refusals {
                tables: Table::of_all(self.path())?,
                handlers: Handlers::of(self.path())?,
            };
            Ok((fc.bin()?, refusals))
        };
        let (bin, refusals) = match prepare() {
            Ok(prepared) => prepared,
            Err(error) => return Err((error, self)),
        };
        for_each_inode(self.path(), |inode| {
            // SAFETY: The inode is valid for the duration of the call.
            let original = unsafe { operations_of(inode) };
            if let Some(table) = find(&refusals.tables, original) {
                // SAFETY:
                // - The inode is valid for the duration of the call.
                // - The table does what the inode's own operations do, or refuses. It stays until the
                //   drop of `Retired` has given the inode its own, and then in the bin for a grace period
                //   of tasks.
                unsafe { set_operations(inode, &table.operations) };
            }
            true
        });
        if let Some(handlers) = &refusals.handlers {
            // SAFETY:
            // - The list ends in a null pointer, and its handlers do what the superblock's own do, or
            //   refuse.
            // - The list stays until the drop of `Retired` has put the superblock's own in its place, and
            //   then in the bin for a grace period of tasks.
            unsafe { set_handlers(self.path(), handlers.list.as_ptr()) };
        }
        // INVARIANT: Nobody made an inode meanwhile, as the superblock is frozen: each has the
        // operations of a table now. Those who make one later are refused.
        Ok(Retired {
            path: self.into_path(),
            refusals,
            bin,
        })
    }
}

impl Drop for Retired {
    fn drop(&mut self) {
        // Whoever is about to begin has another mount than the caller's own.
        let frozen = match self.path.is_last() {
            true => None,
            false => {
                // Those who had looked up their path before, and were just about to begin, have begun.
                // SAFETY: The function can be called wherever one may sleep.
                unsafe { bindings::synchronize_rcu_tasks() };
                // Those who have begun end. If somebody else has frozen the superblock, nobody begins.
                freeze(&self.path).ok()
            }
        };
        for_each_inode(&self.path, |inode| {
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
        if let Some(handlers) = &self.refusals.handlers {
            // SAFETY: These were the superblock's handlers, and stay for as long as that.
            unsafe { set_handlers(&self.path, handlers.original) };
        }
        if frozen.is_some() {
            thaw(&self.path);
        }
        self.bin.add(mem::take(&mut self.refusals));
    }
}

impl Table {
    /// A table for each kind of inode of the superblock.
    fn of_all(path: &Path) -> Result<KVec<KBox<Self>>> {
        let mut tables = KVec::new();
        loop {
            let mut kind = None;
            for_each_inode(path, |inode| {
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
    /// Handlers that refuse changes, in the place of those of the superblock, if it has any.
    fn of(path: &Path) -> Result<Option<Self>> {
        // SAFETY: The path holds its superblock.
        let original = unsafe { (*path.super_block_ptr()).s_xattr };
        if original.is_null() {
            return Ok(None);
        }
        let mut handlers = KVec::new();
        let mut at = original;
        // SAFETY: The list is the superblock's, which ends in a null pointer and stays for as long as
        // the superblock. So do the handlers in it.
        while let Some(handler) = unsafe { (*at).as_ref() } {
            let mut handler = *handler;
            if handler.set.is_some() {
                handler.set = Some(refuse::set_xattr);
            }
            handlers.push(handler, GFP_KERNEL)?;
            at = at.wrapping_add(1);
        }
        let mut list = KVec::with_capacity(handlers.len().saturating_add(1), GFP_KERNEL)?;
        for handler in &handlers {
            list.push(&raw const *handler, GFP_KERNEL)?;
        }
        list.push(ptr::null(), GFP_KERNEL)?;
        Ok(Some(Self {
            _handlers: handlers,
            list,
            original,
        }))
    }
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
    // SAFETY: The inode is valid by this function's contract. The VFS reads the field once for each call
    // of an operation, with no lock, and calls what it has read before it sleeps.
    unsafe { atomic_store(&raw mut (*inode).i_op, operations, Release) }
}

/// # Safety
///
/// `handlers` must be a list that ends in a null pointer, do for the superblock of `path`, and stay for
/// as long as the superblock has it and for a grace period of tasks after that.
unsafe fn set_handlers(path: &Path, handlers: *const *const bindings::xattr_handler) {
    // SAFETY: The path holds its superblock. The VFS reads the field once for each call of a handler.
    unsafe {
        let field = &raw mut (*path.super_block_ptr()).s_xattr;
        field.write_volatile(handlers);
    }
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
