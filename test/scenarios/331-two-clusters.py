#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two clusters in one process that looks names up once: a JVM with its DNS cached for ever.

The map is deleted, and a prober publishes anew what it is then told in the opposite order.  At no
moment a connection by one cluster's name reaches the other cluster.
"""
import json
import os
import signal
import subprocess
import time

from lib.paths import CLIENTS
from lib.programs import clients, loopback
from lib.published import Map
from lib.tap import done, note, ok, skip

DOMAIN = "test-region-1.rds.amazonaws.com"
NAMES = [f"one.cluster-abc.{DOMAIN}", f"two.cluster-xyz.{DOMAIN}"]
# Of each cluster: two instances, and where DNS leads.
SERVERS = [("127.0.77.1", "127.0.77.3", "127.0.77.5"), ("127.0.77.2", "127.0.77.4", "127.0.77.6")]
PROGRAM = os.path.join(CLIENTS, "java", "Cached.java")
LIMIT = 30


class Jvm:
    def __init__(self, port):
        words = [w for name, own in zip(NAMES, SERVERS) for w in (name, ",".join(own))]
        self.child = subprocess.Popen(["java", "-XX:TieredStopAtLevel=1", PROGRAM, str(port),
                                       *words],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                      bufsize=1)
        self.wrong = 0

    def ask(self):
        self.child.stdin.write("\n")
        answer = json.loads(self.child.stdout.readline())
        self.wrong += answer["wrong"]
        return answer

    def wait(self, greeters):
        """Until, in a tenth of a second, it was greeted by these and by nobody else."""
        end = time.monotonic() + LIMIT
        self.ask()
        while time.monotonic() < end:
            time.sleep(0.1)
            answer = self.ask()
            if answer["greeters"] == sorted(greeters):
                return True
        note(f"at last: {answer}")
        return False

    def end(self):
        self.child.kill()
        self.child.wait()


def publish(published, port, order, writers):
    """Both clusters, followed in this order."""
    for record, cluster in enumerate(order):
        published.tell(f"name {record} writer {NAMES[cluster]} {SERVERS[cluster][2]}")
        for i in range(2):
            published.tell(f"instance {record} {i} c{cluster}-{i} {port} {SERVERS[cluster][i]}")
        published.tell(f"writer {record} {writers[cluster]}")


def check(jvm, folder, port):
    with Map(folder) as published:
        publish(published, port, (0, 1), (0, 0))
        ok(jvm.wait([SERVERS[0][0], SERVERS[1][0]]), "each name leads to its cluster's writer")
        published.tell("writer 0 1")
        published.tell("writer 1 1")
        ok(jvm.wait([SERVERS[0][1], SERVERS[1][1]]), "and follows it, though nothing is looked up")
    os.unlink(os.path.join(published.directory, "topology.map"))
    with Map(folder) as published:
        publish(published, port, (1, 0), (0, 1))
        begin = time.monotonic()
        ok(jvm.wait([SERVERS[0][0], SERVERS[1][1]]),
           "the map deleted, the clusters published in the opposite order: each to its own")
        note(f"{time.monotonic() - begin:.1f} s after the new map was complete")
        published.tell("writer 1 1")
        published.tell("writer 0 0")
        ok(jvm.wait([SERVERS[0][1], SERVERS[1][0]]), "and both are followed in the new map")


def main():
    if clients.java_problem():
        skip("a JVM with two clusters", clients.java_problem())
        done()
    folder = loopback.enter(hosts={n: s[2] for n, s in zip(NAMES, SERVERS)})
    servers = loopback.Servers(*SERVERS[0], *SERVERS[1])
    signal.alarm(150)
    jvm = Jvm(servers.port)
    try:
        check(jvm, folder, servers.port)
        answer = jvm.ask()
        ok(jvm.wrong == 0, "no connection reached the other cluster", f"{jvm.wrong}")
        note(f"at last {answer}")
    finally:
        jvm.end()
    done()


main()
