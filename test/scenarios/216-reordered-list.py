#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Who a server is: its host and port, its address, its server_uuid; never its place in somebody's
list, nor the label that its host begins with.

A coordinator that names the servers in another order makes nobody a new one; two hosts that lead to
one server are one server; and whom the coordinator names no more is no reader, also if it claimed
at that moment.
"""
import time

from lib import tap, worlds
from lib.prober import Prober, cluster_section
from lib.servers import fakes
from lib.servers.http_server import HttpServer
from lib.worlds import Changes, expect, note, side_by_side

CALM = 6


class Plain:
    """Plain servers db.dc1, db.dc2, ... and a coordinator that names them."""

    dns = None
    number = 0

    def __init__(self, count, same_label=True, **keys):
        with worlds.lock:
            Plain.number += 1
            n = Plain.number
        self.cluster = fakes.Cluster(self.dns, count, n, f"list{n}")
        self.servers = list(self.cluster.servers.values())
        self.hosts = [f"db.dc{i}.list{n}.example" if same_label else f"db{i}.list{n}.example"
                      for i in range(1, count + 1)]
        for server, host in zip(self.servers, self.hosts):
            server.plain, server.lag_s = True, 0
            self.dns.addresses[host] = [server.address]
        self.web = HttpServer()
        self.keys = keys

    def __enter__(self):
        self.web.__enter__()
        keys = self.keys or {"source": "http", "url": f"{self.web.url}/doc", "poll": "100ms",
                             "allowed_hosts": "*.example"}
        self.prober = Prober(
            self.cluster, cluster_section(self.cluster, dialect="read_only", **keys)
        )
        return self

    def start(self):
        self.prober.__enter__()
        self.changes = Changes(self.prober, self.cluster.writer_name)

    def __exit__(self, *_):
        if self.prober.process:
            self.changes.end()
            self.prober.__exit__()
        self.web.__exit__()
        self.cluster.close()

    def names(self, primary, *others):
        """The document from now on, by numbers from 0."""
        self.web.answer("/doc", {"primary": self.hosts[primary] + ":3306",
                                 "secondary": [self.hosts[o] + ":3306" for o in others]})

    def taken(self):
        """Until the prober has read the document of now."""
        self.web.request("/doc", after=len(self.web.requests("/doc")) + 2)

    def promote(self, old, new):
        self.servers[old].read_only = True
        self.servers[new].read_only = False

    def wait_writer(self, number, seconds=10):
        address = self.servers[number].address
        return self.prober.wait(lambda c: c.state == "known" and c.writer and
                                c.instances[c.writer].ip4 == address and c, seconds)

    def stays(self, text, number, count):
        """For a while nothing but this writer is published, and so many instances."""
        address, bad = self.servers[number].address, []
        end = time.monotonic() + CALM
        while time.monotonic() < end:
            c = self.prober.cluster()
            writer = c.writer and c.instances[c.writer].ip4
            if (c.state, writer, len(c.instances)) != ("known", address, count):
                bad.append((c.state, c.why, writer, list(c.instances)))
            time.sleep(0.05)
        note(f"{text}: {len(bad)} of {CALM * 20} looks were wrong")
        expect(not bad, f"{text}: it stays known, with {count} instances", bad[:3])


def promotion_seen_first():
    """The prober sees the promotion before the coordinator tells of it, in another order."""
    with Plain(2) as w:
        w.names(0, 1)
        w.start()
        w.wait_writer(0)
        w.prober.wait(lambda c: len(c.instances) == 2)
        w.promote(0, 1)
        w.wait_writer(1)
        w.names(1, 0)
        w.taken()
        w.stays("the list follows a promotion in another order", 1, 2)
        for server in w.servers:
            server.drop()
        w.wait_writer(1)
        w.stays("and when all connections are made anew", 1, 2)
        expect("two instances say" not in w.prober.log(), "and nobody disputes with itself",
               w.prober.log()[-600:])


def reordered_at_rest():
    with Plain(3) as w:
        w.names(0, 1, 2)
        w.start()
        w.wait_writer(0)
        before = w.prober.wait(lambda c: len(c.instances) == 3 and
                               all(i.routable for i in c.instances.values()) and c)
        wake = w.prober.view.wake
        for order in ((0, 2, 1), (0, 1, 2), (0, 2, 1)):
            w.names(*order)
            w.taken()
        after = w.prober.cluster()
        expect({(i.id, i.ip4) for i in before.instances.values()} ==
               {(i.id, i.ip4) for i in after.instances.values()},
               "another order of the others renames nobody",
               [(i.id, i.ip4) for i in after.instances.values()])
        expect(w.prober.view.wake == wake, "and wakes nobody")


def one_server_twice():
    """A virtual address and the node that bears it: two hosts, one server."""
    with Plain(2) as w:
        vip = w.hosts[0].replace("db.dc1", "vip")
        w.dns.addresses[vip] = [w.servers[0].address]
        w.keys = {"members": ", ".join([vip, *w.hosts])}
        w.prober = Prober(w.cluster, cluster_section(w.cluster, dialect="read_only", **w.keys))
        w.start()
        try:
            w.wait_writer(0)
            expect(True, "two hosts of one server: it is the writer")
        except TimeoutError:
            c = w.prober.cluster()
            expect(False, "two hosts of one server: it is the writer",
                   f"{c.state} {c.why} {list(c.instances)}\n{w.prober.log()[-500:]}")
            return
        w.prober.wait(lambda c: len(c.instances) == 2)
        w.stays("two hosts of one server", 0, 2)


def address_of_its_own():
    """The same, where the virtual address is another address of that server: its uuid tells."""
    with Plain(2) as w:
        other = fakes.Server(w.servers[0].address + "9", "other", read_only=False)
        other.plain, other.lag_s, other.uuid = True, 0, w.servers[0].uuid
        vip = w.hosts[0].replace("db.dc1", "vip")
        w.dns.addresses[vip] = [other.address]
        w.keys = {"members": ", ".join([*w.hosts, vip])}
        w.prober = Prober(w.cluster, cluster_section(w.cluster, dialect="read_only", **w.keys))
        w.start()
        both = {w.servers[0].address, other.address}
        try:
            c = w.prober.wait(lambda c: c.state == "known" and c, 10)
            expect(
                c.instances[c.writer].ip4 in both, "two addresses of one server: it is the writer"
            )
        except TimeoutError:
            c = w.prober.cluster()
            expect(
                False,
                "two addresses of one server: it is the writer",
                f"{c.state} {c.why} {list(c.instances)}\n{w.prober.log()[-500:]}",
            )
        time.sleep(2)
        expect("two instances say" not in w.prober.log() and len(w.changes.writers()) == 1,
               "two addresses of one server: it does not dispute with itself",
               f"{w.changes.writers()}\n{w.prober.log()[-500:]}")
        other.close()


def fenced():
    """The old primary is named no more while it still claims: it is fenced off.  When it is
    read-only at last it is no reader either, for nobody replicates to it."""
    with Plain(3, same_label=False) as w:
        w.names(0, 1, 2)
        w.start()
        w.wait_writer(0)
        w.prober.wait(lambda c: len(c.instances) == 3)
        w.names(1, 2)
        w.taken()
        w.promote(0, 1)
        w.wait_writer(1, 20)
        old = w.servers[0].address
        try:
            w.prober.wait(lambda c: old not in {i.ip4 for i in c.instances.values()
                                                if i.admission != "held"}, 10)
            expect(True, "a former primary that is named no more is held")
        except TimeoutError:
            c = w.prober.cluster()
            expect(False, "a former primary that is named no more is held",
                   [(i.id, i.ip4, i.role, i.admission) for i in c.instances.values()])


fakes.enter()
Plain.dns = worlds.Dns()
side_by_side((promotion_seen_first,), (reordered_at_rest,), (one_server_twice,),
             (address_of_its_own,), (fenced,))
tap.done()
