// SPDX-License-Identifier: GPL-2.0

//! testfs: a file system of which each part is there to be tested. It is for the tests beside it
//! only, which say what is expected of `rust/fs`.
//!
//! What the file system refuses by itself it refuses with `EDOM`, an errno that the VFS never
//! gives. A mount has:
//!
//! ```text
//! counts       what the module has made and dropped, of each kind (counted.rs)
//! log          what the last operation was told by its arguments
//! control      takes commands: have the next context fail; open and shut the gate
//! made/        where anything can be made; the data of a name `fail...` fails to initialise;
//!              see watched.rs for `watched...` and `unwanted...`
//! vetoes/      has every operation; refuses what is called `no...` (vetoes.rs)
//! absent/      a directory for each choice of operations that are left out (directories.rs)
//! lookup/      answers look-ups of what it does not have (lookup.rs)
//! files/       files of each choice of operations (files.rs)
//! made_up/     stat(2) says what is not so; chmod(2) and its like can be refused (made_up.rs)
//! sequences/   files that are sequences of records (sequences.rs)
//! deep/        0/1/2/.../15, with a file and a symlink at the bottom, all filled at mount
//! ```
//!
//! context.rs has the options, which make each step of a mount fail.
#![forbid(unsafe_code)]

mod context;
mod counted;
mod directories;
mod files;
mod lookup;
mod made_up;
mod node;
mod sequences;
mod tree;
mod vetoes;
mod watched;

use crate::{
    context::Mount,
    counted::{Counted, SUPER_BLOCKS},
    node::Node,
};
use fs::{module_fs, xattr::NoXattrs, AnyINode, FileSystem, INode, StatFs, SuperBlock};
use kernel::{
    fmt, new_condvar, new_mutex,
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    str::CString,
    sync::{aref::ARef, atomic::Atomic, CondVar, Mutex},
};

module_fs! {
    type: TestFs,
    name: "testfs",
    authors: ["The bpffs authors"],
    description: "File system for the tests of rust/fs",
    license: "GPL",
}

struct TestFs;

/// What belongs to a superblock.
#[pin_data]
struct Instance {
    _counted: Counted,
    /// What `statfs(2)` is to answer, if not numbers.
    statfs_fails: bool,
    /// How many mounts have joined.
    joined: Atomic<i32>,
    /// What `label=` says.
    #[pin]
    label: Mutex<Option<CString>>,
    /// What the last operation was told.
    #[pin]
    log: Mutex<Option<CString>>,
    /// What `lookup/offered` is, while `files/offer` is open.
    #[pin]
    offer: Mutex<Option<ARef<INode<TestFs>>>>,
    /// Whether look-ups of `lookup/gate...` may go on.
    #[pin]
    gate: Mutex<bool>,
    #[pin]
    gate_moved: CondVar,
    /// Initialised last: what fails when all others are there.
    _complete: (),
}

impl Instance {
    fn new(
        label: Option<CString>,
        statfs_fails: bool,
        outcome: Result,
    ) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            _counted: Counted::new(&SUPER_BLOCKS),
            statfs_fails,
            joined: Atomic::new(0),
            label <- new_mutex!(label),
            log <- new_mutex!(None),
            offer <- new_mutex!(None),
            gate <- new_mutex!(true),
            gate_moved <- new_condvar!(),
            _complete: outcome?,
        }? Error)
    }

    /// Keeps `text` for the file `log`.
    fn note(&self, text: fmt::Arguments<'_>) -> Result {
        let text = CString::try_from_fmt(text)?;
        *self.log.lock() = Some(text);
        Ok(())
    }
}

#[vtable]
impl FileSystem for TestFs {
    const NAME: &'static CStr = c"testfs";
    const INODE_CACHE: &'static CStr = c"testfs_inode_cache";
    const MAGIC: u32 = 0x74657374;
    const USERNS_MOUNT: bool = true;
    const TIME_GRANULARITY: u32 = 1_000_000;
    /// Neither a power of two nor of whole pages.
    const MAX_FILE_SIZE: i64 = 100_001;

    type Data = Instance;
    type INodeData = Node;
    type Context = Mount;
    type Xattrs = NoXattrs;
    type Global = ();

    fn statfs(sb: &SuperBlock<Self>) -> Result<StatFs> {
        if sb.data().statfs_fails {
            return Err(EDOM);
        }
        Ok(StatFs {
            blocks: 1000,
            free_blocks: 400,
            inodes: 77,
            free_inodes: 33,
        })
    }

    fn new_file(inode: &INode<Self>) -> Result {
        watched::new_file(inode)
    }

    fn show_options(sb: &SuperBlock<Self>, root: &AnyINode, m: &SeqFile) -> Result {
        if let Some(label) = &*sb.data().label.lock() {
            seq_print!(m, ",label={}", label.to_str()?);
        }
        if !root.is_directory() {
            seq_print!(m, ",of_a_file");
        }
        Ok(())
    }
}
