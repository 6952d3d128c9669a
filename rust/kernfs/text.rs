// SPDX-License-Identifier: GPL-2.0

//! What a reader is given next.
//!
//! C header: [`include/linux/seq_file.h`](srctree/include/linux/seq_file.h)

use crate::bindings;
use core::ptr::NonNull;
use fs::seq::{self, SeqWriter};
use kernel::prelude::*;

/// Text that an open file has ready for its reader, in the buffer of the file's `struct seq_file`.
/// What does not fit there is lost, and [known to be](Self::has_overflowed).
///
/// # Invariants
///
/// The `struct seq_file` has a buffer from `kvmalloc()`, of `size` bytes, the first `count` of which
/// are the text.
pub struct Text<'a>(SeqWriter<'a>);

impl<'a> Text<'a> {
    /// The size of the buffer in bytes, until it [grows](Self::grow): what C's `bpf_seq_read()` has.
    pub const SIZE: usize = 8 * kernel::page::PAGE_SIZE;

    /// Empty text. May sleep. Fails with `ENOMEM`.
    ///
    /// # Safety
    ///
    /// `m` must point to a valid `struct seq_file` that only the current task uses for `'a`, and whose
    /// buffer, if it has one, is one of this type.
    pub(crate) unsafe fn new(m: NonNull<bindings::seq_file>) -> Result<Self> {
        // SAFETY: The `struct seq_file` is valid and ours by this function's contract.
        let (writer, has_buffer) = unsafe {
            let buffer = (*m.as_ptr()).buf;
            (SeqWriter::from_raw(m), !buffer.is_null())
        };
        // INVARIANT: There is a buffer, or there is one after `set_buffer()`.
        let mut this = Self(writer);
        if !has_buffer {
            this.set_buffer(Self::SIZE)?;
        }
        this.truncate(0);
        Ok(this)
    }

    /// Where to write the text to.
    #[inline]
    pub fn writer(&self) -> &SeqWriter<'a> {
        &self.0
    }

    /// The length of the text in bytes.
    #[inline]
    pub fn len(&self) -> usize {
        // SAFETY: The `struct seq_file` is valid and ours by the invariant of `SeqWriter`.
        unsafe { (*self.0.as_ptr()).count }
    }

    /// Whether there is no text.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Cuts the text down to `length` bytes. Does nothing if it is shorter.
    pub fn truncate(&mut self, length: usize) {
        // INVARIANT: Fewer bytes are the text.
        // SAFETY: The `struct seq_file` is valid and ours by the invariant of `SeqWriter`.
        unsafe {
            let m = self.0.as_ptr();
            (*m).count = length.min((*m).count);
        }
    }

    /// Whether something that was written did not fit. Stands for C's `seq_has_overflowed()`.
    #[inline]
    pub fn has_overflowed(&self) -> bool {
        // SAFETY: The `struct seq_file` is valid and ours by the invariant of `SeqWriter`.
        unsafe { (*self.0.as_ptr()).count == (*self.0.as_ptr()).size }
    }

    /// Drops the text, and makes the buffer twice as large. May sleep. Fails with `ENOMEM`.
    pub fn grow(&mut self) -> Result {
        // SAFETY: The `struct seq_file` is valid and ours by the invariant of `SeqWriter`.
        let size = unsafe { (*self.0.as_ptr()).size };
        self.set_buffer(size.checked_mul(2).ok_or(ENOMEM)?)
    }

    /// Has an empty buffer of `size` bytes instead of the one that is there, if there is one.
    fn set_buffer(&mut self, size: usize) -> Result {
        // INVARIANT: There is a buffer of `size` bytes with no text, if there is a success.
        // SAFETY: The `struct seq_file` is valid and ours by the invariant of `SeqWriter`. Its buffer, if
        // there is one, is from `kvmalloc()` by the type invariant.
        unsafe { seq::set_buffer(self.0.as_ptr(), size) }
    }
}
