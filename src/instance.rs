// SPDX-License-Identifier: GPL-2.0

//! Instances: one per mount namespace.

#![forbid(unsafe_code)]

use kernel_ext::{bpf::Delegation, mnt_namespace::MntNamespaceId};

/// What a superblock of the file system is: an instance.
///
/// An instance is shared by all mounts made in a mount namespace by owners of the same user
/// namespace, which the VFS side sees to. It is known by the id of the mount namespace in which the
/// context of its first mount was opened. The id is never used again, so that an instance which
/// outlives its namespace, in a copied mount or an open file, is not mistaken for another's; and it
/// holds no reference to the namespace, which holds mounts that hold the instance.
pub(crate) struct Instance {
    /// `None` for one that is nobody else's.
    namespace: Option<MntNamespaceId>,
    delegation: Delegation,
}

impl Instance {
    /// The instance of a mount namespace, or one that no other mount is to join.
    pub(crate) fn new(namespace: Option<MntNamespaceId>, delegation: Delegation) -> Self {
        Self {
            namespace,
            delegation,
        }
    }

    /// Whether a mount that wants `other` gets this instance.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.namespace.is_some() && self.namespace == other.namespace
    }

    /// What tokens of this instance are good for.
    pub(crate) fn delegation(&self) -> &Delegation {
        &self.delegation
    }
}
