# SPDX-License-Identifier: GPL-2.0
"""An agent that uses a BPF file system without a pause, and says what of it failed.

    busy.py DIRECTORY

Makes a directory of its own there. Pins, fetches, renames, links, removes and lists until it gets
SIGTERM, and knows at any time what must be there. Prints a line for each call that fails, for each
name that is missing or too many, and for files that are not one any more; fails then.
"""
import os
import random
import signal
import string
import sys

from bpfcall import get, info, map_create, pin

stopped = False
wrong = 0


def call(function, *arguments):
    """Says what of it failed."""
    try:
        return function(*arguments)
    except OSError as error:
        name = getattr(function, "__name__", "call")
        check(False, f"{name} {arguments}: {os.strerror(error.errno)}")
        return None


def check(is_so, what):
    global wrong
    if not is_so:
        wrong += 1
        print(f"{top}: {what}", flush=True)


def fetch(path):
    fd = call(get, path)
    if fd is not None:
        check(info(fd) == info(the_map), f"{path} is another map")
        os.close(fd)


def number(name):
    """Names of one file begin with the same one."""
    return name.rstrip(string.ascii_letters)


def stop(*_):
    global stopped
    stopped = True


signal.signal(signal.SIGTERM, stop)
top = f"{sys.argv[1]}/{os.getpid()}"
os.mkdir(top)
the_map = map_create(2, 4, 4, 1)
present = set()
rounds = 0
while not stopped:
    rounds += 1
    name = f"{top}/{rounds}"
    call(pin, the_map, name)
    fetch(name)
    call(os.rename, name, name + "renamed")
    call(os.link, name + "renamed", name + "linked")
    call(os.chmod, name + "linked", 0o640)
    present |= {f"{rounds}renamed", f"{rounds}linked"}
    call(os.mkdir, name)
    call(pin, the_map, name + "/inner")
    call(os.rename, name, name + "moved")
    fetch(name + "moved/inner")
    call(os.unlink, name + "moved/inner")
    call(os.rmdir, name + "moved")
    # The name of a file that is found first goes, and another one comes that is found last.
    older = random.choice(sorted(present))
    if older.endswith("linked"):
        newer = older.replace("linked", "second")
        call(os.rename, f"{top}/{older}", f"{top}/{newer}")
        present = present - {older} | {newer}
    while len(present) > 16:
        gone = random.choice(sorted(present))
        call(os.unlink, f"{top}/{gone}")
        present.discard(gone)
    one = random.choice(sorted(present))
    fetch(f"{top}/{one}")
    status = call(os.stat, f"{top}/{one}")
    names = sum(number(name) == number(one) for name in present)
    check(status is None or status.st_nlink == names, f"{one} has not {names} names")
    there = set(os.listdir(top))
    check(there == present, f"too many {sorted(there - present)}, missing {sorted(present - there)}")
check(rounds > 3, f"only {rounds} rounds")
sys.exit(wrong != 0)
