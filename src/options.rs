// SPDX-License-Identifier: GPL-2.0

//! Mount options.

use bpf::{Delegated, Delegation};
use fs::{
    capability::{capable, Capability},
    FsContext,
    Kgid,
    Kuid,
    Mode,
    Parameter,
    ParameterTable,
    Parameters,
    Spec, //
};
use kernel::prelude::*;

use crate::{delegation, file_system::BpfFs};

/// A mount option.
#[derive(Clone, Copy)]
pub(crate) enum MountOption {
    Uid,
    Gid,
    Mode,
    NewInstance,
    Delegate(Delegated),
}

/// The option that delegates `what`.
const fn delegate(what: Delegated) -> (Spec, MountOption) {
    (
        Spec::string(delegation::option(what)),
        MountOption::Delegate(what),
    )
}

static PARAMETERS: Parameters<MountOption, 8> = Parameters::new([
    (Spec::u32(c"uid"), MountOption::Uid),
    (Spec::u32(c"gid"), MountOption::Gid),
    (Spec::u32_octal(c"mode"), MountOption::Mode),
    (Spec::flag(c"newinstance"), MountOption::NewInstance),
    delegate(Delegated::Commands),
    delegate(Delegated::MapTypes),
    delegate(Delegated::ProgTypes),
    delegate(Delegated::AttachTypes),
]);

/// The table of all options.
pub(crate) const TABLE: ParameterTable<MountOption> = PARAMETERS.table();

/// What a mount was asked to be; `None` where nothing was said.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) uid: Option<Kuid>,
    pub(crate) gid: Option<Kgid>,
    pub(crate) mode: Option<Mode>,
    /// Not to join the mount namespace's instance. An extension.
    pub(crate) new_instance: bool,
    pub(crate) delegation: Delegation,
}

impl Options {
    /// Takes an option.
    ///
    /// # Errors
    ///
    /// `EINVAL` for an id that the mount's user namespace cannot represent, and for a bad value;
    /// `ERANGE` for a number that is too large; `EPERM` for delegating without `CAP_SYS_ADMIN`.
    pub(crate) fn parse(
        &mut self,
        fc: &FsContext<BpfFs>,
        option: MountOption,
        parameter: Parameter<'_>,
    ) -> Result {
        let number = parameter.number();
        let bad_id = |name| {
            move || {
                fc.error(fmt!("Bad value for '{name}'"));
                EINVAL
            }
        };
        match option {
            MountOption::Uid => self.uid = Some(fc.kuid(number).ok_or_else(bad_id("uid"))?),
            MountOption::Gid => self.gid = Some(fc.kgid(number).ok_or_else(bad_id("gid"))?),
            MountOption::Mode => self.mode = Some(Mode::new(number)),
            MountOption::NewInstance => self.new_instance = true,
            MountOption::Delegate(what) => {
                let mask = delegation::parse(what, parameter)?;
                if mask != 0 && !capable(Capability::SYS_ADMIN) {
                    return Err(EPERM);
                }
                self.delegation.add(what, mask);
            }
        }
        Ok(())
    }
}
