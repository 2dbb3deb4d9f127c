#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A server that wakes up (Serverless, scaled to nothing) takes a connection at once and greets 12
to 15 s later: that login is waited for, and not given up and begun again."""
import time

from lib import tap, worlds
from lib.prober import Prober, cluster_section
from lib.servers import fakes

ASLEEP = 13  # seconds
TRIES = 3  # the scout's, a member's, and one more


class Sleepy(fakes.Server):
    wakes = None  # when it greets
    given_up = 0

    def _session(self, connection):
        if self.wakes is None:
            self.wakes = time.monotonic() + ASLEEP
        while time.monotonic() < self.wakes:
            connection.settimeout(max(0.01, self.wakes - time.monotonic()))
            try:
                if connection.recv(1) == b"":
                    self.given_up += 1
                    return
            except TimeoutError:
                pass
        connection.settimeout(None)
        super()._session(connection)


class Cluster(fakes.Cluster):
    kind = Sleepy


fakes.enter()
dns = worlds.Dns()
cluster = Cluster(dns, 1, 1, "sleepy")
server = cluster.servers["demo-1"]
with Prober(cluster, cluster_section(cluster)) as p:
    begin = time.monotonic()
    try:
        p.wait_known("demo-1", ASLEEP + 12)
        took = time.monotonic() - begin
        tap.note(
            f"known after {took:.1f} s, {len(server.came)} connections, {server.given_up} given up"
        )
        tap.ok(
            took < ASLEEP + 2,
            "a server that takes 13 s to wake is known as soon as it is awake",
            took,
        )
    except TimeoutError:
        tap.ok(
            False,
            "a server that takes 13 s to wake is known as soon as it is awake",
            f"{len(server.came)} connections, {server.given_up} given up",
        )
    tap.ok(server.given_up == 0, "no login is given up half-way", server.given_up)
    tap.ok(len(server.came) <= TRIES, "and few are begun", len(server.came))
cluster.close()
tap.done()
