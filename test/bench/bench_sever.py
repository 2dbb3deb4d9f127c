# SPDX-License-Identifier: Apache-2.0
"""How long after a new writer is published the connections to the old one have ended.

Method: 1, 50 and 200 processes with 5 connections each (test/bench/programs/sockets.c) through one
cluster's name; the map then names the other instance as the writer.  A connection's latency is from
the moment before the publisher is told (so that its own time counts) to the moment that the
process's poll() reports the end; both clocks are CLOCK_BOOTTIME.  The servers' ends are never
looked at: their wake-ups would be measured with the rest.  The figures are over all connections of
all flips.
"""
import statistics
import subprocess
import threading
import time

import bench

from lib import published
from lib.programs import guests

FLIPS = {1: 30, 50: 10, 200: 10}  # by the number of processes
SOCKETS, BOUND_MS, LIMIT_S = 5, 10, 60


def start(program, name, port, env):
    return subprocess.Popen([program, name, str(port), str(SOCKETS)], env=env,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def end_all(children):
    for child in children:
        child.kill()
        child.wait()
        child.stdin.close()


def one_flip(published_map, command, processes, writer):
    """Latencies in milliseconds of one flip to instance `writer`."""
    children = [start(*command) for _ in range(processes)]
    late = threading.Timer(LIMIT_S, end_all, [children])
    try:
        for child in children:
            if child.stdout.readline() != "ready\n":
                raise RuntimeError(f"a process did not get its connections: {child.wait()}")
        at = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        published_map.tell(f"writer 0 {writer}")
        late.start()
        ended = [int(child.stdout.readline() or -1) for child in children for _ in range(SOCKETS)]
    finally:
        late.cancel()
        end_all(children)
    if -1 in ended:
        raise RuntimeError(f"{ended.count(-1)} of {processes * SOCKETS} connections did not end")
    return [(t - at) / 1e6 for t in ended]


def measure(figures, folder, quick):
    program = bench.program("sockets")
    one = guests.Listener("127.0.0.1", deaf=True)
    two = guests.Listener("127.0.0.2", port=one.port, deaf=True)
    with published.Map(folder) as published_map:
        name = published_map.cluster(0, [("one", "127.0.0.1"), ("two", "127.0.0.2")], one.port)
        env = bench.preloaded(folder, PELORUS_CLUSTER=name)
        command, writer = (program, name, one.port, env), 0
        for processes, flips in FLIPS.items():
            took = []
            for _ in range(2 if quick else flips):
                writer = 1 - writer
                took += one_flip(published_map, command, processes, writer)
            tell(figures, processes, sorted(took))
    one.close()
    two.close()


def tell(figures, processes, took):
    what = f"{processes} process{'es' if processes > 1 else ''} x {SOCKETS} connections severed"
    figures.add(f"{what}: median", statistics.median(took), "ms", BOUND_MS)
    figures.add(f"{what}: p99", took[int(0.99 * (len(took) - 1))], "ms")
    figures.add(f"{what}: last", took[-1], "ms")
