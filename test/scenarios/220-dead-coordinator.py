#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A coordinator's word, and how long it counts.

Without credentials the primary that a coordinator names is taken on its word.  A coordinator that
has died says nothing more, so its last word does not stand for ever: DNS, which goes on, is
followed again.  With credentials, be they untried yet, nobody is published on its word alone.
"""
import socket
import threading
import time

from lib import tap, worlds
from lib.prober import Prober, cluster_section
from lib.servers import fakes
from lib.servers.http_server import HttpServer
from lib.worlds import expect, note, side_by_side

OUTLIVES = 45  # seconds: how long, at most, a dead coordinator's word stands against DNS
COLD = 9  # seconds of a cold start; a login that is not answered waits for ten


def follows(web, cluster, dns, **keys):
    """A configuration that follows this coordinator, which names the first as primary."""
    hosts = [f"{i}.{cluster.domain}:{fakes.PORT}" for i in cluster.servers]
    web.answer("/doc", {"primary": hosts[0], "secondary": hosts[1:]})
    return cluster_section(cluster, source="http", url=f"{web.url}/doc", poll="100ms",
                           allowed_hosts=f"*.{cluster.domain}", **keys)


def leads_to(prober, cluster):
    """Where a program's connection by the writer's name goes."""
    c = prober.cluster()
    if c and c.state == "known" and c.writer:
        return c.instances[c.writer].ip4
    return (c.names[cluster.writer_name].addresses or [None])[0] if c else None


def dies():
    cluster = fakes.Cluster(dns, 2, 1, "word1")
    one, two = (s.address for s in cluster.servers.values())
    with HttpServer() as web:
        prober = Prober(cluster, follows(web, cluster, dns, user=None))
        prober.__enter__()
        try:
            prober.wait(lambda _: leads_to(prober, cluster) == one and
                        prober.cluster().state == "known", 15)
        except BaseException:
            prober.__exit__()
            raise
    begin = time.monotonic()  # the coordinator is gone
    with_dns = cluster.servers["demo-1"]
    with_dns.close()
    dns.aliases[cluster.writer_name] = f"demo-2.{cluster.domain}"
    try:
        prober.wait(lambda _: leads_to(prober, cluster) == two, OUTLIVES)
        note(f"a dead coordinator's word was given up after {time.monotonic() - begin:.1f} s")
        expect(True, "a coordinator that is dead is not followed for ever: DNS is")
    except TimeoutError:
        expect(False, "a coordinator that is dead is not followed for ever: DNS is",
               f"after {OUTLIVES} s still {leads_to(prober, cluster)}")
    prober.__exit__()
    cluster.close()


def pauses():
    """One that is away for a few seconds, DNS being as it was, moves nobody."""
    cluster = fakes.Cluster(dns, 2, 2, "word2")
    with HttpServer() as web, Prober(cluster, follows(web, cluster, dns, user=None)) as prober:
        # DNS has its say at the start too, a moment later.
        prober.wait(lambda c: c.state == "known" and all(n.addresses for n in c.names.values()), 15)
        wake = prober.view.wake
        web.answer("/doc", behaviour="close")
        time.sleep(4)
        follows(web, cluster, dns)
        time.sleep(1)
        expect(prober.view.wake == wake and prober.cluster().state == "known",
               "a coordinator that is away for four seconds wakes nobody", prober.cluster().state)
    cluster.close()


class Mute:
    """Takes connections, and never says a word: a host whose server is gone half-way."""

    def __init__(self, address):
        self.listener = socket.create_server((address, fakes.PORT), backlog=64)
        self.kept = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                self.kept.append(self.listener.accept()[0])
            except OSError:
                return

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def cold_start(text, number, http=False):
    """The prober starts while every server is mute.  It has credentials; that none of them has been
    answered yet is no lack of them."""
    cluster = fakes.Cluster(dns, 4, number, f"word{number}")
    for server in cluster.servers.values():
        server.close()
    mutes = [Mute(s.address) for s in cluster.servers.values()]
    # The members' hosts are known at once; the endpoint a little later, and it is an address more.
    dns.mute |= {cluster.writer_name, cluster.reader_name}
    mutes.append(Mute(cluster.servers["demo-1"].address + "9"))
    dns.aliases[cluster.writer_name] = f"vip.{cluster.domain}"
    dns.addresses[f"vip.{cluster.domain}"] = [cluster.servers["demo-1"].address + "9"]
    with HttpServer() as web:
        config = follows(web, cluster, dns, dialect="read_only") if http else \
            cluster_section(cluster, dialect="read_only", members=", ".join(
                f"{i}.{cluster.domain}" for i in cluster.servers))
        with Prober(cluster, config) as prober:
            seen, end = {}, time.monotonic() + COLD
            while time.monotonic() < end:
                c = prober.cluster()
                if c:
                    seen.setdefault((c.state, c.why, c.writer), time.monotonic())
                if end - time.monotonic() < COLD - 1.5:
                    dns.mute -= {cluster.writer_name, cluster.reader_name}
                prober.view.sleep(prober.view.wake, 0.02)
            came = sum(len(m.kept) for m in mutes)
            note(f"{text}: {[k for k in seen]}, {came} connections")
            expect(came >= 2, f"{text}: logins are under way", came)
            expect(all(why != "no-credentials" for _, why, _ in seen),
                   f"{text}: it does not say that there are no credentials", list(seen))
            expect(all(state != "known" and not writer for state, _, writer in seen),
                   f"{text}: nobody is published that has not been asked", list(seen))
    for mute in mutes:
        mute.close()
    cluster.close()


fakes.enter()
dns = worlds.Dns()
side_by_side((dies,), (pauses,), (cold_start, "configured members", 3),
             (lambda: cold_start("a coordinator's members", 4, http=True),))
tap.done()
