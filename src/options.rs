// SPDX-License-Identifier: GPL-2.0

//! Mount options.

#![forbid(unsafe_code)]

use kernel::prelude::*;
use kernel_ext::{
    fs::{FsContext, Mode, Parameter, ParameterTable, Parameters, Spec},
    uidgid::{Kgid, Kuid},
};

use crate::file_system::BpfFs;

const UID: u8 = 0;
const GID: u8 = 1;
const MODE: u8 = 2;
const NEW_INSTANCE: u8 = 3;

static PARAMETERS: Parameters<4> = Parameters::new([
    Spec::u32(c"uid", UID),
    Spec::u32(c"gid", GID),
    Spec::u32_octal(c"mode", MODE),
    Spec::flag(c"newinstance", NEW_INSTANCE),
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
}

impl Options {
    /// Takes an option.
    ///
    /// # Errors
    ///
    /// `EINVAL` for an id that the mount's user namespace cannot represent.
    pub(crate) fn parse(
        &mut self,
        fc: &FsContext<BpfFs>,
        option: u8,
        parameter: &Parameter<'_>,
    ) -> Result {
        let bad_value = || {
            fc.invalid(fmt!(
                "Bad value for '{}'",
                parameter.key().to_str().unwrap_or("?")
            ))
        };
        match option {
            UID => self.uid = Some(fc.kuid(parameter.number()).ok_or_else(bad_value)?),
            GID => self.gid = Some(fc.kgid(parameter.number()).ok_or_else(bad_value)?),
            MODE => self.mode = Some(Mode::new(parameter.number())),
            NEW_INSTANCE => self.new_instance = true,
            _ => return Err(EINVAL),
        }
        Ok(())
    }
}
