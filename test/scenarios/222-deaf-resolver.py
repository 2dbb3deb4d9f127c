#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Resolvers that are half deaf or slow.

Some drop questions for AAAA: the addresses that came for A count, and soon.  And while a name waits
for its first answer, whoever follows it once more with a credential has that credential kept.
"""
import time

from lib import tap, worlds
from lib.prober import Prober, cluster_section
from lib.servers import fakes

NO_CREDENTIAL = "[pelorus]\n"

fakes.enter()
dns = worlds.Dns()


def drops_aaaa():
    cluster = fakes.Cluster(dns, 3, 1, "deaf1")
    dns.deaf.add(worlds.AAAA)
    with Prober(cluster, cluster_section(cluster)) as p:
        begin = time.monotonic()
        try:
            p.wait_settled(3, 15)
            took = time.monotonic() - begin
            tap.note(f"AAAA is dropped: known after {took:.1f} s")
            tap.ok(
                took < 10, "a resolver that drops AAAA: the topology is known all the same", took
            )
        except TimeoutError:
            c = p.cluster()
            tap.ok(
                False,
                "a resolver that drops AAAA: the topology is known all the same",
                f"{c.state} {c.why}, {len(dns.times)} questions",
            )
        else:
            cluster.servers["demo-1"].read_only = True
            cluster.servers["demo-2"].read_only = False
            p.wait_known("demo-2", 10)
            tap.ok(True, "and a failover is followed")
    dns.deaf.clear()
    cluster.close()


def alone_drops_aaaa():
    """Without credentials, where DNS is all there is."""
    cluster = fakes.Cluster(dns, 2, 2, "deaf2")
    dns.deaf.add(worlds.AAAA)
    with Prober(cluster, cluster_section(cluster, user=None)) as p:
        try:
            c = p.wait(lambda c: c.names[cluster.writer_name].addresses and c, 15)
            tap.ok(c.names[cluster.writer_name].addresses == [cluster.servers["demo-1"].address],
                   "and without credentials its address is published")
        except TimeoutError:
            tap.ok(False, "and without credentials its address is published", "no address in 15 s")
    dns.deaf.clear()
    cluster.close()


def followed_twice():
    """A lookup without a credential, then a connect with one, both before DNS has answered."""
    cluster = fakes.Cluster(dns, 2, 3, "deaf3")
    dns.aliases["db.slow.example"] = cluster.writer_name
    dns.silent = True
    with Prober(cluster, NO_CREDENTIAL) as p:
        first = p.ask("follow", name="db.slow.example")
        second = p.ask("follow", name="db.slow.example", user="pelorus", password="pelorus")
        dns.silent = False
        tap.ok(first.startswith("ok") and "taken" in second,
               "a second request brings a credential, which is taken", f"{first} {second}")
        try:
            p.view.wait(lambda v: (c := v.find("db.slow.example")) and c.state == "known", 15)
            tap.ok(True, "and used")
        except TimeoutError:
            c = p.view.find("db.slow.example")
            tap.ok(False, "and used", f"{c and (c.state, c.why)}")
    cluster.close()


def and_a_better_one():
    """The first credential is a wrong one: the second is kept beside it."""
    cluster = fakes.Cluster(dns, 2, 4, "deaf4")
    for server in cluster.servers.values():
        server.users = {"right"}
    dns.aliases["db2.slow.example"] = cluster.writer_name
    dns.silent = True
    with Prober(cluster, NO_CREDENTIAL) as p:
        for user in ("wrong", "right"):
            p.ask("follow", name="db2.slow.example", user=user, password="x")
        dns.silent = False
        try:
            p.view.wait(lambda v: (c := v.find("db2.slow.example")) and c.state == "known", 15)
            tap.ok(True, "two credentials before the first answer: the good one is used")
        except TimeoutError:
            tap.ok(False, "two credentials before the first answer: the good one is used",
                   [s.who for s in cluster.servers.values()])
    cluster.close()


for part in (drops_aaaa, alone_drops_aaaa, followed_twice, and_a_better_one):
    part()
tap.done()
