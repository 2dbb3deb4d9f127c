#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a session is after a failover: as it was, or the application is told, as without the
library.

Connections in every kind of state go through one failover, idle.  What their next statement, which
is never sent on the lost connection, must do is stated for each.
"""
import glob
import os
import shutil
import tempfile
import time

from lib.lab import Lab, module
from lib.programs import writer as w
from lib.programs.handles import number
from lib.programs.shell import Shell
from lib.tap import done, ok

Connection = module("wire").Connection
TRUST = ["SET GLOBAL log_bin_trust_function_creators = 1"]
RIGHTS = ["CREATE DATABASE other", "GRANT ALL ON other.* TO app"]
SCHEMA = [
    "CREATE TABLE told (who VARCHAR(40), n INT)",
    "CREATE TABLE numbered (a INT AUTO_INCREMENT PRIMARY KEY)",
    "CREATE TABLE audit (who VARCHAR(40), n INT)",
    "CREATE TRIGGER watch AFTER INSERT ON told FOR EACH ROW INSERT INTO audit VALUES (NEW.who, "
    "NEW.n)",
    "CREATE PROCEDURE opens() BEGIN START TRANSACTION; INSERT INTO told VALUES ('procedure', 1); "
    "END",
    "CREATE FUNCTION counts() RETURNS INT MODIFIES SQL DATA "
    "BEGIN INSERT INTO told VALUES ('function', 1); RETURN 1; END",
]
KEPT = "SELECT @@sql_mode, @@time_zone, @@tx_isolation, @@autocommit, DATABASE(), " \
       "@@character_set_client, @@lock_wait_timeout"


LOST = (2006, 2013, 2055)


class Case:
    """Lines before the failover, the first line after it, and what becomes of the handle:
    MOVED        the line goes well on the new writer
    TOLD         the line fails, the handle is moved for the next one
    DEAD         the line fails, and so does all that follows
    """

    def __init__(self, title, before, line, end, after=(), rows=None):
        self.title, self.before, self.line, self.end = title, before, line, end
        self.after, self.rows = after, rows


MOVED, TOLD, DEAD = "ok", "error", "dead"
INSERT = "query INSERT INTO told VALUES ('{}', 1)"
CASES = [
    Case("a plain write in a clean session is executed", [], INSERT.format("plain"), MOVED,
         rows=("plain", 1)),
    Case("a plain read in a clean session is executed", [], "query SELECT 5", MOVED),
    Case("a ping in a clean session goes well", [], "ping", MOVED),
    Case("a write behind an ended transaction is executed",
         ["query BEGIN", INSERT.format("ended"), "query COMMIT"], INSERT.format("ended"), MOVED,
         rows=("ended", 2)),
    Case("a write sent and read apart is executed", [],
         "send INSERT INTO told VALUES ('sent', 1)", MOVED, after=[("read", "ok")],
         rows=("sent", 1)),
    Case("a result that was half read does not keep the handle from moving",
         ["partly SELECT n FROM told"], "free", MOVED, after=[("query SELECT 5", "ok 5")]),
    Case("a prepared statement that was closed does not either",
         ["prepare 1 SELECT 111", "execute 1", "unprepare 1"], "query SELECT 5", MOVED),
    Case("a write in an open transaction is told",
         ["query BEGIN", INSERT.format("open")], INSERT.format("open"), DEAD,
         after=[(INSERT.format("open"), "error")], rows=("open", 0)),
    Case("a commit of a lost transaction is told",
         ["autocommit 0", INSERT.format("lost")], "commit", DEAD,
         after=[("rollback", "error")], rows=("lost", 0)),
    Case("with autocommit off nothing is executed again",
         ["autocommit 0", "query SELECT 1", "commit"],
         INSERT.format("off"), DEAD, rows=("off", 0)),
    Case("a user variable's loss is told", ["query SET @a = 5"], "query SELECT 1", DEAD),
    Case("a temporary table's loss is told", ["query CREATE TEMPORARY TABLE mine (a INT)"],
         INSERT.format("temporary"), DEAD, rows=("temporary", 0)),
    Case("a lock's loss is told", ["query SELECT GET_LOCK('mine', 1)"], "query SELECT 1", DEAD),
    Case("a ping in a session that is not clean is told", ["query SET @a = 5"], "ping", DEAD),
    Case("behind a procedure that opens a transaction the outcome is told", ["query CALL opens()"],
         INSERT.format("behind"), DEAD, rows=("procedure", 0)),
    Case("what asks for this very session is told", ["query INSERT INTO told VALUES ('asked', 1)"],
         "query SELECT LAST_INSERT_ID()", DEAD, rows=("asked", 1)),
    Case("the id of an insert before the move is not asked of the session behind it",
         ["query INSERT INTO numbered VALUES ()"], "query SELECT 5", MOVED,
         after=[("query SELECT a FROM numbered", "ok"), ("query SELECT last_Insert_id()", "error"),
                ("query SELECT 5", "error")]),
    Case("no row refers to an id that the session behind the move does not know",
         ["query INSERT INTO numbered VALUES ()"], INSERT.format("parent"), MOVED,
         after=[("query INSERT INTO told VALUES ('child', LAST_INSERT_ID())", "error")],
         rows=("child", 0)),
    Case("... by a prepared statement neither", ["query INSERT INTO numbered VALUES ()"], "ping",
         MOVED, after=[("prepare 1 SELECT LAST_INSERT_ID()", "error")]),
    Case("the id of an insert behind the move is asked of the session that has it",
         ["query INSERT INTO numbered VALUES ()"], "query SELECT 5", MOVED,
         after=[("query INSERT INTO numbered VALUES ()", "ok"),
                ("query SELECT LAST_INSERT_ID() > 0", "ok 1"),
                ("query INSERT INTO told VALUES ('kin', LAST_INSERT_ID())", "ok")]),
    Case("... but not behind one that had an id already",
         ["query INSERT INTO numbered VALUES ()"], "query SELECT 5", MOVED,
         after=[("query INSERT INTO numbered VALUES (70)", "ok"),
                ("query SELECT LAST_INSERT_ID()", "error")]),
    Case("... where the insert itself was the one that moved it",
         ["query INSERT INTO numbered VALUES ()"], "query INSERT INTO numbered VALUES ()", MOVED,
         after=[("query SELECT LAST_INSERT_ID() > 0", "ok 1")]),
    Case("what makes an id goes on behind a move",
         ["query INSERT INTO numbered VALUES ()"], "query SELECT 5", MOVED,
         after=[("query UPDATE told SET n = LAST_INSERT_ID(n + 1) WHERE who = 'watched'", "ok")]),
    Case("an id that is asked for together with the rows of the last statement is told",
         ["query INSERT INTO numbered VALUES ()"], "query SELECT 5", MOVED,
         after=[("query INSERT INTO numbered VALUES ()", "ok"),
                ("query SELECT LAST_INSERT_ID() > 0, ROW_COUNT()", "error")]),
    Case("an isolation for the next transaction alone is told",
         ["query SET @@tx_isolation = 'READ-UNCOMMITTED'"], "query SELECT 5", DEAD),
    Case("a character set of statements alone, which the library takes for results', too, is told",
         ["query SET character_set_client = latin2"], "query SELECT @@character_set_results", DEAD),
    Case("what the last statement did is not asked behind a ping that moved",
         [INSERT.format("counted")], "ping", MOVED,
         after=[("query SELECT ROW_COUNT()", "error"), ("query SELECT 5", "error")]),
    Case("... but behind another statement", [INSERT.format("counted")], "ping", MOVED,
         after=[("query SELECT 5", "ok 5"), ("query SELECT ROW_COUNT()", "ok -1")]),
    Case("a reset on a lost connection is told", ["query SET @a = 5"], "reset", TOLD,
         after=[("query SELECT 5", "error")]),
    Case("a change of user on a lost connection is told", ["query SET @a = 5"], "user app", TOLD,
         after=[("query SELECT 5", "error")]),
    Case("with a prepared statement the session is lost, and none takes its place",
         ["prepare 1 SELECT 111", "execute 1"], "prepare 2 SELECT 222", DEAD,
         after=[("execute 1", "error"), ("prepare 1 SELECT 111", "error")]),
    Case("a prepared statement on a lost connection is told",
         ["prepare 1 INSERT INTO told VALUES ('prepared', 1)"], "execute 1", DEAD,
         rows=("prepared", 0)),
    Case("long data is never sent again",
         ["prepare 1 INSERT INTO told VALUES (?, 1)", "long 1 datum"], "execute 1",
         DEAD, rows=("datum", 0)),
    Case("a call is never executed again", [], "query CALL opens()", TOLD,
         rows=("procedure", 0)),
    Case("a function with effects is never executed again", [], "query SELECT counts()", TOLD,
         after=[("query SELECT 5", "ok 5")], rows=("function", 0)),
    Case("XA is never executed again", [], "query XA START 'x'", TOLD,
         after=[("query SELECT 5", "ok 5")]),
    Case("LOAD DATA is never executed again", [],
         "query LOAD DATA LOCAL INFILE '/dev/null' INTO TABLE told", TOLD,
         after=[(INSERT.format("loaded"), "ok")], rows=("loaded", 1)),
    Case("several statements in one are never executed again", ["reconnect multi"],
         "query INSERT INTO told VALUES ('multi', 1); INSERT INTO told VALUES ('multi', 2)",
         TOLD, rows=("multi", 0)),
]


def administrate(lab, instance, statements):
    """As root, by the instance's socket."""
    folder, = glob.glob(os.path.join(lab.state, "servers", instance + ".*"))
    connection = Connection(os.path.join(folder, "sock"))
    for statement in statements:
        connection.query(statement)


def prepare(shell, name, case):
    multi = "reconnect multi" in case.before
    heard = [shell("connect " + name + (" multi" if multi else ""))]
    heard += [shell(line) for line in case.before if line != "reconnect multi"]
    return all(h.startswith("ok") for h in heard), heard


def judge(lab, shell, case):
    heard = shell(case.line)
    ok(heard.startswith("ok") if case.end == MOVED else number(heard) in LOST, case.title,
       f"{case.line}: {heard}")
    dead = [(line, "error") for line in ("query SELECT 5", "ping") if case.end == DEAD]
    for line, expected in (*case.after, *dead):
        heard = shell(line)
        ok(heard.startswith(expected), f"... then {line.split(' VALUES')[0]}", heard)
    if case.rows:
        who, n = case.rows
        for table in ("told", "audit"):
            found = lab.sql(lab.writer, f"SELECT COUNT(*) FROM {table} WHERE who = '{who}'")
            ok(int(found[0][0]) == n, f"... with {n} rows in {table}", found)


def by_default(lab, env, name):
    """A session whose server has autocommit off by default; the next writer has it on."""
    shell = Shell(lab, env)
    administrate(lab, lab.writer, ["SET GLOBAL autocommit = 0"])
    shell("connect " + name)
    administrate(lab, lab.writer, ["SET GLOBAL autocommit = 1"])
    return shell


def check_default(lab, shell):
    heard = shell(INSERT.format("default"))
    ok(number(heard) in LOST, "where the server's default is no autocommit, nothing is executed "
       "again", heard)
    heard = shell("query SELECT @@autocommit")
    ok(number(heard) in LOST, "... and no session goes on with another", heard)


def check_off(shell):
    for _ in range(2):
        heard = shell("query SELECT 5")
        ok(number(heard) in LOST, "with PELORUS_RETRY=off no statement is executed again", heard)
    heard = [shell("ping"), shell("query SELECT 5")]
    ok(heard == ["ok", "ok 5"], "... and the handle works once it is asked whether it does", heard)


def await_writer(shell, name, limit=30):
    """A new connection is refused while there is no writer."""
    end = time.monotonic() + limit
    heard = shell("connect " + name)
    while heard != "ok" and time.monotonic() < end:
        heard = shell("connect " + name)
    return heard


def restored(lab, env, name):
    """Settings made in every way, and INIT_COMMAND."""
    shell = Shell(lab, env)
    for line in ("init SET @marker = 7", "connect " + name, "charset latin1", "db other",
                 "query SET SESSION sql_mode = 'ANSI_QUOTES', time_zone = '+03:00'",
                 "query SET lock_wait_timeout = 123",
                 "query SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"):
        shell(line)
    return shell, shell("query " + KEPT), shell("session").split()[1]


def check_restored(shell, before, charset):
    heard = shell("query " + KEPT)
    ok(heard == before, "settings are as before: sql_mode, time_zone, isolation, autocommit, "
       "database, character set, timeout", f"{before}\n{heard}")
    ok("ANSI_QUOTES" in heard and "+03:00" in heard and "other" in heard,
       "... and were made", heard)
    ok(shell("session").split()[1] == charset, "the library's own character set is as before")
    ok(shell("query SELECT @marker") == "ok 7", "INIT_COMMAND was executed on the new connection")


def main():
    directory = tempfile.mkdtemp(prefix="pelorus-abi-")
    env = w.environment(directory)
    with Lab(instances=3, name="session") as lab:
        for instance in lab.status()["instances"]:
            administrate(lab, instance["id"], TRUST)
        administrate(lab, lab.writer, RIGHTS)
        maker = Shell(lab, dict(os.environ))
        for line in ("connect " + lab.writer_name, *("query " + s for s in SCHEMA)):
            heard = maker(line)
            if heard != "ok":
                raise RuntimeError(f"{line}: {heard}")
        maker.close()
        shells = [Shell(lab, env) for _ in CASES]
        for shell, case in zip(shells, CASES):
            well, heard = prepare(shell, lab.writer_name, case)
            if not well:
                ok(False, f"{case.title}: is brought about", heard)
        kept = restored(lab, env, lab.writer_name)
        default = by_default(lab, env, lab.writer_name)
        off = Shell(lab, dict(env, PELORUS_RETRY="off"))
        off("connect " + lab.writer_name)
        lab.failover("crash")
        canary = Shell(lab, env)
        heard = await_writer(canary, lab.writer_name)
        ok(heard == "ok", "a new connection finds the new writer", heard)
        for shell, case in zip(shells, CASES):
            judge(lab, shell, case)
        check_restored(*kept)
        check_default(lab, default)
        check_off(off)
        for shell in (*shells, kept[0], default, off, canary):
            if shell.close() != 0:
                ok(False, "every program ends well")
    shutil.rmtree(directory, ignore_errors=True)
    done()


main()
