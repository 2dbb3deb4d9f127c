#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A connection that ended without a failover stays ended.

The program has shut its own socket down, or somebody has killed the connection, idle or in the
middle of a statement: the writer is the writer all the while. Programs, and the tests of client
libraries, expect a dead handle then, and find out by the next call what they have; so each call
answers as it does without the library.
"""
import os
import shutil
import tempfile
import time

from lib.lab import Lab
from lib.programs import writer as w
from lib.programs.handles import Handle, as_root
from lib.tap import done, note, ok

PYTHON, RUBY, PERL, C = ("Python mysqlclient", "Ruby mysql2", "Perl DBD::MariaDB", "C")
CALLS = ["query SELECT 5", "ping", "query SELECT 5", "id"]
# What each does behind the end of its connection, which is what the tests of these libraries look
# at.
AFTER = {PYTHON: CALLS, C: ["query SELECT 5", "ping", "query SELECT 5", "commit", "reset"],
         RUBY: ["socket", *CALLS],
         PERL: ["begin", "autocommit", "query SELECT 1", "commit", *CALLS]}
EXECUTING_S = 30


def shut(lab, handle):
    return handle("shut")


def thread_of(handle):
    return (handle("session") if handle.kind == C else handle("id")).split()[-1]


def kill_idle(lab, handle):
    thread = thread_of(handle)
    as_root(lab, lab.writer, f"KILL {thread}")
    end = time.monotonic() + EXECUTING_S
    while as_root(lab, lab.writer, "SELECT id FROM information_schema.processlist "
                  f"WHERE id = {thread}") and time.monotonic() < end:
        time.sleep(0.02)


def kill_busy(lab, handle):
    thread = thread_of(handle)
    handle.say("query SELECT SLEEP(60)")
    end = time.monotonic() + EXECUTING_S
    while not as_root(lab, lab.writer, "SELECT id FROM information_schema.processlist "
                      f"WHERE id = {thread} AND info LIKE 'SELECT SLEEP%'"):
        if time.monotonic() > end:
            raise TimeoutError("the statement does not run")
        time.sleep(0.02)
    as_root(lab, lab.writer, f"KILL {thread}")
    return handle.hear()


ENDS = [("its socket shut down by the program", shut, (PYTHON, RUBY, PERL)),
        ("killed while idle", kill_idle, (PYTHON, RUBY, PERL, C)),
        ("killed in a statement", kill_busy, (PYTHON, RUBY, PERL, C))]


def transcript(lab, kind, host, env, end):
    handle = Handle(lab, kind, env)
    heard = [handle("connect " + host), handle("query SELECT 5")]
    end(lab, handle)
    heard += [handle(line) for line in AFTER[kind]]
    handle.end()
    return heard


def outline(lines, heard):
    """Whether each call went well: an error may have any of two numbers, a connection any."""
    return [h if h.startswith("ok") and line not in ("id", "socket", "ping") else h.split(" ")[0]
            for line, h in zip(lines, heard)]


def main():
    directory = tempfile.mkdtemp(prefix="pelorus-shut-")
    env = w.environment(directory)
    with Lab(instances=2, name="shut", dns_lag="0") as lab:
        for text, end, kinds in ENDS:
            for kind in kinds:
                plain = transcript(lab, kind, lab.host(lab.writer), dict(os.environ), end)
                led = transcript(lab, kind, lab.writer_name, env, end)
                lines = ["connect", "query", *AFTER[kind]]
                short = outline(lines, led), outline(lines, plain)
                note(f"{kind}, {text}: {short[0]}, without us {short[1]}")
                ok(short[0] == short[1], f"{kind}, {text}: every call answers as without us",
                   "\n".join(f"{line}: {ours}, without us {theirs}"
                             for line, ours, theirs, a, b in zip(lines, led, plain, *short)
                             if a != b))
    shutil.rmtree(directory, ignore_errors=True)
    done()


main()
