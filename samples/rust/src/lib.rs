// SPDX-License-Identifier: GPL-2.0

//! What more than one of the programs needs: to fetch whatever is pinned, and to pin it, by
//! `BPF_OBJ_GET` and `BPF_OBJ_PIN`.

use std::ffi::CString;
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{anyhow, Result};

/// Fetches what is pinned at a path: a map, a program or a link. The functions of libbpf-rs are for
/// one of these each.
pub fn get(path: &Path) -> Result<OwnedFd> {
    let name = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: `name` is a string that ends with a NUL, and lives during the call.
    let ret = unsafe { libbpf_sys::bpf_obj_get(name.as_ptr()) };
    if ret < 0 {
        let error = io::Error::from_raw_os_error(-ret);
        let way_out = match error.kind() {
            ErrorKind::NotFound => {
                "is it pinned there, and the bpf file system mounted? see `findmnt -t bpf`"
            }
            ErrorKind::PermissionDenied => {
                "not a pin on a bpf file system, or not yours? see `findmnt -t bpf`, `ls -l`"
            }
            _ => "see `ls -l`",
        };
        return Err(anyhow!(
            "{}: cannot fetch what is pinned: {error} ({way_out})",
            path.display()
        ));
    }
    // SAFETY: The descriptor is a new one, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(ret) })
}

/// Makes a file of an object, wherever the kernel takes one. The functions of libbpf that are
/// named after kinds of objects insist on a BPF file system.
pub fn pin(object: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: The descriptor is open as long as it is borrowed. `path` is a string that ends with a
    // NUL, and lives during the call.
    let ret = unsafe { libbpf_sys::bpf_obj_pin(object.as_raw_fd(), path.as_ptr()) };
    match ret {
        0 => Ok(()),
        _ => Err(io::Error::from_raw_os_error(-ret)),
    }
}

/// What to look at when an object cannot be exposed as a file in a directory of a cgroup or of sysfs.
pub const EXPOSE_WAY_OUT: &str =
    "a name that does not begin with `bpf.`? a directory of another file system, see `findmnt -T`, \
     or not yours, see `ls -ld`? no CAP_BPF? or is the object pinned in no bpf file system of \
     bpffs, see `getfattr -n bpf.type PIN`?";
