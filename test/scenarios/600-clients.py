#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Unmodified clients of many languages, all at once, through failovers of one cluster.

Each is a row of a table, each way to use it a column; the table is printed, with the errors that
the applications saw.  DNS never moves.  PELORUS_ROUNDS=4 goes through all ways to fail, not through
a crash alone, with those too that 363-own-resolvers shows otherwise, and counts a row that cannot
be shown as a failure; PELORUS_MATRIX=FILE keeps the table, as test/bench/results/matrix.md shows
it; PELORUS_ROWS='*aio*,*hick*' takes some rows, of those too.
"""
import fnmatch
import functools
import os
import tempfile
import time

from lib.lab import Lab, now
from lib.programs.apps import Apps
from lib.tap import done, note, ok, skip
from lib.trials import matrix, outage
from lib.trials.matrix import READ

LONG = int(os.environ.get("PELORUS_ROUNDS", "1")) > 1
MODES = ("crash", "graceful", "blackhole", "reboot") if LONG else ("crash",)
PAUSE = "15 s without a writer: errors, of those in flight"
LATE_S = 0.5  # how long they write on after the new writer was published
OTHER_NAME = "TLS, another name refused"
WRONG = ("1290", "1792", "1836", "read-only")


class Trial:
    def __init__(self, lab, apps, rows):
        self.lab, self.apps, self.rows = lab, apps, rows
        self.columns = []
        self.limits = {}

    def judge(self, row, column, good, text, told=None):
        """A cell: `text` if it is as it must be."""
        if column not in self.columns:
            self.columns.append(column)
        row.cells[column] = text if good else f"**{text}**"
        if not good and (why := matrix.limit(row, column)):
            self.limits.setdefault(row.kind.name, why)
            note(f"{row.kind.name}: {column}: {text}: {why}")
            row.again()
            return
        ok(good, f"{row.kind.name}: {column}", f"{text} {told if told is not None else ''}")

    def failover(self, mode, *words):
        """A failover, to the end: published, and the old writer back as a reader."""
        events = self.lab.failover(mode, *words)
        self.published(events["writable"]["id"])
        return events

    def heal(self, mode, events):
        if mode == "blackhole":
            self.lab.run("heal", events["failure"]["id"])
        self.lab.wait_event("back", events["failure"]["boot_ns"], id=events["failure"]["id"])

    def published(self, writer):
        """Waits until the prober has published this writer."""
        self.apps.prober.wait(lambda c: c.writer == writer and self.lab.reader_name in c.names, 30)

    def settled(self):
        """Waits until connections may be led to every instance."""
        self.apps.prober.wait(lambda c: len(c.instances) == 3 and
                              all(i.routable for i in c.instances.values()), 30)

    def connect(self):
        writer = self.lab.writer
        self.lab.exec("getent", "hosts", self.lab.writer_name, env=self.apps.env(), check=False)
        self.rows[0].write()
        self.settled()  # before that a reader's name leads to the writer, and a pool keeps that
        self.rows[0].ask("r", READ, 1)  # which follows the name
        self.published(writer)
        self.settled()
        for row in self.rows:
            told = row.write()
            self.judge(row, "writer", told["ok"] == row.kind.connections, "ok", told)
            told = row.ask("r", READ, 1)
            self.judge(row, "reader", told["value"] not in (None, "", writer), "ok", told)
            self.secure(row, writer)

    def secure(self, row, writer):
        """New connections with TLS, as the server sees them; True if all are right."""
        right = True
        for verb, column in matrix.TLS.items():
            if verb in row.kind.tls:
                told = row.ask(verb, matrix.READ_SECURE, 1)
                right = told["value"] == f"{writer} TLS" and right
                self.judge(row, column, told["value"] == f"{writer} TLS", "ok", told)
            else:
                row.cells[column] = "none"
        return right

    def other_name(self, start):
        """By its address the writer has a name that its certificate does not know."""
        writer = next(i for i in self.lab.status()["instances"] if i["role"] == "writer")
        for row in self.rows:
            if "t" not in row.kind.tls:
                row.cells[OTHER_NAME] = "none"
                continue
            other = start(row.kind, writer=writer["addresses"][0])
            told, control = other.ask("t", READ, 1), other.ask("e", READ, 1)
            other.end()
            good = told["errors"] and not told["ok"] and control["value"] == self.lab.writer
            self.judge(row, OTHER_NAME, bool(good), "ok", (told, control))

    def fail_all(self, mode):
        """A failover, until each row has heard that its connections to the old writer have
        ended."""
        old = next(i["addresses"][0] for i in self.lab.status()["instances"]
                   if i["role"] == "writer")
        with matrix.all_hear(self.rows, old, mode):
            return self.failover(mode)

    def idle(self, mode):
        for row in self.rows:
            row.write()
        events = self.fail_all(mode)
        for row in self.rows:
            told, again = row.write(), row.write()
            errors = len(told["errors"])
            good = errors <= row.told_once() and again["ok"] == row.kind.connections
            self.judge(row, f"idle, {mode}", good, said(errors), (told, again))
        self.heal(mode, events)

    def busy(self, mode):
        for row in self.rows:
            row.busy()
        events = self.fail_all(mode)
        published = now()
        time.sleep(LATE_S)
        for row in self.rows:
            told, again = row.rest(), row.write()
            late = [e for ns, _, e in told["errors"] if ns > published]
            good = len(late) <= row.told_once() and told["ok"] > 0 and \
                again["ok"] == row.kind.connections
            self.judge(row, f"busy, {mode}", bool(good), said(len(told["errors"])),
                       (late[:3], again))
        self.heal(mode, events)

    def pause(self):
        """Connects wait for a writer for as long as the program itself would wait."""
        for row in self.rows:
            row.busy()
        events = self.failover("crash", "--detect", "15s")
        time.sleep(LATE_S)
        for row in self.rows:
            told, again = row.rest(), row.write()
            flight, own, others = outage.sort(
                [(begun / 1e9, ended / 1e9, text) for begun, ended, text in told["errors"]],
                events["failure"]["boot_ns"] / 1e9, row.kind.connections)
            text = f"{len(told['errors'])}, {len(flight)}"
            text += f" (its own time limit: {len(own)})" if own else ""
            good = not others and told["ok"] > 0 and again["ok"] == row.kind.connections
            self.judge(row, PAUSE, bool(good), text, (others[:3], again))
        self.heal("crash", events)

    def transaction(self, mode):
        """It must fail as a whole, and be told; the client then works."""
        for row in self.rows:
            for sql in ("BEGIN", matrix.INSERT.format("in doubt: " + row.kind.name)):
                row.ask("h", sql, 1)
        events = self.failover(mode)
        for row in self.rows:
            told = row.ask("h", matrix.INSERT.format("in doubt: " + row.kind.name), 1)
            if not told["errors"]:
                told = row.ask("h", "COMMIT", 1)
            again = row.write()
            good = told["errors"] and again["ok"] == row.kind.connections
            self.judge(row, f"transaction, {mode}", bool(good), "told" if told["errors"] else
                       "NOT TOLD", (told, again))
        self.heal(mode, events)
        left = self.lab.sql(self.lab.writer, "SELECT DISTINCT client FROM writes "
                                             "WHERE client LIKE 'in doubt%'")
        ok(not left, f"{mode}: no transaction was executed by half", str(left))

    def reconnect(self):
        for row in self.rows:
            row.ask("x", "", 0)
            told, secure = row.write(), self.secure(row, self.lab.writer)
            good = told["ok"] == row.kind.connections and secure
            self.judge(row, "new connection", good, "ok", told)


def said(errors):
    return "no error" if errors == 0 else "1 error" if errors == 1 else f"{errors} errors"


def started(start, folder):
    rows = []
    globs = os.environ.get("PELORUS_ROWS", "*").split(",")
    more = matrix.own_resolvers(True) if LONG or globs != ["*"] else []
    kinds = [*matrix.kinds(folder), *more]
    for kind in [k for k in kinds if any(fnmatch.fnmatch(k.name, g) for g in globs)]:
        why = matrix.problem(kind)
        if why and LONG:
            ok(False, f"{kind.name}: can be shown here", why)
        elif why:
            skip(kind.name, why)
        else:
            rows.append(start(kind))
    return rows


def check_rows(lab, rows):
    for row in rows:
        found = int(lab.sql(lab.writer, "SELECT COUNT(*) FROM writes WHERE client = "
                                        f"'{row.kind.name}'")[0][0])
        ok(found >= row.acknowledged, f"{row.kind.name}: no acknowledged write is lost",
           f"{row.acknowledged} acknowledged, {found} rows")
        # A writer that hands over refuses what is in flight; that is told by the column "busy".
        wrong = [e for e in row.calm if any(w in e for w in WRONG)]
        ok(not wrong, f"{row.kind.name}: no statement was refused by a reader", str(wrong[:3]))


def main():
    with tempfile.TemporaryDirectory(prefix="pmatrix-") as folder, \
            Lab(instances=3, dns_lag="never", tls=True) as lab, Apps(lab) as apps:
        lab.sql("writer", matrix.TABLE)
        start = functools.partial(matrix.Row, lab, env=apps.env(), folder=folder,
                                  ca=os.path.join(lab.state, "tls", "ca.pem"))
        rows = started(start, folder)
        try:
            trial = Trial(lab, apps, rows)
            trial.connect()
            if LONG:
                trial.other_name(start)
            for mode in MODES:
                trial.idle(mode)
                trial.busy(mode)
                trial.transaction(mode)
            trial.pause()
            trial.reconnect()
            note(f"limits: {trial.limits}")
            check_rows(lab, rows)
            ok(len(trial.limits) <= 3, "at most three rows have limits", str(trial.limits))
            note(matrix.table(rows, trial.columns, trial.limits))
            if "PELORUS_MATRIX" in os.environ:
                with open(os.environ["PELORUS_MATRIX"], "w") as out:
                    out.write(matrix.document(rows, trial.columns, trial.limits, MODES))
        finally:
            for row in rows:
                row.end()
    done()


main()
