// SPDX-License-Identifier: GPL-2.0

//! testfs_bare: the second file system of these tests, which leaves out all that can be left out.
#![forbid(unsafe_code)]

use fs::{
    module_fs, xattr::NoXattrs, Context, DirectoryOperations, DirectoryOps, FileOperations,
    FileOps, FileSystem, FsContext, INode, Instantiated, KernelId, Kgid, Kuid, Mode, NewDentry,
    NewSuperBlock, Parameter, ParameterTable, Parameters, Root, Spec,
};
use kernel::prelude::*;

module_fs! {
    type: Bare,
    name: "testfs_bare",
    authors: ["The bpffs authors"],
    description: "File system for the tests of rust/fs",
    license: "GPL",
}

struct Bare;

#[vtable]
impl FileSystem for Bare {
    const NAME: &'static CStr = c"testfs_bare";
    const INODE_CACHE: &'static CStr = c"testfs_bare_inode_cache";
    const MAGIC: u32 = 0x62617265;

    type Data = ();
    type INodeData = ();
    type Context = Mount;
    type Xattrs = NoXattrs;
    type Global = ();
}

struct Mount;

static PARAMETERS: Parameters<(), 1> = Parameters::new([(Spec::flag(c"flag"), ())]);

#[vtable]
impl Context for Mount {
    type FileSystem = Bare;
    type Option = ();

    const PARAMETERS: ParameterTable<()> = PARAMETERS.table();

    fn new() -> Result<Self> {
        Ok(Self)
    }

    fn parse(&mut self, _: &FsContext<Bare>, (): (), _: Parameter<'_>) -> Result {
        Ok(())
    }

    fn fill<'a>(&mut self, sb: NewSuperBlock<'a, Bare>) -> Result<Root<'a, Bare>> {
        let owner = (Kuid::current_fs(), Kgid::current_fs());
        let (mode, operations) = (Mode::new(0o755), DirectoryOps::of::<Directory>());
        sb.with_data(())?.into_root(mode, owner, (), operations)
    }
}

struct Directory;

#[vtable]
impl DirectoryOperations for Directory {
    type FileSystem = Bare;

    fn create<'a>(new: NewDentry<'a, Bare>, mode: Mode) -> Result<Instantiated<'a>> {
        new.file(mode, (), |()| FileOps::of::<File>())
    }
}

/// Can be opened and closed.
struct File;

#[vtable]
impl FileOperations for File {
    type FileSystem = Bare;
    type Open = ();

    fn open(_: &INode<Bare>) -> Result {
        Ok(())
    }
}
