// SPDX-License-Identifier: GPL-2.0

//! What is in a new instance already.

#![forbid(unsafe_code)]

use kernel::prelude::*;
use kernel_ext::{
    bpf::preload,
    fs::{Mode, NewRoot},
};

use crate::{file_system::BpfFs, object::Object};

/// Pins the links that the kernel wants to have in every instance. Their names have dots: `root`
/// must have no permissions yet (see `BpfFs::check_name()`).
pub(crate) fn populate(root: &NewRoot<'_, BpfFs>) -> Result {
    preload::for_each(|name, link| {
        root.create(name, |dentry| {
            let file = dentry.file(Mode::new(0o400))?;
            Ok(file.with_node(Object::Link(link)).instantiate())
        })
    })
}
