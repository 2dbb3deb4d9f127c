#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""How often the prober asks DNS: two look-ups per name and second at most, whatever has happened.

A look-up is one question for A and one for AAAA; counted are the names as they stand in the
packets, that of a search list too.  A VPC's resolver answers 1,024 packets a second to a host and
drops the rest, the applications' own questions among them: no state of a cluster, however broken,
may bring the host near that.  What was worst of each world is printed.  The worlds run side by
side.
"""
import threading
import time

from lib import tap, worlds
from lib.prober import Prober, cluster_section
from lib.servers import fakes
from lib.worlds import expect, most_in, note, side_by_side

SECONDS = 6  # that each world is counted for
RATE = 2.0  # look-ups per name and second ...
AT_ONCE = 3  # ... and in any one second: two apart by 500 ms, with a little jitter, and their edges


class World:
    """A cluster of three and a prober; count() is what the world's names were asked."""

    dns = None
    number = 0

    def __init__(self, prepare=lambda cluster: None, config=cluster_section, follow=()):
        with worlds.lock:
            World.number += 1
            self.name = f"pace{World.number}"
        self.cluster = fakes.Cluster(self.dns, 3, World.number, self.name)
        prepare(self.cluster)
        arguments = [w for n in follow for w in ("--follow", n)]
        self.prober = Prober(self.cluster, config(self.cluster), options=arguments)

    def __enter__(self):
        self.prober.__enter__()
        return self

    def __exit__(self, *_):
        self.prober.__exit__()
        self.cluster.close()

    def count(self, text, seconds=SECONDS):
        begin = time.monotonic()
        time.sleep(seconds)  # what is counted is a time
        seen = {n: t for n, t in self.dns.look_ups(begin).items() if self.name in n}
        name = max(seen, key=lambda n: len(seen[n]), default=None)
        worst, burst = (len(seen[name]), max(most_in(t, 1) for t in seen.values())) \
            if name else (0, 0)
        note(f"{text}: {sum(map(len, seen.values())) / seconds:.1f} look-ups a second in all, "
             f"{worst / seconds:.1f} of {name}, {burst} within one second")
        expect(worst <= RATE * seconds + 1 and burst <= AT_ONCE,
               f"{text}: no name is looked up more than twice a second",
               {n: len(t) for n, t in seen.items()})
        expect(worst > 0, f"{text}: but they are looked up", list(self.dns.look_ups(begin)))


def host(cluster, n):
    return f"demo-{n}.{cluster.domain}"


def gone_in_an_alarm():
    """An instance was deleted, its host with it, and the writer falls: each reader is looked
    for."""
    with World() as w:
        w.prober.wait_settled(3)
        del w.dns.addresses[host(w.cluster, 2)]
        w.cluster.servers["demo-1"].close()
        w.prober.wait(lambda c: c.writer is None, 15)
        w.count("a member without a host, in an alarm")


def refused_in_an_alarm():
    """The resolver itself fails for all members (it is being restarted), and the writer falls."""
    with World() as w:
        w.prober.wait_settled(3)
        w.dns.failing |= {host(w.cluster, n) for n in (1, 2, 3)}
        w.cluster.servers["demo-1"].close()
        w.prober.wait(lambda c: c.writer is None, 15)
        w.count("members that DNS fails for, in an alarm")


def unknown_for_ever():
    """All is well, but for one live member that this host's DNS does not know: a private zone that
    is not forwarded, a pattern that is wrong."""
    def prepare(cluster):
        del World.dns.addresses[host(cluster, 3)]
        World.dns.aliases[cluster.reader_name] = host(cluster, 2)
    with World(prepare) as w:
        w.prober.wait(lambda c: c.state == "known" and len(c.instances) == 3)
        w.count("a live member without a host, no alarm")


def another_lives_there():
    """A member's host leads to another instance, which says so, and the writer falls.  Its host is
    asked no more often for that, and the other is not logged in to again and again."""
    def prepare(cluster):
        World.dns.addresses[host(cluster, 2)] = [cluster.servers["demo-3"].address]
    with World(prepare) as w:
        other = w.cluster.servers["demo-3"]
        w.prober.wait(lambda c: c.state == "known" and len(c.instances) == 3)
        w.cluster.servers["demo-1"].close()
        w.prober.wait(lambda c: c.writer is None, 15)
        before = len(other.came)
        w.count("a member's host that leads to another, in an alarm")
        expect(len(other.came) - before <= 3, "and the other is logged in to as rarely",
               len(other.came) - before)
        World.dns.addresses[host(w.cluster, 2)] = [w.cluster.servers["demo-2"].address]
        begin = time.monotonic()
        w.prober.wait(lambda c: c.instances["demo-2"].routable, 15)
        note(f"a host that leads to its member at last: {time.monotonic() - begin:.1f} s")
        expect(True, "and the member is met when its host leads there")


def wrong_pattern():
    """No member's host resolves: those that the table names are never met."""
    def config(cluster):
        return cluster_section(cluster, host_pattern=f"?.wrong.{cluster.domain}")
    with World(config=config) as w:
        w.prober.wait(lambda c: len(c.instances) == 3)
        w.count("a pattern that leads nowhere")


def nothing_resolves():
    def prepare(cluster):
        del World.dns.aliases[cluster.writer_name], World.dns.aliases[cluster.reader_name]
    with World(prepare) as w:
        w.prober.wait(lambda c: c.why == "no-answer", 20)
        w.count("a cluster whose names do not resolve")


def all_fails():
    def prepare(cluster):
        World.dns.failing |= {cluster.writer_name, cluster.reader_name}
    with World(prepare) as w:
        w.prober.wait(lambda c: c.state == "unknown", 20)
        w.count("a cluster whose names DNS fails for")


def before_a_balancer():
    """A followed name leads to an address that is no member's: a balancer, a forwarder.  That is so
    for ever, and no sign of a failover."""
    def own(cluster):
        return f"db.{cluster.domain.split('.')[0]}.example"

    def prepare(cluster):
        balancer = fakes.Server(cluster.servers["demo-1"].address + "9", "demo-1", read_only=False)
        balancer.uuid, balancer.table = cluster.servers["demo-1"].uuid, cluster.rows
        World.dns.addresses[own(cluster)] = [balancer.address]
        cluster.balancer = balancer

    def config(cluster):
        return cluster_section(cluster, endpoint=own(cluster), host_pattern=f"?.{cluster.domain}")
    with World(prepare, config) as w:
        w.prober.view.wait(lambda v: (c := v.find(own(w.cluster))) and c.state == "known" and
                           len(c.instances) == 3)
        w.count("a name before a balancer")
        w.cluster.balancer.close()


def nobody_answers():
    """No server takes a connection, for any reason: an alarm without end."""
    with World(lambda c: [s.close() for s in c.servers.values()]) as w:
        w.prober.wait(lambda c: c.state == "unknown", 20)
        w.count("a cluster where nobody answers")


def readers_alone():
    """A set of readers, as a secondary region is: normal, and no alarm."""
    def prepare(cluster):
        for server in cluster.servers.values():
            server.read_only = True
    with World(prepare) as w:
        w.prober.wait(lambda c: len(c.instances) == 3)
        w.count("readers alone")


def everybody_claims():
    def prepare(cluster):
        for server in cluster.servers.values():
            server.read_only = False
    with World(prepare) as w:
        w.prober.wait(lambda c: len(c.instances) == 3)
        w.count("everybody claims")


def hinted():
    """Clients say without pause that something is wrong; each hint buys a round, not a flood."""
    with World() as w:
        w.prober.wait_settled(3)
        w.cluster.servers["demo-1"].close()
        del w.dns.addresses[host(w.cluster, 2)]
        w.prober.wait(lambda c: c.writer is None, 15)
        end = time.monotonic() + SECONDS + 1

        def nag():
            while time.monotonic() < end:
                w.prober.ask("hint", name=w.cluster.writer_name)
                w.prober.ask("refresh", name=w.cluster.writer_name)
                time.sleep(0.02)
        nagger = threading.Thread(target=nag, daemon=True)
        nagger.start()
        w.count("clients that hint 50 times a second")
        nagger.join()


def silence():
    """DNS says nothing at all: every question waits for its own limit."""
    with World() as w:
        w.prober.wait_settled(3)
        World.dns.silent = True
        w.count("DNS that is silent")
        World.dns.silent = False


fakes.enter()
World.dns = worlds.Dns()
side_by_side(
    *(
        (job,)
        for job in (
            gone_in_an_alarm,
            refused_in_an_alarm,
            unknown_for_ever,
            another_lives_there,
            wrong_pattern,
            nothing_resolves,
            all_fails,
            before_a_balancer,
            nobody_answers,
            readers_alone,
            everybody_claims,
            hinted,
        )
    )
)
side_by_side((silence,))
tap.done()
