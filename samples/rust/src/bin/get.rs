// SPDX-License-Identifier: GPL-2.0

//! Fetches a pinned program and a pinned map by their paths, runs the program
//! on a packet, and prints the counters that the map holds.

use std::fs;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{anyhow, ensure, Context, Result};
use clap::Parser;
use libbpf_rs::{Error, ErrorKind, MapCore, MapFlags, MapHandle, MapType, Program};

/// What counter.h says: an array of this many counters, each of two u64.
const COUNTERS: u32 = 256;
const COUNTER_SIZE: u32 = 16;

/// Run a pinned BPF program on a packet and print the counters in a pinned map.
#[derive(Parser)]
#[command(name = "get-rust")]
struct Args {
    /// Path of the pinned program, such as /sys/fs/bpf/demo/classify
    prog: PathBuf,
    /// Path of the pinned map, such as /sys/fs/bpf/demo/maps/counters
    map: PathBuf,
    /// File with the bytes of one Ethernet frame
    packet: PathBuf,
    /// Run the program N times
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(i32).range(1..))]
    repeat: i32,
}

/// Says which object could not be fetched from where, why, and the way out.
fn cannot_fetch(what: &str, path: &Path, error: Error) -> anyhow::Error {
    let way_out = match error.kind() {
        ErrorKind::NotFound => {
            "is it pinned there, and the bpf file system mounted? see `findmnt -t bpf`"
        }
        ErrorKind::PermissionDenied => {
            "not a pin on a bpf file system, or not yours? see `findmnt -t bpf`, `ls -l`"
        }
        _ => "are the arguments in order? see `bpftool -f prog show`, `bpftool -f map show`",
    };
    let error = anyhow!(error);
    anyhow!(
        "{}: cannot fetch the {what}: {} ({way_out})",
        path.display(),
        error.root_cause()
    )
}

/// Fetches a pinned array of counters.
fn get_counters(path: &Path) -> Result<MapHandle> {
    let map = MapHandle::from_pinned_path(path).map_err(|e| cannot_fetch("map", path, e))?;

    // A pin does not tell what it holds, and libbpf takes here whatever it
    // gets; but the descriptor is named after it: bpf-prog, bpf-map, bpf-link.
    let link = format!("/proc/self/fd/{}", map.as_fd().as_raw_fd());
    let kind = fs::read_link(&link).with_context(|| format!("{link} (is /proc mounted?)"))?;
    ensure!(
        kind.to_string_lossy().contains("bpf-map"),
        "{}: a bpf-map is wanted, but {} is pinned there (are the arguments in order?)",
        path.display(),
        kind.display()
    );
    ensure!(
        map.map_type() == MapType::Array
            && map.max_entries() == COUNTERS
            && map.value_size() == COUNTER_SIZE,
        "{}: map {:?} is not an array of counters: give the one of counter.bpf.c",
        path.display(),
        map.name()
    );
    Ok(map)
}

/// Runs a program on a packet and returns what the program returned.
fn run(prog: BorrowedFd<'_>, packet: &[u8], repeat: i32) -> Result<u32> {
    let mut opts = libbpf_sys::bpf_test_run_opts {
        sz: size_of::<libbpf_sys::bpf_test_run_opts>().try_into()?,
        data_in: packet.as_ptr().cast(),
        data_size_in: packet.len().try_into()?,
        repeat,
        ..Default::default()
    };
    // SAFETY: The descriptor is open as long as it is borrowed. `opts` is
    // initialised, and points to nothing but the packet, which is borrowed
    // during the call and is only read.
    let ret = unsafe { libbpf_sys::bpf_prog_test_run_opts(prog.as_raw_fd(), &mut opts) };
    if ret < 0 {
        return Err(io::Error::from_raw_os_error(-ret).into());
    }
    Ok(opts.retval)
}

/// Reads one `struct counter` of counter.h: packets and bytes.
fn read_counter(map: &MapHandle, key: u32) -> Result<(u64, u64)> {
    let value = map
        .lookup(&key.to_ne_bytes(), MapFlags::ANY)?
        .with_context(|| format!("the map has no entry {key}"))?;
    let (packets, bytes) = value.split_at(size_of::<u64>());
    Ok((
        u64::from_ne_bytes(packets.try_into()?),
        u64::from_ne_bytes(bytes.try_into()?),
    ))
}

fn print_counters(map: &MapHandle) -> Result<()> {
    for key in 0..COUNTERS {
        let (packets, bytes) = read_counter(map, key)?;
        if packets > 0 {
            println!("IP protocol {key}: {packets} packets, {bytes} bytes");
        }
    }
    Ok(())
}

fn get(args: &Args) -> Result<()> {
    let prog = Program::fd_from_pinned_path(&args.prog)
        .map_err(|e| cannot_fetch("program", &args.prog, e))?;
    let map = get_counters(&args.map)?;
    let packet = fs::read(&args.packet)
        .with_context(|| format!("{}: cannot read the packet", args.packet.display()))?;

    let returned = run(prog.as_fd(), &packet, args.repeat).with_context(|| {
        format!(
            "{}: cannot run the program on {} bytes of {} (an XDP program and a whole frame are wanted)",
            args.prog.display(),
            packet.len(),
            args.packet.display()
        )
    })?;
    println!(
        "the program returned {returned} (packet: {} bytes, runs: {})",
        packet.len(),
        args.repeat
    );
    print_counters(&map).with_context(|| args.map.display().to_string())
}

fn main() -> ExitCode {
    match get(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // All causes in one line.
            eprintln!("get-rust: {error:#}");
            ExitCode::FAILURE
        }
    }
}
