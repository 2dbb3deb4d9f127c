# SPDX-License-Identifier: Apache-2.0
"""Failovers of real clusters, as the lab brings them up (`lab up --topology`), beside a program
that writes by the cluster's name.

    with Lab(topology="group") as lab, Prober(lab, configuration(lab)) as prober:
        with Rows(lab, prober) as rows:
            rounds(lab, prober, "kill", 30)

The floor is the lab's own: who has all members written to all the time by their sockets.
"""
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple, Optional

from lib.paths import LIBRARY
from lib.prober import Watch

PROGRAM = """
import sys, time, pymysql
host, port, tls = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "tls"
more = {"ssl": {"check_hostname": False, "verify_mode": False}} if tls else {}
connection, number = None, 0
while True:
    number += 1
    try:
        if connection is None:
            connection = pymysql.connect(host=host, port=port, user="app", password="app",
                                         database="app", autocommit=True, read_timeout=20, **more)
        connection.cursor().execute(f"INSERT INTO acknowledged VALUES ({number})")
        print(number, flush=True)
    except (pymysql.err.MySQLError, OSError):
        connection = None
    time.sleep(0.01)
"""


def configuration(lab, more=""):
    """What the lab says that a prober has to be told, and more lines of the cluster's."""
    with open(lab.status()["configuration"]) as file:
        return file.read() + more


class Rows:
    """A program under the library, and what was acknowledged to it."""

    def __init__(self, lab, prober):
        self.lab, self.prober, self.told = lab, prober, None

    def __enter__(self):
        status = self.lab.status()
        self.lab.sql("writer", "CREATE TABLE acknowledged (id BIGINT PRIMARY KEY)")
        self.told = tempfile.TemporaryFile("w+")
        self.process = self.prober.popen(
            ["env", f"LD_PRELOAD={LIBRARY}", "PELORUS_PROBER=off", sys.executable, "-c", PROGRAM,
             self.lab.writer_name, str(status["port"]), "tls" if "ca" in status else "plain"],
            stdout=self.told, stdin=subprocess.DEVNULL)
        return self

    def __exit__(self, *_):
        self.end()
        self.told.close()

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)

    def lost(self):
        """(acknowledged, how many of those are missing on some member); ends the program."""
        self.end()
        self.told.seek(0)
        acknowledged = {int(line) for line in self.told.read().split()}
        missing = set()
        for instance in self.lab.status()["instances"]:
            there = self.lab.sql(instance["id"], "SELECT id FROM acknowledged")
            missing |= acknowledged - {int(row[0]) for row in there}
        return len(acknowledged), len(missing)


class Round(NamedTuple):
    late_ms: Optional[float]  # from writable to published; None: never
    routed_s: Optional[float]  # how long who was lost stayed published
    unrest_s: float  # how long another than the new writer was published after it, or nobody


def is_writer(c, name):
    return c.state == "known" and c.writer == name


def unrest(seen, since_ns, until_ns, writer):
    """Of a list of states and their moments: seconds in which this was not the writer."""
    ends = [moment for moment, _ in seen[1:]] + [until_ns]
    return sum(max(0, min(end, until_ns) - max(moment, since_ns)) for (moment, c), end in
               zip(seen, ends) if not is_writer(c, writer)) / 1e9


def one_round(lab, prober, watch, mode):
    whole = len(lab.status()["instances"])
    old = prober.wait(lambda c: c.is_settled(whole) and c.writer and c, 60).writer
    events = lab.failover(mode, "--from", old)
    begin, writable = events["failure"]["boot_ns"], events["writable"]["boot_ns"]
    told = watch.wait_first(begin, lambda c: c.state == "known" and c.writer not in (None, old), 30)
    gone = watch.first(begin, lambda c: not is_writer(c, old))
    new = next((c.writer for t, c in list(watch.seen) if t == told), None)
    lab.run("failover", "--mode", "rejoin", limit=120)
    prober.wait_settled(whole, 60)
    now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return Round(told and (told - writable) / 1e6, gone and (gone - begin) / 1e9,
                 unrest(list(watch.seen), told, now, new) if told else 0)


def rounds(lab, prober, mode, count, each=lambda round: None):
    watch, done = Watch(prober), []
    try:
        for _ in range(count):
            done.append(one_round(lab, prober, watch, mode))
            each(done[-1])
    finally:
        watch.end()
    most = max(sum(i.role == "writer" for i in c.instances.values()) for _, c in watch.seen)
    if most > 1:
        raise AssertionError(f"{most} writers were published at one time")
    return done
