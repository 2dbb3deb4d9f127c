# SPDX-License-Identifier: Apache-2.0
"""The time that the client ABI takes of a statement and of a connect.

The ratios are of medians, by test/bench/programs/pair.c under the preload, against a lab on this
machine: what is done by a followed name, and in turns with it by the name of the instance that it
leads to.  In a statement with a parenthesis, an '@' or a semicolon each word is read.
"""
import contextlib
import os

import bench

from lib.lab import Lab
from lib.paths import PELORUSD

FILL = "x" * 40
STATEMENTS = {
    "query": f"SELECT a FROM t WHERE b = '{FILL}'",
    "query with calls": f"SELECT COUNT(*), MAX(a) FROM t WHERE b IN ('{FILL}', CONCAT('y', 'z'))",
    "insert": f"INSERT IGNORE INTO t (a, b) VALUES (1, '{FILL}')",
}


@contextlib.contextmanager
def on_one_core():
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def measure(figures, folder, quick):
    """Both kinds of connection in one process, in turns: by the cluster's name and by the
    writer's."""
    os.makedirs(os.path.join(folder, "run"), mode=0o700, exist_ok=True)
    program = bench.program("pair")
    under = bench.preloaded(folder, PELORUS_USER="app", PELORUS_PASSWORD="app",
                            PELORUS_PROBER=PELORUSD)
    n = 500 if quick else 5000
    with on_one_core(), Lab(instances=2, name="cost") as lab:
        lab.sql(lab.writer, "CREATE TABLE t (a INT, b VARCHAR(200), KEY (b), UNIQUE (a))")
        for what, done in (*STATEMENTS.items(), ("connect", "connect")):
            run = lab.exec(program, lab.writer_name, lab.host(lab.writer), done, str(n), env=under)
            followed, other = map(int, run.stdout.split())
            figures.add(f"{what}, not followed", other / 1000, "us")
            figures.add(f"{what} through the client ABI, times that", followed / other, "", 1.02)
