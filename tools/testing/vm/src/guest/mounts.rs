// SPDX-License-Identifier: GPL-2.0

//! What is mounted in a guest.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::fs::symlink;
use rustix::io::Errno;
use rustix::mount::{mount, unmount, MountFlags, UnmountFlags};

/// Mounts what a system has, for a process that is the first one.
pub fn mount_all() -> Result<()> {
    let plain = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let temporary = MountFlags::NOSUID | MountFlags::NODEV;
    for (kind, path, flags, data) in [
        ("proc", c"/proc", plain, c""),
        ("sysfs", c"/sys", plain, c""),
        ("devtmpfs", c"/dev", MountFlags::NOSUID, c"mode=755"),
        (
            "devpts",
            c"/dev/pts",
            MountFlags::NOSUID,
            c"gid=5,mode=620,ptmxmode=666",
        ),
        ("tmpfs", c"/dev/shm", temporary, c"mode=1777"),
        ("tmpfs", c"/run", temporary, c"mode=755"),
        ("tmpfs", c"/tmp", temporary, c"mode=1777"),
        ("tmpfs", c"/var/tmp", temporary, c"mode=1777"),
        ("cgroup2", c"/sys/fs/cgroup", plain, c""),
        ("debugfs", c"/sys/kernel/debug", plain, c""),
        ("tracefs", c"/sys/kernel/tracing", plain, c""),
        ("securityfs", c"/sys/kernel/security", plain, c""),
    ] {
        let directory = path.to_str()?;
        if !Path::new(directory).exists() {
            fs::create_dir(directory).with_context(|| directory.to_owned())?;
        }
        match mount(kind, directory, kind, flags, data) {
            // An initramfs has mounted the same there before.
            Ok(()) | Err(Errno::BUSY) => (),
            Err(error) => {
                return Err(error).with_context(|| format!("mounting {kind} on {directory}"));
            }
        }
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        let link = Path::new("/dev").join(name);
        if !link.exists() {
            symlink(target, &link).with_context(|| link.display().to_string())?;
        }
    }
    Ok(())
}

/// Unmounts every BPF file system.
pub fn unmount_bpf() -> Result<()> {
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let bpf = mounts.lines().rev().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let path = fields.next()?;
        (fields.next()? == "bpf").then_some(path)
    });
    for path in bpf {
        let path = unescape(path);
        unmount(&path, UnmountFlags::empty()).with_context(|| format!("unmounting {path}"))?;
    }
    Ok(())
}

/// A path as it was before `/proc/self/mounts` made octal numbers of spaces, tabs, newlines and
/// backslashes.
fn unescape(field: &str) -> String {
    // In one pass: what a backslash of the path itself is followed by is no number.
    let mut path = String::new();
    let mut rest = field;
    while let Some((before, after)) = rest.split_once('\\') {
        path.push_str(before);
        let (character, left) = match after.split_at_checked(3) {
            Some(("040", left)) => (' ', left),
            Some(("011", left)) => ('\t', left),
            Some(("012", left)) => ('\n', left),
            Some(("134", left)) => ('\\', left),
            _ => ('\\', after),
        };
        path.push(character);
        rest = left;
    }
    path + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    // Catches: a mount point with an odd name that stays mounted.
    #[test]
    fn mount_points_are_unescaped() {
        assert_eq!(unescape("/sys/fs/bpf"), "/sys/fs/bpf");
        assert_eq!(unescape(r"/a\040b\011c\012d\134"), "/a b\tc\nd\\");
        // A directory whose name looks like a number.
        assert_eq!(unescape(r"/\134040\040"), r"/\040 ");
        assert_eq!(unescape(r"/\é\04"), r"/\é\04");
    }
}
