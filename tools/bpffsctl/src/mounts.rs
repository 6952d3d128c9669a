// SPDX-License-Identifier: GPL-2.0

//! What is mounted in a mount namespace: `/proc/PID/mountinfo` (proc_pid_mountinfo(5)).

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Serialize, Serializer};

/// The number of a file system: what `st_dev` of its files says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Device {
    /// 0 for a file system without a device.
    pub major: u32,
    /// Tells them apart.
    pub minor: u32,
}

impl Device {
    /// That of `st_dev`.
    pub fn of(device: u64) -> Self {
        Self {
            major: rustix::fs::major(device),
            minor: rustix::fs::minor(device),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.major, self.minor)
    }
}

impl Serialize for Device {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How mounts and unmounts propagate to and from a mount: both groups can be there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Propagation {
    /// The peer group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared: Option<u32>,
    /// The peer group that it is a slave of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master: Option<u32>,
    /// Cannot be bound elsewhere.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unbindable: bool,
}

impl Propagation {
    /// Neither shared nor a slave.
    pub fn is_private(&self) -> bool {
        self.shared.is_none() && self.master.is_none()
    }
}

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mount {
    /// Unique while the mount lives.
    pub id: u64,
    /// The mount that it is mounted on; its own id, or one that is not listed, for a root.
    pub parent: u64,
    /// The file system.
    pub device: Device,
    /// The part of the file system that is shown: `/` for all of it.
    #[serde(serialize_with = "crate::output::lossy")]
    pub root: PathBuf,
    /// Where, as seen from the root of whoever is asked.
    #[serde(serialize_with = "crate::output::lossy")]
    pub point: PathBuf,
    /// Options of the mount: `rw,nosuid`.
    pub options: Vec<String>,
    /// To and from where it propagates.
    #[serde(flatten)]
    pub propagation: Propagation,
    /// The type of the file system.
    #[serde(rename = "type")]
    pub kind: String,
    /// What was mounted.
    pub source: String,
    /// Options of the file system.
    pub super_options: Vec<String>,
}

impl Mount {
    /// Whether it shows a BPF file system.
    pub fn is_bpf(&self) -> bool {
        self.kind == "bpf"
    }

    /// Where a file of the file system is below this mount, by its path from the file system's root:
    /// [`None`] if the mount does not show it. Whether something is mounted over it is not asked.
    pub fn place_of(&self, inside: &Path) -> Option<PathBuf> {
        let below = inside.strip_prefix(&self.root).ok()?;
        Some(match below.as_os_str().is_empty() {
            true => self.point.clone(),
            false => self.point.join(below),
        })
    }
}

/// Blanks, tabs, newlines, backslashes and `#` are octal numbers there.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let octal = |digits: &[u8]| {
            digits.iter().try_fold(0u8, |number, digit| match digit {
                b'0'..=b'7' => number.checked_mul(8)?.checked_add(digit - b'0'),
                _ => None,
            })
        };
        match (byte, after.get(..3).and_then(octal)) {
            (b'\\', Some(value)) => {
                plain.push(value);
                rest = after.get(3..).unwrap_or_default();
            }
            _ => plain.push(byte),
        }
    }
    plain
}

fn path(text: &[u8]) -> PathBuf {
    OsString::from_vec(unescape(text)).into()
}

fn string(text: &[u8]) -> String {
    String::from_utf8_lossy(&unescape(text)).into_owned()
}

fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A comma within an option is escaped like blanks are.
fn options(text: &[u8]) -> Vec<String> {
    text.split(|&byte| byte == b',').map(string).collect()
}

fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|&byte| byte == b' ');
    let id = number(fields.next()?)?;
    let parent = number(fields.next()?)?;
    let device = std::str::from_utf8(fields.next()?).ok()?;
    let (major, minor) = device.split_once(':')?;
    let root = path(fields.next()?);
    let point = path(fields.next()?);
    let own = options(fields.next()?);
    let mut propagation = Propagation::default();
    // Any number of tags, of which later kernels may have more, up to a hyphen.
    loop {
        let field = fields.next()?;
        if field == b"-" {
            break;
        }
        let tag = std::str::from_utf8(field).ok()?;
        match tag.split_once(':') {
            Some(("shared", group)) => propagation.shared = Some(group.parse().ok()?),
            Some(("master", group)) => propagation.master = Some(group.parse().ok()?),
            None if tag == "unbindable" => propagation.unbindable = true,
            _ => (),
        }
    }
    Some(Mount {
        id,
        parent,
        device: Device {
            major: major.parse().ok()?,
            minor: minor.parse().ok()?,
        },
        root,
        point,
        options: own,
        propagation,
        kind: string(fields.next()?),
        source: string(fields.next()?),
        super_options: options(fields.next()?),
    })
}

/// Parses a whole `mountinfo`, in its order: what is mounted later at a path is further below.
pub fn parse(text: &[u8]) -> Result<Vec<Mount>> {
    text.split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| {
            parse_line(line)
                .with_context(|| format!("mountinfo: {}", String::from_utf8_lossy(line)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"\
29 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro
36 24 0:32 / /sys/fs/bpf rw,nosuid,nodev,noexec,relatime shared:11 - bpf bpf rw,mode=700
401 380 0:32 /sub\\040dir /var/lib/my\\040box\\134x rw,relatime master:11 propagate_from:3 - bpf none ro,instance=shared
402 380 0:45 / /run/a,b\\012c rw unbindable - bpf a\\043b rw
";

    // Catches: fields that are taken for one another, tags that are lost or not skipped.
    #[test]
    fn a_line_is_understood() {
        let mounts = parse(TEXT).unwrap();
        assert_eq!(mounts.len(), 4);
        let bpf = &mounts[1];
        assert_eq!((bpf.id, bpf.parent), (36, 24));
        assert_eq!(
            bpf.device,
            Device {
                major: 0,
                minor: 32
            }
        );
        assert_eq!(bpf.point, Path::new("/sys/fs/bpf"));
        assert_eq!(bpf.options, ["rw", "nosuid", "nodev", "noexec", "relatime"]);
        assert_eq!(bpf.propagation.shared, Some(11));
        assert!(bpf.is_bpf() && !mounts[0].is_bpf());
        assert_eq!(bpf.super_options, ["rw", "mode=700"]);
        let slave = &mounts[2];
        assert_eq!(
            (slave.propagation.shared, slave.propagation.master),
            (None, Some(11))
        );
        assert!(mounts[3].propagation.unbindable && mounts[3].propagation.is_private());
    }

    // Catches: names with blanks, newlines and backslashes that are cut or changed.
    #[test]
    fn escapes_are_undone() {
        let mounts = parse(TEXT).unwrap();
        assert_eq!(mounts[2].root, Path::new("/sub dir"));
        assert_eq!(mounts[2].point, Path::new("/var/lib/my box\\x"));
        assert_eq!(mounts[3].point, Path::new("/run/a,b\nc"));
        assert_eq!(mounts[3].source, "a#b");
        assert_eq!(unescape(b"\\1"), b"\\1");
        assert_eq!(unescape(b"a\\"), b"a\\");
        assert_eq!(unescape(b"\\999"), b"\\999");
        assert_eq!(unescape(b"\\777"), b"\\777");
    }

    // Catches: half a line that is taken for a mount, or that ends the program.
    #[test]
    fn a_bad_line_is_an_error() {
        assert!(parse(b"").unwrap().is_empty());
        for bad in [
            &b"1 2"[..],
            b"1 2 0:1 / /x rw shared:1",
            b"1 2 01 / /x rw - bpf b rw",
        ] {
            assert!(parse(bad).is_err());
        }
    }

    // Catches: a pin of a bind mount's that is looked for at a wrong place.
    #[test]
    fn bind_mounts_show_a_part() {
        let mounts = parse(TEXT).unwrap();
        let place = |mount: &Mount, path: &str| mount.place_of(Path::new(path));
        assert_eq!(place(&mounts[1], "/a/b"), Some("/sys/fs/bpf/a/b".into()));
        assert_eq!(place(&mounts[1], "/"), Some("/sys/fs/bpf".into()));
        assert_eq!(place(&mounts[2], "/a/b"), None);
        assert_eq!(place(&mounts[2], "/sub dirs"), None);
        assert_eq!(
            place(&mounts[2], "/sub dir/p"),
            Some("/var/lib/my box\\x/p".into())
        );
    }
}
