#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A worker that begins between two writers: all instances say that they are readers, and that is
not how it is meant to be.

What its predecessor knew makes it wait as that one did, and for as long as `hold` says: programs
are held, instead of being led to where DNS leads, which is a reader.
"""
import os
import signal
import struct
import time

from lib import tap, worlds
from lib.mapview import layout, place
from lib.prober import Prober, cluster_section
from lib.servers import fakes

BETWEEN = 5  # seconds: more than a new worker takes to publish what it knows, 3
HOLD_S, MISSED_S = 60, 40  # half a minute is what is waited where nobody says otherwise


def missed_for(view, seconds):
    """As if there had been no writer for so long, in the map of a daemon that does not run."""
    for i in range(layout()["clusters"]):
        at = place("map", "clusters")[0] + i * layout()["cluster"]["size"]
        at += place("cluster", "hot")[0] + place("hot", "writerless_ns")[0]
        since, = struct.unpack_from("Q", view.map, at)
        if since:
            struct.pack_into("Q", view.map, at, since - seconds * 10**9)


def renewed(p, seconds=0):
    supervisor, worker = p.note_pids()
    os.kill(supervisor, signal.SIGSTOP)
    os.kill(worker, signal.SIGKILL)
    missed_for(p.view, seconds)
    os.kill(supervisor, signal.SIGCONT)
    seen, end = set(), time.monotonic() + BETWEEN
    while time.monotonic() < end:
        c = p.cluster()
        seen.add((c.state, c.writer))
        time.sleep(0.02)
    tap.ok(p.worker() != worker, "a worker that dies between two writers has a successor")
    return seen


fakes.enter()
cluster = fakes.Cluster(worlds.Dns(), 3, 1, "between")

with Prober(cluster, cluster_section(cluster, hold=f"{HOLD_S}s")) as p:
    p.wait(lambda c: c.state == "known" and c.writer == "demo-1" and len(c.instances) == 3 and
           all(i.routable for i in c.instances.values()))
    cluster.servers["demo-1"].read_only = True
    p.wait(lambda c: c.state == "writerless")
    tap.ok((seen := renewed(p)) == {("writerless", None)},
           "... which goes on waiting for the next writer", seen)
    tap.ok((seen := renewed(p, MISSED_S)) == {("writerless", None)},
           f"... for as long as connects wait, {MISSED_S} s of {HOLD_S} after it was lost", seen)
    cluster.servers["demo-2"].read_only = False
    c = p.wait(lambda c: c.state == "known" and c)
    tap.ok(c.writer == "demo-2", "... and publishes it", c.writer)
cluster.close()
tap.done()
