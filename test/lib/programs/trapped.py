# SPDX-License-Identifier: Apache-2.0
"""A world for programs in the trap: a map that the test publishes, servers on loopback, and the
trap itself, run as `pelorus run --trap` runs it."""
import contextlib
import os
import socket
import subprocess

from lib import environ
from lib.paths import BUILD
from lib.programs import loopback
from lib.published import Map, Park
from lib.waiting import wait_for

WRITER = "db.cluster-abc.test-region-1.rds.amazonaws.com"
ONE, TWO = "127.0.77.1", "127.0.77.2"
SILENT, SIX = "10.77.0.2", "fd00:77::1"
PROGRAM = os.path.join(BUILD, "test", "guests", "trapped-static")
KEEPER = os.path.join(BUILD, "tools", "trap", "pelorus-trap")
FAULTY = os.path.join(BUILD, "test", "guests", "trap-faults")
LONG = bool(os.environ.get("PELORUS_LONG"))


class World:
    def __init__(self, folder, published, port):
        self.published, self.port, self.folder = published, port, folder
        self.address = socket.gethostbyname(WRITER)
        self.env = environ.plain(PELORUS_RUNTIME_DIR=os.path.join(folder, "run"),
                                 PELORUS_PROBER="off")

    def words(self, *what, address=None, keeper=KEEPER):
        return [keeper, "--", PROGRAM, address or self.address, str(self.port), *map(str, what)]

    def popen(self, words, **more):
        return subprocess.Popen(words, **{"env": self.env, "stdout": subprocess.PIPE,
                                          "stderr": subprocess.PIPE, "text": True, **more})

    def run(self, words, limit=240 if LONG else 60, env=None, **more):
        """(status, output, errors)"""
        done = subprocess.run(words, env={**self.env, **(env or {})}, capture_output=True,
                              text=True, timeout=limit, **more)
        return done.returncode, done.stdout.strip(), done.stderr.strip()

    def ask(self, *what, **more):
        return self.run(self.words(*what, **more))

    def python(self, code, *what, keeper=KEEPER, **more):
        """A program in the trap, of a few lines behind HEAD."""
        return self.popen([keeper, "--", "/usr/bin/python3", "-c", HEAD + code, self.address,
                           str(self.port), *map(str, what)], **more)

    def writer(self, which):
        self.published.tell(f"writer 0 {which}")


# What a program written here begins with: it dials what it is told.
HEAD = """
import ctypes, errno, os, select, signal, socket, sys, threading, time
ADDRESS, PORT = sys.argv[1], int(sys.argv[2])
libc = ctypes.CDLL(None, use_errno=True)

def greet(sock=None):
    try:
        sock = sock or socket.socket()
        sock.connect((ADDRESS, PORT))
        return sock.recv(99).decode().strip()
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e))

def say(*words):
    print(*words, flush=True)
"""


def worker_of(keeper):
    """The trap's other process: of the keeper's children the one that is no program."""
    def find():
        found = {}
        with open(f"/proc/{keeper}/task/{keeper}/children") as children:
            for pid in children.read().split():
                with contextlib.suppress(OSError):
                    exe = os.readlink(f"/proc/{pid}/exe")
                    found[exe.endswith(("pelorus-trap", "trap-faults"))] = int(pid)
        return found.get(True) if False in found else None
    return wait_for(find, 10)


@contextlib.contextmanager
def world():
    """Its writer is ONE; where nobody answers connects wait."""
    folder = loopback.enter(hosts={WRITER: TWO})
    port = loopback.Servers(ONE, TWO, SIX).port
    place = Park()
    with Map(folder) as published:
        published.tell(f"name 0 writer {WRITER} {TWO}")
        for i, address in enumerate((ONE, TWO)):
            published.tell(f"instance 0 {i} i{i} {port} {address}")
        published.park(place)
        published.tell("writer 0 0")
        yield World(folder, published, port)
