#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Servers that are odd, wrong or hostile: the right topology or none, one line in the log, and
nothing given away.  The cases run side by side, each with servers and a prober of its own."""
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from lib import tap
from lib.prober import Prober, cluster_section
from lib.servers import fakes

PASSWORD = "not-for-everybody"
PEAK_KIB = 20480  # three answers of 4 MiB, and what it has anyway
lock = threading.Lock()


def expect(*arguments):
    with lock:
        tap.ok(*arguments)


def master(row, value=1):
    return (row[0], value, *row[2:])


class Case:
    """A cluster of three with one oddity, and a prober that looks at it."""

    dns = None
    number = 0

    def __init__(self, prepare):
        with lock:
            Case.number += 1
            name = f"case{Case.number}"
        self.cluster = fakes.Cluster(self.dns, 3, Case.number, name)
        prepare(self.cluster, self.cluster.servers)
        self.prober = Prober(self.cluster, cluster_section(self.cluster, password=PASSWORD))

    def __enter__(self):
        self.prober.__enter__()
        return self.prober, self.cluster

    def __exit__(self, *_):
        self.prober.__exit__()
        self.cluster.close()


def set_table(cluster, table):
    for server in cluster.servers.values():
        server.table = lambda: table(cluster.rows())


def knows_writer(text, table, ids=("demo-1", "demo-2", "demo-3"), code=None):
    """With such a table, demo-1 is found to be the writer, and the members are these."""
    with Case(lambda c, s: set_table(c, table)) as (prober, _):
        try:
            cluster = prober.wait(lambda c: c.state == "known" and len(c.instances) >= len(ids) and
                                  c, 8)
        except TimeoutError:
            cluster = prober.cluster()
        expect(cluster.writer == "demo-1", f"{text}: the writer is known",
               f"{cluster.state} {cluster.why} {cluster.writer}")
        expect(set(cluster.instances) == set(ids), f"{text}: its members are",
               list(cluster.instances))
        if code:
            prober.wait(lambda c: f"code={code}" in prober.log(), 15)
            time.sleep(1.2)  # a further table
            count = prober.log().count(f"code={code}")
            expect(count == 1, f"{text}: one line says so", f"{count}\n{prober.log()}")


def stays_unknown(text, prepare, check=None, seconds=2):
    """No writer is named, and no address is published that DNS did not give."""
    with Case(prepare) as (prober, cluster):
        time.sleep(seconds)  # that nothing happens can only be waited for
        record = prober.cluster()
        expect(record.writer is None, f"{text}: no writer is named",
               f"{record.state} {record.writer}")
        expect(record.names[cluster.writer_name].addresses == [cluster.servers["demo-1"].address],
               f"{text}: connections go where DNS leads")
        if check:
            check(prober, cluster)


KNOWN = (
    ("two MASTER rows, the old one older",
     lambda rows: [rows[0], (*master(rows[1])[:4], 900000, 900000), rows[2]]),
    ("no MASTER row", lambda rows: [master(r, 0) for r in rows]),
    ("no usable time", lambda rows: [(*r[:4], None, None) for r in rows]),
    ("times of another zone", lambda rows: [(*r[:4], r[4] + 3600000000, r[5]) for r in rows]),
    ("times an hour off in all zones",
     lambda rows: [(*r[:4], r[4] + 3600000000, r[5] + 3600000000) for r in rows]),
    ("a row that lags 900000 ms",
     lambda rows: [*rows, ("demo-9", 0, 1, 900000, 300000, 300000)]),
    ("a row of long ago", lambda rows: [*rows, ("demo-9", 0, 1, 5, 600000000, 600000000)]),
)
IDS = ("../evil", "evil.example.com", "", "a" * 64, "-x", "ev%il")


def odd_id(text):
    knows_writer(f"an id like {text[:20]!r}",
                 lambda rows: [*rows, (text, 0, 1, 5, 300000, 300000)], code="table-odd")


def liar():
    knows_writer("a table that lies",
                 lambda rows: [master(rows[0], 0), master(rows[1]), rows[2]], code="table-lies")


def three_hundred_rows():
    def table(rows):
        return [*rows, *((f"x-{i}", 0, 1, 5, 400000, 400000) for i in range(297))]
    with Case(lambda c, s: set_table(c, table)) as (prober, _):
        cluster = prober.wait_known("demo-1", 10)
        expect(len(cluster.instances) <= 32, "300 rows: the writer is known, and no more than fit")


def set_all(field, value):
    def prepare(cluster, servers):
        for server in servers.values():
            setattr(server, field, value)
    return prepare


def everybody_writes(cluster, servers):
    set_all("read_only", False)(cluster, servers)
    set_table(cluster, lambda rows: [master(r, 0) for r in rows])


def said(cluster):
    return b"".join(b"".join(s.said) for s in cluster.servers.values())


def no_file(prober, cluster):
    expect(said(cluster) and b"root:" not in said(cluster),
           "a server that asks for a file gets none", said(cluster))


def no_password(prober, cluster):
    expect(said(cluster) and PASSWORD.encode() not in said(cluster),
           "and gets no password in clear text", said(cluster))


def peak_kib(group):
    """The most that a process of the group has had in memory so far."""
    most = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if is_of_group(pid, group):
            with open(f"/proc/{pid}/status") as status:
                most += [int(line.split()[1]) for line in status if line.startswith("VmHWM:")]
    return max(most)


def bounded(prober, cluster):
    """Three servers send as fast as they are read."""
    most = peak_kib(prober.process.pid)
    tap.note(f"peak: {most} KiB")
    expect(0 < most < PEAK_KIB, "an answer without end: memory stays bounded", f"{most} KiB")


UNKNOWN = (
    ("an empty table", lambda c, s: set_table(c, lambda rows: []), None),
    ("a table that is not there", set_all("query_error", (1109, "Unknown table")), None),
    ("everybody writes", everybody_writes, None),
    ("nobody writes", set_all("read_only", True), None),
    ("LOCAL INFILE", set_all("infile", True), no_file),
    ("mysql_clear_password", set_all("plugin", "mysql_clear_password"), no_password),
    ("mysql_old_password", set_all("plugin", "mysql_old_password"), no_password),
    ("dialog", set_all("plugin", "dialog"), no_password),
    ("an answer without end", set_all("endless", True), bounded),
)


def is_of_group(pid, group):
    try:
        return os.getpgid(int(pid)) == group
    except (ProcessLookupError, PermissionError):
        return False


def slow_servers():
    with Case(lambda c, s: None) as (prober, cluster):
        prober.wait_settled(3)
        wake, bad = prober.view.wake, []
        for server in cluster.servers.values():
            server.delay_s = 0.3
        end = time.monotonic() + 5
        while time.monotonic() < end:
            bad += [i.health for i in prober.cluster().instances.values()
                    if i.health == "unreachable"]
            time.sleep(0.02)
        expect(not bad and prober.view.wake == wake,
               "300 ms of delay: nothing is unreachable, nobody is woken")


def sign_of_life(code, tries):
    with Case(lambda c, s: None) as (prober, cluster):
        prober.wait_settled(3)
        server, before = cluster.servers["demo-2"], prober.view.wake
        server.greeting_error = (code, "No")
        server.drop()
        prober.wait(lambda c: server.refused >= tries, 10)
        health = prober.cluster().instances["demo-2"].health
        expect(health == "ok" and prober.view.wake == before,
               f"error {code} at the door is a sign of life", health)


def errors_alone():
    """A writer whose connection is well, and that answers each question with an error from now on:
    a file system that became read-only, a privilege that broke."""
    with Case(lambda c, s: None) as (prober, cluster):
        prober.wait_known("demo-1")
        prober.wait_settled(3)
        one, two = cluster.servers["demo-1"], cluster.servers["demo-2"]
        one.query_error, one.read_only = (1030, "Got error 30 from storage engine"), True
        c = prober.wait(lambda c: c.writer is None and c, 12)
        expect(c.state == "unknown", "a writer that answers with errors alone is not known to be",
               c.state)
        two.read_only = False
        c = prober.wait_known("demo-2", 5)
        expect(c.instances["demo-1"].role != "writer", "and another that claims is the writer")
        two.read_only, one.query_error, one.read_only = True, None, False
        prober.wait_known("demo-1", 10)
        expect(True, "as is the first when it says so again")


fakes.enter()
Case.dns = fakes.Dns()
jobs = [(liar,), (errors_alone,), *((knows_writer, *k) for k in KNOWN), *((odd_id, i) for i in IDS),
        *((stays_unknown, *u) for u in UNKNOWN), (three_hundred_rows,), (slow_servers,),
        *((sign_of_life, code, tries) for code, tries in ((1040, 3), (1129, 1), (1203, 3)))]
with ThreadPoolExecutor(6) as pool:
    for job in [pool.submit(*j) for j in jobs]:
        job.result()
tap.done()
