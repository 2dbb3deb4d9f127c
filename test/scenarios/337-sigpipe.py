#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGPIPE at its default, as a shell starts programs: every client writes twice after its
connection was severed, and lives.

A program that writes to the same socket twice by write(), and takes no notice of the first error,
dies of the second: connect(AF_UNSPEC) protects the next operation only, and nothing that a library
could do to a socket protects more.  No client library here does so; 312-severing shows it.
"""

from lib.lab import Lab, now
from lib.programs import clients
from lib.programs.apps import KINDS, POOLS, Apps, children
from lib.programs.writer import PROGRAMS, TABLE, Writer
from lib.tap import done, note, ok, skip
from lib.trials import heal

DEFAULT = ["env", "--default-signal=PIPE"]
PYTHON = """import runpy, signal, sys
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")"""
SIGPIPE_BIT = 1 << 12
WRITERS = [k for k in PROGRAMS if "linked" not in k]


def under_default(command):
    """Python ignores the signal by itself; here it is told not to."""
    if "python" in command[0]:
        return [*DEFAULT, command[0], "-c", PYTHON, *command]
    return [*DEFAULT, *command]


def disposition(pid):
    """Of the process that has the library: the last of those begun."""
    with open(f"/proc/{max([pid, *children(pid)])}/status") as f:
        ignored = next(line for line in f if line.startswith("SigIgn"))
    return "ignored" if int(ignored.split()[1], 16) & SIGPIPE_BIT else "at its default"


def start_clients(apps, usable):
    running = []
    for kind in usable:
        prefix = DEFAULT
        if kind == "pymysql":
            prefix = [*DEFAULT, KINDS[kind][0], "-c", PYTHON]
        app = apps.start(kind, prefix=prefix)
        ok(app.first["ok"], f"{kind} writes", app.first)
        note(f"{kind}: SIGPIPE is {disposition(app.process.pid)}")
        running.append(app)
    return running


def start_writers(lab, apps):
    running = []
    for number, kind in enumerate(WRITERS):
        writer = Writer(lab, kind, number, apps.env(), 200, under_default(PROGRAMS[kind]))
        ok(writer.wait_for(), f"{kind} writes", writer.stderr)
        note(f"{kind}: SIGPIPE is {disposition(writer.process.pid)}")
        running.append(writer)
    return running


def check_client(app):
    answers = [app.ask("write 4" if app.kind in POOLS else "write 1") for _ in range(3)]
    ok(app.process.poll() is None and answers[-1]["ok"],
       f"{app.kind} writes twice after the sever, and lives", answers)


def check_writer(writer, since):
    goes_on = writer.wait_for(since)
    errors = len(writer.errors(since))
    ok(goes_on and writer.end() == 0, f"{writer.kind} goes on writing, and lives", writer.stderr)
    note(f"{writer.kind}: {errors} errors")


def main():
    problem = clients.node_problem()
    if problem:
        skip("Node's pool", problem)
    # Sequelize and TypeORM are pools of mysql2's connections.
    usable = [k for k in KINDS if k not in POOLS or (k == "mysql2" and not problem)]
    with Lab(instances=2, dns_lag="never") as lab, Apps(lab) as apps:
        lab.sql("writer", heal.TABLE)
        lab.sql("writer", TABLE)
        running = start_clients(apps, usable)
        writers = start_writers(lab, apps)
        # In a black hole it is not the server that ends them.
        lab.failover("blackhole")
        heal.follow_to(apps, lab.writer)
        since = now()
        for app in running:
            check_client(app)
        for writer in writers:
            check_writer(writer, since)
    done()


main()
