// SPDX-License-Identifier: GPL-2.0

//! Mount options.

use bpf::{Delegated, Delegation};
use fs::{
    capability::{capable, Capability},
    number,
    FsContext,
    KeyName,
    Kgid,
    Kuid,
    Mode,
    Parameter,
    ParameterTable,
    Parameters,
    Spec, //
};
use kernel::prelude::*;

use crate::{delegation, file_system::BpfFs, instance};

/// A mount option.
#[derive(Clone, Copy)]
pub(crate) enum MountOption {
    Uid,
    Gid,
    Mode,
    Instance,
    NewInstance,
    JoinStrict,
    PinMode,
    NrInodes,
    RdonlyStrict,
    Dots,
    Builtin,
    Hold,
    Retire,
    RetireLinks,
    Delegate(Delegated),
}

/// The option that delegates `what`.
const fn delegate(what: Delegated) -> (Spec, MountOption) {
    (
        Spec::string(delegation::option(what)),
        MountOption::Delegate(what),
    )
}

static PARAMETERS: Parameters<MountOption, 18> = Parameters::new([
    (Spec::u32(c"uid"), MountOption::Uid),
    (Spec::u32(c"gid"), MountOption::Gid),
    (Spec::u32_octal(c"mode"), MountOption::Mode),
    (Spec::string(c"instance"), MountOption::Instance),
    (Spec::flag(c"newinstance"), MountOption::NewInstance),
    (Spec::flag(c"join_strict"), MountOption::JoinStrict),
    (Spec::u32_octal(c"pinmode"), MountOption::PinMode),
    (Spec::string(c"nr_inodes"), MountOption::NrInodes),
    (Spec::flag(c"rdonly_strict"), MountOption::RdonlyStrict),
    (Spec::flag(c"dots"), MountOption::Dots),
    (Spec::flag(c"builtin"), MountOption::Builtin),
    (Spec::fd(c"hold"), MountOption::Hold),
    (Spec::flag(c"retire"), MountOption::Retire),
    (Spec::flag(c"retire_links"), MountOption::RetireLinks),
    delegate(Delegated::Commands),
    delegate(Delegated::MapTypes),
    delegate(Delegated::ProgTypes),
    delegate(Delegated::AttachTypes),
]);

/// The table of all options.
pub(crate) const TABLE: ParameterTable<MountOption> = PARAMETERS.table();

/// Which instance a mount asks for by `instance=`.
#[derive(Clone)]
pub(crate) enum Wanted {
    /// The mount namespace's.
    Namespace,
    /// The one of that name.
    Named(KeyName),
}

impl Wanted {
    /// The value that is no name.
    const NAMESPACE: &'static [u8] = b"namespace";
}

/// What a mount was asked to be; `None` where nothing was said.
///
/// All but `uid`, `gid`, `mode` and `delegation` are extensions, which C ignores.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) uid: Option<Kuid>,
    pub(crate) gid: Option<Kgid>,
    pub(crate) mode: Option<Mode>,
    pub(crate) instance: Option<Wanted>,
    /// Not to join any instance.
    pub(crate) new_instance: bool,
    /// Not to join an instance that has not what was asked for.
    pub(crate) join_strict: bool,
    /// The mode of new pins.
    pub(crate) pin_mode: Option<Mode>,
    /// The limit of inodes; 0 for none.
    pub(crate) nr_inodes: Option<u32>,
    /// That a read-only mount gives nothing that can change an object.
    pub(crate) rdonly_strict: bool,
    /// That names with dots can be made.
    pub(crate) dots: bool,
    /// To be one of the kernel's own.
    pub(crate) builtin: bool,
    pub(crate) delegation: Delegation,
}

impl Options {
    /// Whether something is asked to be delegated, and not just what an instance that delegates
    /// `there` does. Values that there are not do not count.
    pub(crate) fn delegates_otherwise(&self, what: Delegated, there: &Delegation) -> bool {
        let wanted = self.delegation.get(what);
        wanted != 0 && (wanted ^ there.get(what)) & what.all_values() != 0
    }

    /// The limit of inodes, if one was asked for.
    pub(crate) fn limit(&self) -> Option<u64> {
        self.nr_inodes.filter(|limit| *limit != 0).map(u64::from)
    }

    /// Takes an option.
    ///
    /// # Errors
    ///
    /// `EINVAL` for an id that the mount's user namespace cannot represent, and for a bad value, which
    /// the context's log tells; `ERANGE` for a number that is too large; `EPERM` for delegating
    /// without `CAP_SYS_ADMIN`; `ENOMEM`.
    pub(crate) fn parse(
        &mut self,
        fc: &FsContext<BpfFs>,
        option: MountOption,
        parameter: Parameter<'_>,
    ) -> Result {
        let number = parameter.number();
        let bad = |name| {
            move || {
                fc.error(fmt!("Bad value for '{name}'"));
                EINVAL
            }
        };
        match option {
            MountOption::Uid => self.uid = Some(fc.kuid(number).ok_or_else(bad("uid"))?),
            MountOption::Gid => self.gid = Some(fc.kgid(number).ok_or_else(bad("gid"))?),
            MountOption::Mode => self.mode = Some(Mode::new(number)),
            MountOption::Instance => {
                let name = parameter.string()?;
                self.instance = Some(if name.to_bytes() == Wanted::NAMESPACE {
                    Wanted::Namespace
                } else if instance::is_name(name.to_bytes()) {
                    Wanted::Named(KeyName::new(name)?)
                } else {
                    fc.error(fmt!(
                        "instance: a name is 1 to {} letters, digits, '_' and '-'",
                        instance::NAME_MAX
                    ));
                    return Err(EINVAL);
                });
            }
            MountOption::NewInstance => self.new_instance = true,
            MountOption::JoinStrict => self.join_strict = true,
            MountOption::PinMode => {
                if number & !0o777 != 0 {
                    return Err(bad("pinmode")());
                }
                self.pin_mode = Some(Mode::new(number));
            }
            MountOption::NrInodes => {
                let limit = number::parse_size(parameter.string()?).ok();
                // Numbers of inodes have 32 bits.
                let limit = limit.and_then(|limit| u32::try_from(limit).ok());
                self.nr_inodes = Some(limit.ok_or_else(bad("nr_inodes"))?);
            }
            MountOption::RdonlyStrict => self.rdonly_strict = true,
            MountOption::Dots => self.dots = true,
            MountOption::Builtin => self.builtin = true,
            // Those are no options of the mount's: the context takes them.
            MountOption::Hold | MountOption::Retire | MountOption::RetireLinks => {
                return Err(EINVAL)
            }
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
