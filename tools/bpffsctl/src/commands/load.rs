// SPDX-License-Identifier: GPL-2.0

//! `bpffsctl load`: loads the module and waits until all tasks use it.

use std::ffi::CString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{anyhow, bail, ensure, Context, Result};
use clap::Args;
use rustix::io::Errno;
use rustix::system::finit_module;
use serde_json::json;

use super::{is_root, Environment, Outcome};
use crate::module::{self, Livepatch};
use crate::output;

/// Load the module, and wait until all tasks use it
///
/// Mounts that there are stay what they are; new ones are bpffs's.
#[derive(Args)]
pub struct Load {
    /// The module's file; without it, the installed one is loaded, by modprobe(8)
    #[arg(short, long, value_name = "FILE")]
    module: Option<PathBuf>,
    /// Seconds to wait for the tasks
    #[arg(short, long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,
    /// Parameters of the module, such as sharing=mount
    #[arg(value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<String>,
}

fn parameter(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((name, _)) if !name.is_empty() && !text.contains(char::is_whitespace) => {
            Ok(text.into())
        }
        _ => Err("not NAME=VALUE".into()),
    }
}

/// What the errno of loading a module means for this one.
fn refusal(error: Errno) -> &'static str {
    match error {
        Errno::PERM => {
            "root alone may load modules, and not where they are locked (kernel.modules_disabled)"
        }
        Errno::KEYREJECTED | Errno::NOKEY => {
            "Secure Boot wants modules that are signed with a key that the kernel trusts: sign it, \
             see Documentation/packages.rst in the sources of bpffs"
        }
        Errno::NOEXEC => "it was built for another kernel: see dmesg, modinfo",
        Errno::NOENT => {
            "this kernel lacks a function that it needs, or has another of the name: see dmesg"
        }
        Errno::BUSY => "another livepatch is in transition: see /sys/kernel/livepatch",
        Errno::EXIST => "a module of this name is being loaded",
        _ => "see dmesg",
    }
}

fn load_file(file: &Path, parameters: &[String]) -> Result<()> {
    let shown = output::path(file);
    let opened = File::open(file).with_context(|| shown.clone())?;
    let parameters = CString::new(parameters.join(" "))?;
    finit_module(&opened, &parameters, 0)
        .map_err(|error| anyhow!("the kernel refuses {shown}: {error} ({})", refusal(error)))
}

fn load_installed(parameters: &[String]) -> Result<()> {
    if module::installed().is_none() {
        let release = rustix::system::uname()
            .release()
            .to_string_lossy()
            .into_owned();
        bail!(
            "no bpffs is installed for kernel {release}: build and install it (make KERNEL={release}; \
             make modules_install), or name the file by --module"
        );
    }
    let status = Command::new("modprobe")
        .arg("bpffs")
        .args(parameters)
        .status()
        .context("modprobe: is kmod installed?")?;
    ensure!(
        status.success(),
        "modprobe bpffs failed: the last lines of dmesg say why"
    );
    Ok(())
}

/// Loads the module, or finds it loaded: whether it had to be.
pub fn load(environment: &Environment, args: &Load) -> Result<bool> {
    ensure!(is_root(), "loading a module takes root");
    if module::is_loaded() {
        ensure!(
            args.module.is_none() && args.parameters.is_empty(),
            "bpffs is loaded already, perhaps another build or with other parameters: bpffsctl unload first"
        );
        ensure!(
            !matches!(module::livepatch(), Livepatch::Disabled | Livepatch::Disabling),
            "bpffs is loaded and its livepatch is disabled, which cannot be undone: bpffsctl unload first"
        );
    }
    let needed = !module::is_loaded();
    match &args.module {
        _ if !needed => (),
        Some(file) => load_file(file, &args.parameters)?,
        None => load_installed(&args.parameters)?,
    }
    module::settle(&environment.proc, Duration::from_secs(args.timeout))?;
    Ok(needed)
}

/// Loads, and says so.
pub fn run(environment: &Environment, args: &Load) -> Result<Outcome> {
    let loaded = load(environment, args)?;
    environment
        .output
        .print(&json!({ "loaded": true, "already": !loaded }), || {
            match loaded {
                true => "loaded: what is mounted from now on with mount -t bpf is bpffs's\n",
                false => "bpffs is loaded already\n",
            }
            .into()
        })?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Catches: a path that is taken for a parameter, which the kernel would ignore.
    #[test]
    fn parameters_have_names() {
        assert!(parameter("sharing=mount").is_ok() && parameter("sharing=").is_ok());
        for bad in ["bpffs.ko", "=x", "a=b c=d", ""] {
            assert!(parameter(bad).is_err(), "{bad}");
        }
    }
}
