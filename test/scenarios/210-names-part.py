#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""An own name is repointed from one cluster to another: a name belongs to a cluster only for as
long as DNS leads it there.

A migration, a restore, a switchover between regions: db.shop.example, a CNAME of A's endpoint,
becomes one of B's.  It leaves A: to B, where the prober can log in there; else to "where DNS
leads", said with one line in the log.  The other names of A never go with it, and the two clusters
never take turns.  Programs on the name end up on B, those on A's other names notice nothing.
"""
import os
import signal
import subprocess
import time

from lib import tap, worlds
from lib.environ import preload
from lib.prober import Prober
from lib.servers import fakes
from lib.waiting import wait_for
from lib.worlds import Changes, expect, note, side_by_side

OWN = "db.shop{}.example"
WITHIN = 15  # seconds until a name that DNS leads elsewhere has left
CONFIG = "[pelorus]\nuser = pelorus\npassword = pelorus\n"
CALM = 8  # seconds that are watched afterwards
# Connects by name, tells from which port, and again when its connection has ended.
PROGRAM = """import socket, sys
while True:
    with socket.create_connection((sys.argv[1], 3306), 10) as s:
        print(s.getsockname()[1], flush=True)
        s.settimeout(None)
        while s.recv(1000):
            pass
"""


class World:
    """Clusters A and B, an own name that leads to A, and a prober that follows it."""

    dns = None
    number = 0

    def __init__(self, follow_a=False, name=None, config=CONFIG):
        with worlds.lock:
            World.number += 1
            n = World.number
        self.a = fakes.Cluster(self.dns, 2, 10 * n, f"aaa{n}")
        self.b = fakes.Cluster(self.dns, 2, 10 * n + 1, f"bbb{n}")
        for letter, cluster in (("a", self.a), ("b", self.b)):
            for server in cluster.servers.values():
                server.uuid = f"{letter}-{server.uuid}"
        self.own = name(self) if name else OWN.format(n)
        self.dns.aliases[self.own] = self.a.writer_name
        followed = [self.own, *([self.a.writer_name] if follow_a else [])]
        self.prober = Prober(self.a, config.format(self.own),
                             options=[w for f in followed for w in ("--follow", f)])

    def __enter__(self):
        self.prober.__enter__()
        self.prober.view.wait(lambda v: (c := v.find(self.own)) and c.is_settled(2))
        return self

    def __exit__(self, *_):
        self.prober.__exit__()
        self.a.close()
        self.b.close()

    def writer(self, name):
        """The address that connections by this name go to, as a program would read the map."""
        cluster = self.prober.view.find(name)
        if not cluster:
            return None
        if cluster.state == "known" and cluster.writer:
            return cluster.instances[cluster.writer].ip4
        return (cluster.names[name].addresses or [None])[0]

    def leads_to(self, name, cluster, seconds=WITHIN):
        address = next(s.address for s in cluster.servers.values() if not s.read_only)
        return self.prober.view.wait(lambda _: self.writer(name) == address, seconds)

    def arrives(self, text, name, cluster):
        begin = time.monotonic()
        try:
            self.leads_to(name, cluster)
        except TimeoutError:
            return expect(False, text, f"{name} leads to {self.writer(name)}")
        note(f"{text}: after {time.monotonic() - begin:.1f} s")
        return expect(True, text)

    def repoint(self, own=None, to=None):
        self.own_changes = Changes(self.prober, self.own)
        self.a_changes = Changes(self.prober, self.a.writer_name)
        self.dns.aliases[self.own] = to or self.b.writer_name

    def calm(self, text):
        """What was published, all in all: the own name moved once, A's endpoint never left A."""
        time.sleep(CALM)  # that nothing more happens
        own, a = self.own_changes.end() and self.own_changes.writers(), \
            self.a_changes.end() and self.a_changes.writers()
        note(f"{text}: the own name went {own}, A's endpoint {a}")
        expect(len(own) <= 2, f"{text}: the own name moves once", own)
        expect(not {s.address for s in self.b.servers.values()} & set(a),
               f"{text}: A's own endpoint never leads to B", a)


def both_let_us_in():
    with World(follow_a=True) as w:
        w.repoint()
        w.arrives("B lets us in: the own name follows to B", w.own, w.b)
        expect(w.writer(w.a.writer_name) == w.a.servers["demo-1"].address,
               "B lets us in: A's endpoint leads to A", w.writer(w.a.writer_name))
        w.calm("B lets us in")


def only_name():
    """The own name is all that is followed: A's endpoints, which nobody asked for, are no
    reason to go back."""
    with World() as w:
        w.repoint()
        w.arrives("nobody follows A: the own name follows to B", w.own, w.b)
        w.calm("nobody follows A")


def not_let_in(text, spoil):
    """B cannot be verified: where DNS leads, and one line that says so.  A, which is still
    followed by its endpoint, stays as it was."""
    with World(follow_a=True) as w:
        for server in w.b.servers.values():
            spoil(server)
        before = w.prober.log()
        program = Program(w.prober, w.own)
        program.connected(w.a)
        w.repoint()
        w.arrives(f"{text}: the own name goes where DNS leads", w.own, w.b)
        cluster = w.prober.view.find(w.own)
        expect(cluster.state == "unknown", f"{text}: its topology is unknown", cluster.state)
        said = [line for line in w.prober.log()[len(before):].splitlines()
                if "code=name-left" in line]
        expect(len(said) == 1 and w.own in said[0] and "level=warning" in said[0],
               f"{text}: one line says that the name has left",
               "\n".join(said) or w.prober.log()[len(before):] or "not a line")
        until = w.prober.log()[len(before):].split("code=name-left", 1)[0]
        expect("code=access-denied" not in until, f"{text}: A's user is not said to be unknown",
               until)
        expect(("code=stranger-denied" in until) == (spoil is refuses),
               f"{text}: who denies is said to be none of A's", until)
        a = w.prober.view.find(w.a.writer_name)
        expect(a.state == "known" and a.writer == "demo-1", f"{text}: A is as it was", a.state)
        w.calm(text)
        expect(program.connected(w.b), f"{text}: a program's connection to A has ended")
        program.end()


class Program:
    """A program under the preload that keeps a connection by a name."""

    def __init__(self, prober, name):
        words = [f"{k}={v}" for k, v in preload(prober.directory).items()]
        self.child = subprocess.Popen(["env", *words, "/usr/bin/python3", "-c", PROGRAM, name],
                                      stdout=subprocess.PIPE, text=True)

    def connected(self, cluster, server="demo-1"):
        """Waits for its next connection; whether that one is with the server."""
        port = int(self.child.stdout.readline())
        try:
            return wait_for(lambda: any(c.getpeername()[1] == port for c in
                                        [*cluster.servers[server].connections]), 5)
        except TimeoutError:
            return False

    def end(self):
        self.child.kill()
        self.child.communicate()


def programs():
    with World(follow_a=True) as w:
        own, a = Program(w.prober, w.own), Program(w.prober, w.a.writer_name)
        both = [p.connected(w.a) for p in (own, a)]
        expect(all(both), "programs connect to A's writer", both)
        w.repoint()
        expect(own.connected(w.b), "the program on the own name is led to B's writer")
        time.sleep(1)  # that nothing more happens
        a.child.kill()
        expect(not a.child.communicate()[0], "the one on A's endpoint stays where it is")
        own.end()
        w.own_changes.end()
        w.a_changes.end()


def role_follows():
    """The own name goes to the other endpoint of the same cluster, and back."""
    def becomes(role):
        try:
            return w.prober.view.wait(lambda v: v.find(w.own).names[w.own].role == role, WITHIN)
        except TimeoutError:
            return False
    with World(follow_a=True) as w:
        w.dns.aliases[w.own] = w.a.reader_name
        expect(becomes("reader"), "an alias of the reader endpoint is a reader's name",
               w.prober.view.find(w.own).names[w.own].role)
        program = Program(w.prober, w.own)
        expect(program.connected(w.a, "demo-2"), "... and leads to a reader")
        program.end()
        w.dns.aliases[w.own] = w.a.writer_name
        expect(becomes("writer"), "... until it is one of the writer's again")
        program = Program(w.prober, w.own)
        expect(program.connected(w.a), "... and leads to the writer")
        program.end()


def next_worker():
    """The worker dies after a name has moved: the next one takes over what was published, though it
    has to ask DNS first whose the name is."""
    with World() as w:
        w.repoint()
        w.leads_to(w.own, w.b)
        w.prober.view.wait(lambda v: v.find(w.own).is_settled(2), 10)
        uid, old = w.prober.view.find(w.own).uid, w.prober.worker()
        after = Changes(w.prober, w.own)
        os.kill(old, signal.SIGKILL)
        w.prober.view.wait(lambda v: v.pid not in (0, old), 10)
        since = w.prober.view.heartbeat_ns
        w.prober.view.wait(lambda v: v.heartbeat_ns > since + 3 * 10**9, 10)
        seen = [s[1:] for s in after.end()]
        expect(seen == [("known", w.b.servers["demo-1"].address)] and
               w.prober.view.find(w.own).uid == uid,
               "a worker's end is not seen by the programs on a name that moved", seen)
        w.own_changes.end()
        w.a_changes.end()


def refuses(server):
    server.users = set()


def is_plain(server):
    server.query_error = (1193, "Unknown system variable 'aurora_server_id'")


def and_back():
    """To B and back to A: moves twice, and stays."""
    with World(follow_a=True) as w:
        w.repoint()
        w.arrives("there and back: the own name follows to B", w.own, w.b)
        w.dns.aliases[w.own] = w.a.writer_name
        w.arrives("there and back: and back to A", w.own, w.a)
        time.sleep(CALM)
        expect(
            len(w.own_changes.writers()) <= 3,
            "there and back: moves no more often than it was moved",
            w.own_changes.writers(),
        )
        w.own_changes.end()
        w.a_changes.end()


def flickers():
    """One answer in between leads to B: nobody moves."""
    with World(follow_a=True) as w:
        w.repoint()
        asked = len(w.dns.look_ups(0, {w.own}).get(w.own, ()))
        w.prober.view.wait(lambda _: len(w.dns.look_ups(0, {w.own})[w.own]) > asked, 10)
        w.dns.aliases[w.own] = w.a.writer_name
        time.sleep(CALM)
        w.own_changes.end()
        w.a_changes.end()
        expect(w.own_changes.writers() == [w.a.servers["demo-1"].address],
               "one answer that leads elsewhere moves nothing", w.own_changes.writers())


def global_endpoint():
    """A global endpoint after a switchover between regions: it goes to the other region's
    writer; the first region's endpoint stays with its own instances, which are readers now."""
    def name(world):
        return f"shop.global-{world.a.domain.split('.')[0]}.global.rds.amazonaws.com"
    with World(follow_a=True, name=name) as w:
        w.a.servers["demo-1"].read_only = True
        w.repoint()
        w.arrives("a global endpoint follows the switchover", w.own, w.b)
        wake = w.prober.view.wake
        time.sleep(CALM)
        a = w.prober.view.find(w.a.writer_name)
        addresses = {i.ip4 for i in a.instances.values()}
        expect(addresses == {s.address for s in w.a.servers.values()},
               "a global endpoint: the first region keeps its own instances", addresses)
        own = w.own_changes.end() and w.own_changes.writers()
        w.a_changes.end()
        expect(len(own) <= 2, "a global endpoint moves once", own)
        woken = (w.prober.view.wake - wake) & 0xffffffff
        expect(woken <= 2, f"a global endpoint: nobody is woken for nothing in {CALM} s", woken)


def configured(text, spoil, known):
    """The own name is the endpoint of a section of the configuration: the cluster itself goes."""
    with World(config=CONFIG + "[cluster shop]\nendpoint = {}\n") as w:
        for server in w.b.servers.values():
            spoil(server)
        uid = w.prober.view.find(w.own).uid
        w.repoint()
        w.arrives(f"{text}: a configured endpoint goes where DNS leads", w.own, w.b)
        w.prober.view.wait(lambda v: v.find(w.own).state == known, WITHIN)
        expect(w.prober.view.find(w.own).uid == uid, f"{text}: its cluster stays, and is {known}")
        if known == "known":
            w.prober.view.wait(lambda v: v.find(w.own).is_settled(2), 10)
            hosts = {i.ip4 for i in w.prober.view.find(w.own).instances.values()}
            expect(hosts == {s.address for s in w.b.servers.values()},
                   f"{text}: its members are those of B", hosts)
        w.own_changes.end()
        w.a_changes.end()


fakes.enter()
World.dns = worlds.Dns()
side_by_side(
    (both_let_us_in,), (only_name,), (not_let_in, "B refuses the user", refuses),
    (not_let_in, "B is no such cluster", is_plain), (and_back,), (flickers,), (global_endpoint,),
    (programs,), (role_follows,), (next_worker,),
    (configured, "B lets us in, configured", lambda server: None, "known"),
    (configured, "B refuses the user, configured", refuses, "unknown"), workers=11)
tap.done()
