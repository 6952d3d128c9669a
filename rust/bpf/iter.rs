// SPDX-License-Identifier: GPL-2.0

//! Running the programs of iterators, for readers other than those of a pin.
//!
//! Reading the pin of an iterator is C's own (`Link::file_operations()`). It goes through a file with C's
//! operations of iterators, and copies to user space. What is here gives the same text to whoever has
//! another file to be read by.
//!
//! C source: [`kernel/bpf/bpf_iter.c`](srctree/kernel/bpf/bpf_iter.c),
//! [`kernel/bpf/cgroup_iter.c`](srctree/kernel/bpf/cgroup_iter.c)

use crate::{bindings, object_ref::ObjectRef, Link, Prog};
use core::{mem::offset_of, ptr, ptr::NonNull, slice};
use fs::{
    seq::{set_buffer, SeqWriter},
    task, //
};
use kernel::{
    error::{from_err_ptr, to_result},
    prelude::*,
    str::CStr,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        rcu,
    },
};
use kernfs::Cgroup;

impl Link {
    /// Whether the link is one of an iterator.
    pub fn is_iterator(&self) -> bool {
        // SAFETY: The function reads the link, which is valid by the invariant of `ObjectRef`.
        unsafe { bindings::bpf_link_is_iter(self.as_ptr()) }
    }

    /// Whether the link is one of an iterator over cgroups.
    pub fn is_cgroup_iterator(&self) -> bool {
        self.cgroup_program().is_some()
    }

    /// The program of the link, if the link is one of an iterator over cgroups.
    fn cgroup_program(&self) -> Option<Prog> {
        // What the program is attached to is that of the link, and so is the same for each program that
        // the link gets.
        let prog = self.is_iterator().then(|| self.prog()).flatten()?;
        (prog.attach_function() == Some(c"bpf_iter_cgroup")).then_some(prog)
    }

    /// The program of the link, if it has one. `BPF_LINK_UPDATE` may replace it at any time.
    fn prog(&self) -> Option<Prog> {
        loop {
            let _guard = rcu::read_lock();
            // SAFETY:
            // - The link is valid by the invariant of `ObjectRef`. Others change the field by whole words.
            // - A program that the link had when the field was read is freed a grace period after its last
            //   reference is gone, which does not end before the drop of `_guard`. So it can be looked at,
            //   and a reference be had unless the last one is gone.
            unsafe {
                let prog = NonNull::new(ptr::read_volatile(&raw const (*self.as_ptr()).prog))?;
                if from_err_ptr(bindings::bpf_prog_inc_not_zero(prog.as_ptr())).is_ok() {
                    return Some(Prog(ObjectRef::from_owned(prog)));
                }
            }
            // The link holds its program: so it has another one by now.
        }
    }

    /// Runs the program of an iterator over cgroups once, for `cgroup`, whichever cgroup the link was made
    /// for. What the program writes goes to `m`; what it returns does not matter, as in C. May sleep, as
    /// the program may.
    ///
    /// C's iterator runs the program with `cgroup_mutex` held, for the sake of the iteration. Here there is
    /// none, and no lock is held: a program does not rely on it, as it cannot tell.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the link is of something else.
    pub fn show_cgroup(&self, cgroup: &Cgroup, m: &SeqWriter<'_>) -> Result {
        /// Those of C count from 1.
        static SESSION: Atomic<i64> = Atomic::new(i64::MIN);

        let prog = self.cgroup_program().ok_or(EINVAL)?;
        let mut meta = bindings::bpf_iter_meta {
            __bindgen_anon_1: bindings::bpf_iter_meta__bindgen_ty_1 { seq: m.as_ptr() },
            session_id: SESSION.fetch_add(1, Relaxed) as u64,
            seq_num: 0,
        };
        let mut context = bindings::bpf_iter__cgroup {
            __bindgen_anon_1: bindings::bpf_iter__cgroup__bindgen_ty_1 { meta: &mut meta },
            __bindgen_anon_2: bindings::bpf_iter__cgroup__bindgen_ty_2 {
                cgroup: cgroup.as_ptr(),
            },
        };
        // SAFETY:
        // - The program is valid: there is a reference to it. It was verified for an iterator over cgroups,
        //   as that is what it is attached to.
        // - So its context is a `struct bpf_iter__cgroup`, whose `struct seq_file` and cgroup are valid:
        //   the caller has the one to itself, and holds the other.
        unsafe { bindings::bpf_iter_run_prog(prog.as_ptr(), (&raw mut context).cast()) };
        Ok(())
    }

    /// Begins to run the iterator. May sleep. Reading it takes the locks of the iterator, such as
    /// `cgroup_mutex` where it is one over cgroups.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the link is of something else; `ENOMEM`; `ENFILE` if the system has no more files; what
    /// the iterator answers.
    pub fn iterate(&self) -> Result<Iteration> {
        if !self.is_iterator() {
            return Err(EINVAL);
        }
        let operations = &raw const bindings::bpf_iter_fops;
        // SAFETY: Name and operations are static; the operations cope with a file that was not opened.
        let file = from_err_ptr(unsafe {
            bindings::anon_inode_create_getfile(
                c"bpf_iter".as_char_ptr(),
                operations,
                ptr::null_mut(),
                (bindings::O_RDONLY | bindings::O_CLOEXEC) as c_int,
                ptr::null(),
            )
        })?;
        // INVARIANT: (of `OpenIterator`) The reference is ours. If opening the file fails, it is only
        // dropped.
        let file = OpenIterator(NonNull::new(file).ok_or(ENOMEM)?);
        // SAFETY:
        // - The inode was made for this file, and nobody else has either.
        // - `open()` takes a link of an iterator, as this is, from the inode's private data, and does not
        //   keep it.
        let err = unsafe {
            let inode = (*file.0.as_ptr()).f_inode;
            (*inode).i_private = self.as_ptr().cast();
            let err = (*operations)
                .open
                .map_or(EINVAL.to_errno(), |open| open(inode, file.0.as_ptr()));
            (*inode).i_private = ptr::null_mut();
            err
        };
        to_result(err)?;
        // INVARIANT: C has just opened the file.
        Ok(Iteration(file))
    }
}

impl Prog {
    /// The name of the function of the kernel that the program is made to be attached to.
    fn attach_function(&self) -> Option<&CStr> {
        // SAFETY: The program is valid by the invariant of `ObjectRef`, and so is what its `aux` points
        // to. The name is null or a string, and never changes once there is a reference to a loaded
        // program.
        unsafe {
            let name = (*(*self.as_ptr()).aux).attach_func_name;
            (!name.is_null()).then(|| CStr::from_char_ptr(name))
        }
    }
}

/// A file with C's operations of iterators, which has no descriptor.
///
/// # Invariants
///
/// Owns the only reference to it.
struct OpenIterator(NonNull<bindings::file>);

impl Drop for OpenIterator {
    fn drop(&mut self) {
        // SAFETY: The reference is ours by the type invariant.
        unsafe { bindings::fput(self.0.as_ptr()) }
    }
}

/// An iterator that runs. It holds what is needed for that, but not the link. It may be dropped in any
/// context: it ends as files do, with no lock held.
///
/// # Invariants
///
/// C has opened the file: its private data is a `struct seq_file` whose private data is what follows a
/// `struct bpf_iter_priv_data`. The buffer is null or from `kvmalloc()`.
pub struct Iteration(OpenIterator);

// SAFETY: An open file belongs to no task.
unsafe impl Send for Iteration {}

impl Iteration {
    /// The size of the buffer: what one object may have the program write, in bytes.
    const BUFFER: usize = 8 * kernel::page::PAGE_SIZE;

    /// How many objects are gone through in one go.
    const MOST_OBJECTS: usize = 1_000_000;

    /// What comes next, about `room` bytes of it; nothing at the end. May sleep. Stands for C's
    /// `bpf_seq_read()`, and does what that does.
    ///
    /// # Errors
    ///
    /// `E2BIG` if the program writes more than 8 pages for one object; `EAGAIN` if it writes nothing for a
    /// million objects; what the iterator answers; `ENOMEM`.
    pub fn read(&mut self, room: usize) -> Result<&[u8]> {
        // SAFETY: The file is valid by the type invariant, and ours alone.
        let m = unsafe {
            (*self.0 .0.as_ptr())
                .private_data
                .cast::<bindings::seq_file>()
        };
        // SAFETY: By the type invariant this is the `struct seq_file`, ours with the file; it has operations.
        let run = unsafe {
            if (*m).buf.is_null() {
                set_buffer(m, Self::BUFFER)?;
            }
            (*m).count = 0;
            Run {
                m,
                operations: &*(*m).op,
            }
        };
        let (result, length) = run.read(room);
        result?;
        // SAFETY: `length` bytes of the buffer are filled, and stay so while `self` is borrowed.
        Ok(unsafe { slice::from_raw_parts((*m).buf.cast(), length) })
    }
}

/// One go through an iterator.
///
/// # Invariants
///
/// `m` is as the invariant of [`Iteration`] says, with a buffer, and nobody else's; `operations` are its
/// own.
struct Run<'a> {
    m: *mut bindings::seq_file,
    operations: &'a bindings::seq_operations,
}

/// What an iterator's `start()` and `next()` return: an object, or the end, or an error.
type At = Result<Option<NonNull<c_void>>>;

impl Run<'_> {
    /// What came of it, and how much text there is if that is success.
    fn read(&self, room: usize) -> (Result, usize) {
        let mut at = self.start();
        match at {
            Err(error) => return self.give_up(at, error),
            Ok(None) => {}
            Ok(Some(object)) => {
                if let Err(error) = self.show(object, 0) {
                    return self.give_up(at, error);
                }
                at = match self.go_on(object, room) {
                    Ok(at) => at,
                    Err((at, error)) => return self.give_up(at, error),
                };
            }
        }
        if let Err(error) = at {
            // As C does.
            self.stop(Ok(None));
            return (Err(error), 0);
        }
        let before = self.count();
        self.stop(at);
        if matches!(at, Ok(None)) {
            if !self.has_overflowed() {
                self.set_done();
            } else {
                self.set_count(before);
                if before == 0 {
                    return (Err(E2BIG), 0);
                }
            }
        }
        (Ok(()), self.count())
    }

    /// Goes on from `object`, which was shown. Returns where it came to, with an error if all is to be given
    /// up there.
    fn go_on(&self, mut object: NonNull<c_void>, room: usize) -> Result<At, (At, Error)> {
        let mut objects = 0;
        loop {
            objects += 1;
            let before = self.count();
            let at = self.next(object);
            let Ok(Some(next)) = at else {
                return Ok(at);
            };
            object = next;
            self.count_object(1);
            if self.count() >= room {
                return Ok(at);
            }
            if objects >= Iteration::MOST_OBJECTS {
                return if before == 0 {
                    Err((at, EAGAIN))
                } else {
                    Ok(at)
                };
            }
            if let Err(error) = self.show(object, before) {
                return if before == 0 {
                    Err((at, error))
                } else {
                    Ok(at)
                };
            }
            if self.may_reschedule() {
                task::cond_resched();
            }
        }
    }

    /// Ends with an error.
    fn give_up(&self, at: At, error: Error) -> (Result, usize) {
        self.stop(at);
        self.set_count(0);
        (Err(error), 0)
    }

    /// Shows `object`, behind the `before` bytes that there are. What does not fit, and what an object that
    /// is passed over or fails has left, is taken away.
    fn show(&self, object: NonNull<c_void>, before: usize) -> Result {
        // SAFETY: The operations are those of `m`, ours, by the type invariant. The object is where it is.
        let result = unsafe {
            self.operations
                .show
                .map(|show| show(self.m, object.as_ptr()))
        };
        match result.unwrap_or(0) {
            0 if !self.has_overflowed() => Ok(()),
            error if error > 0 => {
                self.set_count(before);
                self.count_object(-1);
                Ok(())
            }
            0 => {
                self.set_count(before);
                Err(E2BIG)
            }
            error => {
                self.set_count(before);
                to_result(error)
            }
        }
    }

    fn start(&self) -> At {
        // SAFETY: The operations are those of `m`, ours, by the type invariant.
        let at = unsafe {
            self.operations
                .start
                .map(|start| start(self.m, &raw mut (*self.m).index))
        };
        from_err_ptr(at.unwrap_or(ptr::null_mut())).map(NonNull::new)
    }

    fn next(&self, object: NonNull<c_void>) -> At {
        // SAFETY: The operations are those of `m`, ours, by the type invariant. The object is where it is.
        let at = unsafe {
            let before = (*self.m).index;
            let next = self.operations.next;
            let at = next.map(|next| next(self.m, object.as_ptr(), &raw mut (*self.m).index));
            if (*self.m).index == before {
                (*self.m).index = before.wrapping_add(1);
            }
            at
        };
        from_err_ptr(at.unwrap_or(ptr::null_mut())).map(NonNull::new)
    }

    fn stop(&self, at: At) {
        let object = match at {
            Ok(Some(object)) => object.as_ptr(),
            Ok(None) => ptr::null_mut(),
            // C's `ERR_PTR()`.
            Err(error) => ptr::without_provenance_mut(error.to_errno() as isize as usize),
        };
        // SAFETY: The operations are those of `m`, ours, by the type invariant. The object is where it is, and
        // is not used any more.
        unsafe { self.operations.stop.map(|stop| stop(self.m, object)) };
    }

    fn count(&self) -> usize {
        // SAFETY: `m` is valid and ours by the type invariant.
        unsafe { (*self.m).count }
    }

    /// Takes away all but the first `count` bytes.
    fn set_count(&self, count: usize) {
        // SAFETY: `m` is valid and ours by the type invariant.
        unsafe { (*self.m).count = count }
    }

    /// As C's `seq_has_overflowed()`.
    fn has_overflowed(&self) -> bool {
        // SAFETY: `m` is valid and ours by the type invariant.
        unsafe { (*self.m).count == (*self.m).size }
    }

    /// What C keeps with the iterator.
    fn state(&self) -> *mut bindings::bpf_iter_priv_data {
        let offset = offset_of!(bindings::bpf_iter_priv_data, target_private);
        // SAFETY: The private data follows the struct by the type invariant.
        unsafe { (*self.m).private.cast::<u8>().sub(offset).cast() }
    }

    /// Counts an object more, or one less, for the program (`seq_num`).
    fn count_object(&self, more: i64) {
        // SAFETY: The struct is valid, and ours with `m`.
        unsafe { (*self.state()).seq_num = (*self.state()).seq_num.wrapping_add_signed(more) }
    }

    /// The program has been told of the end, and is not to be told again.
    fn set_done(&self) {
        // SAFETY: The struct is valid, and ours with `m`.
        unsafe { (*self.state()).done_stop = true }
    }

    /// Whether the iterator says so (`BPF_ITER_RESCHED`).
    fn may_reschedule(&self) -> bool {
        // SAFETY: The struct is valid, and so is what it refers to: iterators are registered for good.
        let feature = unsafe { (*(*(*self.state()).tinfo).reg_info).feature };
        feature & bindings::bpf_iter_feature_BPF_ITER_RESCHED != 0
    }
}
