#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A fleet, and a writer that vanishes without a word: those who follow a leader see it as soon as
hosts that probe alone do, 2 s from silence to unreachable.

Nobody's word in the store makes a host look away either: a key that somebody wrote, with a lease,
that says that all is well, delays nothing.
"""
import time
from contextlib import ExitStack

from lib import tap
from lib.lab import Lab
from lib.prober import Prober, cluster_section
from lib.servers.etcd import Etcd
from lib.waiting import within

HOSTS = 3
LIMIT_S = 4.0  # from the black hole to the map: 2 s of the design, the command, a busy machine
LATER_S = 1.0  # than the leader; who waited for its word first would need two seconds more
FORGED_S = 4.0
LEASE_S = 3


def leads(p):
    log = p.log()
    return log.rfind("code=fleet-lead ") > log.rfind("code=fleet-lead-lost ")


def until(condition, limit):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


def unseen(lab, probers, limit):
    """Cuts the writer off; when each host had it as unreachable, in seconds, None for never."""
    writer, took = lab.writer, [None] * len(probers)
    begin = time.monotonic()
    lab.run("cut", writer)
    while None in took and time.monotonic() < begin + limit:
        for i, p in enumerate(probers):
            c = p.cluster()
            if took[i] is None and (c.writer != writer or
                                    c.instances[writer].health == "unreachable"):
                took[i] = time.monotonic() - begin
        time.sleep(0.01)
    lab.run("heal", writer)
    for p in probers:
        p.wait_settled(2, 40)
    return took


def shown(took):
    return ", ".join("never" if t is None else f"{t:.2f}" for t in took)


def config(lab, store):
    return cluster_section(lab, publish=store.publish, publish_lease=f"{LEASE_S}s")


def together(lab, store):
    with ExitStack() as stack:
        fleet = [stack.enter_context(Prober(lab, config(lab, store))) for _ in range(HOSTS)]
        for p in fleet:
            p.wait_settled(2)
        tap.ok(until(lambda: sum(map(leads, fleet)) == 1 and
                     sum("code=fleet-follow" in p.log() for p in fleet) == HOSTS - 1, 20),
               f"one of {HOSTS} leads, the others follow")
        time.sleep(LEASE_S + 1)  # they have grown calm
        order = sorted(fleet, key=lambda p: not leads(p))
        took = unseen(lab, order, 12)
        tap.note(f"black hole: {shown(took)} s, the leader first")
        tap.ok(None not in took and within(max(took), LIMIT_S) and
               within(max(took) - took[0], LATER_S),
               "a black hole is seen by all hosts as soon as by one alone", shown(took))
        key = f"fleet/{lab.writer_name}"
        return key, store.get(key)


def forged(lab, store, key, word):
    """What a leader wrote a while ago, written again by somebody who probes nothing."""
    store.put(key, word, 60)
    with ExitStack() as stack:
        fleet = [stack.enter_context(Prober(lab, config(lab, store))) for _ in range(2)]
        for p in fleet:
            p.wait_settled(2)
        time.sleep(LEASE_S + 1)
        took = unseen(lab, fleet, 40)
        tap.note(f"black hole, beside somebody's key: {shown(took)} s")
        tap.ok(None not in took and within(max(took), FORGED_S),
               "a key that somebody wrote does not make a host look away", shown(took))


with Lab(instances=2, name="fleet") as lab_, Etcd(lab_) as store_:
    forged(lab_, store_, *together(lab_, store_))
tap.done()
