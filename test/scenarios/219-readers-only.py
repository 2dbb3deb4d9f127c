#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Readers without a writer, as in a secondary region of a global database: that is how it is meant
to be.

Its reader name is served, its writer name goes where DNS leads, and nothing is an alarm: each
instance is asked as often as on any quiet day, DNS too, and no line is written.  When one of them
becomes the writer it is published as in any failover.
"""
import time

from lib import tap, worlds
from lib.prober import Prober, cluster_section
from lib.servers import fakes
from lib.waiting import within

SECONDS = 6  # that questions are counted for
ASKED = 4  # a second and instance: each 500 ms for its role, and once a second for the table
AGED = 12  # seconds, until the alarm's first rate would be over

fakes.enter()
dns = worlds.Dns()
cluster = fakes.Cluster(dns, 3, 1, "secondary")
for server in cluster.servers.values():
    server.read_only = True
readers = {s.address for s in cluster.servers.values()}


def rates(begin):
    """Questions a second of the server that is asked most, look-ups of the name that is."""
    before = {i: len(s.questions) for i, s in cluster.servers.items()}
    time.sleep(SECONDS)
    return max(len(s.questions) - before[i] for i, s in cluster.servers.items()) / SECONDS, \
        max(map(len, dns.look_ups(begin).values()), default=0) / SECONDS


def quiet(text):
    asked, looked_up = rates(time.monotonic())
    tap.note(f"{text}: {asked:.1f} statements a second and instance, {looked_up:.1f} look-ups a "
             "second and name")
    tap.ok(asked <= ASKED, f"{text}: instances are asked as on any quiet day", asked)
    tap.ok(looked_up <= 2, f"{text}: and so is DNS", looked_up)


with Prober(cluster, cluster_section(cluster)) as p:
    try:
        c = p.wait(lambda c: c.state == "known" and len(c.instances) == 3 and
                   all(i.routable for i in c.instances.values()) and c, 10)
        tap.ok(c.writer is None, "readers alone are known, without a writer")
    except TimeoutError:
        c = p.cluster()
        tap.ok(False, "readers alone are known, without a writer", f"{c.state} {c.why}")
    tap.ok({i.ip4 for i in c.instances.values() if i.role == "reader" and i.routable} == readers,
           "they serve as readers", [(i.id, i.role) for i in c.instances.values()])
    tap.ok(c.names[cluster.writer_name].addresses == [cluster.servers["demo-1"].address],
           "the writer's name goes where DNS leads", c.names[cluster.writer_name].addresses)
    quiet("just begun")
    log, epoch, wake = p.log(), p.cluster().epoch, p.view.wake
    p.view.wait(lambda _: time.monotonic(), 1)
    time.sleep(max(0, AGED - SECONDS))
    quiet("after a while")
    tap.ok(p.log() == log, "nothing is said of it", p.log()[len(log):])
    tap.ok(p.view.wake == wake and p.cluster().epoch == epoch, "and nobody is woken")
    cluster.servers["demo-2"].read_only = False
    begin = time.monotonic()
    p.wait_known("demo-2", 10)
    took = time.monotonic() - begin
    tap.note(f"a region that is promoted: its writer is published after {1000 * took:.0f} ms")
    tap.ok(within(took, 2), "one that becomes the writer is published", took)
    cluster.servers["demo-2"].read_only = True
    p.wait(lambda c: c.writer is None, 10)
    tap.ok(True, "and is none again when it says so")
    down = cluster.servers["demo-3"]
    down.close()
    p.wait(lambda c: "demo-3" not in c.instances or
           c.instances["demo-3"].health == "unreachable", 15)
    tap.ok(True, "a reader that falls is noticed all the same")
cluster.close()
tap.done()
