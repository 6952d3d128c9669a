// SPDX-License-Identifier: GPL-2.0

//! Regular files.
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
    not_queued,
    seq::{
        SeqFileOperations,
        SeqHooks,
        SeqTable, //
    },
    xattr,
    FileSystem,
    INode,
    LockedINode, //
};
use core::{marker::PhantomData, ops::Deref, ptr};
use kernel::{
    error::{
        from_result,
        VTABLE_DEFAULT_ERROR, //
    },
    fs::LocalFile,
    iov::{
        IovIterDest,
        IovIterSource, //
    },
    prelude::*,
    types::ForeignOwnable, //
};

/// The operations of a regular file: C's `struct file_operations`, and what of `struct
/// inode_operations` concerns files.
///
/// All methods run in process context, with the credentials of the task that makes the call, and
/// may sleep. An error is what the system call answers.
///
/// Reading and writing also serve `splice(2)`, `sendfile(2)` and their like; a file that can be
/// read or written can be sought in; `fsync(2)` has nothing to do. Not supported are `mmap(2)`
/// (`ENODEV`), `ioctl(2)` (`ENOTTY`) and asynchronous use.
#[vtable]
pub trait FileOperations: Sized + 'static {
    /// Whose files these are.
    type FileSystem: FileSystem;

    /// What belongs to an open file; `()` for nothing.
    type Open: ForeignOwnable + Send + Sync;

    /// `open(2)`: makes what belongs to the open file.
    fn open(_inode: &INode<Self::FileSystem>) -> Result<Self::Open>;

    /// The last `close(2)`.
    ///
    /// Absent: what belongs to the open file is dropped.
    fn release(_open: Self::Open, _inode: &INode<Self::FileSystem>) {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `read(2)`: puts what is at `position` into `to`. What was put there is what was read; an
    /// error after that is not seen.
    ///
    /// Absent: `EINVAL`.
    fn read(_file: &OpenFile<'_, Self>, _position: u64, _to: &mut IovIterDest<'_>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `write(2)`: takes what is in `from` to `position`, which for `O_APPEND` is the end. What was
    /// taken from there is what was written; an error after that is not seen. The inode is locked
    /// for writing; its size is [the method's to set](LockedINode::set_size). Times follow, and
    /// limits such as `RLIMIT_FSIZE` have been seen to.
    ///
    /// Absent: `EINVAL`.
    fn write(
        _file: &LockedFile<'_, Self>,
        _position: u64,
        _from: &mut IovIterSource<'_>,
    ) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `lseek(2)`: where a file whose position is `position` goes.
    ///
    /// Absent: as the size of the inode has it (`generic_file_llseek()`).
    fn llseek(
        _file: &OpenFile<'_, Self>,
        _position: u64,
        _offset: i64,
        _whence: Whence,
    ) -> Result<u64> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `stat(2)`: changes what is going to be shown of the file.
    ///
    /// Absent: what is in the inode is shown (`simple_getattr()`).
    fn getattr(_inode: &INode<Self::FileSystem>, _stat: &mut Stat<'_>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// `truncate(2)`, `chmod(2)`, `chown(2)`, `utimensat(2)`: called when all checks have been
    /// passed, before the inode is changed. The inode is locked for writing.
    ///
    /// Absent: the inode is changed (`simple_setattr()`), its size, too.
    fn setattr(_inode: &LockedINode<'_, Self::FileSystem>, _changes: &Changes<'_>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// What `lseek(2)` starts from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Whence {
    /// `SEEK_SET`: the beginning.
    Set,
    /// `SEEK_CUR`: where the file is.
    Current,
    /// `SEEK_END`: the end.
    End,
    /// `SEEK_DATA`: the next data.
    Data,
    /// `SEEK_HOLE`: the next hole.
    Hole,
}

impl Whence {
    fn from_raw(whence: c_int) -> Result<Self> {
        Ok(match c_uint::try_from(whence)? {
            bindings::SEEK_SET => Self::Set,
            bindings::SEEK_CUR => Self::Current,
            bindings::SEEK_END => Self::End,
            bindings::SEEK_DATA => Self::Data,
            bindings::SEEK_HOLE => Self::Hole,
            _ => return Err(EINVAL),
        })
    }
}

/// An open file with operations `F`.
///
/// # Invariants
///
/// Points to an open file, alive for `'a`, whose inode is one of `F::FileSystem` with operations
/// `F`, and whose private data is what `F::open()` returned.
pub struct OpenFile<'a, F: FileOperations>(*mut bindings::file, PhantomData<&'a F>);

impl<'a, F: FileOperations> OpenFile<'a, F> {
    /// # Safety
    ///
    /// `file` must be as the type invariants say.
    unsafe fn from_raw(file: *mut bindings::file) -> Self {
        // INVARIANT: The file is as the invariant says by this function's contract.
        Self(file, PhantomData)
    }

    /// The file's inode.
    pub fn inode(&self) -> &'a INode<F::FileSystem> {
        // SAFETY: The file is open by the type invariant, and holds its inode.
        unsafe { INode::from_raw((*self.0).f_inode) }
    }

    /// What belongs to the open file.
    pub fn data(&self) -> <F::Open as ForeignOwnable>::Borrowed<'a> {
        // SAFETY: The private data is what `F::open()` returned, by the type invariant, and is given
        // back only as the file is released, after `'a`.
        unsafe { F::Open::borrow((*self.0).private_data) }
    }

    /// The file, with its flags and the credentials of the task that opened it.
    pub fn file(&self) -> &LocalFile {
        // SAFETY:
        // - The file is open by the type invariant.
        // - Only the current task uses the reference.
        unsafe { LocalFile::from_raw_file(self.0) }
    }
}

/// An open file whose inode the current task has locked for writing (`i_rwsem`).
///
/// # Invariants
///
/// The lock is held for `'a`.
pub struct LockedFile<'a, F: FileOperations>(OpenFile<'a, F>);

impl<'a, F: FileOperations> Deref for LockedFile<'a, F> {
    type Target = OpenFile<'a, F>;

    fn deref(&self) -> &OpenFile<'a, F> {
        &self.0
    }
}

impl<F: FileOperations> LockedFile<'_, F> {
    /// The file's inode, locked.
    pub fn inode(&self) -> LockedINode<'_, F::FileSystem> {
        // SAFETY: The lock is held by the type invariant.
        unsafe { LockedINode::new(self.0.inode()) }
    }
}

/// What can be done with a regular file of `T` whose data is borrowed for `'a`.
///
/// # Invariants
///
/// Points to static operations that are sound to use for `'a` with an inode of `T` that has this
/// private data: null for the inode's own.
pub struct FileOps<'a, T> {
    inode: *const bindings::inode_operations,
    file: *const bindings::file_operations,
    private: *mut c_void,
    _lifetime: PhantomData<&'a ()>,
    _file_system: PhantomData<fn(T)>,
}

impl<'a, T: FileSystem> FileOps<'a, T> {
    /// Nothing: opening the file fails with `EIO`.
    pub const UNOPENABLE: Self = {
        // INVARIANT: Nothing is asked of the inode.
        Self {
            inode: PlainTable::<T>::TABLE,
            file: &bindings::file_operations {
                open: Some(open_fails),
                ..pin_init::zeroed()
            },
            private: ptr::null_mut(),
            _lifetime: PhantomData,
            _file_system: PhantomData,
        }
    };

    /// The operations `F`, which must be of the module that has the file system: an inode of that
    /// keeps no other.
    pub const fn of<F: FileOperations<FileSystem = T>>() -> Self {
        // INVARIANT: The tables' functions are for files of `T`.
        Self {
            inode: HookedTable::<Hooks<F>>::TABLE,
            file: FileTable::<F>::TABLE,
            private: ptr::null_mut(),
            _lifetime: PhantomData,
            _file_system: PhantomData,
        }
    }

    /// The sequence that `S` opens.
    pub const fn seq<S: SeqFileOperations<FileSystem = T>>() -> Self {
        // INVARIANT: The tables' functions are for files of `T`.
        Self {
            inode: HookedTable::<SeqHooks<S>>::TABLE,
            file: SeqTable::<S>::TABLE,
            private: ptr::null_mut(),
            _lifetime: PhantomData,
            _file_system: PhantomData,
        }
    }

    /// What C's `operations` do with an inode whose private data is `private`.
    ///
    /// # Safety
    ///
    /// `operations` must be static, `private` not be null, and both sound to use for `'a`.
    pub const unsafe fn from_raw(
        operations: *const bindings::file_operations,
        private: *mut c_void,
    ) -> Self {
        // INVARIANT: Both are sound to use by this function's contract.
        Self {
            inode: PlainTable::<T>::TABLE,
            file: operations,
            private,
            _lifetime: PhantomData,
            _file_system: PhantomData,
        }
    }

    /// Makes them those of an inode. Returns what its `i_private` must be for them, if that is not null.
    ///
    /// # Safety
    ///
    /// `inode` must point to an inode of `T` that has its data, that only the caller uses, and that
    /// will be used as a file during `'a` only.
    pub(crate) unsafe fn set(self, inode: *mut bindings::inode) -> *mut c_void {
        // SAFETY: The inode is the caller's by this function's contract.
        unsafe {
            (*inode).i_op = self.inode;
            (*inode).__bindgen_anon_3.i_fop = self.file;
        }
        self.private
    }
}

/// # Safety
///
/// None; `unsafe` is what the type of the operation asks for.
unsafe extern "C" fn open_fails(_: *mut bindings::inode, _: *mut bindings::file) -> c_int {
    EIO.to_errno()
}

/// C's operations of inodes of files of `T` that have no operations of their own.
struct PlainTable<T>(PhantomData<T>);

impl<T: FileSystem> PlainTable<T> {
    const TABLE: &'static bindings::inode_operations = &bindings::inode_operations {
        listxattr: xattr::list::<T>(),
        ..pin_init::zeroed()
    };
}

/// C's operations of inodes of files with the hooks `H`.
struct HookedTable<H>(PhantomData<H>);

impl<H: AttributeHooks> HookedTable<H> {
    const TABLE: &'static bindings::inode_operations =
        &AttributeTable::<H>::with(*PlainTable::<H::FileSystem>::TABLE);
}

/// The hooks of `F` for attributes.
struct Hooks<F>(PhantomData<F>);

impl<F: FileOperations> AttributeHooks for Hooks<F> {
    type FileSystem = F::FileSystem;

    const HAS_GETATTR: bool = F::HAS_GETATTR;
    // For the times, which follow a change of the size.
    const HAS_SETATTR: bool = true;

    fn getattr(inode: &INode<F::FileSystem>, stat: &mut Stat<'_>) -> Result {
        F::getattr(inode, stat)
    }

    fn setattr(inode: &LockedINode<'_, F::FileSystem>, changes: &Changes<'_>) -> Result {
        if F::HAS_SETATTR {
            F::setattr(inode, changes)
        } else {
            Ok(())
        }
    }
}

/// C's operations of files with operations `F`.
struct FileTable<F>(PhantomData<F>);

impl<F: FileOperations> FileTable<F> {
    const TABLE: &'static bindings::file_operations = &bindings::file_operations {
        open: Some(Self::open),
        release: Some(Self::release),
        read_iter: if F::HAS_READ {
            Some(Self::read_iter)
        } else {
            None
        },
        splice_read: if F::HAS_READ {
            Some(bindings::copy_splice_read)
        } else {
            None
        },
        write_iter: if F::HAS_WRITE {
            Some(Self::write_iter)
        } else {
            None
        },
        splice_write: if F::HAS_WRITE {
            Some(bindings::iter_file_splice_write)
        } else {
            None
        },
        llseek: if F::HAS_LLSEEK {
            Some(Self::llseek)
        } else {
            Some(bindings::generic_file_llseek)
        },
        fsync: Some(bindings::noop_fsync),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass a live inode of `F::FileSystem` with operations
    /// `F`, and a file that is being opened.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        from_result(|| {
            // SAFETY:
            // - The inode is live and has its data by this function's contract.
            // - The file is ours while it is being opened.
            unsafe {
                let open = F::open(INode::from_raw(inode))?;
                (*file).private_data = open.into_foreign();
            }
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass a live inode of `F::FileSystem` with operations
    /// `F`, and a file that `open()` succeeded for and that nobody uses any more.
    unsafe extern "C" fn release(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY:
        // - The inode is live and has its data by this function's contract.
        // - The private data is what `open()` put there, and nobody uses it any more.
        let (inode, open) = unsafe {
            let open = F::Open::from_foreign((*file).private_data);
            (INode::from_raw(inode), open)
        };
        if F::HAS_RELEASE {
            F::release(open, inode);
        } else {
            drop(open);
        }
        0
    }

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass an operation on a file that `open()` succeeded for,
    /// and where to read to.
    unsafe extern "C" fn read_iter(
        kiocb: *mut bindings::kiocb,
        to: *mut bindings::iov_iter,
    ) -> isize {
        // SAFETY:
        // - The file is open by this function's contract, and the operation is ours.
        // - `to` is where to read to, and ours.
        let (file, position, to) = unsafe {
            let file = OpenFile::<F>::from_raw((*kiocb).ki_filp);
            (file, &mut (*kiocb).ki_pos, IovIterDest::from_raw(to))
        };
        let before = to.len();
        // Positions are not negative.
        let result = F::read(&file, *position as u64, to);
        let done = before.wrapping_sub(to.len());
        *position = position.wrapping_add(done as i64);
        // SAFETY: The file is open by this function's contract.
        unsafe { bindings::file_accessed(file.0) };
        Self::done_or(done, result)
    }

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass an operation on a file that `open()` succeeded for,
    /// and what to write.
    unsafe extern "C" fn write_iter(
        kiocb: *mut bindings::kiocb,
        from: *mut bindings::iov_iter,
    ) -> isize {
        // SAFETY:
        // - The file is open by this function's contract, so that its inode is live. The inode is
        //   unlocked at the end, whatever the result.
        // - The arguments are valid by this function's contract, and the inode is locked.
        unsafe {
            let file = OpenFile::<F>::from_raw((*kiocb).ki_filp);
            let inode = file.inode().as_ptr();
            bindings::inode_lock(inode);
            // INVARIANT: The inode was locked right above.
            let result = Self::write_locked(kiocb, from, &LockedFile(file));
            bindings::inode_unlock(inode);
            result
        }
    }

    /// # Safety
    ///
    /// `kiocb` and `from` must be as for [`write_iter()`](Self::write_iter), and `file` be that of
    /// the operation.
    unsafe fn write_locked(
        kiocb: *mut bindings::kiocb,
        from: *mut bindings::iov_iter,
        file: &LockedFile<'_, F>,
    ) -> isize {
        // SAFETY: The arguments are valid and ours by this function's contract; the inode is locked.
        let (position, from) = unsafe {
            let allowed = bindings::generic_write_checks(kiocb, from);
            if allowed <= 0 {
                return allowed;
            }
            let err = bindings::kiocb_modified(kiocb);
            if err != 0 {
                return err as isize;
            }
            (&mut (*kiocb).ki_pos, IovIterSource::from_raw(from))
        };
        let before = from.len();
        // Positions are not negative.
        let result = F::write(file, *position as u64, from);
        let done = before.wrapping_sub(from.len());
        *position = position.wrapping_add(done as i64);
        Self::done_or(done, result)
    }

    /// What a system call answers that has done so much before it came to `result`.
    fn done_or(done: usize, result: Result) -> isize {
        match result {
            Err(e) if done == 0 => not_queued(e).to_errno() as isize,
            // The cast loses nothing: nobody can ask for more.
            _ => done as isize,
        }
    }

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass a file that `open()` succeeded for, whose position
    /// is locked if it is shared.
    unsafe extern "C" fn llseek(
        file: *mut bindings::file,
        offset: bindings::loff_t,
        whence: c_int,
    ) -> bindings::loff_t {
        let seek = || -> Result<bindings::loff_t> {
            // SAFETY: The file is open by this function's contract, and its position ours.
            let (open, position) = unsafe { (OpenFile::<F>::from_raw(file), (*file).f_pos) };
            let whence = Whence::from_raw(whence)?;
            // Positions are not negative.
            let position = F::llseek(&open, position as u64, offset, whence)?;
            let position = bindings::loff_t::try_from(position).map_err(|_| EINVAL)?;
            let max = <F::FileSystem as FileSystem>::MAX_FILE_SIZE;
            // SAFETY: The file is open by this function's contract, and its position ours.
            Ok(unsafe { bindings::vfs_setpos(file, position, max) })
        };
        // `vfs_setpos()` answers an error as it does a position.
        seek().unwrap_or_else(|e| e.to_errno().into())
    }
}

/// Puts what `content`, the whole of a file, has at `position` into `to`: all that
/// [`FileOperations::read`] of a file in memory has to do.
///
/// # Errors
///
/// `EFAULT` if not all of it could be put there.
pub fn simple_read(to: &mut IovIterDest<'_>, position: u64, content: &[u8]) -> Result {
    let rest = usize::try_from(position)
        .ok()
        .and_then(|at| content.get(at..));
    let rest = rest.unwrap_or_default();
    let wanted = rest.len().min(to.len());
    if to.copy_to_iter(rest) < wanted {
        return Err(EFAULT);
    }
    Ok(())
}
