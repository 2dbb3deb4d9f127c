#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hundreds of programs, starters, clients at once: one prober, no error, and everybody is
served."""
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time

from lib.paths import LIBRARY, PELORUSD
from lib.prober import Prober
from lib.tap import done, note, ok
from lib.waiting import LIMIT, alive, wait_for

PROGRAMS = 500
CLIENTS = 500


def counting(p):
    """A pelorusd that leaves a line for each exec, and the file with the lines."""
    path, count = os.path.join(p.folder, "pelorusd"), os.path.join(p.folder, "count")
    with open(path, "w") as out:
        out.write(f'#!/bin/sh\necho x >>{count}\nexec {PELORUSD} --config {p.config} '
                  '--no-defaults "$@"\n')
    os.chmod(path, 0o755)
    open(count, "w").close()
    return path, count


def lines_of(path):
    with open(path) as f:
        return len(f.readlines())


def preloaded(p, path):
    return dict(p.environment, LD_PRELOAD=LIBRARY, PELORUS_CLUSTER="localhost",
                PELORUS_PROBER=path)


def programs():
    """Unmodified programs with the library preloaded, all looking the name up at once."""
    with Prober() as p:
        path, count = counting(p)
        begin = time.monotonic()
        children = [subprocess.Popen(["getent", "ahostsv4", "localhost"], env=preloaded(p, path),
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                    for _ in range(PROGRAMS)]
        said = [child.communicate(timeout=60) for child in children]
        took, n = time.monotonic() - begin, lines_of(count)
        note(f"{PROGRAMS} programs ran within {took:.2f} s, by {n} exec of pelorusd")
        ok(all(child.returncode == 0 for child in children) and not any(e for _, e in said),
           f"{PROGRAMS} programs at once: none sees an error", str({e for _, e in said}))
        ok(all(out.startswith("198.18.") for out, _ in said), "all get the virtual address",
           str({out.split("\n")[0] for out, _ in said}))
        ok(1 <= n <= 3, "at most three of them execute pelorusd", str(n))
        supervisor, worker = p.note_pids()
        ok(alive(supervisor) and alive(worker), "one prober is at work")


LOOKUPS = """
import socket, sys
for _ in range(10000):
    socket.getaddrinfo("localhost", 3306, socket.AF_INET)
"""


def broken():
    """A prober that cannot start is not tried without end."""
    with Prober(config="[pelorus]\npoll = never\n") as p:
        path, count = counting(p)
        begin = time.monotonic()
        children = [subprocess.Popen([sys.executable, "-c", LOOKUPS], env=preloaded(p, path),
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                    for _ in range(4)]
        said = [child.communicate(timeout=120)[1] for child in children]
        took, n = time.monotonic() - begin, lines_of(count)
        note(f"40,000 lookups took {took:.1f} s, and {n} starts; {said[0].strip()}")
        ok(all(child.returncode == 0 for child in children), "a broken configuration: the programs "
           "run on", said[0])
        ok(1 <= n <= 5, "and start at most five probers a minute", str(n))
        ok(sum(text.count("\n") for text in said) <= 8, "saying little", said[0])


def is_free(lock):
    """Asked of flock: in a pid namespace /proc/locks leaves out those whose taker has ended."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(lock, fcntl.LOCK_UN)
    return True


def executors():
    """Even if every one of them executes pelorusd, one stays and no one complains."""
    with Prober() as p:
        children = [subprocess.Popen(p.command(), env=p.environment, stderr=subprocess.PIPE)
                    for _ in range(100)]
        said = [child.communicate(timeout=LIMIT)[1] for child in children]
        ok(all(child.returncode == 0 for child in children) and not any(said),
           "100 execs at once all end well", str(set(said)))
        supervisor, worker = p.note_pids()
        with open(f"/proc/{supervisor}/task/{supervisor}/children") as kids:
            ok(kids.read().split() == [str(worker)], "and one prober with one worker stays")
        with open(os.path.join(p.directory, "lock")) as lock:
            ok(not is_free(lock), "which holds the lock")
            # Stopped first: a worker that dies last has time to start another supervisor.
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for pid in (supervisor, worker):
                    os.kill(pid, number)
            wait_for(lambda: is_free(lock))
            ok(True, "alone: without it the lock is free")


def clients():
    """Connections wait their turn when the table is full."""
    with Prober() as p:
        p.start()
        answers = []

        def ask():
            answers.append(p.ask("hint", name="nobody.follows.this"))

        threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
        silent = [p.connect() for _ in range(200)]
        begin = time.monotonic()
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        note(f"{CLIENTS} clients beside 200 silent ones took {time.monotonic() - begin:.2f} s")
        ok(len(answers) == CLIENTS and all(a.startswith("error unfollowed") for a in answers),
           f"{CLIENTS} clients at once all get their answer", str(set(answers)))
        for s in silent:
            s.close()
        wait_for(lambda: p.status()["control"]["connections"] == 1)
        ok(True, "and no connection is left over")


for part in (programs, broken, executors, clients):
    part()
done()
