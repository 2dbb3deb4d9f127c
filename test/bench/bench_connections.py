# SPDX-License-Identifier: Apache-2.0
"""Connections that the database sees of a host with 8 worker processes.

Each worker is test/clients/node/writer.mjs, a statement every 100 ms over one connection: through a
plain mysql2 pool, the same under Pelorus (one prober for all), and Amazon's driver with failover2
and efm2 (its monitors are in each process).  Counted are the sessions of their user at all three
instances, several times while all workers write; the median counts.
"""
import os
import statistics
import subprocess
import time

from lib.lab import Lab
from lib.programs import clients
from lib.programs.apps import Apps

WORKERS, PAUSE_MS, EACH_S = 8, 100, 1
PROGRAM = ["node", os.path.join(clients.NODE, "writer.mjs")]
KINDS = {"plain mysql2": ("mysql2", False), "mysql2 under Pelorus": ("mysql2", True),
         "AWS wrapper": ("aws", False)}
TABLE = "CREATE TABLE journal (id BIGINT AUTO_INCREMENT PRIMARY KEY, writer INT, n INT)"
SESSIONS = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'app' " \
    "AND id <> CONNECTION_ID()"


def sessions(lab, ids):
    return sum(int(lab.sql(id, SESSIONS)[0][0]) for id in ids)


def await_true(condition, otherwise):
    end = time.monotonic() + 60
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(otherwise)
        time.sleep(0.2)


def written(lab):
    return {int(n) for n, in lab.sql("writer", "SELECT DISTINCT writer FROM journal")}


def one_kind(lab, apps, ids, kind, pelorus, samples):
    """The sessions of the workers and of what serves them."""
    lab.sql("writer", "TRUNCATE journal")
    workers = [lab.popen(*PROGRAM, lab.writer_name, str(n), str(PAUSE_MS), kind,
                         env=apps.env(plain=not pelorus), stdin=subprocess.PIPE,
                         stdout=subprocess.DEVNULL) for n in range(1, WORKERS + 1)]
    seen = []
    try:
        await_true(lambda: len(written(lab)) == WORKERS, f"{kind}: not all workers write")
        for _ in range(samples):
            time.sleep(EACH_S)
            seen.append(sessions(lab, ids))
    finally:
        for worker in workers:
            worker.stdin.close()
        for worker in workers:
            worker.wait(30)
        apps.stop_prober()
    await_true(lambda: sessions(lab, ids) == 0, f"{kind}: sessions are left")
    return statistics.median(seen)


def measure(figures, folder, quick):
    if why := clients.node_problem():
        figures.skip("connections that the database sees", why)
        return
    with Lab(instances=3, dns_lag="5s") as lab, Apps(lab) as apps:
        lab.sql("writer", TABLE)
        ids = [i["id"] for i in lab.status()["instances"]]
        for name, (kind, pelorus) in KINDS.items():
            found = one_kind(lab, apps, ids, kind, pelorus, 3 if quick else 15)
            figures.add(f"{WORKERS} workers, {name}: connections at the database", found, "")
