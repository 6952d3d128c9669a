// SPDX-License-Identifier: GPL-2.0

//! Objects of BPF: fetched from a pin or by id, pinned, and what the kernel tells of them.

pub mod attachment;
pub mod types;

use std::ffi::CStr;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::str::FromStr;

use serde::Serialize;

use crate::proc::Proc;
use crate::sys::{self, Command};
use attachment::Attachment;

/// What there is to be pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A map.
    Map,
    /// A program.
    Prog,
    /// A link.
    Link,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Map, Self::Prog, Self::Link];

    /// The word for it in `bpf.type` and in `map:12`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Prog => "prog",
            Self::Link => "link",
        }
    }

    /// By what `/proc/PID/fd/N` leads to.
    pub fn of_descriptor(link: &str) -> Option<Self> {
        match link {
            "anon_inode:bpf-map" => Some(Self::Map),
            "anon_inode:bpf-prog" => Some(Self::Prog),
            // One name from BPF_LINK_CREATE, the other from BPF_OBJ_GET.
            "anon_inode:bpf_link" | "anon_inode:bpf-link" => Some(Self::Link),
            _ => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What tells one object from all others that live: `map:12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// Each kind counts for itself.
    pub kind: Kind,
    /// The kernel's number.
    pub id: u32,
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.id)
    }
}

impl FromStr for ObjectId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split_once(':')
            .and_then(|(word, id)| {
                let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word)?;
                Some(Self {
                    kind,
                    id: id.parse().ok()?,
                })
            })
            .ok_or_else(|| format!("{text} is not map:ID, prog:ID or link:ID"))
    }
}

/// An object that is held.
#[derive(Debug)]
pub struct Object {
    fd: OwnedFd,
    kind: Kind,
}

/// What the kernel tells of an object.
#[derive(Clone, Debug)]
pub struct Info {
    /// Kind and number.
    pub id: ObjectId,
    /// The name of its type.
    pub kind: String,
    /// The name that a map or program was made with.
    pub name: Option<String>,
    /// The tag of a program, in hexadecimal.
    pub tag: Option<String>,
    /// What a link is attached to.
    pub attachment: Option<Attachment>,
    /// The program of a link.
    pub prog: Option<u32>,
}

impl Object {
    fn new(proc: &Proc, fd: OwnedFd) -> io::Result<Self> {
        let link = Proc::path_of(fd.as_fd());
        let link = proc.link(&link.to_string_lossy())?;
        let kind =
            Kind::of_descriptor(&link.to_string_lossy()).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self { fd, kind })
    }

    /// Fetches what is pinned at a file that was opened, by `O_PATH` too: no name is looked up, so it is
    /// that very file whatever happens to names. A map that may only be read is fetched for reading.
    ///
    /// Errors: as of `BPF_OBJ_GET`.
    pub fn get(proc: &Proc, file: BorrowedFd<'_>) -> io::Result<Self> {
        let path = Proc::path_of(file);
        let get = |flags| sys::get(proc.directory(), &path, flags);
        let fd = match get(0) {
            Err(error) if refused(&error) => get(sys::READ_ONLY).map_err(|_| error)?,
            result => result?,
        };
        Self::new(proc, fd)
    }

    /// Fetches by id, which takes `CAP_SYS_ADMIN`. [`None`] if there is none of that id.
    pub fn by_id(id: ObjectId) -> io::Result<Option<Self>> {
        let command = match id.kind {
            Kind::Map => Command::MapById,
            Kind::Prog => Command::ProgById,
            Kind::Link => Command::LinkById,
        };
        match sys::by_id(command, id.id) {
            Ok(fd) => Ok(Some(Self { fd, kind: id.kind })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Pins it in a directory, or at a path from there.
    ///
    /// Errors: as of `BPF_OBJ_PIN`.
    pub fn pin(&self, directory: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
        sys::pin(self.fd.as_fd(), directory, name)
    }

    /// Map, program or link.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Asks the kernel about it.
    pub fn info(&self) -> io::Result<Info> {
        let (info, _) = sys::info(self.fd.as_fd(), [0; SIZE], None)?;
        let at = |offset| number(&info, offset);
        let id = ObjectId {
            kind: self.kind,
            id: at(4),
        };
        let mut told = Info {
            id,
            kind: types::of(self.kind, at(0)),
            name: None,
            tag: None,
            attachment: None,
            prog: None,
        };
        match self.kind {
            Kind::Map => told.name = text(&info, 24),
            Kind::Prog => {
                let tag = info.get(8..).and_then(|rest| rest.first_chunk());
                told.tag = tag.map(|tag| format!("{:016x}", u64::from_be_bytes(*tag)));
                told.name = text(&info, 64);
            }
            Kind::Link => {
                told.prog = Some(at(8)).filter(|&id| id != 0);
                told.attachment = Some(Attachment::of(self.fd.as_fd(), &info));
            }
        }
        Ok(told)
    }
}

impl AsFd for Object {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn refused(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
    )
}

/// All ids of a kind that live, which takes `CAP_SYS_ADMIN`.
pub fn all(kind: Kind) -> io::Result<Vec<ObjectId>> {
    let command = match kind {
        Kind::Map => Command::NextMap,
        Kind::Prog => Command::NextProg,
        Kind::Link => Command::NextLink,
    };
    let mut ids = Vec::new();
    let mut last = 0;
    while let Some(id) = sys::next_id(command, last)? {
        ids.push(ObjectId { kind, id });
        last = id;
    }
    Ok(ids)
}

/// More than any of `struct bpf_map_info`, `bpf_prog_info` and `bpf_link_info` has in what is read
/// of it; the kernel fills in as much as it has. The offsets are part of the kernel's ABI.
const SIZE: usize = 128;

/// 32 bits of an information; 0 beyond its end.
fn number(info: &[u8], offset: usize) -> u32 {
    info.get(offset..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |bytes| u32::from_ne_bytes(*bytes))
}

/// 64 bits.
fn number64(info: &[u8], offset: usize) -> u64 {
    info.get(offset..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |bytes| u64::from_ne_bytes(*bytes))
}

/// A name of up to 15 bytes, unless it is empty.
fn text(info: &[u8], offset: usize) -> Option<String> {
    let field = info.get(offset..offset + 16)?;
    let name = field.split(|&byte| byte == 0).next()?;
    (!name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    // Catches: an id that means another object, or nothing, and is taken.
    #[test]
    fn ids_are_parsed() {
        assert_eq!(
            "map:12".parse(),
            Ok(ObjectId {
                kind: Kind::Map,
                id: 12
            })
        );
        assert_eq!(
            "link:1".parse::<ObjectId>().map(|id| id.to_string()),
            Ok("link:1".into())
        );
        for bad in [
            "map",
            "map:",
            "map:x",
            "map:-1",
            "maps:1",
            "12",
            "map:99999999999",
        ] {
            assert!(bad.parse::<ObjectId>().is_err(), "{bad}");
        }
    }

    // Catches: a name that runs into the next field.
    #[test]
    fn names_end() {
        let mut info = [0u8; 48];
        info[24..40].copy_from_slice(b"abcdefghijklmno\0");
        info[40] = 1;
        assert_eq!(text(&info, 24).as_deref(), Some("abcdefghijklmno"));
        assert_eq!(text(&info, 0), None);
        assert_eq!(text(&info, 47), None);
        assert_eq!((number(&info, 40), number(&info, 46)), (1, 0));
    }
}
