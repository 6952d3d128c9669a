# SPDX-License-Identifier: GPL-2.0
"""bpf(2) from Python, without any library. All of it raises OSError."""

import ctypes
import os
import struct

SYS_BPF = 321
MAP_CREATE, MAP_LOOKUP, MAP_UPDATE = 0, 1, 2
PROG_LOAD, OBJ_PIN, OBJ_GET = 5, 6, 7
OBJ_GET_INFO, LINK_CREATE = 15, 28
F_RDONLY, F_WRONLY, F_PATH_FD = 1 << 3, 1 << 4, 1 << 14

libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attr):
    """Returns what the system call does."""
    buffer = ctypes.create_string_buffer(attr, max(len(attr), 128))
    result = libc.syscall(SYS_BPF, command, buffer, ctypes.c_uint(len(buffer)))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def address(buffer):
    return ctypes.addressof(buffer)


def map_create(kind, key, value, entries):
    return bpf(MAP_CREATE, struct.pack("=IIIII", kind, key, value, entries, 0))


def prog_load(kind, result, attachment=0):
    """A program that returns a number."""
    instructions = struct.pack("=BBhiBBhi", 0xB7, 0, 0, result, 0x95, 0, 0, 0)
    code = ctypes.create_string_buffer(instructions, len(instructions))
    licence = ctypes.create_string_buffer(b"GPL")
    return bpf(PROG_LOAD, struct.pack("=IIQQ44xI", kind, 2, address(code), address(licence), attachment))


def pin(fd, path, flags=0, directory=0):
    name = ctypes.create_string_buffer(os.fsencode(path))
    bpf(OBJ_PIN, struct.pack("=QIIi", address(name), fd, flags, directory))


def get(path, flags=0, directory=0):
    name = ctypes.create_string_buffer(os.fsencode(path))
    return bpf(OBJ_GET, struct.pack("=QIIi", address(name), 0, flags, directory))


def info(fd):
    """Type and id of an object."""
    buffer = ctypes.create_string_buffer(64)
    bpf(OBJ_GET_INFO, struct.pack("=IIQ", fd, len(buffer), address(buffer)))
    return struct.unpack("=II", buffer[:8])
