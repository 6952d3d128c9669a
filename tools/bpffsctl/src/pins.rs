// SPDX-License-Identifier: GPL-2.0

//! What a pin holds: from its attributes where ours serves, which takes no fetching, and from
//! the kernel.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::io::Errno;

use crate::bpf::attachment::Attachment;
use crate::bpf::{Kind, Object, ObjectId};
use crate::instances::attribute;
use crate::proc::Proc;

/// What is known of what a pin holds.
#[derive(Clone, Debug)]
pub struct Pin {
    /// Kind and number.
    pub id: ObjectId,
    /// The name of the type.
    pub kind: String,
    /// The name of a map or program.
    pub name: Option<String>,
    /// The tag of a program.
    pub tag: Option<String>,
    /// Of a link: whether what it was attached to is still there.
    pub attached: Option<bool>,
    /// Of a link, where the kernel told: what it is attached to.
    pub attachment: Option<Attachment>,
    /// The program of a link.
    pub prog: Option<u32>,
    /// Files outside of the file system: type of the file system, a colon, the path there.
    pub exposed: Vec<String>,
}

/// By the attributes: [`None`] if there are none, since C serves, or if the file is no pin.
fn by_attributes(file: BorrowedFd<'_>) -> Result<Option<Pin>, Errno> {
    let get = |name| match attribute(file, name) {
        Ok(value) => Ok(Some(value)),
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(None),
        Err(error) => Err(error),
    };
    let (Some(kind), Some(id)) = (get("bpf.type")?, get("bpf.id")?) else {
        return Ok(None);
    };
    let (word, kind) = kind.split_once(':').ok_or(Errno::INVAL)?;
    let id: ObjectId = format!("{word}:{id}").parse().map_err(|_| Errno::INVAL)?;
    let exposed = get("bpf.exposed_at")?.unwrap_or_default();
    Ok(Some(Pin {
        id,
        kind: kind.into(),
        name: get("bpf.name")?.filter(|name| !name.is_empty()),
        tag: get("bpf.tag")?,
        attached: get("bpf.attached")?.map(|text| text != "no"),
        attachment: None,
        prog: None,
        exposed: exposed.lines().map(Into::into).collect(),
    }))
}

/// How much to ask for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// What tells it from others.
    Brief,
    /// Of links, what they are attached to, too.
    Full,
}

/// What a pin holds, by its file, opened by `O_PATH`. Errors: those of `BPF_OBJ_GET`, where the attributes
/// do not tell.
pub fn inspect(proc: &Proc, file: BorrowedFd<'_>, detail: Detail) -> io::Result<Pin> {
    let told = by_attributes(file).ok().flatten();
    let enough = |pin: &Pin| detail == Detail::Brief || pin.id.kind != Kind::Link;
    if let Some(pin) = told.as_ref().filter(|&pin| enough(pin)) {
        return Ok(pin.clone());
    }
    let object = match (Object::get(proc, file), &told) {
        (Ok(object), _) => Ok(object),
        // While the livepatch is disabled, bpf(2) does not know the pin.
        (Err(error), Some(pin)) => Object::by_id(pin.id).and_then(|object| object.ok_or(error)),
        (Err(error), None) => Err(error),
    };
    let info = match (object.and_then(|object| object.info()), told.clone()) {
        (Ok(info), _) => info,
        (Err(_), Some(pin)) => return Ok(pin),
        (Err(error), None) => return Err(error),
    };
    Ok(Pin {
        id: info.id,
        kind: info.kind,
        name: info.name,
        tag: info.tag,
        attached: info
            .attachment
            .as_ref()
            .map(|attachment| !attachment.is_gone()),
        attachment: info.attachment,
        prog: info.prog,
        exposed: told.map(|pin| pin.exposed).unwrap_or_default(),
    })
}
