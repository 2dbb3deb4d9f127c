#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Fifteen seconds without a writer: programs are told of statements that were under way, and of no
connect.

Writers in several languages go through one failover side by side; others start while there is no
writer, and wait for the next one as for a slow server.
"""
import os
import shutil
import tempfile
import threading
import time

from lib.lab import Lab, now
from lib.paths import CLIENTS
from lib.prober import Runtime, Watch
from lib.programs import writer as w
from lib.programs.handles import Handle
from lib.tap import done, note, ok
from lib.trials.race import clock_offset

DETECT_S = 15
IN_FLIGHT = ("2013", "2006", "2055", "2026", "1053")
PROGRAMS = {
    **w.PROGRAMS,
    "C, asynchronous": [w.program("c/async")],
    "PHP mysqli": ["php", os.path.join(CLIENTS, "php", "writer.php")],
}
POOL = ["/usr/bin/python3", os.path.join(CLIENTS, "python", "pool.py")]
LINKED = "C, linked with pelorus"
LATE = 100
LIMITED_S, LATE_S = 2, 3
# Their connects are the program's own: a dying server refuses some before a prober knows of it.
OWN_CONNECTS = ("C, asynchronous", "PHP mysqli")


def start(lab, directory, kind, number):
    env = w.environment(directory, preload=kind != LINKED, BOOT_MINUS_MONOTONIC_NS=clock_offset())
    return w.Writer(lab, kind, number, env, command=PROGRAMS[kind])


class Pause(threading.Thread):
    """One failover, whose writer is missed for as long as the lab takes to notice."""

    def __init__(self, lab, directory):
        super().__init__()
        self.lab, self.events, self.begin = lab, {}, now()
        self.watch = Watch(Runtime(directory, lab))
        self.start()
        self.known_ns = self.watch.wait_first(self.begin, lambda c: c.state == "writerless")

    def run(self):
        self.events = self.lab.failover("crash")

    def ms(self, word):
        return self.events[word]["boot_ns"] / 1e6


def check_limits(lab, directory):
    """What a user says of waiting holds; what the program is told is the library's own."""
    rows = {"PELORUS_FAILOVER_TIMEOUT": 0, "PELORUS_HOLD": LIMITED_S, "none": 0}
    for text, least in rows.items():
        more = {"PELORUS_HOLD": "0"} if text == "none" else {text: f"{LIMITED_S}s"}
        handle = Handle(lab, "C", w.environment(directory, **more))
        begin = time.monotonic()
        heard = handle("connect " + lab.writer_name)
        took = time.monotonic() - begin
        handle.end()
        note(f"{more}: {heard} after {took:.1f} s")
        ok(heard.startswith("error 200") and "(111" in heard, f"{more}: a connect is refused",
           heard)
        ok(least <= took + 0.1 and took < least + LATE_S, f"... after {least} s", f"{took:.1f} s")


def check_program(lab, directory):
    """A program's own limit on a connect holds."""
    pool = Handle(lab, None, w.environment(directory), POOL)
    failed, ms, error = map(int, pool(f"connect {lab.writer_name} 1 connect_timeout={LIMITED_S}")
                            .split()[1:])
    pool.end()
    ok(failed == 1 and error in (2002, 2003) and ms / 1000 < LIMITED_S + LATE_S and
       ms / 1000 > LIMITED_S - 0.1, "a connect is given up after the program's own limit",
       f"{failed} {ms} {error}")


def check_early(writer, pause):
    events = pause.events
    ok(writer.wait_for(events["writable"]["boot_ns"]), f"{writer.kind}: it writes again",
       writer.stderr)
    errors = writer.errors(after_ns=pause.known_ns if writer.kind in OWN_CONNECTS else
                           events["failure"]["boot_ns"])
    fit = all(e[3].split()[0] in IN_FLIGHT for e in errors)
    ok(len(errors) <= 1 and fit,
       f"{writer.kind}: no error, but for one statement that was under way",
       "\n".join(map(str, errors[:5])))
    return len(errors)


def check_late(writer, pause):
    """It began without a writer: its first line tells of its connect."""
    ok(writer.wait_for() and not writer.errors(),
       f"{writer.kind}: begun without a writer, it waits for the next one, and is told of no error",
       f"{writer.lines[:3]} {writer.stderr}")
    first = writer.lines[0][0] / 1e6 if writer.lines else 0
    return first - pause.ms("writable")


def check(lab, directory):
    early = [start(lab, directory, kind, n) for n, kind in enumerate(PROGRAMS, 1)]
    for writer in early:
        ok(writer.wait_for(), f"{writer.kind} writes", writer.stderr)
    pause = Pause(lab, directory)
    late = [start(lab, directory, kind, n) for n, kind in enumerate(PROGRAMS, LATE)]
    begun = now() / 1e6
    check_limits(lab, directory)
    check_program(lab, directory)
    pause.join()
    pause.watch.end()
    ok(pause.ms("writable") - begun > 1000 * (DETECT_S - 5), "there was no writer for long",
       pause.events)
    told = {writer.kind: check_early(writer, pause) for writer in early}
    took = {writer.kind: check_late(writer, pause) for writer in late}
    note(f"errors: {told}")
    note("connected, ms behind writable: " + ", ".join(f"{k} {v:.0f}" for k, v in took.items()))
    for writer in early + late:
        ok(writer.end() == 0, f"{writer.kind} ends well", writer.stderr)
    for writer, twice, lost, _ in w.count(lab, early + late):
        ok(not twice and not lost, f"{writer.kind}: no row is there twice, and none is lost",
           f"{twice} {lost}")


def main():
    directory = tempfile.mkdtemp(prefix="pelorus-held-")
    with Lab(instances=3, name="held", detect=f"{DETECT_S}s", dns_lag="never") as lab:
        lab.sql("writer", w.TABLE)
        check(lab, directory)
    shutil.rmtree(directory, ignore_errors=True)
    done()


main()
