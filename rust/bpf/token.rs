// SPDX-License-Identifier: GPL-2.0

//! BPF tokens: the right to use parts of `bpf(2)` in a user namespace, handed out by a file system
//! that was mounted for it.
//!
//! C header: [`include/linux/bpf.h`](srctree/include/linux/bpf.h)

use crate::{bindings, builtin, InstalledFd};
use core::{marker::PhantomData, ptr, ptr::NonNull};
use fs::{
    capability::{self, Capability},
    AccessMask,
    FileSystem,
    Mode,
    OpenPath, //
};
use kernel::{
    error::{from_err_ptr, to_result},
    fs::file::{File, FileDescriptorReservation},
    prelude::*,
    sync::aref::ARef,
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
/// Points to the attributes of that command, in kernel memory, which are only ours for `'a`.
pub struct TokenRequest<'a>(
    *mut bindings::bpf_attr,
    PhantomData<&'a mut bindings::bpf_attr>,
);

impl TokenRequest<'_> {
    /// # Safety
    ///
    /// `attr` must be as the type invariant says, for the lifetime of the result.
    #[inline]
    pub unsafe fn from_raw(attr: *mut bindings::bpf_attr) -> Self {
        // INVARIANT: The attributes are as the invariant says by this function's contract.
        Self(attr, PhantomData)
    }

    /// What the command's file descriptor has open: the root of a superblock of `T`, or of the
    /// built-in file system.
    ///
    /// # Errors
    ///
    /// `EBADF` if there is no such file descriptor, `EINVAL` if it has something else open.
    pub fn root<T: Delegates>(&self) -> Result<TokenRoot> {
        // SAFETY: The attributes are valid, and of this command, by the type invariant.
        let path = OpenPath::from_fd(unsafe { (*self.0).token_create.bpffs_fd })?;
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
        let user_ns = root.user_ns();
        // SAFETY:
        // - The current task has credentials, and these a user namespace.
        // - `user_ns` is valid for as long as there is `root`.
        let may_create = unsafe {
            bindings::current_user_ns() == user_ns
                && capability::ns_capable(user_ns, Capability::BPF)
        };
        if !may_create {
            return Err(EPERM);
        }
        if ptr::eq(user_ns, &raw const bindings::init_user_ns) {
            return Err(Error::from_errno(-(bindings::EOPNOTSUPP as c_int)));
        }
        if root.delegation.is_empty() {
            return Err(ENOENT);
        }

        let fd = FileDescriptorReservation::get_unused_fd_flags(bindings::O_CLOEXEC)?;
        let file = TokenFile::new(root)?;
        let mut token = NewToken::new(root)?;
        // SAFETY:
        // - The token is complete but for its reference to the user namespace, which is valid for as
        //   long as there is `root`.
        // - The attributes are valid by the type invariant, the path for as long as there is `root`.
        to_result(unsafe {
            bindings::security_bpf_token_create(&mut *token.0, self.0, root.path.as_ptr())
        })?;
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
    #[inline]
    pub fn permission(&self, mask: AccessMask) -> Result {
        self.path.permission(mask)
    }

    /// The user namespace of the superblock, valid for as long as `self`.
    fn user_ns(&self) -> *mut bindings::user_namespace {
        // SAFETY: The superblock is valid for as long as the path is open, and so is the user
        // namespace, which the superblock holds and never changes.
        unsafe { (*self.path.super_block_ptr()).s_user_ns }
    }
}

/// A token that has no file yet.
///
/// # Invariants
///
/// The token is complete, but does not own a reference to its user namespace, which is valid for
/// `'a`.
struct NewToken<'a>(KBox<bindings::bpf_token>, PhantomData<&'a TokenRoot>);

impl<'a> NewToken<'a> {
    /// A token for what `root` delegates. May sleep. Fails with `ENOMEM`.
    fn new(root: &'a TokenRoot) -> Result<Self> {
        let Delegation {
            cmds,
            maps,
            progs,
            attachs,
        } = root.delegation;
        let mut token = KBox::new(
            bindings::bpf_token {
                userns: root.user_ns(),
                allowed_cmds: cmds,
                allowed_maps: maps,
                allowed_progs: progs,
                allowed_attachs: attachs,
                ..pin_init::zeroed()
            },
            GFP_KERNEL,
        )?;
        token.refcnt.counter = 1;
        // INVARIANT: The user namespace is valid for as long as there is `root`, that is for `'a`.
        Ok(Self(token, PhantomData))
    }
}

/// The file of a token that is being made.
///
/// # Invariants
///
/// A file of `bpf_token_fops` that nobody else uses, without a token yet. Without one, there is
/// nothing for the operations to release.
struct TokenFile(ARef<File>);

impl TokenFile {
    /// A file without a name, on the mount of `root`. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOSPC` without memory for an inode, `ENOMEM` or `ENFILE` without a file.
    fn new(root: &TokenRoot) -> Result<Self> {
        let mode = Mode::new(0o600).masked().into_raw() | bindings::S_IFREG as bindings::umode_t;
        let operations = &raw const bindings::bpf_token_fops;
        // SAFETY:
        // - The superblock and the mount are valid for as long as the path is open. The superblock
        //   does not mind such an inode by the invariant of `TokenRoot`.
        // - The inode is new and ours alone, and has no parent: nobody else links it or takes its links
        //   away. Those who go through all inodes of a superblock let one alone that has no dentry, and
        //   this one has no link when it gets its dentry.
        // - The name is a string, and the operations are static.
        // - `alloc_file_pseudo()` takes over the reference to the inode if it succeeds. If it fails,
        //   the reference stays ours.
        let file = unsafe {
            let (sb, mnt) = (root.path.super_block_ptr(), (*root.path.as_ptr()).mnt);
            let inode = from_err_ptr(bindings::bpf_get_inode(sb, ptr::null(), mode))?;
            (*inode).__bindgen_anon_3.i_fop = operations;
            bindings::clear_nlink(inode);
            let (name, flags) = (c"bpf-token".as_char_ptr(), bindings::O_RDWR as c_int);
            let file = bindings::alloc_file_pseudo(inode, mnt, name, flags, operations);
            from_err_ptr(file).inspect_err(|_| bindings::iput(inode))?
        };
        let file = NonNull::new(file).ok_or(ENOMEM)?;
        // INVARIANT: The file is new, and has no private data.
        // SAFETY:
        // - `alloc_file_pseudo()` gave a reference, which is ours.
        // - `File` has the layout of a `struct file`. Nobody can be in the middle of using the
        //   position of a file that was never in a table.
        Ok(Self(unsafe { ARef::from_raw(file.cast()) }))
    }

    /// Gives the file its token, and the file to user space.
    fn install(self, token: NewToken<'_>, fd: FileDescriptorReservation) -> InstalledFd {
        let number = fd.reserved_fd();
        // SAFETY:
        // - The user namespace is valid by the invariant of `NewToken`. The new reference is the
        //   token's, which now is complete.
        // - The file is ours alone and has no token by the type invariant. Its operations expect one
        //   there, and put the one reference to it that there is; the last put frees the token with
        //   `kfree()`, which is right for a `KBox`.
        unsafe {
            bindings::get_user_ns(token.0.userns);
            (*self.0.as_ptr()).private_data = KBox::into_raw(token.0).cast();
        }
        fd.fd_install(self.0);
        // File descriptors are non-negative `int`s.
        InstalledFd(number as c_int)
    }
}
