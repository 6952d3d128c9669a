// SPDX-License-Identifier: GPL-2.0

//! The BPF file systems of the machine: instances, whose implementation serves each, and where each
//! is mounted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use anyhow::Result;
use rustix::fs::{fstatfs, getxattr, openat, statx, AtFlags, Mode, OFlags, StatxFlags};
use rustix::io::Errno;
use rustix::process::{getrlimit, setrlimit, Resource, Rlimit};
use serde::{Serialize, Serializer};

use crate::mounts::{Device, Mount};
use crate::namespaces::{self, Namespaces, View};
use crate::proc::Proc;

/// `BPF_FS_MAGIC`.
pub const MAGIC: u64 = 0xcafe_4a11;

/// Which instance of ours it is: what `bpf.instance` says behind `rust`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// That of the mount namespace with this id.
    Namespace(u64),
    /// That of this name.
    Name(String),
    /// No other mount joins it.
    Own,
    /// Something that a later version has.
    Other(String),
}

impl Key {
    fn parse(text: &str) -> Self {
        match text.split_once(':') {
            Some(("name", name)) => Self::Name(name.into()),
            Some(("namespace", id)) => id
                .parse()
                .map_or_else(|_| Self::Other(text.into()), Self::Namespace),
            None if text == "own" => Self::Own,
            _ => Self::Other(text.into()),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Namespace(id) => write!(f, "namespace:{id}"),
            Self::Name(name) => write!(f, "name:{name}"),
            Self::Own => f.write_str("own"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// Whose implementation serves an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Implementation {
    /// This project's module.
    Ours(Key),
    /// The kernel's own, in C.
    Builtin,
    /// No mount of it could be asked.
    Unknown,
}

impl Implementation {
    /// Whether the module serves it.
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Ours(_))
    }
}

impl fmt::Display for Implementation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours(key) => write!(f, "bpffs {key}"),
            Self::Builtin => f.write_str("the kernel's own"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

impl Serialize for Implementation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Ours(_) => serializer.serialize_str("bpffs"),
            Self::Builtin => serializer.serialize_str("builtin"),
            Self::Unknown => serializer.serialize_none(),
        }
    }
}

/// Limit and use of `nr_inodes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Inodes {
    /// How many there may be.
    pub limit: u64,
    /// How many there are.
    pub used: u64,
}

/// Where an instance is mounted.
#[derive(Debug)]
pub struct Place {
    /// Index of the mount namespace.
    pub namespace: usize,
    /// The mount.
    pub mount: Mount,
    /// What the mount shows, opened by `O_PATH`; why not, if it could not be: something may be
    /// mounted over it.
    pub root: io::Result<OwnedFd>,
}

/// A BPF file system.
#[derive(Debug)]
pub struct Instance {
    /// Its number.
    pub device: Device,
    /// Who serves it.
    pub implementation: Implementation,
    /// The options of the file system.
    pub options: Vec<String>,
    /// Limit and use, if there is a limit.
    pub inodes: Option<Inodes>,
    /// Its mounts: none, if it is only held by open files.
    pub places: Vec<Place>,
}

impl Instance {
    /// Mounts that show the whole of the instance as far as it can be reached: one that shows all of
    /// it, or those that show parts which no other mount shows.
    pub fn roots(&self) -> Vec<&Place> {
        let mut reached: Vec<&Place> = self
            .places
            .iter()
            .filter(|place| place.root.is_ok())
            .collect();
        reached.sort_by_key(|place| place.mount.root.components().count());
        let mut roots: Vec<&Place> = Vec::new();
        for place in reached {
            if !roots
                .iter()
                .any(|root| place.mount.root.starts_with(&root.mount.root))
            {
                roots.push(place);
            }
        }
        roots
    }

    /// All places at which a file of the instance is seen, by its path from the file system's root:
    /// index of the namespace, and the path there. Mounts that are covered show nothing.
    pub fn places_of<'a>(
        &'a self,
        inside: &'a Path,
    ) -> impl Iterator<Item = (usize, PathBuf)> + 'a {
        self.places
            .iter()
            .filter(|place| place.root.is_ok())
            .filter_map(|place| Some((place.namespace, place.mount.place_of(inside)?)))
    }
}

/// All namespaces and instances, as they were when they were looked at.
#[derive(Debug)]
pub struct Machine {
    /// The mount namespaces.
    pub namespaces: Namespaces,
    /// The instances, by number of the file system.
    pub instances: Vec<Instance>,
    /// Where mount namespaces are bound to files, by their inodes.
    pub bound: BTreeMap<u64, Vec<PathBuf>>,
    /// Other file systems that are mounted somewhere.
    pub others: BTreeSet<Device>,
    /// What could not be looked at.
    pub problems: Vec<String>,
}

/// Opens a mount's root and makes sure that it is this mount's, not one's that covers it.
fn open(view: &View<'_>, mount: &Mount) -> io::Result<OwnedFd> {
    let root = view.open(&mount.point)?;
    let status = statx(&root, c"", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID)?;
    if status.stx_mnt_id != mount.id {
        return Err(io::Error::other("another mount is over it"));
    }
    Ok(root)
}

/// Asks a directory of an instance, or a pin, whose it is.
pub fn implementation(root: BorrowedFd<'_>) -> Implementation {
    match attribute(root, "bpf.instance") {
        Ok(value) => match value.strip_prefix("rust ") {
            Some(key) => Implementation::Ours(Key::parse(key)),
            None => Implementation::Ours(Key::Other(value)),
        },
        // C has no such attributes.
        Err(Errno::OPNOTSUPP) => Implementation::Builtin,
        // The root of a mount that is a pin.
        Err(Errno::NODATA) => Implementation::Ours(Key::Other("?".into())),
        Err(_) => Implementation::Unknown,
    }
}

/// An extended attribute of a file that was opened by `O_PATH`. Not for a thread that is in another
/// mount namespace: there may be no `/proc`.
pub fn attribute(file: BorrowedFd<'_>, name: &str) -> Result<String, Errno> {
    // There is no call for a name in a directory, nor for such a descriptor.
    let path = Proc::path_of(file);
    let path = format!("/proc/{}", path.to_string_lossy());
    let mut value = vec![0u8; 65536];
    let length = getxattr(path, name, &mut value)?;
    value.truncate(length);
    Ok(String::from_utf8_lossy(&value).into_owned())
}

/// Opens a directory again, for reading.
pub fn reopen(directory: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat(directory, c".", flags, Mode::empty())?)
}

/// Whether a file is of a BPF file system.
pub fn is_bpf(file: BorrowedFd<'_>) -> io::Result<bool> {
    let magic = u64::try_from(fstatfs(file)?.f_type).unwrap_or_default();
    Ok(magic & 0xffff_ffff == MAGIC)
}

/// Limit and use, which statfs(2) tells of instances of ours.
fn inodes(root: BorrowedFd<'_>) -> Option<Inodes> {
    let status = fstatfs(root).ok()?;
    let (limit, free) = (status.f_files, status.f_ffree);
    (limit != 0).then(|| Inodes {
        limit,
        used: limit.saturating_sub(free),
    })
}

impl Machine {
    /// Looks at the whole machine, as far as the caller may.
    pub fn look(proc: &Proc) -> Result<Self> {
        allow_many_descriptors();
        let namespaces = Namespaces::find(proc)?;
        let mut instances: BTreeMap<Device, Instance> = BTreeMap::new();
        let mut bound: BTreeMap<u64, Vec<PathBuf>> = BTreeMap::new();
        let mut others = BTreeSet::new();
        let mut problems = Vec::new();
        for (index, namespace) in namespaces.list.iter().enumerate() {
            let found = namespace.look(proc, |view| {
                let mounts = view.mounts()?;
                let files: Vec<_> = namespaces::bound(&mounts).collect();
                let (bpf, others): (Vec<_>, Vec<_>) = mounts.into_iter().partition(Mount::is_bpf);
                let opened = bpf.into_iter().map(|mount| (open(&view, &mount), mount));
                let others: Vec<_> = others.iter().map(|mount| mount.device).collect();
                Ok((files, opened.collect::<Vec<_>>(), others))
            });
            let (files, places, devices) = match found {
                Ok(found) => found,
                Err(error) => {
                    problems.push(format!("{error:#}"));
                    continue;
                }
            };
            others.extend(devices);
            for (inode, path) in files {
                bound.entry(inode).or_default().push(path);
            }
            for (root, mount) in places {
                let instance = instances.entry(mount.device).or_insert_with(|| Instance {
                    device: mount.device,
                    implementation: Implementation::Unknown,
                    options: mount.super_options.clone(),
                    inodes: None,
                    places: Vec::new(),
                });
                if let Ok(root) = &root {
                    if instance.implementation == Implementation::Unknown {
                        instance.implementation = implementation(root.as_fd());
                        instance.inodes = inodes(root.as_fd());
                    }
                }
                instance.places.push(Place {
                    namespace: index,
                    mount,
                    root,
                });
            }
        }
        let instances = instances.into_values().collect();
        Ok(Self {
            namespaces,
            instances,
            bound,
            others,
            problems,
        })
    }

    /// The instance with a number.
    pub fn instance(&self, device: Device) -> Option<&Instance> {
        self.instances
            .iter()
            .find(|instance| instance.device == device)
    }
}

/// A descriptor for each mount may be more than a shell allows.
fn allow_many_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let _ = setrlimit(Resource::Nofile, all);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mounts;

    // Catches: an instance that is called by another one's name.
    #[test]
    fn keys_are_understood() {
        for (text, key) in [
            ("namespace:8", Key::Namespace(8)),
            ("name:shared", Key::Name("shared".into())),
            ("name:own", Key::Name("own".into())),
            ("own", Key::Own),
            ("later:1", Key::Other("later:1".into())),
            ("namespace:x", Key::Other("namespace:x".into())),
        ] {
            assert_eq!(Key::parse(text), key);
            assert_eq!(key.to_string(), text);
        }
    }

    fn instance(roots: &[&str]) -> Instance {
        let place = |(index, root): (usize, &&str)| Place {
            namespace: index,
            mount: mounts::parse(
                format!("{index} 1 0:5 {root} /m{index} rw - bpf b rw").as_bytes(),
            )
            .unwrap()
            .remove(0),
            root: Ok(std::fs::File::open("/").unwrap().into()),
        };
        Instance {
            device: Device { major: 0, minor: 5 },
            implementation: Implementation::Builtin,
            options: Vec::new(),
            inodes: None,
            places: roots.iter().enumerate().map(place).collect(),
        }
    }

    // Catches: pins that are counted twice, or not at all, where only parts are mounted.
    #[test]
    fn roots_show_everything_once() {
        let roots = |list: &[&str]| -> Vec<PathBuf> {
            instance(list)
                .roots()
                .iter()
                .map(|place| place.mount.root.clone())
                .collect()
        };
        assert_eq!(roots(&["/a/b", "/", "/a"]), [PathBuf::from("/")]);
        assert_eq!(
            roots(&["/a/b", "/ab", "/a"]),
            [PathBuf::from("/ab"), "/a".into()]
        );
        assert!(roots(&[]).is_empty());
    }

    // Catches: a path that is said to be where the mount does not show it, or where it is covered.
    #[test]
    fn places_of_a_pin() {
        let mut instance = instance(&["/", "/a", "/b", "/"]);
        instance.places[3].root = Err(io::Error::other("covered"));
        let places: Vec<_> = instance.places_of(Path::new("/a/p")).collect();
        assert_eq!(places, [(0, PathBuf::from("/m0/a/p")), (1, "/m1/p".into())]);
    }
}
