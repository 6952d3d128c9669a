// SPDX-License-Identifier: GPL-2.0

//! Pinning and getting: what `bpf(2)` asks of the file system.

use bpf::{builtin, FileFlags, InstalledFd, Object, Prog, ProgType, TokenRequest};
use fs::{AccessMask, AnyINode, CreatingPath, INode, Path, UserPath};
use kernel::prelude::*;
use takeover::Syscalls;

use crate::{
    directory::check_new_name,
    file_system::BpfFs,
    instance::Instance,
    object::{file_ops, of_inode, Pinned},
};

impl Syscalls for BpfFs {
    #[inline]
    fn obj_pin(fd: u32, path: UserPath<'_>) -> Result {
        let object = Object::from_fd(fd, path.files())?;
        let path = CreatingPath::from_user(path)?;

        let ours = INode::<BpfFs>::try_from_any(path.parent());
        let mode = match ours {
            Some(dir) => {
                check_new_name(dir, path.name())?;
                dir.super_block().data().pin_mode()
            }
            None if builtin::is_directory(path.parent()) => Instance::PIN_MODE,
            None => return Err(EPERM),
        };
        let mode = mode.masked();
        path.security_mknod(mode)?;

        if ours.is_some() {
            path.file::<BpfFs, _>(mode, Pinned(Some(object)), file_ops)
        } else {
            object.pin_builtin(path, mode)
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

/// The object that is pinned at `path`, if the current task may use it as `flags` say.
#[inline]
fn object_at(path: UserPath<'_>, flags: FileFlags) -> Result<Object> {
    let path = Path::from_user(path)?;
    path.permission(AccessMask::of_open_flags(flags.as_open_flags()))?;
    let object = of_inode(path.inode())?;
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
