#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The last release's library with this daemon, and this library with the last release's daemon: a
writer of each kind is led to the writer, counted, and goes on after a failover, as with both of one
release.

The last release is built from the clone's history, once.  With PELORUS_LONG both have a planned
failover and a crash, else one of them each.
"""
import os
import re
import subprocess

from lib import environ
from lib.lab import Lab
from lib.paths import LIBRARY, PELORUSD
from lib.prober import Prober
from lib.programs import writer
from lib.programs.writer import Writer
from lib.tap import done, note, ok, skip
from lib.trials import released
from lib.waiting import wait_for

KEPT = """
import select, sys
import pymysql
kept = []
while len({c._sock.getpeername()[0] for c in kept}) < 2:
    kept.append(pymysql.connect(host=sys.argv[1], user="app", password="app"))
print("ready", flush=True)
sys.stdin.read()
print(len(select.select([c._sock for c in kept], [], [], 0)[0]), "ended")
"""
KINDS = ("C", "Perl DBD::MariaDB")
LONG = ["graceful", "crash"] if os.environ.get("PELORUS_LONG") else None


class Other(Prober):
    """A prober that may be of another build."""

    def __init__(self, program, lab):
        self.program = program
        super().__init__(lab)

    def command(self, *words):
        return [self.program if w == PELORUSD else w for w in super().command(*words)]


def check_running(what, prober, writers):
    def counted():
        told = prober.status()["clients"]
        return told["live"] == len(writers) and told["tracked"] >= len(writers) and told
    ok(wait_for(counted, 20, 0.2), f"{what}: its processes are counted", prober.status())
    made = prober.pelorus("version", "--running")
    lines = re.findall(r"^library (\S+) process (\d+) (\S+)", made.stdout, re.M)
    told = {int(pid) for _, pid, _ in lines}
    ok(made.returncode == 0 and re.match(r"prober \d+\.\d+\.\d+ process \d+\n", made.stdout) and
       len(told) == len(writers), f"{what}: version --running tells of each", made.stdout)
    listed = prober.pelorus("topology", "--format", "tsv")
    ok(listed.returncode == 0 and prober.lab.writer in listed.stdout,
       f"{what}: the command reads its map", listed.stdout + listed.stderr)


def check_failover(what, lab, prober, writers, mode):
    old = lab.writer
    begun = max(w.lines[-1][0] for w in writers)
    lab.failover(mode)
    ok(lab.writer != old and prober.wait_known(lab.writer), f"{what}: {mode}: it is published")
    for w in writers:
        now = w.lines[-1][0]
        # What is on its way is lost with its connection, and told; so may the next one be.
        ok(w.wait_for(now, 20) and len(w.errors(begun)) <= 2,
           f"{what}: {mode}: {w.kind} goes on, with two errors at most", w.errors(begun)[:5])


def check_drained(what, prober, library):
    """A word that an earlier library does not know is none to it, and no drill of everything."""
    env = environ.plain(**environ.preload(prober.directory, library=library))
    with prober.popen(["/usr/bin/python3", "-c", KEPT, prober.lab.reader_name], env=env,
                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        child.stdout.readline()
        writer = prober.lab.writer
        id = next(id for id in prober.cluster().instances if id != writer)

        def rests():
            last = prober.pelorus("reader", "drain", "--dry-run", id).stdout.split()[-2:]
            return last[0] == last[1] != "IDLE"
        wait_for(rests, 30, 0.2)
        made = prober.pelorus("reader", "drain", id)
        prober.pelorus("reader", "admit", id)
        child.stdin.close()
        ended = child.stdout.read()
    ok(made.returncode == 1 and f"connections to {id} are left" in made.stderr and
       ended == "0 ended\n", f"{what}: a drain ends nothing, and tells what is left",
       made.stdout + made.stderr + ended)


def check(what, library, program, lab, first, modes):
    with Other(program, lab) as prober:
        prober.wait_settled(3)
        if program == PELORUSD:
            check_drained(what, prober, library)
        env = environ.plain(**environ.preload(prober.directory, library=library))
        writers = [Writer(lab, kind, first + i, env) for i, kind in enumerate(KINDS)]
        try:
            ok(all(w.wait_for() for w in writers), f"{what}: writers write")
            check_running(what, prober, writers)
            for mode in LONG or modes:
                prober.wait_settled(3)
                check_failover(what, lab, prober, writers, mode)
        finally:
            ended = [w.end() for w in writers]
        said = "".join(w.stderr for w in writers)
        ok(not any(ended) and "pelorus[" not in said, f"{what}: and nothing is said of it",
           f"{ended} {said}")
        for w, twice, lost, _ in writer.count(lab, writers):
            ok(not twice and not lost, f"{what}: {w.kind}: nothing is lost or written twice",
               f"{twice} {lost}")


def main():
    hash_, name = released.commit()
    if not hash_:
        skip("releases side by side", "the clone has no history of a release")
        done()
    folder = released.build(hash_)
    note(f"the last release is {name}, {hash_[:12]}")
    library = os.path.join(folder, released.LIBRARY)
    daemon = os.path.join(folder, released.PELORUSD)
    with Lab(instances=3) as lab:
        lab.sql(lab.writer, writer.TABLE)
        check("old library, new daemon", library, PELORUSD, lab, 1, ["graceful"])
        check("new library, old daemon", LIBRARY, daemon, lab, 11, ["crash"])
    done()


main()
