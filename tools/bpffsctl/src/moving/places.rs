// SPDX-License-Identifier: GPL-2.0

//! Putting one file system in the place of another, everywhere that it is mounted.
//!
//! The new one comes *beneath* the old one, which then goes: at no moment is there no file system at
//! the place. Both steps propagate, so what is a peer or a slave is done with the first of them; what
//! is private to a namespace is done there.

use std::collections::BTreeSet;
use std::io;
use std::mem;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use anyhow::{anyhow, Context, Result};
use rustix::fs::{openat2, statx, AtFlags, Mode, OFlags, ResolveFlags, Statx, StatxFlags, CWD};
use rustix::mount::{move_mount, open_tree, unmount, MoveMountFlags, OpenTreeFlags, UnmountFlags};
use rustix::process::fchdir;

use super::groups::{self, Groups, Member};
use crate::mounts::{self, Device, Mount};
use crate::namespaces::Namespace;
use crate::output;
use crate::proc::Proc;
use crate::sys::{self, MountAttributes};

/// `MOVE_MOUNT_BENEATH`
const BENEATH: MoveMountFlags = MoveMountFlags::from_bits_retain(0x200);

/// A file system, by a mount of all of it.
pub struct Tree<'a> {
    /// Its number.
    pub device: Device,
    /// The root.
    pub root: OwnedFd,
    /// The only namespace in which it can be cloned: any, if there is none.
    pub home: Option<&'a Namespace>,
}

/// Why a mount cannot be replaced. One that is covered is left alone.
pub fn obstacle(mount: &Mount, all: &[Mount]) -> Option<String> {
    let covers = |child: &Mount| child.point == mount.point;
    let mut children = all
        .iter()
        .filter(|child| child.parent == mount.id && child.id != mount.id);
    let child = children.find(|child| !covers(child) && !repeats(child, mount))?;
    Some(format!(
        "{} is mounted on {}: unmount it first",
        output::path(&child.point),
        output::path(&mount.point)
    ))
}

/// Whether a mount on another one shows what is there anyway, as systemd's `BindPaths=` with one path, or
/// what is bound over itself: it may go before that, and come again later.
fn repeats(child: &Mount, mount: &Mount) -> bool {
    let inside = child.point.strip_prefix(&mount.point).ok();
    child.device == mount.device
        && inside.is_some_and(|inside| mount.root.join(inside) == child.root)
}

/// What is seen at the place of a mount.
struct Seen {
    /// The mount that is seen there, by `O_PATH`.
    mount: OwnedFd,
    id: u64,
    device: Device,
}

impl Seen {
    fn at(place: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let mount = openat2(CWD, place, flags, Mode::empty(), resolve)?;
        let wanted = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
        let status = statx(&mount, c"", AtFlags::EMPTY_PATH, wanted)?;
        Ok(Self {
            mount,
            id: status.stx_mnt_id,
            device: device(&status),
        })
    }

    fn is(&self, mount: &Mount) -> bool {
        self.device == mount.device && self.id == mount.id
    }
}

fn device(status: &Statx) -> Device {
    Device {
        major: status.stx_dev_major,
        minor: status.stx_dev_minor,
    }
}

/// The attributes of a mount, as mount_setattr(2) has them.
fn attributes(mount: &Mount) -> MountAttributes {
    let set = mount.options.iter().map(|option| match option.as_str() {
        "ro" => 0x1,
        "nosuid" => 0x2,
        "nodev" => 0x4,
        "noexec" => 0x8,
        "noatime" => 0x10,
        "nodiratime" => 0x80,
        "nosymfollow" => 0x20_0000,
        _ => 0,
    });
    let mut set = set.fold(0, |all, one| all | one);
    let is = |name| mount.options.iter().any(|option| option == name);
    if !is("relatime") && !is("noatime") {
        // MOUNT_ATTR_STRICTATIME
        set |= 0x20;
    }
    MountAttributes {
        set,
        // MOUNT_ATTR__ATIME is cleared as a whole.
        clear: 0x70,
        ..MountAttributes::default()
    }
}

/// A mount of a part of a tree that is attached nowhere.
struct Part {
    mount: OwnedFd,
    /// Of the directory or file that it shows.
    inode: u64,
}

/// Where in its file system the part that a mount shows begins: empty, if it shows all of it.
fn inside(mount: &Mount) -> &Path {
    mount.root.strip_prefix("/").unwrap_or(Path::new(""))
}

impl Part {
    /// What a mount shows, of another tree, and with what the mount is like.
    fn new(tree: &Tree<'_>, like: &Mount) -> Result<Self> {
        match tree.home {
            Some(home) => home.enter_from_anywhere(|| Self::cloned(tree, like)),
            None => Self::cloned(tree, like),
        }
    }

    fn cloned(tree: &Tree<'_>, like: &Mount) -> Result<Self> {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        let inside = inside(like);
        let mount = match inside.as_os_str().is_empty() {
            true => open_tree(&tree.root, c"", flags | OpenTreeFlags::AT_EMPTY_PATH),
            false => open_tree(&tree.root, inside, flags),
        }
        .with_context(|| format!("{} of the new tree", output::path(&like.root)))?;
        sys::mount_setattr(mount.as_fd(), &attributes(like)).context("mount_setattr")?;
        let inode = statx(&mount, c"", AtFlags::EMPTY_PATH, StatxFlags::INO)?.stx_ino;
        Ok(Self { mount, inode })
    }

    /// Whether it is still what a mount shows of the other tree: a directory may have come anew.
    fn is_current(&self, tree: &Tree<'_>, like: &Mount) -> bool {
        let inside = inside(like);
        let now = || {
            statx(
                &tree.root,
                inside,
                AtFlags::SYMLINK_NOFOLLOW,
                StatxFlags::INO,
            )
        };
        inside.as_os_str().is_empty() || now().is_ok_and(|now| now.stx_ino == self.inode)
    }
}

/// Puts a mount that is attached nowhere beneath one that is seen there. Both are named by descriptors, so
/// that it is this one and no other, whatever comes there meanwhile. The propagation of the new one is what
/// the place makes of it.
fn put_beneath(place: &OwnedFd, part: &Part) -> Result<()> {
    let flags =
        MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH | BENEATH;
    move_mount(&part.mount, c"", place, c"", flags)
        .context("cannot mount the new tree beneath the old one")
}

/// Unmounts this very mount. The thread's working directory is that of processes.
fn unmount_it(place: &OwnedFd) -> Result<()> {
    unmount(Proc::path_of(place.as_fd()), UnmountFlags::DETACH)
        .context("cannot unmount the old tree")
}

/// Whether a mount shows a directory that was removed, which has no place in another tree.
pub fn shows_removed(mount: &Mount) -> bool {
    mount.root.as_os_str().as_bytes().ends_with(b"//deleted")
}

/// All mounts of the namespace that the thread is in.
fn all_mounts(proc: &Proc) -> Result<Vec<Mount>> {
    mounts::parse(&proc.read("thread-self/mountinfo")?)
}

/// Those of a file system.
fn mounts_of(proc: &Proc, device: Device) -> Result<Vec<Mount>> {
    let mut mounts = all_mounts(proc)?;
    mounts.retain(|mount| mount.device == device && !shows_removed(mount));
    Ok(mounts)
}

/// Where in a namespace mounts of a file system are replaced by those of another one.
pub struct Site<'a> {
    /// The namespace.
    pub namespace: &'a Namespace,
    /// The file system that goes.
    pub from: &'a Tree<'a>,
    /// The one that comes.
    pub to: &'a Tree<'a>,
}

impl Site<'_> {
    /// Does something in the namespace, in a thread of its own.
    pub fn enter<T: Send>(
        &self,
        proc: &Proc,
        work: impl FnOnce() -> Result<T> + Send,
    ) -> Result<T> {
        let work = || {
            self.namespace.enter(|| {
                fchdir(proc.directory())?;
                work()
            })
        };
        let inside = || {
            sys::own_directories()?;
            work()
        };
        thread::scope(|scope| scope.spawn(inside).join()).map_err(|_| anyhow!("a thread died"))?
    }

    /// Makes ready what is to come. The thread is in the namespace.
    pub fn prepare<'s>(&'s self, proc: &'s Proc) -> Result<Prepared<'s>> {
        let all = all_mounts(proc)?;
        let (mut parts, mut again, mut before) = (Vec::new(), Vec::new(), Vec::new());
        for mount in all
            .iter()
            .filter(|mount| mount.device == self.from.device && !shows_removed(mount))
        {
            before.push(mount.clone());
            let part = Part::new(self.to, mount)?;
            let parent = all.iter().find(|parent| parent.id == mount.parent);
            match parent.is_some_and(|parent| repeats(mount, parent)) {
                true => again.push((part, mount.clone())),
                false => {
                    let has_others = all.iter().any(|other| other.parent == mount.id);
                    parts.push(Ready {
                        part,
                        mount: mount.clone(),
                        has_others,
                    });
                }
            }
        }
        Ok(Prepared {
            site: self,
            proc,
            before,
            parts,
            again,
            replaced: Vec::new(),
            members: Vec::new(),
        })
    }
}

/// A mount that is to be replaced, and what comes.
struct Ready {
    part: Part,
    mount: Mount,
    /// Whether something is mounted on it, so that propagation may have done half of it.
    has_others: bool,
}

/// A place with all that is to come made ready, and what has come already.
pub struct Prepared<'a> {
    site: &'a Site<'a>,
    proc: &'a Proc,
    /// All that there was.
    before: Vec<Mount>,
    parts: Vec<Ready>,
    /// What goes before the mount that it is on, and comes again.
    again: Vec<(Part, Mount)>,
    replaced: Vec<(Part, Mount)>,
    /// What has come in the place of each.
    members: Vec<Arc<Member>>,
}

impl Prepared<'_> {
    /// Unmounts what shows what is there anyway: nothing changes for who looks.
    pub fn clear(&mut self) -> Result<()> {
        // The innermost first.
        for (_, mount) in self.again.iter().rev() {
            let shown = || output::path(&mount.point);
            let seen = Seen::at(&mount.point).with_context(shown)?;
            if seen.is(mount) {
                unmount_it(&seen.mount).with_context(shown)?;
            }
        }
        Ok(())
    }

    /// Replaces all mounts, also those that have come meanwhile, but what another mount is over: how many
    /// there were for which propagation had not done it.
    pub fn replace(&mut self) -> Result<usize> {
        for ready in mem::take(&mut self.parts) {
            self.replace_one(ready)?;
        }
        // Anew each time: propagation may have done the next one, too.
        let mut seen = BTreeSet::new();
        loop {
            let mounts = mounts_of(self.proc, self.site.from.device)?;
            let Some(mount) = mounts.into_iter().find(|mount| seen.insert(mount.id)) else {
                return Ok(self.replaced.len());
            };
            let ready = Ready {
                part: Part::new(self.site.to, &mount)?,
                mount,
                has_others: true,
            };
            self.replace_one(ready)?;
        }
    }

    fn replace_one(&mut self, ready: Ready) -> Result<()> {
        let site = self.site;
        let Ready {
            part,
            mount,
            has_others,
        } = ready;
        let replace = || -> Result<Option<Part>> {
            let seen = Seen::at(&mount.point)?;
            if !seen.is(&mount) {
                // Propagation has done it, or it is covered.
                return Ok(None);
            }
            let part = match part.is_current(site.to, &mount) {
                true => part,
                false => Part::new(site.to, &mount)?,
            };
            if !has_others || !self.is_on_new(&mount)? {
                put_beneath(&seen.mount, &part)?;
            }
            unmount_it(&seen.mount)?;
            Ok(Some(part))
        };
        if let Some(part) = replace().with_context(|| output::path(&mount.point))? {
            self.replaced.push((part, mount));
        }
        Ok(())
    }

    /// Whether the new tree is beneath a mount already: whoever put it there could not unmount the mount.
    fn is_on_new(&self, mount: &Mount) -> Result<bool> {
        let all = all_mounts(self.proc)?;
        let parent = all
            .iter()
            .find(|other| other.id == mount.id)
            .and_then(|now| all.iter().find(|other| other.id == now.parent));
        Ok(parent.is_some_and(|parent| {
            parent.device == self.site.to.device && parent.point == mount.point
        }))
    }

    /// Gives what has come the propagation of what has gone, as far as a mount can have it alone, and
    /// mounts again what showed a part of it: of the old tree, where that is still there. Tells what
    /// there is then.
    pub fn settle(&mut self, members: &mut Vec<Arc<Member>>) -> Result<()> {
        for (part, mount) in &self.replaced {
            groups::settle(&part.mount, &mount.propagation)
                .with_context(|| format!("propagation of {}", output::path(&mount.point)))?;
        }
        for (part, mount) in &self.again {
            self.mount_again(part, mount)
                .with_context(|| output::path(&mount.point))?;
        }
        self.members = self.look()?;
        members.extend(self.members.iter().cloned());
        Ok(())
    }

    /// Mounts what showed a part of a tree, unless it is there already: by propagation, or as it never
    /// went.
    fn mount_again(&self, part: &Part, mount: &Mount) -> Result<()> {
        let (from, to) = (self.site.from, self.site.to);
        let there = |other: &&Mount| other.point == mount.point;
        let all = all_mounts(self.proc)?;
        let of_both = all
            .iter()
            .filter(|other| other.device == from.device || other.device == to.device);
        if of_both.filter(there).count() >= self.before.iter().filter(there).count() {
            return Ok(());
        }
        let seen = Seen::at(&mount.point)?.device;
        let of_old;
        let part = if seen == to.device {
            part
        } else if seen == from.device {
            of_old = Part::new(from, mount)?;
            &of_old
        } else {
            return Ok(());
        };
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
        move_mount(&part.mount, c"", CWD, &mount.point, flags)?;
        groups::settle(&part.mount, &mount.propagation).context("propagation")
    }

    /// What has come in the place of each mount that had to do with others.
    fn look(&self) -> Result<Vec<Arc<Member>>> {
        let all = all_mounts(self.proc)?;
        let mut members = Vec::new();
        // One that is on another at the same place hides it.
        let mut places = BTreeSet::new();
        for mount in self.before.iter().rev() {
            if mount.propagation.is_private() || !places.insert(&mount.point) {
                continue;
            }
            // Not of one that somebody has unmounted meanwhile.
            let Ok(seen) = Seen::at(&mount.point) else {
                continue;
            };
            let now = all.iter().find(|now| now.id == seen.id);
            if let Some(now) = now.filter(|now| now.device == self.site.to.device) {
                members.push(Arc::new(Member {
                    mount: seen.mount,
                    root: now.root.clone(),
                    before: mount.propagation.clone(),
                    now: now.propagation.clone(),
                }));
            }
        }
        Ok(members)
    }

    /// Makes what has come the peer of whose peer the other one was.
    pub fn join(&self, groups: &Groups) -> Result<()> {
        let mut members = self.members.iter();
        members
            .try_for_each(|member| groups.join(member))
            .context("cannot make a mount the peer of those that it was one of")
    }

    /// Makes what has come the slave of whose slave the other one was.
    pub fn follow(&self, groups: &Groups) -> Result<()> {
        let members = self.look()?;
        let mut members = members.iter();
        members
            .try_for_each(|member| groups.follow(member))
            .context("cannot make a mount the slave of those that it was one of")
    }
}

/// A tree by a mount that is attached nowhere.
pub fn tree<'a>(mount: OwnedFd) -> Result<Tree<'a>> {
    let status = statx(&mount, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
    Ok(Tree {
        device: device(&status),
        root: mount,
        home: None,
    })
}

/// What is fetched, read and listed by this mount is to keep its time of access, so that whoever finds the
/// tree when this program has failed or was killed finds it as it was. Where the namespace does not allow
/// that, it works as well.
pub fn keep_times(tree: &Tree<'_>) {
    let attributes = MountAttributes {
        // MOUNT_ATTR_NOATIME
        set: 0x10,
        // MOUNT_ATTR__ATIME
        clear: 0x70,
        ..MountAttributes::default()
    };
    let _ = sys::mount_setattr(tree.root.as_fd(), &attributes);
}

/// The tree that a directory of a mount in a namespace belongs to, as a mount of its own which is attached
/// nowhere: it is there when the mount has gone. The thread is in the program's own namespace.
pub fn detached<'a>(home: &'a Namespace, root: BorrowedFd<'_>) -> Result<Tree<'a>> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH;
    let mount = home.enter(|| open_tree(root, c"", flags).context("open_tree"))?;
    // It is the peer of what it was cloned of, and whatever is cloned of it would be.
    groups::leave(&mount).context("a mount of the tree that is nobody's peer")?;
    Ok(Tree {
        home: Some(home),
        ..tree(mount)?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounts(text: &str) -> Vec<Mount> {
        mounts::parse(text.as_bytes()).unwrap()
    }

    // Catches: a mount that is replaced together with what others have mounted on it.
    #[test]
    fn obstacles_are_named() {
        let all = mounts(
            "2 1 0:5 / /bpf rw - bpf b rw\n3 2 0:6 / /bpf/x rw - tmpfs t rw\n4 1 0:5 / /b rw - bpf b rw\n",
        );
        assert!(obstacle(&all[0], &all).unwrap().contains("/bpf/x"));
        assert!(obstacle(&all[2], &all).is_none());
    }

    // Catches: services with BindPaths= that keep their machine from being moved.
    #[test]
    fn what_is_there_anyway_is_no_obstacle() {
        let on = |line: &str| {
            let all = mounts(&format!(
                "2 1 0:5 / /bpf rw - bpf b rw\n{line} rw - bpf b rw\n"
            ));
            obstacle(&all[0], &all).is_some()
        };
        assert!(!on("3 2 0:5 /x/y /bpf/x/y"));
        assert!(on("3 2 0:5 /x /bpf/y"));
        assert!(on("3 2 0:6 /x /bpf/x"));
    }

    // Catches: a mount that may be written through, or run from, where the old one was not.
    #[test]
    fn attributes_are_carried_over() {
        let of = |options: &str| {
            attributes(&mounts(&format!("2 1 0:5 / /b {options} - bpf b rw"))[0]).set
        };
        assert_eq!(of("rw,nosuid,nodev,noexec,relatime"), 0xe);
        assert_eq!(of("ro,noatime"), 0x11);
        assert_eq!(of("rw"), 0x20);
        assert_eq!(of("rw,relatime,nosymfollow"), 0x20_0000);
    }
}
