// SPDX-License-Identifier: GPL-2.0

//! Instances: what a superblock of the file system is, and which one a mount shows.

use bpf::{Delegated, Delegation};
use fs::{
    xattr::{Buffer, Filled},
    AnyINode,
    KernelId,
    Key,
    KeyName,
    Mode,
    SuperBlock, //
};
use kernel::{
    fmt,
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

use crate::{delegation, file_system::BpfFs, options::Options};

/// What an instance is found by.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Identity {
    /// By nothing: it is that of one mount, and of what is made of that mount.
    Own,
    /// By the mount namespace of that id, in which the context of its first mount was opened. The
    /// id is never used again, so that an instance which outlives its namespace, in a copied mount
    /// or an open file, is not mistaken for another's. The instance holds no reference to the
    /// namespace, which holds mounts that hold the instance.
    Namespace {
        id: u64,
        /// Whether the mount that made the instance asked for it by an option.
        is_explicit: bool,
    },
    /// By a name, see [`is_name()`].
    Named(KeyName),
}

impl Identity {
    /// The key of the instance; `None` if it cannot be found.
    pub(crate) fn key(self) -> Option<Key> {
        match self {
            Self::Own => None,
            Self::Namespace { id, .. } => Some(Key::Number(id)),
            Self::Named(name) => Some(Key::Name(name)),
        }
    }
}

/// The instance, as messages call it.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("this instance"),
            Self::Namespace { .. } => f.write_str("this mount namespace's instance"),
            Self::Named(name) => f.write_fmt(fmt!("the instance {name}")),
        }
    }
}

/// The longest name of an instance.
pub(crate) const NAME_MAX: usize = 63;

/// Whether an instance can have that name: 1 to 63 letters, digits, `_` and `-`.
pub(crate) fn is_name(name: &[u8]) -> bool {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=NAME_MAX).contains(&name.len()) && name.iter().all(is_allowed)
}

/// What belongs to an instance.
pub(crate) struct Instance {
    pub(crate) identity: Identity,
    /// What tokens of this instance are good for.
    pub(crate) delegation: Delegation,
    /// The mode of new pins, before the umask.
    pin_mode: Atomic<u32>,
    is_rdonly_strict: Atomic<bool>,
    allows_dots: Atomic<bool>,
}

impl Instance {
    /// The mode of new pins, as with C's.
    pub(crate) const PIN_MODE: Mode = Mode::new(0o600);

    /// The instance of that identity that the options ask for.
    pub(crate) fn new(identity: Identity, options: &Options) -> Self {
        let this = Self {
            identity,
            delegation: options.delegation,
            pin_mode: Atomic::new(Self::PIN_MODE.bits()),
            is_rdonly_strict: Atomic::new(false),
            allows_dots: Atomic::new(false),
        };
        this.apply(options);
        this
    }

    /// What the attribute `bpf.instance` says: whose implementation serves the instance, and which
    /// instance it is.
    pub(crate) fn describe<'a>(&self, value: Buffer<'a>) -> Result<Filled<'a>> {
        match &self.identity {
            Identity::Own => value.fill(b"rust own"),
            Identity::Namespace { id, .. } => value.fill_fmt(fmt!("rust namespace:{id}")),
            Identity::Named(name) => value.fill_fmt(fmt!("rust name:{name}")),
        }
    }

    /// The mode of new pins, before the umask.
    #[inline]
    pub(crate) fn pin_mode(&self) -> Mode {
        Mode::new(self.pin_mode.load(Relaxed))
    }

    /// Makes the instance what the options say of it; what they do not say stays.
    ///
    /// There is no way back from `rdonly_strict`: who is held by the rule could else take it away.
    pub(crate) fn apply(&self, options: &Options) {
        if let Some(mode) = options.pin_mode {
            self.pin_mode.store(mode.bits(), Relaxed);
        }
        if options.rdonly_strict {
            self.is_rdonly_strict.store(true, Relaxed);
        }
        if options.dots {
            self.allows_dots.store(true, Relaxed);
        }
    }

    /// Whether what is fetched through a read-only mount must not be good for changing anything.
    #[inline]
    pub(crate) fn is_rdonly_strict(&self) -> bool {
        self.is_rdonly_strict.load(Relaxed)
    }

    /// Whether users may make names with dots.
    #[inline]
    pub(crate) fn allows_dots(&self) -> bool {
        self.allows_dots.load(Relaxed)
    }
}

/// Shows the mount options of an instance, so that a mount with these is like it. `root` is the
/// root of the mount.
pub(crate) fn show_options(sb: &SuperBlock<BpfFs>, root: &AnyINode, m: &SeqFile) {
    let instance = sb.data();
    match &instance.identity {
        Identity::Named(name) => seq_print!(m, ",instance={name}"),
        Identity::Namespace {
            is_explicit: true, ..
        } => seq_print!(m, ",instance=namespace"),
        Identity::Own | Identity::Namespace { .. } => (),
    }
    if !root.uid().is_global_root() {
        seq_print!(m, ",uid={}", root.uid().in_init_user_ns());
    }
    if !root.gid().is_global_root() {
        seq_print!(m, ",gid={}", root.gid().in_init_user_ns());
    }
    let mode = root.mode().without(Mode::STICKY);
    if mode != Mode::RWX_ALL {
        seq_print!(m, ",mode={:o}", mode.bits());
    }
    if instance.pin_mode() != Instance::PIN_MODE {
        seq_print!(m, ",pinmode={:o}", instance.pin_mode().bits());
    }
    if let Some(limit) = sb.inode_limit() {
        seq_print!(m, ",nr_inodes={limit}");
    }
    if instance.is_rdonly_strict() {
        seq_print!(m, ",rdonly_strict");
    }
    if instance.allows_dots() {
        seq_print!(m, ",dots");
    }
    for what in Delegated::ALL {
        delegation::show(what, &instance.delegation, m);
    }
}
