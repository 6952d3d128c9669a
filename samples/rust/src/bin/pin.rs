// SPDX-License-Identifier: GPL-2.0

//! Creates a map, stores a number in it, pins it, and exits: the pin alone
//! keeps the map alive.

use std::mem::size_of;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{anyhow, Context, Result};
use clap::Parser;
use libbpf_rs::{ErrorKind, MapCore, MapFlags, MapHandle, MapType};

/// Create a BPF map that holds a number, and pin it.
///
/// `rm PATH` removes the pin, and with it the map.
#[derive(Parser)]
#[command(name = "pin-rust")]
struct Args {
    /// Where to pin the map, on a bpf file system
    path: PathBuf,
    /// The number that the map holds
    number: u64,
}

fn create_map(number: u64) -> Result<MapHandle> {
    let key = 0u32.to_ne_bytes();
    let value = number.to_ne_bytes();
    let opts = libbpf_sys::bpf_map_create_opts {
        sz: size_of::<libbpf_sys::bpf_map_create_opts>().try_into()?,
        ..Default::default()
    };
    let map = MapHandle::create(
        MapType::Array,
        Some("number"),
        key.len().try_into()?,
        value.len().try_into()?,
        1,
        &opts,
    )
    .context("cannot create a map (bpf(2) needs CAP_BPF: run as root)")?;
    map.update(&key, &value, MapFlags::ANY)
        .context("cannot store the number in the map")?;
    Ok(map)
}

fn pin(args: &Args) -> Result<()> {
    let path = args.path.display();
    let mut map = create_map(args.number)?;
    let id = map.info().context("cannot ask for the map's id")?.info.id;

    map.pin(&args.path).map_err(|error| {
        let way_out = match error.kind() {
            ErrorKind::NotFound => {
                "no such directory: create it, or is no bpf file system mounted? see `findmnt -t bpf`"
            }
            ErrorKind::AlreadyExists => "choose another path, or remove this one first",
            ErrorKind::PermissionDenied => {
                "not on a bpf file system, a dot in the name, or not your directory? see `findmnt -t bpf`, `ls -ld`"
            }
            _ => "see `findmnt -t bpf`",
        };
        anyhow!("{path}: cannot pin the map: {error:#} ({way_out})")
    })?;
    println!("map {id} is pinned to {path}");
    Ok(())
}

fn main() -> ExitCode {
    match pin(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // All causes in one line.
            eprintln!("pin-rust: {error:#}");
            ExitCode::FAILURE
        }
    }
}
