#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""`lab up --topology`: real clusters with nothing imitated, brought up as a user does, and followed
by what the lab says that a prober has to be told.

Each loses its writer in ways of its own, beside a program that writes by the cluster's name: the
next one is published at once, who was lost comes back as a reader, and no acknowledged row is gone.
260 to 262 and test/bench/publish.py have the rest.
"""
import os

from lib import tap
from lib.lab import Lab, module
from lib.prober import Prober
from lib.trials.topologies import Rows, configuration, rounds
from lib.waiting import within

LONG = os.environ.get("PELORUS_LONG")
LATE_MS = 1000  # from writable to published
UNREST = 1.0  # seconds without the new writer, from then until the old one is back
MODES = {"replication": ("kill",)}  # the others need longer to come up
if LONG:
    MODES = {"replication": ("kill", "graceful", "pause", "cut"),
             "multi-az": ("kill", "graceful", "pause", "cut"),
             "group": ("kill", "graceful", "shutdown", "pause", "cut", "minority"),
             "galera": ("kill", "shutdown", "pause", "cut", "minority")}


def missing(kind):
    """Why such a cluster cannot be here, or None."""
    try:
        module("plain.topologies").TOPOLOGIES[kind].needed()
    except module("state").LabError as error:
        return str(error)
    return None


def refusals(lab):
    for words, said in ((("failover", "--mode", "blackhole"), "there is no mode blackhole"),
                        (("add", "demo-9"), "there is no add here"),
                        (("failover", "--to", lab.writer), "it is the writer")):
        done = lab.run(*words, check=False)
        tap.ok(done.returncode == 2 and said in done.stderr, f"lab {' '.join(words)}: {said}",
               done.stderr)


def lose(lab, p, kind, mode):
    (done,) = rounds(lab, p, mode, 1)
    tap.ok(within(done.late_ms, LATE_MS),
           f"{kind}, {mode}: the next writer is published at once", f"{done} {p.log()[-900:]}")
    tap.ok(done.unrest_s < UNREST, f"{kind}, {mode}: who is back disturbs nobody", done)
    tap.note(f"{kind}, {mode}: {done.late_ms or 0:.0f} ms after it was writable; who was lost "
             f"stayed published {done.routed_s or 0:.2f} s")


def follow(kind, modes):
    with Lab(topology=kind) as lab, Prober(lab, configuration(lab)) as p:
        tap.note(f"{kind}: up in {lab.up_seconds:.1f} s")
        c = p.wait_settled(3, 30)
        tap.ok(c.writer == lab.writer == "demo-1", f"{kind}: it is followed as the lab says",
               (c.writer, lab.writer, p.log()[-600:]))
        if kind == "replication":
            refusals(lab)
        with Rows(lab, p) as rows:
            for mode in modes:
                lose(lab, p, kind, mode)
            acknowledged, lost = rows.lost()
            tap.ok(acknowledged > 50 and not lost, f"{kind}: no acknowledged row is lost",
                   f"{lost} of {acknowledged}")


for kind_, modes_ in MODES.items():
    if why := missing(kind_):
        tap.skip(kind_, why)
    else:
        follow(kind_, modes_)
tap.done()
