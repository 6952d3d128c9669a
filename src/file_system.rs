// SPDX-License-Identifier: GPL-2.0

//! The file system as a whole.

use bpf::{Delegated, Delegates, Delegation, BPF_FS_MAGIC};
use fs::{AnyINode, FileSystem, INodeNumbers, KernelId, Mode, SuperBlock};
use kernel::{prelude::*, seq_file::SeqFile, seq_print};
use takeover::SimpleXattrs;

use crate::{context::MountContext, delegation, object::Pinned};

/// The BPF file system.
pub(crate) struct BpfFs;

/// What a superblock of the file system is: an instance.
pub(crate) struct Instance {
    /// What tokens of this instance are good for.
    pub(crate) delegation: Delegation,
}

#[vtable]
impl FileSystem for BpfFs {
    const NAME: &'static CStr = c"bpf";
    const INODE_CACHE: &'static CStr = c"bpffs_inode_cache";
    const MAGIC: u32 = BPF_FS_MAGIC;
    const USERNS_MOUNT: bool = true;
    const INODE_NUMBERS: INodeNumbers = INodeNumbers::Global;

    type Data = Instance;
    type INodeData = Pinned;
    type Context = MountContext;
    type Xattrs = SimpleXattrs;

    fn show_options(sb: &SuperBlock<Self>, root: &AnyINode, m: &SeqFile) -> Result {
        if !root.uid().is_global_root() {
            seq_print!(m, ",uid={}", root.uid().in_init_user_ns());
        }
        if !root.gid().is_global_root() {
            seq_print!(m, ",gid={}", root.gid().in_init_user_ns());
        }
        let mode = root.mode().without(Mode::STICKY);
        if mode != Mode::RWX_ALL {
            seq_print!(m, ",mode={:o}", mode.bits());
        }
        for what in Delegated::ALL {
            delegation::show(what, &sb.data().delegation, m);
        }
        Ok(())
    }
}

impl Delegates for BpfFs {
    fn delegation(instance: &Instance) -> &Delegation {
        &instance.delegation
    }
}
