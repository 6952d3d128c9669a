// SPDX-License-Identifier: GPL-2.0

//! Mounting: from options to an instance, new or joined.
//!
//! An instance is shared by all mounts that are made in a mount namespace by owners of the same
//! user namespace. It is known by the id of the mount namespace in which the context of its first
//! mount was opened. The id is never used again, so that an instance which outlives its namespace,
//! in a copied mount or an open file, is not mistaken for another's. The instance holds no
//! reference to the namespace, which holds mounts that hold the instance.

use bpf::{Delegated, Delegation};
use fs::{
    capability::{capable, Capability},
    Context,
    FsContext,
    KernelId,
    Key,
    Kgid,
    Kuid,
    Mode,
    NewSuperBlock,
    Parameter,
    ParameterTable,
    Root,
    Sharing,
    SuperBlock,
    UnknownParameters, //
};
use kernel::prelude::*;
use takeover::MntNamespaceId;

use crate::{
    delegation,
    directory::Directory,
    file_system::{BpfFs, Instance},
    object::Pinned,
    options::{self, MountOption, Options},
    preload,
};

/// A mount that is being configured.
pub(crate) struct MountContext {
    options: Options,
    /// Where the context was opened. The mount belongs there even if somebody else, privileged to
    /// do so, makes it for the one who opened it.
    namespace: MntNamespaceId,
    /// Who opened it, which is who owns the root of a new instance unless the options differ.
    opener: (Kuid, Kgid),
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
            opener: (Kuid::current_fs(), Kgid::current_fs()),
        })
    }

    fn parse(
        &mut self,
        fc: &FsContext<BpfFs>,
        option: MountOption,
        parameter: Parameter<'_>,
    ) -> Result {
        self.options.parse(fc, option, parameter)
    }

    fn sharing(&mut self, fc: &FsContext<BpfFs>) -> Result<Sharing> {
        // A user namespace of its own does not suffice.
        if !fc.is_init_user_ns() && !capable(Capability::SYS_ADMIN) {
            return Err(EPERM);
        }
        Ok(if self.options.new_instance {
            Sharing::Independent
        } else {
            Sharing::Keyed(Key::number(self.namespace.get()))
        })
    }

    fn fill<'a>(&mut self, sb: NewSuperBlock<'a, BpfFs>) -> Result<Root<'a, BpfFs>> {
        let sb = sb.with_data(Instance {
            delegation: self.options.delegation,
        })?;
        let owner = (
            self.options.uid.unwrap_or(self.opener.0),
            self.options.gid.unwrap_or(self.opener.1),
        );
        let mode = self
            .options
            .mode
            .unwrap_or(Mode::RWX_ALL)
            .with(Mode::STICKY);
        let root = sb.into_root(mode, owner, Pinned(None), Directory::OPS)?;
        // As with C's, a mount does not fail for the want of these.
        let _ = preload::populate(&root);
        Ok(root)
    }

    fn join(&mut self, fc: &FsContext<BpfFs>, sb: &SuperBlock<BpfFs>) -> Result {
        // A mount that must not write can do so by itself, which mount(2) sees to. The other way
        // round it would pretend to be writable.
        if sb.is_read_only() && !fc.is_read_only() {
            fc.error(fmt!(
                "this mount namespace's instance is read-only: remount that, or use newinstance"
            ));
            return Err(EBUSY);
        }
        self.check_delegation(fc, &sb.data().delegation)?;
        let options = [
            ("uid", self.options.uid.is_some()),
            ("gid", self.options.gid.is_some()),
            ("mode", self.options.mode.is_some()),
            ("ro", fc.is_read_only() && !sb.is_read_only()),
        ];
        for (name, _) in options.iter().filter(|(_, given)| *given) {
            fc.info(fmt!(
                "{name} ignored: joined this mount namespace's instance, which has its own"
            ));
        }
        Ok(())
    }

    /// As with C's, options are checked and then ignored.
    fn reconfigure(&mut self, _fc: &FsContext<BpfFs>, _sb: &SuperBlock<BpfFs>) -> Result {
        Ok(())
    }
}

impl MountContext {
    /// Checks that a mount that joins an instance asks to delegate nothing else than that does. One
    /// that asks for nothing may join any.
    fn check_delegation(&self, fc: &FsContext<BpfFs>, instance: &Delegation) -> Result {
        for what in Delegated::ALL {
            let wanted = self.options.delegation.get(what);
            let there = instance.get(what);
            if wanted != 0 && (wanted ^ there) & what.all_values() != 0 {
                fc.error(fmt!(
                    "{} differs from that of this mount namespace's instance: use newinstance",
                    delegation::option(what).to_str()?
                ));
                return Err(EBUSY);
            }
        }
        Ok(())
    }
}
