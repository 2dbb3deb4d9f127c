#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""No acknowledged commit is lost: 8 writers at full speed while the writer crashes again and again.

PELORUS_ROUNDS sets the number of failovers (3; 10 for the long form).
"""
import os
import subprocess
import time

from lib import tap
from lib.lab import Lab, now
from lib.paths import CLIENTS

ROUNDS = int(os.environ.get("PELORUS_ROUNDS", "3"))
WRITERS = 8


def acknowledged(name):
    """{writer: numbers that the server has acknowledged}"""
    said = {}
    for number in range(WRITERS):
        with open(f"{name}.{number}") as file:
            said[number] = {int(line) for line in file.read().split("\n")[:-1]}
    return said


with Lab(instances=3, dns_lag="never") as lab:
    lab.sql("writer", "CREATE TABLE journal (writer INT, number INT, PRIMARY KEY (writer, number))")
    log = os.path.join(os.path.dirname(lab.state), "journal")
    hosts = [lab.host(i["id"]) for i in lab.status()["instances"]]
    writers = lab.popen("/usr/bin/python3", os.path.join(CLIENTS, "python", "writers.py"),
                        str(WRITERS), log, *hosts, stdin=subprocess.PIPE)
    outages = []
    for _ in range(ROUNDS):
        time.sleep(1)  # the load between two failures is what is tested
        begin = now()
        events = lab.failover("crash")
        outages.append(events["writable"]["t"] - events["failure"]["t"])
        lab.wait_event("back", begin, id=events["failure"]["id"])
    time.sleep(0.5)
    writers.stdin.close()
    writers.wait()
    said = acknowledged(log)
    rows = {n: set() for n in range(WRITERS)}
    for writer, number in lab.sql(lab.writer, "SELECT writer, number FROM journal"):
        rows[int(writer)].add(int(number))
    total = sum(len(s) for s in said.values())
    lost = sum(len(said[n] - rows[n]) for n in rows)
    holes = sum(max(r, default=0) - len(r) for r in rows.values())
    tap.note(f"{ROUNDS} crash failovers, {total} acknowledged rows, until writable "
             f"{min(outages):.3f} to {max(outages):.3f} s")
    tap.ok(total > 100 * ROUNDS, "the writers write", f"{total} rows")
    tap.ok(all(len(s) for s in said.values()), "each of them")
    tap.ok(lost == 0, "acknowledged rows lost: 0", f"lost {lost}")
    tap.ok(holes == 0, "holes: 0", f"holes {holes}")
    position = lab.sql(lab.writer, "SELECT @@gtid_binlog_pos")[0][0]
    sums = {}
    for instance in lab.status()["instances"]:
        if instance["role"] == "reader":
            lab.sql(instance["id"], f"SELECT MASTER_GTID_WAIT('{position}', 30)")
        sums[instance["id"]] = lab.sql(instance["id"], "CHECKSUM TABLE journal")
    tap.ok(len(set(map(str, sums.values()))) == 1 and len(sums) == 3,
           "all instances hold the same rows in the end", str(sums))
    rebuilt = sum(e["event"] in ("rebuild", "problem") for e in lab.events())
    tap.ok(rebuilt == 0, "no old writer had to be rebuilt to become a reader", f"{rebuilt}")
tap.done()
