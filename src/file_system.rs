// SPDX-License-Identifier: GPL-2.0

//! The file system as a whole.

use bpf::{Delegates, Delegation, BPF_FS_MAGIC};
use fs::{
    xattr::ComputedXattrs,
    AnyINode,
    FileSystem,
    INode,
    INodeNumbers,
    StatFs,
    SuperBlock, //
};
use kernel::{prelude::*, seq_file::SeqFile};
use takeover::SimpleXattrs;

use crate::{
    attributes::Attributes,
    context::MountContext,
    exposed::{self, Exposures},
    instance::{self, Instance},
    object::Pinned, //
};

/// The BPF file system.
pub(crate) struct BpfFs;

#[vtable]
impl FileSystem for BpfFs {
    const NAME: &'static CStr = c"bpf";
    const INODE_CACHE: &'static CStr = c"bpffs_inode_cache";
    const MAGIC: u32 = BPF_FS_MAGIC;
    const USERNS_MOUNT: bool = true;
    const INODE_NUMBERS: INodeNumbers = INodeNumbers::Global;
    const COMPUTED_XATTRS: Option<ComputedXattrs<Self>> = Some(ComputedXattrs::of::<Attributes>());

    type Data = Instance;
    type INodeData = Pinned;
    type Context = MountContext;
    type Xattrs = SimpleXattrs;
    type Global = Exposures;

    /// `df -i` tells the limit of inodes. There is no other.
    fn statfs(sb: &SuperBlock<Self>) -> Result<StatFs> {
        let limit = sb.inode_limit().unwrap_or(0);
        Ok(StatFs {
            inodes: limit,
            free_inodes: limit.saturating_sub(sb.inodes()),
            ..StatFs::default()
        })
    }

    /// A pin of an object that is exposed elsewhere counts.
    #[inline]
    fn new_file(inode: &INode<Self>) -> Result {
        exposed::pinned(inode)
    }

    fn show_options(sb: &SuperBlock<Self>, root: &AnyINode, m: &SeqFile) -> Result {
        instance::show_options(sb, root, m);
        Ok(())
    }
}

impl Delegates for BpfFs {
    fn delegation(instance: &Instance) -> &Delegation {
        &instance.delegation
    }
}
