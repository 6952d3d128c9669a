// SPDX-License-Identifier: GPL-2.0

//! A mount that joins an instance: what it asked for and what the instance has.
//!
//! Options that C has as well are those of programs that know nothing of joining, such as bpftool's
//! `mode=0700`. Where they differ from what the instance has, the mount succeeds and its log says
//! what it did not get; `join_strict` makes the mount fail instead. Who gives any of the other
//! options knows what it is for, and would be misled by a mount without.

use bpf::Delegated;
use fs::{FsContext, KernelId, Mode, SuperBlock};
use kernel::{fmt, prelude::*};

use crate::{delegation, file_system::BpfFs, options::Options};

/// Checks that a mount with these options may join the instance `sb`, and tells it what it does not
/// get.
///
/// # Errors
///
/// `EBUSY`, for which the context's log has the reason.
pub(crate) fn check(options: &Options, fc: &FsContext<BpfFs>, sb: &SuperBlock<BpfFs>) -> Result {
    let instance = sb.data();
    // A mount that must not write can do so by itself, which mount(2) sees to. The other way round
    // it would pretend to be writable.
    if sb.is_read_only() && !fc.is_read_only() {
        fc.error(fmt!(
            "{} is read-only: remount that, or use newinstance",
            instance.identity
        ));
        return Err(EBUSY);
    }
    for what in Delegated::ALL {
        if options.delegates_otherwise(what, &instance.delegation) {
            fc.error(fmt!(
                "{} differs from that of {}: use newinstance",
                delegation::option(what).to_str()?,
                instance.identity
            ));
            return Err(EBUSY);
        }
    }
    let wanted = [
        (
            "pinmode",
            options
                .pin_mode
                .is_some_and(|mode| mode != instance.pin_mode()),
        ),
        (
            "nr_inodes",
            options.nr_inodes.is_some() && options.limit() != sb.inode_limit(),
        ),
        (
            "rdonly_strict",
            options.rdonly_strict && !instance.is_rdonly_strict(),
        ),
        ("dots", options.dots && !instance.allows_dots()),
    ];
    if let Some((name, _)) = wanted.iter().find(|(_, differs)| *differs) {
        fc.error(fmt!(
            "{name} differs from that of {}: remount that, or use newinstance",
            instance.identity
        ));
        return Err(EBUSY);
    }
    check_root(options, fc, sb)
}

/// The same of mode and owner of the root.
fn check_root(options: &Options, fc: &FsContext<BpfFs>, sb: &SuperBlock<BpfFs>) -> Result {
    let (identity, root) = (&sb.data().identity, sb.root());
    let (uid, gid, mode) = (root.uid(), root.gid(), root.mode().without(Mode::STICKY));
    let mut differs = false;
    let mut tell = |name: &str, has: fmt::Arguments<'_>| {
        differs = true;
        if options.join_strict {
            fc.error(fmt!(
                "{name} differs: {identity} has {has}, and join_strict was given"
            ));
        } else {
            fc.info(fmt!("{name} ignored: joined {identity}, which has {has}"));
        }
    };
    if options.uid.is_some_and(|wanted| wanted != uid) {
        tell("uid", fmt!("uid={}", uid.in_init_user_ns()));
    }
    if options.gid.is_some_and(|wanted| wanted != gid) {
        tell("gid", fmt!("gid={}", gid.in_init_user_ns()));
    }
    if options
        .mode
        .is_some_and(|wanted| wanted.without(Mode::STICKY) != mode)
    {
        tell("mode", fmt!("mode={:o}", mode.bits()));
    }
    if differs && options.join_strict {
        return Err(EBUSY);
    }
    if fc.is_read_only() && !sb.is_read_only() {
        fc.info(fmt!(
            "ro ignored: joined {identity}, which is not; the mount itself can be read-only"
        ));
    }
    Ok(())
}
