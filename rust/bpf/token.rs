// SPDX-License-Identifier: GPL-2.0

//! BPF tokens: the right to use parts of `bpf(2)` in a user namespace, handed out by a file system
//! that was mounted for it.

use crate::{bindings, builtin, InstalledFd};
use core::{mem::ManuallyDrop, ptr, ptr::NonNull};
use fs::{
    capability::{self, Capability},
    AccessMask,
    FileSystem,
    Mode,
    OpenPath, //
};
use kernel::{
    error::{from_err_ptr, to_result},
    fs::file::FileDescriptorReservation,
    prelude::*,
};

/// What can be delegated: the values of an enumeration of the kernel's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Delegated {
    /// Commands, `enum bpf_cmd`.
    Commands,
    /// Types of maps, `enum bpf_map_type`.
    MapTypes,
    /// Types of programs, `enum bpf_prog_type`.
    ProgTypes,
    /// Attachments, `enum bpf_attach_type`.
    AttachTypes,
}

impl Delegated {
    /// All of them, in the order in which C shows them.
    pub const ALL: [Self; 4] = [
        Self::Commands,
        Self::MapTypes,
        Self::ProgTypes,
        Self::AttachTypes,
    ];

    /// The mask of all values there are.
    pub const fn all_values(self) -> u64 {
        let end = match self {
            Self::Commands => bindings::bpf_cmd___MAX_BPF_CMD,
            Self::MapTypes => bindings::bpf_map_type___MAX_BPF_MAP_TYPE,
            Self::ProgTypes => bindings::bpf_prog_type___MAX_BPF_PROG_TYPE,
            Self::AttachTypes => bindings::bpf_attach_type___MAX_BPF_ATTACH_TYPE,
        };
        (1 << end) - 1
    }

    /// The name of the enumeration.
    pub const fn enumeration(self) -> &'static CStr {
        match self {
            Self::Commands => c"bpf_cmd",
            Self::MapTypes => c"bpf_map_type",
            Self::ProgTypes => c"bpf_prog_type",
            Self::AttachTypes => c"bpf_attach_type",
        }
    }
}

/// What a file system delegates: a mask of each of [`Delegated`].
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Delegation {
    pub(crate) cmds: u64,
    pub(crate) maps: u64,
    pub(crate) progs: u64,
    pub(crate) attachs: u64,
}

impl Delegation {
    /// The mask of `what`.
    pub fn get(&self, what: Delegated) -> u64 {
        match what {
            Delegated::Commands => self.cmds,
            Delegated::MapTypes => self.maps,
            Delegated::ProgTypes => self.progs,
            Delegated::AttachTypes => self.attachs,
        }
    }

    /// Adds `mask` to the mask of `what`.
    pub fn add(&mut self, what: Delegated, mask: u64) {
        let field = match what {
            Delegated::Commands => &mut self.cmds,
            Delegated::MapTypes => &mut self.maps,
            Delegated::ProgTypes => &mut self.progs,
            Delegated::AttachTypes => &mut self.attachs,
        };
        *field |= mask;
    }

    /// Whether nothing is delegated.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A `BPF_TOKEN_CREATE`.
///
/// # Invariants
///
/// Points to the attributes of that command, in kernel memory, for as long as it lives.
pub struct TokenRequest<'a>(&'a mut bindings::bpf_attr);

impl<'a> TokenRequest<'a> {
    /// # Safety
    ///
    /// `attr` must be as the type invariant says, for `'a`.
    pub unsafe fn from_raw(attr: *mut bindings::bpf_attr) -> Self {
        // INVARIANT: The attributes are as the invariant says by this function's contract.
        // SAFETY: The attributes are valid for `'a` by this function's contract.
        Self(unsafe { &mut *attr })
    }

    /// What the command's file descriptor has open: the root of a superblock of `T`, or of the
    /// built-in file system.
    ///
    /// # Errors
    ///
    /// `EBADF` if there is no such file descriptor, `EINVAL` if it has something else open.
    pub fn root<T: Delegates>(&self) -> Result<TokenRoot> {
        // SAFETY: The attributes are of that command by the type invariant.
        let path = OpenPath::from_fd(unsafe { self.0.token_create.bpffs_fd })?;
        if !path.is_root() {
            return Err(EINVAL);
        }
        let delegation = match path.super_block::<T>() {
            Some(sb) => *T::delegation(sb.data()),
            None => builtin::delegation_of(&path).ok_or(EINVAL)?,
        };
        // INVARIANT: The superblock is one of either, as just seen.
        Ok(TokenRoot { path, delegation })
    }

    /// Makes a token for the superblock that `root` is the root of, with what it delegates. May
    /// sleep.
    ///
    /// # Errors
    ///
    /// `EPERM` if the current task is in another user namespace than the superblock, or lacks
    /// `CAP_BPF` there; `EOPNOTSUPP` if that is the initial one, where a token makes no sense;
    /// `ENOENT` if nothing is delegated; `EMFILE`, `ENOSPC`, `ENOMEM`, what an LSM answers.
    pub fn create(self, root: &TokenRoot) -> Result<InstalledFd> {
        let TokenRoot { path, delegation } = root;
        // SAFETY: The superblock is valid for as long as the path is open; the field never changes.
        let user_ns = unsafe { (*path.super_block_ptr()).s_user_ns };
        // SAFETY: The current task's user namespace is valid.
        if unsafe { bindings::current_user_ns() } != user_ns {
            return Err(EPERM);
        }
        // SAFETY: The superblock, which the open file holds, holds its user namespace.
        if !unsafe { capability::ns_capable(user_ns, Capability::BPF) } {
            return Err(EPERM);
        }
        if ptr::eq(user_ns, &raw const bindings::init_user_ns) {
            return Err(Error::from_errno(-(bindings::EOPNOTSUPP as c_int)));
        }
        if delegation.is_empty() {
            return Err(ENOENT);
        }

        let fd = FileDescriptorReservation::get_unused_fd_flags(bindings::O_CLOEXEC)?;
        let file = TokenFile::new(root)?;
        let mut token = KBox::new(
            bindings::bpf_token {
                // No reference yet: it is taken when nothing can fail any more.
                userns: user_ns,
                allowed_cmds: delegation.cmds,
                allowed_maps: delegation.maps,
                allowed_progs: delegation.progs,
                allowed_attachs: delegation.attachs,
                ..pin_init::zeroed()
            },
            GFP_KERNEL,
        )?;
        token.refcnt.counter = 1;
        // SAFETY: The token is complete; attributes and path are valid.
        to_result(unsafe {
            bindings::security_bpf_token_create(&mut *token, self.0, path.as_ptr())
        })?;
        // SAFETY: The superblock, which the open file holds, holds its user namespace.
        unsafe { bindings::get_user_ns(user_ns) };
        Ok(file.install(token, fd))
    }
}

/// A file system whose superblocks delegate.
pub trait Delegates: FileSystem {
    /// What a superblock delegates.
    fn delegation(data: &Self::Data) -> &Delegation;
}

/// The open root of a superblock that tokens can be made for.
///
/// # Invariants
///
/// The superblock is the built-in file system's, or one of a [`FileSystem`]. Neither minds an inode
/// that it did not ask for, without data and without a name.
pub struct TokenRoot {
    path: OpenPath,
    delegation: Delegation,
}

impl TokenRoot {
    /// Whether the current task has access, see [`OpenPath::permission`].
    pub fn permission(&self, mask: AccessMask) -> Result {
        self.path.permission(mask)
    }
}

/// The file of a token that is being made.
///
/// # Invariants
///
/// Owns a reference to a file of `bpf_token_fops`, without a token yet.
struct TokenFile(NonNull<bindings::file>);

impl TokenFile {
    /// A file without a name, on the mount of `root`.
    fn new(root: &TokenRoot) -> Result<Self> {
        let mode = Mode::new(0o600).masked().into_raw() | bindings::S_IFREG as bindings::umode_t;
        // SAFETY: The superblock is valid for as long as the path is open.
        let inode = unsafe { bindings::new_inode(root.path.super_block_ptr()) };
        if inode.is_null() {
            return Err(ENOSPC);
        }
        // SAFETY:
        // - The inode is new and nobody else's; so it is unlinked for good.
        // - Its superblock does not mind by the type invariant of `root`.
        // - The operations are static; path and name are valid.
        let file = unsafe {
            (*inode).i_ino = bindings::get_next_ino().into();
            bindings::simple_inode_init_ts(inode);
            bindings::inode_init_owner(&raw mut bindings::nop_mnt_idmap, inode, ptr::null(), mode);
            (*inode).__bindgen_anon_3.i_fop = &raw const bindings::bpf_token_fops;
            bindings::clear_nlink(inode);
            bindings::alloc_file_pseudo(
                inode,
                (*root.path.as_ptr()).mnt,
                c"bpf-token".as_char_ptr(),
                bindings::O_RDWR as c_int,
                &raw const bindings::bpf_token_fops,
            )
        };
        match from_err_ptr(file) {
            // INVARIANT: `alloc_file_pseudo()` gives a reference.
            Ok(file) => NonNull::new(file).map(Self).ok_or(ENOMEM),
            Err(e) => {
                // SAFETY: When it fails, the reference to the inode stays ours.
                unsafe { bindings::iput(inode) };
                Err(e)
            }
        }
    }

    /// Gives the file its token, and the file to user space.
    fn install(
        self,
        token: KBox<bindings::bpf_token>,
        fd: FileDescriptorReservation,
    ) -> InstalledFd {
        let this = ManuallyDrop::new(self);
        let number = fd.reserved_fd();
        // SAFETY:
        // - The file is ours, and its operations expect a token there, which they free.
        // - The reference is handed over. Nobody can be in the middle of using the file's position.
        unsafe {
            (*this.0.as_ptr()).private_data = KBox::into_raw(token).cast();
            fd.fd_install(kernel::sync::aref::ARef::from_raw(this.0.cast()));
        }
        // File descriptors are non-negative `int`s.
        InstalledFd(number as c_int)
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        // SAFETY: The reference is ours by the type invariant. Without a token, there is nothing
        // for the operations to release.
        unsafe { bindings::fput(self.0.as_ptr()) };
    }
}
