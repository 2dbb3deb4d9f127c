#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# alone
"""A thousand connects that wait, let go at once: what event loops see of it, at rest and loaded.

By hand, for longer: test/scenarios/352-hold-release.py --rounds 20
"""
import argparse
import contextlib
import errno
import os
import resource
import select
import shutil
import socket
import statistics
import subprocess
import time

from lib.paths import BUILD, ROOT
from lib.programs import loopback
from lib.programs.loopback import greeting
from lib.published import Map, Park
from lib.tap import done, note, ok, skip

WRITER = "db.cluster-abc.test-region-1.rds.amazonaws.com"
ONE, SIX, HOLE = "127.0.77.1", "fd00:77::1", "10.77.0.2"
COUNT, LIMIT_MS = 1000, 20000
SELECT_MOST = 250  # numbers below 1024, with what others hold
NOT_SERVED = 77
LOOPS = ("level", "edge", "poll", "select", "uring", "java")
AT_REST, LOADED = 0.001, 0.01
IN_VAIN, IN_VAIN_MS, HELD_MS = 500, 1500, 1000
IN_A_ROW, APART_S, LATE_MS = 40, 0.003, 50


class Loop:
    """A program with an event loop of its kind; each round is a number of connects."""

    def __init__(self, kind, port):
        words = [WRITER, str(port), ONE]
        if kind == "java":
            command = ["java", "-XX:TieredStopAtLevel=1",
                       os.path.join(ROOT, "test", "guests", "Released.java"), *words]
        else:
            command = [os.path.join(BUILD, "test", "guests", "released"), kind, *words]
        self.kind = kind
        self.most = SELECT_MOST if kind == "select" else COUNT
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True, bufsize=1)

    def begin(self, count, limit_ms=LIMIT_MS):
        self.child.stdin.write(f"{count} {limit_ms}\n")
        return self.child.stdout.readline() == "begun\n"

    def outcome(self):
        words = self.child.stdout.readline().split()
        found = dict(zip(words[::2], words[1::2]))
        return {k: int(v) for k, v in found.items() if k != "errno"}, found.get("errno", "0")

    def end(self):
        self.child.stdin.close()
        status = self.child.wait(30)
        self.child.stdout.close()
        return status


@contextlib.contextmanager
def load():
    """Both cores, and as many more as there are, have something else to do."""
    busy = [subprocess.Popen(["sh", "-c", "while :; do :; done"], env={})
            for _ in range(os.cpu_count())]
    try:
        yield
    finally:
        for child in busy:
            child.kill()
            child.wait()


def forget(servers):
    while servers.kept:
        servers.kept.pop().close()


def release(published, servers, loop, count):
    """One round: the sums of what it saw, or None if it could not begin."""
    sums, errors, begun = {}, set(), 0
    while begun < count:
        n = min(loop.most, count - begun)
        published.tell("writer 0 none")
        if not loop.begin(n):
            return None, errors
        published.tell("writer 0 0")
        found, error = loop.outcome()
        for key, value in found.items():
            sums[key] = max(sums.get(key, 0), value) if key == "us" else sums.get(key, 0) + value
        errors |= {error} - {"0"}
        begun += n
        forget(servers)
    return sums, errors


def judge(kind, text, sums, errors, count, law):
    note(f"{kind}, {text}: " + " ".join(f"{k} {v}" for k, v in sums.items()) +
         (f" ({' '.join(sorted(errors))})" if errors else ""))
    ok(sums.get("refused") == 0 and sums["silent"] == 0 and sums["wrong"] == 0,
       f"{kind}, {text}: each waits, and ends at the writer", sums)
    ok(sums["errors"] <= law * count,
       f"{kind}, {text}: at most {100 * law:g} % see an error", sums)


def check_end(published, loop):
    published.tell("hold 0 300")
    published.tell("writer 0 none")
    loop.begin(SELECT_MOST)
    found, error = loop.outcome()
    published.tell("hold 0 unsaid")
    ok(found["errors"] == SELECT_MOST and error in (str(errno.ECONNREFUSED), "Connection_refused"),
       f"{loop.kind}: without a writer each is refused, when it has waited for long enough",
       f"{found} {error}")


def check_in_vain(published, loop, places):
    """All are woken, and nothing comes of it: nobody may wait for that once for each of them."""
    for text, happens in (("a writer that is silent", ["writer 0 1"]),
                          ("another place to wait", ["park", "wake 0"])):
        published.tell("writer 0 none")
        loop.begin(IN_VAIN, IN_VAIN_MS)
        for line in happens:
            if line == "park":
                places.reverse()
                published.park(places[0])
            else:
                published.tell(line)
        found, error = loop.outcome()
        ok(found["held"] < HELD_MS, f"{loop.kind}: {text} holds up nobody", f"{found} {error}")


def check_loop(published, servers, places, kind, rounds):
    loop = Loop(kind, servers.port)
    for text, law, around in (("at rest", AT_REST, contextlib.nullcontext),
                              ("loaded", LOADED, load)):
        with around():
            sums, errors = release(published, servers, loop, COUNT * rounds)
        if sums is None:
            break
        judge(kind, text, sums, errors, COUNT * rounds, law)
        if kind == "java" and text == "at rest":
            # Netty takes "not yet" for a fault: only whoever was woken in the gap may hear it.
            ok(sums["again"] <= COUNT * rounds / 2, "java: few are told that they go on", sums)
    if sums:
        check_end(published, loop)
    if sums and kind in ("level", "uring"):
        check_in_vain(published, loop, places)
    if loop.end() == NOT_SERVED:
        skip(f"{kind}: a thousand at once", "this kernel does not serve it")


def park(family, port):
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setblocking(False)
    sock.connect_ex(socket.getaddrinfo(WRITER, port, family, socket.SOCK_STREAM)[0][4])
    return sock


def is_ready(sock):
    return bool(select.select([], [sock], [], 10)[1])


def check_families(published, servers):
    """Sockets of both families wait, for whatever addresses the writer will have."""
    for instance, text, families in ((0, ONE, (socket.AF_INET, socket.AF_INET6)),
                                     (2, SIX, (socket.AF_INET6,))):
        for family in families:
            published.tell("writer 0 none")
            with park(family, servers.port) as sock:
                published.tell(f"writer 0 {instance}")
                ready = is_ready(sock)
                ok(ready and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0 and
                   greeting(sock) == text, f"{family.name}, and a writer at {text}", ready)
    forget(servers)


def check_in_a_row(published, servers):
    """Those that come one after the other do not keep the first from leaving at once."""
    times = []
    for _ in range(9):
        published.tell("writer 0 none")
        socks = []
        for _ in range(IN_A_ROW):
            socks.append(park(socket.AF_INET, servers.port))
            time.sleep(APART_S)
        begin = time.monotonic()
        published.tell("writer 0 0")
        is_ready(socks[0])
        times.append(1000 * (time.monotonic() - begin))
        for sock in socks:
            is_ready(sock)
            sock.close()
        forget(servers)
    late = statistics.median(times)
    note(f"{IN_A_ROW} in a row: {late:.1f} ms until the first is there")
    ok(late < LATE_MS, f"{IN_A_ROW} that came in a row: the first is there at once", times)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--loops", nargs="*", default=LOOPS)
    options = parser.parse_args()
    folder = loopback.enter()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    servers = loopback.Servers(ONE, SIX)
    places = [Park(), Park()]
    with Map(folder) as published:
        published.tell(f"name 0 writer {WRITER}")
        for i, address in enumerate((ONE, HOLE, SIX)):
            published.tell(f"instance 0 {i} i{i} {servers.port} {address}")
        published.park(places[0])
        published.tell("writer 0 0")
        check_families(published, servers)
        check_in_a_row(published, servers)
        for kind in options.loops:
            if kind == "java" and not shutil.which("javac"):
                skip("java: a thousand at once", "no javac")
            else:
                check_loop(published, servers, places, kind, options.rounds)
    for place in places:
        place.close()
    done()


main()
