#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""DNS leads the host of an instance to another instance, as after a mistake or with an old answer.

Whoever is met there is not the member, and the connection to it that works is kept: it is asked as
before, its end is noticed at once, and it is met again where it was met last.  A host that has
truly moved is followed all the same.
"""
from lib import tap, worlds
from lib.prober import Prober, cluster_section
from lib.servers import fakes
from lib.waiting import wait_for
from lib.worlds import expect, side_by_side

WITHIN = 20  # seconds: DNS of a host is asked each 5 s, and three answers count


def attempt(text, condition, why=lambda: ""):
    try:
        wait_for(condition, WITHIN)
        return expect(True, text)
    except TimeoutError:
        return expect(False, text, why())


def shown(prober):
    c = prober.cluster()
    return c.state, c.why, c.writer, [(i.id, i.ip4, i.health) for i in c.instances.values()]


def lies():
    cluster = fakes.Cluster(dns, 3, 1, "lies")
    writer, other = cluster.servers["demo-1"], cluster.servers["demo-2"]
    host = f"demo-1.{cluster.domain}"
    with Prober(cluster, cluster_section(cluster)) as p:
        p.wait_settled(3)
        came = len(other.came)
        dns.addresses[host] = [other.address]
        attempt("who lives where DNS leads is asked who it is", lambda: len(other.came) > came)
        asked = len(writer.questions)
        attempt("the writer is asked as before", lambda: len(writer.questions) > asked + 4,
                lambda: f"{len(writer.questions) - asked} times, {shown(p)}")
        logins = other.logins
        for _ in range(5):
            asked = len(writer.questions)
            writer.drop()
            wait_for(lambda asked=asked: len(writer.questions) > asked + 4, WITHIN)
        expect(True, "... also after its connections ended")
        expect(other.logins <= logins + 2, "the other is not asked each time", other.logins)
        p.wait_settled(3)
        writer.close()
        attempt("its end is noticed", lambda: p.cluster().state == "writerless", lambda: shown(p))
    cluster.close()


def moves():
    cluster = fakes.Cluster(dns, 3, 2, "moves")
    old = cluster.servers["demo-1"]
    new = fakes.Server("127.0.2.9", "demo-1", read_only=False)
    new.table, new.uuid = cluster.rows, old.uuid
    with Prober(cluster, cluster_section(cluster)) as p:
        p.wait_settled(3)
        dns.addresses[f"demo-1.{cluster.domain}"] = [new.address]
        attempt("a host that has moved is followed", lambda: p.cluster().is_settled(3) and
                p.cluster().instances["demo-1"].ip4 == new.address, lambda: shown(p))
        old.close()
        p.wait_settled(3)
        asked = len(new.questions)
        attempt("... and asked there", lambda: len(new.questions) > asked + 4, lambda: shown(p))
    new.close()
    cluster.close()


fakes.enter()
dns = worlds.Dns()
side_by_side((lies,), (moves,))
tap.done()
