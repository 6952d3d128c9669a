// SPDX-License-Identifier: GPL-2.0

//! A directory that answers for names that it does not have. By what the name begins with:
//!
//! - `offered`: the inode of which `files/offer` was given the path, for as long as that is open;
//! - `gate`: the same, but not before the gate is open;
//! - `denied`: `EDOM`;
//! - `itself`: the directory.
//!
//! Others do not exist, and can be made.

use crate::{
    counted::{Counted, LOOKUPS, WAITING},
    directories::{make_directory, make_file},
    Instance, TestFs,
};
use fs::{DirectoryOperations, INode, Instantiated, Mode, NewDentry};
use kernel::{prelude::*, sync::aref::ARef};

pub(crate) struct LookUp;

/// Sleeps until the gate is open.
fn wait_for_gate(instance: &Instance) -> Result {
    let _waiting = Counted::new(&WAITING);
    let mut open = instance.gate.lock();
    while !*open {
        if instance.gate_moved.wait_interruptible(&mut open) {
            return Err(EINTR);
        }
    }
    Ok(())
}

#[vtable]
impl DirectoryOperations for LookUp {
    type FileSystem = TestFs;

    fn lookup(dir: &INode<TestFs>, name: &[u8]) -> Result<Option<ARef<INode<TestFs>>>> {
        LOOKUPS.happened();
        let instance = dir.super_block().data();
        if name.starts_with(b"denied") {
            return Err(EDOM);
        }
        if name.starts_with(b"itself") {
            return Ok(Some(dir.into()));
        }
        if name.starts_with(b"gate") {
            wait_for_gate(instance)?;
        } else if !name.starts_with(b"offered") {
            return Ok(None);
        }
        let offer = instance.offer.lock().clone();
        Ok(offer)
    }

    fn create<'a>(new: NewDentry<'a, TestFs>, mode: Mode) -> Result<Instantiated<'a>> {
        make_file(new, mode)
    }

    fn mkdir<'a>(new: NewDentry<'a, TestFs>, mode: Mode) -> Result<Instantiated<'a>> {
        make_directory::<Self>(new, mode)
    }
}
