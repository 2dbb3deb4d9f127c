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


class Limited:
    """Programs that wait shorter, by their users' word or their own, and are ready to connect."""
    TEXTS = {"PELORUS_FAILOVER_TIMEOUT": 0, "PELORUS_HOLD": LIMITED_S, "no PELORUS_HOLD": 0}

    def __init__(self, lab, directory):
        self.lab, self.handles = lab, {}
        for text in self.TEXTS:
            more = {"PELORUS_HOLD": "0"} if " " in text else {text: f"{LIMITED_S}s"}
            self.handles[text] = Handle(lab, "C", w.environment(directory, **more))
        self.pool = Handle(lab, None, w.environment(directory), POOL)
        ready = [self.pool("close"), *(h("init SELECT 1") for h in self.handles.values())]
        ok(all(r.startswith("ok") for r in ready), "programs that wait shorter are ready", ready)

    def check(self):
        """What the program is told is the library's own."""
        for text, handle in self.handles.items():
            begin = time.monotonic()
            heard = handle("connect " + self.lab.writer_name)
            self.judge(text, heard.startswith("error 200") and "(111" in heard, heard,
                       time.monotonic() - begin, self.TEXTS[text])
            handle.end()
        heard = self.pool(f"connect {self.lab.writer_name} 1 connect_timeout={LIMITED_S}")
        failed, ms, error = map(int, heard.split()[1:])
        self.judge("a program's own limit", failed == 1 and error in (2002, 2003), heard, ms / 1000,
                   LIMITED_S)
        self.pool.end()

    @staticmethod
    def judge(text, refused, heard, seconds, least):
        note(f"{text}: {heard} after {seconds:.1f} s")
        ok(refused, f"{text}: a connect is refused", heard)
        ok(least <= seconds + 0.1 and seconds < least + LATE_S, f"... after {least} s",
           f"{seconds:.1f} s")


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
    limited = Limited(lab, directory)
    pause = Pause(lab, directory)
    late = [start(lab, directory, kind, n) for n, kind in enumerate(PROGRAMS, LATE)]
    begun = now() / 1e6
    limited.check()
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
