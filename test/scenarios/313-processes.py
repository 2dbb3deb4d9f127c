#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many processes, and many clusters that are none of theirs."""
import os
import select
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import loopback  # noqa: E402
from loopback import dial, greeting  # noqa: E402
from published import Map  # noqa: E402
from tap import done, note, ok  # noqa: E402

WRITER = "db.cluster-abc.test-region-1.rds.amazonaws.com"
ONE, TWO = "127.0.77.1", "127.0.77.2"
STORM, AT_ONCE = 2000, 40
FLAPPING, FLAP_S = 63, 4


def threads():
    return set(os.listdir("/proc/self/task"))


def descriptors(servers=None):
    """Without those of the servers, which live in this process too."""
    return len(os.listdir("/proc/self/fd")) - (len(servers.kept) if servers else 0)


def storm_child(virtual, port):
    """Connects, and leaves nothing behind; the exit status says what was wrong."""
    before = descriptors()
    try:
        with dial(virtual, port) as sock:
            greeting(sock)
    except OSError:
        os._exit(2)
    os._exit(0 if descriptors() == before and len(threads()) <= 2 else 3)


def check_storm(published, servers):
    port = servers.port
    virtual = socket.gethostbyname(WRITER)
    kept = dial(virtual, port)
    greeting(kept)
    before = threads(), descriptors(servers)
    running, states, forked, to, last = set(), {}, 0, 0, time.monotonic()
    begin = last
    while forked < STORM or running:
        if time.monotonic() - last > 0.1:
            to, last = 1 - to, time.monotonic()
            published.tell(f"writer 0 {to}")
        while forked < STORM and len(running) < AT_ONCE:
            pid = os.fork()
            if pid == 0:
                storm_child(virtual, port)
            running.add(pid)
            forked += 1
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            time.sleep(0.001)
            continue
        running.discard(pid)
        states[status] = states.get(status, 0) + 1
    note(f"{STORM} processes in {time.monotonic() - begin:.1f} s; wait statuses {states}")
    crashed = {s: n for s, n in states.items() if os.WIFSIGNALED(s)}
    leaked = states.get(3 << 8, 0)
    ok(not crashed, f"{STORM} children while the writer flips every 100 ms: no crash", crashed)
    ok(not leaked, "no thread or descriptor leaked", leaked)
    # A flip that meets a connection on its way may end it: a child that was told so did well.
    ok(states.get(2 << 8, 0) <= STORM // 50, "at most one in fifty met a flip half-way",
       states.get(2 << 8, 0))
    ok((threads(), descriptors(servers)) == before, "the parent is as it was")
    ok(select.select([kept], [], [], 0)[0], "and its own old connection was ended")
    kept.close()
    published.tell("writer 0 0")


def watcher_ns():
    """Processor time of the thread named pelorus."""
    for tid in threads():
        with open(f"/proc/self/task/{tid}/comm") as f:
            if f.read().strip() == "pelorus":
                with open(f"/proc/self/task/{tid}/schedstat") as s:
                    return int(s.read().split()[0])
    return None


def check_flapping(published, port):
    quiet = dial(WRITER, port)
    greeting(quiet)
    for number in range(1, FLAPPING + 1):
        published.tell(f"name {number} writer c{number}.cluster-x.test-region-1.rds.amazonaws.com")
        for i, address in enumerate((ONE, TWO)):
            published.tell(f"instance {number} {i} i{i} {port} {address}")
    begin, used, flips = time.monotonic(), watcher_ns(), 0
    while time.monotonic() - begin < FLAP_S:
        due = begin + flips / (10 * FLAPPING)
        if time.monotonic() < due:
            time.sleep(due - time.monotonic())
        published.tell(f"writer {flips % FLAPPING + 1} {flips // FLAPPING % 2}")
        flips += 1
    seconds = time.monotonic() - begin
    share = (watcher_ns() - used) / 1e9 / seconds
    note(f"{flips / seconds:.0f} flips a second of others; the watcher took {100 * share:.3f} % "
         "of a core")
    ok(not select.select([quiet], [], [], 0)[0], "63 other clusters at 10 Hz: nothing is severed")
    ok(share <= 0.001, "and the watcher takes 0.1 % of a core at most", f"{100 * share:.3f} %")
    begin = time.monotonic()
    published.tell("writer 0 1")
    select.select([quiet], [], [], 5)
    taken = 1e3 * (time.monotonic() - begin)
    ok(quiet.recv(1) == b"" and taken < 100, "its own cluster's flip comes through", f"{taken:.1f} ms")
    note(f"{taken:.1f} ms after it")


def main():
    folder = loopback.enter()
    servers = loopback.Servers(ONE, TWO)
    signal.alarm(120)
    with Map(folder) as published:
        published.tell(f"name 0 writer {WRITER}")
        for i, address in enumerate((ONE, TWO)):
            published.tell(f"instance 0 {i} i{i} {servers.port} {address}")
        published.tell("writer 0 0")
        check_storm(published, servers)
        check_flapping(published, servers.port)
    done()


main()
