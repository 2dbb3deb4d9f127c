#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A daemon that says "no credentials" before the program that started it looks again: that
program's own are what it lacks, and it is told of them all the same.

The daemon is started through a script that stops the program until that word is published.
"""
import os
import subprocess
import sys
import tempfile

from lib import tap, worlds
from lib.environ import preload
from lib.paths import PELORUSD
from lib.prober import Runtime, cluster_section
from lib.servers import fakes

CODE = """import os, socket, sys
with open(sys.argv[1], "w") as out:
    out.write(str(os.getpid()))
socket.create_connection((os.environ["DB_HOST"], int(sys.argv[2])))
print("connected", flush=True)
sys.stdin.read()
"""
STARTER = """#!/bin/sh
program=$(cat {pid})
kill -STOP "$program"
{pelorusd} "$@" &
until grep -q 'no credentials' {run}/prober.log 2>/dev/null; do
    sleep 0.05
done
kill -CONT "$program"
"""


def main():
    cluster = fakes.Cluster(worlds.Dns(), 2)
    with tempfile.TemporaryDirectory() as folder:
        place = {k: os.path.join(folder, k) for k in ("pid", "run", "starter", "pelorus.conf")}
        with open(place["starter"], "w") as out:
            out.write(STARTER.format(pelorusd=PELORUSD, **place))
        os.chmod(place["starter"], 0o700)
        with open(os.open(place["pelorus.conf"], os.O_WRONLY | os.O_CREAT, 0o600), "w") as out:
            out.write(cluster_section(cluster, user=None))
        p = Runtime(place["run"], cluster)
        environment = {**os.environ, **preload(p.directory, prober=place["starter"]),
                       "PELORUS_CONFIG": place["pelorus.conf"], "DB_HOST": cluster.writer_name,
                       "DB_USER": "pelorus", "DB_PASSWORD": "pelorus"}
        program = subprocess.Popen([sys.executable, "-c", CODE, place["pid"], str(fakes.PORT)],
                                   env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   text=True)
        try:
            tap.ok(program.stdout.readline() == "connected\n", "the program is connected")
            tap.ok("no credentials" in p.log(),
                   "the daemon had said before that it has no credentials", p.log()[-600:])
            try:
                p.wait(lambda c: c.state == "known", 15)
                tap.ok(True, "it has the program's own within moments")
            except TimeoutError:
                tap.ok(False, "it has the program's own within moments", p.log()[-600:])
        finally:
            program.stdin.close()
            program.wait(30)
            p.ask("stop")
    cluster.close()


fakes.enter()
main()
tap.done()
