// SPDX-License-Identifier: GPL-2.0

//! Groups of mounts that propagate to each other.
//!
//! A mount that comes in the place of another one is shared if the mount that it is on is, and is
//! private otherwise. So peers can end up in groups of their own, and a slave without a master. The
//! kernel puts a mount into the group of another one, in whatever namespace (`MOVE_MOUNT_SET_GROUP`).

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use rustix::mount::{move_mount, MoveMountFlags};

use crate::mounts::Propagation;
use crate::sys::{self, MountAttributes};

const SET_GROUP: MoveMountFlags = MoveMountFlags::from_bits_retain(0x100);

const MS_UNBINDABLE: u64 = 1 << 17;
const MS_PRIVATE: u64 = 1 << 18;
const MS_SLAVE: u64 = 1 << 19;
const MS_SHARED: u64 = 1 << 20;

/// A mount that has come in the place of another one.
pub struct Member {
    /// The mount.
    pub mount: OwnedFd,
    /// The part of the file system that it shows.
    pub root: PathBuf,
    /// What the other one was.
    pub before: Propagation,
    /// What it is itself.
    pub now: Propagation,
}

/// For each group of mounts that have gone, the mount that those in their places are to be with.
#[derive(Default)]
pub struct Groups(HashMap<u32, Arc<Member>>);

/// Changes how a mount of this namespace propagates.
fn set(mount: &OwnedFd, propagation: u64) -> io::Result<()> {
    let attributes = MountAttributes {
        propagation,
        ..MountAttributes::default()
    };
    sys::mount_setattr(mount.as_fd(), &attributes)
}

/// Makes a mount private.
pub fn leave(mount: &OwnedFd) -> io::Result<()> {
    set(mount, MS_PRIVATE)
}

/// Gives a mount that has come the propagation of the one that has gone, but for whom it shares with.
pub fn settle(mount: &OwnedFd, before: &Propagation) -> io::Result<()> {
    match (before.shared, before.master) {
        (Some(_), _) => set(mount, MS_SHARED),
        (None, None) if before.unbindable => set(mount, MS_UNBINDABLE),
        (None, None) => leave(mount),
        // What propagation puts in the place of a slave is a slave.
        (None, Some(_)) => Ok(()),
    }
}

impl Extend<Arc<Member>> for Groups {
    fn extend<I: IntoIterator<Item = Arc<Member>>>(&mut self, members: I) {
        for member in members {
            let (Some(group), Some(_)) = (member.before.shared, member.now.shared) else {
                continue;
            };
            // The one that shows most, as none can share with one that shows less.
            let length = |member: &Member| member.root.components().count();
            match self.0.get(&group) {
                Some(leader) if length(leader) <= length(&member) => (),
                _ => drop(self.0.insert(group, member)),
            }
        }
    }
}

impl Groups {
    /// Whose group a member is to be in that has been in this one.
    fn leader(&self, group: Option<u32>, member: &Member) -> Option<&Member> {
        let leader = self.0.get(&group?)?;
        let is_with = member.root.starts_with(&leader.root);
        is_with.then_some(leader)
    }

    /// Makes a mount of this namespace the peer of those whose peer the other one was.
    pub fn join(&self, member: &Member) -> io::Result<()> {
        let Member { before, now, .. } = member;
        match self.leader(before.shared, member) {
            Some(peer) if before.master.is_none() && now.shared != peer.now.shared => {
                share(member, peer)
            }
            _ => Ok(()),
        }
    }

    /// Makes a mount of this namespace the slave of those whose slave the other one was.
    pub fn follow(&self, member: &Member) -> io::Result<()> {
        let Member { before, now, .. } = member;
        let Some(master) = self.leader(before.master, member) else {
            return Ok(());
        };
        if now.master.is_some() {
            return Ok(());
        }
        share(member, master)?;
        set(&member.mount, MS_SLAVE)?;
        if before.shared.is_some() {
            set(&member.mount, MS_SHARED)?;
        }
        Ok(())
    }
}

fn share(member: &Member, other: &Member) -> io::Result<()> {
    leave(&member.mount)?;
    let both = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    Ok(move_mount(
        &other.mount,
        c"",
        &member.mount,
        c"",
        both | SET_GROUP,
    )?)
}
