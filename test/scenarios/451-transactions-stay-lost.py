#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A transaction that was open when the writer failed over is lost, whatever the program does next.

Programs of several languages begin one, the writer fails over, and they go on as programs do that
look at the result of COMMIT alone: two more rows, then COMMIT.  It fails, and of the transaction
nothing is in the table.  PHP's mysqli, which the client ABI does not serve, is the control.
"""
import shutil
import tempfile

from lib.lab import Lab
from lib.programs import writer as w
from lib.programs.handles import Handle, await_writer
from lib.tap import done, note, ok

TABLE = "CREATE TABLE parts (who VARCHAR(90), n INT)"
PERL = "Perl DBD::MariaDB"
# What begins a transaction and what commits it, where it is not "begin" and "commit"; and what
# comes between the two. To set an autocommit that is on already ends no transaction.
KINDS = [("C", "query BEGIN", "commit"), ("C", "autocommit 0", "commit"),
         ("C", "query BEGIN", "commit", "autocommit 1"),
         ("C", "query BEGIN", "query COMMIT", "query SET autocommit = 1"),
         ("C", "query BEGIN", "query COMMIT"), ("Python mysqlclient", "begin", "commit"),
         ("Ruby mysql2", "begin", "commit"), (PERL, "begin", "commit"),
         (PERL, "begin", "query COMMIT"), ("PHP mysqli", "begin", "commit")]
MODES = ("crash", "graceful")


class Program:
    def __init__(self, lab, env, mode, kind, begin, commit, *between):
        self.title = f"{kind} ({', '.join((begin, *between, commit))}), {mode}"
        self.commit = commit
        # Its commit() says on a dead handle that all is well, also when it is alone.
        self.is_silent = (kind, commit) == (PERL, "commit")
        self.handle = Handle(lab, kind, env)
        self.before = [self.handle("connect " + lab.writer_name), self.handle(begin),
                       self.insert(1), *map(self.handle, between)]

    def insert(self, n):
        return self.handle(f"query INSERT INTO parts VALUES ('{self.title}', {n})")

    def go_on(self):
        return [self.insert(2), self.insert(3), self.handle(self.commit)]


def judge(lab, program):
    heard = program.go_on()
    rows = lab.sql(lab.writer, f"SELECT n FROM parts WHERE who = '{program.title}'")
    note(f"{program.title}: {heard}, rows {[int(n) for n, in rows]}")
    ok(heard[1].startswith("error"),
       f"{program.title}: the second row behind the loss is refused, too", heard)
    if not program.is_silent:
        ok(heard[2].startswith("error"), "... COMMIT fails", heard)
    ok(not rows, "... and nothing of it is in the table", rows)
    status = program.handle.end()
    ok(status == 0, "... and the program ends well", status)


def check(lab, env, mode):
    programs = [Program(lab, env, mode, *kind) for kind in KINDS]
    bad = [(p.title, p.before) for p in programs if set(p.before) != {"ok"}]
    ok(not bad, f"{mode}: every program has begun a transaction", bad)
    lab.failover(mode)
    await_writer(lab, env)
    for program in programs:
        judge(lab, program)


def main():
    directory = tempfile.mkdtemp(prefix="pelorus-lost-")
    env = w.environment(directory)
    with Lab(instances=3, name="lost", dns_lag="never") as lab:
        lab.sql("writer", TABLE)
        for mode in MODES:
            check(lab, env, mode)
    shutil.rmtree(directory, ignore_errors=True)
    done()


main()
