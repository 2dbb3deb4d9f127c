#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""What nothing can be learnt of is not waited for, what can is learnt once, and a program's own
limits hold.

Fifty idle connections end, as by wait_timeout; a read-only transaction refuses; a connection is
lost in a statement; the writer goes, and nobody takes its place. The servers are well otherwise,
and say so.
"""
import os

from lib.paths import CLIENTS
from lib.prober import Prober, cluster_section
from lib.programs import writer as w
from lib.programs.handles import Handle
from lib.servers import fakes
from lib.tap import done, note, ok

POOL = ["/usr/bin/python3", os.path.join(CLIENTS, "python", "pool.py")]
IDLE, REFUSED, CONNECTS = 50, 10, 10
# Each of them took as long as a wait for news, a second, before.
SOON_MS = 900
LIMIT_S, LATE_MS = 1, 2500
LOST = (2006, 2013)


class Server(fakes.Server):
    def _answer(self, connection, query):
        if query == "SELECT loss":
            raise EOFError
        if query.startswith("INSERT"):
            self._send(connection, 1, self._error(1792, "Cannot execute statement in a READ ONLY "
                                                  "transaction."))
        else:
            super()._answer(connection, query)


def told(pool, line):
    """How many calls failed, the milliseconds, and the last error."""
    words = pool(line).split()
    return tuple(map(int, words[1:])) if words[0] == "ok" else (0, 0, words)


def check_idle(pool, name):
    heard = [told(pool, f"connect {name} {IDLE}"), told(pool, "shut"), told(pool, "query SELECT 1")]
    failed, ms, error = heard[-1]
    note(f"{IDLE} idle connections that ended: {ms} ms in all, {failed} told")
    ok(failed == IDLE and error in LOST, "each of the idle connections that ended is told", heard)
    ok(ms < SOON_MS, "... and all of them together wait once", f"{ms} ms")
    pool("close")


def check_refused(pool, name):
    pool(f"connect {name} 1")
    heard = [told(pool, "query INSERT INTO t VALUES (1)") for _ in range(REFUSED)]
    ms = sum(m for _, m, _ in heard)
    note(f"{REFUSED} writes in a read-only transaction: {ms} ms in all")
    ok({e for _, _, e in heard} == {1792} and ms < SOON_MS,
       "what a read-only transaction refuses is told at once", heard)
    pool("close")


def check_loss(pool, name):
    pool(f"connect {name} 1")
    pool("query SET @a = 1")  # so that nobody asks whether it may be moved
    lost, heard = told(pool, "query SELECT loss"), told(pool, f"connect {name} {CONNECTS}")
    note(f"behind a loss in a statement {lost}: {CONNECTS} connects in {heard[1]} ms")
    ok(lost[2] == 2013 and heard[0] == 0 and heard[1] < SOON_MS,
       "behind a connection that was lost in a statement the next ones are made soon",
       f"{lost} {heard}")
    pool("close")


def check_limits(pool, name, prober, writer):
    pool(f"connect {name} 1 read_timeout={LIMIT_S} connect_timeout={LIMIT_S}")
    writer.close()
    prober.view.wait(lambda v: (c := v.find(name)) and c.state == "writerless", 20)
    heard = told(pool, "query SELECT 1")
    note(f"a statement, without a writer, with a limit of {LIMIT_S} s: {heard}")
    ok(heard[0] == 1 and heard[1] < LATE_MS, "without a writer a statement waits within the "
       "program's limit", heard)
    ok(heard[2] in LOST, "... and is told that the connection is lost", heard)
    heard = told(pool, f"connect {name} 1 connect_timeout={LIMIT_S}")
    note(f"a connect: {heard}")
    ok(heard[0] == 1 and heard[1] < LATE_MS, "... and so does a connect", heard)


def main():
    fakes.enter()
    fakes.Cluster.kind = Server
    cluster = fakes.Cluster(fakes.Dns(), 3, 1, "waits")
    name, writer = cluster.writer_name, cluster.servers["demo-1"]
    with Prober(cluster, cluster_section(cluster)) as prober:
        prober.view.wait(lambda v: (c := v.find(name)) and c.state == "known" and
                         len(c.instances) == 3 and
                         all(i.routable for i in c.instances.values()), 20)
        pool = Handle(cluster, None, w.environment(prober.directory), POOL)
        check_idle(pool, name)
        check_refused(pool, name)
        check_loss(pool, name)
        check_limits(pool, name, prober, writer)
        pool.end()
    cluster.close()
    done()


main()
