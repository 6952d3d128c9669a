// SPDX-License-Identifier: GPL-2.0

//! Loads a view of cgroups, an iterator that is to run for one cgroup, and pins its link. What is
//! pinned can be exposed in the directory of any cgroup, see `bpffs-expose`.

use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{anyhow, Context, Result};
use bpffs_samples::pin;
use clap::Parser;
use libbpf_rs::{ObjectBuilder, ProgramAttachType};

/// Load the iterator over cgroups that OBJECT has, and pin its link to PIN.
///
/// `cat PIN` runs the view for the root cgroup, `rm PIN` unloads it.
#[derive(Parser)]
#[command(name = "view-load-rust")]
struct Args {
    /// File with one program of SEC("iter/cgroup") or SEC("iter.s/cgroup")
    object: PathBuf,
    /// Path on a bpf file system, such as /sys/fs/bpf/view
    pin: PathBuf,
}

/// Makes a link by which the program runs once, for one cgroup. libbpf-rs 0.25 has it for
/// iterators over the elements of a map only.
fn link(prog: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // The cgroup is the root as long as none is named.
    let mut once = libbpf_sys::bpf_iter_link_info::default();
    once.cgroup.order = libbpf_sys::BPF_CGROUP_ITER_SELF_ONLY;
    let opts = libbpf_sys::bpf_link_create_opts {
        sz: size_of::<libbpf_sys::bpf_link_create_opts>() as _,
        iter_info: &mut once,
        iter_info_len: size_of::<libbpf_sys::bpf_iter_link_info>() as _,
        ..Default::default()
    };
    // SAFETY: The descriptor is open as long as it is borrowed. `opts` is initialised, and points
    // to nothing but `once`, which lives during the call.
    let ret = unsafe {
        libbpf_sys::bpf_link_create(prog.as_raw_fd(), 0, libbpf_sys::BPF_TRACE_ITER, &opts)
    };
    if ret < 0 {
        return Err(io::Error::from_raw_os_error(-ret));
    }
    // SAFETY: The descriptor is a new one, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(ret) })
}

fn load(args: &Args) -> Result<()> {
    let object = args.object.display();
    let loaded = ObjectBuilder::default()
        .open_file(&args.object)
        .with_context(|| {
            format!("{object}: cannot read the object (was it built by clang -target bpf -g?)")
        })?
        .load()
        .with_context(|| {
            format!(
                "{object}: cannot load the program (not root, or does the verifier say above why?)"
            )
        })?;
    let mut views = loaded.progs();
    let view = views
        .next()
        .filter(|view| matches!(view.attach_type(), ProgramAttachType::TraceIter))
        .filter(|_| views.next().is_none())
        .with_context(|| {
            format!("{object}: give an object that has one program, an iterator over cgroups")
        })?;

    let link = link(view.as_fd()).with_context(|| {
        format!("{object}: cannot make a link (does the program iterate over something else?)")
    })?;
    let path = args.pin.display();
    pin(link.as_fd(), &args.pin).map_err(|error| {
        let way_out = match error.kind() {
            io::ErrorKind::NotFound => {
                "no such directory: create it, or is no bpf file system mounted? see `findmnt -t bpf`"
            }
            io::ErrorKind::AlreadyExists => "choose another path, or remove this one first",
            io::ErrorKind::PermissionDenied => {
                "not on a bpf file system, a dot in the name, or not your directory? see `findmnt -t bpf`, `ls -ld`"
            }
            _ => "see `findmnt -t bpf`",
        };
        anyhow!("{path}: cannot pin the view: {error} ({way_out})")
    })?;
    println!(
        "the view {} is pinned to {path}",
        view.name().to_string_lossy()
    );
    Ok(())
}

fn main() -> ExitCode {
    match load(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // All causes in one line.
            eprintln!("view-load-rust: {error:#}");
            ExitCode::FAILURE
        }
    }
}
