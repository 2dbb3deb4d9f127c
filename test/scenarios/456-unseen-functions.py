#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Calls that change a session and are no mysql_query(): what they have made is not lost in silence.

Behind a failover the next statement answers as it would have before, or fails: never something
else.
"""
import shutil
import tempfile

from lib.lab import Lab
from lib.programs import writer as w
from lib.programs.handles import MYSQL_8_0_33, Handle, as_root, await_writer, libmysqlclient, number
from lib.tap import done, note, ok, skip

LOST = (2006, 2013, 2055)
LIBMARIADB = [w.program("c/handle_unseen")]
VARIABLE, TABLE = "SET @x = 999", "CREATE TEMPORARY TABLE mine SELECT 999 AS n"
ASK_VARIABLE, ASK_TABLE = "query SELECT IFNULL(@x, 1)", "query SELECT n FROM mine"
INSERT = "query INSERT INTO told VALUES (1)"
# What changes the session, what asks for that, and the answer that it had before.
CASES = [
    ("mariadb_stmt_execute_direct(), a variable", f"direct {VARIABLE}", ASK_VARIABLE, "ok 999"),
    ("mariadb_stmt_execute_direct(), a temporary table", f"direct {TABLE}", ASK_TABLE, "ok 999"),
    ("mysql_stmt_execute_start(), a variable", f"stmt {VARIABLE}", ASK_VARIABLE, "ok 999"),
    ("mysql_stmt_execute_start(), a temporary table", f"stmt {TABLE}", ASK_TABLE, "ok 999"),
    ("mysql_send_query_start(), a variable", f"send {VARIABLE}", ASK_VARIABLE, "ok 999"),
    ("mysql_send_query_start(), a lock", "send DO GET_LOCK('mine', 1)",
     "query SELECT IS_USED_LOCK('mine') = CONNECTION_ID()", "ok 1"),
    ("mysql_send_query_start(), a transaction", "send START TRANSACTION", INSERT, None),
    ("mysql_set_server_option()", "multi 1", "query SELECT 6; SELECT 7", "ok 6"),
    ("mysql_autocommit_start()", "autocommit 0", "query SELECT @@autocommit", "ok 0"),
    ("mysql_select_db_start()", "db other", "query SELECT DATABASE()", "ok other"),
    ("mysql_change_user_start()", "user other", "query SELECT USER() LIKE 'other@%'", "ok 1"),
]
NONBLOCKING = [
    ("mysql_real_query_nonblocking(), a variable", f"nonblocking {VARIABLE}", ASK_VARIABLE,
     "ok 999"),
    ("mysql_real_query_nonblocking(), a temporary table", f"nonblocking {TABLE}", ASK_TABLE,
     "ok 999"),
]


class Case:
    def __init__(self, lab, env, command, text, change, ask, expected):
        self.text, self.ask, self.expected = text, ask, expected
        self.handle = Handle(lab, None, env, command)
        self.heard = [self.handle(line) for line in ("connect " + lab.writer_name, change)]

    def judge(self):
        """Two statements: the first may be told of a loss, but the second is no other session's."""
        plain, asked = self.handle("query SELECT 5"), self.handle(self.ask)
        note(f"{self.text}: {plain}; {asked}")
        ok(asked == self.expected or number(asked) in LOST,
           f"{self.text}: what was made is there, or the handle is dead", f"{plain}; {asked}")
        ok(number(plain) in LOST or asked == self.expected,
           "... and a statement goes well only where it is there", f"{plain}; {asked}")
        self.handle.end()


def main():
    directory = tempfile.mkdtemp(prefix="pelorus-unseen-")
    env = w.environment(directory)
    command, problem = libmysqlclient(MYSQL_8_0_33, directory)
    with Lab(instances=3, name="unseen", dns_lag="never") as lab:
        as_root(lab, lab.writer, "CREATE DATABASE other", "GRANT ALL ON other.* TO app",
                "CREATE USER other IDENTIFIED BY 'other'", "GRANT ALL ON *.* TO other")
        lab.sql("writer", "CREATE TABLE told (n INT)")
        cases = [Case(lab, env, LIBMARIADB, *case) for case in CASES]
        if command:
            cases += [Case(lab, env, command, *case) for case in NONBLOCKING]
        else:
            skip("calls of MySQL 8 that do not block", problem)
        wrong = [(c.text, c.heard) for c in cases if c.heard != ["ok"] * 2]
        ok(not wrong, f"{len(cases)} sessions are changed", wrong)
        lab.failover("crash")
        await_writer(lab, env)
        for case in cases:
            case.judge()
        rows = lab.sql(lab.writer, "SELECT COUNT(*) FROM told")
        ok(rows == [("0",)], "of the transaction nothing is in the table", rows)
    shutil.rmtree(directory, ignore_errors=True)
    done()


main()
