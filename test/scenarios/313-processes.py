#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many processes, and many clusters that are none of theirs.

With PELORUS_LONG, on a machine at rest, there are 2,000 of them, and a flip comes through within
200 ms.
"""
import os
import select
import signal
import socket
import subprocess
import sys
import time

from lib.programs import guests, loopback
from lib.programs.loopback import dial, greeting
from lib.published import Map
from lib.tap import done, note, ok
from lib.waiting import wait_for, within

WRITER = "db.cluster-abc.test-region-1.rds.amazonaws.com"
ONE, TWO = "127.0.77.1", "127.0.77.2"
LONG = bool(os.environ.get("PELORUS_LONG"))
STORM, AT_ONCE = 2000 if LONG else 500, 40
FLAPPING, FLAP_S = 63, 4


def threads():
    return set(os.listdir("/proc/self/task"))


def check_storm(published, folder, port):
    storm = guests.host().build("storm", folder)
    begin, to = time.monotonic(), 0
    child = subprocess.Popen([storm, WRITER, str(port), str(STORM), str(AT_ONCE)], text=True,
                             stdout=subprocess.PIPE)
    while child.poll() is None:
        to = 1 - to
        published.tell(f"writer 0 {to}")
        time.sleep(0.1)
    words = child.stdout.read().split()
    found = dict(zip(words[::2], map(int, words[1::2])))
    note(f"{time.monotonic() - begin:.1f} s; {' '.join(words)}")
    ok(found["crashed"] == 0 and sum(found[k] for k in ("well", "refused", "leaked")) == STORM,
       f"{STORM} children while the writer flips every 100 ms: no crash", words)
    ok(found["leaked"] == 0, "no thread or descriptor leaked", words)
    ok(found["refused"] == 0, "each is connected, if not at once then at its second try", words)
    # Three standard ones, the kept connection, and the folder that is being read.
    ok(found["threads"] == 2 and found["descriptors"] == 4, "the parent is as it was", words)
    ok(found["severed"] == 1, "and its own old connection was ended")
    published.tell("writer 0 0")


def watcher_task():
    """The folder of the thread named pelorus, in /proc."""
    for tid in threads():
        with open(f"/proc/self/task/{tid}/comm") as f:
            if f.read().strip() == "pelorus":
                return f"/proc/self/task/{tid}"
    return None


def watcher_ns():
    """Its processor time."""
    with open(watcher_task() + "/schedstat") as f:
        return int(f.read().split()[0])


def watcher_wakes():
    """How often it went to sleep by itself."""
    with open(watcher_task() + "/status") as f:
        return int(f.read().split("\nvoluntary_ctxt_switches:")[1].split()[0])


def check_flapping(published, port):
    quiet = dial(WRITER, port)
    greeting(quiet)
    for number in range(1, FLAPPING + 1):
        published.tell(f"name {number} writer c{number}.cluster-x.test-region-1.rds.amazonaws.com")
        for i, address in enumerate((ONE, TWO)):
            published.tell(f"instance {number} {i} i{i} {port} {address}")
    wait_for(lambda: watcher_task() is not None)  # it takes its name when it first runs
    begin, used, woken, flips = time.monotonic(), watcher_ns(), watcher_wakes(), 0
    while time.monotonic() - begin < FLAP_S:
        due = begin + flips / (10 * FLAPPING)
        time.sleep(max(0, due - time.monotonic()))
        published.tell(f"writer {flips % FLAPPING + 1} {flips // FLAPPING % 2}")
        flips += 1
    seconds = time.monotonic() - begin
    share = (watcher_ns() - used) / 1e9 / seconds
    woken = watcher_wakes() - woken
    note(f"{flips / seconds:.0f} flips a second of others; the watcher woke {woken / seconds:.0f} "
         f"times a second and took {100 * share:.3f} % of a core")
    ok(not select.select([quiet], [], [], 0)[0], "63 other clusters at 10 Hz: nothing is severed")
    ok(woken * 10 <= flips, "and the watcher wakes for one of ten at most", f"{woken} of {flips}")
    begin = time.monotonic()
    published.tell("writer 0 1")
    ended = select.select([quiet], [], [], 30)[0] and quiet.recv(1) == b""
    taken = 1e3 * (time.monotonic() - begin)
    note(f"its own flip came through after {taken:.1f} ms")
    ok(ended and within(taken, 200), "its own cluster's flip comes through", taken)


def fork_child(work):
    """The pid of a child whose exit status says whether work() was true."""
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if work() else 1)
        except BaseException as e:
            print(e, file=sys.stderr)
            os._exit(2)
    return pid


def check_hardships(published, port):
    """What hosts do to their processes; the watcher goes on, and is no burden to them."""
    virtual, ready = socket.gethostbyname(WRITER), []

    def after(hardship):
        def work():
            own = dial(virtual, port)
            greeting(own)
            hardship(own)
            os.write(ready[1], b".")
            return bool(select.select([own], [], [], 30)[0])
        ready[:] = os.pipe()
        pid = fork_child(work)
        os.read(ready[0], 1)
        published.tell("writer 0 1")
        status = os.waitpid(pid, 0)[1]
        published.tell("writer 0 0")
        return status

    def close_from(own):
        kept = sorted({own.fileno(), *ready})
        for low, high in zip([2, *kept], [*kept, 1024]):
            os.closerange(low + 1, high)

    rows = {
        "setuid": lambda own: os.setresuid(0, 0, 0),
        "chroot": lambda own: os.chroot("/proc/self"),
        "closefrom": close_from,
        "every signal blocked": lambda own: signal.pthread_sigmask(signal.SIG_BLOCK,
                                                                  signal.valid_signals()),
    }
    for text, hardship in rows.items():
        ok(after(hardship) == 0, f"{text}: its connection is ended all the same")

    def signals_reach_the_host():
        got = []
        signal.signal(signal.SIGUSR1, lambda *_: got.append(threads()))
        own = dial(virtual, port)
        greeting(own)
        for _ in range(50):
            os.kill(os.getpid(), signal.SIGUSR1)
        return len(got) == 50

    ok(os.waitpid(fork_child(signals_reach_the_host), 0)[1] == 0,
       "signals reach the host's own thread, all of them")


def main():
    folder = loopback.enter()
    servers = loopback.Servers(ONE, TWO)
    signal.alarm(300)
    with Map(folder) as published:
        published.tell(f"name 0 writer {WRITER}")
        for i, address in enumerate((ONE, TWO)):
            published.tell(f"instance 0 {i} i{i} {servers.port} {address}")
        published.tell("writer 0 0")
        check_hardships(published, servers.port)
        check_flapping(published, servers.port)
        check_storm(published, folder, servers.port)
    done()


main()
