// SPDX-License-Identifier: GPL-2.0

//! Pins and fetches with libbpf-rs.

use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

use anyhow::{ensure, Context, Result};
use bpffs_clients::{directories, must, refused};
use libbpf_rs::{Link, MapCore, MapFlags, MapHandle, Object, ObjectBuilder, Program, ProgramInput};

/// The loopback device, of whatever network namespace.
const LOOPBACK: i32 = 1;

fn load(object: &Path, pins: &Path) -> libbpf_rs::Result<Object> {
    ObjectBuilder::default()
        .pin_root_path(pins)?
        .open_file(object)?
        .load()
}

fn number(map: &impl MapCore, key: u32) -> Result<u64> {
    let value = map.lookup(&key.to_ne_bytes(), MapFlags::ANY)?;
    let value = value.context("no such element")?;
    Ok(u64::from_ne_bytes(value.as_slice().try_into()?))
}

fn by_name(objects: &Path, root: &Path) -> Result<()> {
    let file = objects.join("byname.bpf.o");
    let object = must("load what pins by name", load(&file, root))?;
    let map = object.maps().next().context("no map")?;
    println!("pinned: {} {:?}", map.is_pinned(), map.get_pin_path());
    let (key, value) = (1u32.to_ne_bytes(), 77u64.to_ne_bytes());
    must("update", map.update(&key, &value, MapFlags::ANY))?;
    drop(object);

    let object = must("load it again", load(&file, root))?;
    let map = object.maps().next().context("no map")?;
    ensure!(number(&map, 1)? == 77, "UNMET: the value of before");
    refused(
        "load another map of that name",
        load(&objects.join("othertype.bpf.o"), root),
    )?;
    refused("load for pins elsewhere", load(&file, Path::new("/tmp")))?;
    Ok(())
}

fn pins(object: &mut Object, root: &Path) -> Result<()> {
    let (at, other) = (root.join("map"), root.join("other"));
    for mut map in object.maps_mut() {
        must("pin a map", map.pin(&at))?;
        must("pin it at the same path again", map.pin(&at))?;
        refused("pin it elsewhere", map.pin(&other))?;
    }
    for mut prog in object.progs_mut() {
        let name = prog.name().to_owned();
        must("pin a program", prog.pin(root.join(&name)))?;
        refused("pin it by the name of a map", prog.pin(&at))?;
    }
    let mut handle = must("fetch the map", MapHandle::from_pinned_path(&at))?;
    must("pin it by a second name", handle.pin(&other))?;
    must("unpin that", handle.unpin(&other))?;
    refused("unpin that again", handle.unpin(&other))?;
    refused("fetch that", MapHandle::from_pinned_path(&other))?;
    refused("fetch a directory", MapHandle::from_pinned_path(root))?;

    let path = root.join("pass_xdp");
    let fd = must("fetch a program", Program::fd_from_pinned_path(&path))?;
    let id = must("ask for its id", Program::id_from_fd(fd.as_fd()))?;
    let prog = object.progs_mut().find(|prog| prog.name() == "pass_xdp");
    let prog = prog.context("no program")?;
    ensure!(
        id == Program::id_from_fd(prog.as_fd())?,
        "UNMET: the same program"
    );
    let packet = [0; 64];
    let input = ProgramInput {
        data_in: Some(&packet),
        ..Default::default()
    };
    let output = must("run it", prog.test_run(input))?;
    println!("it returned {}", output.return_value);
    ensure!(number(&handle, 0)? == 1, "UNMET: counted in the pinned map");
    Ok(())
}

fn links(object: &Object, root: &Path) -> Result<()> {
    let path = root.join("link");
    let prog = object.progs_mut().find(|prog| prog.name() == "pass_xdp");
    let prog = prog.context("no program")?;
    let mut link = must("attach", prog.attach_xdp(LOOPBACK))?;
    must("pin the link", link.pin(&path))?;
    println!("pinned: {:?}", link.pin_path());
    drop(link);
    refused("attach while it is pinned", prog.attach_xdp(LOOPBACK))?;
    let mut link = must("open the link", Link::open(&path))?;
    println!("is a descriptor: {}", link.as_fd().as_raw_fd() > 2);
    must("unpin the link", link.unpin())?;
    refused("open it", Link::open(&path))?;
    drop(link);
    drop(must("attach after that", prog.attach_xdp(LOOPBACK))?);
    Ok(())
}

fn main() -> Result<()> {
    let (objects, root) = directories()?;
    by_name(&objects, &root)?;
    let mut object = must("load", load(&objects.join("plain.bpf.o"), &root))?;
    pins(&mut object, &root)?;
    links(&object, &root)
}
