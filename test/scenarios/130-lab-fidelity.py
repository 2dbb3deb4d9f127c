#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Smart drivers that nobody here wrote take the lab for Aurora MySQL and write through failovers.

PELORUS_ROUNDS sets the number of crash and of graceful failovers (1; 10 for the long form).
"""
import json
import os
import subprocess
import threading
import time

from lib import tap
from lib.lab import Lab, now
from lib.paths import ROOT
from lib.programs import clients, peers

ROUNDS = int(os.environ.get("PELORUS_ROUNDS", "1"))
LIMIT = 60


class Client:
    """A driver's program inside the lab, and what it has said so far."""

    def __init__(self, lab, name, *command):
        self.name = name
        self.said, self.noise = [], []
        self.news = threading.Condition()
        self.process = lab.popen(*command, lab.writer_name, "3306", stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stdout:
            with self.news:
                try:
                    self.said.append({**json.loads(line), "heard": now()})
                except ValueError:
                    self.noise.append(line)
                self.news.notify_all()

    def wait(self, condition, since=0):
        """The first thing said from `since` on that fits, or None after the limit."""
        end = time.monotonic() + LIMIT
        with self.news:
            while True:
                for word in self.said[since:]:
                    if condition(word):
                        return word
                if not self.news.wait(max(0, end - time.monotonic())):
                    return None

    def end(self):
        self.process.stdin.close()
        self.process.wait(LIMIT)


def instances(lab):
    return sorted(lab.host(i["id"]) for i in lab.status()["instances"])


def recognise_node(lab, client):
    told = client.wait(lambda w: "dialect" in w) or {"dialect": None, "hosts": []}
    roles = {h["host"]: h["role"] for h in told["hosts"]}
    tap.ok(told["dialect"] == "AuroraMySQLDatabaseDialect", "node: takes it for Aurora MySQL",
           f"{told} {''.join(client.noise[-5:])}")
    tap.ok(sorted(roles) == instances(lab), "node: lists its instances", str(roles))
    tap.ok([h for h, r in roles.items() if r == "writer"] == [lab.host(lab.writer)],
           "node: knows their roles", str(roles))


def recognise_java(lab, client):
    told = client.wait(lambda w: "hosts" in w) or {"hosts": []}
    tap.ok(told.get("listener") == "AuroraListener" and sorted(told["hosts"]) == instances(lab),
           "java: takes it for Aurora and lists its instances",
           f"{told} {''.join(client.noise[-5:])}")
    roles = client.wait(lambda w: "reader" in w) or {"reader": None, "writer": None}
    tap.ok(roles["writer"] == lab.writer and roles["reader"] not in (None, lab.writer),
           "java: knows their roles", str(roles))


def recognise_java_wrapper(lab):
    """Amazon's own for Java; it writes in the measurements (test/bench)."""
    peers.recognise(lab.writer_name, {peers.JAVA: "AuroraMysqlDialect"}, [lab.host(lab.writer)],
                    instances(lab), run=lambda command, **options: lab.exec(
                        *command, check=False, limit=options.pop("timeout"), **options))


def fail_over(lab, mode, drivers, number):
    """One failover; every driver must write on the new writer."""
    before, since = now(), {c: len(c.said) for c in drivers}
    events = lab.failover(mode)
    writer = events["writable"]["id"]
    for client in drivers:
        word = client.wait(lambda w: w.get("id") == writer, since[client])
        if tap.ok(word is not None, f"{client.name}: writes on after {mode} {number}",
                  str(client.said[-3:]) + "".join(client.noise[-5:])):
            seconds = (word["heard"] - events["writable"]["boot_ns"]) / 1e9
            tap.note(f"{client.name}: {seconds:.3f} s after the new writer was writable")
    lab.wait_event("back", before, id=events["failure"]["id"])


def main():
    with Lab(instances=3, dns_lag="2s") as lab:
        lab.sql("writer", "CREATE TABLE fidelity (client VARCHAR(10), number INT, "
                "PRIMARY KEY (client, number))")
        recognise_java_wrapper(lab)
        drivers = []
        for name, problem, recognise, command in (
                ("node", clients.node_problem(), recognise_node,
                 ["node", os.path.join(clients.NODE, "fidelity.mjs")]),
                ("java", clients.java_problem(), recognise_java,
                 ["java", "-cp", clients.JAR, os.path.join(ROOT, "test", "clients",
                                                           "java", "Fidelity.java")])):
            if problem:
                tap.skip(f"{name}: takes it for Aurora MySQL and writes on", problem)
                continue
            drivers.append(Client(lab, name, *command))
            recognise(lab, drivers[-1])
        for number in range(1, ROUNDS + 1) if drivers else ():
            for mode in ("crash", "graceful"):
                fail_over(lab, mode, drivers, number)
        for client in drivers:
            client.end()
            said = {w["wrote"] for w in client.said if "wrote" in w}
            rows = {int(r[0]) for r in lab.sql(lab.writer, "SELECT number FROM fidelity "
                                               f"WHERE client = '{client.name}'")}
            tap.ok(said and said <= rows, f"{client.name}: no acknowledged row is lost",
                   str(sorted(said - rows)[:10]))
            tap.note(f"{client.name}: {len(said)} rows, {2 * ROUNDS} failovers, "
                     f"{sum('error' in w for w in client.said)} errors")
    tap.done()


main()
