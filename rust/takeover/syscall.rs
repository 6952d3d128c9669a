// SPDX-License-Identifier: GPL-2.0

//! The functions through which `bpf(2)` and its like reach the file system.
//!
//! Everything else in `bpf(2)` does not depend on how inodes look. Each function has a constructor
//! of the [`Replacement`] that livepatching makes of an implementation. The function's name and its
//! C signature are fixed here; the signature is checked against the kernel's headers.
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
use fs::{FileSystem, UserPath};
use kernel::{error::from_result, prelude::*, uaccess::UserPtr};
use livepatch::{replacement, Replacement};

/// An implementation of these functions. They are called in process context and may sleep. No lock
/// is held but, for [`prog_get_type_path`](Self::prog_get_type_path), those of its user in the
/// kernel, such as nf_tables' `commit_mutex`. An error is what the caller is answered.
pub trait Syscalls: 'static {
    /// `BPF_OBJ_PIN`: pins the object that `fd` stands for at `path`. Stands for C's
    /// `bpf_obj_pin_user()`.
    fn obj_pin(fd: u32, path: UserPath) -> Result;

    /// `BPF_OBJ_GET`: a new file descriptor for what is pinned at `path`, to be used as `flags`
    /// say. Stands for C's `bpf_obj_get_user()`.
    fn obj_get(path: UserPath, flags: c_int) -> Result<InstalledFd>;

    /// The program of type `ty` that is pinned at `path`, for users in the kernel. Stands for C's
    /// `bpf_prog_get_type_path()`.
    fn prog_get_type_path(path: &CStr, ty: ProgType) -> Result<Prog>;

    /// `BPF_TOKEN_CREATE`: a file descriptor of a new token. Stands for C's `bpf_token_create()`.
    fn token_create(request: TokenRequest<'_>) -> Result<InstalledFd>;
}

/// Makes [`Syscalls::obj_pin`] the kernel's.
pub const fn obj_pin<T: Syscalls>() -> Replacement {
    // SAFETY: The shim has the function's signature and its contract, and keeps its frame.
    unsafe { replacement!("bpf_obj_pin_user", obj_pin_shim::<T> as *mut c_void) }
}

/// Makes [`Syscalls::obj_get`] the kernel's.
pub const fn obj_get<T: Syscalls>() -> Replacement {
    // SAFETY: The shim has the function's signature and its contract, and keeps its frame.
    unsafe { replacement!("bpf_obj_get_user", obj_get_shim::<T> as *mut c_void) }
}

/// Makes [`Syscalls::prog_get_type_path`] the kernel's.
pub const fn prog_get_type_path<T: Syscalls>() -> Replacement {
    // SAFETY: The shim has the function's signature and its contract, and keeps its frame.
    unsafe {
        replacement!(
            "bpf_prog_get_type_path",
            prog_get_type_path_shim::<T> as *mut c_void,
        )
    }
}

/// Makes [`Syscalls::token_create`] the kernel's.
pub const fn token_create<T: Syscalls>() -> Replacement {
    // SAFETY: The shim has the function's signature and its contract, and keeps its frame.
    unsafe { replacement!("bpf_token_create", token_create_shim::<T> as *mut c_void) }
}

/// Makes new mounts of the built-in file system mounts of `T`.
///
/// The built-in type stays registered: there is no moment without a type of that name, and nothing
/// to put back. A new context of it is handed over to the type of `T` before anything else is done
/// with it.
pub const fn mount<T: FileSystem>() -> Replacement {
    // SAFETY: The shim has the signature and the contract of that operation, which is what the
    // function is used for, and no other. It keeps its frame.
    unsafe {
        replacement!(
            "bpf_init_fs_context",
            init_fs_context_shim::<T> as *mut c_void,
        )
    }
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

/// Begins a context of the type of `T` in place of the type that it was opened for.
///
/// # Safety
///
/// The caller must do as the VFS does: pass a context that holds a reference to its type, and that
/// nobody else uses. There must be a registration of `T` for as long as this runs.
unsafe extern "C" fn init_fs_context_shim<T: FileSystem>(
    fc: *mut kernel::bindings::fs_context,
) -> c_int {
    let context = fc.cast::<bindings::fs_context>();
    // From here on the context holds our module instead of the other type's: our code will be
    // called for it. Its type and operations are all that says whose the context is, also for one
    // that reconfigures a superblock of the other type, where they but parse parameters. Should
    // `init_fs_context()` fail, the VFS drops the reference with the context.
    in_frame(|| {
        // SAFETY:
        // - The context holds a reference to its type, and is ours, by this function's contract.
        // - The type of `T` has its module, as there is a registration.
        // - The context is one of the type of `T` when `init_fs_context()` is called.
        unsafe {
            let other = (*context).fs_type;
            (*context).fs_type = bindings::get_filesystem(T::file_system_type().as_ptr());
            bindings::put_filesystem(other);
            fs::init_fs_context::<T>(fc)
        }
    })
}

/// # Safety
///
/// None; `unsafe` is what the type of the function asks for.
unsafe extern "C" fn obj_pin_shim<T: Syscalls>(
    fd: u32,
    path_fd: c_int,
    path: *const c_char,
) -> c_int {
    let path = UserPath::new(path_fd, UserPtr::from_ptr(path.cast_mut().cast()));
    in_frame(|| from_result(|| T::obj_pin(fd, path).map(|()| 0)))
}

/// # Safety
///
/// None; `unsafe` is what the type of the function asks for.
unsafe extern "C" fn obj_get_shim<T: Syscalls>(
    path_fd: c_int,
    path: *const c_char,
    flags: c_int,
) -> c_int {
    let path = UserPath::new(path_fd, UserPtr::from_ptr(path.cast_mut().cast()));
    in_frame(|| from_result(|| T::obj_get(path, flags).map(InstalledFd::into_raw)))
}

/// # Safety
///
/// The caller must do as the function's users in the kernel do: pass a string.
unsafe extern "C" fn prog_get_type_path_shim<T: Syscalls>(
    path: *const c_char,
    ty: bindings::bpf_prog_type,
) -> *mut bindings::bpf_prog {
    // SAFETY: `path` is a string by this function's contract.
    let path = unsafe { CStr::from_char_ptr(path) };
    in_frame(
        || match T::prog_get_type_path(path, ProgType::from_raw(ty)) {
            Ok(prog) => prog.into_raw(),
            Err(e) => e.to_ptr(),
        },
    )
}

/// # Safety
///
/// The caller must do as `bpf(2)` does: pass the command's attributes in kernel memory.
unsafe extern "C" fn token_create_shim<T: Syscalls>(attr: *mut bindings::bpf_attr) -> c_int {
    // SAFETY: The attributes are valid by this function's contract.
    let request = unsafe { TokenRequest::from_raw(attr) };
    in_frame(|| from_result(|| T::token_create(request).map(InstalledFd::into_raw)))
}

/// Does not compile unless the shims have the signatures that the kernel's headers declare.
const _: () = {
    struct Any;
    impl Syscalls for Any {
        fn obj_pin(_: u32, _: UserPath) -> Result {
            Err(EINVAL)
        }
        fn obj_get(_: UserPath, _: c_int) -> Result<InstalledFd> {
            Err(EINVAL)
        }
        fn prog_get_type_path(_: &CStr, _: ProgType) -> Result<Prog> {
            Err(EINVAL)
        }
        fn token_create(_: TokenRequest<'_>) -> Result<InstalledFd> {
            Err(EINVAL)
        }
    }
    // The arms of an `if` must agree about their type.
    let _ = if true {
        bindings::bpf_obj_pin_user
    } else {
        obj_pin_shim::<Any>
    };
    let _ = if true {
        bindings::bpf_obj_get_user
    } else {
        obj_get_shim::<Any>
    };
    let _ = if true {
        bindings::bpf_prog_get_type_path
    } else {
        prog_get_type_path_shim::<Any>
    };
    let _ = if true {
        bindings::bpf_token_create
    } else {
        token_create_shim::<Any>
    };
    // No header declares that function, but the operation that it is.
    #[allow(dead_code)]
    fn init_fs_context<T: FileSystem>(fs_type: &mut bindings::file_system_type) {
        fs_type.init_fs_context = Some(init_fs_context_shim::<T>);
    }
};
