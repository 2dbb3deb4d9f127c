#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A Galera cluster of three real nodes of MariaDB (dialect = galera): all may be written to, and
one of them is the writer.

It is killed, stopped and resumed, cut off, made read-only, a donor; the cluster begins anew. At
each moment one at most is published, who comes back takes nobody's place, what was acknowledged
is there, and hosts of a fleet have the same writer.
"""
import contextlib
import os
import sys
import time

from lib import apart, tap
from lib.paths import LIBRARY
from lib.prober import Prober
from lib.servers import fakes
from lib.servers.etcd import Etcd
from lib.trials.floors import now_ns
from lib.trials.galera import HOST, HOSTS, Cluster, Trial, address_of_writer, galera
from lib.waiting import wait_for, within

FIRST, SECOND, THIRD = apart.ADDRESSES
LATE_MS = 1000  # from writable to published
ROUTED = 8  # seconds that a node may be published for without its group, which takes 5 to 6
PROGRAM = f"""
import time, pymysql
connection, number = None, 0
while True:
    number += 1
    try:
        if connection is None:
            connection = pymysql.connect(host={HOST!r}, user="app", password="app",
                                         autocommit=True, read_timeout=20)
        connection.cursor().execute(f"INSERT INTO app.rows VALUES ({{number}}, @@hostname)")
        print(number, flush=True)
    except pymysql.err.MySQLError:
        connection = None
    time.sleep(0.01)
"""


class Program:
    """Writes by the endpoint's name, and keeps what was acknowledged."""

    def __init__(self, cluster, p, folder):
        cluster.sql("CREATE TABLE app.rows (id BIGINT PRIMARY KEY, host TEXT)")
        self.cluster, self.path = cluster, os.path.join(folder, "acknowledged")
        with open(self.path, "w") as out:
            self.process = p.popen([sys.executable, "-c", PROGRAM], stdout=out, env={
                **p.environment, "LD_PRELOAD": LIBRARY, "PELORUS_PROBER": "off"})

    def end(self):
        self.process.terminate()
        self.process.wait()
        with open(self.path) as told:
            acknowledged = {int(line) for line in told.read().split()}
        for node in self.cluster.nodes.values():
            there = {int(row[0]) for row in node.sql("SELECT id FROM app.rows")}
            tap.ok(len(acknowledged) > 100 and acknowledged <= there,
                   f"what was acknowledged is on {node.address}",
                   f"{len(acknowledged)} acknowledged, {len(acknowledged - there)} lost")


def lost(trial):
    """Each way to lose the writer."""
    for mode, text in (("killed", "kill -9"), ("stopped", "SIGSTOP"), ("cut", "cut off")):
        begin = time.monotonic()
        old, late = trial.writer() if mode != "cut" else THIRD, getattr(trial, mode)()
        tap.note(f"{text}: published {late or 0:.0f} ms after the group let writes in, "
                 f"{time.monotonic() - begin:.1f} s in all")
        tap.ok(within(late, LATE_MS), f"{text}: the next writer is published at once",
               f"{late} {trial.prober.log()[-900:]}")
        back = now_ns()
        new = trial.writer()
        time.sleep(1)  # that something does not happen
        tap.ok(new != old and not trial.quiet(back, new), f"{text}: who is back is a reader",
               trial.quiet(back, new)[:5])
    tap.ok(trial.gone, "readers leave who is without its group, too", trial.prober.log()[-900:])
    tap.ok(trial.routed < ROUTED, "who is without its group is not published for long",
           f"{trial.routed:.1f} s")
    tap.note(f"published without its group: {trial.routed:.2f} s at the most")


def unfit(trial):
    """Set by hand on the writer."""
    for variable, on, off in (("read_only", 1, 0), ("wsrep_desync", "ON", "OFF"),
                              ("wsrep_reject_queries", "ALL", "NONE")):
        node = trial.node()
        node.sql(f"SET GLOBAL {variable} = {on}")
        c = trial.prober.wait(lambda c, old=node.address: address_of_writer(c) not in (
            None, old) and c)
        node.sql(f"SET GLOBAL {variable} = {off}")
        back, new = now_ns(), address_of_writer(c)
        trial.writer()
        tap.ok(not trial.quiet(back, new), f"{variable}: another is the writer, and stays",
               trial.quiet(back, new)[:5])


def begun_anew(cluster, p):
    """Its formations are counted from the beginning."""
    cluster.restart_all()
    begin = time.monotonic()
    c = p.wait_settled(3, 40)
    tap.ok(c.writer is not None, "a cluster that was begun anew has a writer", p.log()[-900:])
    tap.note(f"{time.monotonic() - begin:.1f} s after its last node was there")


def another_worker(p, watch):
    """Who takes over keeps the writer, though it be not the first of the configuration."""
    writer, begin = address_of_writer(p.wait_settled(3)), now_ns()
    _, worker = p.note_pids()
    os.kill(worker, 9)
    wait_for(lambda: (p.is_up() or {}).get("pid", worker) != worker)
    p.wait_settled(3)
    time.sleep(1)  # that something does not happen
    odd = [address_of_writer(c) for t, c in list(watch.seen) if t > begin and
           address_of_writer(c) != writer]
    tap.ok(writer != FIRST and not odd, "another worker keeps the writer", (writer, odd))


def fleet(cluster, p, keys):
    """Another host's daemon begins later, and has the members in another order."""
    wait_for(lambda: p.log().rfind("code=fleet-lead ") > p.log().rfind("code=worker-died"))
    writer = address_of_writer(p.wait_settled(3))
    last = tuple(sorted(HOSTS, key=lambda host: host == writer))
    with Prober(cluster, cluster.section(last, **keys)) as q:
        q.wait(lambda c: address_of_writer(c) == writer)
        tap.ok(address_of_writer(p.wait_settled(3)) == writer,
               "who follows in a fleet has its writer", writer)
        cluster.nodes[writer].kill()
        new = address_of_writer(p.wait(lambda c: address_of_writer(c) not in (
            None, writer) and c))
        q.wait(lambda c: address_of_writer(c) == new)
        tap.ok(True, "and its next one")
        cluster.nodes[writer].start()


if not galera.is_here():
    tap.skip("a Galera cluster", "there is no galera-4 here; tools/setup installs it")
    tap.done()
fakes.enter()
with contextlib.ExitStack() as stack_:
    cluster_ = stack_.enter_context(Cluster())
    keys_ = {"publish": stack_.enter_context(Etcd()).publish, "publish_lease": "2s"}
    p_ = stack_.enter_context(Prober(cluster_, cluster_.section(**keys_)))
    c_ = p_.wait_settled(3, 30)
    tap.ok(p_.status()["clusters"][0]["dialect"] == "galera" and address_of_writer(c_) == FIRST,
           "dialect = auto finds Galera, and the first of its members is the writer",
           p_.log()[-900:])
    program = Program(cluster_, p_, p_.folder)
    with Trial(cluster_, p_) as trial_:
        lost(trial_)
        unfit(trial_)
        another_worker(p_, trial_.watch)
    program.end()
    fleet(cluster_, p_, keys_)
    begun_anew(cluster_, p_)
tap.done()
