// SPDX-License-Identifier: GPL-2.0

//! BPF links.
//!
//! C header: [`include/linux/bpf.h`](srctree/include/linux/bpf.h)

use crate::{
    about::TypesOf,
    bindings,
    link_put::link_put,
    object_ref::{Counted, ObjectRef},
    InstalledFd,
    ObjectType, //
};
use core::num::NonZero;
use fs::{task::TaskFiles, FileOps, FileSystem};
use kernel::{
    error::to_result,
    prelude::*,
    sync::atomic::{
        atomic_load,
        Relaxed, //
    }, //
};

/// An owned reference to a link. When the last one goes, the link is detached: before the current
/// task returns to user mode, or later if that is a kernel thread. Nothing is detached during the drop
/// itself, which may come with any locks held.
#[derive(Clone)]
pub struct Link(pub(crate) ObjectRef<bindings::bpf_link>);

// SAFETY:
// - A link is freed when its count, which is atomic, drops to zero. It belongs to no task.
// - `bpf_link_get_from_fd()` looks the number up in the task's table, and takes a reference.
// - `bpf_link_inc()` adds to the count, `link_put()` takes away from it.
unsafe impl Counted for bindings::bpf_link {
    const FROM_FD: unsafe extern "C" fn(u32) -> *mut Self = bindings::bpf_link_get_from_fd;
    const GET: unsafe extern "C" fn(*mut Self) = bindings::bpf_link_inc;
    const PUT: unsafe extern "C" fn(*mut Self) = link_put;
}

impl Link {
    /// The link that file descriptor `fd` of the current task stands for.
    ///
    /// # Errors
    ///
    /// `EBADF` if there is no such file descriptor, `EINVAL` if it is not of a link.
    #[inline]
    pub fn from_fd(fd: u32, files: TaskFiles<'_>) -> Result<Self> {
        ObjectRef::from_fd(fd, files).map(Self)
    }

    /// A new file descriptor of the current task for the link, which takes over the reference. May
    /// sleep.
    ///
    /// # Errors
    ///
    /// `EMFILE` if the task has no more file descriptors, `ENFILE`, `ENOMEM`.
    #[inline]
    pub fn into_fd(self, files: TaskFiles<'_>) -> Result<InstalledFd> {
        self.0.into_fd(files, |link| {
            // SAFETY:
            // - `link` has a reference: that of `self`. On success the file takes it over.
            // - The task has files when this closure is called.
            unsafe { bindings::bpf_link_new_fd(link) }
        })
    }

    /// The type of the link.
    pub fn type_(&self) -> ObjectType {
        ObjectType::new(TypesOf::Links, self.raw_type())
    }

    fn raw_type(&self) -> bindings::bpf_link_type {
        // SAFETY: The link is valid by the invariant of `ObjectRef`, and the field never changes.
        unsafe { (*self.as_ptr()).type_ }
    }

    /// The id of the link.
    pub fn id(&self) -> Option<NonZero<u32>> {
        // SAFETY: The link is valid by the invariant of `ObjectRef`. Others change the field as a
        // whole.
        NonZero::new(unsafe { atomic_load(&raw mut (*self.as_ptr()).id, Relaxed) })
    }

    /// Whether the link has what it was attached to. May sleep, and takes locks of the kind of
    /// link: `rtnl_lock()`, `cgroup_lock()`, `netns_bpf_mutex`, `sockmap_mutex`. The answer may be
    /// out of date as it is given.
    ///
    /// A link loses its network device, cgroup or network namespace when that goes, and any of the
    /// seven types below loses what it has by `BPF_LINK_DETACH`. The kernel tells an id of 0 then.
    /// All other links are attached as long as there is a reference to them: each holds what it is
    /// attached to, or is attached to what the kernel always has. A netfilter link holds its network
    /// namespace; the kernel does not tell whether it was detached by `BPF_LINK_DETACH`.
    ///
    /// # Errors
    ///
    /// What the link's `fill_link_info()` answers. That of the types below always succeeds.
    pub fn is_attached(&self) -> Result<bool> {
        let ty = self.raw_type();
        match ty {
            bindings::bpf_link_type_BPF_LINK_TYPE_CGROUP
            | bindings::bpf_link_type_BPF_LINK_TYPE_NETNS
            | bindings::bpf_link_type_BPF_LINK_TYPE_XDP
            | bindings::bpf_link_type_BPF_LINK_TYPE_TCX
            | bindings::bpf_link_type_BPF_LINK_TYPE_NETKIT
            | bindings::bpf_link_type_BPF_LINK_TYPE_SOCKMAP
            | bindings::bpf_link_type_BPF_LINK_TYPE_STRUCT_OPS => {}
            _ => return Ok(true),
        }
        let mut info: bindings::bpf_link_info = pin_init::zeroed();
        // SAFETY:
        // - The link is valid by the invariant of `ObjectRef`, and has operations, which never
        //   change.
        // - The operation writes to `info`, which is only ours. As that is zeroed, no pointer in
        //   there is taken for a buffer of user space.
        // - The operation may sleep, as the caller may.
        let err = unsafe {
            let Some(fill_link_info) = (*(*self.as_ptr()).ops).fill_link_info else {
                return Ok(true);
            };
            fill_link_info(self.as_ptr(), &mut info)
        };
        to_result(err)?;
        let of = info.__bindgen_anon_1;
        // SAFETY: All fields of the union are numbers, which any bytes are good for, and all bytes
        // of it are initialised.
        Ok(unsafe {
            match ty {
                bindings::bpf_link_type_BPF_LINK_TYPE_CGROUP => of.cgroup.cgroup_id != 0,
                bindings::bpf_link_type_BPF_LINK_TYPE_NETNS => of.netns.netns_ino != 0,
                bindings::bpf_link_type_BPF_LINK_TYPE_XDP => of.xdp.ifindex != 0,
                bindings::bpf_link_type_BPF_LINK_TYPE_TCX => of.tcx.ifindex != 0,
                bindings::bpf_link_type_BPF_LINK_TYPE_NETKIT => of.netkit.ifindex != 0,
                bindings::bpf_link_type_BPF_LINK_TYPE_SOCKMAP => of.sockmap.map_id != 0,
                _ => of.struct_ops.map_id != 0,
            }
        })
    }

    /// How to run the link's iterator by reading a file of `T`, if the link is one of an iterator.
    pub fn file_operations<T: FileSystem>(&self) -> Option<FileOps<'_, T>> {
        // SAFETY: The function reads the link, which is valid by the invariant of `ObjectRef`.
        unsafe { bindings::bpf_link_is_iter(self.as_ptr()) }.then(|| {
            // SAFETY:
            // - The operations are static, and for inodes of any file system whose private data is
            //   the link of an iterator, as this link was just seen to be.
            // - The pointer is not null, and valid for the lifetime of the result: until then `self`
            //   is borrowed, which owns a reference to the link.
            unsafe { FileOps::from_raw(&raw const bindings::bpf_iter_fops, self.as_ptr().cast()) }
        })
    }

    /// C's link, valid for as long as `self`.
    #[inline]
    pub fn as_ptr(&self) -> *mut bindings::bpf_link {
        self.0.as_ptr()
    }
}
