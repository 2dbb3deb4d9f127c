#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Two instances that both say that they are the writer, each with a table that says so too.

An old writer that is cut off from its peers, but not from here, goes on writing and goes on telling
itself to be the MASTER.  A claimant's own table is no witness in its own cause, so whoever asks it
next must not be believed because of that: the published writer changes twice at most, whatever the
two tell, for each change closes the connections of every program on the host.

What is watched is what programs see: each writer that is published, in its order.
"""
import os
import time

from lib import tap, worlds
from lib.prober import Prober, cluster_section
from lib.servers import fakes
from lib.worlds import Changes, expect, note, side_by_side

SECONDS = 60 if os.environ.get("PELORUS_LONG") else 20
CHANGES = 2
FRESH_US, OLD_US = 50000, 900000


def row(server_id, master, age_us=FRESH_US):
    return (server_id, int(master), 5, 10, age_us, age_us)


class World:
    dns = None
    number = 0

    def __init__(self):
        with worlds.lock:
            World.number += 1
            name = f"claims{World.number}"
        self.cluster = fakes.Cluster(self.dns, 3, World.number, name)
        self.prober = Prober(self.cluster, cluster_section(self.cluster))
        self.one, self.two, self.three = self.cluster.servers.values()

    def __enter__(self):
        self.prober.__enter__()
        self.prober.wait_settled(3)
        self.changes = Changes(self.prober, self.cluster.writer_name)
        return self

    def __exit__(self, *_):
        self.changes.end()
        self.prober.__exit__()
        self.cluster.close()

    def tells(self, server, *masters, age_us=FRESH_US):
        """From now on this server's table has these masters."""
        ids = list(self.cluster.servers)
        server.table = lambda: [row(i, i in masters, age_us if i in masters else FRESH_US)
                                for i in ids]

    def settle(self, text, begin):
        """Watches for the time it takes, and counts."""
        time.sleep(max(0, begin + SECONDS - time.monotonic()))  # that something does not happen
        changes = len(self.changes.writers()) - 1
        note(f"{text}: {changes} changes of the published writer within {SECONDS} s: "
             f"{self.changes.writers()[:12]}")
        expect(changes <= CHANGES, f"{text}: the writer changes {CHANGES} times at most",
               self.changes.writers())


def each_for_itself():
    """demo-2 is promoted; demo-1 goes on, and each table names its teller."""
    with World() as w:
        begin = time.monotonic()
        w.two.read_only = False
        for server in (w.one, w.two):
            w.tells(server, server.id)
        w.tells(w.three, "demo-2")
        w.settle("each tells for itself", begin)
        w.one.read_only = True
        w.tells(w.one, "demo-2")
        w.prober.wait_known("demo-2", 20)
        expect(True, "each tells for itself: once one recants the other is the writer")


def nobody_else():
    """Nobody but the two has a table at all: nothing may decide between them but one that
    recants."""
    with World() as w:
        begin = time.monotonic()
        w.two.read_only = False
        w.tells(w.one, "demo-1")
        w.tells(w.two, "demo-2")
        w.three.query_error = (1109, "Unknown table")
        w.settle("no third witness", begin)


def two_masters_in_each():
    """One table with two MASTER rows whose times both go on: which is newer is chance."""
    with World() as w:
        begin = time.monotonic()
        turn = [0]

        def table():
            turn[0] += 1
            ages = (FRESH_US, 2 * FRESH_US)[::1 if turn[0] % 2 else -1]
            return [row("demo-1", 1, ages[0]), row("demo-2", 1, ages[1]), row("demo-3", 0)]
        w.two.read_only = False
        for server in (w.one, w.two, w.three):
            server.table = table
        w.settle("two MASTER rows that both go on", begin)


def witness_that_wavers():
    """The third names one, then the other, once a second: one witness takes back no decision
    for ever."""
    with World() as w:
        begin = time.monotonic()
        w.two.read_only = False
        w.tells(w.one, "demo-1")
        w.tells(w.two, "demo-2")

        def table():
            master = "demo-1" if int(time.monotonic() - begin) % 2 else "demo-2"
            return [row(i, i == master) for i in w.cluster.servers]
        w.three.table = table
        w.settle("a witness that wavers", begin)


fakes.enter()
World.dns = worlds.Dns()
side_by_side((each_for_itself,), (nobody_else,), (two_masters_in_each,), (witness_that_wavers,))
tap.done()
