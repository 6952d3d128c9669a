// SPDX-License-Identifier: GPL-2.0

//! Mount options.

#![forbid(unsafe_code)]

use kernel::prelude::*;
use kernel_ext::{
    bpf::Delegation,
    capability::{capable, Capability},
    fs::{FsContext, Mode, Parameter, ParameterTable, Parameters, Spec},
    uidgid::{Kgid, Kuid},
};

use crate::{delegation, file_system::BpfFs};

const UID: u8 = 0;
const GID: u8 = 1;
const MODE: u8 = 2;
const NEW_INSTANCE: u8 = 3;
/// The first of [`delegation::OPTIONS`], the others follow.
const DELEGATE: u8 = 4;

static PARAMETERS: Parameters<8> = Parameters::new([
    Spec::u32(c"uid", UID),
    Spec::u32(c"gid", GID),
    Spec::u32_octal(c"mode", MODE),
    Spec::flag(c"newinstance", NEW_INSTANCE),
    Spec::string(delegation::OPTIONS[0].name, DELEGATE),
    Spec::string(delegation::OPTIONS[1].name, DELEGATE + 1),
    Spec::string(delegation::OPTIONS[2].name, DELEGATE + 2),
    Spec::string(delegation::OPTIONS[3].name, DELEGATE + 3),
]);

/// The table of all options.
pub(crate) const TABLE: ParameterTable = PARAMETERS.table();

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
        option: u8,
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
            UID => self.uid = Some(fc.kuid(number).ok_or_else(bad_id("uid"))?),
            GID => self.gid = Some(fc.kgid(number).ok_or_else(bad_id("gid"))?),
            MODE => self.mode = Some(Mode::new(number)),
            NEW_INSTANCE => self.new_instance = true,
            _ => {
                let option = delegation::OPTIONS
                    .get(usize::from(option.wrapping_sub(DELEGATE)))
                    .ok_or(EINVAL)?;
                let mask = option.parse(parameter)?;
                if mask != 0 && !capable(Capability::SYS_ADMIN) {
                    return Err(EPERM);
                }
                *option.mask(&mut self.delegation) |= mask;
            }
        }
        Ok(())
    }
}
