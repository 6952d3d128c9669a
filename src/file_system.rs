// SPDX-License-Identifier: GPL-2.0

//! The file system: what is in it and how it shows.

#![forbid(unsafe_code)]

use kernel::{prelude::*, seq_file::SeqFile, seq_print};
use kernel_ext::{
    bpf::{Delegates, Delegation, BPF_FS_MAGIC},
    fs::{FileOperations, FileSystem, INode, Instantiated, Mode, NewDentry, SuperBlock},
};

use crate::{context::MountContext, delegation, instance::Instance, object::Object};

/// The BPF file system.
pub(crate) struct BpfFs;

impl FileSystem for BpfFs {
    const NAME: &'static CStr = c"bpf";
    const INODE_CACHE: &'static CStr = c"bpffs_inode_cache";
    const MAGIC: u32 = BPF_FS_MAGIC;

    type Info = Instance;
    type Node = Object;
    type Context = MountContext;

    fn is_same_instance(live: &Instance, wanted: &Instance) -> bool {
        live.is_same(wanted)
    }

    fn check_name(dir: &INode<Self>, name: &[u8]) -> Result {
        // Names with dots are reserved for the kernel, in all directories that have any permission.
        if dir.mode() != Mode::new(0) && name.contains(&b'.') {
            return Err(EPERM);
        }
        Ok(())
    }

    fn mkdir<'a>(dentry: NewDentry<'a, Self>, mode: Mode) -> Result<Instantiated<'a>> {
        Ok(dentry.directory(mode)?.instantiate())
    }

    fn symlink<'a>(dentry: NewDentry<'a, Self>, target: &CStr) -> Result<Instantiated<'a>> {
        Ok(dentry.symlink(target)?.instantiate())
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

impl Delegates for BpfFs {
    fn delegation(instance: &Instance) -> &Delegation {
        instance.delegation()
    }
}
