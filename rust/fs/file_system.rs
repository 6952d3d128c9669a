// SPDX-License-Identifier: GPL-2.0

//! File systems and their types.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)

use crate::{
    bindings,
    compat::init_in_place,
    inode_cache::INodeCache,
    instances::Instances,
    retired::Bin,
    super_block,
    to_result,
    watch::Watches,
    xattr,
    AnyINode,
    Context,
    INode,
    StatFs,
    SuperBlock, //
};
use core::{cell::UnsafeCell, marker::PhantomData, ptr};
use kernel::{
    error::VTABLE_DEFAULT_ERROR,
    prelude::*,
    seq_file::SeqFile,
    sync::{
        atomic::{
            atomic_load,
            Relaxed, //
        },
        Arc, //
    },
    types::Opaque,
    ThisModule, //
};

/// Where numbers of inodes come from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum INodeNumbers {
    /// A counter of 64 bits in each superblock.
    PerSuperBlock,
    /// The counter of 32 bits that pipes, sockets and several pseudo file systems share.
    Global,
}

/// A pseudo file system: one whose inodes live in memory and are made by its own means.
///
/// What is in a directory is a matter of the directory's own
/// [operations](crate::DirectoryOperations), and the content of a file of the
/// [file's](crate::FileOperations). This trait has what concerns the file system as a whole. The
/// defaults of its constants are the restrictive choice.
#[vtable]
pub trait FileSystem: HasFileSystemType + Send + Sync {
    /// The name, as in `mount -t` and `/proc/mounts`. Does not compile if it has a dot.
    const NAME: &'static CStr;

    /// The name of the slab cache of its inodes.
    const INODE_CACHE: &'static CStr;

    /// The magic number that `statfs(2)` reports.
    const MAGIC: u32;

    /// Whether it can be mounted in other user namespaces than the initial one
    /// (`FS_USERNS_MOUNT`).
    const USERNS_MOUNT: bool = false;

    /// Whether programs in it can be executed, mount options permitting.
    const EXECUTABLES: bool = false;

    /// Whether device nodes in it can be opened, mount options permitting.
    const DEVICES: bool = false;

    /// The granularity of times in nanoseconds, up to a second.
    const TIME_GRANULARITY: u32 = 1;

    /// Where numbers of inodes come from.
    const INODE_NUMBERS: INodeNumbers = INodeNumbers::PerSuperBlock;

    /// The maximal size of a file in bytes. The default is what programs without large files can
    /// cope with.
    const MAX_FILE_SIZE: i64 = i32::MAX as i64;

    /// Extended attributes that are computed as they are read, with a prefix of their own.
    const COMPUTED_XATTRS: Option<xattr::ComputedXattrs<Self>> = None;

    /// What belongs to a superblock. It is dropped after all inodes, in process context, in
    /// whatever task lets go of the superblock last, which may be one that exits.
    type Data: Send + Sync;

    /// What belongs to an inode, in the same allocation. It is dropped as the inode is destroyed,
    /// in process context, in whatever task lets go of the inode last, which may be one that
    /// exits. A removed directory's data may be dropped with the parent directory locked.
    type INodeData: Send + Sync;

    /// How mounts are configured.
    type Context: Context<FileSystem = Self>;

    /// Where extended attributes are kept; [`NoXattrs`](xattr::NoXattrs) for none.
    type Xattrs: xattr::Store;

    /// What belongs to the file system as a whole, reached by [`SuperBlock::global`]; `()` for
    /// nothing.
    type Global: Global;

    /// Says how much there is and how much of it is free. May sleep.
    ///
    /// Absent: no limits (`simple_statfs()`).
    fn statfs(_sb: &SuperBlock<Self>) -> Result<StatFs> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// A regular file is about to get its name, by whatever operation: looks at the inode, which others
    /// who go through all inodes may have found already. May sleep; the directory is locked for writing.
    /// If this fails, so does the operation.
    ///
    /// Absent: nothing.
    fn new_file(_inode: &INode<Self>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Writes the mount options, each with a comma before it, for `/proc/mounts`. `root` is the
    /// root of the mount: for a bind mount, any directory or file of the superblock. May sleep;
    /// mounts are locked for reading (`namespace_sem`).
    ///
    /// Absent: no options of its own.
    fn show_options(_sb: &SuperBlock<Self>, _root: &AnyINode, _m: &SeqFile) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// What belongs to a file system as a whole: it is made when the file system is registered, and
/// dropped when it is not any more.
pub trait Global: Sized + Send + Sync {
    /// Makes it. May sleep. What the initialiser answers becomes the answer to loading the module.
    fn new() -> impl PinInit<Self, Error>;
}

impl Global for () {
    fn new() -> impl PinInit<Self, Error> {
        Ok(())
    }
}

/// A file system that has its type. Implemented by
/// [`impl_has_file_system_type!`](crate::impl_has_file_system_type).
///
/// # Safety
///
/// The method must return the same reference each time.
pub unsafe trait HasFileSystemType: Sized + 'static {
    /// The one type of this file system.
    fn file_system_type() -> &'static FileSystemType<Self>
    where
        Self: FileSystem;
}

/// Gives a file system its type, in a `static` of the crate.
#[macro_export]
macro_rules! impl_has_file_system_type {
    ($fs:ty) => {
        // SAFETY: There is but one static.
        unsafe impl $crate::HasFileSystemType for $fs {
            fn file_system_type() -> &'static $crate::FileSystemType<Self> {
                static TYPE: $crate::FileSystemType<$fs> = $crate::FileSystemType::new();
                &TYPE
            }
        }
    };
}

/// The type of a file system, to be kept in a `static`.
///
/// It can be mounted only while there is a [`Registration`].
///
/// # Invariants
///
/// `is_enabled` is set from before the first mount context of this type is made until after the
/// last superblock of it is gone and its inodes are freed. `common` is initialised for that time,
/// and stays where it is, as a `static` does.
#[repr(C)]
pub struct FileSystemType<T: FileSystem> {
    c: Opaque<bindings::file_system_type>,
    common: Opaque<Common<T>>,
    is_enabled: UnsafeCell<bool>,
}

/// Whether `register_filesystem()` takes that name. It panics for others.
const fn is_file_system_name(name: &CStr) -> bool {
    let name = name.to_bytes();
    let mut i = 0;
    while i < name.len() {
        if name[i] == b'.' {
            return false;
        }
        i += 1;
    }
    !name.is_empty()
}

/// What all superblocks of a type share.
#[pin_data]
pub(crate) struct Common<T: FileSystem> {
    pub(crate) inodes: INodeCache<T>,
    #[pin]
    pub(crate) instances: Instances,
    #[pin]
    pub(crate) watches: Watches,
    /// What is left of superblocks that others have come in the place of.
    pub(crate) bin: Arc<Bin>,
    #[pin]
    pub(crate) global: T::Global,
}

// SAFETY:
// - The VFS synchronises its use of `c`.
// - The other fields are written only while nobody else can have a superblock or context of this
//   type, and what is in `common` may be shared.
unsafe impl<T: FileSystem> Sync for FileSystemType<T> {}

impl<T: FileSystem> FileSystemType<T> {
    /// The type of `T`, for its `static`.
    #[expect(clippy::new_without_default)]
    pub const fn new() -> Self {
        const {
            assert!(is_file_system_name(T::NAME), "NAME is empty or has a dot");
            assert!(
                T::TIME_GRANULARITY > 0 && T::TIME_GRANULARITY <= 1_000_000_000,
                "TIME_GRANULARITY is not between 1 and 1 s"
            );
            assert!(T::MAX_FILE_SIZE >= 0, "MAX_FILE_SIZE is negative");
        };
        // INVARIANT: Nothing knows the type yet.
        Self {
            c: Opaque::new(bindings::file_system_type {
                name: kernel::str::as_char_ptr_in_const_context(T::NAME),
                fs_flags: if T::USERNS_MOUNT {
                    bindings::FS_USERNS_MOUNT as c_int
                } else {
                    0
                },
                init_fs_context: Some(crate::context::init_fs_context::<T>),
                parameters: T::Context::PARAMETERS.as_ptr().cast(),
                kill_sb: Some(super_block::kill::<T>),
                ..pin_init::zeroed()
            }),
            common: Opaque::uninit(),
            is_enabled: UnsafeCell::new(false),
        }
    }

    /// C's type.
    pub fn as_ptr(&self) -> *mut bindings::file_system_type {
        self.c.get()
    }

    /// Whether there are superblocks of this type. The answer may be out of date as it is given.
    pub fn is_mounted(&self) -> bool {
        // SAFETY: The list's head is valid. Others change it by whole words.
        let first = unsafe { atomic_load(&raw mut (*self.c.get()).fs_supers.first, Relaxed) };
        !first.is_null()
    }

    /// What all superblocks share.
    ///
    /// # Safety
    ///
    /// There must be a context or a superblock of this type, or an inode that is not freed yet, for
    /// the lifetime of the result.
    pub(crate) unsafe fn common(&self) -> Option<&Common<T>> {
        // SAFETY: By the type invariant, and as `Registration::drop()` waits for inodes, the fields
        // are not written to as long as there is any of these.
        unsafe { (*self.is_enabled.get()).then(|| &*self.common.get()) }
    }

    /// The same, while there is a superblock, or an inode that is not destroyed yet.
    ///
    /// # Safety
    ///
    /// There must be one of this type for the lifetime of the result.
    #[inline]
    pub(crate) unsafe fn live_common(&self) -> &Common<T> {
        // SAFETY: By the type invariant, the field is initialised and not written to as long as there
        // is a superblock, which an inode keeps.
        unsafe { &*self.common.get() }
    }
}

/// That file system `T` can be mounted. It ends with this value.
///
/// [`module_fs!`](crate::module_fs) makes a module that has nothing else to do. A module that does
/// more keeps a `Registration` among its data.
///
/// # Invariants
///
/// - The only one for its type.
/// - The type is in the kernel's list of file systems if `is_listed` is set.
/// - Dropped when there are no contexts and superblocks of the type, and no way to make any but by
///   the kernel's list.
pub struct Registration<T: FileSystem> {
    is_listed: bool,
    _type: PhantomData<fn(T)>,
}

impl<T: FileSystem> Registration<T> {
    /// Makes it possible to mount `T` by its name. May sleep.
    ///
    /// # Errors
    ///
    /// `EBUSY` if there is a file system of that name, or a registration of this one; `ENOMEM`.
    ///
    /// # Safety
    ///
    /// - To be called from the initialisation of `module`, which must have the type of `T` in its
    ///   static data, as the last thing there that can fail.
    /// - The result must be kept until the module exits.
    pub unsafe fn new(module: &'static ThisModule) -> Result<Self> {
        // SAFETY:
        // - The contract of `new_unlisted()` is the same, but for other ways to make contexts, of
        //   which there are none.
        // - The type is complete then, and static, and in no list yet.
        let mut this = unsafe {
            let this = Self::new_unlisted(module)?;
            let fs_type = T::file_system_type().as_ptr();
            to_result(bindings::register_filesystem(fs_type))?;
            this
        };
        // INVARIANT: The type is in the list now.
        this.is_listed = true;
        Ok(this)
    }

    /// Makes it possible to mount `T`, but not by its name: contexts that another type was opened
    /// for are handed over to it. May sleep.
    ///
    /// # Errors
    ///
    /// `EBUSY` if there is a registration of `T` already; `ENOMEM`.
    ///
    /// # Safety
    ///
    /// - To be called from the initialisation of `module`, which must have the type of `T` in its
    ///   static data.
    /// - The result must be kept until the module exits, or fails to initialise. At that time there
    ///   must be no way to make contexts any more. (Each context and each superblock holds a
    ///   reference to the module, so that there is none when the module exits.)
    pub unsafe fn new_unlisted(module: &'static ThisModule) -> Result<Self> {
        let fs_type = T::file_system_type();
        // INVARIANT: (of the type) No context of the type has been made so far.
        // SAFETY:
        // - A module is initialised by one task, and there is no context of the type yet, so that
        //   nobody else looks at the fields.
        // - `common` is uninitialised as long as the type is not enabled, and pinned in its
        //   `static`.
        unsafe {
            if *fs_type.is_enabled.get() {
                return Err(EBUSY);
            }
            let inodes = INodeCache::new()?;
            let bin = Bin::new()?;
            let common = try_pin_init!(Common {
                inodes,
                instances <- Instances::new(),
                watches <- Watches::new(),
                bin,
                global <- T::Global::new(),
            }? Error);
            init_in_place(fs_type.common.get(), common)?;
            (*fs_type.as_ptr()).owner = module.as_ptr();
            *fs_type.is_enabled.get() = true;
        }
        // INVARIANT: This is the only one, as the type was not enabled yet. It is dropped at a
        // time as the invariant says by this function's contract.
        Ok(Self {
            is_listed: false,
            _type: PhantomData,
        })
    }
}

impl<T: FileSystem> Drop for Registration<T> {
    fn drop(&mut self) {
        let fs_type = T::file_system_type();
        // INVARIANT: (of the type) The last superblock is gone, and so are the inodes.
        // SAFETY:
        // - The type is in the list if the flag says so, by the type invariant.
        // - There is no context and no superblock by the type invariant. The last inodes are freed
        //   after an RCU grace period, which is waited for. So nobody else looks at the fields.
        // - `common` is initialised, as the type was enabled.
        unsafe {
            if self.is_listed {
                bindings::unregister_filesystem(fs_type.as_ptr());
            }
            bindings::rcu_barrier();
            *fs_type.is_enabled.get() = false;
            ptr::drop_in_place(fs_type.common.get());
        }
    }
}

/// Declares a kernel module that is a file system and nothing else.
///
/// Takes what `module!` does, with the file system as the `type`, and is to be used once in a
/// crate.
///
/// # Examples
///
/// ```ignore
/// fs::module_fs! {
///     type: MyFs,
///     name: "my_fs",
///     authors: ["Me"],
///     description: "A file system",
///     license: "GPL",
/// }
/// ```
#[macro_export]
macro_rules! module_fs {
    (type: $fs:ty, $($info:tt)*) => {
        $crate::impl_has_file_system_type!($fs);

        /// Has mount(2) load the module when somebody asks for the file system.
        #[link_section = ".modinfo"]
        #[used(compiler)]
        static ALIAS: [u8; $crate::alias_len::<$fs>()] = $crate::alias::<$fs, _>();

        /// The module, while it is loaded.
        struct Module {
            _registration: $crate::Registration<$fs>,
        }

        impl ::kernel::Module for Module {
            fn init(module: &'static ::kernel::ThisModule) -> ::kernel::error::Result<Self> {
                Ok(Self {
                    // SAFETY:
                    // - `module!` calls this once as it initialises `module`, which has the static
                    //   just above.
                    // - It drops the result as the module exits.
                    _registration: unsafe { $crate::Registration::new(module)? },
                })
            }
        }

        ::kernel::prelude::module! {
            type: Module,
            $($info)*
        }
    };
}

/// The length of what [`alias()`] makes.
#[doc(hidden)]
pub const fn alias_len<T: FileSystem>() -> usize {
    ALIAS.len() + T::NAME.to_bytes_with_nul().len()
}

const ALIAS: &[u8] = b"alias=fs-";

/// The entry of a module's information that says which file system it has. At compile time only.
#[doc(hidden)]
pub const fn alias<T: FileSystem, const N: usize>() -> [u8; N] {
    assert!(N == alias_len::<T>());
    let name = T::NAME.to_bytes_with_nul();
    let mut entry = [0; N];
    let mut i = 0;
    while i < N {
        entry[i] = if i < ALIAS.len() {
            ALIAS[i]
        } else {
            name[i - ALIAS.len()]
        };
        i += 1;
    }
    entry
}
