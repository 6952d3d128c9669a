// SPDX-License-Identifier: GPL-2.0

//! Remounting: changing the options of an instance.
//!
//! C checks the options and forgets them. Here those take effect that can, for all mounts that show
//! the instance. A remount that gives an option as it is changes nothing: mount(8) gives all of
//! what `/proc/mounts` shows.

use bpf::Delegated;
use fs::{
    capability::{capable, Capability},
    FsContext,
    Mode,
    SuperBlock, //
};
use kernel::prelude::*;

use crate::{
    delegation,
    file_system::BpfFs,
    instance::Identity,
    options::{Options, Wanted},
};

/// Makes the instance `sb` what the options say, or leaves it as it is.
///
/// # Errors
///
/// For each, the context's log has the reason:
///
/// - `EINVAL` for what cannot change, and for a limit of inodes that is exceeded already;
/// - `EPERM` for a limit or a rule about an instance that a user namespace other than the initial
///   one owns, whose root must not lift them;
/// - what an LSM answers to changing the root.
pub(crate) fn apply(options: &Options, fc: &FsContext<BpfFs>, sb: &SuperBlock<BpfFs>) -> Result {
    let instance = sb.data();
    check_unchangeable(options, fc, sb)?;

    let old_limit = sb.inode_limit();
    let changes_limit = options.nr_inodes.is_some() && options.limit() != old_limit;
    let is_stricter = options.rdonly_strict && !instance.is_rdonly_strict();
    if (changes_limit || is_stricter) && !fc.is_init_user_ns() && !capable(Capability::SYS_ADMIN) {
        fc.error(fmt!(
            "nr_inodes and rdonly_strict are for root of the initial user namespace to change"
        ));
        return Err(EPERM);
    }

    // Raising a limit does not fail. Lowering it may, and so does changing the root: until both are done, the
    // limit is the lower one, so that there are no inodes for which the old one is too few.
    let is_raised = changes_limit && is_more(options.limit(), old_limit);
    if changes_limit && !is_raised {
        sb.set_inode_limit(options.limit()).inspect_err(|_| {
            fc.error(fmt!(
                "nr_inodes={} is too few: {} are in use",
                options.limit().unwrap_or(0),
                sb.inodes()
            ))
        })?;
    }
    change_root(options, fc, sb).inspect_err(|_| {
        // It was good enough before.
        let _ = sb.set_inode_limit(old_limit);
    })?;
    if is_raised {
        sb.set_inode_limit(options.limit())?;
    }
    // Nothing fails from here on.
    instance.apply(options);
    Ok(())
}

/// Whether limit `a` is more than `b`, where `None` is no limit.
fn is_more(a: Option<u64>, b: Option<u64>) -> bool {
    match (a, b) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(a), Some(b)) => a > b,
    }
}

/// Checks that nothing is asked for that an instance has for all its life.
fn check_unchangeable(options: &Options, fc: &FsContext<BpfFs>, sb: &SuperBlock<BpfFs>) -> Result {
    let instance = sb.data();
    let is_same = match (&options.instance, &instance.identity) {
        (None, _) | (Some(Wanted::Namespace), Identity::Namespace { .. }) => true,
        (Some(Wanted::Named(wanted)), Identity::Named(name)) => wanted == name,
        (Some(_), _) => false,
    };
    if !is_same {
        fc.error(fmt!(
            "instance: a remount does not change which instance it is"
        ));
        return Err(EINVAL);
    }
    if options.new_instance && instance.identity != Identity::Own {
        fc.error(fmt!(
            "newinstance: a remount does not make {} another one",
            instance.identity
        ));
        return Err(EINVAL);
    }
    for what in Delegated::ALL {
        if options.delegates_otherwise(what, &instance.delegation) {
            fc.error(fmt!(
                "{}: a remount does not change what is delegated",
                delegation::option(what).to_str()?
            ));
            return Err(EINVAL);
        }
    }
    Ok(())
}

/// Changes mode and owner of the root, as far as they differ.
///
/// A mount of a directory below shows that directory's own, and mount(8) gives these when it remounts: they
/// are not the root's.
fn change_root(options: &Options, fc: &FsContext<BpfFs>, sb: &SuperBlock<BpfFs>) -> Result {
    if !fc.is_of_root(sb) {
        if options.mode.is_some() || options.uid.is_some() || options.gid.is_some() {
            fc.info(fmt!(
                "uid, gid and mode are the root directory's, which this mount does not show: not changed"
            ));
        }
        return Ok(());
    }
    let root = sb.root();
    // As it is shown: who took the sticky bit away has it stay so when mount(8) gives all options.
    let shown = root.mode().without(Mode::STICKY);
    let mode = options.mode.map(|mode| mode.without(Mode::STICKY));
    let mode = mode
        .filter(|mode| *mode != shown)
        .map(|mode| mode.with(Mode::STICKY));
    let uid = options.uid.filter(|uid| *uid != root.uid());
    let gid = options.gid.filter(|gid| *gid != root.gid());
    if mode.is_none() && uid.is_none() && gid.is_none() {
        return Ok(());
    }
    sb.change_root(mode, uid, gid)
}
