// SPDX-License-Identifier: GPL-2.0

//! What the programs of this crate share: they tell of each step how it went, which is compared
//! between implementations, and assert what must be so on any of them.

use std::env;
use std::error::Error;
use std::path::PathBuf;

use anyhow::{ensure, Context, Result};

/// The directories of the BPF objects and of an empty BPF file system, from the command line.
pub fn directories() -> Result<(PathBuf, PathBuf)> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let objects = arguments.next().context("no directory of objects")?;
    let root = arguments.next().context("no BPF file system")?;
    ensure!(arguments.next().is_none(), "too many arguments");
    Ok((objects, root))
}

/// Prints how a step went, with all causes; passes its value on if it went well.
pub fn step<T, E: Into<Box<dyn Error>>>(what: &str, result: Result<T, E>) -> Option<T> {
    match result {
        Ok(value) => {
            println!("{what}: ok");
            Some(value)
        }
        Err(error) => {
            let error = error.into();
            let mut text = error.to_string();
            let mut cause = error.source();
            while let Some(error) = cause {
                text = format!("{text}: {error}");
                cause = error.source();
            }
            println!("{what}: {text}");
            None
        }
    }
}

/// A step that has to go well.
pub fn must<T, E: Into<Box<dyn Error>>>(what: &str, result: Result<T, E>) -> Result<T> {
    step(what, result).with_context(|| format!("UNMET: {what}"))
}

/// A step that has to fail.
pub fn refused<T, E: Into<Box<dyn Error>>>(what: &str, result: Result<T, E>) -> Result<()> {
    ensure!(step(what, result).is_none(), "UNMET: {what} must fail");
    Ok(())
}
