# SPDX-License-Identifier: GPL-2.0
"""bpf(2) from Python, without any library: maps and programs pinned and fetched."""

import ctypes
import errno
import os
import stat
import struct
import sys

from bpfcall import (F_PATH_FD, F_RDONLY, F_WRONLY, MAP_LOOKUP, MAP_UPDATE, address, bpf, get, info,
                     map_create, pin, prog_load)

BPF = sys.argv[1]


def element(command, fd, key, value):
    """value is set or filled."""
    key = ctypes.create_string_buffer(struct.pack("=I", key), 4)
    bpf(command, struct.pack("=IIQQQ", fd, 0, address(key), address(value), 0))
    return value


def number(value=0):
    return ctypes.create_string_buffer(struct.pack("=Q", value), 8)


def lookup(fd, key):
    return struct.unpack("=Q", element(MAP_LOOKUP, fd, key, number()))[0]


def attempt(what, function, *arguments):
    """Says how it went."""
    try:
        result = function(*arguments)
    except OSError as error:
        print(f"{what}: {errno.errorcode[error.errno]}")
        return None
    print(f"{what}: ok")
    return result


def must(condition, what):
    if not condition:
        sys.exit(f"UNMET: {what}")


def main():
    array = map_create(2, 4, 8, 4)
    element(MAP_UPDATE, array, 3, number(123456789012))
    attempt("pin a map", pin, array, f"{BPF}/array")
    again = attempt("get a map", get, f"{BPF}/array")
    must(lookup(again, 3) == 123456789012, "the value is what was stored")
    must(info(again)[1] == info(array)[1], "the map is the one that was pinned")
    program = prog_load(1, 7)
    attempt("pin a program", pin, program, f"{BPF}/program")
    fetched = attempt("get a program", get, f"{BPF}/program")
    must(info(fetched)[1] == info(program)[1], "the program is the one that was pinned")

    for path in ("array", "none", "dir/x", "array/x", "a.b", "", "x" * 256):
        attempt(f"pin at {path[:9]!r}", pin, array, f"{BPF}/{path}")
        attempt(f"get {path[:9]!r}", get, f"{BPF}/{path}")
    attempt("pin elsewhere", pin, array, "/tmp/array")
    attempt("get elsewhere", get, "/etc/passwd")
    attempt("pin what is not BPF", pin, 0, f"{BPF}/stdin")
    attempt("pin a closed descriptor", pin, 999, f"{BPF}/closed")

    readonly = attempt("get read-only", get, f"{BPF}/array", F_RDONLY)
    must(lookup(readonly, 3) == 123456789012, "read-only reads")
    attempt("update read-only", element, MAP_UPDATE, readonly, 0, number(1))
    writeonly = attempt("get write-only", get, f"{BPF}/array", F_WRONLY)
    attempt("update write-only", element, MAP_UPDATE, writeonly, 0, number(1))
    attempt("lookup write-only", element, MAP_LOOKUP, writeonly, 0, number())
    attempt("get with both", get, f"{BPF}/array", F_RDONLY | F_WRONLY)
    attempt("get with unknown flags", get, f"{BPF}/array", 1 << 20)
    attempt("get a program read-only", get, f"{BPF}/program", F_RDONLY)

    directory = os.open(BPF, os.O_PATH | os.O_DIRECTORY)
    attempt("pin at a descriptor", pin, array, "relative", F_PATH_FD, directory)
    attempt("get at a descriptor", get, "relative", F_PATH_FD, directory)
    attempt("pin at no descriptor", pin, array, "other", F_PATH_FD, 999)
    os.chdir(BPF)
    attempt("pin relative", pin, array, "here")
    os.umask(0o077)
    attempt("pin with umask", pin, array, "private")

    # Python's own view.
    for entry in sorted(os.scandir(BPF), key=lambda entry: entry.name):
        status = entry.stat(follow_symlinks=False)
        print(entry.name, entry.is_file(), entry.is_dir(), stat.filemode(status.st_mode),
              status.st_size, status.st_nlink, status.st_blocks)
    for path in ("array", "program", "here"):
        for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_PATH, os.O_RDONLY | os.O_TRUNC):
            attempt(f"open {path} {flags:#x}", os.open, path, flags)
    attempt("create", os.open, "created", os.O_CREAT | os.O_RDWR)
    attempt("temporary file", os.open, ".", os.O_TMPFILE | os.O_RDWR)
    attempt("memory map", os.open, "array", os.O_RDWR)
    attempt("statvfs", os.statvfs, ".")
    attempt("xattr", os.setxattr, "array", "trusted.python", b"value")
    print(os.listxattr("array"), os.getxattr("array", "trusted.python"))
    os.rename("here", "there")
    os.link("there", "hard")
    os.symlink("there", "soft")
    must(info(get("soft"))[1] == info(array)[1], "a pin is found by a symbolic link")
    for name in sorted(os.listdir(".")):
        os.unlink(name)
    must(lookup(again, 3) == 123456789012, "the map lives by its descriptor")
    print(os.listdir("."))


main()
