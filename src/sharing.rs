// SPDX-License-Identifier: GPL-2.0

//! The module's parameter `sharing`: which instance a mount shows that does not ask for one.

/// Which instance a mount shows that does not ask for one.
#[derive(Clone, Copy)]
pub(crate) enum DefaultSharing {
    /// That of its mount namespace.
    Namespace,
    /// One of its own, as with C's.
    Mount,
}

impl module::Choice for DefaultSharing {
    const WORDS: &'static [(&'static str, Self)] =
        &[("namespace", Self::Namespace), ("mount", Self::Mount)];
}

module::parameter!(
    SHARING: DefaultSharing,
    "sharing",
    "which instance a mount without newinstance and instance= shows: namespace, that of its \
     mount namespace; mount, one of its own, as with the kernel's own file system"
);

/// What the parameter says now.
pub(crate) fn default() -> DefaultSharing {
    SHARING.get()
}
