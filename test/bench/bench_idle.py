# SPDX-License-Identifier: Apache-2.0
"""Wake-ups of the watcher of a process that holds a connection and does nothing.

Method: context switches of every thread of the process (/proc/PID/task/*/status) over 20 s, which
begin once the connection is there and the threads have come to rest; the look at the heartbeat
comes after 30 s, so each process is watched once.  The process itself sleeps in poll(), so that any
switch is the library's.  The map's heartbeat goes on all the while; in the second process's time a
cluster that is not its own changes 10 times a second.
"""
import os
import re
import subprocess
import time

import bench

from lib import published
from lib.programs import guests

SECONDS = 20
TOGGLES_PER_SECOND = 10


def switches(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as status:
            total += sum(int(n) for n in re.findall(r"ctxt_switches:\s+(\d+)", status.read()))
    return total


def at_rest(pid):
    """The number of switches, once it has stayed the same for 300 ms."""
    last = None
    while last != switches(pid):
        last = switches(pid)
        time.sleep(0.3)
    return last


def watch(pid, published_map, seconds, busy):
    """Switches over some seconds, in which another cluster may change."""
    before = at_rest(pid)
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        time.sleep(1 / TOGGLES_PER_SECOND)
        if busy:
            published_map.tell("touch 1")
    return switches(pid) - before


def one(program, name, port, folder, published_map, seconds, busy):
    """(threads, switches) of a process of its own."""
    child = subprocess.Popen([program, name, str(port), "1"],
                             env=bench.preloaded(folder, PELORUS_CLUSTER=name),
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        if child.stdout.readline() != "ready\n":
            raise RuntimeError("the process did not get its connection")
        threads = len(os.listdir(f"/proc/{child.pid}/task"))
        return threads, watch(child.pid, published_map, seconds, busy)
    finally:
        child.kill()
        child.wait()


def measure(figures, folder, quick):
    program = bench.program("sockets")
    listener = guests.Listener()
    seconds = 5 if quick else SECONDS
    with published.Map(folder) as published_map:
        name = published_map.cluster(0, [("one", "127.0.0.1")], listener.port)
        published_map.cluster(1, [("one", "127.0.0.3"), ("two", "127.0.0.4")], listener.port)
        for busy, text in ((False, "idle"), (True, "idle, another cluster's lag moves")):
            threads, switches_seen = one(program, name, listener.port, folder, published_map,
                                         seconds, busy)
            figures.add(f"{text}: wake-ups in {seconds} s", switches_seen, "switches", 0)
        figures.add("threads of a process with one connection", threads, "threads", 2)
    listener.close()
