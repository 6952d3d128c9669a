// SPDX-License-Identifier: GPL-2.0

//! Files whose content is a sequence of records, made as it is read.
//!
//! C header: [`include/linux/seq_file.h`](srctree/include/linux/seq_file.h)

use crate::bindings;
use core::{marker::PhantomData, ptr};
use kernel::{
    error::{from_result, to_result},
    prelude::*,
    seq_file::SeqFile,
};

/// A sequence of records, and where in it a reader is. One belongs to each open file, and is
/// dropped with it. The methods may sleep; the file's `seq_file` is locked.
pub trait Sequence: Sized + Send + 'static {
    /// Goes to record number `position`, which is where the reader left off or, the first time,
    /// zero. `false` if there is none.
    fn start(&mut self, position: u64) -> bool;

    /// Goes to the next record. `false` if there is none.
    fn next(&mut self) -> bool;

    /// Writes the record.
    fn show(&self, m: &SeqFile) -> Result;
}

/// Opens `file` as one that reads `sequence`. May sleep.
///
/// # Errors
///
/// `ENOMEM`.
///
/// # Safety
///
/// `file` must point to a file that is being opened, and that is to be closed with
/// [`release::<S>`](release).
pub(crate) unsafe fn open<S: Sequence>(file: *mut bindings::file, sequence: S) -> Result {
    let sequence = KBox::new(sequence, GFP_KERNEL | kernel::alloc::flags::__GFP_NOWARN)?;
    // SAFETY: By the caller's promise. On success, a `struct seq_file` is the file's private data.
    unsafe {
        to_result(bindings::seq_open(file, Operations::<S>::OPERATIONS))?;
        let m = (*file).private_data.cast::<bindings::seq_file>();
        (*m).private = KBox::into_raw(sequence).cast();
    }
    Ok(())
}

/// Closes a file.
///
/// # Safety
///
/// As the VFS calls it, `release` of a file that [`open()`] has opened with the same `S`.
pub(crate) unsafe extern "C" fn release<S: Sequence>(
    inode: *mut bindings::inode,
    file: *mut bindings::file,
) -> c_int {
    // SAFETY: By that promise; nobody reads any more.
    unsafe {
        let m = (*file).private_data.cast::<bindings::seq_file>();
        drop(KBox::from_raw((*m).private.cast::<S>()));
        bindings::seq_release(inode, file)
    }
}

/// Operations of files that read an `S`.
struct Operations<S>(PhantomData<S>);

impl<S: Sequence> Operations<S> {
    const OPERATIONS: &'static bindings::seq_operations = &bindings::seq_operations {
        start: Some(Self::start),
        next: Some(Self::next),
        stop: Some(Self::stop),
        show: Some(Self::show),
    };

    /// The sequence.
    ///
    /// # Safety
    ///
    /// `m` must be that of a file that `open()` has opened with the same `S`, and locked by the
    /// caller.
    unsafe fn sequence<'a>(m: *mut bindings::seq_file) -> &'a mut S {
        // SAFETY: By the caller's promise; the lock makes it exclusive.
        unsafe { &mut *(*m).private.cast::<S>() }
    }

    /// The record that `start()` and `next()` give: where it is, the sequence itself knows.
    fn record(m: *mut bindings::seq_file, there_is_one: bool) -> *mut c_void {
        if there_is_one {
            m.cast()
        } else {
            ptr::null_mut()
        }
    }

    /// # Safety
    ///
    /// As `seq_read()` calls it.
    unsafe extern "C" fn start(
        m: *mut bindings::seq_file,
        position: *mut bindings::loff_t,
    ) -> *mut c_void {
        // SAFETY: By that promise. Positions are not negative.
        let there_is_one = unsafe { Self::sequence(m).start(*position as u64) };
        Self::record(m, there_is_one)
    }

    /// # Safety
    ///
    /// As `seq_read()` calls it.
    unsafe extern "C" fn next(
        m: *mut bindings::seq_file,
        _: *mut c_void,
        position: *mut bindings::loff_t,
    ) -> *mut c_void {
        // SAFETY: By that promise.
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
    /// As `seq_read()` calls it.
    unsafe extern "C" fn show(m: *mut bindings::seq_file, _: *mut c_void) -> c_int {
        // SAFETY: By that promise.
        let (sequence, m) = unsafe { (Self::sequence(m), SeqFile::from_raw(m)) };
        from_result(|| sequence.show(m).map(|()| 0))
    }
}
