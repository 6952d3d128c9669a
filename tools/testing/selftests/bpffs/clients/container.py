# SPDX-License-Identifier: GPL-2.0
"""Gives a container a BPF file system of its own, as a container engine does.

    container.py PID DIRECTORY [OPTION=VALUE...]

The context is opened in the user namespace of that process; what it delegates (delegate_cmds=any, if no
option is given), and that it is made at all, takes rights on the machine. In it are a directory, a pin and a symbolic link of the container's.
"""
import ctypes
import errno
import os
import socket
import sys

from bpfcall import libc, map_create, pin

FSOPEN, FSCONFIG, FSMOUNT, MOVE_MOUNT = 430, 431, 432, 429
SET_STRING, CREATE = 1, 6
CLOEXEC, EMPTY_PATH, CWD = 1, 4, -100


def call(*arguments):
    result = libc.syscall(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(arguments))
    return result


def inside(process, directory, beside, the_map):
    for kind, flag in ("user", os.CLONE_NEWUSER), ("mnt", os.CLONE_NEWNS):
        os.setns(os.open(f"/proc/{process}/ns/{kind}", os.O_RDONLY), flag)
    os.setgid(0)
    os.setuid(0)
    socket.send_fds(beside, [b"c"], [call(FSOPEN, b"bpf", CLOEXEC)])
    mount = socket.recv_fds(beside, 1, 1)[1][0]
    call(MOVE_MOUNT, mount, b"", CWD, os.fsencode(directory), EMPTY_PATH)
    os.mkdir(f"{directory}/directory", 0o711)
    pin(the_map, f"{directory}/directory/pin")
    os.symlink("directory", f"{directory}/link")
    try:
        os.chown(f"{directory}/directory", 5, 6)
    except OSError as error:
        # There are no such users in a namespace of one.
        if error.errno != errno.EINVAL:
            raise


def main(process, directory, *options):
    the_map = map_create(2, 4, 4, 1)
    beside, its = socket.socketpair()
    child = os.fork()
    if not child:
        beside.close()
        inside(process, directory, its, the_map)
        return
    its.close()
    context = socket.recv_fds(beside, 1, 1)[1][0]
    for option in options or ["delegate_cmds=any"]:
        name, value = option.split("=")
        call(FSCONFIG, context, SET_STRING, name.encode(), value.encode(), 0)
    call(FSCONFIG, context, CREATE, None, None, 0)
    socket.send_fds(beside, [b"m"], [call(FSMOUNT, context, CLOEXEC, 0)])
    sys.exit(os.waitpid(child, 0)[1] != 0)


main(*sys.argv[1:])
