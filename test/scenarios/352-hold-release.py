#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# alone
"""A thousand connects that wait, let go at once: what event loops see of it, at rest and loaded.

By hand, for longer: test/scenarios/352-hold-release.py --rounds 20
"""
import argparse
import contextlib
import os
import resource
import shutil
import subprocess

from lib.paths import BUILD, ROOT
from lib.programs import loopback
from lib.published import Map, Park
from lib.tap import done, note, ok, skip

WRITER = "db.cluster-abc.test-region-1.rds.amazonaws.com"
ONE = "127.0.77.1"
COUNT = 1000
SELECT_MOST = 250  # numbers below 1024, with what others hold
NOT_SERVED = 77
LOOPS = ("level", "edge", "poll", "select", "uring")
AT_REST, LOADED = 0.001, 0.01


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

    def begin(self, count):
        self.child.stdin.write(f"{count}\n")
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
        while servers.kept:
            servers.kept.pop().close()
    return sums, errors


def judge(kind, text, sums, errors, count, law):
    note(f"{kind}, {text}: " + " ".join(f"{k} {v}" for k, v in sums.items()) +
         (f" ({' '.join(sorted(errors))})" if errors else ""))
    ok(sums.get("refused") == 0 and sums["silent"] == 0 and sums["wrong"] == 0,
       f"{kind}, {text}: each waits, and ends at the writer", sums)
    ok(sums["errors"] <= law * count,
       f"{kind}, {text}: at most {100 * law:g} % see an error", sums)


def check_loop(published, servers, kind, rounds):
    loop = Loop(kind, servers.port)
    for text, law, around in (("at rest", AT_REST, contextlib.nullcontext),
                              ("loaded", LOADED, load)):
        with around():
            sums, errors = release(published, servers, loop, COUNT * rounds)
        if sums is None:
            break
        judge(kind, text, sums, errors, COUNT * rounds, law)
    if loop.end() == NOT_SERVED:
        skip(f"{kind}: a thousand at once", "this kernel does not serve it")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--loops", nargs="*", default=[*LOOPS, "java"])
    options = parser.parse_args()
    folder = loopback.enter()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    servers = loopback.Servers(ONE)
    place = Park()
    with Map(folder) as published:
        published.tell(f"name 0 writer {WRITER}")
        published.tell(f"instance 0 0 one {servers.port} {ONE}")
        published.park(place)
        published.tell("writer 0 0")
        for kind in options.loops:
            if kind == "java" and not shutil.which("javac"):
                skip("java: a thousand at once", "no javac")
            else:
                check_loop(published, servers, kind, options.rounds)
    place.close()
    done()


main()
