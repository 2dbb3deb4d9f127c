#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Whose a name is when it could not be told at once, or no longer has room where it belongs.

An alias whose first look-up fails, or comes before the alias is made, ends up with the cluster and
the role of its endpoint.  A name that DNS leads to a cluster which has no room for another name
leaves all the same.  And a new worker follows each name that its predecessor did.
"""
import os
import signal
import time

from lib import tap, worlds
from lib.prober import Prober
from lib.servers import fakes
from lib.worlds import expect, side_by_side

CONFIG = "[pelorus]\nuser = pelorus\npassword = pelorus\n"
WITHIN = 20  # seconds
SWEEP = 7  # seconds: a look at what is kept, and a bit
NAMES = 16  # of one cluster, at most


class World:
    dns = None
    number = 0

    def __init__(self, letter="a"):
        with worlds.lock:
            World.number += 1
            self.number = World.number
        self.cluster = fakes.Cluster(self.dns, 2, self.number, f"placed{self.number}")
        for server in self.cluster.servers.values():
            server.uuid = f"{letter}-{server.uuid}"


def follow(*names):
    return [word for name in names for word in ("--follow", name)]


def late(text, hide, show):
    world = World()
    cluster, own = world.cluster, f"ro.late{world.number}.example"
    World.dns.aliases[own] = cluster.reader_name
    hide(own)
    with Prober(cluster, CONFIG, options=follow(own)) as p:
        p.view.wait(lambda v: (c := v.find(own)) and c.why == "no-answer", WITHIN)
        World.dns.aliases[own] = cluster.reader_name
        show(own)

        def shown():
            c = p.view.find(own)
            return c and (c.state, c.names[own].role, sorted(c.names))
        try:
            p.view.wait(lambda _: shown() == ("known", "reader", sorted(
                [own, cluster.writer_name, cluster.reader_name])), WITHIN)
            expect(True, f"{text}: it has its endpoint's cluster and role")
        except TimeoutError:
            expect(False, f"{text}: it has its endpoint's cluster and role", shown())
    cluster.close()


def full():
    a, b = World("a").cluster, World("b").cluster
    own = "db.full.example"
    World.dns.aliases[own] = a.writer_name
    more = [f"db{i}.full.example" for i in range(NAMES - 2)]
    World.dns.aliases.update((name, b.writer_name) for name in more)
    with Prober(a, CONFIG, options=follow(own, b.writer_name, *more)) as p:
        p.view.wait(lambda v: (c := v.find(own)) and c.is_settled(2), WITHIN)
        p.view.wait(lambda v: (c := v.find(b.writer_name)) and c.is_settled(2) and
                    len(c.names) == NAMES, WITHIN)
        World.dns.aliases[own] = b.writer_name

        def writer():
            c = p.view.find(own)
            return c.writer and c.instances[c.writer].ip4
        try:
            p.view.wait(lambda _: writer() == b.servers["demo-1"].address, WITHIN)
            expect(True, "a name leaves for a cluster that has no room for it")
        except TimeoutError:
            expect(False, "a name leaves for a cluster that has no room for it",
                   f"{writer()}\n{p.log()[-600:]}")
        expect("code=follow-failed" not in p.log(), "... without a word of failure", p.log()[-600:])
        expect(len(p.view.find(b.writer_name).names) == NAMES, "... which keeps its own names")
    a.close()
    b.close()


def many():
    """More aliases than are asked for at once."""
    clusters = [World().cluster for _ in range(6)]
    names = [f"db{i}.many.example" for i in range(80)]
    for i, name in enumerate(names):
        World.dns.aliases[name] = clusters[i % len(clusters)].writer_name

    def all_there(view):
        return all(view.find(name) for name in names)
    with Prober(clusters[0], CONFIG) as p:
        for name in names:
            p.ask("follow", name=name)
        p.view.wait(all_there, WITHIN)
        old = p.worker()
        os.kill(old, signal.SIGKILL)
        p.view.wait(lambda v: v.pid not in (0, old), WITHIN)
        since = p.view.heartbeat_ns
        p.view.wait(lambda v: v.heartbeat_ns > since + 3 * 10**9, WITHIN)
        lost = [name for name in names if not p.view.find(name)]
        expect(not lost, f"a new worker follows all of {len(names)} aliases", lost)
    for cluster in clusters:
        cluster.close()


def unheard(text, by_alias):
    """DNS falls silent, and the worker dies: connections go where DNS led last."""
    world = World()
    cluster, own = world.cluster, f"db.unheard{world.number}.example"
    World.dns.aliases[own] = cluster.writer_name
    name = own if by_alias else cluster.writer_name
    names = [own, cluster.writer_name, cluster.reader_name,
             *(f"{i}.{cluster.domain}" for i in cluster.servers)]
    with Prober(cluster, CONFIG, options=follow(name)) as p:
        p.view.wait(lambda v: (c := v.find(name)) and c.is_settled(2), WITHIN)
        dns.mute.update(names)
        old = p.worker()
        os.kill(old, signal.SIGKILL)
        p.view.wait(lambda v: v.pid not in (0, old), WITHIN)
        c = p.view.wait(lambda v: (c := v.find(name)) and c.state == "unknown" and c, WITHIN)
        expect(c.names[name].addresses == [cluster.servers["demo-1"].address],
               f"a new worker to which DNS says nothing leads {text} where it led before",
               c.names[name].addresses)
        dns.mute.difference_update(names)
        p.view.wait(lambda v: (c := v.find(name)) and c.is_settled(2), WITHIN)
    cluster.close()


def refused():
    """All that was told of a name came with a password that its servers refuse."""
    cluster = World().cluster
    own = "db.refused.example"
    World.dns.aliases[own] = cluster.writer_name
    for server in cluster.servers.values():
        server.users = {"good"}
    with Prober(cluster, "[pelorus]\n") as p:
        p.ask("follow", name=own, user="bad", password="x")
        p.view.wait(lambda v: (c := v.find(own)) and c.why == "denied", WITHIN)
        p.ask("follow", name=cluster.writer_name, user="good", password="y")
        p.view.wait(lambda v: (c := v.find(own)) and c.is_settled(2), 2 * WITHIN)
        time.sleep(SWEEP)
        old = p.worker()
        os.kill(old, signal.SIGKILL)
        p.view.wait(lambda v: v.pid not in (0, old), WITHIN)
        since = p.view.heartbeat_ns
        p.view.wait(lambda v: v.heartbeat_ns > since + 3 * 10**9, WITHIN)
        expect(p.view.find(own), "a name whose password was refused is followed by a new worker")
        expect({u for s in cluster.servers.values() for u in s.who[-2:]} == {"good"},
               "... which does not try that password", [s.who for s in cluster.servers.values()])
    cluster.close()


fakes.enter()
World.dns = dns = worlds.Dns()
side_by_side(
    (late, "a first look-up without an answer", dns.mute.add, dns.mute.discard),
    (late, "a first look-up that servers fail", dns.failing.add, dns.failing.discard),
    (late, "an alias that is made late", dns.aliases.pop, lambda own: None), (full,),
    (refused,), (many,), (unheard, "an endpoint", False), (unheard, "an alias", True),
    workers=8)
tap.done()
