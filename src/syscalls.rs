// SPDX-License-Identifier: GPL-2.0

//! Pinning and getting: what `bpf(2)` asks of the file system.

use bpf::{builtin, FileFlags, InstalledFd, Object, Prog, ProgType, TokenRequest};
use fs::{is_stale, AccessMask, AnyINode, CreatingPath, INode, Path, UserPath};
use kernel::prelude::*;
use takeover::Syscalls;

use crate::{
    directory::check_new_name,
    file_system::BpfFs,
    instance::Instance,
    object::{file_ops, of_inode, Pinned},
    outside, //
};

impl Syscalls for BpfFs {
    #[inline]
    fn obj_pin(fd: u32, path: UserPath<'_>) -> Result {
        let mut is_again = false;
        loop {
            match pin(fd, path) {
                // Another file system has come in the place of the one that was looked up
                // (`fs::Retired`). As the VFS does for its own system calls.
                Err(error) if is_stale(error) && !is_again => is_again = true,
                result => return result,
            }
        }
    }

    #[inline]
    fn obj_get(path: UserPath<'_>, flags: c_int) -> Result<InstalledFd> {
        let flags = FileFlags::from_bpf(flags)?;
        object_at(path, flags)?.into_fd(flags, path.files())
    }

    fn prog_get_type_path(path: &CStr, ty: ProgType) -> Result<Prog> {
        let path = Path::from_kernel(path)?;
        let prog = prog_of(path.inode(), ty)?;
        path.touch_atime();
        Ok(prog)
    }

    fn token_create(request: TokenRequest<'_>) -> Result<InstalledFd> {
        let root = request.root::<BpfFs>()?;
        root.permission(AccessMask::ACCESS)?;
        request.create(&root)
    }
}

/// Pins the object that `fd` stands for at `path`.
#[inline]
fn pin(fd: u32, user_path: UserPath<'_>) -> Result {
    let files = user_path.files();
    let object = Object::from_fd(fd, files)?;
    let path = CreatingPath::from_user(user_path)?;

    match path.within::<BpfFs>() {
        Ok(path) => {
            check_new_name(path.dir(), path.name())?;
            let mode = path.dir().super_block().data().pin_mode();
            let mode = mode.masked_with(files);
            path.security_mknod(mode)?;
            path.file(mode, Pinned(Some(object)), file_ops)
        }
        Err(path) if builtin::is_directory(path.parent()) => {
            let mode = Instance::PIN_MODE.masked_with(files);
            path.security_mknod(mode)?;
            object.pin_builtin(path, mode)
        }
        Err(path) => outside::expose(&object, path, user_path),
    }
}

/// The object that is pinned at `path`, if the current task may use it as `flags` say.
#[inline]
fn object_at(path: UserPath<'_>, flags: FileFlags) -> Result<Object> {
    let path = Path::from_user(path)?;
    path.permission(AccessMask::of_open_flags(flags.as_open_flags()))?;
    let object = of_inode(path.inode()).or_else(|_| outside::object_at(&path))?;
    check_rdonly(&path, &object, flags)?;
    path.touch_atime();
    Ok(object)
}

/// Checks that what can change `object` is not fetched through a read-only mount, where the
/// instance has the rule (`rdonly_strict`).
///
/// # Errors
///
/// `EROFS` for a map that is not to be read only, and for a link.
#[inline]
fn check_rdonly(path: &Path, object: &Object, flags: FileFlags) -> Result {
    match INode::<BpfFs>::try_from_any(path.inode()) {
        Some(inode) if inode.super_block().data().is_rdonly_strict() => {
            check_strict(path, object, flags)
        }
        _ => Ok(()),
    }
}

/// The same, where the instance has the rule. Not inlined, as few have.
#[cold]
fn check_strict(path: &Path, object: &Object, flags: FileFlags) -> Result {
    let can_change = match object {
        Object::Map(_) => flags != FileFlags::ReadOnly,
        Object::Prog(_) => false,
        // A link can be fetched for reading and writing only, as `into_fd()` sees to.
        Object::Link(_) => flags == FileFlags::ReadWrite,
    };
    if can_change && path.is_read_only() {
        return Err(EROFS);
    }
    Ok(())
}

/// The program that `inode` stands for, if the current task may read it.
fn prog_of(inode: &AnyINode, ty: ProgType) -> Result<Prog> {
    inode.permission(AccessMask::READ)?;
    match of_inode(inode)? {
        Object::Prog(prog) => prog.check_type(ty).map(|()| prog),
        _ => Err(EINVAL),
    }
}
