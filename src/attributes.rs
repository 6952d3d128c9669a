// SPDX-License-Identifier: GPL-2.0

//! Extended attributes that say what a file is: `bpf.type` of a pin, `bpf.instance` of a directory,
//! and others. `Documentation/mount.rst` has the table of them.
//!
//! The object of a pin never changes, so that no lock is needed to look at it.

use bpf::{Object, ObjectName};
use core::num::NonZero;
use fs::{
    xattr::{
        Buffer,
        ComputedXattrOperations,
        Filled, //
    },
    INode, //
};
use kernel::{alloc::flags::__GFP_NOWARN, prelude::*};

use crate::{exposed, file_system::BpfFs};

/// As C's: no path that a system call takes is longer.
const PATH_MAX: usize = 4096;

/// The attributes `bpf.*`.
pub(crate) struct Attributes;

impl ComputedXattrOperations for Attributes {
    type FileSystem = BpfFs;

    const PREFIX: &'static CStr = c"bpf.";

    fn get<'a>(inode: &INode<BpfFs>, name: &[u8], value: Buffer<'a>) -> Result<Option<Filled<'a>>> {
        match (&inode.data().0, name) {
            (Some(object), b"exposed") => exposed_count(inode, object, value).map(Some),
            (Some(object), b"exposed_at") => exposed_at(inode, object, value),
            (Some(object), _) => of_object(object, name, value),
            (None, b"instance") if inode.is_directory() => {
                inode.super_block().data().describe(value).map(Some)
            }
            (None, _) => Ok(None),
        }
    }
}

fn of_object<'a>(object: &Object, name: &[u8], value: Buffer<'a>) -> Result<Option<Filled<'a>>> {
    match (name, object) {
        (b"type", Object::Map(map)) => value.fill_fmt(fmt!("map:{}", map.type_())),
        (b"type", Object::Prog(prog)) => value.fill_fmt(fmt!("prog:{}", prog.type_())),
        (b"type", Object::Link(link)) => value.fill_fmt(fmt!("link:{}", link.type_())),
        (b"id", Object::Map(map)) => return number(map.id(), value),
        (b"id", Object::Prog(prog)) => return number(prog.id(), value),
        (b"id", Object::Link(link)) => return number(link.id(), value),
        (b"name", Object::Map(map)) => return bytes(map.name(), value),
        (b"name", Object::Prog(prog)) => return bytes(prog.name(), value),
        (b"tag", Object::Prog(prog)) => value.fill_fmt(fmt!("{}", prog.tag())),
        (b"attached", Object::Link(link)) => {
            value.fill(if link.is_attached()? { b"yes" } else { b"no" })
        }
        _ => return Ok(None),
    }
    .map(Some)
}

/// How many files outside expose the object.
fn exposed_count<'a>(
    inode: &INode<BpfFs>,
    object: &Object,
    value: Buffer<'a>,
) -> Result<Filled<'a>> {
    let mut count: usize = 0;
    exposed::for_each_file(inode, object, |_| {
        count = count.saturating_add(1);
        Ok(())
    })?;
    value.fill_fmt(fmt!("{count}"))
}

/// Where the files are that expose the object: a line for each, with the type of the file system and the
/// path from its root.
fn exposed_at<'a>(
    inode: &INode<BpfFs>,
    object: &Object,
    value: Buffer<'a>,
) -> Result<Option<Filled<'a>>> {
    let mut path = KVec::from_elem(0, PATH_MAX, GFP_KERNEL)?;
    let mut lines = KVVec::new();
    exposed::for_each_file(inode, object, |file| {
        for part in [
            file.file_system().to_bytes(),
            b":",
            file.path(&mut path).unwrap_or(b"(path too long)"),
            b"\n",
        ] {
            lines.extend_from_slice(part, GFP_KERNEL | __GFP_NOWARN)?;
        }
        Ok(())
    })?;
    if lines.is_empty() {
        return Ok(None);
    }
    value.fill(&lines).map(Some)
}

fn number(id: Option<NonZero<u32>>, value: Buffer<'_>) -> Result<Option<Filled<'_>>> {
    id.map(|id| value.fill_fmt(fmt!("{}", id.get())))
        .transpose()
}

fn bytes(name: Option<ObjectName>, value: Buffer<'_>) -> Result<Option<Filled<'_>>> {
    name.map(|name| value.fill(name.as_bytes())).transpose()
}
