#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A server that wakes up (Serverless, scaled to nothing) takes a connection at once and greets 12
to 15 s later: that login is waited for, and not given up and begun again.  Where another server
may be asked, as when the writer has stopped and says nothing more, that one is asked meanwhile.

And one may fall asleep: with `idle`, a cluster that no program has a connection to has none of the
prober either, until one has."""
import subprocess
import time

from lib import tap, worlds
from lib.environ import preload
from lib.prober import Prober, cluster_section
from lib.servers import fakes
from lib.waiting import wait_for

IDLE = 10  # seconds
HOLD = """import socket, sys
with socket.create_connection((sys.argv[1], 3306), 5):
    print("there", flush=True)
    sys.stdin.readline()
"""
ASLEEP = 13  # seconds
TRIES = 3  # the scout's, a member's, and one more


class Sleepy(fakes.Server):
    wakes = None  # when it greets
    given_up = 0

    def _session(self, connection):
        if self.wakes is None:
            self.wakes = time.monotonic() + ASLEEP
        while time.monotonic() < self.wakes:
            connection.settimeout(max(0.01, self.wakes - time.monotonic()))
            try:
                if connection.recv(1) == b"":
                    self.given_up += 1
                    return
            except TimeoutError:
                pass
        connection.settimeout(None)
        super()._session(connection)


class Cluster(fakes.Cluster):
    kind = Sleepy


def waking():
    cluster = Cluster(dns, 1, 1, "sleepy")
    server = cluster.servers["demo-1"]
    with Prober(cluster, cluster_section(cluster)) as p:
        begin = time.monotonic()
        try:
            p.wait_known("demo-1", ASLEEP + 12)
            took = time.monotonic() - begin
            tap.note(
                f"known after {took:.1f} s, {len(server.came)} connections, "
                f"{server.given_up} given up"
            )
            tap.ok(
                took < ASLEEP + 2,
                "a server that takes 13 s to wake is known as soon as it is awake",
                took,
            )
        except TimeoutError:
            tap.ok(
                False,
                "a server that takes 13 s to wake is known as soon as it is awake",
                f"{len(server.came)} connections, {server.given_up} given up",
            )
        tap.ok(server.given_up == 0, "no login is given up half-way", server.given_up)
        tap.ok(len(server.came) <= TRIES, "and few are begun", len(server.came))
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
        p.wait_known("demo-2", 45)
        took = time.monotonic() - begin
        tap.ok(took < 10, "a silent server, where DNS leads, keeps nobody from the others", took)
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


def attempt(text, condition, seconds):
    try:
        wait_for(condition, seconds)
        return tap.ok(True, text)
    except TimeoutError:
        return tap.ok(False, text)


def idle():
    cluster = fakes.Cluster(dns, 2, 2, "idle")
    with Prober(cluster, cluster_section(cluster, idle=f"{IDLE}s")) as p:
        p.wait_settled(2)
        attempt("a cluster that nobody uses is left without a connection",
                lambda: is_asleep(p, cluster), IDLE + 5)
        logins = {i: s.accepted for i, s in cluster.servers.items()}
        time.sleep(3)
        tap.ok(logins == {i: s.accepted for i, s in cluster.servers.items()},
               "and nobody knocks", logins)
        tap.ok(p.cluster().names[cluster.writer_name].addresses ==
               [cluster.servers["demo-1"].address], "its names lead where DNS leads")
        child = program(p, cluster.writer_name)
        attempt("a program that connects wakes it", lambda: p.cluster().is_settled(2), 15)
        time.sleep(IDLE + 5)
        tap.ok(p.cluster().is_settled(2), "and its connection keeps it awake", p.log()[-600:])
        child.stdin.close()
        child.wait(10)
        attempt("until it is gone", lambda: is_asleep(p, cluster), IDLE + 10)
        tap.ok("level=warning" not in p.log(), "of which nobody is warned", p.log()[-900:])
    cluster.close()


fakes.enter()
dns = worlds.Dns()
waking()
stopped()
idle()
tap.done()
