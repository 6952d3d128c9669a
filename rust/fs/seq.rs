// SPDX-License-Identifier: GPL-2.0

//! Files whose content is a sequence of records, made as it is read.
//!
//! C header: [`include/linux/seq_file.h`](srctree/include/linux/seq_file.h)

use crate::{
    attributes::{AttributeHooks, Changes, Stat},
    bindings,
    new_box::new_uninit_box,
    not_queued,
    to_result,
    FileSystem,
    INode,
    LockedINode, //
};
use core::{marker::PhantomData, mem::ManuallyDrop, ops::Deref, ptr, ptr::NonNull};
use kernel::{alloc::flags::__GFP_NOWARN, error::from_result, prelude::*, seq_file::SeqFile};

/// A sequence of records, and where in it a reader is.
///
/// One belongs to each open file, and is dropped with the file. The methods run in process context
/// and may sleep; the file's `seq_file` is locked.
pub trait Sequence: Sized + Send + 'static {
    /// Goes to record number `position`, which is where the reader left off or, the first time,
    /// zero. `false` if there is none.
    ///
    /// Absent: there is one record.
    fn start(&mut self, position: u64) -> bool {
        position == 0
    }

    /// Goes to the next record. `false` if there is none.
    ///
    /// Absent: there is one record.
    fn next(&mut self) -> bool {
        false
    }

    /// Writes the record. Use `seq_print!` of the kernel crate.
    fn show(&self, m: &SeqWriter<'_>) -> Result;
}

/// Which system calls a file with a sequence serves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SeqAccess {
    /// `read(2)`, `lseek(2)`, `splice(2)` and all their like.
    Full,
    /// `read(2)` and its like, one after the other: no seeking, no splicing.
    ReadOnly,
}

/// The operations of a file that is read as a [`Sequence`].
pub trait SeqFileOperations: 'static {
    /// Whose files these are.
    type FileSystem: FileSystem;

    /// What is read.
    type Sequence: Sequence;

    /// Which system calls the file serves.
    const ACCESS: SeqAccess = SeqAccess::Full;

    /// Whether `truncate(2)` may set the size that `stat(2)` shows, which has nothing to do with the
    /// content. If not, it is `EINVAL`, and `O_TRUNC` has no effect.
    const RESIZABLE: bool = false;

    /// `open(2)`: makes what the open file reads. May sleep.
    fn open(inode: &INode<Self::FileSystem>) -> Result<Self::Sequence>;
}

/// Where a [`Sequence`] writes its record to: a [`SeqFile`].
///
/// # Invariants
///
/// Points to a valid `struct seq_file` that only the current task uses for `'a`.
pub struct SeqWriter<'a>(NonNull<bindings::seq_file>, PhantomData<&'a SeqFile>);

impl SeqWriter<'_> {
    /// # Safety
    ///
    /// `m` must point to a valid `struct seq_file` that only the current task uses for the lifetime of
    /// the result.
    pub unsafe fn from_raw(m: NonNull<bindings::seq_file>) -> Self {
        // INVARIANT: `m` is valid and ours by this function's contract.
        Self(m, PhantomData)
    }

    /// Writes text that needs no formatting. What does not fit is written again, as with
    /// `seq_print!`.
    #[inline]
    pub fn write(&self, text: &[u8]) {
        // SAFETY:
        // - The `struct seq_file` is valid and ours by the type invariant.
        // - The text is only read, during the call.
        unsafe { bindings::seq_write(self.as_ptr(), text.as_ptr().cast(), text.len()) };
    }

    /// C's `struct seq_file`, which the kernel crate's type does not give away.
    #[inline]
    pub fn as_ptr(&self) -> *mut bindings::seq_file {
        self.0.as_ptr()
    }
}

impl Deref for SeqWriter<'_> {
    type Target = SeqFile;

    fn deref(&self) -> &SeqFile {
        // SAFETY: The `struct seq_file` is valid and ours by the type invariant.
        unsafe { SeqFile::from_raw(self.0.as_ptr()) }
    }
}

/// Gives `m` an empty buffer of `size` bytes in place of the one that it has, if it has one. May sleep.
/// Fails with `ENOMEM`; then all is as it was.
///
/// # Safety
///
/// `m` must point to a valid `struct seq_file` that only the current task uses. Its buffer must be null or
/// from `kvmalloc()`.
pub unsafe fn set_buffer(m: *mut bindings::seq_file, size: usize) -> Result {
    let buffer = KVVec::<u8>::with_capacity(size, GFP_KERNEL | __GFP_NOWARN)?;
    let mut buffer = ManuallyDrop::new(buffer);
    // SAFETY:
    // - `m` is valid and ours by this function's contract. The buffer that it owns is null or from
    //   `kvmalloc()`, and used by nobody else.
    // - The new buffer is from `kvmalloc()`, and owned by `m` from here on: whoever frees `m` frees it, by
    //   `kvfree()`.
    unsafe {
        bindings::kvfree((*m).buf.cast());
        (*m).buf = buffer.as_mut_ptr().cast();
        (*m).size = size;
        (*m).count = 0;
        (*m).from = 0;
    }
    Ok(())
}

/// The hooks for attributes of a file that `S` opens.
pub(crate) struct SeqHooks<S>(PhantomData<S>);

impl<S: SeqFileOperations> AttributeHooks for SeqHooks<S> {
    type FileSystem = S::FileSystem;

    const HAS_GETATTR: bool = false;
    const HAS_SETATTR: bool = !S::RESIZABLE;

    fn getattr(_: &INode<S::FileSystem>, _: &mut Stat<'_>) -> Result {
        Ok(())
    }

    fn setattr(inode: &LockedINode<'_, S::FileSystem>, changes: &Changes<'_>) -> Result {
        if changes.size().is_some_and(|size| size != inode.size()) {
            return Err(EINVAL);
        }
        Ok(())
    }
}

/// C's operations of files that `S` opens.
pub(crate) struct SeqTable<S>(PhantomData<S>);

impl<S: SeqFileOperations> SeqTable<S> {
    pub(crate) const TABLE: &'static bindings::file_operations = &match S::ACCESS {
        SeqAccess::Full => bindings::file_operations {
            open: Some(Self::open),
            read_iter: Some(bindings::seq_read_iter),
            splice_read: Some(bindings::copy_splice_read),
            llseek: Some(bindings::seq_lseek),
            release: Some(Self::release),
            ..pin_init::zeroed()
        },
        SeqAccess::ReadOnly => bindings::file_operations {
            open: Some(Self::open),
            read: Some(bindings::seq_read),
            release: Some(Self::release),
            ..pin_init::zeroed()
        },
    };

    const SEQUENCE: &'static bindings::seq_operations = &bindings::seq_operations {
        start: Some(Self::start),
        next: Some(Self::next),
        stop: Some(Self::stop),
        show: Some(Self::show),
    };

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass a live inode with data of `S::FileSystem`, and a
    /// file that is being opened.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        from_result(|| {
            // SAFETY:
            // - The inode is live and has its data by this function's contract.
            // - The file is ours while it is being opened.
            // - On success of `seq_open()`, a `struct seq_file` is the file's private data.
            unsafe {
                let sequence = S::open(INode::from_raw(inode))?;
                let flags = bindings::GFP_KERNEL | bindings::__GFP_NOWARN;
                let sequence = new_uninit_box(flags)?.write(sequence);
                to_result(bindings::seq_open(file, Self::SEQUENCE))?;
                let m = (*file).private_data.cast::<bindings::seq_file>();
                (*m).private = KBox::into_raw(sequence).cast();
            }
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass the inode of a file that `open()` succeeded for,
    /// and the file, which nobody uses any more.
    unsafe extern "C" fn release(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: `open()` put the box there, and nobody reads any more, by this function's
        // contract.
        unsafe {
            let m = (*file).private_data.cast::<bindings::seq_file>();
            drop(KBox::from_raw((*m).private.cast::<S::Sequence>()));
            bindings::seq_release(inode, file)
        }
    }

    /// The sequence.
    ///
    /// # Safety
    ///
    /// `m` must be that of a file that `open()` succeeded for, and locked by the caller for `'a`.
    unsafe fn sequence<'a>(m: *mut bindings::seq_file) -> &'a mut S::Sequence {
        // SAFETY: `open()` put the box there; the lock makes the reference exclusive.
        unsafe { &mut *(*m).private.cast::<S::Sequence>() }
    }

    /// The record that `start()` and `next()` give. Where it is, the sequence itself knows.
    fn record(m: *mut bindings::seq_file, there_is_one: bool) -> *mut c_void {
        if there_is_one {
            m.cast()
        } else {
            ptr::null_mut()
        }
    }

    /// # Safety
    ///
    /// The caller must do as `seq_read()` does: pass a locked `m` of a file that `open()` succeeded
    /// for.
    unsafe extern "C" fn start(
        m: *mut bindings::seq_file,
        position: *mut bindings::loff_t,
    ) -> *mut c_void {
        // SAFETY: Both are valid and ours by this function's contract. Positions are not negative.
        let there_is_one = unsafe { Self::sequence(m).start(*position as u64) };
        Self::record(m, there_is_one)
    }

    /// # Safety
    ///
    /// The caller must do as `seq_read()` does: pass a locked `m` of a file that `open()` succeeded
    /// for.
    unsafe extern "C" fn next(
        m: *mut bindings::seq_file,
        _: *mut c_void,
        position: *mut bindings::loff_t,
    ) -> *mut c_void {
        // SAFETY: Both are valid and ours by this function's contract.
        let there_is_one = unsafe {
            *position = (*position).wrapping_add(1);
            Self::sequence(m).next()
        };
        Self::record(m, there_is_one)
    }

    /// # Safety
    ///
    /// None; `unsafe` is what the type of the operation asks for.
    unsafe extern "C" fn stop(_: *mut bindings::seq_file, _: *mut c_void) {}

    /// # Safety
    ///
    /// The caller must do as `seq_read()` does: pass a locked `m` of a file that `open()` succeeded
    /// for.
    unsafe extern "C" fn show(m: *mut bindings::seq_file, _: *mut c_void) -> c_int {
        let Some(writer) = NonNull::new(m) else {
            return EINVAL.to_errno();
        };
        // SAFETY: `m` is valid and locked by this function's contract.
        let sequence = unsafe { Self::sequence(m) };
        // INVARIANT: `m` is valid and ours by this function's contract.
        let shown = sequence.show(&SeqWriter(writer, PhantomData));
        from_result(|| shown.map(|()| 0).map_err(not_queued))
    }
}
