// SPDX-License-Identifier: GPL-2.0

//! The functions through which `bpf(2)` and its like reach the file system.
//!
//! Everything else in `bpf(2)` does not depend on how inodes look. Each function has a constructor
//! of the [`Replacement`] that livepatching makes of an implementation, declared by `replace!`. The
//! function's name and its C signature are fixed here; the signature is checked against the
//! kernel's headers.
//!
//! The livepatch core takes a task to be out of a replacement, and the module free to go, when the
//! replacement itself is not on the task's stack. So the functions here must stay there while they
//! call the implementation: `in_frame()` sees to it.
//!
//! All constructors state the same condition for the patch: there must be a
//! [`Registration`](fs::Registration) of the file system while it is enabled.
//!
//! C header: [`include/linux/bpf.h`](srctree/include/linux/bpf.h)

use crate::bindings;
use bpf::{InstalledFd, Prog, ProgType, TokenRequest};
use fs::{task::with_files, FileSystem, UserPath};
use kernel::{error::from_result, prelude::*, uaccess::UserPtr};
use livepatch::{replacement, Replacement};

/// An implementation of these functions. They are called in process context and may sleep. No lock
/// is held but, for [`prog_get_type_path`](Self::prog_get_type_path), those of its user in the
/// kernel, such as nf_tables' `commit_mutex`. An error is what the caller is answered.
pub trait Syscalls: 'static {
    /// `BPF_OBJ_PIN`: pins the object that `fd` stands for at `path`. Stands for C's
    /// `bpf_obj_pin_user()`.
    fn obj_pin(fd: u32, path: UserPath<'_>) -> Result;

    /// `BPF_OBJ_GET`: a new file descriptor for what is pinned at `path`, to be used as `flags`
    /// say. Stands for C's `bpf_obj_get_user()`.
    fn obj_get(path: UserPath<'_>, flags: c_int) -> Result<InstalledFd>;

    /// The program of type `ty` that is pinned at `path`, for users in the kernel. Stands for C's
    /// `bpf_prog_get_type_path()`.
    fn prog_get_type_path(path: &CStr, ty: ProgType) -> Result<Prog>;

    /// `BPF_TOKEN_CREATE`: a file descriptor of a new token. Stands for C's `bpf_token_create()`.
    fn token_create(request: TokenRequest<'_>) -> Result<InstalledFd>;
}

/// Calls `f` in the frame of the caller, so that the caller stays on the stack until `f` has
/// returned: something is left to do then, so it cannot end in a jump to `f`.
#[inline(always)]
fn in_frame<R>(f: impl FnOnce() -> R) -> R {
    let result = f();
    // SAFETY: The empty assembly does nothing. As it is not said to be pure or to leave memory
    // alone, it stays where it is: behind all that `f` does.
    unsafe { core::arch::asm!("") };
    result
}

/// Declares the constructor `$name()` of the [`Replacement`] of C's function `$old`, and with it the
/// function that is called instead, of which arguments, result and body are given.
///
/// The body may rely on what the given section `# Safety` says. That must not be more than C's
/// function asks of its callers, and the body must do what they expect of C's function.
macro_rules! replace {
    (
        $(#[$attribute:meta])*
        $old:ident => $name:ident<$T:ident: $bound:ident>,
        $(#[$new_attribute:meta])*
        unsafe fn($($argument:ident: $ty:ty),*) -> $result:ty $body:block
    ) => {
        $(#[$attribute])*
        pub const fn $name<$T: $bound>() -> Replacement {
            $(#[$new_attribute])*
            unsafe extern "C" fn new<$T: $bound>($($argument: $ty),*) -> $result {
                in_frame(|| $body)
            }

            // Does not compile unless the kernel's headers declare the function with the signature of
            // `new()`: the elements of an array must agree about their type.
            let [_, new] = [bindings::$old, new::<$T>];
            // SAFETY:
            // - `new()` is static, and has the signature of the function, as just checked.
            // - It has the contract of the function, as everyone who uses `replace!` sees to. Where
            //   that takes a registration, the constructors state so.
            // - It stays on the stack until its body has returned, as `in_frame()` sees to.
            unsafe { replacement!($old, new as *mut c_void) }
        }
    };
}

replace! {
    /// Makes [`Syscalls::obj_pin`] the kernel's.
    bpf_obj_pin_user => obj_pin<T: Syscalls>,
    /// # Safety
    ///
    /// None; `unsafe` is what the type of the function asks for.
    unsafe fn(fd: u32, path_fd: c_int, path: *const c_char) -> c_int {
        let path = UserPtr::from_ptr(path.cast_mut().cast());
        from_result(|| {
            with_files(|files| T::obj_pin(fd, UserPath::new(path_fd, path, files)).map(|()| 0))
        })
    }
}

replace! {
    /// Makes [`Syscalls::obj_get`] the kernel's.
    bpf_obj_get_user => obj_get<T: Syscalls>,
    /// # Safety
    ///
    /// None; `unsafe` is what the type of the function asks for.
    unsafe fn(path_fd: c_int, path: *const c_char, flags: c_int) -> c_int {
        let path = UserPtr::from_ptr(path.cast_mut().cast());
        from_result(|| {
            with_files(|files| {
                T::obj_get(UserPath::new(path_fd, path, files), flags).map(InstalledFd::into_raw)
            })
        })
    }
}

replace! {
    /// Makes [`Syscalls::prog_get_type_path`] the kernel's.
    bpf_prog_get_type_path => prog_get_type_path<T: Syscalls>,
    /// # Safety
    ///
    /// The caller must do as the function's users in the kernel do: pass a string.
    unsafe fn(path: *const c_char, ty: bindings::bpf_prog_type) -> *mut bindings::bpf_prog {
        // SAFETY: `path` is a string, which stays for the duration of the call, by this function's
        // contract.
        let path = unsafe { CStr::from_char_ptr(path) };
        match T::prog_get_type_path(path, ProgType::from_raw(ty)) {
            Ok(prog) => prog.into_raw(),
            Err(e) => e.to_ptr(),
        }
    }
}

replace! {
    /// Makes [`Syscalls::token_create`] the kernel's.
    bpf_token_create => token_create<T: Syscalls>,
    /// # Safety
    ///
    /// The caller must do as `bpf(2)` does: pass the command's attributes in kernel memory, which
    /// nobody else uses.
    unsafe fn(attr: *mut bindings::bpf_attr) -> c_int {
        // SAFETY: The attributes are those of the command, and only ours for the duration of the
        // call, by this function's contract.
        let request = unsafe { TokenRequest::from_raw(attr) };
        from_result(|| T::token_create(request).map(InstalledFd::into_raw))
    }
}

replace! {
    /// Makes new mounts of the built-in file system mounts of `T`.
    ///
    /// The built-in type stays registered: there is no moment without a type of that name, and
    /// nothing to put back. A new context of it is handed over to the type of `T` before anything
    /// else is done with it.
    bpf_init_fs_context => mount<T: FileSystem>,
    /// # Safety
    ///
    /// The caller must do as the VFS does: pass a context that holds a reference to its type, and
    /// that nobody else uses. There must be a registration of `T` for as long as this runs.
    unsafe fn(context: *mut bindings::fs_context) -> c_int {
        // From here on the context holds our module instead of the other type's: our code will be
        // called for it. Its type and operations are all that says whose the context is, also for
        // one that reconfigures a superblock of the other type, where they but parse parameters.
        // Should `init_fs_context()` fail, the VFS drops the reference with the context.
        //
        // SAFETY:
        // - The context is valid and only ours by this function's contract.
        // - It holds the reference to its type that is given back by that contract, and another to
        //   the type of `T` instead. The module of the latter is there, as there is a registration.
        // - The context is one of the type of `T` when `fs::init_fs_context()` is called.
        unsafe {
            let other = (*context).fs_type;
            (*context).fs_type = bindings::get_filesystem(T::file_system_type().as_ptr());
            bindings::put_filesystem(other);
            fs::init_fs_context::<T>(context.cast())
        }
    }
}
