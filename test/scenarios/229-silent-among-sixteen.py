#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Sixteen clusters, and one server among them that falls silent in its TLS handshake, or after the
login.  The others' failovers are published, the heart does not stop, and no worker is killed.

That a silent server delays nobody else by more than 10 ms is judged with PELORUS_LONG, on a machine
at rest.
"""
import os
import statistics
import tempfile
import time

from lib import tap, worlds
from lib.prober import Prober, cluster_section
from lib.servers import fakes

LONG = bool(os.environ.get("PELORUS_LONG"))
OTHERS, ROUNDS = 15, 40 if LONG else 15
RATIO, DELAY_MS = 1.1, 10
LONGEST_S = 1.5 if LONG else 5  # between two heartbeats; at 5 s programs take a prober for dead


def sections(clusters):
    return "\n".join(cluster_section(c, ssl="on").replace("[cluster lab]", f"[cluster c{i}]")
                     for i, c in enumerate(clusters))


def address(cluster):
    return next(s.address for s in cluster.servers.values() if not s.read_only)


def flip(cluster):
    """With the old writer's connections lost, so that no pace of questions is in the figure."""
    for server in cluster.servers.values():
        server.read_only = not server.read_only
    for server in cluster.servers.values():
        if server.read_only:
            server.drop()


class Beats:
    """The longest silence of a prober's heart, looked at when asked."""

    def __init__(self, prober):
        self.prober, self.longest, self.pid = prober, 0, prober.view.pid

    def look(self):
        now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self.longest = max(self.longest, (now - self.prober.view.heartbeat_ns) / 1e9)


def published(prober, cluster):
    """Until the map has the writer of now."""
    prober.view.wait(lambda v: (c := v.find(cluster.writer_name)) and c.writer and
                     c.instances[c.writer].ip4 == address(cluster), 30, slice_s=0.005)


def failovers(prober, others):
    """Milliseconds from a change of roles to its publication, over all clusters in turn."""
    beats, took = Beats(prober), []
    for i in range(ROUNDS):
        cluster = others[i % len(others)]
        begin = time.monotonic()
        flip(cluster)
        published(prober, cluster)
        took.append(1000 * (time.monotonic() - begin))
        beats.look()
    return took, beats


def run(clusters, others):
    with Prober(others[0], sections(clusters)) as prober:
        for cluster in others:
            prober.view.wait(lambda v, c=cluster: (r := v.find(c.writer_name)) and
                             r.is_settled(2), 60)
        took, beats = failovers(prober, others)
        return statistics.median(took), max(took), beats, prober.view.pid, prober.log()


def compare(text, plain, deaf_cluster, others):
    deaf = deaf_cluster.servers["demo-1"]
    try:
        median, most, beats, pid, log = run([*others, deaf_cluster], others)
    except TimeoutError:
        tap.ok(False, f"{text}: the others are known, and their failovers followed",
               "within 60 s and 30 s")
        return
    tap.note(f"{text}: median {median:.1f} ms, most {most:.0f} ms; without it {plain[0]:.1f} and "
             f"{plain[1]:.0f}; {deaf.refused} logins at it; longest silence {beats.longest:.2f} s")
    tap.ok(not LONG or median <= max(RATIO * plain[0], plain[0] + DELAY_MS),
           f"{text}: the others' failovers are published", f"{median} {plain[0]}")
    tap.ok(beats.longest < LONGEST_S, f"{text}: the heart does not stop", beats.longest)
    tap.ok(
        pid == beats.pid and "worker-hung" not in log, f"{text}: no worker is killed", log[-500:]
    )
    tap.ok(len(deaf.came) > 0, f"{text}: it was tried", deaf.came)


fakes.enter()
dns = worlds.Dns()
with tempfile.TemporaryDirectory() as folder:
    ca = worlds.authority(folder)
    others_ = [fakes.Cluster(dns, 2, i + 1, f"many{i + 1}") for i in range(OTHERS)]
    for c_ in others_:
        offered = worlds.certified(folder, ca, c_.writer_name)
        for s_ in c_.servers.values():
            s_.tls = offered
    silent = fakes.Cluster(dns, 1, 100, "silent")
    silent.servers["demo-1"].tls = "silent"
    plain_ = run(others_, others_)[:2]
    compare("silent in the handshake", plain_, silent, others_)
    silent.close()

    half = fakes.Cluster(dns, 1, 101, "half")
    half.servers["demo-1"].tls = worlds.certified(folder, ca, half.writer_name)
    half.servers["demo-1"].delay_s = 3600
    compare("silent after the login", plain_, half, others_)
    half.close()
    for c_ in others_:
        c_.close()
tap.done()
