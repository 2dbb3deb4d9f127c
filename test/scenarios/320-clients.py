#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Unmodified clients through failovers, by names alone, while DNS never moves.

Pools that notice a closed socket lose nothing while idle; a single long connection is told once, at
its next statement, and its next connect reaches the new writer.  The controls without the preload
stay where DNS leads, in the same minute.
"""
import collections
import glob

from lib.lab import Lab, now
from lib.programs import clients
from lib.programs.apps import KINDS, POOLS, Apps, Fpm
from lib.tap import done, note, ok, skip

TABLE = """create table writes (id bigint primary key auto_increment, client varchar(20),
server varchar(60))"""
WRONG = ("1290", "1792", "1836", "read-only")
CONTROLS = ("mysql2", "pdo")
AGAIN_BY_ITSELF = ("mariadb", "php-fpm")


def kinds():
    problem = clients.node_problem()
    if problem:
        skip("clients for Node", problem)
    return [k for k in KINDS if not (problem and KINDS[k][0] == "node")]


class Trial:
    def __init__(self, lab, apps):
        self.lab, self.apps = lab, apps
        self.acknowledged = collections.Counter()

    def write(self, app, n, text, expected, limit_ms=None):
        answer = app.ask(f"write {n}")
        self.acknowledged[app.kind] += answer["ok"]
        in_time = limit_ms is None or answer["ms"] <= limit_ms
        ok((answer["ok"], len(answer["errors"])) == expected and in_time, text, str(answer))
        return answer["errors"]

    def follow_to(self, writer):
        """Waits until the prober has published this writer."""
        self.apps.prober.wait(lambda c: c.writer == writer, 30)

    def last(self):
        return int(self.lab.sql(self.lab.writer, "select coalesce(max(id), 0) from writes")[0][0])


def check_idle(trial, running, mode):
    errors = []
    for app in running:
        answer = app.ask("write 4" if app.kind in POOLS else "write 1")
        trial.acknowledged[app.kind] += answer["ok"]
        if answer["errors"]:
            note(f"{app.kind} before: {answer['errors']}")
    last, writer = trial.last(), trial.lab.writer
    trial.lab.failover(mode)
    old, writer = writer, trial.lab.writer
    trial.follow_to(writer)
    for app in running:
        if app.kind in POOLS:
            errors += trial.write(app, 4, f"{mode}: idle {app.kind}: no error", (4, 0))
            continue
        if app.kind in AGAIN_BY_ITSELF:
            errors += trial.write(app, 1, f"{mode}: idle {app.kind} connects again by itself",
                                  (1, 0))
            continue
        errors += trial.write(app, 1, f"{mode}: idle {app.kind}: one error, within 50 ms", (0, 1),
                              50)
        errors += trial.write(app, 1, f"{mode}: {app.kind}: its next connect is right", (1, 0))
    wrong = [e for e in errors if any(w in e for w in WRONG)]
    ok(not wrong, f"{mode}: no statement was refused by a reader", str(wrong))
    rows = trial.lab.sql(writer, f"select distinct server from writes where id > {last}")
    ok([r[0] for r in rows] == [writer], f"{mode}: all was written by the new writer", str(rows))
    if mode == "blackhole":
        trial.lab.run("heal", old)


def check_controls(controls):
    for app in controls:
        answers = [app.ask("write 1") for _ in range(3)]
        ok(not any(a["ok"] for a in answers), f"without the preload {app.kind} stays broken",
           str(answers))


def check_busy(trial, running, mode):
    """Writes every 5 ms; what fails is what was under way."""
    busy = [a for a in running if a.kind in ("mysql2", "mysqli")]
    for app in busy:
        app.tell("busy 5")
    begin, old = now(), trial.lab.writer
    events = trial.lab.failover(mode)
    trial.follow_to(trial.lab.writer)
    outage = (events["writable"]["boot_ns"] - events["failure"]["boot_ns"]) / 1e6
    for app in busy:
        answer = app.ask("rest 0")
        trial.acknowledged[app.kind] += answer["ok"]
        ok(len(answer["errors"]) <= 1,
           f"{mode}: busy {app.kind}: what was in flight fails, no more",
           str(answer["errors"]))
        note(f"{mode}: {app.kind}: longest gap {answer['longest_ms']:.0f} ms, of which the servers "
             f"had no writer for {outage:.0f} ms")
    if mode == "blackhole":
        trial.lab.run("heal", old)
    note(f"{mode} took {(now() - begin) / 1e6:.0f} ms")


def main():
    usable = kinds()
    with Lab(instances=3, dns_lag="never") as lab, Apps(lab) as apps:
        lab.sql("writer", TABLE)
        trial = Trial(lab, apps)
        running = [apps.start(kind) for kind in usable]
        fpm = sorted(glob.glob("/usr/sbin/php-fpm*"))
        if fpm:
            running.append(Fpm(apps, fpm[-1]))
        else:
            skip("php-fpm", "it is not installed")
        controls = [apps.start(kind, plain=True) for kind in usable if kind in CONTROLS]
        for app in running + controls:
            trial.acknowledged[app.kind] += app.first["ok"]
            ok(app.first["ok"] > 0 and not app.first["errors"], f"{app.kind} writes", app.first)
        check_idle(trial, running, "crash")
        check_controls(controls)
        for mode in ("graceful", "blackhole", "reboot"):
            check_idle(trial, running, mode)
        for mode in ("crash", "graceful", "blackhole"):
            check_busy(trial, running, mode)
        rows = dict(lab.sql(lab.writer, "select client, count(*) from writes group by client"))
        lost = {k: f"{n}, of which {rows.get(k)} are there" for k, n in trial.acknowledged.items()
                if n > int(rows.get(k, 0))}
        ok(not lost, "no acknowledged write is lost", str(lost))
        note(f"{sum(trial.acknowledged.values())} acknowledged")
    done()


main()
