// SPDX-License-Identifier: GPL-2.0

//! What is in a new instance already.

use bpf::{preload, Object};
use fs::{Mode, Root};
use kernel::prelude::*;

use crate::{
    file_system::BpfFs,
    object::{file_ops, Pinned},
};

/// The names that the kernel gives to these, in the root.
pub(crate) const NAMES: [&[u8]; 2] = [b"maps.debug", b"progs.debug"];

/// Pins the links that the kernel wants to have in every instance. Their names have dots, which
/// nobody else may look up.
pub(crate) fn populate(root: &Root<'_, BpfFs>) -> Result {
    preload::for_each(|name, link| {
        let mode = Mode::new(0o400);
        root.file(name, mode, Pinned(Some(Object::Link(link))), file_ops)
    })
}
