// SPDX-License-Identifier: GPL-2.0

//! Contexts of the file system: one that makes the instance that a tree is moved to, and one that
//! holds the tree that is moved (the module's options `hold` and `retire`).

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use anyhow::{Context as _, Result};
use rustix::io::Errno;
use rustix::mount::{
    fsconfig_create, fsconfig_create_exclusive, fsconfig_set_fd, fsconfig_set_flag,
    fsconfig_set_string, fsmount, fsopen, FsMountFlags, FsOpenFlags, MountAttrFlags,
};

use super::foreign::Opener;
use super::Direction;

fn context() -> io::Result<OwnedFd> {
    Ok(fsopen("bpf", FsOpenFlags::FSOPEN_CLOEXEC)?)
}

/// What the kernel's own has as well: the options that the new instance is made with.
fn carried(option: &str) -> Option<(&str, &str)> {
    let (name, value) = option.split_once('=')?;
    let known = matches!(name, "uid" | "gid" | "mode") || name.starts_with("delegate_");
    known.then_some((name, value))
}

/// Who the root directory belongs to is copied with the rest: numbers that are shown are not those of
/// another user namespace.
fn configured(opener: Option<&Opener>, source: &str, options: &[String]) -> Result<OwnedFd> {
    let context = match opener {
        Some(opener) => opener.context()?,
        None => context()?,
    };
    fsconfig_set_string(&context, "source", source).context("the source of the mount")?;
    for (name, value) in options.iter().filter_map(|option| carried(option)) {
        if opener.is_none() || !matches!(name, "uid" | "gid") {
            fsconfig_set_string(&context, name, value).with_context(|| format!("option {name}"))?;
        }
    }
    Ok(context)
}

/// Makes an instance with the source and the options that another one shows, and returns a mount of it that is
/// attached nowhere. It is the mount namespace's, if that has none yet, so that later mounts join. It
/// belongs to the user namespace of `opener`, or else to the caller's.
pub fn instance(
    direction: Direction,
    opener: Option<&Opener>,
    source: &str,
    options: &[String],
) -> Result<OwnedFd> {
    let make = || -> Result<OwnedFd> {
        let mut context = configured(opener, source, options)?;
        match direction {
            Direction::ToBuiltin => {
                fsconfig_set_flag(&context, "builtin")?;
                fsconfig_create(&context)?;
            }
            Direction::ToOurs => match fsconfig_create_exclusive(&context) {
                Err(Errno::BUSY) => {
                    context = configured(opener, source, options)?;
                    fsconfig_set_flag(&context, "newinstance")?;
                    fsconfig_create(&context)?;
                }
                result => result?,
            },
        }
        let flags = FsMountFlags::FSMOUNT_CLOEXEC;
        Ok(fsmount(&context, flags, MountAttrFlags::empty())?)
    };
    make().context("cannot make the instance that the tree is moved to")
}

/// What becomes of links in a tree that another one has come in the place of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// They stay, for those who stay there; and so does what they are attached to.
    Stay,
    /// They go at once, so that the pins in the new tree alone keep them.
    Go,
}

/// A tree that nobody changes.
pub struct Hold(OwnedFd);

impl Hold {
    /// Waits for changes that have begun, and holds back others. `root` is open for reading.
    pub fn new(root: BorrowedFd<'_>) -> Result<Self> {
        let hold = || -> io::Result<Self> {
            let context = context()?;
            fsconfig_set_fd(&context, "hold", root)?;
            Ok(Self(context))
        };
        hold().context("cannot hold back changes (does another bpffsctl move the tree?)")
    }

    /// Sends those who wait to what has come in the place of the tree. Ends when it is dropped, which
    /// takes the kernel a while if somebody else has that tree.
    pub fn retire(&self, links: Links) -> Result<()> {
        let set = |option| fsconfig_set_flag(self.0.as_fd(), option);
        let retire = || match links {
            Links::Stay => set("retire"),
            Links::Go => {
                set("retire_links")?;
                // The module of an earlier version has ignored that. Another one has no tree to retire any more.
                match set("retire") {
                    Err(Errno::INVAL) => Ok(()),
                    result => result,
                }
            }
        };
        retire().context("cannot retire the old tree")
    }
}
