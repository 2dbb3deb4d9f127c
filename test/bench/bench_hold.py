# SPDX-License-Identifier: Apache-2.0
"""What programs are told while there is no writer for 15 s, and when they can write again.

Method: each client plain and under Pelorus with PELORUS_HOLD=0 in one failover, Amazon's drivers
beside them as peers, and under Pelorus as it is by default (hold 30 s) in three more, so that those
who are told at once that a connect has failed do not keep the two cores from those who wait.  All
are at their own defaults.  The writer is killed, and the servers promote a reader 15 s later (`lab
failover --detect 15s`); DNS follows 5 s after that.  A pool has four connections and four loops of
a statement and 20 ms, others one connection and one loop with 5 ms: together a statement each 5 ms.

Errors are counted from the failure until the program's first write by the new writer, but at
least until 1 s after `writable` and at most until 3 s after it.  *In flight* are those whose
statement was begun before the failure or within 150 ms of it (on a connection that was lost without
the program's having looked), at most one for each loop; *of its own time limit* those that waited
for a second or more and then say that time is out.  Where connects are held, there must be no
other.  The first write is that of the first row which the new writer wrote, beside a floor that
knows the new writer beforehand and tries each millisecond; the second table is about pools that
wait longer and longer between refused connects.
"""
import hold_results

from lib.lab import Lab
from lib.programs import pools
from lib.programs.apps import Apps
from lib.programs.writer import program
from lib.trials.outage import Told
from lib.trials.race import Race

FLOOR, PLAIN, REFUSED, HELD = "floor", "plain", "hold = 0", "hold = 30 s"
VARIANTS = (PLAIN, REFUSED, HELD)
PEER = "AWS wrapper"
BACKING_OFF = ("HikariCP, Connector/J", "sqlx (Rust)")
FIRST_MS = 30  # the whole of it: what the floor needs is in it
BACK_MS = 100  # more than the floor's, of pools that wait longer and longer
LONG_S, SHORT_S, LIMIT_S = 15, 5, hold_results.LIMIT_S
WRITES_ITSELF = True


def enter(race, pool, variants):
    for variant in variants:
        env = {"PELORUS_HOLD": "0"} if variant == REFUSED else {}
        race.start(f"{pool.name}, {variant}", pool.command, host=pool.host(race.lab.writer_name),
                   more=pool.more, pause_ms=pool.pause_ms, pelorus=variant != PLAIN, **env,
                   **pool.env)


def look(race, running, events, outages):
    """{(client, variant): what it was told}"""
    return {(pool.name, variant): Told(race.entries[f"{pool.name}, {variant}"].writer.lines,
                                       pool, events, outages[f"{pool.name}, {variant}"],
                                       outages[FLOOR])
            for pool, variants in running for variant in variants}


def rounds(race, running, count, detect_s):
    """Failovers of a group, with all that its clients were told in each."""
    for pool, variants in running:
        enter(race, pool, variants)
    found = []
    for _ in range(count):
        race.wait_writing()
        race.wait_settled()
        events, outages = race.failover("crash", None, LIMIT_S, FLOOR, detect_s)
        found.append((events, look(race, running, events, outages)))
    for name in [n for n in race.entries if n != FLOOR]:
        race.stop(name)
    return found


def group_rounds(race, group, quick):
    pools_ = [pool for pool in group if not pool.problem]
    ours = [pool for pool in pools_ if not pool.name.startswith(PEER)]
    refused = [(pool, VARIANTS[:2] if pool in ours else (PLAIN,)) for pool in pools_]
    found = rounds(race, refused, 1, LONG_S) if refused else []
    return found + (rounds(race, [(pool, (HELD,)) for pool in ours], 1 if quick else 3, LONG_S)
                    if ours else [])


def judge(figures, found, detect_s):
    """Of each client that is held: nothing is told but what cannot be helped, and it is back."""
    for name in dict.fromkeys(name for _, told in found for name, v in told if v == HELD):
        mine = [told[name, HELD] for _, told in found if (name, HELD) in told]
        words = f"{detect_s} s without a writer, {name}, {HELD}"
        figures.add(f"{words}: most errors that were not in flight, nor of its own time limit",
                    max(len(t.others) for t in mine), "", 0)
        above = [t.above_ms for t in mine]
        if None in above:
            figures.missed.append(f"{words}: back within {LIMIT_S} s")
        elif detect_s == LONG_S:
            figures.add(f"{words}: first write: median of {len(mine)}",
                        hold_results.median([t.first_ms for t in mine]), "ms", FIRST_MS)
        else:
            figures.add(f"{words}: first write, more than the floor: median of {len(mine)}",
                        hold_results.median(above), "ms", BACK_MS)


def all_rounds(groups, quick):
    """{seconds without a writer: [(events, {(client, variant): what it was told})]}"""
    found = {LONG_S: [], SHORT_S: []}
    with Lab(instances=3, dns_lag="5s") as lab, Apps(lab) as apps, Race(lab, apps) as race:
        address = next(i for i in lab.status()["instances"]
                       if i["role"] == "writer")["addresses"][0]
        race.start(FLOOR, [program("c/floor")], host=address)
        for group in groups:
            found[LONG_S] += group_rounds(race, group, quick)
        slow = [(pool, VARIANTS[1:]) for group in groups for pool in group
                if pool.name in BACKING_OFF and not pool.problem]
        if slow:
            found[SHORT_S] = rounds(race, slow, 1 if quick else 5, SHORT_S)
    return found


def measure(figures, folder, quick):
    groups = pools.groups(folder)
    problems = {pool.name: pool.problem for group in groups for pool in group if pool.problem}
    for name, why in problems.items():
        figures.skip(name, why)
    found = all_rounds(groups, quick)
    for detect_s, all_told in found.items():
        judge(figures, all_told, detect_s)
    hold_results.write(found, VARIANTS, PEER, problems, __doc__, quick)
