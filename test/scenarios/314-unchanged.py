#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Without a topology a program does what it does without us: the same sockets, to the same places,
with the same errors, and at most one line on stderr.

That it takes no longer is judged with PELORUS_LONG, on a machine at rest."""
import os
import re
import shutil
import subprocess
import time

from lib import environ
from lib.programs import loopback
from lib.published import Map
from lib.tap import done, note, ok

DOMAIN = "test-region-1.rds.amazonaws.com"
WRITER = f"db.cluster-abc.{DOMAIN}"
READER = f"db.cluster-ro-abc.{DOMAIN}"
ABSENT = f"absent.cluster-abc.{DOMAIN}"
DNS, ELSEWHERE = "127.0.77.4", "127.0.77.1"
SIZE = 1441792  # of a map

PROGRAM = """
import os, socket, sys
port = int(sys.argv[1])
def attempt(text, work):
    try:
        print(text, work())
    except OSError as e:
        print(text, type(e).__name__, e.errno)
def greet(name, family=0):
    with socket.create_connection((name, port), 5) as s:
        return s.recv(99), s.getpeername()[:2], s.getsockname()[0]
attempt("writer", lambda: greet(sys.argv[2]))
attempt("reader", lambda: greet(sys.argv[3]))
attempt("again", lambda: greet(sys.argv[2].upper() + "."))
attempt("absent", lambda: greet(sys.argv[4]))
attempt("closed", lambda: socket.create_connection((sys.argv[2], 1), 5))
attempt("service", lambda: socket.getaddrinfo(sys.argv[2], "no-such-service"))
attempt("other", lambda: greet("127.0.77.1"))
sys.stdout.flush()
os._exit(7)
"""


class Observed:
    def __init__(self, folder, arguments, environment):
        trace = os.path.join(folder, "trace")
        begin = time.monotonic()
        done_ = subprocess.run(
            ["strace", "-f", "-qq", "-e", "trace=socket,connect", "-e", "signal=none", "-o", trace,
             "env", *(f"{k}={v}" for k, v in environment.items()),
             "/usr/bin/python3", "-c", PROGRAM, *arguments],
            capture_output=True, text=True, env=environ.plain())
        self.seconds = time.monotonic() - begin
        lines = done_.stderr.splitlines()
        self.said = [x for x in lines if x.startswith("pelorus[")]
        self.stderr = [x for x in lines if not x.startswith("pelorus[")]
        self.status, self.stdout = done_.returncode, done_.stdout
        with open(trace) as f:
            self.calls = [self.normal(line) for line in f if "(" in line]

    @staticmethod
    def normal(line):
        """Without process and descriptor numbers."""
        call = line.split(None, 1)[1].strip()
        return re.sub(r"= \d+$", "= FD", re.sub(r"^(connect)\(\d+", r"\1(FD", call))

    def key(self):
        return self.status, self.stdout, self.stderr, self.calls


def directory(folder, mode=0o700):
    path = os.path.join(folder, "case")
    shutil.rmtree(path, ignore_errors=True)
    if os.path.lexists(path):
        os.unlink(path)
    os.mkdir(path)
    os.chmod(path, mode)
    return path


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def with_map(folder, data):
    path = directory(folder)
    write(os.path.join(path, "topology.map"), data)
    return path


def another_version(folder):
    source = os.path.join(folder, "run", "topology.map")
    with open(source, "rb") as f:
        data = bytearray(f.read())
    data[8] = 99
    return with_map(folder, bytes(data))


def dead_heartbeat(folder):
    with open(os.path.join(folder, "run", "topology.map"), "rb") as f:
        data = bytearray(f.read())
    data[72:80] = (1).to_bytes(8, "little")
    return with_map(folder, bytes(data))


def odd_entry(folder, make):
    path = directory(folder)
    make(os.path.join(path, "topology.map"))
    return path


def link(folder):
    path = directory(folder)
    os.rmdir(path)
    os.symlink(os.path.join(folder, "run"), path)
    return path


def plain_file(folder):
    path = directory(folder)
    os.rmdir(path)
    write(path, b"x")
    return path


def garbage_slots(folder):
    path = directory(folder)
    write(os.path.join(path, "clients.slots"), os.urandom(600000))
    return path


OFF = {"PELORUS_PROBER": "off"}
# What is wrong, and the environment in which it is so; the folder is made at the moment of its
# test.
CASES = [
    ("switched off", lambda f: {"PELORUS_DISABLED": "1"}),
    ("excluded", lambda f: {"PELORUS_EXCLUDE": "python*"}),
    ("no directory, no prober wanted", lambda f: {**OFF, "PELORUS_RUNTIME_DIR": f + "/none"}),
    ("a prober that does not exist", lambda f: {"PELORUS_PROBER": "/nonexistent/pelorusd",
                                                "PELORUS_RUNTIME_DIR": directory(f)}),
    ("a prober that fails", lambda f: {"PELORUS_PROBER": "/bin/false",
                                       "PELORUS_RUNTIME_DIR": directory(f)}),
    ("a directory nobody may write to", lambda f: {"PELORUS_PROBER": "/bin/false",
                                                   "PELORUS_RUNTIME_DIR": directory(f, 0o500)}),
    ("a directory that others may write to", lambda f: {"PELORUS_PROBER": "/bin/false",
                                                        "PELORUS_RUNTIME_DIR": directory(f,
                                                                                         0o777)}),
    ("a link in place of the directory", lambda f: {**OFF, "PELORUS_RUNTIME_DIR": link(f)}),
    ("a file in place of the directory", lambda f: {**OFF, "PELORUS_RUNTIME_DIR": plain_file(f)}),
    ("a path that is too long", lambda f: {**OFF, "PELORUS_RUNTIME_DIR": f + "/" + "x" * 200}),
    ("a map of nothing", lambda f: {**OFF, "PELORUS_RUNTIME_DIR": with_map(f, b"")}),
    ("a map of zeros", lambda f: {**OFF, "PELORUS_RUNTIME_DIR": with_map(f, bytes(SIZE))}),
    ("a map of garbage", lambda f: {**OFF, "PELORUS_RUNTIME_DIR": with_map(f, os.urandom(SIZE))}),
    ("half a map", lambda f: {**OFF, "PELORUS_RUNTIME_DIR": with_map(f, bytes(SIZE // 2))}),
    ("a map of another version", lambda f: {**OFF, "PELORUS_RUNTIME_DIR": another_version(f)}),
    ("a map whose prober died", lambda f: {**OFF, "PELORUS_RUNTIME_DIR": dead_heartbeat(f)}),
    ("a folder in place of the map",
     lambda f: {**OFF, "PELORUS_RUNTIME_DIR": odd_entry(f, os.mkdir)}),
    ("a pipe in place of the map",
     lambda f: {**OFF, "PELORUS_RUNTIME_DIR": odd_entry(f, os.mkfifo)}),
    ("a link in place of the map", lambda f: {**OFF, "PELORUS_RUNTIME_DIR": odd_entry(
        f, lambda p: os.symlink("/dev/zero", p))}),
    ("garbage for slots", lambda f: {**OFF, "PELORUS_RUNTIME_DIR": garbage_slots(f)}),
]
WHYS = {2: "no credentials", 3: "credentials that are refused", 4: "no server answers",
        5: "not a cluster", 6: "no writer for too long", 7: "two that say they are the writer",
        8: "members that cannot be reached directly"}


def compare(text, plain, under):
    same = plain.key() == under.key()
    ok(same, f"{text}: the same", "" if same else
       f"without: {plain.status} {plain.stdout}{plain.stderr}\n" + "\n".join(plain.calls) +
       f"\nwith: {under.status} {under.stdout}{under.stderr}\n" + "\n".join(under.calls))
    ok(len(under.said) <= 1, f"{text}: at most one line", str(under.said))
    if under.said:
        note(under.said[0])


def timed(arguments, environment):
    begin = time.monotonic()
    subprocess.run(["/usr/bin/python3", "-c", PROGRAM, *arguments], stdout=subprocess.DEVNULL,
                   env={"PATH": os.environ["PATH"], **environment})
    return time.monotonic() - begin


def check_time(folder, arguments, preload):
    """In turns, so that a noisy machine is noisy to both."""
    under = {**preload, **OFF, "PELORUS_RUNTIME_DIR": folder + "/none"}
    pairs = [(timed(arguments, {}), timed(arguments, under)) for _ in range(25)]
    plain, with_us = (sorted(p[i] for p in pairs)[len(pairs) // 2] for i in (0, 1))
    note(f"median of 25 runs: {1e3 * plain:.1f} ms alone, {1e3 * with_us:.1f} ms with us and "
         f"without a prober: {with_us / plain:.3f}")
    ok(with_us <= 1.1 * plain, "it takes at most 1.1 times as long", f"{with_us / plain:.3f}")


def main():
    folder = loopback.enter(hosts={WRITER: DNS, READER: DNS})
    # The usual runtime directory is this user's, and others of his tests have daemons.
    subprocess.run(["mount", "-t", "tmpfs", "none", "/dev/shm"], check=True)
    servers = loopback.Servers(DNS, ELSEWHERE)
    preload = {"LD_PRELOAD": os.environ["LD_PRELOAD"]}
    arguments = [str(servers.port), WRITER, READER, ABSENT]
    plain = Observed(folder, arguments, {})
    ok(plain.status == 7 and DNS in plain.stdout, "the program runs without us", plain.stdout)
    note(f"{len(plain.calls)} calls of socket and connect")
    with Map(folder) as published:
        published.tell(f"name 0 writer {WRITER} {DNS}")
        published.tell(f"name 0 reader {READER} {DNS}")
        published.tell(f"name 0 writer {ABSENT}")
        published.tell(f"instance 0 0 one {servers.port} {ELSEWHERE}")
        published.tell("writer 0 0")
        for text, environment in CASES:
            compare(text, plain, Observed(folder, arguments, {**preload, **environment(folder)}))
        for why, text in WHYS.items():
            published.tell(f"writer 0 unknown {why}")
            environment = {**OFF, "PELORUS_RUNTIME_DIR": os.path.join(folder, "run")}
            compare(text, plain, Observed(folder, arguments, {**preload, **environment}))
    if os.environ.get("PELORUS_LONG"):
        check_time(folder, arguments, preload)
    done()


main()
