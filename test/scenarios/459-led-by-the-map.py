#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a thread has learnt while nobody knew better does not outlive that.

DNS leads the writer's name to a reader, and there is no prober yet: the first connection finds the
writer by itself, if it can.  Then a prober comes, and the writer fails over: from then on every
connection of the same thread is where the map leads.  The library is a libmysqlclient whose handles
are never moved.
"""
import os
import shutil
import tempfile

from lib.lab import Lab
from lib.prober import Prober
from lib.programs import writer as w
from lib.programs.handles import MYSQL_8_0_33, MYSQL_9_7_0, Handle, libmysqlclient
from lib.tap import done, note, ok, skip

TIMES = 5
WHERE = "query SELECT CONCAT(@@aurora_server_id, ' ', @@innodb_read_only)"


def connect(handle, lab):
    heard = handle("connect " + lab.writer_name)
    return handle(WHERE) if heard == "ok" else heard


def check(lab, version, command):
    prober = Prober(lab)
    os.makedirs(prober.directory, 0o700)
    env = dict(w.environment(prober.directory), PELORUS_PROBER="off")
    reader = next(i["id"] for i in lab.status()["instances"] if i["id"] != lab.writer)
    lab.run("dns", "point", "writer", reader)
    handle = Handle(lab, None, env, command)
    note(f"{version}: without a prober, DNS on a reader: {connect(handle, lab)}")
    with prober:
        prober.wait_settled(3)
        lab.failover("graceful")
        prober.wait_known(lab.writer)
        heard = [connect(handle, lab) for _ in range(TIMES)]
    ok(heard == [f"ok {lab.writer} OFF"] * TIMES,
       f"{version}: {TIMES} connections of the thread that had been led elsewhere are at the "
       "writer", heard)
    handle.end()


def main():
    directory = tempfile.mkdtemp(prefix="pelorus-led-")
    with Lab(instances=3, name="led", dns_lag="never") as lab:
        for version in (MYSQL_9_7_0, MYSQL_8_0_33):
            command, problem = libmysqlclient(version, directory)
            if problem:
                skip(f"libmysqlclient {version[0]}", problem)
            else:
                check(lab, version[0], command)
    shutil.rmtree(directory, ignore_errors=True)
    done()


main()
