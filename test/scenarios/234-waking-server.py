#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A server that wakes up (Serverless, scaled to nothing) takes a connection at once and greets 12
to 15 s later: that login is waited for, and not given up and begun again.  Where another server
may be asked, as when the writer has stopped and says nothing more, that one is asked meanwhile;
but who has greeted is not silent, however slow its login is.

And one may fall asleep: with `idle`, a cluster that no program has a connection to has none of the
prober either, until one has."""
import contextlib
import subprocess
import time

from lib import tap, worlds
from lib.environ import preload
from lib.prober import Prober, cluster_section
from lib.servers import fakes
from lib.waiting import wait_for
from lib.worlds import expect

IDLE = 10  # seconds
HOLD = """import socket, sys
with socket.create_connection((sys.argv[1], 3306), 5):
    print("there", flush=True)
    sys.stdin.readline()
"""
ASLEEP = 13  # seconds
SLOW = 3
PATIENCE = 25  # less than a silent server is given, where there is no other
TRIES = 3  # the scout's, a member's, and one more


class Sleepy(fakes.Server):
    wakes = None  # when it greets
    given_up = 0
    slow = 0  # seconds that it takes to judge a login

    def _session(self, connection):
        if self.wakes is None:
            self.wakes = time.monotonic() + ASLEEP
        if self._sleep(connection, self.wakes):
            super()._session(connection)

    def _read(self, connection):
        sequence, packet = fakes.Server._read(connection)
        if self.slow and sequence == 1:
            self._sleep(connection, time.monotonic() + self.slow)
        return sequence, packet

    def _sleep(self, connection, until):
        """False if the peer does not wait for it."""
        while time.monotonic() < until:
            connection.settimeout(max(0.01, until - time.monotonic()))
            try:
                if connection.recv(1) == b"":
                    self.given_up += 1
                    return False
            except TimeoutError:
                pass
        connection.settimeout(None)
        return True


class Cluster(fakes.Cluster):
    kind = Sleepy


def waking():
    cluster = Cluster(dns, 1, 1, "sleepy")
    server = cluster.servers["demo-1"]
    with Prober(cluster, cluster_section(cluster)) as p:
        attempt("a server that takes 13 s to wake is known when it is awake",
                lambda: (c := p.cluster()) and c.writer == "demo-1")
        expect(server.given_up == 0, "no login is given up half-way", server.given_up)
        expect(len(server.came) <= TRIES, "and few are begun", len(server.came))
    cluster.close()


def stopped():
    """DNS leads to a server that takes connections and says nothing; another is the writer."""
    cluster = Cluster(dns, 3, 3, "stopped")
    for server in cluster.servers.values():
        server.wakes = 0
    cluster.servers["demo-1"].wakes = time.monotonic() + 3600
    cluster.servers["demo-2"].read_only = False
    dns.mute.add(cluster.reader_name)  # nobody knows of another when the login begins
    with Prober(cluster, cluster_section(cluster)) as p:
        begin = time.monotonic()
        wait_for(lambda: cluster.servers["demo-1"].came)
        dns.mute.remove(cluster.reader_name)
        p.wait_known("demo-2", 60)
        took = time.monotonic() - begin
        expect(took < PATIENCE, "a silent server, where DNS leads, keeps nobody from the others",
               took)
    cluster.close()


def slow():
    """The server where DNS leads greets at once and needs longer than a silent one is given."""
    cluster = Cluster(dns, 2, 4, "slow")
    for server in cluster.servers.values():
        server.wakes, server.slow = 0, SLOW
    with Prober(cluster, cluster_section(cluster)) as p:
        p.wait_known("demo-1", 60)
        given_up = sum(server.given_up for server in cluster.servers.values())
        expect(given_up == 0, "a login of who has greeted is not given up half-way", given_up)
    cluster.close()


def busy():
    """A silent server where DNS leads; the other is full at first, and the writer then."""
    cluster = Cluster(dns, 2, 5, "busy")
    silent, full = cluster.servers["demo-1"], cluster.servers["demo-2"]
    silent.wakes, full.wakes = time.monotonic() + 3600, 0
    full.greeting_error = (1040, "Too many connections")
    full.read_only = False
    with Prober(cluster, cluster_section(cluster)) as p:
        wait_for(lambda: len(silent.came) > 1 and max(full.came, default=0) > silent.came[1], 60)
        full.greeting_error = None
        begin = time.monotonic()
        p.wait_known("demo-2", 60)
        took = time.monotonic() - begin
        expect(took < PATIENCE, "a silent server keeps nobody from another that is merely full",
               took)
    cluster.close()


def program(prober, name):
    """A program under the preload that has a connection by this name until its input ends."""
    child = subprocess.Popen(
        ["env", *(f"{k}={v}" for k, v in preload(prober.directory).items()), "/usr/bin/python3",
         "-c", HOLD, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    child.stdout.readline()
    return child


def is_asleep(prober, cluster):
    c = prober.cluster()
    return c.state == "unknown" and c.why == "idle" and \
        not any(s.connections for s in cluster.servers.values())


def attempt(text, condition):
    found = False
    with contextlib.suppress(TimeoutError):
        found = wait_for(condition, 60)
    expect(found, text)


def idle():
    cluster = fakes.Cluster(dns, 2, 2, "idle")
    with Prober(cluster, cluster_section(cluster, idle=f"{IDLE}s")) as p:
        p.wait_settled(2)
        attempt("a cluster that nobody uses is left without a connection",
                lambda: is_asleep(p, cluster))
        logins = {i: s.accepted for i, s in cluster.servers.items()}
        time.sleep(3)  # that nobody comes
        expect(logins == {i: s.accepted for i, s in cluster.servers.items()},
               "and nobody knocks", logins)
        expect(p.cluster().names[cluster.writer_name].addresses ==
               [cluster.servers["demo-1"].address], "its names lead where DNS leads")
        child = program(p, cluster.writer_name)
        attempt("a program that connects wakes it", lambda: p.cluster().is_settled(2))
        time.sleep(IDLE + 5)  # that nothing happens
        expect(p.cluster().is_settled(2), "and its connection keeps it awake", p.log()[-600:])
        child.stdin.close()
        child.wait(10)
        attempt("until it is gone", lambda: is_asleep(p, cluster))
        expect("level=warning" not in p.log(), "of which nobody is warned", p.log()[-900:])
    cluster.close()


fakes.enter()
dns = worlds.Dns()
worlds.side_by_side((idle,), (waking,), (stopped,), (slow,), (busy,))
tap.done()
