// SPDX-License-Identifier: GPL-2.0

//! Mounting: which superblock is shown, and what fails on the way.

use crate::{
    counted::{Counted, CONTEXTS, FILLS},
    tree, Instance, TestFs,
};
use fs::{
    number, Context, FsContext, KernelId, Key, Kgid, Kuid, Mode, NewSuperBlock, Parameter,
    ParameterTable, Parameters, Root, Sharing, Spec, SuperBlock, UnknownParameters,
};
use kernel::{
    prelude::*,
    str::CString,
    sync::atomic::{Atomic, Relaxed},
    time::{delay::fsleep, Delta},
};

/// Whether the next context fails to begin: the command `context` of the file `control`.
pub(crate) static NEXT_FAILS: Atomic<bool> = Atomic::new(false);

/// A mount that is being configured.
pub(crate) struct Mount {
    _counted: Counted,
    sharing: Sharing,
    label: Option<CString>,
    /// The step that is to fail.
    pub(crate) fails: Option<CString>,
    /// Whether it does not want to join.
    alone: bool,
    /// How long filling takes.
    pause: u32,
    /// Whether there is to be but the file `counts`.
    pub(crate) counts_only: bool,
}

impl Mount {
    /// Fails if `step` is the one that is to fail.
    pub(crate) fn step(&self, step: &CStr) -> Result {
        if self.fails(step) {
            return Err(EDOM);
        }
        Ok(())
    }

    fn fails(&self, step: &CStr) -> bool {
        self.fails.as_deref().is_some_and(|fails| fails == step)
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Opt {
    /// `single`: the only superblock there is.
    Single,
    /// `key=`: the one of this number.
    Key,
    /// `alone`: will not join, which `EMLINK` says.
    Alone,
    /// `label=`: is shown; a remount changes it.
    Label,
    /// `fail=`: the step that fails.
    Fail,
    /// `pause=`: milliseconds that filling takes.
    Pause,
    /// `counts_only`: nothing is filled in but the file `counts`.
    CountsOnly,
}

static PARAMETERS: Parameters<Opt, 7> = Parameters::new([
    (Spec::flag(c"single"), Opt::Single),
    (Spec::string(c"key"), Opt::Key),
    (Spec::flag(c"alone"), Opt::Alone),
    (Spec::string(c"label"), Opt::Label),
    (Spec::string(c"fail"), Opt::Fail),
    (Spec::u32(c"pause"), Opt::Pause),
    (Spec::flag(c"counts_only"), Opt::CountsOnly),
]);

#[vtable]
impl Context for Mount {
    type FileSystem = TestFs;
    type Option = Opt;

    const PARAMETERS: ParameterTable<Opt> = PARAMETERS.table();
    const UNKNOWN_PARAMETERS: UnknownParameters = UnknownParameters::Refused;

    fn new() -> Result<Self> {
        let counted = Counted::new(&CONTEXTS);
        if NEXT_FAILS.xchg(false, Relaxed) {
            return Err(EDOM);
        }
        Ok(Self {
            _counted: counted,
            sharing: Sharing::Independent,
            label: None,
            fails: None,
            alone: false,
            pause: 0,
            counts_only: false,
        })
    }

    fn parse(&mut self, fc: &FsContext<TestFs>, option: Opt, parameter: Parameter<'_>) -> Result {
        match option {
            Opt::Single => self.sharing = Sharing::Single,
            Opt::Key => {
                let key = number::parse_u64(parameter.string()?)?;
                self.sharing = Sharing::Keyed(Key::Number(key));
            }
            Opt::Alone => self.alone = true,
            Opt::Label => self.label = Some(CString::try_from(parameter.string()?)?),
            Opt::Fail => {
                self.fails = Some(CString::try_from(parameter.string()?)?);
                if self.fails(c"parse") {
                    fc.error(fmt!("testfs: told to fail"));
                    return Err(EDOM);
                }
            }
            Opt::Pause => self.pause = parameter.number(),
            Opt::CountsOnly => self.counts_only = true,
        }
        Ok(())
    }

    fn sharing(&mut self, _: &FsContext<TestFs>) -> Result<Sharing> {
        self.step(c"sharing").map(|()| self.sharing.clone())
    }

    fn fill<'a>(&mut self, sb: NewSuperBlock<'a, TestFs>) -> Result<Root<'a, TestFs>> {
        FILLS.happened();
        fsleep(Delta::from_millis(self.pause.into()));
        self.step(c"fill")?;
        let data = Instance::new(self.label.take(), self.fails(c"statfs"), self.step(c"data"));
        let owner = (Kuid::current_fs(), Kgid::current_fs());
        let root = sb.with_data(data)?.into_root(
            Mode::new(0o755),
            owner,
            tree::node(self, c"root"),
            tree::ROOT,
        )?;
        tree::fill(self, &root)?;
        self.step(c"last")?;
        Ok(root)
    }

    fn join(&mut self, fc: &FsContext<TestFs>, sb: &SuperBlock<TestFs>) -> Result {
        if self.alone {
            fc.error(fmt!("testfs: will not join"));
            return Err(EMLINK);
        }
        let joined = sb.data().joined.fetch_add(1, Relaxed).wrapping_add(1);
        sb.data().note(fmt!("joined: {joined}"))
    }

    fn reconfigure(&mut self, _: &FsContext<TestFs>, sb: &SuperBlock<TestFs>) -> Result {
        self.step(c"reconfigure")?;
        if let Some(label) = self.label.take() {
            *sb.data().label.lock() = Some(label);
        }
        Ok(())
    }
}
