// SPDX-License-Identifier: GPL-2.0

//! Pinning and getting: what `bpf(2)` asks of the file system.

use bpf::{builtin, FileFlags, InstalledFd, Object, Prog, ProgType, TokenRequest};
use fs::{AccessMask, AnyINode, CreatingPath, INode, Mode, Path, UserPath};
use kernel::prelude::*;
use takeover::Syscalls;

use crate::{
    file_system::BpfFs,
    object::{file_ops, of_inode, Pinned},
};

impl Syscalls for BpfFs {
    fn obj_pin(fd: u32, path: UserPath<'_>) -> Result {
        let object = Object::from_fd(fd, path.files())?;
        let path = CreatingPath::from_user(path)?;

        let ours = INode::<BpfFs>::try_from_any(path.parent()).is_some();
        if !ours && !builtin::is_directory(path.parent()) {
            return Err(EPERM);
        }
        let mode = Mode::new(0o600).masked();
        path.security_mknod(mode)?;

        if ours {
            path.file::<BpfFs, _>(mode, Pinned(Some(object)), file_ops)
        } else {
            object.pin_builtin(path, mode)
        }
    }

    fn obj_get(path: UserPath<'_>, flags: c_int) -> Result<InstalledFd> {
        let files = path.files();
        let flags = FileFlags::from_bpf(flags)?;
        let path = Path::from_user(path)?;
        path.permission(AccessMask::of_open_flags(flags.as_open_flags()))?;
        let object = of_inode(path.inode())?;
        path.touch_atime();
        drop(path);
        object.into_fd(flags, files)
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

/// The program that `inode` stands for, if the current task may read it.
fn prog_of(inode: &AnyINode, ty: ProgType) -> Result<Prog> {
    inode.permission(AccessMask::READ)?;
    match of_inode(inode)? {
        Object::Prog(prog) => prog.check_type(ty).map(|()| prog),
        _ => Err(EINVAL),
    }
}
