#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The client ABI and other names: readers by the three kinds of failover, and names that are none
of its business, where every answer is what it is without the library.
"""
import re
import shutil
import tempfile
import time

from lib.lab import Lab
from lib.programs import writer as w
from lib.programs.shell import Shell, state
from lib.tap import done, note, ok

HERE = "query SELECT @@aurora_server_id"
PLAIN = [
    "init SET @a = 1", "connect {}", "session", "query SELECT @a, 1, NULL, 'text'", "query oops",
    "query CREATE TABLE plain (a INT PRIMARY KEY, b BLOB)",
    "query INSERT INTO plain VALUES (1, 'b')",
    "query INSERT INTO plain VALUES (1, 'b')", "send SELECT b FROM plain", "read", "autocommit 0",
    "query INSERT INTO plain VALUES (2, 'c')", "rollback", "commit", "autocommit 1", "ping",
    "prepare 1 SELECT a FROM plain", "execute 1", "prepare 2 oops", "execute 2",
    "prepare 3 INSERT INTO plain VALUES (3, ?)", "long 3 datum", "execute 3",
    "partly SELECT a FROM plain", "query SELECT 1", "free", "query SELECT COUNT(*) FROM plain",
    "charset latin1", "db app", "db nothing", "reset", "query SELECT @a", "user app", "user nobody",
    "query KILL CONNECTION_ID()", "query SELECT 1", "ping",
]


def connected_to_reader(lab, env, limit=60):
    """While the topology is not known yet, DNS may lead a reader's name to the writer."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        shell = Shell(lab, env)
        if shell("connect " + lab.reader_name) == "ok" and \
                shell("query SELECT @@innodb_read_only") == "ok 1":
            return shell
        shell.close()
    raise TimeoutError("no connection by the reader's name is on a reader")


def by_kind(lab, directory):
    """One connection for each kind, by the reader's name."""
    shells = {}
    for kind in ("reader-or-writer", "strict-reader", "strict-writer"):
        env = w.environment(directory, PELORUS_FAILOVER=kind, PELORUS_FAILOVER_TIMEOUT="3s")
        shells[kind] = connected_to_reader(lab, env)
    return shells


def readers(lab, directory):
    shells = by_kind(lab, directory)
    at = {kind: shell(HERE).split()[1] for kind, shell in shells.items()}
    ids = {i["id"] for i in lab.status()["instances"]}
    alive = ids - {lab.writer}
    ok(set(at.values()) <= alive, "connections by a reader's name are on readers", at)
    told = {kind: [] for kind in shells}  # (what it was told, whether that is right)
    for victim in sorted(alive):
        lab.run("kill", victim)
        alive.discard(victim)
        hit = [kind for kind, where in at.items() if where == victim]
        note(f"{victim} is killed under {', '.join(hit) or 'nobody'}")
        for kind in hit:
            heard = shells[kind](HERE)
            if kind == "strict-reader" and not alive:
                told[kind].append((heard, heard.startswith("error")))
                continue
            expected = {lab.writer} if kind == "strict-writer" or not alive else alive
            at[kind] = heard.split()[1]
            told[kind].append((heard, at[kind] in expected))
    for kind, text in (("strict-writer", "the next read is answered by the writer"),
                       ("reader-or-writer", "by a reader, by the writer when there is none"),
                       ("strict-reader", "by a reader, and fails when there is none")):
        ok(told[kind] and all(right for _, right in told[kind]), f"{kind}: {text}", told[kind])
    for shell in shells.values():
        shell.close()


def unchanged(lab, directory):
    """Line by line the same; thread ids differ by nature."""
    answers = []
    for preload in (False, True):
        shell = Shell(lab, w.environment(directory, preload=preload))
        host = lab.host(lab.writer)
        answers.append([re.sub(r"(latin1|utf8mb[34]|utf8) \d+", r"\1 N", shell(line.format(host)))
                        for line in PLAIN])
        shell.close()
        lab.sql(lab.writer, "DROP TABLE plain")
    differing = [(line, *both) for line, *both in zip(PLAIN, *answers) if both[0] != both[1]]
    ok(not differing, f"{len(PLAIN)} calls by an instance's name answer as without the library",
       "\n".join(map(str, differing)))
    ok(sum(map(bool, map(state, answers[0]))) > 4, "... errors among them", answers[0])


def refused(lab, directory):
    """A write on a reader's name is refused, and that is all: nobody is moved for it."""
    shell = connected_to_reader(lab, w.environment(directory))
    before = shell("session")
    heard = shell("query CREATE TABLE nowhere (a INT)")
    ok(heard.startswith("error 1290 HY000") and "pelorus" not in heard,
       "a refused write on a reader's connection is told as it is", heard)
    ok(shell("session") == before, "... and the connection stays")
    shell.close()


def main():
    directory = tempfile.mkdtemp(prefix="pelorus-abi-")
    with Lab(instances=3, name="names") as lab:
        unchanged(lab, directory)
        refused(lab, directory)
        readers(lab, directory)
    shutil.rmtree(directory, ignore_errors=True)
    done()


main()
