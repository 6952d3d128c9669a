// SPDX-License-Identifier: GPL-2.0

//! A file system whose tree is being moved to another, such as one of the kernel's own to one of ours.
//!
//! Whoever moves it holds back changes while it puts the other in its place, and then has those who
//! waited look up their path once more: they find the other. All of it belongs to a mount context, so
//! that it ends with the last file descriptor of that, whatever becomes of its owner.

use bpf::builtin;
use core::mem;
use fs::{
    capability::{capable, Capability},
    Frozen,
    FsContext,
    Parameter,
    Retired, //
};
use kernel::prelude::*;

use crate::{file_system::BpfFs, object};

/// What a context does to a file system that is moved, if there is one. Apart, so that contexts that
/// mount stay small.
#[derive(Default)]
pub(crate) struct Moving(Option<KBox<State>>);

enum State {
    /// Who would change it waits.
    Held(Frozen),
    /// Who would change it looks up the path again.
    Retired {
        /// Is dropped with the context.
        _retired: Retired,
    },
    /// From the one to the other.
    Between,
}

/// What becomes of links in a file system that is retired.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// They stay, and what they are attached to with them, for as long as somebody has the file system.
    Stay,
    /// All their names are removed, as what has come in the place of the file system has them.
    Go,
}

impl Moving {
    /// Whether there is such a file system.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Takes the option `hold`. May sleep: it waits for changes that have begun.
    ///
    /// # Errors
    ///
    /// `EPERM` without `CAP_SYS_ADMIN`; `EINVAL` for a file that is not on a BPF file system; `EBUSY` if
    /// the context holds one already, or another one that file system.
    pub(crate) fn hold(&mut self, fc: &FsContext<BpfFs>, parameter: &Parameter<'_>) -> Result {
        if !capable(Capability::SYS_ADMIN) {
            return Err(EPERM);
        }
        let path = parameter.path()?;
        if !builtin::is_on(&path) && !path.is_on::<BpfFs>() {
            fc.error(fmt!("hold: not a BPF file system"));
            return Err(EINVAL);
        }
        if self.is_on() {
            fc.error(fmt!("hold: this context holds a file system already"));
            return Err(EBUSY);
        }
        let frozen = Frozen::new(path).inspect_err(|_| {
            fc.error(fmt!("hold: the file system is held already"));
        })?;
        self.0 = Some(KBox::new(State::Held(frozen), GFP_KERNEL)?);
        Ok(())
    }

    /// Takes the option `retire`, or `retire_links`. May sleep.
    ///
    /// # Errors
    ///
    /// `EPERM` without `CAP_SYS_ADMIN`; `EINVAL` if no file system is held; `ENOMEM`, and then it stays
    /// held.
    pub(crate) fn retire(&mut self, fc: &FsContext<BpfFs>, links: Links) -> Result {
        if !capable(Capability::SYS_ADMIN) {
            return Err(EPERM);
        }
        let not_held = || {
            fc.error(fmt!("retire: no file system is held"));
            EINVAL
        };
        let state = self.0.as_deref_mut().ok_or_else(not_held)?;
        let (now, result) = match mem::replace(state, State::Between) {
            State::Held(frozen) => {
                match frozen.retire(fc, |inode| links == Links::Go && object::is_link(inode)) {
                    Ok(retired) => (State::Retired { _retired: retired }, Ok(())),
                    Err((error, frozen)) => (State::Held(frozen), Err(error)),
                }
            }
            other => (other, Err(not_held())),
        };
        *state = now;
        result
    }
}
