// SPDX-License-Identifier: GPL-2.0

//! What a tree is to keep, and how it is mounted: looked at before and after.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::{symlink, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::sys::{self, Kind};

/// The pin that nobody fetches.
const UNREAD: &str = "unread";

/// Makes a tree of all that a tree can have.
pub fn make(directory: &Path) -> Result<()> {
    let done = |answer: sys::Answer<()>| answer.map_err(io::Error::from_raw_os_error);
    let at = |name: &str| directory.join(name);
    done(sys::mkdir(directory))?;
    for name in ["plain", "sticky", "plain/inner", "empty"] {
        done(sys::mkdir(&at(name)))?;
    }
    for (name, map) in [
        ("array", sys::array(1, None)),
        ("jumps", sys::program_array(1)),
    ] {
        let map = map.map_err(io::Error::from_raw_os_error)?;
        done(sys::pin(&map, &at(name)))?;
        done(sys::pin(&map, &at("plain/inner").join(name)))?;
    }
    let map = sys::array(1, None).map_err(io::Error::from_raw_os_error)?;
    done(sys::pin(&map, &at(UNREAD)))?;
    for name in ["hard", "plain/hard", "sticky/hard"] {
        done(sys::link(&at("array"), &at(name)))?;
    }
    symlink("../array", at("plain/soft"))?;
    symlink("nowhere", at("dangling"))?;
    for (name, user, mode) in [
        ("array", 5, 0o640),
        ("plain/inner/jumps", 1000, 0o400),
        ("plain", 6, 0o2711),
        ("sticky", 0, 0o1777),
        ("empty", 7, 0o000),
    ] {
        std::os::unix::fs::chown(at(name), Some(user), Some(user + 1))?;
        done(sys::chmod(&at(name), mode))?;
    }
    std::os::unix::fs::lchown(at("plain/soft"), Some(8), Some(9))?;
    for name in ["array", "plain", "."] {
        done(sys::set_attribute(
            &at(name),
            c"trusted.rounds",
            name.as_bytes(),
        ))?;
        done(sys::set_attribute(&at(name), c"security.rounds", b"\0\xff"))?;
    }
    for (seconds, name) in (1_000_000_000..).zip([
        UNREAD,
        "array",
        "jumps",
        "plain/soft",
        "plain/inner/array",
        "plain/inner",
        "plain",
        "sticky",
        "empty",
        ".",
    ]) {
        done(sys::set_times(&at(name), seconds, seconds + 100))?;
    }
    Ok(())
}

fn entry(path: &Path, first: &mut BTreeMap<u64, PathBuf>, shown: &Path) -> io::Result<String> {
    let status = fs::symlink_metadata(path)?;
    let kind = status.file_type();
    let mut text = format!(
        "{:o} {}:{} {} names, modified {}.{}",
        status.mode(),
        status.uid(),
        status.gid(),
        status.nlink(),
        status.mtime(),
        status.mtime_nsec()
    );
    if kind.is_symlink() {
        text += &format!(" to {}", fs::read_link(path)?.display());
    } else if !kind.is_dir() {
        // Fetching a pin, and reading a directory or a symbolic link, change when it was read.
        if path.ends_with(UNREAD) {
            text += &format!(", read {}.{}", status.atime(), status.atime_nsec());
        } else {
            text += &format!(
                ", id {:?}",
                sys::get(path).and_then(|object| sys::id(&object))
            );
        }
        let first = first.entry(status.ino()).or_insert_with(|| shown.into());
        text += &format!(", the file {}", first.display());
    }
    if !kind.is_symlink() {
        let all = sys::attributes(path).map_err(io::Error::from_raw_os_error)?;
        let mut all: Vec<_> = all
            .into_iter()
            .filter(|(name, _)| !name.starts_with(b"bpf."))
            .map(|(name, value)| format!("{}={value:?}", String::from_utf8_lossy(&name)))
            .collect();
        all.sort();
        text += &format!(" {}", all.join(" "));
    }
    Ok(text)
}

/// All that a tree has, by path: of `top`, seen in the root directory of a process.
pub fn tree(root: &Path, top: &Path) -> Result<BTreeMap<PathBuf, String>> {
    let mut all = BTreeMap::new();
    let mut first = BTreeMap::new();
    let mut waiting = vec![top.to_owned()];
    while let Some(path) = waiting.pop() {
        let whole = root.join(path.strip_prefix("/").unwrap_or(&path));
        let text = entry(&whole, &mut first, &path).with_context(|| whole.display().to_string())?;
        if !whole.is_symlink() && whole.is_dir() {
            let mut names = fs::read_dir(&whole)?
                .map(|entry| Ok(entry?.file_name()))
                .collect::<io::Result<Vec<_>>>()?;
            // The first name of a file is the same each time.
            names.sort();
            waiting.extend(names.iter().map(|name| path.join(name)));
        }
        all.insert(path, text);
    }
    Ok(all)
}

/// Where BPF file systems are mounted in the mount namespace of a process: which directory, with which
/// flags, propagation and options. What ours shows and the kernel's own does not know is left out.
pub fn mounts(process: &str) -> Result<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{process}/mountinfo"))?;
    let mut all: Vec<_> = text.lines().filter_map(mount).collect();
    all.sort();
    Ok(all)
}

fn mount(line: &str) -> Option<String> {
    let (of_mount, of_system) = line.split_once(" - ")?;
    let system: Vec<_> = of_system.split(' ').collect();
    let &["bpf", source, options] = &*system else {
        return None;
    };
    let words: Vec<_> = of_mount.split(' ').collect();
    let &[_, _, _, root, point, flags, ref propagation @ ..] = &*words else {
        return None;
    };
    let kinds: BTreeSet<_> = propagation
        .iter()
        .filter_map(|word| word.split(':').next())
        .filter(|kind| *kind != "propagate_from")
        .collect();
    let mut options: Vec<_> = options
        .split(',')
        .filter(|option| !option.starts_with("instance=") && *option != "builtin")
        .collect();
    options.sort_unstable();
    Some(format!(
        "{root} at {point} {flags} {kinds:?} {source} {options:?}"
    ))
}

/// The ids of all live objects.
pub fn ids() -> BTreeSet<(Kind, u32)> {
    let all = [Kind::Map, Kind::Program, Kind::Link];
    all.into_iter()
        .flat_map(|kind| sys::ids(kind).into_iter().map(move |id| (kind, id)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Catches: a mount whose flags or propagation change unnoticed.
    #[test]
    fn mounts_are_told_apart() {
        let line = "36 35 0:24 /x /sys/fs/bpf rw,nosuid shared:7 master:2 - bpf bpf rw,mode=700";
        let shown = mount(line).unwrap();
        assert_eq!(
            shown,
            mount(&line.replace("0:24", "0:31").replace("shared:7", "shared:9")).unwrap()
        );
        assert_eq!(
            shown,
            mount(&line.replace("rw,mode", "rw,instance=a,mode")).unwrap()
        );
        for (from, to) in [
            ("nosuid", "nodev"),
            ("shared:7 ", ""),
            ("master:2 ", ""),
            ("/x", "/y"),
            ("700", "755"),
        ] {
            assert_ne!(shown, mount(&line.replace(from, to)).unwrap(), "{to}");
        }
        assert_eq!(mount("36 35 0:24 / /tmp rw - tmpfs tmpfs rw"), None);
    }
}
