// SPDX-License-Identifier: GPL-2.0

//! The system calls that no crate offers, with types that cannot be misused: bpf(2), ioctls of
//! namespaces, and a file system context of one's own for a thread. All unsafe code is here.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::fs::AtFlags;
use rustix::thread::{unshare_unsafe, UnshareFlags};

/// `BPF_F_PATH_FD`: the path begins at `path_fd`.
const PATH_FD: u32 = 1 << 14;
/// `BPF_F_RDONLY`.
pub const READ_ONLY: u32 = 1 << 3;

/// The part of `union bpf_attr` that `BPF_OBJ_PIN` and `BPF_OBJ_GET` use.
#[repr(C)]
struct PathAttributes {
    pathname: u64,
    bpf_fd: u32,
    file_flags: u32,
    path_fd: i32,
    zero: u32,
}

/// The part that the commands with ids use.
#[repr(C)]
#[derive(Default)]
struct IdAttributes {
    id: u32,
    next_id: u32,
    open_flags: u32,
    token_fd: i32,
}

/// The part that `BPF_OBJ_GET_INFO_BY_FD` uses.
#[repr(C)]
struct InfoAttributes {
    bpf_fd: u32,
    info_len: u32,
    info: u64,
}

/// The commands of bpf(2) that are used.
#[derive(Clone, Copy, Debug)]
#[repr(i32)]
pub enum Command {
    /// `BPF_OBJ_PIN`
    Pin = 6,
    /// `BPF_OBJ_GET`
    Get = 7,
    /// `BPF_PROG_GET_NEXT_ID`
    NextProg = 11,
    /// `BPF_MAP_GET_NEXT_ID`
    NextMap = 12,
    /// `BPF_PROG_GET_FD_BY_ID`
    ProgById = 13,
    /// `BPF_MAP_GET_FD_BY_ID`
    MapById = 14,
    /// `BPF_OBJ_GET_INFO_BY_FD`
    Info = 15,
    /// `BPF_LINK_GET_FD_BY_ID`
    LinkById = 30,
    /// `BPF_LINK_GET_NEXT_ID`
    NextLink = 31,
}

/// A descriptor as the kernel's structs have it.
fn raw(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd() as u32
}

/// # Safety
///
/// - `T` is the part of `union bpf_attr` that `command` uses, without padding.
/// - Each address in `attributes` is of memory that lives during the call, of the length that the
///   command takes it to have, and that may be written if the command writes there.
unsafe fn bpf<T>(command: Command, attributes: &mut T) -> io::Result<i32> {
    // SAFETY:
    // - `attributes` is valid for reads and writes of its size, which is given.
    // - What it points to is valid, as the caller promises.
    let ret = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command as libc::c_int,
            std::ptr::from_mut(attributes),
            size_of::<T>(),
        )
    };
    match i32::try_from(ret) {
        Ok(value) if value >= 0 => Ok(value),
        _ => Err(io::Error::last_os_error()),
    }
}

/// # Safety
///
/// `fd` was returned by a system call that makes file descriptors, and nobody else has it.
unsafe fn own(fd: RawFd) -> OwnedFd {
    // SAFETY: It is open, and nobody else's, as the caller promises.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Fetches what is pinned at a path, seen from a directory. All of these descriptors are closed on
/// exec, as the kernel has it.
pub fn get(directory: BorrowedFd<'_>, path: &CStr, flags: u32) -> io::Result<OwnedFd> {
    let mut attributes = PathAttributes {
        pathname: path.as_ptr() as u64,
        bpf_fd: 0,
        file_flags: flags | PATH_FD,
        path_fd: directory.as_raw_fd(),
        zero: 0,
    };
    // SAFETY:
    // - It is this command's part of the union.
    // - `path` ends with a NUL, and is only read.
    let fd = unsafe { bpf(Command::Get, &mut attributes) }?;
    // SAFETY: The command has just made it.
    Ok(unsafe { own(fd) })
}

/// Pins an object at a path, seen from a directory.
pub fn pin(object: BorrowedFd<'_>, directory: BorrowedFd<'_>, path: &CStr) -> io::Result<()> {
    let mut attributes = PathAttributes {
        pathname: path.as_ptr() as u64,
        bpf_fd: raw(object),
        file_flags: PATH_FD,
        path_fd: directory.as_raw_fd(),
        zero: 0,
    };
    // SAFETY:
    // - It is this command's part of the union.
    // - `path` ends with a NUL, and is only read.
    unsafe { bpf(Command::Pin, &mut attributes) }.map(drop)
}

/// Fetches an object by its id: `command` is one of `ProgById`, `MapById` and `LinkById`.
pub fn by_id(command: Command, id: u32) -> io::Result<OwnedFd> {
    if !matches!(
        command,
        Command::ProgById | Command::MapById | Command::LinkById
    ) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut attributes = IdAttributes {
        id,
        ..Default::default()
    };
    // SAFETY: It is these commands' part of the union, without addresses.
    let fd = unsafe { bpf(command, &mut attributes) }?;
    // SAFETY: The command has just made it.
    Ok(unsafe { own(fd) })
}

/// The next id after one, or [`None`] after the last: `command` is one of `NextProg`, `NextMap` and
/// `NextLink`.
pub fn next_id(command: Command, id: u32) -> io::Result<Option<u32>> {
    if !matches!(
        command,
        Command::NextProg | Command::NextMap | Command::NextLink
    ) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut attributes = IdAttributes {
        id,
        ..Default::default()
    };
    // SAFETY: It is these commands' part of the union, without addresses.
    match unsafe { bpf(command, &mut attributes) } {
        Ok(_) => Ok(Some(attributes.next_id)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A text that the kernel tells on request: where in the information its address and its length
/// are, and how long it may be.
#[derive(Clone, Copy)]
pub struct TextField {
    /// Offset of the address, of 64 bits.
    pub address: usize,
    /// Offset of the length, of 32 bits.
    pub length: usize,
}

/// What the kernel tells of an object, as the struct for its kind: `struct bpf_map_info` and so on.
/// What the kernel does not know of stays 0. With `text`, the fields of `given` that are needed
/// to ask for it are taken from there.
///
/// Returns the information, and the text without its NUL.
pub fn info<const N: usize>(
    object: BorrowedFd<'_>,
    given: [u8; N],
    text: Option<TextField>,
) -> io::Result<([u8; N], Vec<u8>)> {
    let mut info = given;
    let mut buffer = vec![0u8; 4096];
    if let Some(field) = text {
        let address = buffer.as_mut_ptr() as u64;
        // One less than there is: some fields are not ended with a NUL when they are cut.
        let length = 4095u32;
        info.get_mut(field.address..field.address + 8)
            .ok_or(io::ErrorKind::InvalidInput)?
            .copy_from_slice(&address.to_ne_bytes());
        info.get_mut(field.length..field.length + 4)
            .ok_or(io::ErrorKind::InvalidInput)?
            .copy_from_slice(&length.to_ne_bytes());
    }
    let mut attributes = InfoAttributes {
        bpf_fd: raw(object),
        info_len: N as u32,
        info: info.as_mut_ptr() as u64,
    };
    // SAFETY:
    // - It is this command's part of the union.
    // - `info` may be written, and has the length that is given.
    // - The kernel takes no other address from `info` than that of `buffer`, which may be written
    //   for 4095 bytes: callers are in this crate, and give zeroes and numbers but for `text`.
    unsafe { bpf(Command::Info, &mut attributes) }?;
    let end = buffer.iter().position(|&byte| byte == 0).unwrap_or(0);
    buffer.truncate(end);
    Ok((info, buffer))
}

/// `struct mnt_ns_info`.
#[repr(C)]
#[derive(Default)]
struct MountNamespaceInfo {
    size: u32,
    mounts: u32,
    id: u64,
}

/// `_IOR(0xb7, number, T)`.
const fn read_request<T>(number: u64) -> libc::Ioctl {
    ((2 << 30) | ((size_of::<T>() as u64) << 16) | (0xb7 << 8) | number) as libc::Ioctl
}
const GET_ID: libc::Ioctl = read_request::<u64>(5);
const GET_NEXT: libc::Ioctl = read_request::<MountNamespaceInfo>(11);
const GET_PREVIOUS: libc::Ioctl = read_request::<MountNamespaceInfo>(12);

/// The 64-bit id of a mount namespace (`NS_GET_MNTNS_ID`).
pub fn mount_namespace_id(namespace: BorrowedFd<'_>) -> io::Result<u64> {
    let mut id = 0u64;
    // SAFETY: The request writes 64 bits there.
    match unsafe { libc::ioctl(namespace.as_raw_fd(), GET_ID, &mut id) } {
        0 => Ok(id),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The user namespace that owns a namespace (`NS_GET_USERNS`). `EPERM` if that is above the caller's.
pub fn owner(namespace: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // SAFETY: The request takes no argument.
    match unsafe { libc::ioctl(namespace.as_raw_fd(), libc::NS_GET_USERNS) } {
        // SAFETY: The request has just made it.
        fd if fd >= 0 => Ok(unsafe { own(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The parent of a user namespace (`NS_GET_PARENT`). `EPERM` if there is none, or it is above the caller's.
pub fn parent(namespace: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // SAFETY: The request takes no argument.
    match unsafe { libc::ioctl(namespace.as_raw_fd(), libc::NS_GET_PARENT) } {
        // SAFETY: The request has just made it.
        fd if fd >= 0 => Ok(unsafe { own(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Who the files belong to that the calling thread makes: user and group. Returns who it was before.
pub fn filesystem_ids((user, group): (u32, u32)) -> (u32, u32) {
    // SAFETY: Both calls concern the calling thread only, and have no addresses.
    unsafe {
        let before = (libc::setfsuid(user), libc::setfsgid(group));
        (before.0 as u32, before.1 as u32)
    }
}

/// Which neighbour of a mount namespace, by age.
#[derive(Clone, Copy)]
pub enum Neighbour {
    /// The next younger one.
    Next,
    /// The next older one.
    Previous,
}

/// The mount namespace next to one, or [`None`] if that is the last (`NS_MNT_GET_NEXT`,
/// `NS_MNT_GET_PREV`). `EPERM` without privileges on the whole machine.
pub fn mount_namespace_beside(
    namespace: BorrowedFd<'_>,
    which: Neighbour,
) -> io::Result<Option<OwnedFd>> {
    let mut info = MountNamespaceInfo::default();
    let request = match which {
        Neighbour::Next => GET_NEXT,
        Neighbour::Previous => GET_PREVIOUS,
    };
    // SAFETY: The request writes a `struct mnt_ns_info` there.
    let ret = unsafe { libc::ioctl(namespace.as_raw_fd(), request, &mut info) };
    if ret >= 0 {
        // SAFETY: The request has just made it.
        return Ok(Some(unsafe { own(ret) }));
    }
    match io::Error::last_os_error() {
        error if error.kind() == io::ErrorKind::NotFound => Ok(None),
        error => Err(error),
    }
}

/// Gives the calling thread a root and a working directory of its own, without which it cannot
/// change its mount namespace.
pub fn own_directories() -> io::Result<()> {
    // SAFETY: Of what threads share, only the root, the working directory and the umask are
    // concerned, not file descriptors or memory.
    unsafe { unshare_unsafe(UnshareFlags::FS) }.map_err(Into::into)
}

/// `struct mount_attr`.
#[repr(C)]
#[derive(Default)]
pub struct MountAttributes {
    /// `MOUNT_ATTR_*` to be set.
    pub set: u64,
    /// `MOUNT_ATTR_*` to be cleared.
    pub clear: u64,
    /// `MS_SHARED`, `MS_PRIVATE`, `MS_SLAVE`, `MS_UNBINDABLE`, or 0 to leave it.
    pub propagation: u64,
    /// For `MOUNT_ATTR_IDMAP`.
    pub user_namespace: u64,
}

/// Changes the attributes of a mount (mount_setattr(2)), which nothing else does before the mount is
/// attached.
pub fn mount_setattr(mount: BorrowedFd<'_>, attributes: &MountAttributes) -> io::Result<()> {
    // SAFETY:
    // - The path is a string, and empty.
    // - The attributes are a `struct mount_attr` of that size, which is only read.
    let ret = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            attributes,
            size_of::<MountAttributes>(),
        )
    };
    match ret {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// `listxattrat(2)`, which libc does not have yet. The number is the same on all architectures.
const SYS_LISTXATTRAT: libc::c_long = 465;

/// The names of the extended attributes of a file, each with a NUL behind it. A link at the end of the
/// path is followed, also one of `/proc/self/fd`, or not, as `flags` say.
pub fn list_attributes(
    directory: BorrowedFd<'_>,
    path: &CStr,
    flags: AtFlags,
) -> io::Result<Vec<u8>> {
    let mut list = Vec::new();
    loop {
        // SAFETY:
        // - `path` ends with a NUL, and is only read.
        // - `list` may be written for the length that is given. None asks for the length.
        let ret = unsafe {
            libc::syscall(
                SYS_LISTXATTRAT,
                directory.as_raw_fd(),
                path.as_ptr(),
                flags.bits(),
                list.as_mut_ptr(),
                list.len(),
            )
        };
        match usize::try_from(ret) {
            Ok(length) if length <= list.len() => {
                list.truncate(length);
                return Ok(list);
            }
            Ok(length) => list.resize(length, 0u8),
            Err(_) => match io::Error::last_os_error() {
                // There are more now: ask again.
                error if error.raw_os_error() == Some(libc::ERANGE) => list.clear(),
                error => return Err(error),
            },
        }
    }
}

/// Changes the mode of a file, which may be opened by `O_PATH` and have the empty name: no link is
/// followed (fchmodat2(2)).
pub fn chmod(directory: BorrowedFd<'_>, name: &CStr, mode: u32) -> io::Result<()> {
    // SAFETY: `name` ends with a NUL, and is only read.
    let ret = unsafe {
        libc::syscall(
            libc::SYS_fchmodat2,
            directory.as_raw_fd(),
            name.as_ptr(),
            mode,
            libc::AT_EMPTY_PATH | libc::AT_SYMLINK_NOFOLLOW,
        )
    };
    match ret {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Has the calling thread run before all ordinary ones, for as long as this lives; if it may, as
/// nothing depends on it.
pub struct Urgent {
    before: Option<libc::c_int>,
}

impl Urgent {
    /// From now on.
    pub fn new() -> Self {
        // SAFETY: The call concerns the calling thread, and has no addresses.
        let before = unsafe { libc::sched_getscheduler(0) };
        let changed = before == libc::SCHED_OTHER && schedule(libc::SCHED_RR, 1);
        Self {
            before: changed.then_some(before),
        }
    }
}

impl Default for Urgent {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Urgent {
    fn drop(&mut self) {
        if let Some(before) = self.before {
            schedule(before, 0);
        }
    }
}

/// Whether the policy of the calling thread could be changed.
fn schedule(policy: libc::c_int, priority: libc::c_int) -> bool {
    let parameters = libc::sched_param {
        sched_priority: priority,
    };
    // SAFETY: The parameters are only read. The call concerns the calling thread.
    unsafe { libc::sched_setscheduler(0, policy, &parameters) == 0 }
}
