#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A thread that never comes back from a call leaves nothing locked behind it.

It waits in connect() for a writer, and a signal handler jumps out of that. The next time that there
is no writer, its connect() waits again, and arrives.
"""
import subprocess
import time

from lib.programs import guests, loopback
from lib.published import Map
from lib.tap import done, ok

WRITER = "db.cluster-abc.test-region-1.rds.amazonaws.com"
ONE, TWO = "127.0.77.1", "127.0.77.2"
TIMES, WRITERLESS_S = 3, 0.5


def main():
    folder = loopback.enter(hosts={WRITER: ONE})
    servers = loopback.Servers(ONE, TWO)
    program = guests.host().build("jump_out", folder)
    with Map(folder) as published:
        published.tell(f"name 0 writer {WRITER}")
        for i, address in enumerate((ONE, TWO)):
            published.tell(f"instance 0 {i} i{i} {servers.port} {address}")
        published.tell("writer 0 0")
        child = subprocess.Popen([program, WRITER, str(servers.port)], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True, bufsize=1)
        child.stdout.readline()
        published.tell("writer 0 none")
        child.stdin.write("\n")
        heard = child.stdout.readline().strip()
        ok(heard == "jumped", "a thread jumps out of a connect() that waits for a writer", heard)
        for to in range(TIMES):
            published.tell(f"writer 0 {to % 2}")
            published.tell("writer 0 none")
            child.stdin.write("\n")
            time.sleep(WRITERLESS_S)
            published.tell(f"writer 0 {(to + 1) % 2}")
            heard = child.stdout.readline().strip()
            ok(heard == (TWO, ONE)[to % 2], "its next one waits, and is at the new writer", heard)
        child.communicate()
    done()


main()
