// SPDX-License-Identifier: GPL-2.0

//! Prints what pins and directories of the BPF file system say they are: their
//! extended attributes `bpf.*`. Reading them takes no bpf(2), only the right to
//! read the file.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{bail, Context, Result};
use clap::Parser;
use rustix::{fs::getxattr, io::Errno};

/// Not listed by listxattr(2), so one has to know them.
const NAMES: [&str; 7] = [
    "bpf.type",
    "bpf.id",
    "bpf.name",
    "bpf.tag",
    "bpf.attached",
    "bpf.instance",
    "bpf.exposed",
];

/// Print what pins and directories of a BPF file system are.
#[derive(Parser)]
#[command(name = "whatis-rust")]
struct Args {
    /// Path of a pin or a directory, such as /sys/fs/bpf
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

fn print_attributes(path: &Path) -> Result<()> {
    println!("{}", path.display());
    for name in NAMES {
        let mut value = [0; 256];
        match getxattr(path, name, &mut value) {
            Ok(len) => {
                let (value, _) = value.split_at(len);
                println!("  {name:12} {}", String::from_utf8_lossy(value));
            }
            // What there is depends on what it is.
            Err(Errno::NODATA) => {}
            Err(Errno::OPNOTSUPP) => {
                bail!("not on a bpf file system of bpffs: see `findmnt -T`")
            }
            Err(error) => return Err(error).context(format!("cannot read {name}")),
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let mut status = ExitCode::SUCCESS;
    for path in Args::parse().paths {
        if let Err(error) = print_attributes(&path) {
            // All causes in one line.
            eprintln!("{}: {error:#}", path.display());
            status = ExitCode::FAILURE;
        }
    }
    status
}
