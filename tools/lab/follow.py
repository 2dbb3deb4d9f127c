# SPDX-License-Identifier: Apache-2.0
"""Follows a lab's file of events: wakes by inotify, ends when the file goes away with its lab."""
import ctypes
import os
import select
import sys
import time

IN_MODIFY, IN_ATTRIB, IN_DELETE_SELF = 2, 4, 0x400

_libc = ctypes.CDLL(None, use_errno=True)


def lines(path, forever=True, limit=None):
    """Yields each event's line; with `forever` also those to come, for `limit` seconds at most."""
    end = None if limit is None else time.monotonic() + limit
    name = os.path.join(path, "events.jsonl")
    fd = _libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
    _libc.inotify_add_watch(fd, name.encode(), IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF)
    try:
        with open(name) as file:
            rest = ""
            while True:
                rest += file.read()
                *whole, rest = rest.split("\n")
                yield from whole
                if not forever or os.fstat(file.fileno()).st_nlink == 0:
                    return
                left = None if end is None else max(0, end - time.monotonic())
                if not select.select([fd], [], [], left)[0]:
                    return
                os.read(fd, 65536)
    finally:
        os.close(fd)


def print_events(path, forever):
    for line in lines(path, forever):
        print(line)
        sys.stdout.flush()
