# SPDX-License-Identifier: Apache-2.0
"""Instructions that the client ABI adds to a statement, and the time that they take of it.

Method: test/bench/programs/statement.c under callgrind (see bench.py), linked with the stand-in of
test/clients/standin, whose statements cost next to nothing: with the preload and a followed name
less without the preload.  A statement is executed and its (absent) result asked for; the stand-in's
name is localhost, which PELORUS_CLUSTER makes a followed one.

At 64 bytes the bound is not held.  Of a plain SELECT's 128 instructions each of the two calls
spends 23 on the guard (the depth, the table, the caller), and 25 to 30 on the call itself and on
keeping the arguments beyond it; 26 go to the quick look.  An UPDATE has 6 more, and each
parenthesis 50.

The ratios are of medians, by test/bench/programs/pair.c under the preload, against a lab on this
machine: what is done by a followed name, and in turns with it by the name of the instance that it
leads to.
"""
import contextlib
import os
import socket

import bench

from lib import environ
from lib.lab import Lab
from lib.paths import PELORUSD


def instructions(figures, folder, n):
    program = bench.program("statement")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        for followed in (True, False):
            under = bench.preloaded(folder,
                                    **({"PELORUS_CLUSTER": "localhost"} if followed else {}))
            for kind in ("select", "insert", "update", "count") if followed else ("select",):
                for size in (64, 256, 1024, 8192):
                    command = [program, "localhost", port, kind, str(size)]
                    cost = bench.instructions_each(command, under, n) - \
                        bench.instructions_each(command, environ.plain(), n)
                    what = f"{kind} of {size} bytes" if followed else \
                        f"not followed, {kind} of {size} bytes"
                    figures.add(what, cost, "instructions",
                                100 + 2 * (size - 64) if followed else None)


@contextlib.contextmanager
def on_one_core():
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def ratio(figures, folder, n):
    """Both kinds of connection in one process, in turns: by the cluster's name and by the
    writer's."""
    program = bench.program("pair")
    under = bench.preloaded(folder, PELORUS_USER="app", PELORUS_PASSWORD="app",
                            PELORUS_PROBER=PELORUSD)
    with on_one_core(), Lab(instances=2, name="cost") as lab:
        lab.sql(lab.writer, "CREATE TABLE t (a INT, b VARCHAR(200), KEY (b))")
        for what, bound in (("query", 1.02), ("connect", 1.02)):
            run = lab.exec(program, lab.writer_name, lab.host(lab.writer), what, str(n), env=under)
            followed, other = map(int, run.stdout.split())
            figures.add(f"{what}, not followed", other / 1000, "us")
            figures.add(f"{what} through the client ABI, times that", followed / other, "", bound)


def measure(figures, folder, quick):
    os.makedirs(os.path.join(folder, "run"), mode=0o700, exist_ok=True)
    instructions(figures, folder, 300 if quick else 3000)
    ratio(figures, folder, 500 if quick else 5000)
