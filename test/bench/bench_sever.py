# SPDX-License-Identifier: Apache-2.0
"""How long after a new writer is published the connections to the old one have ended.

Method: 200 processes with 5 connections each (test/bench/sockets.c) through one cluster's name; the
map then names the other instance as the writer.  A connection's latency is from the return of the
publishing call to the moment that its process's poll() reports it; both clocks are CLOCK_BOOTTIME.
All connections of one flip make one sample set; the figures are over all flips.
"""
import statistics
import subprocess

import bench
import guests
import published

PROCESSES, SOCKETS, BOUND_MS = 200, 5, 10


def start(program, name, port, env):
    return subprocess.Popen([program, name, str(port), str(SOCKETS)], env=env,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def one_flip(published_map, program, name, port, env, writer):
    """Latencies in milliseconds of one flip to instance `writer`."""
    children = [start(program, name, port, env) for _ in range(PROCESSES)]
    try:
        for child in children:
            if child.stdout.readline() != "ready\n":
                raise RuntimeError(f"a process did not get its connections: {child.wait()}")
        at = published_map.tell(f"writer 0 {writer}")
        ended = [int(line) for child in children for line in child.communicate(timeout=60)[0].split()]
    finally:
        for child in children:
            child.kill()
            child.wait()
    if len(ended) != PROCESSES * SOCKETS:
        raise RuntimeError(f"{len(ended)} of {PROCESSES * SOCKETS} connections ended")
    return [(t - at) / 1e6 for t in ended]


def measure(figures, folder, quick):
    program = bench.program("sockets", folder)
    one = guests.Listener("127.0.0.1")
    two = guests.Listener("127.0.0.2", port=one.port)
    took = []
    with published.Map(folder) as published_map:
        name = published_map.cluster(0, [("one", "127.0.0.1"), ("two", "127.0.0.2")], one.port)
        env = bench.preloaded(folder, PELORUS_CLUSTER=name)
        for i in range(1 if quick else 10):
            took += one_flip(published_map, program, name, one.port, env, (i + 1) % 2)
    one.close()
    two.close()
    figures.add(f"{PROCESSES} processes x {SOCKETS} connections severed: median",
                statistics.median(took), "ms", BOUND_MS)
    figures.add(f"{PROCESSES} processes x {SOCKETS} connections severed: last", max(took), "ms")
