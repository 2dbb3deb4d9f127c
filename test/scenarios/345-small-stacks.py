#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs with much thread-local data: the library's thread has room for its own work all the
same.

glibc takes a thread's data from the thread's stack, so what is left of it depends on the program.
"""
import signal
import subprocess

from lib.programs import guests, loopback
from lib.published import Map
from lib.tap import done, note, ok

WRITER = "db.cluster-abc.test-region-1.rds.amazonaws.com"
ONE, TWO = "127.0.77.1", "127.0.77.2"
SIZES_KIB = (1, 32, 48, 50, 52, 54, 56, 58, 64, 240, 244, 248, 250, 252, 256, 1024)


def start(folder, size, port):
    program = guests.host().build(f"big_tls-{size}", folder)
    return subprocess.Popen([program, WRITER, str(port)], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, text=True)


def ending(child):
    out = child.communicate(timeout=30)[0].split()
    code = child.returncode
    return out, signal.Signals(-code).name if code < 0 else code


def main():
    folder = loopback.enter(hosts={WRITER: ONE})
    servers = loopback.Servers(ONE, TWO)
    with Map(folder) as published:
        published.tell(f"name 0 writer {WRITER}")
        for i, address in enumerate((ONE, TWO)):
            published.tell(f"instance 0 {i} i{i} {servers.port} {address}")
        published.tell("writer 0 0")
        children = {size: start(folder, size, servers.port) for size in SIZES_KIB}
        greeted = {size: child.stdout.readline().strip() for size, child in children.items()}
        published.tell("writer 0 1")
        for size, child in children.items():
            out, code = ending(child)
            note(f"{size} KiB: {greeted[size]} {out} {code}")
            ok((greeted[size], out, code) == (ONE, ["ended"], 0),
               f"{size} KiB of thread-local data: it connects, is severed, and ends well",
               f"{greeted[size]!r} {out} {code}")
    done()


main()
