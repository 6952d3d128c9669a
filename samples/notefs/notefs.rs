// SPDX-License-Identifier: GPL-2.0

//! notefs: a file system that keeps what is written to it in memory, up to a limit.
#![forbid(unsafe_code)]

use fs::{seq::*, xattr::NoXattrs, *};
use kernel::{alloc::flags::*, iov::*, prelude::*, seq_file::SeqFile, seq_print, sync::*};

module_fs! {
    type: NoteFs,
    name: "notefs",
    authors: ["The bpffs authors"],
    description: "Sample file system in memory",
    license: "GPL",
}

/// How many bytes all files of a mount may have together, and how many they have.
struct Space {
    limit: u64,
    used: u64,
}

/// The content of a file; that of anything else stays empty.
struct Content {
    bytes: KVVec<u8>,
    space: Arc<Mutex<Space>>,
}

impl Content {
    fn new(space: Arc<Mutex<Space>>) -> impl PinInit<Mutex<Self>> {
        let bytes = KVVec::new();
        new_mutex!(Self { bytes, space })
    }

    /// Makes the content `wanted` bytes long, or as long as there is space; new bytes are zero.
    fn resize(&mut self, wanted: u64) -> Result {
        let (mut space, now) = (self.space.lock(), self.bytes.len() as u64);
        let most = now.saturating_add(space.limit.saturating_sub(space.used));
        let length = wanted.min(most);
        let flags = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
        self.bytes.resize(length as usize, 0, flags)?;
        space.used = space.used.wrapping_add(length).wrapping_sub(now);
        Ok(())
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        let _ = self.resize(0);
    }
}

struct NoteFs;

#[vtable]
impl FileSystem for NoteFs {
    const NAME: &'static CStr = c"notefs";
    const INODE_CACHE: &'static CStr = c"notefs_inode_cache";
    const MAGIC: u32 = 0x6e6f7465;
    type Data = Arc<Mutex<Space>>;
    type INodeData = Mutex<Content>;
    type Context = Mount;
    type Xattrs = NoXattrs;
    type Global = ();

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
        self.0 = Some(size.inspect_err(|_| fc.error(fmt!("size= wants bytes, as in 64k")))?);
        Ok(())
    }

    fn fill<'a>(&mut self, sb: NewSuperBlock<'a, NoteFs>) -> Result<Root<'a, NoteFs>> {
        let (limit, used) = (self.0.unwrap_or(1 << 20), 0);
        let space = Arc::pin_init(new_mutex!(Space { limit, used }), GFP_KERNEL)?;
        let (content, stats) = (Content::new(space.clone()), Content::new(space.clone()));
        let owner = (Kuid::current_fs(), Kgid::current_fs());
        let (mode, ops) = (Mode::new(0o755), DirectoryOps::of::<Dir>());
        let root = sb.with_data(space)?.into_root(mode, owner, content, ops)?;
        let mode = Mode::new(0o444);
        root.file(c"stats", mode, stats, |_| FileOps::seq::<Stats>())?;
        Ok(root)
    }

    fn reconfigure(&mut self, _: &FsContext<NoteFs>, sb: &SuperBlock<NoteFs>) -> Result {
        let mut space = sb.data().lock();
        let limit = self.0.unwrap_or(space.limit);
        (limit >= space.used)
            .then(|| space.limit = limit)
            .ok_or(EINVAL)
    }
}

struct Dir;

#[vtable]
impl DirectoryOperations for Dir {
    type FileSystem = NoteFs;

    fn create<'a>(new: NewDentry<'a, NoteFs>, mode: Mode) -> Result<Instantiated<'a>> {
        let content = Content::new(new.dir().super_block().data().clone());
        new.file(mode, content, |_| FileOps::of::<File>())
    }

    fn mkdir<'a>(new: NewDentry<'a, NoteFs>, mode: Mode) -> Result<Instantiated<'a>> {
        let content = Content::new(new.dir().super_block().data().clone());
        new.directory(mode, content, DirectoryOps::of::<Self>())
    }
}

struct File;

#[vtable]
impl FileOperations for File {
    type FileSystem = NoteFs;
    type Open = ();

    fn open(_: &INode<NoteFs>) -> Result {
        Ok(())
    }

    fn read(file: &OpenFile<'_, Self>, position: u64, to: &mut IovIterDest<'_>) -> Result {
        simple_read(to, position, &file.inode().data().lock().bytes)
    }

    fn write(file: &LockedFile<'_, Self>, at: u64, from: &mut IovIterSource<'_>) -> Result {
        let inode = file.inode();
        let mut content = inode.data().lock();
        let before = content.bytes.len() as u64;
        content.resize(before.max(at.saturating_add(from.len() as u64)))?;
        let room = content.bytes.get_mut(at as usize..).unwrap_or_default();
        let error = if room.is_empty() { ENOSPC } else { EFAULT };
        let written = from.copy_from_iter(room) as u64;
        // What was not to be had from the writer does not become part of the file.
        let end = before.max(if written > 0 { at + written } else { 0 });
        content.resize(end)?;
        inode.set_size(end)?;
        Err(error)
    }

    fn getattr(inode: &INode<NoteFs>, stat: &mut Stat<'_>) -> Result {
        stat.set_blocks(inode.size().div_ceil(512));
        Ok(())
    }

    fn setattr(inode: &LockedINode<'_, NoteFs>, changes: &Changes<'_>) -> Result {
        let mut content = inode.data().lock();
        let size = changes.size().unwrap_or(inode.size());
        content.resize(size)?;
        let _ = content.bytes.shrink_to(size as usize, GFP_KERNEL_ACCOUNT);
        if size <= content.bytes.len() as u64 {
            return Ok(());
        }
        content.resize(inode.size()).and(Err(ENOSPC))
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
    fn show(&self, m: &SeqWriter<'_>) -> Result {
        let space = self.0.lock();
        seq_print!(m, "limit: {}\nused: {}\n", space.limit, space.used);
        Ok(())
    }
}
