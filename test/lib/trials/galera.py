# SPDX-License-Identifier: Apache-2.0
"""A Galera cluster of three real nodes that lose one of them, and how soon the next is published.

fakes.enter()
with Cluster() as cluster, Prober(cluster, cluster.section()) as p, Trial(cluster, p) as trial:
    trial.killed(), trial.stopped(), trial.cut()

each gives the milliseconds from the first write that the others let in again to the next writer
in the map: less than none where that was there before.
"""
import contextlib
import signal
import subprocess
import tempfile

from lib import apart
from lib.lab import module
from lib.prober import Watch
from lib.servers import fakes
from lib.trials.floors import Commits, Floor, now_ns
from lib.waiting import wait_for

galera = module("plain.galera")

HOST = "shop.galera.example"
HOSTS = {f"node{n}.galera.example": a for n, a in enumerate(apart.ADDRESSES, 1)}
TABLE = "app.floor"
LOGIN = {"password": "app"}
HANG_NS = 1_000_000_000  # writes that were let in sooner were on their way when it began


def address_of_writer(c):
    return c.instances[c.writer].ip4 if c and c.state == "known" and c.writer else None


class Cluster:
    """What a Prober takes for a lab, and the nodes by address; the third lives apart."""

    writer_name, options = HOST, {"port": 3306}

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            inside = apart.network(stack, folder, HOSTS)
            self.dns = fakes.Dns()
            self.dns.addresses = {HOST: list(HOSTS.values()), **{h: [a] for h, a in HOSTS.items()}}
            self.nodes = {a: stack.enter_context(galera.Node(
                folder, a, n, apart.ADDRESSES, prefix=inside if n == 3 else ()))
                for n, a in enumerate(HOSTS.values(), 1)}
            galera.begin(list(self.nodes.values()))
            self.sql(f"CREATE TABLE {TABLE} (id BIGINT AUTO_INCREMENT PRIMARY KEY)")
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def popen(self, *command, **options):
        return subprocess.Popen(command, **options)

    def section(self, members=tuple(HOSTS), **keys):
        keys = {"endpoint": HOST, "members": ", ".join(members), "user": "pelorus",
                "password": "pelorus", **keys}
        return "\n".join(["[cluster shop]", *(f"{k.replace('_', '-')} = {v}"
                                              for k, v in keys.items()), ""])

    def sql(self, statement):
        return next(iter(self.nodes.values())).sql(statement)

    def wait_whole(self):
        for node in self.nodes.values():
            node.wait_synced(3)

    def restart_all(self):
        """All are killed; one begins the group anew, as an operator does, and the others join."""
        for node in self.nodes.values():
            node.kill()
        for first, node in enumerate(self.nodes.values()):
            node.start(first=not first)


class Trial:
    def __init__(self, cluster, prober):
        self.cluster, self.prober = cluster, prober
        self.watch = Watch(prober)
        self.floor = Floor(apart.ADDRESSES, TABLE, **LOGIN)
        self.commits = Commits(prober, TABLE, **LOGIN)
        self.routed = 0  # seconds that a lost node was published for, at the most

    def __enter__(self):
        self.commits.start()
        return self

    def __exit__(self, *_):
        self.commits.__exit__()
        self.floor.end()
        self.watch.end()

    def writer(self):
        return address_of_writer(self.prober.wait(
            lambda c: c.is_settled(3) and c.writer and c, 60))

    def node(self):
        return self.cluster.nodes[self.writer()]

    def quiet(self, since_ns, writer):
        """Whatever was published since, but this writer."""
        return [(t, c.state, address_of_writer(c)) for t, c in list(self.watch.seen)
                if t > since_ns and address_of_writer(c) != writer]

    def _late(self, begin, old):
        """Milliseconds from writable to published, None if nobody was."""
        told = self.watch.wait_first(begin, lambda c: address_of_writer(c) not in (None, old), 40)
        new = told and address_of_writer(self.prober.cluster())
        writable, _ = self.floor.first(begin + HANG_NS, old)
        gone = self.watch.first(begin, lambda c: address_of_writer(c) != old)
        self.routed = max(self.routed, (gone - begin) / 1e9 if gone else 60)
        return (told - writable) / 1e6 if new and writable else None

    def killed(self):
        node = self.node()
        begin = now_ns()
        node.kill()
        late = self._late(begin, node.address)
        node.start()
        self.cluster.wait_whole()
        return late

    def stopped(self):
        node = self.node()
        begin = now_ns()
        node.process.send_signal(signal.SIGSTOP)
        late = self._late(begin, node.address)
        node.process.send_signal(signal.SIGCONT)
        wait_for(lambda: not node.is_synced(3), 20)
        self.cluster.wait_whole()
        return late

    def cut(self):
        """The third, made the writer before."""
        third = self.cluster.nodes[apart.ADDRESSES[2]]
        others = [n for n in self.cluster.nodes.values() if n is not third]
        for node in others:
            node.sql("SET GLOBAL read_only = 1")
        self.prober.wait(lambda c: address_of_writer(c) == third.address)
        for node in others:
            node.sql("SET GLOBAL read_only = 0")
        self.prober.wait(lambda c: address_of_writer(c) == third.address and c.is_settled(3))
        with apart.cut_off("{ 4567, 4568 }"):
            begin = now_ns()
            late = self._late(begin, third.address)
            self.gone = self.watch.wait_first(begin, lambda c: all(
                i.health == "unreachable" for i in c.instances.values()
                if i.ip4 == third.address))
        self.cluster.wait_whole()
        return late
