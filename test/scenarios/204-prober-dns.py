#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""What follows from DNS: a blue/green switchover, names that flicker, a cluster without
credentials."""
import os
import subprocess
import tempfile
import time

from lib import tap
from lib.lab import Lab, now
from lib.paths import BUILD, LIBRARY
from lib.prober import Prober, Watch, cluster_section
from lib.waiting import within

SPEED = 120
HOUR_NS = 3600 * 10**9
TTL_S = 5
# A client that connects, and waits for nothing, until it is refused.
UNTIL_REFUSED = """import socket, sys, time
while True:
    with socket.socket() as s:
        try:
            s.connect((sys.argv[1], 3306))
        except ConnectionRefusedError:
            break
    time.sleep(0.2)
"""
# Goes away in the midst of the handshake, as often as it is told.
RUDE = """import socket, sys
for _ in range(int(sys.argv[3])):
    with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as s:
        s.recv(1)
"""


def address_of(lab, instance):
    return next(i["addresses"][0] for i in lab.status()["instances"] if i["id"] == instance)


def switchover(lab, prober):
    """The same ids at other addresses: seen within a second of the writer name's move."""
    old = prober.wait_settled(2)
    old_addresses = {i.ip4 for i in old.instances.values()}
    begin, watch = now(), Watch(prober)
    lab.run("switchover", limit=120)

    def moved_over(c):
        return c.state == "known" and c.instances[c.writer].ip4 not in old_addresses

    prober.wait(moved_over, 30)
    watch.end()
    seen = watch.first(begin, moved_over)
    moved = lab.wait_event("dns", begin, name=lab.host("demo-1"))
    late = (seen - moved["boot_ns"]) / 1e9
    tap.note(f"switchover: the map follows {late:.2f} s after the names (asked each second, "
             "each 0.3 s once it differs)")
    tap.ok(within(late, 2), "switchover: the map follows the writer's name", late)
    after = prober.wait_settled(2)
    new = {i["id"]: i["addresses"][0] for i in lab.status()["instances"]}
    tap.ok(all(new[i.id] == i.ip4 for i in after.instances.values()),
           "switchover: the members are the new ones, under the old ids",
           [(i.id, i.ip4) for i in after.instances.values()])
    tap.ok(after.writer == lab.writer, "switchover: the writer is the new one")


def flicker(lab, prober):
    """A name that leads to a reader and back severs nothing that is good."""
    before, wake = prober.wait_settled(2), prober.view.wake
    lab.run("dns", "flicker")
    end = time.monotonic() + 4
    states = set()
    while time.monotonic() < end:
        cluster = prober.cluster()
        states.add((cluster.state, cluster.writer))
        time.sleep(0.02)
    lab.run("dns", "follow")
    tap.ok(states == {("known", before.writer)}, "DNS flickers: the writer stays", states)
    tap.ok(prober.view.wake == wake, "DNS flickers: nobody is woken")


def count(lab, instance, what):
    rows = lab.sql(instance, f"SHOW GLOBAL STATUS LIKE '{what}'", user="app")
    return int(rows[0][1])


def dns_alone():
    """Without credentials the map follows DNS, and no database port is touched."""
    with Lab(instances=2, dns_lag="1s") as lab, \
            Prober(lab, cluster_section(lab, user=None)) as prober:
        first = prober.wait(lambda c: c.why == "no-credentials" and
                            c.names[lab.writer_name].addresses and c, 10)
        tap.ok(first.dns_only == 1, "without credentials: DNS alone, and it says so")
        tap.ok(first.names[lab.writer_name].addresses == [address_of(lab, lab.writer)],
               "its writer's name has the address of DNS")
        begin, watch, wake = now(), Watch(prober), prober.view.wake
        new = lab.failover("crash")["writable"]["id"]
        address = address_of(lab, new)

        def led(c):
            return c.names[lab.writer_name].addresses[:1] == [address]

        prober.wait(led, 20)
        watch.end()
        seen, moved = watch.first(begin, led), lab.wait_event("dns", begin, name=lab.writer_name,
                                                             id=new)
        late = (seen - moved["boot_ns"]) / 1e9
        tap.note(f"DNS alone: published {late:.2f} s after DNS")
        tap.ok(within(late, 1.5), "DNS alone: the map follows", late)
        prober.view.wait(lambda v: v.wake != wake, 10)
        woken = (now() - moved["boot_ns"]) / 1e9
        tap.note(f"DNS alone: sleepers woken {woken:.2f} s after DNS, two lifetimes of the old "
                 "answer")
        tap.ok(woken <= 13, "DNS alone: sleepers are woken once DNS is steady", woken)
        ready = lab.wait_event("back", begin)["id"]
        aborted = [count(lab, i, "Aborted_connects") for i in (new, ready)]
        time.sleep(1.5)  # rounds of DNS in which nothing may be touched
        tap.ok([count(lab, i, "Aborted_connects") for i in (new, ready)] == aborted,
               "DNS alone: no handshake is aborted", aborted)
        refused_client(lab, prober)


def refused_client(lab, prober):
    """A client says that the old address refuses: DNS is believed as soon as it moves."""
    def published():
        return prober.cluster().names[lab.writer_name].addresses

    prober.wait(lambda c: c.names[lab.writer_name].addresses == [address_of(lab, lab.writer)], 40)
    client = lab.popen("env", f"LD_PRELOAD={LIBRARY}", "PELORUS_PROBER=off",
                       f"PELORUS_RUNTIME_DIR={prober.directory}", "python3", "-c", UNTIL_REFUSED,
                       lab.writer_name, stdin=subprocess.DEVNULL)
    begin, wake = now(), prober.view.wake
    lab.run("failover", "--mode", "crash", "--no-promote")
    tap.ok(client.wait(30) == 0, "DNS alone: a client is refused by what has crashed")
    lab.run("failover", "--mode", "crash")
    moved = lab.wait_event("dns", begin, name=lab.writer_name, id=lab.writer)
    prober.view.wait(lambda v: v.wake != wake, 30)
    woken = (now() - moved["boot_ns"]) / 1e9
    tap.note(f"DNS alone, a client was refused: sleepers woken {woken:.2f} s after DNS")
    tap.ok(woken < 2 * TTL_S, "sooner than two lifetimes of the old answer", woken)
    tap.ok(published() == [address_of(lab, lab.writer)], "the old address is gone", published())


def hour_without_credentials(folder):
    """Servers that block a host which goes away twice in the midst of a handshake."""
    shim = os.path.join(BUILD, "test", "lib", "fast_clock.so")
    fast = ["env", f"LD_PRELOAD={shim}", f"FAST_CLOCK={SPEED}"]
    with Lab(instances=2, server=["max-connect-errors=1", "skip-name-resolve=0"]) as lab:
        ids = sorted(i["id"] for i in lab.status()["instances"])
        before = [count(lab, i, "Connections") for i in ids]
        with Prober(lab, cluster_section(lab, user=None), prefix=fast) as prober:
            prober.wait(lambda c: c.dns_only and c.names[lab.writer_name].addresses, 30)
            begin = prober.view.heartbeat_ns
            prober.view.wait(lambda v: v.heartbeat_ns > begin + HOUR_NS, 120)
        after = [count(lab, i, "Connections") for i in ids]
        tap.ok(after == [n + 1 for n in before],
               "DNS alone, an hour of it: no server has seen a connection but ours",
               (before, after))
        lab.exec("python3", "-c", RUDE, lab.host(ids[0]), "3306", "3")
        said = lab.sql(ids[0], "SELECT 1", check=False)
        tap.ok("1129" in said, "one that goes away in the midst of handshakes would be blocked",
               said)
        tap.ok(lab.sql(ids[1], "SELECT 1") == [("1",)], "where it was not, the host is not")


with Lab(instances=2, dns_lag="1s") as lab, Prober(lab) as prober:
    flicker(lab, prober)
    switchover(lab, prober)
dns_alone()
with tempfile.TemporaryDirectory() as temporary:
    hour_without_credentials(temporary)
tap.done()
