// SPDX-License-Identifier: GPL-2.0

//! Mount contexts: what `fsopen(2)` and `mount(2)` configure before there is a superblock.
//!
//! C header: [`include/linux/fs_context.h`](srctree/include/linux/fs_context.h)

use super::{
    parameter::ParameterTable,
    super_block,
    super_block::SuperBlockInfo,
    xattr::XattrCache,
    FileSystem,
    Filling,
    Parameter,
    SuperBlock, //
};
use crate::{
    bindings,
    uidgid::{Kgid, Kuid},
};
use core::{marker::PhantomData, ptr};
use kernel::{
    error::{from_err_ptr, from_result},
    fmt,
    prelude::*,
    types::Opaque,
};

/// What a file system keeps while a mount of it is configured.
///
/// The methods are called in the context of the task that makes the mount and may sleep.
pub trait Context: Sized + Send {
    /// Whose mounts these are.
    type FileSystem: FileSystem<Context = Self>;

    /// The parameters. Others are ignored.
    const PARAMETERS: ParameterTable;

    /// A context, as it is before any parameter.
    fn new() -> Result<Self>;

    /// Takes a parameter, number `option` of the table.
    ///
    /// Also called for a mount that exists already and is reconfigured, to check the parameters.
    fn parse(
        &mut self,
        fc: &FsContext<Self::FileSystem>,
        option: u8,
        parameter: Parameter<'_>,
    ) -> Result;

    /// Checks that the mount may be made, and says what its superblock is to have.
    fn info(
        &mut self,
        fc: &FsContext<Self::FileSystem>,
    ) -> Result<<Self::FileSystem as FileSystem>::Info>;

    /// Fills a new superblock. Must [make a root](SuperBlock::make_root).
    fn fill(
        &mut self,
        fc: &FsContext<Self::FileSystem>,
        sb: &SuperBlock<Self::FileSystem, Filling>,
    ) -> Result;

    /// Joins a superblock that exists already, see [`FileSystem::is_same_instance`]. An error makes
    /// the mount fail and leaves the superblock as it is.
    fn join(
        &mut self,
        fc: &FsContext<Self::FileSystem>,
        sb: &SuperBlock<Self::FileSystem>,
    ) -> Result;
}

/// The VFS's side of a mount context.
///
/// # Invariants
///
/// A valid `struct fs_context` of a type of `T`, used by one task at a time.
#[repr(transparent)]
pub struct FsContext<T>(Opaque<bindings::fs_context>, PhantomData<T>);

impl<T: FileSystem> FsContext<T> {
    /// # Safety
    ///
    /// `fc` must be as the type invariant says, for `'a`.
    unsafe fn from_raw<'a>(fc: *mut bindings::fs_context) -> &'a Self {
        // INVARIANT: By the caller's promise.
        // SAFETY: By the caller's promise; the layouts are the same.
        unsafe { &*fc.cast() }
    }

    fn as_ptr(&self) -> *mut bindings::fs_context {
        self.0.get()
    }

    /// Whether the mount is to belong to the initial user namespace.
    pub fn is_init_user_ns(&self) -> bool {
        // SAFETY: By the type invariant; the field is set when the context is made.
        let user_ns = unsafe { (*self.as_ptr()).user_ns };
        ptr::eq(user_ns, &raw const bindings::init_user_ns)
    }

    /// Whether the superblock is to be read-only.
    pub fn is_read_only(&self) -> bool {
        // SAFETY: By the type invariant.
        let flags = unsafe { (*self.as_ptr()).sb_flags };
        flags as c_ulong & bindings::SB_RDONLY != 0
    }

    /// `uid` as the current task means it, if the mount's user namespace can represent it.
    pub fn kuid(&self, uid: u32) -> Option<Kuid> {
        // SAFETY: The context holds a reference to its user namespace.
        unsafe { Kuid::from_current_ns(uid, (*self.as_ptr()).user_ns) }
    }

    /// `gid` as the current task means it, if the mount's user namespace can represent it.
    pub fn kgid(&self, gid: u32) -> Option<Kgid> {
        // SAFETY: As in `kuid()`.
        unsafe { Kgid::from_current_ns(gid, (*self.as_ptr()).user_ns) }
    }

    /// Whether the mount is made by `mount(2)`, which sets the flags of superblock and mount alike.
    pub fn is_mount_syscall(&self) -> bool {
        // SAFETY: By the type invariant.
        unsafe { bindings::fs_context::oldapi_raw(self.as_ptr()) }
    }

    /// Leaves a piece of information for whoever configures the mount. Dropped for `mount(2)`, for
    /// which nobody would read it but the kernel's log.
    pub fn info(&self, args: fmt::Arguments<'_>) {
        if !self.is_mount_syscall() {
            self.log(b'i', args);
        }
    }

    /// Leaves an error for whoever configures the mount.
    pub fn error(&self, args: fmt::Arguments<'_>) {
        self.log(b'e', args);
    }

    /// Puts a message into the context's log, or, for `mount(2)`, which has none, into the
    /// kernel's.
    fn log(&self, level: u8, args: fmt::Arguments<'_>) {
        // SAFETY: `log` is initialised with the context. `%pA` takes a pointer to `Arguments`,
        // which is only read during the call.
        unsafe {
            let log = &(*self.as_ptr()).log;
            bindings::logfc(
                log.log,
                log.prefix,
                level as c_char,
                c"%pA".as_char_ptr(),
                (&raw const args).cast::<c_void>(),
            );
        }
    }

    /// The file system's side: valid once `init()` has succeeded for this context and until
    /// `free()` is called. The operations of the context, of which the VFS runs one at a time, may
    /// use it exclusively.
    fn context(&self) -> *mut T::Context {
        // SAFETY: By the type invariant.
        unsafe { (*self.as_ptr()).fs_private.cast() }
    }
}

/// Begins a context of the type of `T`: a new one, or, for reconfiguration, one that has made its
/// mount and was emptied.
///
/// # Safety
///
/// As the VFS calls it, `init_fs_context` of a file system type.
pub(super) unsafe extern "C" fn init<T: FileSystem>(
    fc: *mut kernel::bindings::fs_context,
) -> c_int {
    let fc = fc.cast::<bindings::fs_context>();
    from_result(|| {
        let context = KBox::new(T::Context::new()?, GFP_KERNEL)?;
        // SAFETY: The file system's side of the context is empty, and ours to fill.
        unsafe {
            (*fc).fs_private = KBox::into_raw(context).cast();
            (*fc).ops = Operations::<T>::OPERATIONS;
        }
        Ok(0)
    })
}

/// Begins a context of the type of `T` in place of the type it was opened for, which must be one
/// that `T` takes the place of.
///
/// # Safety
///
/// As for `init()`; and the type of `T` must be enabled and stay so for as long as this runs.
pub(crate) unsafe extern "C" fn init_fs_context<T: FileSystem>(
    fc: *mut kernel::bindings::fs_context,
) -> c_int {
    let context = fc.cast::<bindings::fs_context>();
    // From here on the context holds our module instead of the other type's: our code will be
    // called for it. Its type and operations are all that says whose it is, also for a context that
    // reconfigures a superblock of the other type, where they but parse parameters. Should `init()`
    // fail, the VFS drops the reference with the context.
    // SAFETY: The context holds a reference to its type, and nobody else uses it.
    unsafe {
        let other = (*context).fs_type;
        (*context).fs_type = bindings::get_filesystem(T::file_system_type().as_ptr());
        bindings::put_filesystem(other);
        init::<T>(fc)
    }
}

/// Operations of contexts of `T`.
struct Operations<T>(PhantomData<T>);

impl<T: FileSystem> Operations<T> {
    const OPERATIONS: &'static bindings::fs_context_operations = &bindings::fs_context_operations {
        free: Some(Self::free),
        parse_param: Some(Self::parse_param),
        get_tree: Some(Self::get_tree),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// As the VFS calls it: once, for a context that `init()` succeeded for.
    unsafe extern "C" fn free(fc: *mut bindings::fs_context) {
        // SAFETY: By the VFS's promise, `init()` put it there and it is not used any more.
        drop(unsafe { KBox::from_raw((*fc).fs_private.cast::<T::Context>()) });
    }

    /// # Safety
    ///
    /// As the VFS calls it: with a context that `init()` succeeded for, locked, and a parameter.
    unsafe extern "C" fn parse_param(
        fc: *mut bindings::fs_context,
        parameter: *mut bindings::fs_parameter,
    ) -> c_int {
        let mut result = pin_init::zeroed();
        // SAFETY: By the VFS's promise; the table is one by its type's invariant.
        let option = unsafe {
            bindings::__fs_parse(
                &raw mut (*fc).log,
                T::Context::PARAMETERS.as_ptr(),
                parameter,
                &mut result,
            )
        };
        let Ok(number) = u8::try_from(option) else {
            if option != -(bindings::ENOPARAM as c_int) {
                return option;
            }
            // SAFETY: As above.
            let err = unsafe { bindings::vfs_parse_fs_param_source(fc, parameter) };
            // What is not known is ignored.
            return if err == -(bindings::ENOPARAM as c_int) {
                0
            } else {
                err
            };
        };
        from_result(|| {
            // SAFETY: By the VFS's promise, and as `__fs_parse()` accepted the parameter.
            unsafe {
                let fc = FsContext::<T>::from_raw(fc);
                let parameter = Parameter::new(parameter, &result);
                (*fc.context()).parse(fc, number, parameter).map(|()| 0)
            }
        })
    }

    /// # Safety
    ///
    /// As the VFS calls it: with a context that `init()` succeeded for, locked, without a root.
    unsafe extern "C" fn get_tree(fc: *mut bindings::fs_context) -> c_int {
        // SAFETY: By the VFS's promise.
        let fc = unsafe { FsContext::<T>::from_raw(fc) };
        from_result(|| {
            // SAFETY: This is `get_tree()`.
            let sb = unsafe { LockedSuperBlock::<T>::get(fc)? };
            // SAFETY: This is an operation of the context.
            let context = unsafe { &mut *fc.context() };
            match sb.state() {
                State::Filling(filling) => {
                    context.fill(fc, filling)?;
                    sb.set_live()?;
                }
                State::Live(live) => context.join(fc, live)?,
            }
            sb.into_root_of(fc);
            Ok(0)
        })
    }
}

/// A superblock that a context found or made, with its `s_umount` locked for writing.
///
/// # Invariants
///
/// Owns an active reference to a superblock of `T`, and the lock.
struct LockedSuperBlock<T: FileSystem>(*mut bindings::super_block, PhantomData<T>);

/// What state a [`LockedSuperBlock`] is in.
enum State<'a, T> {
    /// It was just made.
    Filling(&'a SuperBlock<T, Filling>),
    /// It existed already.
    Live(&'a SuperBlock<T>),
}

impl<T: FileSystem> LockedSuperBlock<T> {
    /// The superblock that the context asks for: one that exists and is the same instance, or
    /// a new one. Exactly one of several tasks that ask at the same time gets a new one.
    ///
    /// # Errors
    ///
    /// `EBUSY` if it exists already and the context insists on a new one; `ENOMEM`; `EMFILE` when
    /// there are too many anonymous devices.
    ///
    /// # Safety
    ///
    /// Only for `get_tree()`: the context must be the caller's to use.
    unsafe fn get(fc: &FsContext<T>) -> Result<Self> {
        // SAFETY: By the caller's promise.
        let info = unsafe { (*fc.context()).info(fc)? };
        let info = KBox::new(
            SuperBlockInfo::<T> {
                info,
                xattrs: XattrCache::new(),
            },
            GFP_KERNEL,
        )?;
        // SAFETY: The context is ours to use. `same_instance()` and `super_block::kill()` are in
        // accord about what `s_fs_info` is.
        let sb = unsafe {
            (*fc.as_ptr()).s_fs_info = KBox::into_raw(info).cast();
            let sb = bindings::sget_fc(
                fc.as_ptr(),
                Some(same_instance::<T>),
                Some(bindings::set_anon_super_fc),
            );
            // A new superblock has taken it; one that existed has not.
            let left = core::mem::replace(&mut (*fc.as_ptr()).s_fs_info, ptr::null_mut());
            if !left.is_null() {
                drop(KBox::from_raw(left.cast::<SuperBlockInfo<T>>()));
            }
            from_err_ptr(sb)?
        };
        // INVARIANT: That is what `sget_fc()` gives.
        let this = Self(sb, PhantomData);
        if this.is_new() {
            // SAFETY: Nobody else looks at a new superblock.
            unsafe { super_block::init::<T>(sb) };
        }
        Ok(this)
    }

    /// Whether it still lacks a root.
    fn is_new(&self) -> bool {
        // SAFETY: The superblock is valid, and the lock guards the field.
        unsafe { (*self.0).s_root.is_null() }
    }

    fn state(&self) -> State<'_, T> {
        // SAFETY: The superblock is valid, and of that state: `sget_fc()` waits for one that
        // exists until it is live or gone, and the lock keeps it from being shut down.
        unsafe {
            if self.is_new() {
                State::Filling(SuperBlock::from_raw(self.0))
            } else {
                State::Live(SuperBlock::from_raw(self.0))
            }
        }
    }

    /// Declares a new superblock filled.
    ///
    /// # Errors
    ///
    /// `EINVAL` if it was given no root.
    fn set_live(&self) -> Result {
        if self.is_new() {
            return Err(EINVAL);
        }
        // SAFETY: The superblock is valid and locked.
        unsafe { (*self.0).s_flags |= bindings::SB_ACTIVE };
        Ok(())
    }

    /// Makes the superblock what the context mounts, which takes over reference and lock.
    fn into_root_of(self, fc: &FsContext<T>) {
        let this = core::mem::ManuallyDrop::new(self);
        // SAFETY: The superblock is live and thus has a root.
        unsafe { (*fc.as_ptr()).root = bindings::dget((*this.0).s_root) };
    }
}

impl<T: FileSystem> Drop for LockedSuperBlock<T> {
    fn drop(&mut self) {
        // SAFETY: Reference and lock are ours by the type invariant.
        unsafe { bindings::deactivate_locked_super(self.0) };
    }
}

/// Whether `sb` is what `fc` asks for.
///
/// # Safety
///
/// As `sget_fc()` calls it: with `sb_lock` held, `sb` a superblock of `T` that may be being
/// filled or shut down but has not been freed, and `fc` a context that `get_tree()` is called for.
unsafe extern "C" fn same_instance<T: FileSystem>(
    sb: *mut bindings::super_block,
    fc: *mut bindings::fs_context,
) -> c_int {
    // SAFETY: By that promise: `s_fs_info` of the one is what `LockedSuperBlock::get()` has set,
    // and of the other what an earlier call of it has.
    let same = unsafe {
        ptr::eq((*sb).s_user_ns, (*fc).user_ns)
            && T::is_same_instance(
                &super_block::info::<T>(sb).info,
                &(*(*fc).s_fs_info.cast::<SuperBlockInfo<T>>()).info,
            )
    };
    same.into()
}
