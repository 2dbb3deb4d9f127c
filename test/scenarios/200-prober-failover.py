#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The map follows failovers: how long after the new writer took writes sleepers are woken.

PELORUS_ROUNDS sets the number of failovers of each mode (3; 30 and more for figures).
"""
import os

from lib import tap
from lib.lab import Lab
from lib.prober import Prober
from lib.trials import publishing

ROUNDS = int(os.environ.get("PELORUS_ROUNDS", "3"))
MEDIAN_MS = 150  # on a machine that is busy with other tests; the figure itself is in the note

with Lab(instances=3) as lab, Prober(lab) as prober:
    cluster = prober.wait_settled(3)
    tap.ok(cluster.writer == lab.writer, "the first topology names the writer")
    roles = sorted(i.role for i in cluster.instances.values())
    tap.ok(roles == ["reader", "reader", "writer"], "and two readers", roles)
    tap.ok(set(cluster.names) == {lab.writer_name, lab.reader_name},
           "the reader's name is published with the writer's", list(cluster.names))
    for mode in ("crash", "blackhole", "graceful", "kept"):
        figures = publishing.rounds(lab, prober, mode, ROUNDS)
        tap.note("writable to published, " + publishing.summary(mode, figures))
        seen = [f for f in figures if f is not None]
        tap.ok(len(seen) == ROUNDS, f"{mode}: each new writer is published", f"{figures}")
        # A handover that breaks no connection is found by the steady rhythm alone.
        limit = 1500 if mode == "kept" else MEDIAN_MS
        tap.ok(seen and publishing.quantile(seen, 0.5) <= limit,
               f"{mode}: the median is at most {limit} ms", f"{figures}")
    stray = [line for line in prober.log().splitlines() if "level=error" in line]
    tap.ok(not stray, "nothing was an error", "\n".join(stray))
tap.done()
