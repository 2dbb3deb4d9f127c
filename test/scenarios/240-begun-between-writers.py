#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A worker that begins between two writers: all instances say that they are readers, and that is
not how it is meant to be.

What its predecessor knew makes it wait as that one did: programs are held, instead of being led to
where DNS leads, which is a reader.
"""
import os
import signal
import time

from lib import tap, worlds
from lib.prober import Prober, cluster_section
from lib.servers import fakes

BETWEEN = 5  # seconds: more than a new worker takes to publish what it knows, 3

fakes.enter()
cluster = fakes.Cluster(worlds.Dns(), 3, 1, "between")

with Prober(cluster, cluster_section(cluster)) as p:
    p.wait(lambda c: c.state == "known" and c.writer == "demo-1" and len(c.instances) == 3 and
           all(i.routable for i in c.instances.values()))
    cluster.servers["demo-1"].read_only = True
    p.wait(lambda c: c.state == "writerless")
    worker = p.worker()
    os.kill(worker, signal.SIGKILL)
    seen, end = set(), time.monotonic() + BETWEEN
    while time.monotonic() < end:
        c = p.cluster()
        seen.add((c.state, c.writer))
        time.sleep(0.02)
    tap.ok(p.worker() != worker, "a worker that dies between two writers has a successor")
    tap.ok(seen == {("writerless", None)}, "... which goes on waiting for the next writer", seen)
    cluster.servers["demo-2"].read_only = False
    c = p.wait(lambda c: c.state == "known" and c)
    tap.ok(c.writer == "demo-2", "... and publishes it", c.writer)
cluster.close()
tap.done()
