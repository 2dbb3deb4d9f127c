#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""DNS is asked at most twice a second for one name, however long nothing resolves or nobody agrees.

A lookup is one question here, though it goes out for A and for AAAA."""
import collections
import time

from lib import tap
from lib.prober import Prober, cluster_section
from lib.servers import fakes

SECONDS = 12
A = 1


def pace(text, prepare, before=None):
    """The most questions for one name in SECONDS, after the first few that decide."""
    pace.number += 1
    cluster = fakes.Cluster(dns, 3, pace.number, f"pace{pace.number}")
    if before:
        before(cluster)
    with Prober(cluster, cluster_section(cluster)) as prober:
        if not before:
            prober.wait_settled(3)
        prepare(cluster)
        time.sleep(4)  # the first seconds of an alarm may be quicker
        begin = len(dns.asked)
        time.sleep(SECONDS)  # a rate can only be seen over a time
        asked = collections.Counter(name for name, kind, _ in dns.asked[begin:] if kind == A and
                                    f"pace{pace.number}." in name)
        name, most = asked.most_common(1)[0] if asked else ("", 0)
        tap.ok(most <= 2 * SECONDS, f"{text}: at most two questions a second for one name",
               f"{most / SECONDS:.1f} for {name}")
        tap.note(f"{text}: {most / SECONDS:.2f} a second for one name, "
                 f"{sum(asked.values()) / SECONDS:.1f} in all")
    cluster.close()


def gone(cluster, instance):
    del dns.addresses[f"{instance}.{cluster.domain}"]


def writer_gone(cluster):
    gone(cluster, "demo-3")
    cluster.servers["demo-1"].close()


def all_gone(cluster):
    for instance in cluster.servers:
        gone(cluster, instance)


def nobody_writes(cluster):
    cluster.servers["demo-1"].read_only = True


def elsewhere(cluster):
    """The writer's name leads to a reader for good."""
    dns.aliases[cluster.writer_name] = f"demo-2.{cluster.domain}"


pace.number = 0
fakes.enter()
dns = fakes.Dns()
pace("an instance that is gone, in an alarm", writer_gone)
pace("live instances whose hosts do not resolve", lambda c: None,
     before=lambda c: all_gone(c) or dns.addresses.update({c.writer_name: ["127.0.2.1"]}) or
     dns.aliases.pop(c.writer_name))
pace("nobody writes", nobody_writes)
pace("a name that leads to a reader", elsewhere)
tap.done()
