// SPDX-License-Identifier: GPL-2.0

//! The system calls that are made, by path as programs make them. All unsafe code is here.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_long, CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::AtomicU64;

/// What a call answers: an errno if it fails.
pub type Answer<T> = Result<T, i32>;

fn errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

fn answer(result: c_int) -> Answer<()> {
    match result {
        0 => Ok(()),
        _ => Err(errno()),
    }
}

fn text(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap_or_default()
}

/// Nanoseconds of CLOCK_MONOTONIC, which all namespaces share.
pub fn now() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: It may be written to.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The beginning of `union bpf_attr`, as 32-bit words.
#[repr(C, align(8))]
struct Attributes([u32; 32]);

impl Attributes {
    fn new() -> Self {
        Self([0; 32])
    }

    fn word(mut self, index: usize, value: u32) -> Self {
        if let Some(word) = self.0.get_mut(index) {
            *word = value;
        }
        self
    }

    fn address<T: ?Sized>(self, index: usize, of: *const T) -> Self {
        let address = of.cast::<u8>() as u64;
        self.word(index, address as u32)
            .word(index + 1, (address >> 32) as u32)
    }

    /// The addresses in it have to be of memory that lives, of the length that the command has it.
    unsafe fn call(&self, command: c_long) -> Answer<i32> {
        // SAFETY: The attributes have their size, and point where the caller says.
        let result = unsafe {
            libc::syscall(
                libc::SYS_bpf,
                command,
                std::ptr::from_ref(self),
                size_of::<Self>(),
            )
        };
        match i32::try_from(result) {
            Ok(value @ 0..) => Ok(value),
            _ => Err(errno()),
        }
    }

    unsafe fn open(&self, command: c_long) -> Answer<OwnedFd> {
        // SAFETY: As the caller says.
        let fd = unsafe { self.call(command) }?;
        // SAFETY: The command has made it.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

fn raw(fd: &OwnedFd) -> u32 {
    fd.as_raw_fd() as u32
}

/// An array map of 64-bit values; with a token, if there is one.
pub fn array(entries: u32, token: Option<&OwnedFd>) -> Answer<OwnedFd> {
    map(2, 8, entries, token)
}

/// An array map of one value, which are so many 64-bit counters.
pub fn counters(count: u32) -> Answer<OwnedFd> {
    map(2, 8 * count, 1, None)
}

/// What [`counters`] has counted.
pub fn counted(map: &OwnedFd) -> Answer<[u64; 4]> {
    let (key, mut value) = (0u32, [0u64; 4]);
    let attributes = Attributes::new()
        .word(0, raw(map))
        .address(2, &raw const key)
        .address(4, &raw mut value);
    // SAFETY: Both live, and have the length that the map has them.
    unsafe { attributes.call(1) }?;
    Ok(value)
}

/// A program array.
pub fn program_array(entries: u32) -> Answer<OwnedFd> {
    map(3, 4, entries, None)
}

fn map(kind: u32, value: u32, entries: u32, token: Option<&OwnedFd>) -> Answer<OwnedFd> {
    const TOKEN_FD: u32 = 1 << 16;
    let mut attributes = Attributes::new()
        .word(0, kind)
        .word(1, 4)
        .word(2, value)
        .word(3, entries);
    if let Some(token) = token {
        // map_flags and map_token_fd
        attributes = attributes.word(4, TOKEN_FD).word(19, raw(token));
    }
    // SAFETY: No addresses.
    unsafe { attributes.open(0) }
}

/// A token, from the root directory of a BPF file system.
pub fn token(root: &File) -> Answer<OwnedFd> {
    let attributes = Attributes::new().word(1, root.as_raw_fd() as u32);
    // SAFETY: No addresses.
    unsafe { attributes.open(36) }
}

/// An instruction.
pub type Instruction = u64;

/// An instruction of its parts.
pub fn instruction(code: u8, registers: u8, offset: i16, immediate: i32) -> Instruction {
    u64::from(code)
        | (u64::from(registers) << 8)
        | (u64::from(offset as u16) << 16)
        | (u64::from(immediate as u32) << 32)
}

/// Loads a program for what a cgroup sends.
pub fn load(instructions: &[Instruction]) -> Answer<OwnedFd> {
    const CGROUP_SKB: u32 = 8;
    let licence = c"GPL";
    let attributes = Attributes::new()
        .word(0, CGROUP_SKB)
        .word(1, instructions.len() as u32)
        .address(2, instructions.as_ptr())
        .address(4, licence.as_ptr());
    // SAFETY: Both live, and have the length that is given, and a NUL.
    unsafe { attributes.open(5) }
}

/// Attaches a program to what a cgroup sends.
pub fn attach(program: &OwnedFd, cgroup: &File) -> Answer<OwnedFd> {
    const EGRESS: u32 = 1;
    let attributes = Attributes::new()
        .word(0, raw(program))
        .word(1, cgroup.as_raw_fd() as u32)
        .word(2, EGRESS);
    // SAFETY: No addresses.
    unsafe { attributes.open(28) }
}

/// Puts a 32-bit value into a map.
pub fn update(map: &OwnedFd, key: u32, value: u32) -> Answer<()> {
    let attributes = Attributes::new()
        .word(0, raw(map))
        .address(2, &raw const key)
        .address(4, &raw const value);
    // SAFETY: Both live, and have the length that the map has them.
    unsafe { attributes.call(2) }.map(drop)
}

/// Removes what a map has of a key.
pub fn delete(map: &OwnedFd, key: u32) -> Answer<()> {
    let attributes = Attributes::new()
        .word(0, raw(map))
        .address(2, &raw const key);
    // SAFETY: It lives, and has the length that the map has it.
    unsafe { attributes.call(3) }.map(drop)
}

/// Pins an object.
pub fn pin(object: &OwnedFd, path: &Path) -> Answer<()> {
    let path = text(path);
    let attributes = Attributes::new()
        .address(0, path.as_ptr())
        .word(2, raw(object));
    // SAFETY: It lives, and ends with a NUL.
    unsafe { attributes.call(6) }.map(drop)
}

/// Fetches what is pinned.
pub fn get(path: &Path) -> Answer<OwnedFd> {
    let path = text(path);
    let attributes = Attributes::new().address(0, path.as_ptr());
    // SAFETY: It lives, and ends with a NUL.
    unsafe { attributes.open(7) }
}

/// The number that comes second in what the kernel tells of an object of any kind: its id.
pub fn id(object: &OwnedFd) -> Answer<u32> {
    let mut info = [0u32; 64];
    let attributes = Attributes::new()
        .word(0, raw(object))
        .word(1, size_of_val(&info) as u32)
        .address(2, info.as_mut_ptr());
    // SAFETY: It lives, and has the length that is given.
    unsafe { attributes.call(15) }?;
    Ok(info[1])
}

/// A kind of objects, by the command that goes through them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Programs
    Program = 11,
    /// Maps
    Map = 12,
    /// Links
    Link = 31,
}

/// The ids of all live objects of a kind.
pub fn ids(kind: Kind) -> Vec<u32> {
    let mut ids = Vec::new();
    let mut last = 0;
    loop {
        let attributes = Attributes::new().word(0, last);
        let mut attributes = attributes;
        // SAFETY: No addresses; the kernel writes the next id into the attributes.
        let result = unsafe {
            libc::syscall(
                libc::SYS_bpf,
                kind as c_long,
                std::ptr::from_mut(&mut attributes),
                size_of::<Attributes>(),
            )
        };
        if result < 0 {
            return ids;
        }
        last = attributes.0[1];
        ids.push(last);
    }
}

/// rename(2)
pub fn rename(from: &Path, to: &Path) -> Answer<()> {
    let (from, to) = (text(from), text(to));
    // SAFETY: Both live, and end with a NUL.
    answer(unsafe { libc::rename(from.as_ptr(), to.as_ptr()) })
}

/// link(2)
pub fn link(from: &Path, to: &Path) -> Answer<()> {
    let (from, to) = (text(from), text(to));
    // SAFETY: Both live, and end with a NUL.
    answer(unsafe { libc::link(from.as_ptr(), to.as_ptr()) })
}

/// symlink(2)
pub fn symlink(target: &str, path: &Path) -> Answer<()> {
    let (target, path) = (CString::new(target).unwrap_or_default(), text(path));
    // SAFETY: Both live, and end with a NUL.
    answer(unsafe { libc::symlink(target.as_ptr(), path.as_ptr()) })
}

/// unlink(2)
pub fn unlink(path: &Path) -> Answer<()> {
    let path = text(path);
    // SAFETY: It lives, and ends with a NUL.
    answer(unsafe { libc::unlink(path.as_ptr()) })
}

/// mkdir(2)
pub fn mkdir(path: &Path) -> Answer<()> {
    let path = text(path);
    // SAFETY: It lives, and ends with a NUL.
    answer(unsafe { libc::mkdir(path.as_ptr(), 0o755) })
}

/// rmdir(2)
pub fn rmdir(path: &Path) -> Answer<()> {
    let path = text(path);
    // SAFETY: It lives, and ends with a NUL.
    answer(unsafe { libc::rmdir(path.as_ptr()) })
}

/// chmod(2)
pub fn chmod(path: &Path, mode: u32) -> Answer<()> {
    let path = text(path);
    // SAFETY: It lives, and ends with a NUL.
    answer(unsafe { libc::chmod(path.as_ptr(), mode) })
}

/// Of what kind a file system is: 0xcafe4a11 is a BPF file system.
pub fn file_system(path: &Path) -> Answer<u64> {
    let path = text(path);
    // SAFETY: Zeros are a value of it.
    let mut status: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: The path ends with a NUL, and the other may be written to.
    answer(unsafe { libc::statfs(path.as_ptr(), &mut status) })?;
    Ok(status.f_type as u64)
}

/// Extended attributes of a file, with their values; a symbolic link is not followed.
pub fn attributes(path: &Path) -> Answer<Vec<(Vec<u8>, Vec<u8>)>> {
    let path = text(path);
    let mut buffer = vec![0u8; 65536];
    // SAFETY: The path ends with a NUL, and the buffer has its length.
    let length =
        unsafe { libc::llistxattr(path.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len()) };
    let Ok(length) = usize::try_from(length) else {
        return Err(errno());
    };
    buffer.truncate(length);
    let mut all = Vec::new();
    for name in buffer.split_inclusive(|&byte| byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else {
            continue;
        };
        let mut value = vec![0u8; 65536];
        // SAFETY: Both texts end with a NUL, and the buffer has its length.
        let length = unsafe {
            libc::lgetxattr(
                path.as_ptr(),
                name.as_ptr(),
                value.as_mut_ptr().cast(),
                value.len(),
            )
        };
        value.truncate(usize::try_from(length).map_err(|_| errno())?);
        all.push((name.to_bytes().to_vec(), value));
    }
    Ok(all)
}

/// Sets an extended attribute.
pub fn set_attribute(path: &Path, name: &CStr, value: &[u8]) -> Answer<()> {
    let path = text(path);
    // SAFETY: Both texts end with a NUL, and the value has its length.
    answer(unsafe {
        libc::lsetxattr(
            path.as_ptr(),
            name.as_ptr(),
            value.as_ptr().cast(),
            value.len(),
            0,
        )
    })
}

/// Sets both times of a file, in seconds; a symbolic link is not followed.
pub fn set_times(path: &Path, accessed: i64, modified: i64) -> Answer<()> {
    let path = text(path);
    let time = |seconds| libc::timespec {
        tv_sec: seconds,
        tv_nsec: 123,
    };
    let times = [time(accessed), time(modified)];
    // SAFETY: The path ends with a NUL, and there are two times.
    answer(unsafe {
        libc::utimensat(
            libc::AT_FDCWD,
            path.as_ptr(),
            times.as_ptr(),
            libc::AT_SYMLINK_NOFOLLOW,
        )
    })
}

/// Lets others go first: ten agents would leave little of two processors.
pub fn be_nice() {
    // SAFETY: It has no memory to do with.
    unsafe { libc::nice(10) };
}

/// Numbers in a file that processes share.
#[derive(Clone, Copy)]
pub struct Shared(&'static [AtomicU64]);

impl Shared {
    /// Maps so many numbers of a file, for as long as the process lives.
    pub fn new(file: BorrowedFd<'_>, numbers: usize) -> io::Result<Self> {
        // SAFETY: It is a new mapping.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                numbers * size_of::<AtomicU64>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: It is of this length, aligned as pages are, never unmapped, and any value is one.
        Ok(Self(unsafe {
            std::slice::from_raw_parts(address.cast(), numbers)
        }))
    }

    /// One of them; the first one, if there are not as many.
    pub fn at(&self, index: usize) -> &'static AtomicU64 {
        self.0.get(index).unwrap_or(&self.0[0])
    }
}
