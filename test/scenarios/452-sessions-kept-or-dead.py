#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A session is as it was, or its handle is dead.

Frameworks decide by a ping whether a connection is made anew, and give only a new one its settings.
So a session that carries something which cannot be given to another server, or that nobody can
vouch for, is not revived: every call on its handle fails, as without the library.
"""
import os
import shutil
import tempfile
import time

from lib.lab import Lab
from lib.programs import writer as w
from lib.programs.handles import Handle, as_root, await_writer, number
from lib.tap import done, note, ok

LOST = (2006, 2013, 2055)
REQUESTS, EXECUTING_S = 5, 60
FRAMEWORKS = [["/usr/bin/python3", os.path.join(w.CLIENTS, "python", "framework.py")],
              ["/usr/bin/ruby", os.path.join(w.CLIENTS, "ruby", "framework.rb")]]
TRUST = "SET GLOBAL log_bin_trust_function_creators = 1"
RIGHTS = ["CREATE ROLE editor", "GRANT editor TO app", "GRANT ALL ON app.* TO editor"]
SCHEMA = [
    "CREATE TABLE orders (tenant INT, n INT)",
    "CREATE TABLE words (word VARCHAR(5), n INT)",
    "CREATE TABLE told (who VARCHAR(80))",
    "CREATE TABLE idle (n INT)",
    "CREATE FUNCTION sets() RETURNS INT RETURN (@hidden := 1)",
    "CREATE PROCEDURE makes() CREATE TEMPORARY TABLE hidden (a INT)",
]
DIRTY = [
    ("a user variable", ["query SET @a = 5"]),
    ("a user variable among other settings", ["query SET lock_wait_timeout = 77, @a = 5"]),
    ("a user variable that a SELECT has set", ["query SELECT @a := 5"]),
    ("a user variable that a function has set", ["query SELECT sets()"]),
    ("a temporary table", ["query CREATE TEMPORARY TABLE mine (a INT)"]),
    ("a temporary table that a procedure has made", ["query CALL makes()"]),
    ("a lock by name", ["query SELECT GET_LOCK('{who}', 1)"]),
    ("locked tables", ["query LOCK TABLES idle READ"]),
    ("a role", ["query SET ROLE editor"]),
    ("a statement prepared by SQL", ["query PREPARE p FROM 'SELECT 1'"]),
    ("an open handler", ["query HANDLER words OPEN"]),
    ("a setting made of others", ["query SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')"]),
    ("an open transaction", ["query BEGIN", "query INSERT INTO told VALUES ('{who}')"]),
]


class Dirty:
    def __init__(self, lab, env, text, before):
        self.text, self.handle = text, Handle(lab, "C", env)
        heard = [self.handle("connect " + lab.writer_name)]
        heard += [self.handle(line.format(who=text)) for line in before]
        self.wrong = [h for h in heard if not h.startswith("ok")]

    def judge(self, lab, first):
        lines = [first, "query SELECT 5", "ping", "reset", "query SELECT 5",
                 f"query INSERT INTO told VALUES ('{self.text}')"]
        heard = [self.handle(line) for line in lines]
        alive = [(line, h) for line, h in zip(lines, heard) if number(h) not in LOST]
        rows = lab.sql(lab.writer, f"SELECT COUNT(*) FROM told WHERE who = '{self.text}'")
        ok(not alive and rows == [("0",)],
           f"a session with {self.text}: its handle is dead, from a {first.split()[0]} on",
           "\n".join(map(str, alive + rows)))
        self.handle.end()


def judge_django(lab, app, heard):
    heard = [heard] + [app(f"request INSERT INTO orders VALUES (@tenant, {n})")
                       for n in range(REQUESTS)]
    rows = lab.sql(lab.writer, "SELECT tenant, n FROM orders")
    note(f"Django's: {heard}")
    ok(rows and not [r for r in rows if r[0] != "42"],
       "Django's connection: every row that was written has its tenant", rows)
    ok(heard[1:] == ["ok"] * REQUESTS, "... and every request behind the one that failed goes well",
       heard)
    heard = app("request SELECT @@tx_isolation, @@autocommit")
    ok(heard == "ok READ-COMMITTED|1", "... with its settings", heard)


def judge_rails(lab, app, heard):
    heard = [heard, app("request INSERT INTO words VALUES ('much too long', 1)"),
             app("request INSERT INTO words VALUES ('fits', 2)")]
    rows = lab.sql(lab.writer, "SELECT word, n FROM words")
    note(f"Active Record's: {heard}")
    ok(number(heard[1]) == 1406 and ("1" not in [n for _, n in rows]),
       "Active Record's connection: what is too long is refused, as it was before",
       f"{heard} {rows}")
    ok(heard[2] == "ok", "... and what fits is written", heard)


def executing(lab):
    rows = lab.sql(lab.writer, "SELECT COUNT(*) FROM information_schema.processlist "
                   "WHERE info LIKE 'SELECT SLEEP%'")
    return int(rows[0][0])


def begin_long(lab, apps):
    """A statement of each is under way when the writer dies."""
    for app in apps:
        app.say("query SELECT SLEEP(300)")
    end = time.monotonic() + EXECUTING_S
    while executing(lab) < len(apps) and time.monotonic() < end:
        time.sleep(0.05)


def check(lab, env):
    apps = [Handle(lab, None, env, command + [lab.writer_name]) for command in FRAMEWORKS]
    django, rails = apps
    heard = [django("request SELECT @tenant"),
             rails("request INSERT INTO words VALUES ('much too long', 9)")]
    ok(heard[0] == "ok 42" and number(heard[1]) == 1406,
       "before the failover both frameworks have their settings", heard)
    sessions = [(Dirty(lab, env, *row), "query SELECT 5") for row in DIRTY]
    sessions += [(Dirty(lab, env, f"{text}, pinged", before), "ping") for text, before in DIRTY[:1]]
    wrong = [(s.text, s.wrong) for s, _ in sessions if s.wrong]
    ok(not wrong, f"{len(sessions)} sessions that cannot be had again are brought about", wrong)
    begin_long(lab, apps)
    lab.failover("crash")
    await_writer(lab, env)
    judge_django(lab, django, django.hear())
    judge_rails(lab, rails, rails.hear())
    for session, first in sessions:
        session.judge(lab, first)
    for app in apps:
        app.end()


def main():
    directory = tempfile.mkdtemp(prefix="pelorus-sessions-")
    env = w.environment(directory)
    with Lab(instances=3, name="sessions", dns_lag="never",
             server=["sql-mode=NO_ENGINE_SUBSTITUTION"]) as lab:
        for instance in lab.status()["instances"]:
            as_root(lab, instance["id"], TRUST)
        as_root(lab, lab.writer, *RIGHTS)
        for statement in SCHEMA:
            lab.sql("writer", statement)
        check(lab, env)
    shutil.rmtree(directory, ignore_errors=True)
    done()


main()
