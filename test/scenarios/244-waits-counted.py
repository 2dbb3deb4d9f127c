#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""How long connects wait for a writer is the configuration's to say, and what waits is counted from
the slots of those who do: for the map, for the commands, and once for the writer's return.

No library is at work: the slots are written here, as two programs would.
"""
import os
import re
import struct
import subprocess
import time

from lib import tap, worlds
from lib.paths import PELORUS
from lib.prober import Prober, cluster_section
from lib.servers import fakes
from lib.waiting import wait_for

SLOT = struct.Struct("=iIQQQ8Q10I16s")
COUNTERS = ("tracked", "routed", "severed", "refused", "moved", "retried", "held", "waited",
            "given_up", "longest_ms")
HOLD_S, LATE_S = 2, 15


class Slot:
    """The place in clients.slots of one that lives."""

    def __init__(self, prober, place, pid, names, command):
        self.path = os.path.join(prober.directory, "clients.slots")
        self.place, self.pid, self.command = place, pid, command
        self.names = [*names, *[0] * (8 - len(names))]
        self.pidns = os.stat("/proc/self/ns/pid").st_ino
        with open(f"/proc/{pid}/stat") as stat:
            self.start = int(stat.read().rpartition(")")[2].split()[19])

    def tell(self, **counters):
        values = [counters.get(c, 0) for c in COUNTERS]
        data = SLOT.pack(self.pid, 0x000100, self.start, self.pidns, 0, *self.names, *values,
                         self.command)
        with open(self.path, "r+b") as out:
            out.seek(4096 + self.place * SLOT.size)
            out.write(data)


def known(p, writer):
    return p.wait(lambda c: c.state == "known" and c.writer == writer and
                  all(i.routable for i in c.instances.values()) and c)


def held(p):
    return p.status()["clusters"][0]["held"]


def metrics(p):
    lines = p.pelorus("metrics").stdout.splitlines()
    return {k: float(v) for k, v in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def while_they_wait(p, slots):
    slots[0].tell(tracked=5, held=4, waited=4)
    slots[1].tell(tracked=3, held=8, waited=8)
    wait_for(lambda: p.view.crowd == 20)
    tap.ok(True, "the map tells how many are tracked or held")
    now = held(p)
    tap.ok((now["now"], now["programs"]) == (12, 2), "status --json tells what is held", now)
    said = p.pelorus("status").stdout
    tap.ok(said.count("12 wait for a writer now") == 2, "status, of all and of the cluster", said)
    said = p.pelorus("ps").stdout
    rows = [line.split() for line in said.splitlines()]
    tap.ok(rows[0][:3] == ["PID", "USER", "COMMAND"] and len(rows) == 3 and
           sorted((r[0], r[2], r[3], r[7]) for r in rows[1:]) ==
           sorted((str(s.pid), c, "0.1.0", h) for s, c, h in zip(
               slots, ("one", "t?wo"), ("4", "8"))) and
           all(p.lab.writer_name in r[-1] for r in rows[1:]),
           "ps lists who waits, and nothing that is an order to a terminal", said)
    tap.ok([r[5] for r in rows[1:]] == ["0", "0"], "what is open the kernel tells, not they", said)
    tap.ok(metrics(p)["pelorus_held_connects"] == 12, "metrics count it")
    said = p.execute(["timeout", "-s", "INT", "1", PELORUS, "watch"]).stdout
    tap.ok("12 connects wait for a writer\n" in said, "watch has a line", said)


def afterwards(p, slots):
    told = wait_for(lambda: p.events("connects-waited"))
    tap.ok(re.fullmatch(r"12 connects of 2 programs waited \d+\.\d s", told[0]["text"]) and
           told[0]["cluster"] == p.lab.writer_name, "when the writer is there, that is told", told)
    slots[0].tell(tracked=5, waited=4, given_up=1, longest_ms=14800)
    slots[1].tell(tracked=3, waited=8, longest_ms=3000)
    wait_for(lambda: held(p)["longest_ms"] == 14800 and not held(p)["now"])
    tap.ok(held(p) == {"now": 0, "programs": 0, "waited": 12, "given_up": 1, "longest_ms": 14800},
           "what was held is told", held(p))
    m = metrics(p)
    tap.ok((m["pelorus_held_connects"], m["pelorus_held_connects_total"],
            m["pelorus_held_given_up_total"], m["pelorus_held_longest_seconds"]) ==
           (0, 12, 1, 14.8), "by metrics too", m)
    said = p.pelorus("status").stdout
    tap.ok("0 wait for a writer now, 12 in all, 1 in vain, 14.8 s at most" in said,
           "and by status", said)
    tap.ok(len(p.events("connects-waited")) == 1, "the event came once")


def counted(dns):
    cluster = fakes.Cluster(dns, 3, 1, "counted")
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    with Prober(cluster, cluster_section(cluster)) as p:
        c = known(p, "demo-1")
        tap.ok(c.hold_s == 30, "connects wait for 30 s if nobody says otherwise", c.hold_s)
        names = [c.names[cluster.writer_name].hash]
        slots = [Slot(p, 7, os.getpid(), names, b"one"),
                 Slot(p, 4095, child.pid, names, b"t\033wo")]
        slots[0].tell(tracked=5)
        slots[1].tell(tracked=3)
        wait_for(lambda: p.view.crowd == 8)
        cluster.servers["demo-1"].read_only = True
        p.wait(lambda c: c.state == "writerless")
        while_they_wait(p, slots)
        cluster.servers["demo-2"].read_only = False
        known(p, "demo-2")
        afterwards(p, slots)
        child.stdin.close()
        child.wait(20)
        tap.ok(wait_for(lambda: held(p)["waited"] == 12 and p.view.crowd == 5),
               "who is gone is in the crowd no more, and what it told stays")
    cluster.close()


def reloaded(p, **keys):
    p.configure(cluster_section(p.lab, **keys))
    return p.ask("reload")


def configured(dns):
    cluster = fakes.Cluster(dns, 3, 2, "short")
    with Prober(cluster, cluster_section(cluster)) as p:
        known(p, "demo-1")
        tap.ok(reloaded(p, hold=f"{HOLD_S}s") == "ok\n" and p.wait(lambda c: c.hold_s == HOLD_S),
               "a reload changes how long connects wait")
        cluster.servers["demo-1"].read_only = True
        since = p.wait(lambda c: c.writerless_ns)
        p.wait(lambda c: c.state != "writerless", LATE_S)
        lasted = (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - since) / 1e9
        tap.ok(HOLD_S <= lasted < LATE_S, "and for so long, not for 30 s, a writer is awaited",
               lasted)
        tap.ok(reloaded(p, hold="off") == "ok\n" and p.wait(lambda c: c.hold_s == 0),
               "they may be refused at once")
        said = reloaded(p, hold="700s")
        tap.ok("hold: expected a duration from 1ms to 10m, or off, found '700s'" in said,
               "nobody waits for more than ten minutes", said)
    cluster.close()


fakes.enter()
the_dns = worlds.Dns()
counted(the_dns)
configured(the_dns)
tap.done()
