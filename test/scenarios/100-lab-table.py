#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""REPLICA_HOST_STATUS as the lab makes it: the pure part, with a clock and dice of its own."""
import random

from lib import tap
from lib.lab import module

status = module("status")

LIVE = {"a": (5.0, 0.0), "b": (2.0, 12.5), "c": (1.0, 30.0)}


def rows(table):
    return {f[0]: f[1:] for f in (line.split("\t") for line in table.text().splitlines())}


def masters(table):
    return sorted(i for i, fields in rows(table).items() if fields[0] == status.MASTER)


def promoted(seed):
    """A table that has just seen a failover from a to b, and when it settles."""
    table = status.Table(rand=random.Random(seed))
    table.tick(1000.0, LIVE)
    table.writer_is("a")
    return table, table.promoted(1000.5, "b")


table = status.Table(rand=random.Random(1))
table.tick(1000.0, LIVE)
table.writer_is("a")
tap.ok(masters(table) == ["a"], "a quiet cluster has one MASTER row")
tap.ok(rows(table)["b"][3] != "" and rows(table)["b"][4] == "12.500", "a reader's row has its lag")
before = rows(table)["b"][3]
tap.ok(rows(table)["b"][3] == before, "timestamps stand still between two ticks")
table.tick(1001.0, {"a": LIVE["a"], "b": LIVE["b"]})
tap.ok(rows(table)["b"][3] != before, "a tick moves them")
tap.ok("c" in rows(table), "the row of an instance that is gone lingers")
stale = rows(table)["c"][3]
table.tick(1300.0, {"a": LIVE["a"]})
tap.ok(rows(table)["c"][3] == stale, "and is not refreshed")
table.tick(1000.0 + status.Behaviour.linger + 400, {"a": LIVE["a"]})
tap.ok("c" not in rows(table), "until it has lingered long enough")

seen, delays = {0: 0, 2: 0}, []
for seed in range(400):
    table, settles = promoted(seed)
    count = len(masters(table))
    seen[count] = seen.get(count, 0) + 1
    delays.append(settles - 1000.5)
    if table.settle(settles - 0.001) or not table.settle(settles) or masters(table) != ["b"]:
        tap.ok(False, f"the transition ends when it should (dice {seed})", str(masters(table)))
tap.ok(set(seen) == {0, 2} and 150 < seen[0] < 250,
       "after a promotion half of the tables have no MASTER row, the others two", str(seen))
tap.ok(0.2 <= min(delays) and max(delays) <= 1.2 and max(delays) - min(delays) > 0.9,
       "they lag it by 0.2 to 1.2 s", f"{min(delays)} {max(delays)}")
table, settles = next(t for t in map(promoted, range(400)) if len(masters(t[0])) == 2)
tap.ok(rows(table)["b"][3] > rows(table)["a"][3], "of two MASTER rows the new one is newer")
table.rename({"a": "a-old1", "b": "b-old1", "c": "c-old1"})
tap.ok(masters(table) == ["a-old1", "b-old1"], "a switchover renames rows and roles")
try:
    status.Behaviour(speed=1)
    tap.ok(False, "an unknown setting is refused")
except ValueError:
    tap.ok(True, "an unknown setting is refused")
tap.done()
