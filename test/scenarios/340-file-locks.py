#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A program's POSIX locks outlive a failover, also on a file whose number was a socket's before.

Closing any descriptor of a file ends all such locks of the process on that file, a duplicate of the
library's own too.  SQLite, dbm and lock files rely on them.
"""
import fcntl
import os
import select
import socket
import sqlite3
import struct
import subprocess

from lib.programs import loopback
from lib.programs.loopback import dial, greeting
from lib.published import Map
from lib.tap import done, ok

WRITER = "db.cluster-abc.test-region-1.rds.amazonaws.com"
ONE, TWO = "127.0.77.1", "127.0.77.2"
FLOCK = "hhqqi4x"
ASK = """
import fcntl, os, struct, sys
fd = os.open(sys.argv[1], os.O_RDWR)
asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
found = struct.unpack("hhqqi4x", fcntl.fcntl(fd, fcntl.F_GETLK, asked))
print("free" if found[0] == fcntl.F_UNLCK else "locked")
"""


def seen_by_others(path):
    """What another process is told of a file's locks."""
    return subprocess.run(["/usr/bin/python3", "-c", ASK, path], stdout=subprocess.PIPE, text=True,
                          check=True).stdout.strip()


def numbers_of_sockets(port, n):
    """Numbers that were those of the writer's sockets, and are free now.  The library looks after
    connects until one has shown that there is a way, and would find that they are gone: so the
    first one blocks, and shows it."""
    with socket.socket() as first:
        first.connect((WRITER, port))
    conns = [dial(WRITER, port) for _ in range(n)]
    numbers = [c.fileno() for c in conns]
    for c in conns:
        greeting(c)
        c.close()
    return numbers


def fail_over(published, port, to):
    """The watcher has come by: it has ended a connection that was the last to be made."""
    witness = dial(WRITER, port)
    greeting(witness)
    published.tell(f"writer 0 {to}")
    ended = select.select([witness], [], [], 10)[0]
    witness.close()
    return bool(ended)


def check_lock_file(folder, published, port):
    path = os.path.join(folder, "lock")
    number, = numbers_of_sockets(port, 1)
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.fcntl(fd, fcntl.F_SETLK, struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    ok(fd == number and seen_by_others(path) == "locked",
       "a file is locked, at a number that was a socket's", f"{fd} {number}")
    ok(fail_over(published, port, 1), "a failover")
    ok(seen_by_others(path) == "locked", "the file is locked all the same", seen_by_others(path))
    os.close(fd)


def check_sqlite(folder, published, port):
    path = os.path.join(folder, "data.sqlite")
    with sqlite3.connect(path) as made:
        made.execute("CREATE TABLE t (n INTEGER)")
    made.close()
    numbers = numbers_of_sockets(port, 4)
    one = sqlite3.connect(path, isolation_level=None)
    one.execute("BEGIN EXCLUSIVE")
    fds = [int(n) for n in os.listdir("/proc/self/fd")
           if os.path.realpath(f"/proc/self/fd/{n}") == os.path.realpath(path)]
    ok(set(fds) & set(numbers) and fds, "SQLite has its file at such a number", f"{fds} {numbers}")
    ok(fail_over(published, port, 0), "a failover")
    other = subprocess.run(["/usr/bin/python3", "-c", "import sqlite3, sys\n"
                            "one = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)\n"
                            "one.execute('BEGIN EXCLUSIVE')", path],
                           capture_output=True, text=True)
    ok("locked" in other.stderr, "another process cannot begin to write in the middle of its "
       "transaction", other.stderr or "it began")
    one.execute("ROLLBACK")
    one.close()


def main():
    folder = loopback.enter(hosts={WRITER: ONE})
    servers = loopback.Servers(ONE, TWO)
    with Map(folder) as published:
        published.tell(f"name 0 writer {WRITER}")
        for i, address in enumerate((ONE, TWO)):
            published.tell(f"instance 0 {i} i{i} {servers.port} {address}")
        published.tell("writer 0 0")
        check_lock_file(folder, published, servers.port)
        check_sqlite(folder, published, servers.port)
    done()


main()
