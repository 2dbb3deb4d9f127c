# SPDX-License-Identifier: Apache-2.0
"""How long applications cannot write in the worst of 300 failovers.

The race of bench_outage.py with the floor and the clients under Pelorus alone, 100 times each by
crash, graceful and black hole, DNS frozen.  It takes some minutes more, and is run by name only.
"""
import math
import statistics

import bench_outage as outage

from lib.lab import Lab
from lib.programs.apps import Apps
from lib.programs.writer import program
from lib.trials.race import Race

BY_HAND = True
MODES = ("crash", "graceful", "blackhole")
P99_MS = 120


def percentile(values, part):
    """By rank; one that was given up is the worst of all."""
    ordered = sorted(math.inf if v is None else v for v in values)
    return ordered[math.ceil(part * len(ordered)) - 1]


def tell(figures, words, values, judged):
    p99 = percentile(values, 0.99)
    figures.add(f"{words}: p99 of {len(values)}", p99, "ms", P99_MS if judged else None)
    figures.add(f"{words}: median", statistics.median(math.inf if v is None else v for v in values),
                "ms", outage.MEDIAN_MS if judged else None)


def measure(figures, folder, quick):
    cells, made = outage.Cells(), outage.commands(folder)
    names = [name for name in outage.OURS if not made[name][3]]
    with Lab(instances=3, dns_lag="never") as lab, Apps(lab) as apps, Race(lab, apps) as race:
        address = next(i for i in lab.status()["instances"]
                       if i["role"] == "writer")["addresses"][0]
        race.start(outage.FLOOR, [program("c/floor")], host=address)
        outage.enter(race, made, names)
        for mode in MODES:
            outage.rounds(race, cells, "never", mode, 3 if quick else 100, [outage.FLOOR, *names],
                          outage.SHORT_LIMIT_S)
    for name in (outage.FLOOR, *names):
        found = [cells.values["never", mode, name] for mode in MODES]
        for mode, values in zip(MODES, found):
            tell(figures, f"outage, {mode}, {name}", values, False)
        tell(figures, f"outage, all, {name}", sum(found, []), name != outage.FLOOR)
