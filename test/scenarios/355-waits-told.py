#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""What is told of programs whose connects wait for a writer: while they wait, when it is there, and
of those who waited in vain.

Half of the programs block, half are event loops.
"""
from lib.environ import plain, preload
from lib.lab import Lab
from lib.prober import Prober, cluster_section
from lib.programs.crowd import USER, Crowd
from lib.programs.handles import as_root
from lib.tap import done, note, ok
from lib.waiting import wait_for

PROCESSES, SOCKETS = 2, 4  # of each kind
ALL = 2 * PROCESSES * SOCKETS
SHORT_S = 2


def held(p):
    return p.status()["clusters"][0]["held"]


def counted(p, **least):
    """The cluster's part of the status, once it is at least that."""
    return wait_for(lambda: all(held(p)[k] >= n for k, n in least.items()) and held(p))


def waited(lab, p, crowds):
    lab.run("failover", "--mode", "crash", "--no-promote")
    p.wait(lambda c: c.state == "writerless")
    now = counted(p, now=ALL)
    ok((now["now"], now["programs"]) == (ALL, 2 * PROCESSES), "all that wait are told of", now)
    rows = [line.split() for line in p.pelorus("ps").stdout.splitlines()[1:]]
    ok(sum(int(row[7]) for row in rows) == ALL, "ps tells of each", rows)
    ok(p.view.crowd >= ALL, "and the map of all", p.view.crowd)
    ok(not p.events("connects-waited"), "there is no word of an end meanwhile")
    writable = lab.failover()["writable"]["boot_ns"]
    told = wait_for(lambda: p.events("connects-waited"))
    note(told[0]["text"])
    ok(f"{ALL} connects of {2 * PROCESSES} programs waited " in told[0]["text"] and
       told[0]["cluster"] == lab.writer_name, "the event tells how many, and how long", told)
    ok(all(crowd.wait("in", crowd.size, writable) for crowd in crowds), "all are in again")
    after = wait_for(lambda: not held(p)["now"] and held(p)["longest_ms"] and held(p))
    ok(after["waited"] >= ALL and not after["given_up"], "nobody waited in vain", after)
    return after


def given_up(lab, p, crowds, before):
    """`hold` is shortened: at its end they are refused, and say so."""
    p.configure(cluster_section(lab, hold=f"{SHORT_S}s"))
    ok(p.ask("reload") == "ok\n" and p.wait(lambda c: c.hold_s == SHORT_S), "hold is shortened")
    lab.run("failover", "--mode", "crash", "--no-promote")
    p.wait(lambda c: c.state == "writerless")
    after = counted(p, given_up=1)
    ok(after["waited"] > before["waited"], "who waited in vain is told of", after)


def main():
    with Lab(instances=3, dns_lag="never") as lab, Prober(lab) as p:
        as_root(lab, lab.writer, f"CREATE USER {USER}")
        p.wait_settled(3)
        environment = {**plain(), **preload(p.directory)}
        crowds = [Crowd(lab, environment, kind, PROCESSES, SOCKETS) for kind in ("poll", "block")]
        try:
            ok(all(crowd.wait("in", crowd.size) for crowd in crowds), f"{ALL} are logged in")
            before = waited(lab, p, crowds)
            given_up(lab, p, crowds, before)
        finally:
            for crowd in crowds:
                crowd.end()
    done()


main()
