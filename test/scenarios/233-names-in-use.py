#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A cluster is kept for as long as any of its names is in use, whichever of them was followed
first.

A program that looks the reader's name up finds it in the map, which has it as a sister of the
writer's, and follows nothing.  When the last user of the writer's name is gone, ten minutes later,
the cluster is still needed: it must not go and come again, for in between its names lead to DNS
alone.

Ten minutes pass in ten seconds: the prober's clock begins to run fast when both programs are there.

Where two clusters turn out to be one, it has what the programs of both brought to log in with.
"""
import os
import subprocess
import time

from lib import tap, worlds
from lib.environ import preload
from lib.paths import BUILD
from lib.prober import Prober
from lib.servers import fakes
from lib.waiting import wait_for

SPEED, AFTER = 60, 6
MINUTES = 14
HOLD = """import socket, sys, time
socket.getaddrinfo(sys.argv[1], 3306)
with socket.socket() as s:
    s.settimeout(5)
    s.connect((sys.argv[1], 3306))
    print("there", flush=True)
    sys.stdin.readline()
"""


def program(prober, name):
    """A program under the preload that has a connection by this name until it is ended."""
    child = subprocess.Popen(
        [
            "env",
            *(f"{k}={v}" for k, v in preload(prober.directory).items()),
            "/usr/bin/python3",
            "-c",
            HOLD,
            name,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    child.stdout.readline()
    return child


def end(child):
    child.stdin.close()
    child.wait(10)


def merged(dns):
    cluster = fakes.Cluster(dns, 2, 2, "merged")
    writer = cluster.servers["demo-1"]
    config = f"[pelorus]\nhost-pattern = ?.{cluster.domain}\n"
    with Prober(cluster, config) as p:
        for name in ("one.example", "two.example"):
            dns.addresses[name] = [writer.address]
            p.ask("follow", name=name, user=name[:3], password="x")
        p.view.wait(lambda v: (c := v.find("two.example")) and "one.example" in c.names and
                    c.is_settled(2))
        for user in ("one", "two"):
            seen = [len(s.who) for s in cluster.servers.values()]
            for server in cluster.servers.values():
                server.users = {user}
                server.drop()
            try:
                wait_for(lambda user=user, seen=seen: all(
                    user in s.who[n:] for s, n in zip(cluster.servers.values(), seen)), 15)
                p.view.wait(lambda v: v.find("two.example").is_settled(2), 15)
                tap.ok(True, f"two clusters that are one: the credential of {user} serves")
            except TimeoutError:
                tap.ok(False, f"two clusters that are one: the credential of {user} serves",
                       [s.who[-3:] for s in cluster.servers.values()])
    cluster.close()


fakes.enter()
dns = worlds.Dns()
merged(dns)
cluster = fakes.Cluster(dns, 2, 1, "inuse")
fast = ["env", f"LD_PRELOAD={os.path.join(BUILD, 'test', 'lib', 'fast_clock.so')}",
        f"FAST_CLOCK={SPEED}", f"FAST_CLOCK_AFTER={AFTER}"]
with Prober(cluster, "[pelorus]\nuser = pelorus\npassword = pelorus\n", prefix=fast) as p:
    first = program(p, cluster.writer_name)
    begin = p.wait_settled(2, AFTER - 1)
    asked = p.status()["control"]["requests"]
    second = program(p, cluster.reader_name)
    tap.ok(p.status()["control"]["requests"] == asked + 1,
           "a program that finds its name in the map follows nothing")
    end(first)
    gone, start = [], p.view.heartbeat_ns
    while p.view.heartbeat_ns < start + MINUTES * 60 * 10**9:
        now = p.view.find(cluster.reader_name)
        if not now or now.uid != begin.uid:
            gone.append(round((p.view.heartbeat_ns - start) / 60e9, 1))
        time.sleep(0.01)
    tap.ok(not gone, "the cluster stays for the program that has its other name",
           f"gone or another after {gone[:3]} minutes")
    tap.ok(second.poll() is None, "which lives")
    end(second)
    try:
        p.view.wait(lambda v: not v.find(cluster.reader_name), 30)
        tap.ok(True, "and goes when nobody has any")
    except TimeoutError:
        tap.ok(False, "and goes when nobody has any")
cluster.close()
tap.done()
