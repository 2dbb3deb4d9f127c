#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Without a prober a program finds the writer by itself; what it found is forgotten when it is
gone.

The program connects for each request, as scripts do, so no handle of its lives to see the failover.
The writer's host is taken away for good, DNS leads to the next one, and the program follows as the
one without the library does: its first failed connect may tell it, not more.
"""
import itertools
import os
import shutil
import tempfile
import time

from lib.lab import Lab
from lib.programs import writer as w
from lib.programs.handles import Handle, as_root
from lib.tap import done, note, ok

KINDS = ("Python mysqlclient", "Ruby mysql2")
TRIES, AGAIN_S = 3, 60


def request(handle, lab):
    heard = handle(f"connect {lab.writer_name} connect_timeout=2")
    return handle("query SELECT @@aurora_server_id, @@innodb_read_only") if heard == "ok" else heard


def check_default(lab, env, there, here):
    """A handle that is brought from a reader to the writer begins as any session of the writer."""
    reader = next(i["id"] for i in lab.status()["instances"] if i["id"] != lab.writer)
    as_root(lab, reader, f"SET GLOBAL autocommit = {there}")
    as_root(lab, lab.writer, f"SET GLOBAL autocommit = {here}")
    lab.run("dns", "point", "writer", reader)
    handle = Handle(lab, "C", env)
    heard = [handle(f"connect {lab.writer_name}"),
             handle("query SELECT CONCAT(@@aurora_server_id, ' ', @@autocommit)")]
    handle.end()
    ok(heard == ["ok", f"ok {lab.writer} {here}"],
       f"led from a reader with autocommit {there} to the writer with {here}, it has the writer's",
       heard)


def take_away(lab, plain):
    """The writer's host, for good; who is the writer then, when DNS says so."""
    old = lab.writer
    lab.failover("crash")
    lab.run("remove", old)
    expected, end = f"ok {lab.writer}|0", time.monotonic() + AGAIN_S
    heard = request(plain, lab)
    while heard != expected and time.monotonic() < end:
        time.sleep(0.05)
        heard = request(plain, lab)
    ok(heard == expected, "the writer's host is gone, and without us DNS leads to the next", heard)
    return expected


def main():
    directory = tempfile.mkdtemp(prefix="pelorus-alone-")
    env = dict(w.environment(directory), PELORUS_PROBER="off", PELORUS_FAILOVER_TIMEOUT="2s")
    with Lab(instances=3, name="alone", dns_lag="0") as lab:
        handles = {kind: Handle(lab, kind, env) for kind in KINDS}
        plain = Handle(lab, KINDS[0], dict(os.environ))
        for kind, handle in handles.items():
            heard = [request(handle, lab) for _ in range(3)]
            ok(heard == [f"ok {lab.writer}|0"] * 3, f"{kind}: every request is at the writer",
               heard)
        expected = take_away(lab, plain)
        for kind, handle in handles.items():
            heard = []
            while len(heard) < TRIES and expected not in heard:
                heard.append(request(handle, lab))
            note(f"{kind}: {heard}")
            ok(heard[-1] == expected,
               f"{kind}: one of {TRIES} requests is at the next writer", heard)
        for handle in (*handles.values(), plain):
            handle.end()
        for there, here in itertools.product(("OFF", "ON"), repeat=2):
            check_default(lab, env, there, here)
    shutil.rmtree(directory, ignore_errors=True)
    done()


main()
