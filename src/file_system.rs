// SPDX-License-Identifier: GPL-2.0

//! The file system: what is in it and how it shows.

#![forbid(unsafe_code)]

use kernel::{prelude::*, seq_file::SeqFile, seq_print};
use kernel_ext::{
    bpf::BPF_FS_MAGIC,
    fs::{FileOperations, FileSystem, FileSystemType, INode, Mode, NewDentry, SuperBlock},
};

use crate::{context::MountContext, delegation, instance::Instance, object::Object};

/// The BPF file system.
pub(crate) struct BpfFs;

static TYPE: FileSystemType<BpfFs> = FileSystemType::new();

impl FileSystem for BpfFs {
    const NAME: &'static CStr = c"bpf";
    const INODE_CACHE: &'static CStr = c"bpffs_inode_cache";
    const MAGIC: u32 = BPF_FS_MAGIC;

    type Info = Instance;
    type Node = Object;
    type Context = MountContext;

    fn file_system_type() -> &'static FileSystemType<Self> {
        &TYPE
    }

    fn is_same_instance(live: &Instance, wanted: &Instance) -> bool {
        live.is_same(wanted)
    }

    fn check_name(dir: &INode<Self>, name: &[u8]) -> Result {
        // Names with dots are reserved for files that the kernel makes while it fills the root,
        // which has no permissions yet then.
        if dir.mode() != Mode::new(0) && name.contains(&b'.') {
            return Err(EPERM);
        }
        Ok(())
    }

    fn mkdir(dentry: NewDentry<'_, Self>, mode: Mode) -> Result {
        dentry.directory(mode)?.instantiate();
        Ok(())
    }

    fn symlink(dentry: NewDentry<'_, Self>, target: &CStr) -> Result {
        dentry.symlink(target)?.instantiate();
        Ok(())
    }

    fn file_operations(object: &Object) -> FileOperations<'_> {
        object.file_operations()
    }

    fn show_options(sb: &SuperBlock<Self>, root: &INode<Self>, m: &SeqFile) -> Result {
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
        for option in &delegation::OPTIONS {
            option.show(sb.info().delegation(), m);
        }
        Ok(())
    }
}
