#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""fork() of a program that has connections: nothing is started in the child before it needs it.

A thread in a child that has called nothing yet would come in the middle of fork()'s own work, where
an allocator's locks are not to be had, and keeps the child from a user namespace of its own. Once
it connects by a followed name it is served, also where the kernel wipes no page for it.
"""
import ctypes
import os
import select
import socket
import subprocess

from lib.paths import BUILD, LIBRARY
from lib.programs import loopback
from lib.programs.loopback import dial, greeting
from lib.published import Map
from lib.tap import done, ok

WRITER = "db.cluster-abc.test-region-1.rds.amazonaws.com"
ONE, TWO, DNS = "127.0.77.1", "127.0.77.2", "127.0.77.4"
NO_WIPE = os.path.join(BUILD, "test", "guests", "no_wipe.so")
CLONE_NEWUSER = 0x10000000
# Resolves as a prefork server's parent does, then forks; the child connects by the name, and tells
# who greeted it and whether that connection is ended by the failover that follows.
PREFORK = """
import os, select, socket, sys
socket.gethostbyname(sys.argv[1])
if os.fork() == 0:
    one = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)
    print(one.recv(99).decode().strip(), flush=True)
    print("ended" if select.select([one], [], [], 5)[0] else "open", flush=True)
    os._exit(0)
os.wait()
"""


def threads():
    return len(os.listdir("/proc/self/task"))


def in_child(work):
    """What work() gives in a forked child."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write, str(work()).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        told = pipe.read()
    os.waitpid(pid, 0)
    return told


def unshare_user():
    """0, or the errno of a user namespace of the child's own; a thread beside makes it EINVAL."""
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.unshare(CLONE_NEWUSER) and ctypes.get_errno()


def connected(port, published):
    """A child that connects has its connection ended by a failover."""
    own = dial(WRITER, port)
    before = greeting(own)
    published.tell("writer 0 1")
    return f"{before} {'ended' if select.select([own], [], [], 10)[0] else 'open'}"


def check_quiet(published, port):
    with dial(WRITER, port) as mine:
        greeting(mine)
        ok(threads() > 1, "a program with a connection by the writer's name has a second thread")
        ok(in_child(threads) == "1", "its forked child has one thread alone", in_child(threads))
        ok(in_child(unshare_user) == "0", "... and may have a user namespace of its own",
           in_child(unshare_user))
        told = in_child(lambda: connected(port, published))
        ok(told == f"{ONE} ended", "one that connects itself is served, and severed", told)
    published.tell("writer 0 0")


def check_no_wipe(published, port):
    env = {**os.environ, "LD_PRELOAD": f"{NO_WIPE}:{LIBRARY}"}
    child = subprocess.Popen(["/usr/bin/python3", "-c", PREFORK, WRITER, str(port)], env=env,
                             stdout=subprocess.PIPE, text=True)
    first = child.stdout.readline().strip()
    published.tell("writer 0 1")
    second = child.stdout.readline().strip()
    child.wait(30)
    ok(first == ONE, "without MADV_WIPEONFORK: a child of a parent that has resolved is led to the "
       "writer", first)
    ok(second == "ended", "... and its connection ends with a failover", second)
    published.tell("writer 0 0")


def main():
    folder = loopback.enter(hosts={WRITER: DNS})
    servers = loopback.Servers(ONE, TWO, DNS)
    socket.setdefaulttimeout(20)
    with Map(folder) as published:
        published.tell(f"name 0 writer {WRITER}")
        for i, address in enumerate((ONE, TWO)):
            published.tell(f"instance 0 {i} i{i} {servers.port} {address}")
        published.tell("writer 0 0")
        check_no_wipe(published, servers.port)
        check_quiet(published, servers.port)
    done()


main()
