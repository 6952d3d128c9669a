// SPDX-License-Identifier: GPL-2.0

//! Mounting: from options to an instance, new or joined.
//!
//! Which instance that is is the mount's choice, or that of the module's parameter: the one of the
//! mount namespace, one by name, or one of its own. Mounts of different user namespaces never share
//! one.

use bpf::builtin::{self, MountOptions};
use fs::{
    capability::{capable, Capability},
    Context,
    FsContext,
    KernelId,
    Kgid,
    Kuid,
    Mode,
    NewSuperBlock,
    Parameter,
    ParameterTable,
    Root,
    Sharing,
    Successor,
    SuperBlock,
    UnknownParameters, //
};
use kernel::prelude::*;
use takeover::MntNamespaceId;

use crate::{
    directory::Directory,
    file_system::BpfFs,
    instance::{Identity, Instance},
    joining,
    moving::{Links, Moving},
    object::Pinned,
    options::{self, MountOption, Options, Wanted},
    preload,
    remount,
    sharing::{self, DefaultSharing}, //
};

/// A mount that is being configured.
pub(crate) struct MountContext {
    options: Options,
    /// Where the context was opened. The mount belongs there even if somebody else, privileged to
    /// do so, makes it for the one who opened it.
    namespace: MntNamespaceId,
    /// What the module's parameter said then.
    default: DefaultSharing,
    /// Who opened it, which is who owns the root of a new instance unless the options differ.
    opener: (Kuid, Kgid),
    /// What it does to a file system that is moved.
    moving: Moving,
}

#[vtable]
impl Context for MountContext {
    type FileSystem = BpfFs;
    type Option = MountOption;

    const PARAMETERS: ParameterTable<MountOption> = options::TABLE;
    /// As with C's.
    const UNKNOWN_PARAMETERS: UnknownParameters = UnknownParameters::Ignored;

    fn new() -> Result<Self> {
        Ok(Self {
            options: Options::default(),
            namespace: MntNamespaceId::current().ok_or(ESRCH)?,
            default: sharing::default(),
            opener: (Kuid::current_fs(), Kgid::current_fs()),
            moving: Moving::default(),
        })
    }

    fn parse(
        &mut self,
        fc: &FsContext<BpfFs>,
        option: MountOption,
        parameter: Parameter<'_>,
    ) -> Result {
        match option {
            MountOption::Hold => self.moving.hold(fc, &parameter),
            MountOption::Retire => self.moving.retire(fc, Links::Stay),
            MountOption::RetireLinks => self.moving.retire(fc, Links::Go),
            _ => self.options.parse(fc, option, parameter),
        }
    }

    fn successor(&mut self, fc: &FsContext<BpfFs>) -> Result<Option<Successor>> {
        if self.moving.is_on() {
            fc.error(fmt!("a context that holds a file system makes no mount"));
            return Err(EINVAL);
        }
        self.options.builtin.then(|| self.builtin()).transpose()
    }

    fn sharing(&mut self, fc: &FsContext<BpfFs>) -> Result<Sharing> {
        // A user namespace of its own does not suffice.
        if !fc.is_init_user_ns() && !capable(Capability::SYS_ADMIN) {
            return Err(EPERM);
        }
        let key = self.identity(fc)?.key();
        Ok(key.map_or(Sharing::Independent, Sharing::Keyed))
    }

    fn fill<'a>(&mut self, sb: NewSuperBlock<'a, BpfFs>) -> Result<Root<'a, BpfFs>> {
        let identity = self.identity(sb.fs_context())?;
        let sb = sb.with_data(Instance::new(identity, &self.options))?;
        if let Some(limit) = self.options.limit() {
            sb.set_inode_limit(Some(limit))?;
        }
        let mode = self.mode().with(Mode::STICKY);
        let owner = self.owner();
        let root = sb.into_root(mode, owner, Pinned(None), Directory::OPS)?;
        // As with C's, a mount does not fail for the want of these.
        let _ = preload::populate(&root);
        Ok(root)
    }

    fn join(&mut self, fc: &FsContext<BpfFs>, sb: &SuperBlock<BpfFs>) -> Result {
        joining::check(&self.options, fc, sb)
    }

    fn reconfigure(&mut self, fc: &FsContext<BpfFs>, sb: &SuperBlock<BpfFs>) -> Result {
        remount::apply(&self.options, fc, sb)
    }
}

impl MountContext {
    /// The owner of the root directory of a new instance.
    fn owner(&self) -> (Kuid, Kgid) {
        (
            self.options.uid.unwrap_or(self.opener.0),
            self.options.gid.unwrap_or(self.opener.1),
        )
    }

    /// The mode of the root directory of a new instance, without what it has in any case.
    fn mode(&self) -> Mode {
        self.options.mode.unwrap_or(Mode::RWX_ALL)
    }

    /// What makes a mount of the kernel's own, which knows nothing of our options.
    fn builtin(&self) -> Result<Successor> {
        let (uid, gid) = self.owner();
        builtin::mount(&MountOptions {
            mode: self.mode(),
            uid,
            gid,
            delegation: self.options.delegation,
        })
    }

    /// Which instance the mount is to show.
    ///
    /// # Errors
    ///
    /// `EINVAL` for options that contradict each other.
    fn identity(&self, fc: &FsContext<BpfFs>) -> Result<Identity> {
        let namespace = |is_explicit| Identity::Namespace {
            id: self.namespace.get(),
            is_explicit,
        };
        let identity = match (&self.options.instance, self.options.new_instance) {
            (Some(_), true) => {
                fc.error(fmt!("instance and newinstance: give one of them"));
                return Err(EINVAL);
            }
            (Some(Wanted::Named(name)), false) => Identity::Named(name.clone()),
            (Some(Wanted::Namespace), false) => namespace(true),
            (None, true) => Identity::Own,
            (None, false) => match self.default {
                DefaultSharing::Namespace => namespace(false),
                DefaultSharing::Mount => Identity::Own,
            },
        };
        Ok(identity)
    }
}
