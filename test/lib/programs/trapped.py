# SPDX-License-Identifier: Apache-2.0
"""A world for programs in the trap: a map that the test publishes, servers on loopback, and the
trap itself, run as `pelorus run --trap` runs it."""
import contextlib
import os
import socket
import subprocess
import threading

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
import ctypes, errno, fcntl, os, select, signal, socket, sys, threading, time
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


def serve_names(folder, address, late_s=0):
    """The machine's nameserver from now on. Its answers are late, but not that of one question for
    another's sake; each host is TWO."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    server.bind((address, 53))

    def serve():
        while True:
            question, client = server.recvfrom(2000)
            end = question.index(0, 12) + 5
            is_v4 = question[end - 3] == 1
            record = b"\xc0\x0c\0\x01\0\x01\0\0\0\x01\0\x04" + socket.inet_aton(TWO)
            answer = (question[:2] + b"\x81\x80\0\x01" + bytes([0, is_v4, 0, 0, 0, 0]) +
                      question[12:end] + (record if is_v4 else b""))
            threading.Timer(late_s, server.sendto, (answer, client)).start()
    threading.Thread(target=serve, daemon=True).start()
    conf = os.path.join(folder, "resolv.conf")
    with open(conf, "w") as out:
        out.write(f"nameserver {address}\n")
    subprocess.run(["mount", "--bind", conf, "/etc/resolv.conf"], check=True)


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
