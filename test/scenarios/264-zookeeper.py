#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A node of ZooKeeper as a source, by a real ensemble of three, and by servers that are none.

Its word is followed, checked and given up as that of any coordinator: without credentials whoever
it names is published, at once; with them the servers' own words decide.  A member that dies, a
session that is lost, garbage and a node that is gone move nobody.  What no server says may neither
end the daemon nor have it wait.
"""
import json
import os
import signal
import socket
import struct
import subprocess
import tempfile
import time

from lib import tap, worlds
from lib.prober import Prober, Watch, cluster_section
from lib.servers import fakes, zookeeper
from lib.trials.publishing import quantile
from lib.waiting import wait_for, within

NODE = "/services/shop/db"
LIE = "/services/shop/lie"
CHANGES = int(os.environ.get("PELORUS_ROUNDS", "15"))
PUSH_MS = 50
OUTLIVES = 60  # seconds that a dead ensemble may be followed
HOSTS = tuple(f"zk{n}.coord.example" for n in (1, 2, 3))
BELIEVED = "coordinator-trouble-over"


def document(cluster, *names):
    hosts = [f"{n}.{cluster.domain}:{fakes.PORT}" for n in names]
    return json.dumps({"primary": hosts[0], "secondary": hosts[1:]})


def section(cluster, url, user=None, **keys):
    keys = {"source": "zookeeper", "url": url, "allow_http": "on", **keys}
    return cluster_section(cluster, user=user, dialect="read_only",
                           allowed_hosts=f"*.{cluster.domain}", **keys)


def plain(number):
    cluster = fakes.Cluster(dns, 3, number, f"zk{number}")
    for server in cluster.servers.values():
        server.plain, server.lag_s = True, 0
    return cluster


def said(prober, words, count=1):
    return prober.view.wait(lambda _: prober.log().count(words) >= count, 30)


class Trial:
    """Without credentials: what the node says is what is published."""

    def __init__(self, zk, cluster, prober):
        self.zk, self.cluster, self.prober = zk, cluster, prober
        self.names = list(cluster.servers)
        self.watch = Watch(prober)

    def words(self, first):
        return document(self.cluster, first, *[n for n in self.names if n != first])

    def lead(self, first):
        """The node names that one as primary: when it was written."""
        return self.zk.put(NODE, self.words(first))

    def published(self, name, since_ns, seconds=20):
        """How many ms after it was written."""
        moment = self.watch.wait_first(since_ns, lambda c: c.state == "known" and c.writer == name,
                                       seconds)
        return (moment - since_ns) / 1e6 if moment else float("inf")

    def other(self):
        now = self.prober.cluster().writer
        return next(n for n in self.names if n != now)

    def changes(self):
        """Beside a client that is told by the same ensemble, which takes its time to agree."""
        figures, late = [], []
        floor = zookeeper.Watcher(self.zk.members[0].address, NODE)
        for _ in range(CHANGES):
            name = self.other()
            sent_ns = self.lead(name)
            figures.append(self.published(name, sent_ns))
            told_ns = wait_for(lambda n=name, t=sent_ns: floor.since(t, self.words(n)))
            late.append(figures[-1] - (told_ns - sent_ns) / 1e6)
        floor.end()
        tap.note(f"change of the node to published: median {quantile(figures, 0.5):.1f} ms, max "
                 f"{max(figures):.1f} ms, {len(figures)} changes; after a client that follows the "
                 f"node by itself has read it {quantile(late, 0.5):.1f} ms, {max(late):.1f} ms")
        tap.ok(within(quantile(late, 0.5), PUSH_MS), "a change of the node is published at once",
               late)

    def stays(self, text, words, deed):
        """It is said, once, and whoever was published stays."""
        writer, begin = self.prober.cluster().writer, now_ns()
        before = self.prober.log().count(words)
        deed()
        told = said(self.prober, words, before + 1)
        odd = [c.state for t, c in list(self.watch.seen) if t > begin and
               (c.state != "known" or c.writer != writer)]
        tap.ok(told and not odd, text, f"{odd} {self.prober.log()[-600:]}")
        name = self.other()
        over = self.prober.log().count(BELIEVED)
        late = self.published(name, self.lead(name))
        tap.ok(late < 5000 and said(self.prober, BELIEVED, over + 1), f"{text}: and its next word "
               "is followed", f"{late} ms")

    def nonsense(self):
        self.stays("garbage in the node moves nobody", "not what the format says",
                   lambda: self.zk.put(NODE, b"\xff\x00{\"primary\""))
        self.stays("nor does an empty one", "not what the format says",
                   lambda: self.zk.put(NODE, b""))
        self.stays("nor does a host outside allowed-hosts", "outside the allowed pattern",
                   lambda: self.zk.put(NODE, '{"primary": "db.evil.example:3306"}'))
        self.stays("nor does a node that is gone", "names nobody", lambda: self.zk.delete(NODE))

    def ours(self):
        """The member that we alone have a session with."""
        busy = [m for m in self.zk.members if m.sessions()]
        return busy[0] if len(busy) == 1 else None

    def member_killed(self):
        """The one that we are with: the others go on, and we with them."""
        ours = wait_for(self.ours)
        name = self.other()
        ours.kill()
        late = self.published(name, self.lead(name), 30)
        tap.note(f"the member that we were with was killed: the next change took {late:.0f} ms")
        tap.ok(late < 10000 and self.prober.cluster().state == "known",
               "a member that is killed: another one tells", self.prober.log()[-600:])
        ours.start()
        self.zk.wait()

    def cut_off(self):
        """For longer than a session lasts."""
        begin, writer = now_ns(), self.prober.cluster().writer
        rule = ("table inet cut {\nchain input {\ntype filter hook input priority 0\n"
                "tcp dport 2181 drop\n}\n}\n")
        subprocess.run(["nft", "-f", "-"], input=rule, text=True, check=True)
        time.sleep(5)  # a session lasts for four
        subprocess.run(["nft", "delete", "table", "inet", "cut"], check=True)
        odd = [c.state for t, c in list(self.watch.seen) if t > begin and
               (c.state != "known" or c.writer != writer)]
        tap.ok(not odd, "cut off for longer than a session lasts: what is known stays", odd)
        name = self.other()
        late = self.published(name, self.lead(name), 30)
        tap.note(f"after it: the next change took {late:.0f} ms")
        tap.ok(late < 15000, "and is followed again", self.prober.log()[-900:])

    def dead(self):
        """All are gone: DNS, which goes on, is followed again."""
        writer = self.prober.cluster().writer
        elsewhere = self.other()
        for member in self.zk.members:
            member.kill()
        dns.aliases[self.cluster.writer_name] = f"{elsewhere}.{self.cluster.domain}"
        self.cluster.servers[writer].close()
        begin, address = time.monotonic(), self.cluster.servers[elsewhere].address
        c = self.prober.wait(lambda c: leads_to(c, self.cluster) == address and c, OUTLIVES)
        tap.note(f"a dead ensemble was given up after {time.monotonic() - begin:.1f} s")
        tap.ok(c, "an ensemble that is dead is not followed for ever")


def leads_to(c, cluster):
    if c.state == "known" and c.writer:
        return c.instances[c.writer].ip4
    return (c.names[cluster.writer_name].addresses or [None])[0]


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def lie(zk, url):
    """With credentials nobody is the writer because somebody says so."""
    cluster = plain(2)
    first, second, third = cluster.servers
    zk.put(LIE, document(cluster, second, first, third))
    with Prober(cluster, section(cluster, url.replace(NODE, LIE), user="pelorus")) as p:
        c = p.wait_settled(3)
        tap.ok(c.writer == first, "a reader that is named primary is not the writer", c.writer)
        asked = len(cluster.servers[third].questions)
        zk.put(LIE, document(cluster, third, second, first))
        wait_for(lambda: len(cluster.servers[third].questions) > asked + 2)
        tap.ok(p.cluster().writer == first, "nor is another", p.cluster().writer)
        cluster.servers[first].read_only, cluster.servers[third].read_only = True, False
        c = p.wait_known(third)
        tap.ok(c, "who says so itself is", p.log()[-600:])
    cluster.close()


def far_away(url):
    """Without TLS, and not on this host."""
    cluster = plain(3)
    with Prober(cluster, section(cluster, url, allow_http="off")) as p:
        tap.ok(said(p, "unless allow-http is set"), "without TLS no host elsewhere is asked, "
               "unless allow-http is set", p.log()[-500:])
    cluster.close()


def one_name_silent(zk, cluster):
    """Of three names two are not answered for."""
    dns.mute |= set(HOSTS[:2])
    zk.put(NODE, document(cluster, *cluster.servers))
    with Prober(cluster, section(cluster, f"zookeeper://{','.join(HOSTS)}{NODE}")) as p:
        tap.ok(p.wait_known(next(iter(cluster.servers)), 15), "a name that is not answered for "
               "holds up nobody", p.log()[-500:])
    dns.mute.clear()


def left_at_once(zk, cluster, url):
    """A configuration that names it no more, while its servers are stopped."""
    with Prober(cluster, section(cluster, url)) as p:
        p.wait_known()
        for member in zk.members:
            member.signal(signal.SIGSTOP)
        p.configure(cluster_section(cluster, user=None))
        begin = time.monotonic()
        p.ask("reload")
        p.status()
        took = time.monotonic() - begin
        for member in zk.members:
            member.signal(signal.SIGCONT)
        tap.ok(took < 1, "a source whose servers are stopped is left without a wait",
               f"{took:.2f} s")
    zk.wait()


def pings_on(s, first):
    """Whatever it is asked: it lives."""
    s.sendall(first)
    while True:
        time.sleep(0.5)
        s.sendall(zookeeper.answer(-2))


def answers_on(fake, s, error):
    s.sendall(zookeeper.event(NODE))
    while True:
        xid = struct.unpack("!i", zookeeper.receive(s)[:4])[0]
        fake.asked += 1
        s.sendall(zookeeper.answer(xid, error))


# What a server may say that none does, after it has answered us once.
DEEDS = {
    "an answer to no question": lambda f, s, xid: s.sendall(zookeeper.answer(xid + 1)),
    "an event that ends early": lambda f, s, xid: s.sendall(zookeeper.answer(-1)),
    "an event whose path is longer than it": lambda f, s, xid: s.sendall(
        zookeeper.answer(-1, 0, struct.pack("!iii", 3, 3, 1 << 20) + b"/a")),
    "two gigabytes": lambda f, s, xid: s.sendall(struct.pack("!i", 0x7fffffff) + bytes(4096)),
    "two bytes, and the end": lambda f, s, xid: (s.sendall(b"\0\0"), s.shutdown(socket.SHUT_WR)),
    "questions that are left, and pings": lambda f, s, xid: pings_on(s, zookeeper.event(NODE)),
    "a lost connection, over it": lambda f, s, xid: answers_on(f, s, -4),
    "no protocol at all": lambda f, s, xid: s.sendall(b"HTTP/1.1 400 Bad Request\r\n" * 4),
}


def rogue(number, text, deed, words="coordinator-trouble "):
    """It is said, waited out, and the daemon lives on."""
    cluster = plain(number)
    first, *others = cluster.servers
    fake = zookeeper.Fake((f"127.0.1.{number}", 2181), document(cluster, first, *others), deed)
    with Prober(cluster, section(cluster, f"zookeeper://127.0.1.{number}:2181{NODE}")) as p:
        worker = p.note_pids()[1]
        told = p.view.wait(lambda c: words in p.log() and c, 20)
        came, asked = fake.came, fake.asked
        time.sleep(3)
        rate = max(fake.came - came, fake.asked - asked) / 3
        fake.deed = None
        worlds.expect(told and p.note_pids()[1] == worker and rate <= 3, f"{text}: it is left, and "
                      "not asked too often", f"{rate:.1f} a second, {p.log()[-500:]}")
    fake.close()
    cluster.close()


def other_session(self, s, first):
    """Each connection is told another session than it asks for."""
    self.session += 1
    zookeeper.Fake.greet(self, s, first)


def hang_up(self, s, xid):
    s.close()


def session_lost():
    """A server that does not know our session any more: a new one begins."""
    cluster = plain(20)
    first, *others = cluster.servers
    fake = zookeeper.Fake(("127.0.1.20", 2181), document(cluster, first, *others), hang_up)
    fake.greet = other_session.__get__(fake)
    with Prober(cluster, section(cluster, f"zookeeper://127.0.1.20{NODE}")) as p:
        told = said(p, "session is lost")
        fake.deed = None
        fake.value = document(cluster, *others)
        worlds.expect(told and p.wait_known(others[0], 20), "a session that is lost is replaced",
                      p.log()[-500:])
    fake.close()
    cluster.close()


def lags():
    """A server that is behind what another has told: its word waits until it has stayed."""
    cluster = plain(21)
    first, *others = cluster.servers
    fake = zookeeper.Fake(("127.0.1.21", 2181), document(cluster, first, *others))
    with Prober(cluster, section(cluster, f"zookeeper://127.0.1.21{NODE}")) as p:
        p.wait_known(first)
        before, fake.changed, fake.value = fake.asked, 5, document(cluster, others[0], first)
        for s in fake.sockets:
            s.sendall(zookeeper.event(NODE))
        c = p.wait_known(others[0])
        worlds.expect(c and fake.asked - before >= 2, "a word that is older than the last is asked "
                      "for again", fake.asked - before)
    fake.close()
    cluster.close()


def slow():
    """On this host, by IPv6, byte by byte: nothing has to be allowed, and it is heard out."""
    cluster = plain(22)
    fake = zookeeper.Fake(("::1", 2181), document(cluster, *cluster.servers))
    fake.pause_s = 0.005
    with Prober(cluster, section(cluster, f"zookeeper://[::1]{NODE}", allow_http="off")) as p:
        c = p.wait_known(next(iter(cluster.servers)))
        worlds.expect(c and fake.came == 1, "a slow server on this host is heard out",
                      f"{fake.came} {p.log()[-500:]}")
    fake.close()
    cluster.close()


def late_answer():
    """What was of no use is asked for again after a pause, but not before an answer came."""
    cluster = plain(23)
    fake = zookeeper.Fake(("127.0.1.23", 2181), "garbage")

    def mend(f, s, _):
        f.deed = None
        s.sendall(zookeeper.event(NODE))
        xid = struct.unpack("!i", zookeeper.receive(s)[:4])[0]
        time.sleep(2)
        f.value = document(cluster, *cluster.servers)
        s.sendall(zookeeper.answer(xid, 0, zookeeper.data(f.value, f.changed)))
    fake.deed = mend
    with Prober(cluster, section(cluster, f"zookeeper://127.0.1.23{NODE}")) as p:
        c = p.wait_known(next(iter(cluster.servers)))
        worlds.expect(c and fake.came == 1, "an answer under way is awaited, whenever the one "
                      "before was to be asked for again", f"{fake.came} {p.log()[-500:]}")
    fake.close()
    cluster.close()


def no_word_of_its_coming():
    """There is no node, and whether there is one now is not answered."""
    cluster = plain(24)
    fake = zookeeper.Fake(("127.0.1.24", 2181), "garbage")

    def gone(f, s, _):
        s.sendall(zookeeper.event(NODE))
        xid = struct.unpack("!i", zookeeper.receive(s)[:4])[0]
        s.sendall(zookeeper.answer(xid, zookeeper.NO_NODE))
        pings_on(s, b"")
    fake.deed = gone
    with Prober(cluster, section(cluster, f"zookeeper://127.0.1.24{NODE}")) as p:
        worlds.expect(p.view.wait(lambda _: fake.came > 1, 20), "a server that does not say "
                      "whether a node has come is left", p.log()[-500:])
    fake.close()
    cluster.close()


def beside_another():
    """Where to publish it is no key of etcd; and then the configuration has no node any more."""
    cluster = plain(25)
    first, *others = cluster.servers
    fake = zookeeper.Fake(("127.0.1.25", 2181), document(cluster, first, *others))
    url = f"zookeeper://127.0.1.25{NODE}"
    with Prober(cluster, section(cluster, url, publish="http://127.0.0.1:1/a?b")) as p:
        told = p.view.wait(lambda _: "source-failed" in p.log(), 10)
        c = told and p.wait(lambda c: c.state == "known" and c, 10)
        worlds.expect(c, "a node is followed beside a source that cannot be started",
                      p.log()[-500:])
    with Prober(cluster, section(cluster, url)) as p:
        p.wait_known(first)
        p.configure(section(cluster, url).replace(f"url = {url}\n", ""))
        p.ask("reload")
        worlds.expect(p.wait(lambda c: c.state != "known" and c, 10), "the word of a node that is "
                      "not asked any more is forgotten", p.log()[-500:])
    fake.close()
    cluster.close()


def silent(number, text, greeting):
    """At some byte it says nothing more: all else goes on, and it is given up for another."""
    cluster = plain(number)
    first, *others = cluster.servers
    mute = zookeeper.Fake((f"127.0.1.{number}", 2181), "")
    mute.greet = lambda s, _: (s.sendall(greeting), time.sleep(60))
    with Prober(cluster, section(cluster, f"zookeeper://127.0.1.{number}{NODE}")) as p:
        slowest, worker = 0, p.note_pids()[1]
        end = time.monotonic() + 4
        while time.monotonic() < end:
            begin = time.monotonic()
            p.status()
            slowest = max(slowest, time.monotonic() - begin)
            time.sleep(0.02)
        worlds.expect(slowest < 0.7 and mute.came and p.note_pids()[1] == worker,
                      f"{text}: nothing waits for it", f"{slowest:.3f} s {p.log()[-500:]}")
    mute.close()
    cluster.close()


def rogues():
    jobs = [(rogue, 4 + i, text, deed) for i, (text, deed) in enumerate(DEEDS.items())]
    jobs.append((rogue, 15, "a server that answers and hangs up", hang_up, "writer-changed"))
    jobs += [(session_lost,), (lags,), (slow,), (late_answer,),
             (no_word_of_its_coming,), (beside_another,)]
    jobs.append((silent, 16, "silence after the connect", b""))
    jobs.append((silent, 17, "silence within the greeting", bytes(20)))
    jobs.append((silent, 18, "a server that takes no writes", zookeeper.greeting(1)))
    jobs.append((silent, 19, "an answer to no question, from such a one",
                 zookeeper.greeting(1) + zookeeper.answer(5)))
    worlds.side_by_side(*jobs, workers=4)


def run(folder):
    addresses = [(f"127.0.0.{10 + n}", 2181) for n in (1, 2, 3)]
    for host, address in zip(HOSTS, addresses):
        dns.addresses[host] = [address[0]]
    url = f"zookeeper://{','.join(HOSTS)}{NODE}"
    cluster = plain(1)
    with zookeeper.Ensemble(3, folder, addresses) as zk:
        far_away(url)
        zk.put(NODE, document(cluster, *cluster.servers))
        one_name_silent(zk, cluster)
        left_at_once(zk, cluster, url)
        lie(zk, url)
        with Prober(cluster, section(cluster, url)) as p:
            c = p.wait_known("demo-1")
            tap.ok(c, "whom the node names is published")
            trial = Trial(zk, cluster, p)
            try:
                for part in (trial.changes, trial.nonsense, trial.member_killed, trial.cut_off,
                             trial.dead):
                    part()
            finally:
                trial.watch.end()
    cluster.close()


if not zookeeper.present():
    tap.skip("a real ZooKeeper", "the package zookeeper is not installed")
    tap.done()
fakes.enter()
dns = worlds.Dns()
with tempfile.TemporaryDirectory() as folder_:
    run(folder_)
rogues()
tap.done()
