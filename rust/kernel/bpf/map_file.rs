// SPDX-License-Identifier: GPL-2.0

//! Reading a pinned map: a file with a line for each element, for people to look at.

use super::Map;
use crate::{bindings, fs::seq};
use core::ptr::NonNull;
use kernel::{
    alloc::flags, error::from_result, prelude::*, seq_file::SeqFile, seq_print, sync::rcu,
};

/// Operations of the file of a map. The inode's private data is the map.
pub(super) static OPERATIONS: Operations = Operations(bindings::file_operations {
    open: Some(open),
    read: Some(bindings::seq_read),
    release: Some(seq::release::<Elements>),
    ..pin_init::zeroed()
});

/// File operations in a `static`.
pub(super) struct Operations(pub(super) bindings::file_operations);

// SAFETY: Never written.
unsafe impl Sync for Operations {}

/// # Safety
///
/// As the VFS calls it, for an inode whose private data is a map that has a user for as long as the
/// inode lives.
unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
    from_result(|| {
        // SAFETY: By that promise.
        let map = unsafe {
            let map = NonNull::new((*inode).i_private).ok_or(EIO)?;
            Map::from_borrowed(map.cast())
        };
        // SAFETY: The file is being opened, and `OPERATIONS` closes it as `open()` asks for.
        unsafe { seq::open(file, Elements::new(map)?)? };
        Ok(0)
    })
}

/// The elements of a map, behind two lines of warning.
///
/// The map may change meanwhile: what is shown is then neither complete nor free of duplicates.
///
/// # Invariants
///
/// `map` can show its elements (`map_seq_show_elem`), and `key` is as long as its keys.
struct Elements {
    map: Map,
    key: KVec<u8>,
    at: Position,
}

/// Where in the file a reader is.
#[derive(Clone, Copy, PartialEq)]
enum Position {
    Header,
    /// At the element with that key.
    Element,
    End,
}

impl Elements {
    fn new(map: Map) -> Result<Self> {
        // SAFETY: The map is valid; the field never changes.
        let key_size = unsafe { (*map.as_ptr()).key_size } as usize;
        Ok(Self {
            // INVARIANT: Of that length. Only maps that can show their elements have these file
            // operations: see `Map::file_operations()`.
            key: KVec::from_elem(0, key_size, GFP_KERNEL | flags::__GFP_NOWARN)?,
            map,
            at: Position::Header,
        })
    }
}

impl seq::Sequence for Elements {
    fn start(&mut self, position: u64) -> bool {
        if self.at == Position::End {
            return false;
        }
        self.at = if position == 0 {
            Position::Header
        } else {
            Position::Element
        };
        true
    }

    fn next(&mut self) -> bool {
        let key: *mut c_void = self.key.as_mut_ptr().cast();
        let previous = match self.at {
            Position::Header => core::ptr::null_mut(),
            Position::Element => key,
            Position::End => return false,
        };
        let guard = rcu::read_lock();
        // SAFETY: The map is valid and keys are as long as it says by the type invariant. The
        // operation reads the previous key before it writes the next, which may be the same memory.
        let err = unsafe {
            (*(*self.map.as_ptr()).ops)
                .map_get_next_key
                .map_or(-1, |next| next(self.map.as_ptr(), previous, key))
        };
        drop(guard);
        self.at = if err == 0 {
            Position::Element
        } else {
            Position::End
        };
        err == 0
    }

    fn show(&self, m: &SeqFile) -> Result {
        if self.at == Position::Header {
            seq_print!(m, "# WARNING!! The output is for debug purpose only\n");
            seq_print!(m, "# WARNING!! The output format will change\n");
            return Ok(());
        }
        // SAFETY: The map is valid and has the operation, and the key is of its length, by the type
        // invariant; `SeqFile` wraps a `struct seq_file`.
        unsafe {
            if let Some(show) = (*(*self.map.as_ptr()).ops).map_seq_show_elem {
                show(
                    self.map.as_ptr(),
                    self.key.as_ptr().cast_mut().cast(),
                    (&raw const *m).cast_mut().cast(),
                );
            }
        }
        Ok(())
    }
}
