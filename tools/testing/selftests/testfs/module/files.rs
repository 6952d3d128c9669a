// SPDX-License-Identifier: GPL-2.0

//! Files that are read and written.

use crate::{
    context::NEXT_FAILS,
    counted::{Counted, OPEN, RELEASES},
    TestFs,
};
use fs::{simple_read, FileOperations, INode, LockedFile, OpenFile, Path, Whence};
use kernel::{
    alloc::flags::{GFP_KERNEL, __GFP_NOWARN},
    iov::{IovIterDest, IovIterSource},
    new_mutex,
    prelude::*,
    str::CString,
    sync::{atomic::Relaxed, Arc, Mutex},
};

/// What the longest command has.
const COMMAND_MAX: usize = 255;

fn take(from: &mut IovIterSource<'_>) -> Result<KVVec<u8>> {
    if from.len() > COMMAND_MAX {
        return Err(E2BIG);
    }
    let mut bytes = KVVec::new();
    from.copy_from_iter_vec(&mut bytes, GFP_KERNEL | __GFP_NOWARN)?;
    Ok(bytes)
}

/// Keeps what is written to it.
pub(crate) struct Content;

#[vtable]
impl FileOperations for Content {
    type FileSystem = TestFs;
    type Open = ();

    fn open(_: &INode<TestFs>) -> Result {
        Ok(())
    }

    fn read(file: &OpenFile<'_, Self>, position: u64, to: &mut IovIterDest<'_>) -> Result {
        let inode = file.inode();
        inode.data().read(inode.size(), position, to)
    }

    fn write(file: &LockedFile<'_, Self>, position: u64, from: &mut IovIterSource<'_>) -> Result {
        let inode = file.inode();
        let end = inode.data().write(position, from)?;
        inode.set_size(end.max(inode.size()))
    }
}

/// Takes commands.
pub(crate) struct Control;

#[vtable]
impl FileOperations for Control {
    type FileSystem = TestFs;
    type Open = ();

    fn open(_: &INode<TestFs>) -> Result {
        Ok(())
    }

    fn write(file: &LockedFile<'_, Self>, _: u64, from: &mut IovIterSource<'_>) -> Result {
        let inode = file.inode();
        let instance = inode.super_block().data();
        match take(from)?.as_slice() {
            b"context" => NEXT_FAILS.store(true, Relaxed),
            b"open" => {
                *instance.gate.lock() = true;
                instance.gate_moved.notify_all();
            }
            b"shut" => *instance.gate.lock() = false,
            _ => return Err(EINVAL),
        }
        Ok(())
    }
}

/// What belongs to an open file: what was written to it by itself.
#[pin_data]
pub(crate) struct Own {
    _counted: Counted,
    #[pin]
    bytes: Mutex<KVVec<u8>>,
}

impl Own {
    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            _counted: Counted::new(&OPEN),
            bytes <- new_mutex!(KVVec::new()),
        })
    }
}

/// With data of its own for each open file, and `release()`.
pub(crate) struct OwnData;

#[vtable]
impl FileOperations for OwnData {
    type FileSystem = TestFs;
    type Open = Pin<KBox<Own>>;

    fn open(_: &INode<TestFs>) -> Result<Self::Open> {
        KBox::pin_init(Own::new(), GFP_KERNEL)
    }

    fn release(open: Self::Open, _: &INode<TestFs>) {
        RELEASES.happened();
        drop(open);
    }

    fn read(file: &OpenFile<'_, Self>, position: u64, to: &mut IovIterDest<'_>) -> Result {
        simple_read(to, position, &file.data().bytes.lock())
    }

    fn write(file: &LockedFile<'_, Self>, _: u64, from: &mut IovIterSource<'_>) -> Result {
        *file.data().bytes.lock() = take(from)?;
        Ok(())
    }
}

/// The same without `release()`, with another kind of pointer, and with a way of its own to seek.
pub(crate) struct OwnDataSeeking;

#[vtable]
impl FileOperations for OwnDataSeeking {
    type FileSystem = TestFs;
    type Open = Arc<Own>;

    fn open(_: &INode<TestFs>) -> Result<Self::Open> {
        Arc::pin_init(Own::new(), GFP_KERNEL)
    }

    fn read(file: &OpenFile<'_, Self>, position: u64, to: &mut IovIterDest<'_>) -> Result {
        simple_read(to, position, &file.data().bytes.lock())
    }

    fn write(file: &LockedFile<'_, Self>, _: u64, from: &mut IovIterSource<'_>) -> Result {
        *file.data().bytes.lock() = take(from)?;
        Ok(())
    }

    fn llseek(_: &OpenFile<'_, Self>, position: u64, offset: i64, whence: Whence) -> Result<u64> {
        match whence {
            Whence::Set if offset == 13 => Err(EDOM),
            Whence::Set => Ok(offset as u64),
            Whence::Current => Ok(position.wrapping_add_signed(offset.wrapping_mul(2))),
            Whence::End => Ok(1000_u64.wrapping_add_signed(offset)),
            Whence::Data => Ok(77),
            Whence::Hole => Ok(u64::MAX),
        }
    }
}

/// Cannot be opened, which turns out when there is data of the open file already.
pub(crate) struct Refused;

#[vtable]
impl FileOperations for Refused {
    type FileSystem = TestFs;
    type Open = Pin<KBox<Own>>;

    fn open(_: &INode<TestFs>) -> Result<Self::Open> {
        let open = KBox::pin_init(Own::new(), GFP_KERNEL)?;
        drop(open);
        Err(EDOM)
    }

    fn release(_: Self::Open, _: &INode<TestFs>) {
        RELEASES.happened();
    }
}

/// Fails when three bytes are done.
pub(crate) struct Partial;

#[vtable]
impl FileOperations for Partial {
    type FileSystem = TestFs;
    type Open = ();

    fn open(_: &INode<TestFs>) -> Result {
        Ok(())
    }

    fn read(_: &OpenFile<'_, Self>, _: u64, to: &mut IovIterDest<'_>) -> Result {
        to.copy_to_iter(b"abc");
        Err(EDOM)
    }

    fn write(_: &LockedFile<'_, Self>, _: u64, from: &mut IovIterSource<'_>) -> Result {
        from.copy_from_iter(&mut [0; 3]);
        Err(EDOM)
    }
}

/// Fails before anything is done; not at the beginning, by what only C's code may answer.
pub(crate) struct Failing;

#[vtable]
impl FileOperations for Failing {
    type FileSystem = TestFs;
    type Open = ();

    fn open(_: &INode<TestFs>) -> Result {
        Ok(())
    }

    fn read(_: &OpenFile<'_, Self>, position: u64, _: &mut IovIterDest<'_>) -> Result {
        Err(Self::error_at(position))
    }

    fn write(_: &LockedFile<'_, Self>, position: u64, _: &mut IovIterSource<'_>) -> Result {
        Err(Self::error_at(position))
    }
}

impl Failing {
    fn error_at(position: u64) -> Error {
        if position == 0 {
            EDOM
        } else {
            EIOCBQUEUED
        }
    }
}

/// Without `write()`.
pub(crate) struct ReadOnly;

#[vtable]
impl FileOperations for ReadOnly {
    type FileSystem = TestFs;
    type Open = ();

    fn open(_: &INode<TestFs>) -> Result {
        Ok(())
    }

    fn read(_: &OpenFile<'_, Self>, position: u64, to: &mut IovIterDest<'_>) -> Result {
        simple_read(to, position, b"read only")
    }
}

/// Without `read()`.
pub(crate) struct WriteOnly;

#[vtable]
impl FileOperations for WriteOnly {
    type FileSystem = TestFs;
    type Open = ();

    fn open(_: &INode<TestFs>) -> Result {
        Ok(())
    }

    fn write(file: &LockedFile<'_, Self>, position: u64, from: &mut IovIterSource<'_>) -> Result {
        let end = position.saturating_add(from.len() as u64);
        from.advance(from.len());
        file.inode().set_size(end)
    }
}

/// Is given a path by writing. Reading has `lookup/offered` be what is there; closing has it no
/// more.
pub(crate) struct Offer;

#[vtable]
impl FileOperations for Offer {
    type FileSystem = TestFs;
    type Open = Pin<KBox<Own>>;

    fn open(_: &INode<TestFs>) -> Result<Self::Open> {
        KBox::pin_init(Own::new(), GFP_KERNEL)
    }

    /// Not `write()`, which has this file's inode locked: looking up takes locks of directories.
    fn read(file: &OpenFile<'_, Self>, _: u64, _: &mut IovIterDest<'_>) -> Result {
        let path = CString::try_from_fmt(fmt!(
            "{}",
            core::str::from_utf8(&file.data().bytes.lock()).map_err(|_| EINVAL)?
        ))?;
        let path = Path::from_kernel(&path)?;
        let inode = INode::<TestFs>::try_from_any(path.inode()).ok_or(ENOTTY)?;
        let offer = Some(inode.into());
        let old = core::mem::replace(&mut *file.inode().super_block().data().offer.lock(), offer);
        drop(old);
        Ok(())
    }

    fn write(file: &LockedFile<'_, Self>, _: u64, from: &mut IovIterSource<'_>) -> Result {
        *file.data().bytes.lock() = take(from)?;
        Ok(())
    }

    fn release(open: Self::Open, inode: &INode<TestFs>) {
        let offer = inode.super_block().data().offer.lock().take();
        drop(offer);
        drop(open);
    }
}
