# SPDX-License-Identifier: Apache-2.0
"""How soon connects that are held are made once there is a writer.

Method: 1, 50 and 500 processes (test/clients/c/crowd.c), half of which wait in connect() and half
in an event loop, hold their connects while the map knows no writer; then it names one.  A connect's
delay is from the moment before the publisher is told (so that its own time counts) to the moment
that the program knows of its connection; both clocks are CLOCK_BOOTTIME.  Many are let go one after
the other on purpose, so that the server's queue takes them all; one alone is not made to wait.
"""
import statistics
import time

import bench

from lib import published
from lib.programs import guests
from lib.programs.crowd import Crowd, numbers

ROUNDS = {(1, 1): 30, (50, 5): 5, (500, 10): 3}  # by processes and sockets
ALONE_MS, LIMIT_S = 2, 60
SETTLE_S = 0.2
KINDS = ("poll", "block")


def await_all(crowd, word, after_ns=0):
    if not crowd.wait(word, crowd.size, after_ns, LIMIT_S):
        raise RuntimeError(f"{len(crowd.since(word, after_ns))} of {crowd.size} are {word}")


def one_round(crowds, published_map, servers, writer):
    """Delays in milliseconds of one release, to instance `writer`."""
    size = sum(crowd.size for crowd in crowds)
    published_map.tell(f"crowd {size}")
    at = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    published_map.tell("writer 0 none")
    for crowd in crowds:
        await_all(crowd, "lost", at)
    time.sleep(SETTLE_S)
    servers[1 - writer].forget()
    at = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    published_map.tell(f"writer 0 {writer}")
    for crowd in crowds:
        await_all(crowd, "open", at)
    return [(t[0] - at) / 1e6 for crowd in crowds for t in crowd.since("open", at)]


def measure_size(figures, published_map, servers, start, processes, sockets, rounds):
    """`start` makes a crowd of a kind."""
    per = [(kind, max(1, processes // len(KINDS))) for kind in KINDS]
    for group in [[p] for p in per] if processes == 1 else [per]:
        crowds, took, writer = [start(*p, sockets) for p in group], [], 0
        try:
            for crowd in crowds:
                await_all(crowd, "open")
            for _ in range(rounds):
                writer = 1 - writer
                took += one_round(crowds, published_map, servers, writer)
            told = {crowd.kind: numbers(crowd.since("error")) for crowd in crowds}
        finally:
            for crowd in crowds:
                crowd.end()
        tell(figures, " and ".join(k for k, _ in group), processes, sockets, sorted(took), told)


def tell(figures, kinds, processes, sockets, took, told):
    what = f"{processes} process{'es' if processes > 1 else ''} x {sockets}, {kinds}"
    figures.add(f"{what}: median", statistics.median(took), "ms",
                ALONE_MS if processes == 1 else None)
    figures.add(f"{what}: last", took[-1], "ms")
    figures.add(f"{what}: errors told", sum(sum(t.values()) for t in told.values()), "")


def measure(figures, folder, quick):
    one = guests.Listener("127.0.0.1", deaf=True)
    two = guests.Listener("127.0.0.2", port=one.port, deaf=True)
    park = published.Park()
    with published.Map(folder) as published_map:
        name = published_map.cluster(0, [("one", "127.0.0.1"), ("two", "127.0.0.2")], one.port)
        published_map.park(park)
        env = bench.preloaded(folder, PELORUS_CLUSTER=name)

        def start(kind, processes, sockets):
            return Crowd(None, env, kind, processes, sockets, user=None, host=name, port=one.port)

        for (processes, sockets), rounds in ROUNDS.items():
            measure_size(figures, published_map, (one, two), start, processes, sockets,
                         2 if quick else rounds)
    park.close()
    one.close()
    two.close()
