// SPDX-License-Identifier: GPL-2.0

//! notefs: a file system that keeps what is written to it in memory, up to a limit.

#![forbid(unsafe_code)]

use fs::{seq::*, xattr::NoXattrs, *};
use kernel::alloc::flags::GFP_KERNEL_ACCOUNT;
use kernel::iov::{IovIterDest, IovIterSource};
use kernel::sync::{new_mutex, Arc, Mutex};
use kernel::{prelude::*, seq_file::SeqFile, seq_print};

module_fs! {
    type: NoteFs,
    name: "notefs",
    authors: ["The bpffs authors"],
    description: "Sample file system in memory",
    license: "GPL",
}

/// How many bytes all files of a mount may have, how many they have, and how many inodes there are.
struct Space {
    limit: u64,
    used: u64,
    inodes: u64,
}

/// The content of a file; that of anything else stays empty.
struct Content {
    bytes: KVVec<u8>,
    space: Arc<Mutex<Space>>,
}

impl Content {
    fn new(space: Arc<Mutex<Space>>) -> impl PinInit<Mutex<Self>> {
        space.lock().inodes += 1;
        new_mutex!(Self { bytes: KVVec::new(), space })
    }

    /// Makes the content `wanted` bytes long, or as long as there is space; new bytes are zero.
    fn resize(&mut self, wanted: u64) -> Result {
        let mut space = self.space.lock();
        let rest = space.used.saturating_sub(self.bytes.len() as u64);
        let length = wanted.min(space.limit.saturating_sub(rest).max(self.bytes.len() as u64));
        let result = self.bytes.resize(length as usize, 0, GFP_KERNEL_ACCOUNT);
        space.used = rest.saturating_add(self.bytes.len() as u64);
        Ok(result?)
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        let mut space = self.space.lock();
        space.used = space.used.saturating_sub(self.bytes.len() as u64);
        space.inodes = space.inodes.saturating_sub(1);
    }
}

struct NoteFs;

#[vtable]
impl FileSystem for NoteFs {
    const NAME: &'static CStr = c"notefs";
    const INODE_CACHE: &'static CStr = c"notefs_inode_cache";
    const MAGIC: u32 = 0x6e6f7465;
    const MAX_FILE_SIZE: i64 = 1 << 40;

    type Data = Arc<Mutex<Space>>;
    type INodeData = Mutex<Content>;
    type Context = Mount;
    type Xattrs = NoXattrs;

    fn statfs(sb: &SuperBlock<Self>) -> Result<StatFs> {
        let space = sb.data().lock();
        Ok(StatFs::from_bytes(space.limit, space.used))
    }

    fn show_options(sb: &SuperBlock<Self>, _root: &AnyINode, m: &SeqFile) -> Result {
        seq_print!(m, ",size={}", sb.data().lock().limit);
        Ok(())
    }
}

/// A mount that is being configured: what `size=` says.
struct Mount(Option<u64>);

static PARAMETERS: Parameters<(), 1> = Parameters::new([(Spec::string(c"size"), ())]);

#[vtable]
impl Context for Mount {
    type FileSystem = NoteFs;
    type Option = ();
    const PARAMETERS: ParameterTable<()> = PARAMETERS.table();

    fn new() -> Result<Self> {
        Ok(Self(None))
    }

    fn parse(&mut self, fc: &FsContext<NoteFs>, (): (), parameter: Parameter<'_>) -> Result {
        let size = number::parse_size(parameter.string()?);
        self.0 = Some(size.inspect_err(|_| fc.error(fmt!("size= wants bytes, as in 64k or 1m")))?);
        Ok(())
    }

    fn fill<'a>(
        &mut self,
        _fc: &FsContext<NoteFs>,
        sb: NewSuperBlock<'a, NoteFs>,
    ) -> Result<Root<'a, NoteFs>> {
        let space = Space { limit: self.0.unwrap_or(1 << 20), used: 0, inodes: 0 };
        let space = Arc::pin_init(new_mutex!(space), GFP_KERNEL)?;
        let sb = sb.with_data(space.clone())?;
        let owner = (Kuid::current_fs(), Kgid::current_fs());
        let root = sb.into_root(Mode::new(0o755), owner, Content::new(space.clone()), Dir::OPS)?;
        let mode = Mode::new(0o444);
        root.file(c"stats", mode, Content::new(space), |_| FileOps::seq::<Stats>())?;
        Ok(root)
    }

    fn reconfigure(&mut self, _fc: &FsContext<NoteFs>, sb: &SuperBlock<NoteFs>) -> Result {
        let mut space = sb.data().lock();
        space.limit = self.0.unwrap_or(space.limit);
        Ok(())
    }
}

struct Dir;

impl Dir {
    const OPS: DirectoryOps<NoteFs> = DirectoryOps::of::<Self>();
}

#[vtable]
impl DirectoryOperations for Dir {
    type FileSystem = NoteFs;

    fn create<'a>(new: NewDentry<'a, NoteFs>, mode: Mode) -> Result<Instantiated<'a>> {
        let content = Content::new(new.dir().super_block().data().clone());
        new.file(mode, content, |_| FileOps::of::<File>())
    }

    fn mkdir<'a>(new: NewDentry<'a, NoteFs>, mode: Mode) -> Result<Instantiated<'a>> {
        let content = Content::new(new.dir().super_block().data().clone());
        new.directory(mode, content, Self::OPS)
    }
}

struct File;

#[vtable]
impl FileOperations for File {
    type FileSystem = NoteFs;
    type Open = ();

    fn open(_inode: &INode<NoteFs>) -> Result {
        Ok(())
    }

    fn read(file: &OpenFile<'_, Self>, position: u64, to: &mut IovIterDest<'_>) -> Result {
        let content = file.inode().data().lock();
        to.copy_to_iter(content.bytes.get(position as usize..).unwrap_or_default());
        Ok(())
    }

    fn write(
        _file: &OpenFile<'_, Self>,
        inode: &LockedINode<'_, NoteFs>,
        position: u64,
        from: &mut IovIterSource<'_>,
    ) -> Result {
        let mut content = inode.data().lock();
        let before = content.bytes.len() as u64;
        content.resize(before.max(position.saturating_add(from.len() as u64)))?;
        let room = content.bytes.get_mut(position as usize..).unwrap_or_default();
        let error = if room.is_empty() { ENOSPC } else { EFAULT };
        // What was not to be had from the writer does not become part of the file.
        let end = match from.copy_from_iter(room) as u64 {
            0 => before,
            written => before.max(position.saturating_add(written)),
        };
        content.resize(end)?;
        inode.set_size(end)?;
        Err(error)
    }

    fn getattr(inode: &INode<NoteFs>, stat: &mut Stat<'_>) -> Result {
        stat.set_blocks(inode.size().div_ceil(512));
        Ok(())
    }

    fn setattr(inode: &LockedINode<'_, NoteFs>, changes: &Changes<'_>) -> Result {
        let Some(size) = changes.size() else { return Ok(()) };
        let mut content = inode.data().lock();
        content.resize(size)?;
        if content.bytes.len() as u64 == size { Ok(()) } else { content.resize(inode.size()).and(Err(ENOSPC)) }
    }
}

/// The file `stats`, as it is read.
struct Stats(Arc<Mutex<Space>>);

impl SeqFileOperations for Stats {
    type FileSystem = NoteFs;
    type Sequence = Self;

    fn open(inode: &INode<NoteFs>) -> Result<Self> {
        Ok(Self(inode.super_block().data().clone()))
    }
}

impl Sequence for Stats {
    fn start(&mut self, position: u64) -> bool {
        position == 0
    }

    fn next(&mut self) -> bool {
        false
    }

    fn show(&self, m: &SeqWriter<'_>) -> Result {
        let space = self.0.lock();
        seq_print!(m, "limit: {}\nused: {}\n", space.limit, space.used);
        seq_print!(m, "inodes: {}\n", space.inodes);
        Ok(())
    }
}
