#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Where names are only observed, each connect is the one that a program without the library makes,
and `pelorus report` tells what would have been done.

Two weeks with a failover a day, a second each.  The same steps are given to programs with and
without the library, under strace: one whose connects block, one whose connects do not and would
wait at the daemon's port, one with a handle that would be moved, and one that asks DNS by c-ares:
of that one the daemon has to see what DNS says, which takes seconds, so that it goes through all of
it with PELORUS_LONG alone.
"""
import os
import shutil
import sys
import tempfile
import time

from lib import tap, worlds
from lib.prober import Prober, cluster_section
from lib.programs.observed import KINDS, Pairs, check_report, report
from lib.servers import fakes

DAYS, BY_CONFIGURATION = 14, 4
AT_ONCE = [kind for kind in KINDS if kind != "c-ares" or os.environ.get("PELORUS_LONG")]


def lead(dns, cluster, to):
    dns.aliases[cluster.writer_name] = f"{to}.{cluster.domain}"


def await_dns(prober, cluster, writer):
    prober.wait(lambda c: c.names[cluster.writer_name].addresses ==
                [cluster.servers[writer].address])


def turn(prober, cluster, identity, read_only, condition):
    cluster.servers[identity].read_only = read_only
    prober.ask("refresh")
    prober.wait(condition)


def fail_over(prober, dns, cluster, everybody, old, new):
    """One day."""
    everybody("open")
    everybody("connect")
    turn(prober, cluster, old, True, lambda c: c.state == "writerless")
    everybody("connect")
    turn(prober, cluster, new, False, lambda c: c.state == "known" and c.writer == new)
    everybody("connect")
    cluster.servers[old].drop()
    everybody("ask")
    lead(dns, cluster, new)
    if "c-ares" in everybody.kinds:
        await_dns(prober, cluster, new)
    everybody("connect")
    everybody("look")
    everybody("close")


def check_reports(prober, mark, days, kinds):
    texts = {"handle": "a day has one stale connection, and one statement that had been carried "
             "over"}
    for kind in kinds:
        check_report(prober, kind + mark, days, KINDS[kind][2], texts.get(
            kind, "a day has one stale connection, one connect that DNS led wrong, and one that "
            "had been held"))


def weeks(prober, dns, cluster, everybody, first, days):
    """The writer is demo-1 and demo-2 in turn."""
    begin = time.monotonic()
    for day in range(first, first + days):
        old, new = ("demo-1", "demo-2") if day % 2 == 0 else ("demo-2", "demo-1")
        fail_over(prober, dns, cluster, everybody, old, new)
    tap.note(f"{days} failovers in {time.monotonic() - begin:.1f} s")


def check_text(prober, cluster):
    said = prober.pelorus("report").stdout
    tap.ok(f"{cluster.writer_name}: failovers {DAYS}\n" in said and "ERRORS SPARED" in said,
           "report counts the failovers", said)
    tap.ok([c["failovers"] for c in report(prober)] == [DAYS], "in JSON, too", report(prober))
    tap.ok(len(prober.events("writer-changed")) >= DAYS, "as events do")
    for words in (("--since", "soon"), ("--since", "7"), ("--since", "0d"), ("now",)):
        tap.ok(prober.pelorus("report", *words).returncode == 2, f"report {' '.join(words)}: no")
    size = os.stat(os.path.join(prober.directory, "history")).st_size
    tap.ok(size < 16384, "the history takes some rows alone", size)


def run(dns, cluster, folder, prober):
    env = {**prober.environment, "PELORUS_PROBER": "off"}
    name = cluster.writer_name
    prober.wait(lambda c: c.state == "known" and all(i.routable for i in c.instances.values()))
    with Pairs(folder, "", name, {**env, "PELORUS_MODE": "observe"}, AT_ONCE) as by_variable:
        weeks(prober, dns, cluster, by_variable, 0, DAYS - BY_CONFIGURATION)
    by_variable.compare()
    check_reports(prober, "", DAYS - BY_CONFIGURATION, AT_ONCE)
    prober.configure(cluster_section(cluster, mode="observe"))
    tap.ok(prober.ask("reload") == "ok\n" and "OBSERVED" in prober.pelorus("status").stdout,
           "mode = observe is taken by a reload, and status says so")
    await_dns(prober, cluster, "demo-1")
    with Pairs(folder, "-file", name, env) as by_file:
        weeks(prober, dns, cluster, by_file, DAYS - BY_CONFIGURATION, BY_CONFIGURATION)
    by_file.compare()
    check_reports(prober, "-file", BY_CONFIGURATION, KINDS)
    check_text(prober, cluster)


def main():
    fakes.enter()
    if not shutil.which("strace"):
        tap.skip("connects are compared", "there is no strace")
        tap.done()
    dns = worlds.Dns()
    dns.ttl = 1
    cluster = fakes.Cluster(dns, 3, 1, "seen")
    with tempfile.TemporaryDirectory() as folder, \
         Prober(cluster, cluster_section(cluster)) as prober:
        run(dns, cluster, folder, prober)
    cluster.close()
    tap.done()


sys.exit(main())
