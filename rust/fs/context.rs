// SPDX-License-Identifier: GPL-2.0

//! Mount contexts: what `fsopen(2)` and `mount(2)` configure before there is a superblock.
//!
//! C header: [`include/linux/fs_context.h`](srctree/include/linux/fs_context.h)

use crate::{
    bindings,
    instances::Key,
    mount::get_tree,
    parameter::ParameterTable,
    retired::Bin,
    uidgid::{KernelId, Kgid, Kuid},
    FileSystem,
    NewSuperBlock,
    Parameter,
    Root,
    SbInfo,
    Successor,
    SuperBlock, //
};
use core::{marker::PhantomData, ptr};
use kernel::{
    error::{
        from_result,
        VTABLE_DEFAULT_ERROR, //
    },
    fmt,
    prelude::*,
    sync::Arc,
    types::{ForeignOwnable, Opaque}, //
};

/// Which superblock a mount shows.
#[derive(Clone, PartialEq, Eq)]
pub enum Sharing {
    /// One of its own: each mount makes a new superblock.
    Independent,
    /// The only one there is. A mount in another user namespace than that of the first is refused
    /// with `EBUSY`.
    Single,
    /// The one of this key that belongs to the same user namespace.
    ///
    /// There is at most one that mounts can show. One that is being shut down, which nobody can get
    /// at any more, may still be dropping what it has when the next one is filled.
    Keyed(Key),
}

/// What is done with a parameter that is not in the table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum UnknownParameters {
    /// The mount is refused with `EINVAL`, and the context's log names the parameter.
    Refused,
    /// Nothing.
    Ignored,
}

/// What a file system keeps while a mount of it is configured.
///
/// Up to three tasks have to do with a context, one after the other, as a file descriptor of
/// `fsopen(2)` can be passed on. With `mount(2)` the three are one.
///
/// - The *opener* calls `fsopen(2)`, and [`new`](Self::new) runs in it. The user namespace of the
///   mount is the opener's. What of the opener's identity counts is to be kept by `new`.
/// - Whoever *configures* the context calls `fsconfig(2)`, and [`parse`](Self::parse) runs in it.
///   Capabilities that an option takes are that task's.
/// - The *creator* calls `fsconfig(2)` with `FSCONFIG_CMD_CREATE`. All of
///   [`sharing`](Self::sharing), [`fill`](Self::fill) and [`join`](Self::join) run in it, and
///   [`reconfigure`](Self::reconfigure) in the one that reconfigures. Capabilities that mounting
///   takes are that task's.
///
/// Each task uses its own credentials; nothing runs with those of another. All methods run in
/// process context and may sleep. An error is what the system call answers. Nobody else uses the
/// context meanwhile (`uapi_mutex`).
#[vtable]
pub trait Context: Sized + Send {
    /// Whose mounts these are.
    type FileSystem: FileSystem<Context = Self>;

    /// What [`parse`](Self::parse) knows the parameters by.
    type Option: Copy + 'static;

    /// The parameters.
    const PARAMETERS: ParameterTable<Self::Option>;

    /// What is done with other parameters.
    const UNKNOWN_PARAMETERS: UnknownParameters = UnknownParameters::Refused;

    /// A context, as it is before any parameter. Runs in the opener.
    fn new() -> Result<Self>;

    /// Takes a parameter. Runs in whoever configures.
    ///
    /// For a superblock that exists already and is reconfigured the method is called as well.
    fn parse(
        &mut self,
        fc: &FsContext<Self::FileSystem>,
        option: Self::Option,
        parameter: Parameter<'_>,
    ) -> Result;

    /// What makes the mount if this file system does not. Runs in the creator, before all that follows;
    /// no lock is held but `uapi_mutex`.
    ///
    /// Absent: this file system makes it.
    fn successor(&mut self, _fc: &FsContext<Self::FileSystem>) -> Result<Option<Successor>> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Checks that the mount may be made, and says which superblock it is to show. Runs in the
    /// creator; no lock is held but `uapi_mutex`.
    ///
    /// Absent: each mount shows one of its own.
    fn sharing(&mut self, _fc: &FsContext<Self::FileSystem>) -> Result<Sharing> {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Fills a new superblock. What it returns is the proof that the superblock has a root. Runs
    /// in the creator, with the superblock's `s_umount` locked for writing.
    fn fill<'a>(
        &mut self,
        sb: NewSuperBlock<'a, Self::FileSystem>,
    ) -> Result<Root<'a, Self::FileSystem>>;

    /// Joins a superblock that exists already. An error makes the mount fail and leaves the
    /// superblock as it is. Runs in the creator, with the superblock's `s_umount` locked for
    /// writing.
    ///
    /// Absent: every mount may join.
    fn join(
        &mut self,
        _fc: &FsContext<Self::FileSystem>,
        _sb: &SuperBlock<Self::FileSystem>,
    ) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Reconfigures a superblock (`mount -o remount`) by the parameters that
    /// [`parse`](Self::parse) has taken. Runs in whoever reconfigures, with the superblock's
    /// `s_umount` locked for writing.
    ///
    /// Not called for a superblock of another type, whose context was handed over: nothing but the
    /// flags of that can be changed.
    ///
    /// Absent: parameters are refused with `EINVAL`; flags such as `ro` can be changed.
    fn reconfigure(
        &mut self,
        _fc: &FsContext<Self::FileSystem>,
        _sb: &SuperBlock<Self::FileSystem>,
    ) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
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
        // INVARIANT: `fc` is as the invariant says by this function's contract.
        // SAFETY:
        // - `fc` is valid for `'a` by this function's contract.
        // - The layouts are the same.
        unsafe { &*fc.cast() }
    }

    pub(crate) fn as_ptr(&self) -> *mut bindings::fs_context {
        self.0.get()
    }

    /// C's context, to look at a field. Not to be kept while C's functions use it.
    fn get(&self) -> &bindings::fs_context {
        // SAFETY: The context is valid, and nobody else uses it, by the type invariant.
        unsafe { &*self.as_ptr() }
    }

    /// The user namespace that a new superblock is to belong to.
    pub(crate) fn user_ns(&self) -> *mut bindings::user_namespace {
        if self.get().global() {
            &raw mut bindings::init_user_ns
        } else {
            self.get().user_ns
        }
    }

    /// What is left of superblocks that others have come in the place of.
    pub(crate) fn bin(&self) -> Result<Arc<Bin>> {
        // SAFETY: The context is one of this type.
        let common = unsafe { T::file_system_type().common() };
        Ok(common.ok_or(ENODEV)?.bin.clone())
    }

    /// Whether the mount is to belong to the initial user namespace.
    pub fn is_init_user_ns(&self) -> bool {
        ptr::eq(self.get().user_ns, &raw const bindings::init_user_ns)
    }

    /// Whether the superblock is to be read-only.
    pub fn is_read_only(&self) -> bool {
        self.get().sb_flags as c_ulong & bindings::SB_RDONLY != 0
    }

    /// Whether an existing superblock is reconfigured rather than a mount made.
    pub fn is_reconfigure(&self) -> bool {
        self.get().purpose() == bindings::fs_context_purpose_FS_CONTEXT_FOR_RECONFIGURE
    }

    /// Whether the mount that is reconfigured shows all of `sb`, and not just what is below another directory
    /// than the root.
    pub fn is_of_root(&self, sb: &SuperBlock<T>) -> bool {
        // SAFETY: The superblock has a root by the type invariant, which does not change.
        let root = unsafe { (*sb.as_ptr()).s_root };
        ptr::eq(self.get().root, root)
    }

    /// Whether the creator insists on a superblock that does not exist yet
    /// (`FSCONFIG_CMD_CREATE_EXCL`).
    pub(crate) fn is_exclusive(&self) -> bool {
        self.get().exclusive()
    }

    /// `uid` as the current task means it, if the mount's user namespace can represent it.
    pub fn kuid(&self, uid: u32) -> Option<Kuid> {
        self.id(uid)
    }

    /// `gid` as the current task means it, if the mount's user namespace can represent it.
    pub fn kgid(&self, gid: u32) -> Option<Kgid> {
        self.id(gid)
    }

    fn id<I: KernelId>(&self, id: u32) -> Option<I> {
        // SAFETY: The context holds a reference to its user namespace.
        unsafe { I::from_current_ns(id, self.get().user_ns) }
    }

    /// Leaves a piece of information for whoever configures the mount.
    pub fn info(&self, args: fmt::Arguments<'_>) {
        self.log(b'i', args);
    }

    /// Leaves a warning for whoever configures the mount.
    pub fn warning(&self, args: fmt::Arguments<'_>) {
        self.log(b'w', args);
    }

    /// Leaves an error for whoever configures the mount.
    pub fn error(&self, args: fmt::Arguments<'_>) {
        self.log(b'e', args);
    }

    /// Puts a message into the context's log, or, for `mount(2)`, which has none, into the
    /// kernel's.
    fn log(&self, level: u8, args: fmt::Arguments<'_>) {
        let (log, prefix) = (self.get().log.log, self.get().log.prefix);
        // SAFETY:
        // - The log was set up with the context.
        // - `%pA` takes a pointer to `Arguments`, which is only read during the call.
        unsafe {
            bindings::logfc(
                log,
                prefix,
                level as c_char,
                c"%pA".as_char_ptr(),
                (&raw const args).cast::<c_void>(),
            );
        }
    }

    /// What has the file system's side. Only to be used by the operations of the context, of which
    /// the VFS runs one at a time, between `init_fs_context()` and `get_tree()` or `free()`.
    fn sb_info(&self) -> *mut SbInfo<T> {
        self.get().fs_private.cast()
    }
}

/// Begins a context of the type of `T`: for a new mount, or for the reconfiguration of a
/// superblock.
///
/// # Safety
///
/// The caller must do as the VFS does: call this as `init_fs_context` of a file system type, with
/// a context whose `fs_type` is the type of `T`.
pub unsafe extern "C" fn init_fs_context<T: FileSystem>(
    fc: *mut kernel::bindings::fs_context,
) -> c_int {
    let fc = fc.cast::<bindings::fs_context>();
    from_result(|| {
        let info = SbInfo::<T>::new(Some(T::Context::new()?))?;
        // SAFETY: The context is valid by this function's contract, and its file system's side is
        // empty and ours to fill.
        unsafe {
            (*fc).fs_private = info.into_foreign();
            (*fc).ops = ContextTable::<T>::TABLE;
        }
        Ok(0)
    })
}

/// C's operations of contexts of `T`.
struct ContextTable<T>(PhantomData<T>);

/// That a parameter is not in the table.
const NO_PARAMETER: c_int = -(bindings::ENOPARAM as c_int);

impl<T: FileSystem> ContextTable<T> {
    const IGNORES_UNKNOWN: bool =
        matches!(T::Context::UNKNOWN_PARAMETERS, UnknownParameters::Ignored);

    const TABLE: &'static bindings::fs_context_operations = &bindings::fs_context_operations {
        free: Some(Self::free),
        parse_param: Some(Self::parse_param),
        get_tree: Some(Self::get_tree),
        reconfigure: Some(Self::reconfigure),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// The caller must do as the VFS does: call this once, for a context that `init_fs_context()`
    /// succeeded for.
    unsafe extern "C" fn free(fc: *mut bindings::fs_context) {
        // SAFETY: By this function's contract, `init_fs_context()` put the box there, and nobody
        // uses it any more. `get_tree()` has left null if it took the box.
        drop(unsafe { Pin::<KBox<SbInfo<T>>>::try_from_foreign((*fc).fs_private) });
    }

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass a context that `init_fs_context()` succeeded for,
    /// locked, before it calls `get_tree()`, and a valid parameter.
    unsafe extern "C" fn parse_param(
        fc: *mut bindings::fs_context,
        parameter: *mut bindings::fs_parameter,
    ) -> c_int {
        let mut result = pin_init::zeroed();
        // SAFETY:
        // - Context and parameter are valid and ours by this function's contract.
        // - The table ends as it should by its type invariant.
        // - This is an operation of the context, which may use the file system's side.
        let (number, fc, context) = unsafe {
            // Most mounts have but a source, which no table has. (`Parameters::new()` sees to it.)
            match bindings::vfs_parse_fs_param_source(fc, parameter) {
                NO_PARAMETER => (),
                result => return result,
            }
            let table = T::Context::PARAMETERS.as_ptr();
            let number = bindings::__fs_parse(&raw mut (*fc).log, table, parameter, &mut result);
            if number == NO_PARAMETER {
                // `ENOPARAM` has the VFS say which parameter it is that nobody knows.
                return if Self::IGNORES_UNKNOWN { 0 } else { number };
            }
            let fc = FsContext::<T>::from_raw(fc);
            (number, fc, (*fc.sb_info()).context.as_mut())
        };
        from_result(|| {
            let Ok(number) = usize::try_from(number) else {
                return Ok(number);
            };
            if fc.is_reconfigure() && !T::Context::HAS_RECONFIGURE {
                fc.error(fmt!(
                    "this file system takes no options when it is remounted"
                ));
                return Err(EINVAL);
            }
            let option = T::Context::PARAMETERS.option(number).ok_or(EINVAL)?;
            // SAFETY: The parameter is valid and ours by this function's contract, and
            // `__fs_parse()` has accepted it with `result`.
            let parameter = unsafe { Parameter::new(parameter, &result) };
            let context = context.ok_or(EINVAL)?;
            context.parse(fc, option, parameter).map(|()| 0)
        })
    }

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass a context that `init_fs_context()` succeeded for,
    /// locked, without a root; call no other operation but `free()` for it afterwards.
    unsafe extern "C" fn get_tree(fc: *mut bindings::fs_context) -> c_int {
        // SAFETY:
        // - The context is valid and ours by this function's contract. This is an operation of the
        //   context, which may use the file system's side.
        // - `init_fs_context()` put the box there, of which null is left.
        let (fc, info) = unsafe {
            let info = core::mem::replace(&mut (*fc).fs_private, ptr::null_mut());
            let info = Pin::<KBox<SbInfo<T>>>::try_from_foreign(info);
            (FsContext::<T>::from_raw(fc), info)
        };
        from_result(|| get_tree(fc, info.ok_or(EINVAL)?).map(|()| 0))
    }

    /// # Safety
    ///
    /// The caller must do as the VFS does: pass a context that `init_fs_context()` succeeded for,
    /// locked, whose root is that of a live superblock with `s_umount` locked for writing.
    unsafe extern "C" fn reconfigure(fc: *mut bindings::fs_context) -> c_int {
        if !T::Context::HAS_RECONFIGURE {
            return 0;
        }
        // SAFETY:
        // - Context and superblock are valid by this function's contract.
        // - The superblock is one of `T` where it is taken for such: its type says so, and no
        //   superblock of that type is seen before it has data and root.
        // - This is an operation of the context, which may use the file system's side.
        let (fc, sb, context) = unsafe {
            let sb = (*(*fc).root).d_sb;
            // A context of another type that was handed over (`Registration::new_unlisted()`) may
            // reconfigure a superblock of that type. Nothing of that superblock is of `T`.
            if !ptr::eq((*sb).s_type, T::file_system_type().as_ptr()) {
                return 0;
            }
            let sb = SuperBlock::from_raw(sb);
            let fc = FsContext::<T>::from_raw(fc);
            (fc, sb, (*fc.sb_info()).context.as_mut())
        };
        from_result(|| context.ok_or(EINVAL)?.reconfigure(fc, sb).map(|()| 0))
    }
}
