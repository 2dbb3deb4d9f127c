#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Where names are only observed, each connect is the one that a program without the library makes,
and `pelorus report` tells what would have been done.

Two weeks with a failover a day, a second each.  The same steps are given to programs with and
without the library, under strace.
"""
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from lib import tap, worlds
from lib.paths import LIBRARY
from lib.prober import Prober, cluster_section
from lib.servers import fakes
from lib.waiting import wait_for

DAYS, BY_CONFIGURATION = 14, 4
PROGRAM = """
import socket, sys
name, kept = sys.argv[1], []
for line in sys.stdin:
    if line == "connect\\n":
        try:
            kept.append(socket.create_connection((name, 3306), 20))
            print(kept[-1].getpeername()[0], flush=True)
        except OSError as e:
            print(e, flush=True)
    elif line == "look\\n":
        print(sorted({a[4][0] for a in socket.getaddrinfo(name, 3306)}), flush=True)
    else:
        for sock in kept:
            sock.close()
        kept.clear()
        print("closed", flush=True)
"""


class Program:
    """One that takes orders; its connect() calls are in a file of strace's."""

    def __init__(self, folder, called, name, env):
        self.called, self.trace = called, os.path.join(folder, called + ".strace")
        program = os.path.join(folder, called)
        os.symlink("/usr/bin/python3", program)
        preload = ["-E", f"LD_PRELOAD={LIBRARY}"] if env else []
        self.child = subprocess.Popen(
            ["strace", "-f", "-qq", "-s", "200", "-e", "trace=connect", "-e", "signal=none",
             "-o", self.trace, *preload, program, "-B", "-c", PROGRAM, name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            env={**os.environ, **(env or {})})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.stdin.close()
        self.child.wait(20)

    def tell(self, order):
        self.child.stdin.write(order + "\n")

    def heard(self):
        return self.child.stdout.readline().strip()

    def connects(self):
        """Addresses, ports and results of all that leave the host or could, without numbers."""
        with open(self.trace) as lines:
            text = re.sub(r"<unfinished \.\.\.>\n|<\.\.\. connect resumed>", "", lines.read())
        return [re.sub(r"^\d+\s+connect\(\d+", "connect(", line) for line in text.splitlines()
                if "AF_INET" in line]


def everybody(programs, order):
    for p in programs:
        p.tell(order)
    return [p.heard() for p in programs]


def lead(dns, cluster, to):
    dns.aliases[cluster.writer_name] = f"{to}.{cluster.domain}"


def turn(prober, cluster, identity, read_only, condition):
    cluster.servers[identity].read_only = read_only
    prober.ask("refresh")
    prober.wait(condition)


def fail_over(prober, dns, cluster, programs, old, new):
    """One day: what each program saw at each step."""
    seen = [everybody(programs, "connect")]
    turn(prober, cluster, old, True, lambda c: c.state == "writerless")
    seen.append(everybody(programs, "connect"))
    turn(prober, cluster, new, False, lambda c: c.state == "known" and c.writer == new)
    seen.append(everybody(programs, "connect"))
    lead(dns, cluster, new)
    seen.append(everybody(programs, "connect"))
    seen.append(everybody(programs, "look"))
    everybody(programs, "close")
    return seen


def report(prober, *words):
    done = prober.pelorus("report", "--json", *words)
    return json.loads(done.stdout) if done.returncode == 0 else []


def told_of(prober, called):
    rows = [p for c in report(prober) for p in c["programs"]]
    return next((p for p in rows if p["program"] == called), {})


def expected(called, days):
    return {"program": called, "stale_ended": days, "errors_spared": 2 * days, "led_wrong": days,
            "held": days, "moved": 0, "led_elsewhere": 0}


def check_report(prober, called, days):
    def complete():
        row = told_of(prober, called)
        return row == expected(called, days)
    with contextlib.suppress(TimeoutError):
        wait_for(complete, 20)
    tap.ok(complete(), f"{called}: a day has one stale connection, one connect that DNS led wrong, "
           "and one that had been held", told_of(prober, called))


def weeks(prober, dns, cluster, programs, first, days):
    """The writer is demo-1 and demo-2 in turn."""
    seen, begin = [], time.monotonic()
    for day in range(first, first + days):
        old, new = ("demo-1", "demo-2") if day % 2 == 0 else ("demo-2", "demo-1")
        seen.append(fail_over(prober, dns, cluster, programs, old, new))
    tap.note(f"{days} failovers in {time.monotonic() - begin:.1f} s")
    odd = [step for day in seen for step in day if len(set(step)) != 1]
    tap.ok(not odd, "with and without the library programs see the same addresses", odd[:3])


def same(plain, *others):
    calls = plain.connects()
    for p in others:
        theirs = p.connects()
        differ = next(((a, b) for a, b in zip(calls, theirs) if a != b), "")
        tap.ok(len(calls) > 4 and calls == theirs,
               f"{p.called}: its {len(calls)} connects to hosts are those of the plain program",
               (len(calls), len(theirs), differ))


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
    with Program(folder, "plain", name, None) as plain, \
         Program(folder, "by-variable", name, {**env, "PELORUS_MODE": "observe"}) as observed:
        weeks(prober, dns, cluster, (plain, observed), 0, DAYS - BY_CONFIGURATION)
    same(plain, observed)
    check_report(prober, "by-variable", DAYS - BY_CONFIGURATION)
    prober.configure(cluster_section(cluster, mode="observe"))
    tap.ok(prober.ask("reload") == "ok\n" and "OBSERVED" in prober.pelorus("status").stdout,
           "mode = observe is taken by a reload, and status says so")
    with Program(folder, "plain-too", name, None) as plain, \
         Program(folder, "by-file", name, env) as observed:
        weeks(prober, dns, cluster, (plain, observed), DAYS - BY_CONFIGURATION, BY_CONFIGURATION)
    same(plain, observed)
    check_report(prober, "by-file", BY_CONFIGURATION)
    check_text(prober, cluster)


def main():
    fakes.enter()
    if not shutil.which("strace"):
        tap.skip("connects are compared", "there is no strace")
        tap.done()
    dns = worlds.Dns()
    cluster = fakes.Cluster(dns, 3, 1, "seen")
    with tempfile.TemporaryDirectory() as folder, \
         Prober(cluster, cluster_section(cluster)) as prober:
        run(dns, cluster, folder, prober)
    cluster.close()
    tap.done()


sys.exit(main())
