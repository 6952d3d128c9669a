// SPDX-License-Identifier: GPL-2.0

//! What can be done with a file.
//!
//! C header: [`include/linux/kernfs.h`](srctree/include/linux/kernfs.h)

use crate::{bindings, Active, Node, Text};
use core::{marker::PhantomData, ptr, ptr::NonNull, slice};
use fs::{capability::Opener, not_queued, AnyINode, Path};
use kernel::{
    error::{
        from_result,
        VTABLE_DEFAULT_ERROR, //
    },
    prelude::*,
    types::Opaque, //
};

/// A file of kernfs. A type that implements this gets a `static` [`FileType`].
///
/// The operations run in process context and may sleep, with an active reference to the node held:
/// see [the crate](crate) for what they must not wait for. At most one operation on an open file runs
/// at a time.
///
/// `read(2)` goes on where it left off, whatever the position of the file is, except that reading at
/// position 0 begins anew, as if the file was just opened. `lseek(2)` is `ESPIPE`.
#[vtable]
pub trait FileOperations: Sized + 'static {
    /// What belongs to the file.
    type Data: Send + Sync + 'static;

    /// What belongs to an open file. It is dropped as the file is closed, or as the node is removed, with
    /// a lock of kernfs held, and whatever locks whoever removes the node holds. So its drop must wait
    /// for nobody.
    type Open: Send + 'static;

    /// `open(2)`, `to_read` or only to write. The VFS has checked that the task may.
    fn open(file: &Node<Self>, to_read: bool) -> Result<Self::Open>;

    /// `read(2)`: writes what comes next to `text`, which is empty, up to about `room` bytes: as much
    /// is read now. What is more is read later. Nothing ends the file. Text that does not fit is
    /// `E2BIG` for the reader.
    fn read(open: &mut Self::Open, file: &Node<Self>, room: usize, text: &mut Text<'_>) -> Result;

    /// `write(2)` of up to a page. `inode` is that of the open file, and `opener` who has opened it.
    ///
    /// Absent: `EINVAL`.
    fn write(_file: &Node<Self>, _inode: &AnyINode, _opener: Opener<'_>, _text: &[u8]) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// The type of files with the operations `O`, to be kept in a `static`.
pub struct FileType<O> {
    operations: bindings::kernfs_ops,
    /// The class that lockdep has of active references.
    class: Opaque<bindings::lock_class_key>,
    _type: PhantomData<fn(O)>,
}

// SAFETY: C only reads the operations, and synchronises its use of the class.
unsafe impl<O> Sync for FileType<O> {}

/// An open file.
struct Opened<T> {
    open: T,
    /// Whether somebody has read from it.
    is_begun: bool,
}

impl<O: FileOperations> FileType<O> {
    /// The type of `O`, for its `static`.
    #[expect(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self {
            operations: bindings::kernfs_ops {
                open: Some(Self::open),
                release: Some(Self::release),
                read: Some(Self::read),
                write: if O::HAS_WRITE {
                    Some(Self::write)
                } else {
                    None
                },
                llseek: Some(Self::llseek),
                ..pin_init::zeroed()
            },
            class: Opaque::new(pin_init::zeroed()),
            _type: PhantomData,
        }
    }

    /// C's operations.
    pub(crate) fn operations(&'static self) -> *const bindings::kernfs_ops {
        &raw const self.operations
    }

    /// C's class.
    pub(crate) fn class(&'static self) -> *mut bindings::lock_class_key {
        self.class.get()
    }

    /// The file that `path` leads to, if it is one of this type.
    ///
    /// # Errors
    ///
    /// `ENODEV` if it is one that has just been removed.
    pub fn at<'a>(&'static self, path: &'a Path) -> Result<Option<Active<'a, O>>> {
        // SAFETY:
        // - The dentry is positive, and held by `path`. If it is one of kernfs, it holds a node.
        // - A node whose type says that it is a file has a pointer to operations, which does not change and
        //   is just compared. A node that has ours was made by `Directory::create()`, of type `O`.
        // - The active reference is given to `Active`.
        unsafe {
            let kn = bindings::kernfs_node_from_dentry(path.dentry_ptr());
            if kn.is_null() {
                return Ok(None);
            }
            let flags = u32::from(ptr::read_volatile(&raw const (*kn).flags));
            if flags & bindings::kernfs_node_type_KERNFS_FILE == 0
                || !ptr::eq((*kn).__bindgen_anon_1.attr.ops, self.operations())
            {
                return Ok(None);
            }
            let kn = bindings::kernfs_get_active(kn);
            if kn.is_null() {
                return Err(ENODEV);
            }
            Ok(Some(Active::from_raw(kn)))
        }
    }

    /// The node.
    ///
    /// # Safety
    ///
    /// `of` must be that of an open file of this type whose operation is called, for `'a`.
    unsafe fn node<'a>(of: *mut bindings::kernfs_open_file) -> &'a Node<O> {
        // SAFETY: kernfs calls an operation with an active reference to the node, which is one of `O` by
        // this function's contract.
        unsafe { Node::from_raw((*of).kn) }
    }

    /// # Safety
    ///
    /// The caller must do as kernfs does: pass a file of this type that is being opened, with an active
    /// reference to the node held.
    unsafe extern "C" fn open(of: *mut bindings::kernfs_open_file) -> c_int {
        from_result(|| {
            // SAFETY: The file is being opened, and so ours, by this function's contract.
            unsafe {
                let mode = (*(*of).file).f_mode;
                let open = O::open(Self::node(of), mode & bindings::FMODE_READ != 0)?;
                let opened = Opened {
                    open,
                    is_begun: false,
                };
                (*of).priv_ = KBox::into_raw(KBox::new(opened, GFP_KERNEL)?).cast();
            }
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// The caller must do as kernfs does: pass a file that `open()` has succeeded for, once, when no
    /// other operation runs or will run on it.
    unsafe extern "C" fn release(of: *mut bindings::kernfs_open_file) {
        // SAFETY: `open()` put the box there, and nobody uses the box any more by this function's contract.
        drop(unsafe { KBox::from_raw((*of).priv_.cast::<Opened<O::Open>>()) });
    }

    /// # Safety
    ///
    /// The caller must do as kernfs does: pass a file that `open()` has succeeded for, locked, with an
    /// active reference to the node held, and a buffer of `length` bytes.
    unsafe extern "C" fn read(
        of: *mut bindings::kernfs_open_file,
        buffer: *mut c_char,
        length: usize,
        position: bindings::loff_t,
    ) -> isize {
        let result = (|| {
            // SAFETY:
            // - `open()` put the box there. The lock makes the reference exclusive.
            // - kernfs has made a `struct seq_file` for the file, which it does not read by, as there is
            //   no `seq_show()`. The lock makes it ours. Its buffer is null at first, and then one of
            //   `Text`.
            // - `from` and `count` say what of the text, and so of the buffer, is to be read.
            // - `buffer` has room for `length` bytes by this function's contract.
            unsafe {
                let opened = &mut *(*of).priv_.cast::<Opened<O::Open>>();
                let m = NonNull::new((*of).seq_file).ok_or(EIO)?;
                let file = Self::node(of);
                if position == 0 && opened.is_begun {
                    (*m.as_ptr()).count = 0;
                    opened.open = O::open(file, true)?;
                }
                opened.is_begun = true;
                if (*m.as_ptr()).count == 0 {
                    let mut text = Text::new(m)?;
                    let read = O::read(&mut opened.open, file, length, &mut text);
                    // What did not fit was not written, and counts all the same.
                    let read = read.and_then(|()| match text.has_overflowed() {
                        true => Err(E2BIG),
                        false => Ok(()),
                    });
                    read.inspect_err(|_| text.truncate(0))?;
                    (*m.as_ptr()).from = 0;
                }
                let m = m.as_ptr();
                let length = length.min((*m).count);
                ptr::copy_nonoverlapping((*m).buf.add((*m).from), buffer.cast(), length);
                (*m).from = (*m).from.wrapping_add(length);
                (*m).count = (*m).count.wrapping_sub(length);
                Ok(length)
            }
        })();
        match result {
            // A length is no more than that of the buffer.
            Ok(length) => length as isize,
            Err(error) => not_queued(error).to_errno() as isize,
        }
    }

    /// # Safety
    ///
    /// The caller must do as kernfs does: pass a file that `open()` has succeeded for, locked, with an
    /// active reference to the node held, and a buffer of `length` bytes.
    unsafe extern "C" fn write(
        of: *mut bindings::kernfs_open_file,
        buffer: *mut c_char,
        length: usize,
        _: bindings::loff_t,
    ) -> isize {
        // SAFETY: The buffer is valid, and nobody else's, by this function's contract. The file is open for
        // the duration of the call, and holds its inode, which does not change.
        let result = unsafe {
            let text = slice::from_raw_parts(buffer.cast_const().cast::<u8>(), length);
            O::write(
                Self::node(of),
                AnyINode::from_raw((*(*of).file).f_inode),
                Opener::from_raw((*of).file),
                text,
            )
        };
        match result {
            // A length is no more than a page.
            Ok(()) => length as isize,
            Err(error) => not_queued(error).to_errno() as isize,
        }
    }

    /// # Safety
    ///
    /// None; `unsafe` is what the type of the operation asks for.
    unsafe extern "C" fn llseek(
        _: *mut bindings::kernfs_open_file,
        _: bindings::loff_t,
        _: c_int,
    ) -> bindings::loff_t {
        bindings::loff_t::from(ESPIPE.to_errno())
    }
}
