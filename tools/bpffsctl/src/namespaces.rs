// SPDX-License-Identifier: GPL-2.0

//! The mount namespaces of the machine, whose they are, and how to get into one.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{anyhow, Context, Result};
use rustix::fs::{openat, openat2, Mode, OFlags, ResolveFlags, CWD};
use rustix::thread::{move_into_link_name_space, LinkNameSpaceType};
use serde::Serialize;

use crate::mounts::{self, Mount};
use crate::owner::{self, Owner};
use crate::proc::Proc;
use crate::sys::{self, Neighbour};

/// A process or a thread that is in a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    /// The process.
    pub pid: u32,
    /// The thread, if not all of its process are in there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<u32>,
}

impl Member {
    fn path(&self, file: &str) -> String {
        match self.thread {
            Some(thread) => format!("{}/task/{thread}/{file}", self.pid),
            None => format!("{}/{file}", self.pid),
        }
    }
}

/// A mount namespace.
#[derive(Debug)]
pub struct Namespace {
    /// The number that `ls -l /proc/PID/ns/mnt` shows: unique among those that live.
    pub inode: u64,
    /// The number that is never used again, and that `bpf.instance` has.
    pub id: Option<u64>,
    /// Whether it is the one that this program is in.
    pub own: bool,
    /// Who is in it, by number: nobody, if it is only held by a file.
    pub members: Vec<Member>,
    /// Whose it is, by its first member.
    pub owner: Option<Owner>,
    file: OwnedFd,
}

/// Opens a mount's directory, or what else is mounted, as it is seen there.
fn open_place(
    directory: BorrowedFd<'_>,
    path: &Path,
    resolve: ResolveFlags,
) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let resolve = resolve | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    Ok(openat2(directory, path, flags, Mode::empty(), resolve)?)
}

/// The view of a namespace that [`Namespace::look`] gives.
pub struct View<'a> {
    proc: &'a Proc,
    /// The root to begin at, where the thread is not in there itself.
    through: Option<(OwnedFd, &'a Member)>,
}

impl View<'_> {
    /// What is mounted there. Through a process's eyes that is what is below that process's root.
    pub fn mounts(&self) -> Result<Vec<Mount>> {
        let file = match &self.through {
            Some((_, member)) => member.path("mountinfo"),
            None => "thread-self/mountinfo".into(),
        };
        mounts::parse(
            &self
                .proc
                .read(&file)
                .with_context(|| format!("/proc/{file}"))?,
        )
    }

    /// Opens the place of a mount by `O_PATH`. Nothing is followed: no component of the place of a
    /// mount is a symbolic link.
    pub fn open(&self, point: &Path) -> io::Result<OwnedFd> {
        match &self.through {
            Some((root, _)) => open_place(root.as_fd(), point, ResolveFlags::IN_ROOT),
            None => open_place(CWD, point, ResolveFlags::empty()),
        }
    }
}

impl Namespace {
    fn new(file: OwnedFd, inode: u64, own: bool) -> Self {
        let id = sys::mount_namespace_id(file.as_fd()).ok();
        Self {
            inode,
            id,
            own,
            members: Vec::new(),
            owner: None,
            file,
        }
    }

    /// The file of nsfs, for setns(2).
    pub fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Does something in the namespace, in a thread that ends with it. Its root and its working
    /// directory are those of the namespace. File descriptors are common to all threads, so what is
    /// opened there can be used here. In the program's own namespace there is no other thread.
    ///
    /// Errors: `EPERM` without `CAP_SYS_ADMIN` in the user namespace that it belongs to, and
    /// `CAP_SYS_CHROOT`; and those of `work`.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        if self.own {
            return work();
        }
        self.enter_from_anywhere(work)
    }

    /// The same for a thread that is in some other namespace itself: always in another thread.
    pub fn enter_from_anywhere<T: Send>(
        &self,
        work: impl FnOnce() -> Result<T> + Send,
    ) -> Result<T> {
        let inside = || {
            sys::own_directories()?;
            move_into_link_name_space(self.file(), Some(LinkNameSpaceType::Mount))
                .with_context(|| format!("cannot enter mount namespace {}", self.inode))?;
            work()
        };
        thread::scope(|scope| scope.spawn(inside).join()).map_err(|_| anyhow!("a thread died"))?
    }

    /// Whether [`Namespace::enter`] works.
    fn can_enter(&self) -> bool {
        self.enter(|| Ok(())).is_ok()
    }

    /// Looks into the namespace: from inside, or else through the eyes of a member.
    pub fn look<T: Send>(
        &self,
        proc: &Proc,
        work: impl FnOnce(View<'_>) -> Result<T> + Send,
    ) -> Result<T> {
        if self.can_enter() {
            return self.enter(|| {
                work(View {
                    proc,
                    through: None,
                })
            });
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let through = self
            .members
            .iter()
            .find_map(|member| Some((proc.open(&member.path("root"), flags).ok()?, member)))
            .with_context(|| format!("no right to look into mount namespace {}", self.inode))?;
        work(View {
            proc,
            through: Some(through),
        })
    }
}

/// All mount namespaces that can be found.
#[derive(Debug)]
pub struct Namespaces {
    /// The program's own is the first.
    pub list: Vec<Namespace>,
    /// Whether the kernel listed them. Otherwise those of processes that may be looked at are here,
    /// and no others.
    pub complete: bool,
}

impl Namespaces {
    /// Finds them: from the kernel's list, if the caller has the right to see it; and by processes.
    pub fn find(proc: &Proc) -> Result<Self> {
        let own = proc
            .open("thread-self/ns/mnt", OFlags::RDONLY)
            .context("/proc/thread-self/ns/mnt")?;
        let inode = rustix::fs::fstat(&own)?.st_ino;
        let mut list = vec![Namespace::new(own, inode, true)];
        let complete = Self::add_all(&mut list).is_ok();
        Self::add_members(proc, &mut list);
        for namespace in &mut list {
            let owner = |member: &Member| owner::parse(&proc.text(&member.path("cgroup")).ok()?);
            namespace.owner = namespace.members.first().and_then(owner);
        }
        Ok(Self { list, complete })
    }

    /// All that the kernel has, which takes `CAP_SYS_ADMIN` over the whole machine.
    fn add_all(list: &mut Vec<Namespace>) -> io::Result<()> {
        for which in [Neighbour::Previous, Neighbour::Next] {
            let mut last = None;
            loop {
                let from = match last {
                    Some(index) => list.get(index),
                    None => list.first(),
                };
                let Some(from) = from else { break };
                let Some(file) = sys::mount_namespace_beside(from.file(), which)? else {
                    break;
                };
                let inode = rustix::fs::fstat(&file)?.st_ino;
                last = Some(list.len());
                list.push(Namespace::new(file, inode, false));
            }
        }
        Ok(())
    }

    /// Who is in which, and those that the kernel did not list.
    fn add_members(proc: &Proc, list: &mut Vec<Namespace>) {
        let mut known: HashMap<u64, usize> = (0..)
            .zip(list.iter())
            .map(|(at, ns)| (ns.inode, at))
            .collect();
        let mut add = |member: Member| -> Option<u64> {
            let path = member.path("ns/mnt");
            let inode = proc.status(&path).ok()?.st_ino;
            let index = match known.get(&inode) {
                Some(&index) => index,
                None => {
                    let file = proc.open(&path, OFlags::RDONLY).ok()?;
                    known.insert(inode, list.len());
                    list.push(Namespace::new(file, inode, false));
                    list.len() - 1
                }
            };
            list.get_mut(index)?.members.push(member);
            Some(inode)
        };
        for pid in proc.processes() {
            let Some(of_process) = add(Member { pid, thread: None }) else {
                continue;
            };
            for thread in proc.numbers(&format!("{pid}/task")) {
                let path = format!("{pid}/task/{thread}/ns/mnt");
                if thread != pid
                    && proc
                        .status(&path)
                        .is_ok_and(|status| status.st_ino != of_process)
                {
                    add(Member {
                        pid,
                        thread: Some(thread),
                    });
                }
            }
        }
    }
}

/// Where mount namespaces are bound to files, by their inodes: what `unshare --mount=FILE` makes.
pub fn bound(mounts: &[Mount]) -> impl Iterator<Item = (u64, PathBuf)> + '_ {
    mounts
        .iter()
        .filter(|mount| mount.kind == "nsfs")
        .filter_map(|mount| {
            let root = mount.root.to_str()?;
            let inode = root.strip_prefix("mnt:[")?.strip_suffix(']')?;
            Some((inode.parse().ok()?, mount.point.clone()))
        })
}

/// Opens a path of the caller's own, following links as usual, by `O_PATH`.
pub fn open_own(path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    Ok(openat(
        CWD,
        path,
        OFlags::PATH | OFlags::CLOEXEC | flags,
        Mode::empty(),
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Catches: the own namespace not being found, or not being looked into without any rights.
    #[test]
    fn the_own_namespace_is_the_first() {
        let proc = Proc::new().unwrap();
        let found = Namespaces::find(&proc).unwrap();
        let own = &found.list[0];
        assert!(own.own && found.list.iter().filter(|ns| ns.own).count() == 1);
        let me = std::process::id();
        assert!(own.members.iter().any(|member| member.pid == me));
        let mounts = own.look(&proc, |view| view.mounts()).unwrap();
        assert!(!mounts.is_empty());
        let place = own
            .look(&proc, |view| Ok(view.open(Path::new("/proc"))?))
            .unwrap();
        assert!(rustix::fs::fstat(place).is_ok());
    }

    // Catches: a network namespace's file that is taken for a mount namespace's.
    #[test]
    fn bound_namespaces_are_found() {
        let text = b"\
5 1 0:4 mnt:[4026532001] /run/box rw - nsfs nsfs rw
6 1 0:4 net:[4026532002] /run/netns/a rw - nsfs nsfs rw
7 1 0:9 / /mnt:[3] rw - tmpfs t rw
";
        let mounts = mounts::parse(text).unwrap();
        let found: Vec<_> = bound(&mounts).collect();
        assert_eq!(found, [(4026532001, PathBuf::from("/run/box"))]);
    }
}
