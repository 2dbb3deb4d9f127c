# SPDX-License-Identifier: Apache-2.0
"""How long a connection to a writer that falls silent lives on.

An unmodified program (PyMySQL, test/bench/held.py) under Pelorus, with its defaults, holds an idle
connection to the writer; the writer's network is then cut off, so that nothing comes back any more,
not even a refusal.  Measured is the time from the lab's event to the moment at which the program's
poll() tells it that its connection has ended.  A plain program is told by its kernel, after a
quarter of an hour if it writes and never if it waits; Amazon's efm2 takes 30 s and more by default.
"""
import os
import statistics
import subprocess

import bench

from lib.lab import Lab
from lib.programs.apps import Apps

PROGRAM = ("/usr/bin/python3", os.path.join(bench.HERE, "held.py"))
BOUND_S = 2


def settled(apps, lab):
    writer = lab.writer
    apps.prober.wait(lambda c: c.writer == writer and c.is_settled(3), 30)


def one_round(lab, apps, held):
    """Seconds from the cut to the connection's end."""
    held.stdin.write("\n")
    held.stdin.flush()
    if held.stdout.readline() != "ready\n":
        raise RuntimeError("the program has no connection")
    settled(apps, lab)
    writer, before = lab.writer, len(lab.events())
    lab.run("cut", writer)
    cut = next(e for e in lab.events()[before:] if e["event"] == "cut")
    ended = int(held.stdout.readline())
    lab.run("heal", writer)
    return (ended - cut["boot_ns"]) / 1e9


def measure(figures, folder, quick):
    with Lab(instances=3, dns_lag="never") as lab, Apps(lab) as apps:
        held = lab.popen(*PROGRAM, lab.writer_name, env=apps.env(), stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, text=True)
        try:
            took = [one_round(lab, apps, held) for _ in range(3 if quick else 15)]
        finally:
            held.stdin.close()
            held.wait(30)
    what = f"silence of the writer, until connections to it end: %s of {len(took)}"
    figures.add(what % "median", statistics.median(took), "s", BOUND_S)
    figures.add(what % "worst", max(took), "s")
