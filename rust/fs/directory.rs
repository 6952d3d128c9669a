// SPDX-License-Identifier: GPL-2.0

//! Directories.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)

use crate::{
    attributes::{
        AttributeHooks,
        AttributeTable,
        Changes,
        Stat, //
    },
    bindings,
    compat,
    dentry::Dentry,
    inode::CompleteINode,
    xattr,
    Entry,
    FileSystem,
    INode,
    Instantiated,
    LinkSource,
    LockedINode,
    Mode,
    NewDentry,
    Removed,
    Renamed,
    Renaming, //
};
use core::{marker::PhantomData, ptr};
use kernel::{
    error::{
        from_result,
        VTABLE_DEFAULT_ERROR, //
    },
    prelude::*,
    sync::aref::ARef, //
};

/// The operations of a directory: C's `struct inode_operations`.
///
/// What makes something new is refused if it is absent (`EPERM`; `EACCES` for
/// [`create`](Self::create)). A directory whose operations have none of `create`, `mkdir` and
/// `symlink` is read-only. In any other directory, what is there can be linked, removed and renamed,
/// which is libfs's if it is absent. An operation that answers an error refuses.
///
/// What is in a directory stays there, in memory, until it is removed.
///
/// All methods run in process context, with the credentials of the task that makes the call, and
/// may sleep. The VFS has checked permissions. An error is what the system call answers. The
/// methods that change the directory are called with write access to the mount, and with the
/// directory locked for writing; `lookup` with the directory locked, at least for reading.
#[vtable]
pub trait DirectoryOperations: Sized + 'static {
    /// Whose directories these are.
    type FileSystem: FileSystem;

    /// Says what `name` is that is not in the directory: `None` for a name that does not exist and
    /// may be created, an error for one that may not even be looked up.
    ///
    /// An inode, which must not be a directory (`EISDIR`), is made the name's for as long as
    /// somebody uses it. Such a name can be neither removed nor renamed (`EPERM`). It is in the
    /// directory's listing, and keeps the directory from being removed, while somebody uses it.
    ///
    /// Absent: what is not in the directory does not exist (`simple_lookup()`).
    fn lookup(
        _dir: &INode<Self::FileSystem>,
        _name: &[u8],
    ) -> Result<Option<ARef<INode<Self::FileSystem>>>> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `open(2)` with `O_CREAT`, or `mknod(2)` of a regular file.
    fn create<'a>(_new: NewDentry<'a, Self::FileSystem>, _mode: Mode) -> Result<Instantiated<'a>> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `mkdir(2)`.
    fn mkdir<'a>(_new: NewDentry<'a, Self::FileSystem>, _mode: Mode) -> Result<Instantiated<'a>> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `symlink(2)`.
    fn symlink<'a>(
        _new: NewDentry<'a, Self::FileSystem>,
        _target: &CStr,
    ) -> Result<Instantiated<'a>> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `link(2)`. [`NewDentry::link`] does it.
    ///
    /// Absent: `simple_link()`, unless the directory is read-only.
    fn link<'a>(
        _new: NewDentry<'a, Self::FileSystem>,
        _from: &LinkSource<'_, Self::FileSystem>,
    ) -> Result<Instantiated<'a>> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `unlink(2)` of what is no directory. [`Entry::unlink`] does it.
    ///
    /// Absent: `simple_unlink()`, unless the directory is read-only.
    fn unlink(_entry: Entry<'_, Self::FileSystem>) -> Result<Removed<'_>> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `rmdir(2)`. [`Entry::rmdir`] does it.
    ///
    /// Absent: `simple_rmdir()`, unless the directory is read-only.
    fn rmdir(_entry: Entry<'_, Self::FileSystem>) -> Result<Removed<'_>> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `rename(2)`, from a directory of these operations to one of whatever operations.
    /// [`Renaming::rename`] does it.
    ///
    /// Absent: `simple_rename()`, unless the directory is read-only, or one of `unlink` and `rmdir`
    /// is not: a rename can remove what it replaces, about which those are not asked.
    fn rename(_renaming: Renaming<'_, Self::FileSystem>) -> Result<Renamed<'_>> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `stat(2)`: changes what is going to be shown of the directory.
    ///
    /// Absent: what is in the inode is shown (`simple_getattr()`).
    fn getattr(_dir: &INode<Self::FileSystem>, _stat: &mut Stat<'_>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `chmod(2)`, `chown(2)`, `utimensat(2)`: called when all checks have been passed, before the
    /// inode is changed. The directory is locked for writing.
    ///
    /// Absent: the inode is changed (`simple_setattr()`).
    fn setattr(_dir: &LockedINode<'_, Self::FileSystem>, _changes: &Changes<'_>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// What can be done with a directory of `T`.
///
/// # Invariants
///
/// Points to static operations that are sound to use with a directory of `T`.
pub struct DirectoryOps<T>(*const bindings::inode_operations, PhantomData<fn(T)>);

// Not derived: that would ask for a file system that can be copied.
impl<T> Clone for DirectoryOps<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for DirectoryOps<T> {}

impl<T: FileSystem> DirectoryOps<T> {
    /// The operations `D`.
    pub const fn of<D: DirectoryOperations<FileSystem = T>>() -> Self {
        // INVARIANT: The table's functions are for directories of `T`.
        Self(DirectoryTable::<D>::TABLE, PhantomData)
    }

    /// Makes them those of `inode`, which is to be a directory.
    pub(crate) fn set(self, inode: &mut CompleteINode<T>) {
        let inode = inode.as_ptr();
        // SAFETY:
        // - The inode is ours alone.
        // - A directory's link count has its own `.` besides its name.
        unsafe {
            (*inode).i_op = self.0;
            (*inode).__bindgen_anon_3.i_fop = &raw const bindings::simple_dir_operations;
            bindings::set_nlink(inode, 2);
        }
    }
}

/// The hooks of `D` for attributes.
struct Hooks<D>(PhantomData<D>);

impl<D: DirectoryOperations> AttributeHooks for Hooks<D> {
    type FileSystem = D::FileSystem;

    const HAS_GETATTR: bool = D::HAS_GETATTR;
    const HAS_SETATTR: bool = D::HAS_SETATTR;

    fn getattr(dir: &INode<D::FileSystem>, stat: &mut Stat<'_>) -> Result {
        D::getattr(dir, stat)
    }

    fn setattr(dir: &LockedINode<'_, D::FileSystem>, changes: &Changes<'_>) -> Result {
        D::setattr(dir, changes)
    }
}

/// C's operations of directories with operations `D`.
struct DirectoryTable<D>(PhantomData<D>);

const NAME_MAX: usize = bindings::NAME_MAX as usize;

impl<D: DirectoryOperations> DirectoryTable<D> {
    /// Whether anything can be made in the directory.
    const IS_WRITABLE: bool = D::HAS_CREATE || D::HAS_MKDIR || D::HAS_SYMLINK;

    const TABLE: &'static bindings::inode_operations =
        &AttributeTable::<Hooks<D>>::with(bindings::inode_operations {
            lookup: if D::HAS_LOOKUP {
                Some(Self::lookup)
            } else {
                Some(bindings::simple_lookup)
            },
            create: if D::HAS_CREATE {
                Some(Self::create)
            } else {
                None
            },
            mkdir: if D::HAS_MKDIR {
                Some(Self::mkdir)
            } else {
                None
            },
            symlink: if D::HAS_SYMLINK {
                Some(Self::symlink)
            } else {
                None
            },
            link: if D::HAS_LINK || Self::IS_WRITABLE {
                Some(Self::link)
            } else {
                None
            },
            unlink: if D::HAS_UNLINK || Self::IS_WRITABLE {
                Some(Self::unlink)
            } else {
                None
            },
            rmdir: if D::HAS_RMDIR || Self::IS_WRITABLE {
                Some(Self::rmdir)
            } else {
                None
            },
            rename: if D::HAS_RENAME || (Self::IS_WRITABLE && !D::HAS_UNLINK && !D::HAS_RMDIR) {
                Some(Self::rename)
            } else {
                None
            },
            listxattr: xattr::list::<D::FileSystem>(),
            ..pin_init::zeroed()
        });

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass a directory of `D::FileSystem`, locked at least for
    /// reading, and a name in it that is not looked up yet.
    unsafe extern "C" fn lookup(
        dir: *mut bindings::inode,
        dentry: *mut bindings::dentry,
        flags: c_uint,
    ) -> *mut bindings::dentry {
        // SAFETY: The dentry is as the type wants it by this function's contract: what is being
        // looked up cannot be renamed.
        let name = unsafe { Dentry::<D::FileSystem>::from_raw(dentry) };
        let parent = name.dir();
        // What fills a superblock is not asked.
        let found = if parent.super_block().is_active() {
            D::lookup(parent, name.name())
        } else {
            Ok(None)
        };
        // `simple_lookup()` refuses a name that is too long.
        match found.map(|inode| inode.filter(|_| name.name().len() <= NAME_MAX)) {
            // SAFETY: All is as the VFS promised.
            Ok(None) => unsafe { bindings::simple_lookup(dir, dentry, flags) },
            Ok(Some(inode)) if !ptr::eq(inode.super_block(), parent.super_block()) => {
                EXDEV.to_ptr()
            }
            // A directory can have but one name, and would lose the one that it has.
            Ok(Some(inode)) if inode.is_directory() => EISDIR.to_ptr(),
            // SAFETY:
            // - The inode is live, of the same superblock as the dentry, and of the type that all
            //   inodes in such a directory have.
            // - `d_splice_alias()` takes over a reference to the inode, the one taken here.
            Ok(Some(inode)) => unsafe {
                bindings::ihold(inode.as_ptr());
                let dentry = bindings::d_splice_alias(inode.as_ptr(), dentry);
                bindings::d_mark_dontcache(inode.as_ptr());
                dentry
            },
            Err(e) => e.to_ptr(),
        }
    }

    compat::create_operation! {
        /// # Safety
        ///
        /// The caller must do as the VFS does: pass a directory of `D::FileSystem`, locked for
        /// writing, and a negative dentry in it.
        unsafe extern "C" fn create(
            _idmap: *mut bindings::mnt_idmap,
            _dir: *mut bindings::inode,
            dentry: *mut bindings::dentry,
            mode: bindings::umode_t
        ) -> c_int {
            // SAFETY: The dentry is as the type wants it by this function's contract.
            let dentry = unsafe { NewDentry::from_raw(dentry) };
            from_result(|| D::create(dentry, Mode::from_raw(mode)).map(|Instantiated { .. }| 0))
        }
    }

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass a directory of `D::FileSystem`, locked for writing,
    /// and a negative dentry in it.
    unsafe extern "C" fn mkdir(
        _idmap: *mut bindings::mnt_idmap,
        _dir: *mut bindings::inode,
        dentry: *mut bindings::dentry,
        mode: bindings::umode_t,
    ) -> *mut bindings::dentry {
        // SAFETY: The dentry is as the type wants it by this function's contract.
        let dentry = unsafe { NewDentry::from_raw(dentry) };
        match D::mkdir(dentry, Mode::from_raw(mode)) {
            // The VFS's own dentry is the one to go on with.
            Ok(Instantiated { .. }) => ptr::null_mut(),
            Err(e) => e.to_ptr(),
        }
    }

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass a directory of `D::FileSystem`, locked for writing,
    /// a negative dentry in it, and a string.
    unsafe extern "C" fn symlink(
        _idmap: *mut bindings::mnt_idmap,
        _dir: *mut bindings::inode,
        dentry: *mut bindings::dentry,
        target: *const c_char,
    ) -> c_int {
        // SAFETY: Dentry and string are as the types want them by this function's contract.
        let (dentry, target) =
            unsafe { (NewDentry::from_raw(dentry), CStr::from_char_ptr(target)) };
        from_result(|| D::symlink(dentry, target).map(|Instantiated { .. }| 0))
    }

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass a directory of `D::FileSystem`, locked for writing,
    /// a negative dentry in it, and a positive one of the same superblock that is no directory and
    /// whose inode is locked for writing.
    unsafe extern "C" fn link(
        from: *mut bindings::dentry,
        _dir: *mut bindings::inode,
        dentry: *mut bindings::dentry,
    ) -> c_int {
        // SAFETY: The dentries are as the types want them by this function's contract.
        let (dentry, from) = unsafe { (NewDentry::from_raw(dentry), LinkSource::from_raw(from)) };
        from_result(|| {
            let Instantiated { .. } = if D::HAS_LINK {
                D::link(dentry, &from)?
            } else {
                dentry.link(&from)?
            };
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass a directory of `D::FileSystem`, locked for writing,
    /// and a positive dentry in it that is no directory, whose inode is locked for writing.
    unsafe extern "C" fn unlink(
        _dir: *mut bindings::inode,
        dentry: *mut bindings::dentry,
    ) -> c_int {
        from_result(|| {
            // SAFETY: The dentry is as the type wants it by this function's contract.
            let entry = unsafe { Entry::from_raw(dentry)? };
            let Removed { .. } = if D::HAS_UNLINK {
                D::unlink(entry)?
            } else {
                entry.unlink()?
            };
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass a directory of `D::FileSystem`, locked for writing,
    /// and a positive dentry in it that is a directory, whose inode is locked for writing.
    unsafe extern "C" fn rmdir(_dir: *mut bindings::inode, dentry: *mut bindings::dentry) -> c_int {
        from_result(|| {
            // SAFETY: The dentry is as the type wants it by this function's contract.
            let entry = unsafe { Entry::from_raw(dentry)? };
            let Removed { .. } = if D::HAS_RMDIR {
                D::rmdir(entry)?
            } else {
                entry.rmdir()?
            };
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass two directories of the same superblock of
    /// `D::FileSystem`, locked for writing, a positive dentry in the first, and a dentry in the
    /// second that may replace or be replaced by it.
    unsafe extern "C" fn rename(
        _idmap: *mut bindings::mnt_idmap,
        _old_dir: *mut bindings::inode,
        old: *mut bindings::dentry,
        _new_dir: *mut bindings::inode,
        new: *mut bindings::dentry,
        flags: c_uint,
    ) -> c_int {
        from_result(|| {
            // SAFETY: The dentries are as the type wants them by this function's contract.
            let renaming = unsafe { Renaming::from_raw(old, new, flags)? };
            let Renamed { .. } = if D::HAS_RENAME {
                D::rename(renaming)?
            } else {
                renaming.rename()?
            };
            Ok(0)
        })
    }
}
