# SPDX-License-Identifier: GPL-2.0
"""attach.py [cgroup|xdp|tcx|netns TARGET PIN]...: attaches a program of a few instructions to a
cgroup's directory, a network device or a network namespace's file, and pins the link.
attach.py hold PIN: has what is pinned open until it is killed.
attach.py block DIR: fetches a pin from a file system that nobody serves, until it is killed."""

import ctypes
import os
import signal
import socket
import struct
import sys

from bpfcall import LINK_CREATE, bpf, get, libc, pin, prog_load

# Type of the program, of the attachment, and what the program returns.
KINDS = {
    "cgroup": (8, 1, 1),
    "xdp": (6, 37, 2),
    "tcx": (3, 46, 0),
    "netns": (22, 17, 0),
}

if sys.argv[1] == "hold":
    held = get(sys.argv[2])
    signal.pause()
if sys.argv[1] == "block":
    server = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={server},rootmode=40000,user_id=0,group_id=0".encode()
    libc.mount(b"unserved", sys.argv[2].encode(), b"fuse", ctypes.c_ulong(0), options)
    get(sys.argv[2] + "/directory/pin")
for kind, target, place in zip(*[iter(sys.argv[1:])] * 3, strict=True):
    of_program, attachment, result = KINDS[kind]
    prog = prog_load(of_program, result, attachment)
    if kind in ("xdp", "tcx"):
        where = socket.if_nametoindex(target)
    else:
        where = os.open(target, os.O_RDONLY)
    pin(bpf(LINK_CREATE, struct.pack("=IIII", prog, where, attachment, 0)), place)
