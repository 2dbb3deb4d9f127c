#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Asynchronous handles are told of a loss, and never moved: an event loop knows nothing of a move.

Behind a failover every call on such a handle fails, as without the library: a transaction stays
lost, and no session goes on with another autocommit. A new handle is at the new writer.
"""
import shutil
import tempfile

from lib.lab import Lab
from lib.programs import writer as w
from lib.programs.handles import Handle, await_writer, number
from lib.tap import done, note, ok

KIND = "C, asynchronous"
TABLE = "CREATE TABLE parts (who VARCHAR(60))"
LOST = (2006, 2013, 2055)
INSERT = "INSERT INTO parts VALUES ('{}')"
CASES = [
    ("a clean session", [], [f"query {INSERT}", f"query {INSERT}", "query SELECT 5"]),
    ("a clean session, mysql_query_start()", [], [f"text {INSERT}", f"text {INSERT}"]),
    ("a ping", [], ["ping", "ping", "query SELECT 5", "query SELECT 5"]),
    ("autocommit off", ["query SET autocommit = 0"],
     [f"query {INSERT}", f"query {INSERT}", "query SELECT @@autocommit", "query ROLLBACK"]),
    ("an open transaction", ["query BEGIN", f"query {INSERT}"],
     [f"query {INSERT}", f"query {INSERT}", "query COMMIT"]),
    ("a setting", ["query SET lock_wait_timeout = 77"],
     ["query SELECT 5", "query SELECT @@lock_wait_timeout"]),
]


class Case:
    def __init__(self, lab, env, text, before, after):
        self.text, self.after, self.handle = text, after, Handle(lab, KIND, env)
        self.heard = [self.handle("connect " + lab.writer_name)]
        self.heard += [self.handle(line.format(text)) for line in before]

    def judge(self, lab):
        heard = [self.handle(line.format(self.text)) for line in self.after]
        rows = lab.sql(lab.writer, f"SELECT COUNT(*) FROM parts WHERE who = '{self.text}'")
        note(f"{self.text}: {heard}, {rows[0][0]} rows")
        ok(all(number(h) in LOST for h in heard),
           f"{self.text}: every call on the lost handle fails", heard)
        ok(rows == [("0",)], "... and nothing is written by it", rows)
        self.handle.end()


def main():
    directory = tempfile.mkdtemp(prefix="pelorus-async-")
    env = w.environment(directory)
    with Lab(instances=3, name="async", dns_lag="never") as lab:
        lab.sql("writer", TABLE)
        cases = [Case(lab, env, *case) for case in CASES]
        wrong = [c.heard for c in cases if any(h != "ok" for h in c.heard)]
        ok(not wrong, "sessions of all kinds are there", wrong)
        lab.failover("crash")
        await_writer(lab, env)
        for case in cases:
            case.judge(lab)
        fresh = Handle(lab, KIND, env)
        heard = [fresh("connect " + lab.writer_name), fresh("query SELECT @@innodb_read_only")]
        ok(heard == ["ok", "ok 0"], "a new handle is at the new writer", heard)
        fresh.end()
    shutil.rmtree(directory, ignore_errors=True)
    done()


main()
