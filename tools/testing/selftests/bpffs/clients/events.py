# SPDX-License-Identifier: GPL-2.0
"""What inotify and fanotify tell of a tree while things happen to it."""

import ctypes
import os
import struct
import subprocess
import sys

BPF = sys.argv[1]
libc = ctypes.CDLL(None, use_errno=True)

INOTIFY = {
    0x1: "ACCESS", 0x2: "MODIFY", 0x4: "ATTRIB", 0x8: "CLOSE_WRITE", 0x10: "CLOSE_NOWRITE",
    0x20: "OPEN", 0x40: "MOVED_FROM", 0x80: "MOVED_TO", 0x100: "CREATE", 0x200: "DELETE",
    0x400: "DELETE_SELF", 0x800: "MOVE_SELF", 0x2000: "UNMOUNT", 0x8000: "IGNORED",
    0x40000000: "ISDIR",
}
FANOTIFY = {
    0x1: "ACCESS", 0x2: "MODIFY", 0x8: "CLOSE_WRITE", 0x10: "CLOSE_NOWRITE", 0x20: "OPEN",
    0x1000: "OPEN_EXEC", 0x40000000: "ONDIR",
}


def call(name, *arguments):
    result = getattr(libc, name)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result


def names(table, mask):
    return "|".join(name for bit, name in table.items() if mask & bit)


def drain(fd):
    try:
        return os.read(fd, 65536)
    except BlockingIOError:
        return b""


class Inotify:
    def __init__(self):
        self.fd = call("inotify_init1", os.O_NONBLOCK | os.O_CLOEXEC)
        self.paths = {}

    def watch(self, path):
        self.paths[call("inotify_add_watch", self.fd, os.fsencode(path), 0xFFF)] = path

    def events(self):
        data = drain(self.fd)
        while data:
            watch, mask, cookie, length = struct.unpack_from("=iIII", data)
            name = data[16:16 + length].rstrip(b"\0").decode()
            yield (f"{os.path.relpath(self.paths[watch], BPF)} {names(INOTIFY, mask)} {name}"
                   f"{' (cookie)' if cookie else ''}").rstrip()
            data = data[16 + length:]


class Fanotify:
    """Events of a whole file system, with a descriptor of each object."""

    def __init__(self, what):
        self.fd = call("fanotify_init", 0x2 | 0x1, os.O_RDONLY)
        call("fanotify_mark", self.fd, 0x1 | what, ctypes.c_uint64(0x40000000 | 0x3B), -100,
             os.fsencode(BPF))

    def events(self):
        data = drain(self.fd)
        while data:
            length, _, _, _, mask, fd, _ = struct.unpack_from("=IBBHQii", data)
            path = os.readlink(f"/proc/self/fd/{fd}") if fd >= 0 else fd
            if fd >= 0:
                os.close(fd)
            yield f"{path} {names(FANOTIFY, mask)}"
            data = data[length:]


class FanotifyNames:
    """Events in directories, with names."""

    NAMES = {
        0x2: "MODIFY", 0x4: "ATTRIB", 0x40: "MOVED_FROM", 0x80: "MOVED_TO", 0x100: "CREATE",
        0x200: "DELETE", 0x400: "DELETE_SELF", 0x800: "MOVE_SELF", 0x10000000: "RENAME",
        0x40000000: "ONDIR",
    }
    INFO = {1: "fid", 2: "directory", 3: "directory", 10: "from", 12: "to"}

    def __init__(self, directories):
        self.fd = call("fanotify_init", 0x2 | 0x1 | 0x200 | 0x400 | 0x800, os.O_RDONLY)
        # Of children, too.
        mask = ctypes.c_uint64(sum(self.NAMES) | 0x08000000)
        for directory in directories:
            call("fanotify_mark", self.fd, 0x1, mask, -100, os.fsencode(directory))

    def events(self):
        data = drain(self.fd)
        while data:
            length, _, _, header, mask = struct.unpack_from("=IBBHQ", data)
            infos, rest = [], data[header:length]
            while rest:
                # After type, length and file system id comes a file handle, then a name.
                kind, _, size = struct.unpack_from("=BBH", rest)
                handle = struct.unpack_from("=I", rest, 12)[0]
                name = rest[20 + handle:size].split(b"\0")[0].decode()
                infos.append(f"{self.INFO[kind]} {name}".strip())
                rest = rest[size:]
            yield f"{names(self.NAMES, mask)}: {', '.join(infos)}"
            data = data[length:]


def step(groups, *command):
    for kind, group in groups.items():
        drain(group.fd)
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print("$", *command)
    print(result.stdout, end="")
    if result.returncode:
        print("=>", result.returncode)
    seen = 0
    for kind, group in groups.items():
        for event in group.events():
            print(f"  {kind}: {event}")
            seen += 1
    return seen


def main():
    os.mkdir(f"{BPF}/dir")
    os.mkdir(f"{BPF}/other")
    tree = Inotify()
    directories = BPF, f"{BPF}/dir", f"{BPF}/other"
    for path in directories:
        tree.watch(path)
    groups = {"inotify": tree, "filesystem": Fanotify(0x100), "mount": Fanotify(0x10),
              "names": FanotifyNames(directories)}
    bpftool = "bpftool", "map"
    steps = [
        (*bpftool, "create", f"{BPF}/dir/map", *"type array key 4 value 4 entries 1 name map".split()),
        (*bpftool, "lookup", "pinned", f"{BPF}/dir/map", *"key 0 0 0 0".split()),
        (*bpftool, "update", "pinned", f"{BPF}/dir/map", *"key 0 0 0 0 value 0 0 0 0".split()),
        ("stat", "-c", "%A", f"{BPF}/dir/map"),
        ("cat", f"{BPF}/dir/map"),
        ("cat", f"{BPF}/readable"),
        ("chmod", "640", f"{BPF}/dir/map"),
        ("chown", "1:1", f"{BPF}/dir/map"),
        ("touch", "-d", "2020-01-01", f"{BPF}/dir/map"),
        ("setfattr", "-n", "trusted.x", "-v", "y", f"{BPF}/dir/map"),
        ("ln", f"{BPF}/dir/map", f"{BPF}/other/hard"),
        ("ln", "-s", "map", f"{BPF}/dir/soft"),
        ("mv", f"{BPF}/dir/map", f"{BPF}/other/renamed"),
        ("mv", f"{BPF}/other/hard", f"{BPF}/other/renamed"),
        ("mv", "-T", f"{BPF}/other/renamed", f"{BPF}/dir/soft"),
        ("mv", "--exchange", f"{BPF}/dir/soft", f"{BPF}/readable"),
        (*bpftool, "pin", "pinned", f"{BPF}/readable", f"{BPF}/dir/soft"),
        ("mkdir", f"{BPF}/dir/new"),
        ("ls", f"{BPF}/dir"),
        ("rmdir", f"{BPF}/dir/new"),
        ("touch", f"{BPF}/dir/created"),
        ("rm", "-f", f"{BPF}/dir/soft"),
        ("rmdir", f"{BPF}/dir"),
        ("rm", f"{BPF}/readable"),
        ("umount", BPF),
    ]
    seen = {command: step(groups, *command) for command in steps}
    for command in (steps[0], steps[6], steps[12], steps[-4], steps[-2]):
        if not seen[command]:
            sys.exit(f"UNMET: no event of {' '.join(command)}")


main()
