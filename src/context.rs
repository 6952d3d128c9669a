// SPDX-License-Identifier: GPL-2.0

//! Mounting: from options to an instance, new or joined.

#![forbid(unsafe_code)]

use kernel::prelude::*;
use kernel_ext::{
    bpf::Delegation,
    capability::{capable, Capability},
    fs::{Context, Filling, FsContext, Mode, Parameter, ParameterTable, SuperBlock},
    mnt_namespace::MntNamespaceId,
    uidgid::{Kgid, Kuid},
};

use crate::{
    delegation,
    file_system::BpfFs,
    instance::Instance,
    options::{self, Options},
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

impl Context for MountContext {
    type FileSystem = BpfFs;

    const PARAMETERS: ParameterTable = options::TABLE;

    fn new() -> Result<Self> {
        Ok(Self {
            options: Options::default(),
            namespace: MntNamespaceId::current().ok_or(ESRCH)?,
            opener: (Kuid::current_fs(), Kgid::current_fs()),
        })
    }

    fn parse(&mut self, fc: &FsContext<BpfFs>, option: u8, parameter: Parameter<'_>) -> Result {
        self.options.parse(fc, option, parameter)
    }

    fn info(&mut self, fc: &FsContext<BpfFs>) -> Result<Instance> {
        // A user namespace of its own does not suffice.
        if !fc.is_init_user_ns() && !capable(Capability::SYS_ADMIN) {
            return Err(EPERM);
        }
        let namespace = (!self.options.new_instance).then_some(self.namespace);
        Ok(Instance::new(namespace, self.options.delegation))
    }

    fn fill(&mut self, _fc: &FsContext<BpfFs>, sb: &SuperBlock<BpfFs, Filling>) -> Result {
        let root = sb.make_root(
            Mode::new(0),
            self.options.uid.unwrap_or(self.opener.0),
            self.options.gid.unwrap_or(self.opener.1),
        )?;
        // As with C's, a mount does not fail for the want of these.
        let _ = preload::populate(&root);
        let mode = self.options.mode.unwrap_or(Mode::RWX_ALL);
        root.set_mode(mode.with(Mode::STICKY));
        Ok(())
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
        self.check_delegation(fc, sb.info().delegation())?;
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
}

impl MountContext {
    /// Checks that a mount that joins an instance asks to delegate nothing else than that does. One
    /// that asks for nothing may join any.
    fn check_delegation(&self, fc: &FsContext<BpfFs>, instance: &Delegation) -> Result {
        for option in &delegation::OPTIONS {
            let wanted = *option.mask(&mut self.options.delegation.clone());
            let there = *option.mask(&mut instance.clone());
            if wanted != 0 && (wanted ^ there) & option.all != 0 {
                fc.error(fmt!(
                    "{} differs from that of this mount namespace's instance: use newinstance",
                    option.name.to_str()?
                ));
                return Err(EBUSY);
            }
        }
        Ok(())
    }
}
