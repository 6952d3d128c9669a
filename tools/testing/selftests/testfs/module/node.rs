// SPDX-License-Identifier: GPL-2.0

//! What belongs to an inode.

use crate::counted::{Counted, INODES};
use fs::simple_read;
use kernel::{
    alloc::flags::{GFP_KERNEL, __GFP_NOWARN},
    iov::{IovIterDest, IovIterSource},
    new_mutex,
    prelude::*,
    str::BStr,
    sync::Mutex,
};

#[pin_data]
pub(crate) struct Node {
    _counted: Counted,
    /// The name that it was made with.
    name: KVec<u8>,
    /// The content of a file.
    #[pin]
    bytes: Mutex<KVVec<u8>>,
    /// Initialised last: what fails when all others are there.
    _complete: (),
}

impl Node {
    /// Fails with `EDOM` for a name that begins with `fail`, when all but the last part is there.
    pub(crate) fn new(name: &[u8]) -> impl PinInit<Self, Error> + use<'_> {
        let outcome = if name.starts_with(b"fail") {
            Err(EDOM)
        } else {
            Ok(())
        };
        try_pin_init!(Self {
            _counted: Counted::new(&INODES),
            name: {
                let mut copy = KVec::new();
                copy.extend_from_slice(name, GFP_KERNEL | __GFP_NOWARN)?;
                copy
            },
            bytes <- new_mutex!(KVVec::new()),
            _complete: outcome?,
        }? Error)
    }

    /// The name that it was made with.
    pub(crate) fn name(&self) -> &BStr {
        BStr::from_bytes(&self.name)
    }

    /// Reads the content, of which `size` bytes are valid.
    pub(crate) fn read(&self, size: u64, position: u64, to: &mut IovIterDest<'_>) -> Result {
        let bytes = self.bytes.lock();
        let size = usize::try_from(size)?.min(bytes.len());
        simple_read(to, position, bytes.get(..size).ok_or(EINVAL)?)
    }

    /// Writes to the content, or behind its end; returns where what was written ends.
    pub(crate) fn write(&self, position: u64, from: &mut IovIterSource<'_>) -> Result<u64> {
        let mut bytes = self.bytes.lock();
        let position = usize::try_from(position)?;
        let end = position.checked_add(from.len()).ok_or(EFBIG)?;
        let size = bytes.len().max(end);
        bytes.resize(size, 0, GFP_KERNEL | __GFP_NOWARN)?;
        let written = from.copy_from_iter(bytes.get_mut(position..).ok_or(EINVAL)?);
        if written == 0 {
            return Err(EFAULT);
        }
        Ok(position.saturating_add(written) as u64)
    }
}
