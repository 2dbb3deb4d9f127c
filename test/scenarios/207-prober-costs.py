#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
# alone
"""What a prober costs, with TLS that is verified, stays within the design's table.

PELORUS_INSTANCES sets how many there are (4; 16 for the table's own figures).  Processor time is
given room, for a machine that is busy with others counts their misses of its caches as ours; what
it is at rest is measured by test/bench/run prober.
"""
import os

from lib import tap
from lib.trials import costs

INSTANCES = int(os.environ.get("PELORUS_INSTANCES", "4"))
LIMITS = {"CPU": 3.0, "private dirty": 12, "connections per instance": 1, "steady": 3,
          "hints": 2, "alarm, statements": 50.5, "alarm, new connections": 20}

if not tap.as_root("the prober's costs"):
    tap.done()
figures = costs.measure(INSTANCES, 5, tls=True)
for what, value in figures.items():
    limit = next(v for k, v in LIMITS.items() if what.startswith(k))
    tap.note(f"{INSTANCES} instances: {what}: {value:.2f}")
    tap.ok(value <= limit, f"{what}: at most {limit}", f"{value:.2f}")
tap.ok(len(figures) == len(LIMITS), "everything was measured")
tap.done()
