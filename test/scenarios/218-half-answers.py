#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Resolvers that answer one half of a look-up, or the other half late.

What came for A is used where AAAA is never answered, though other packets go on coming.  An empty
AAAA that comes before A says nothing of the name: the search list is not tried, for whoever lives
there would be handed the password.  No such name, for A, is a half that says it all.
"""
import threading
import time

from lib import tap
from lib.prober import Prober, cluster_section
from lib.servers import fakes

A, AAAA = 1, 28
STRANGERS, SECOND = "strangers.example", "second.example"
LATE_S = 0.6


class Half(fakes.Dns):
    """`deaf` to AAAA, with other packets every now and then; or `late` with A."""

    deaf = late = False

    def _send(self, packet, client, after):
        threading.Timer(after, self.udp.sendto, (packet, client)).start()

    def _serve_udp(self):
        while True:
            question, client = self.udp.recvfrom(2000)
            answer = self.answer(question, False)
            kind = self.asked[-1][1]
            if self.deaf and kind == AAAA:
                for i in range(1, 20):
                    self._send(b"noise", client, i / 10)
            elif self.late and kind == A:
                self._send(answer, client, LATE_S)
            else:
                self.udp.sendto(answer, client)


def drops_aaaa(dns):
    cluster = fakes.Cluster(dns, 2, 1, "half")
    dns.deaf = True
    begin = time.monotonic()
    with Prober(cluster, cluster_section(cluster)) as prober:
        prober.wait_settled(2, 20)
        tap.ok(prober.cluster().writer == "demo-1", "the topology is known without AAAA")
        tap.note(f"after {time.monotonic() - begin:.1f} s")
        begin = time.monotonic()
        for _ in range(4):
            before = dns.asked.count((cluster.writer_name, A, False))
            prober.view.wait(lambda _, before=before: dns.asked.count(
                (cluster.writer_name, A, False)) > before)
        took = time.monotonic() - begin
        tap.note(f"four look-ups amid noise: {took:.1f} s")
        tap.ok(took < 9, "noise does not keep an answer waiting", took)
    dns.deaf = False
    cluster.close()


def late_a(dns):
    """A server of somebody else stands where the search list would lead."""
    cluster = fakes.Cluster(dns, 2, 2, "late")
    stranger = fakes.Server("127.0.66.1", "demo-1", read_only=False)
    stranger.table = lambda: [("demo-1", 1, 5, 10, 300000, 300000)]
    for name in (cluster.writer_name, cluster.reader_name, f"demo-1.{cluster.domain}"):
        dns.addresses[f"{name}.{STRANGERS}"] = [stranger.address]
    dns.late = True
    with Prober(cluster, cluster_section(cluster)) as prober:
        prober.wait_settled(2, 30)
        tap.ok(prober.cluster().writer == "demo-1", "an A that is late is waited for")
    asked = sorted({n for n, _, _ in dns.asked if n.endswith(STRANGERS)})
    tap.ok(not asked, "the search list is not asked for a name that half was said of", asked)
    tap.ok(not stranger.came, "nobody knocks at a stranger's door", len(stranger.came))
    stranger.close()
    cluster.close()


def no_such_name(dns):
    """A short name, which the search list completes, where AAAA is never answered."""
    cluster = fakes.Cluster(dns, 2, 3, "short")
    dns.aliases[f"db.{SECOND}"] = cluster.writer_name
    dns.late, dns.deaf = False, True
    config = "[pelorus]\nuser = pelorus\npassword = pelorus\n"
    with Prober(cluster, config, options=["--follow", "db"]) as prober:
        try:
            prober.view.wait(lambda v: (c := v.find("db")) and c.state == "known", 20)
            tap.ok(True, "a short name is found behind one that there is not")
        except TimeoutError:
            tap.ok(False, "a short name is found behind one that there is not", dns.asked[-4:])
    cluster.close()


fakes.enter(f"search {STRANGERS} {SECOND}\n")
half = Half()
drops_aaaa(half)
late_a(half)
no_such_name(half)
tap.done()
