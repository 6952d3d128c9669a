// SPDX-License-Identifier: GPL-2.0

//! Instances of other user namespaces, as a container's own with `delegate_*`: whose an instance is
//! depends on who has opened its context, and who makes files in it must be somebody there.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{bail, Context, Result};
use clap::Args;
use rustix::fs::{openat, Mode, OFlags, CWD};
use rustix::io::write;
use rustix::mount::{fsopen, FsOpenFlags};
use rustix::net::{
    recvmsg, sendmsg, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use rustix::stdio::{stdin, stdout};
use rustix::thread::{
    capabilities, move_into_link_name_space, set_capabilities, LinkNameSpaceType,
};

use crate::proc::Proc;
use crate::sys;

/// Opens contexts in other namespaces, for the process that has started this one. It asks by a byte on
/// standard input, and finds them on standard output, which both are one socket.
#[derive(Args)]
pub struct OpenContexts {
    /// A file of the user namespace
    user: PathBuf,
    /// A file of a mount namespace that belongs to it
    mount: PathBuf,
}

/// Does that, until nobody asks any more.
pub fn serve(args: &OpenContexts) -> Result<()> {
    let open = |path: &Path| openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    let (user, mount) = (open(&args.user)?, open(&args.mount)?);
    move_into_link_name_space(user.as_fd(), Some(LinkNameSpaceType::User))
        .context("cannot enter the user namespace")?;
    move_into_link_name_space(mount.as_fd(), Some(LinkNameSpaceType::Mount))
        .context("cannot enter the mount namespace")?;
    let mut byte = [0];
    while rustix::io::read(stdin(), &mut byte)? != 0 {
        let context = fsopen("bpf", FsOpenFlags::FSOPEN_CLOEXEC).context("fsopen")?;
        let contexts = [context.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&contexts));
        let content = [IoSlice::new(&byte)];
        sendmsg(stdout(), &content, &mut control, SendFlags::empty())?;
    }
    Ok(())
}

/// A process that opens contexts in a user namespace.
pub struct Opener {
    child: Child,
    /// [`None`] when it is to end.
    socket: Option<UnixStream>,
    /// Who root is there, as it is seen here; or whoever comes first.
    ids: (u32, u32),
}

impl Opener {
    /// Starts it. `mount` is a mount namespace that belongs to the user namespace.
    pub fn new(proc: &Proc, user: BorrowedFd<'_>, mount: BorrowedFd<'_>) -> Result<Self> {
        let (socket, its) = UnixStream::pair()?;
        let path =
            |fd: BorrowedFd<'_>| format!("/proc/{}/fd/{}", std::process::id(), fd.as_raw_fd());
        let child = Command::new("/proc/self/exe")
            .arg("open-contexts")
            .args([path(user), path(mount)])
            .stdin(Stdio::from(OwnedFd::from(its.try_clone()?)))
            .stdout(Stdio::from(OwnedFd::from(its)))
            .spawn()
            .context("cannot start bpffsctl once more")?;
        let mut this = Self {
            child,
            socket: Some(socket),
            ids: (0, 0),
        };
        // When it answers, it is in the namespace.
        this.context()?;
        let id = |file: &str| -> Result<u32> {
            let file = format!("{}/{file}", this.child.id());
            first_outside(&proc.text(&file)?).with_context(|| format!("/proc/{file} is empty"))
        };
        this.ids = (id("uid_map")?, id("gid_map")?);
        Ok(this)
    }

    /// A new context that belongs to the user namespace.
    pub fn context(&self) -> Result<OwnedFd> {
        let receive = || -> Result<Option<OwnedFd>> {
            let socket = self.socket.as_ref().context("no socket")?;
            write(socket, &[0])?;
            let mut byte = [0];
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let mut content = [IoSliceMut::new(&mut byte)];
            recvmsg(socket, &mut content, &mut control, RecvFlags::CMSG_CLOEXEC)?;
            let mut files = control.drain().filter_map(|message| match message {
                RecvAncillaryMessage::ScmRights(mut files) => files.next(),
                _ => None,
            });
            Ok(files.next())
        };
        match receive() {
            Ok(Some(context)) => Ok(context),
            Ok(None) => bail!("no context can be opened in the user namespace"),
            Err(error) => Err(error.context("cannot open a context in the user namespace")),
        }
    }

    /// Has the calling thread, and those that it starts, make files as root there, with all rights that
    /// it has here.
    pub fn act(&self) -> Result<Acting> {
        let before = sys::filesystem_ids(self.ids);
        let acting = Acting { before };
        raise()?;
        Ok(acting)
    }
}

impl Drop for Opener {
    fn drop(&mut self) {
        // It reads the end of its input.
        self.socket = None;
        let _ = self.child.wait();
    }
}

/// A thread that makes files as somebody else.
pub struct Acting {
    before: (u32, u32),
}

impl Drop for Acting {
    fn drop(&mut self) {
        sys::filesystem_ids(self.before);
        let _ = raise();
    }
}

/// Takes back what a change of ids has taken from the thread.
fn raise() -> Result<()> {
    let mut sets = capabilities(None)?;
    sets.effective = sets.permitted;
    set_capabilities(None, sets).context("capset")
}

/// What root of a namespace is outside, by its map; or, without root, what the first one is.
fn first_outside(map: &str) -> Option<u32> {
    let lines = map.lines().filter_map(|line| {
        let mut fields = line.split_whitespace().map(str::parse::<u32>);
        Some((fields.next()?.ok()?, fields.next()?.ok()?))
    });
    lines
        .min_by_key(|(inside, _)| *inside)
        .map(|(_, outside)| outside)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Catches: files that belong to nobody in the container.
    #[test]
    fn root_is_found_in_a_map() {
        assert_eq!(
            first_outside("         0     100000      65536\n"),
            Some(100_000)
        );
        assert_eq!(first_outside("1 100000 65536\n0 1000 1\n"), Some(1000));
        assert_eq!(first_outside("5 7 1"), Some(7));
        assert_eq!(first_outside(""), None);
    }
}
