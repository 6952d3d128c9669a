// SPDX-License-Identifier: GPL-2.0

//! Reading a map: a line for each element, for people to look at.
//!
//! C header: [`include/linux/bpf.h`](srctree/include/linux/bpf.h)

use crate::Map;
use fs::seq::{SeqWriter, Sequence};
use kernel::{alloc::flags, prelude::*, sync::rcu};

/// The elements of a map, behind two lines of warning.
///
/// The map may change meanwhile: what is shown is then neither complete nor free of duplicates.
///
/// # Invariants
///
/// `map` can show its elements (`map_seq_show_elem`), and `key` has room for its keys.
pub struct Elements {
    map: Map,
    key: Key,
    at: Position,
}

/// Room for a key. That of most maps is small.
enum Key {
    Small([u64; 4]),
    Large(KVec<u8>),
}

impl Key {
    /// May sleep. Fails with `ENOMEM`.
    fn new(size: usize) -> Result<Self> {
        let small = [0; 4];
        if size <= core::mem::size_of_val(&small) {
            return Ok(Self::Small(small));
        }
        let large = KVec::from_elem(0, size, GFP_KERNEL | flags::__GFP_NOWARN)?;
        Ok(Self::Large(large))
    }

    #[inline]
    fn as_ptr(&self) -> *const c_void {
        match self {
            Self::Small(key) => key.as_ptr().cast(),
            Self::Large(key) => key.as_ptr().cast(),
        }
    }

    #[inline]
    fn as_mut_ptr(&mut self) -> *mut c_void {
        match self {
            Self::Small(key) => key.as_mut_ptr().cast(),
            Self::Large(key) => key.as_mut_ptr().cast(),
        }
    }
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
    /// May sleep.
    ///
    /// # Errors
    ///
    /// `EIO` if the map cannot show its elements; `ENOMEM`.
    pub(crate) fn new(map: &Map) -> Result<Self> {
        if !map.can_show_elements() {
            return Err(EIO);
        }
        // SAFETY: The map is valid by the invariant of `ObjectRef`, and the field never changes.
        let key_size = unsafe { (*map.as_ptr()).key_size } as usize;
        Ok(Self {
            // INVARIANT: There is room for keys of that size. The map can show its elements, as just
            // seen.
            key: Key::new(key_size)?,
            map: map.clone(),
            at: Position::Header,
        })
    }
}

impl Sequence for Elements {
    #[inline]
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

    #[inline]
    fn next(&mut self) -> bool {
        let key = self.key.as_mut_ptr();
        let previous = match self.at {
            Position::Header => core::ptr::null_mut(),
            Position::Element => key,
            Position::End => return false,
        };
        let guard = rcu::read_lock();
        // SAFETY:
        // - The map is valid by the invariant of `ObjectRef`, and has operations, which never change.
        // - `key` points to as many bytes as a key of the map has, by the type invariant, and is
        //   ours alone. `previous` is the same or null.
        // - The operation reads the previous key before it writes the next one, so that both may be
        //   in the same memory.
        // - The operation runs in an RCU read-side critical section: that of `guard`.
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

    #[inline]
    fn show(&self, m: &SeqWriter<'_>) -> Result {
        if self.at == Position::Header {
            m.write(b"# WARNING!! The output is for debug purpose only\n");
            m.write(b"# WARNING!! The output format will change\n");
            return Ok(());
        }
        // SAFETY:
        // - The map is valid by the invariant of `ObjectRef`, and has operations, which never change.
        // - `key` points to as many bytes as a key of the map has, by the type invariant; the
        //   operation only reads them.
        // - The `struct seq_file` is valid and only ours by the invariant of `SeqWriter`.
        unsafe {
            if let Some(show) = (*(*self.map.as_ptr()).ops).map_seq_show_elem {
                let key = self.key.as_ptr().cast_mut();
                show(self.map.as_ptr(), key, m.as_ptr());
            }
        }
        Ok(())
    }
}
