# SPDX-License-Identifier: Apache-2.0
"""How slowly a new reader answers at first: cold, and warmed before it was admitted.

A cluster with buffer pools of 256 MiB, without dump and load, and O_DIRECT.  Its third instance is
stopped, so that its pool is gone, and joins again while a client looks through listings (rows all
over the table) by the readers' name; the statement times of the first 200 reads that the new reader
answers count.  Once without a warm-up, once with one, and each again in the other order.  The
statements of the warm-up are those of an earlier run of the client, with another seed.
"""
import os
import statistics
import subprocess
import sys
import time

import bench

from lib.lab import Lab
from lib.prober import Prober, cluster_section
from lib.programs import writer

READS = 200
STATEMENTS = 300
ROWS = 160000
PROGRAM = ["/usr/bin/python3", os.path.join(bench.HERE, "timed_reads.py")]
SERVER = ["innodb-buffer-pool-size=256M", "innodb-flush-method=O_DIRECT",
          "innodb-buffer-pool-dump-at-shutdown=0", "innodb-buffer-pool-load-at-startup=0"]


def fill(lab):
    lab.sql("writer", "CREATE TABLE item (id INT PRIMARY KEY, listing INT, text VARCHAR(800),"
            " KEY (listing)); INSERT INTO item SELECT seq, seq % 800, RPAD(MD5(seq), 700, "
            "MD5(-seq))"
            f" FROM seq_1_to_{ROWS}")
    # Without statistics a server may read the whole table for each listing, and be warm after one.
    lab.sql("writer", "ANALYZE TABLE item")


def wait_count(lab, id, what, count):
    while lab.sql(id, f"SELECT COUNT(*) FROM {what}", check=False) != [(str(count),)]:
        time.sleep(0.1)


def percentile_99(times):
    return sorted(times)[int(0.99 * (len(times) - 1))]


def join(lab, config, id, seed):
    """Milliseconds of the first reads that the instance answers after it has come back cold."""
    lab.run("stop", id)
    wait_count(lab, "writer", f"information_schema.replica_host_status WHERE server_id = '{id}'", 0)
    with Prober(lab, config) as prober:
        prober.wait(lambda c: c.state == "known" and id not in c.instances, 60)
        client = lab.popen(*PROGRAM, lab.reader_name, str(seed),
                           env=writer.environment(prober.directory),
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        lab.run("start", id)
        times = []
        while len(times) < READS:
            who, ms = client.stdout.readline().split()
            if who == id:
                times.append(float(ms))
        client.stdin.close()
        client.stdout.read()
        client.wait(30)
        warmed = [line for line in prober.log().splitlines() if "code=warmed" in line]
    return times, warmed


def measure(figures, folder, quick):
    statements = os.path.join(folder, "statements.sql")
    with open(statements, "w") as out:
        subprocess.run([sys.executable, PROGRAM[1], "--statements", "earlier", str(STATEMENTS)],
                       stdout=out, check=True)
    with Lab(instances=3, server=SERVER, table="linger=1s") as lab:
        fill(lab)
        id = sorted(i["id"] for i in lab.status()["instances"] if i["role"] == "reader")[-1]
        wait_count(lab, id, "item", ROWS)
        keys = {"user": "app", "password": "app", "admit_stable": "1s"}
        configs = {"cold": cluster_section(lab, **keys),
                   "warmed": cluster_section(lab, warm_up=f"file:{statements}",
                                             warm_up_limit=STATEMENTS, **keys)}
        order = ["cold", "warmed"] if quick else ["cold", "warmed", "warmed", "cold"]
        found = {"cold": [], "warmed": []}
        for turn, kind in enumerate(order):
            times, warmed = join(lab, configs[kind], id, f"later {turn}")
            if bool(warmed) != (kind == "warmed"):
                raise RuntimeError(f"{kind}: {warmed}")
            found[kind].append(times)
    worst = {kind: statistics.median(percentile_99(t) for t in runs)
             for kind, runs in found.items()}
    for kind, runs in found.items():
        figures.add(f"first {READS} reads of a {kind} reader: median",
                    statistics.median(sum(runs, [])), "ms")
        figures.add(f"first {READS} reads of a {kind} reader: p99", worst[kind], "ms")
    figures.add("p99 warmed over cold", worst["warmed"] / worst["cold"], "", round(1 / 3, 3))
