// SPDX-License-Identifier: GPL-2.0

//! Pins and fetches with aya, which makes its own system calls.

use std::path::Path;

use anyhow::{ensure, Context, Result};
use aya::maps::{Array, HashMap, Map, MapData, MapInfo};
use aya::programs::links::{FdLink, PinnedLink};
use aya::programs::xdp::XdpLinkId;
use aya::programs::{ProgramInfo, SchedClassifier, Xdp, XdpFlags};
use aya::{Ebpf, EbpfError, EbpfLoader};
use bpffs_clients::{directories, must, refused};

const DEVICE: &str = "lo";

fn load(object: &Path, pins: &Path) -> Result<Ebpf, EbpfError> {
    EbpfLoader::new().map_pin_path(pins).load_file(object)
}

fn shared(object: &mut Ebpf) -> Result<HashMap<&mut MapData, u32, u64>> {
    let map = object.map_mut("shared").context("no map")?;
    Ok(HashMap::try_from(map)?)
}

fn by_name(objects: &Path, root: &Path) -> Result<()> {
    let file = objects.join("byname.bpf.o");
    let mut object = must("load what pins by name", load(&file, root))?;
    must("update", shared(&mut object)?.insert(1, 77, 0))?;
    drop(object);

    let mut object = must("load it again", load(&file, root))?;
    let value = must("look up", shared(&mut object)?.get(&1, 0))?;
    ensure!(value == 77, "UNMET: the value of before");
    refused(
        "load for pins elsewhere",
        load(&objects.join("othertype.bpf.o"), Path::new("/tmp")),
    )?;
    Ok(())
}

fn attach(prog: &mut Xdp) -> Result<XdpLinkId, aya::programs::ProgramError> {
    prog.attach(DEVICE, XdpFlags::SKB_MODE)
}

fn pins(object: &mut Ebpf, root: &Path) -> Result<()> {
    let (at, other, prog) = (root.join("map"), root.join("other"), root.join("prog"));
    let map = object.map_mut("runs").context("no map")?;
    must("pin a map", map.pin(&at))?;
    refused("pin it again", map.pin(&at))?;
    refused("pin it by a dotted name", map.pin(root.join("dotted.name")))?;
    let fetched = must("fetch the map", MapData::from_pin(&at))?;
    must("pin it by a second name", fetched.pin(&other))?;
    let mut array: Array<_, u64> = Array::try_from(Map::Array(fetched))?;
    must("update", array.set(3, 33, 0))?;
    let again = must("fetch the second name", MapData::from_pin(&other))?;
    let array: Array<_, u64> = Array::try_from(Map::Array(again))?;
    ensure!(array.get(&3, 0)? == 33, "UNMET: one map by two names");
    refused(
        "fetch what is not there",
        MapData::from_pin(root.join("none")),
    )?;
    let ids = (
        MapInfo::from_pin(&at)?.id(),
        MapInfo::from_pin(&other)?.id(),
    );
    ensure!(ids.0 == ids.1, "UNMET: one id");

    let xdp: &mut Xdp = object.program_mut("pass_xdp").context("none")?.try_into()?;
    must("load a program", xdp.load())?;
    must("pin it", xdp.pin(&prog))?;
    refused("pin it again", xdp.pin(&prog))?;
    let info = must("ask the pin", ProgramInfo::from_pin(&prog))?;
    ensure!(info.id() == xdp.info()?.id(), "UNMET: the same program");
    let tc: &mut SchedClassifier = object.program_mut("pass_tc").context("none")?.try_into()?;
    must("load another", tc.load())?;
    must("pin it", tc.pin(root.join("tc")))?;
    must("fetch it", SchedClassifier::from_pin(root.join("tc")))?;
    Ok(())
}

fn links(root: &Path) -> Result<()> {
    let path = root.join("link");
    let kind = aya_obj::programs::XdpAttachType::Interface;
    let mut prog = must("fetch the program", Xdp::from_pin(root.join("prog"), kind))?;
    let id = must("attach it", attach(&mut prog))?;
    let link = must("take the link", prog.take_link(id))?;
    let link: FdLink = must("see that it is a descriptor", link.try_into())?;
    let pinned = must("pin the link", link.pin(&path))?;
    drop(pinned);
    refused("attach while it is pinned", attach(&mut prog))?;
    let pinned = must("open the link", PinnedLink::from_pin(&path))?;
    let link = must("unpin the link", pinned.unpin())?;
    refused("open it", PinnedLink::from_pin(&path))?;
    drop(link);
    must("attach after that", attach(&mut prog))?;
    Ok(())
}

fn main() -> Result<()> {
    let (objects, root) = directories()?;
    by_name(&objects, &root)?;
    let mut object = must("load", load(&objects.join("plain.bpf.o"), &root))?;
    pins(&mut object, &root)?;
    drop(object);
    links(&root)
}
