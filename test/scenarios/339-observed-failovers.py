#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Real servers fail while names are only observed, and DNS lags: programs with the library connect
as those without it, and `pelorus report` agrees with the lab's events.

Two failovers; with PELORUS_LONG two weeks of them, four a day, each of another kind.
"""
import contextlib
import os
import shutil
import tempfile

from lib import tap
from lib.lab import Lab, now
from lib.prober import Prober, cluster_section
from lib.programs.observed import KINDS, Pairs, check_report, report
from lib.waiting import wait_for

DAYS = 14
MODES = ["crash", "graceful", "reboot", "blackhole"] * DAYS if os.environ.get("PELORUS_LONG") \
    else ["graceful", "crash"]
DIALLERS = [kind for kind in KINDS if kind != "handle"]


def fail_over(lab, prober, everybody, mode):
    """Nobody connects where the answer is a matter of the moment."""
    old, since = lab.writer, now()
    everybody("connect")
    lab.failover(mode)
    new = lab.writer
    prober.wait(lambda c: c.state == "known" and c.writer == new, 60)
    if mode == "blackhole":
        lab.run("heal", old)
    lab.wait_event("back", since, id=old)
    prober.wait_settled(3, 60)
    everybody("connect")
    lab.run("dns", "point", "writer", new)
    # Who asks DNS by itself is known by what the daemon has been told.
    prober.ask("refresh")
    prober.wait(lambda c: c.names[lab.writer_name].addresses == [c.instances[new].ip4], 60)
    everybody("connect")
    everybody("look")
    everybody("close")


def check(lab, prober, since, days):
    there = sum(e["event"] == "writable" and e["boot_ns"] > since for e in lab.events())
    with contextlib.suppress(TimeoutError):
        wait_for(lambda: [c["failovers"] for c in report(prober)] == [there], 20)
    tap.ok(there == days and [c["failovers"] for c in report(prober)] == [there],
           f"report knows the lab's {there} failovers", report(prober))
    for kind in DIALLERS:
        check_report(prober, kind, days, {"stale_ended": 1, "errors_spared": 1, "led_wrong": 1},
                     "each has one stale connection, and one connect that DNS led wrong")


def main():
    if not shutil.which("strace"):
        tap.skip("connects are compared", "there is no strace")
        tap.done()
    # Who connects and says nothing is counted, and blocked by and by.
    with tempfile.TemporaryDirectory() as folder, \
         Lab(instances=3, dns_lag="never", server=["max-connect-errors=100000"]) as lab, \
         Prober(lab, cluster_section(lab, mode="observe")) as prober:
        prober.wait_settled(3)
        since = now()
        with Pairs(folder, "", lab.writer_name, {**prober.environment, "PELORUS_PROBER": "off"},
                   DIALLERS, start=lab.popen) as everybody:
            for mode in MODES:
                fail_over(lab, prober, everybody, mode)
        everybody.compare()
        check(lab, prober, since, len(MODES))
    tap.done()


main()
