#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""MariaDB's own programs with and without the preload, by a name that is nobody's: what they print,
to the byte, and how they end.

They have the client library linked in statically and export its names, as a program would that
brings a library of its own.  mysqltest does a script of ours, if its package can be had.
Durations, which differ from run to run, are made the same.
"""
import os
import re
import shutil
import tempfile

from lib import environ
from lib.lab import Lab
from lib.paths import CLIENTS
from lib.programs import debs
from lib.programs import writer as w
from lib.tap import done, ok, skip

TABLE = "CREATE TABLE programs (a INT PRIMARY KEY)"
SCRIPT = """
DROP TABLE programs;
CREATE TABLE programs (a INT PRIMARY KEY, b VARCHAR(50), c BLOB);
INSERT INTO programs VALUES (1, 'one', x'00ff27'), (2, NULL, 'line\\nbreak');
SELECT * FROM programs;
INSERT INTO programs VALUES (1, 'again', NULL);
SELECT nonsense;
SHOW WARNINGS;
START TRANSACTION; UPDATE programs SET b = 'x'; ROLLBACK;
SELECT a, b, HEX(c) FROM programs\\G
STATUS_IS_NO_STATEMENT;
"""
PROGRAMS = [
    ["sh", "-c", 'mariadb "$@" <{folder}/script', "mariadb", "-vvv", "--force", "--table", "app"],
    ["mariadb", "--batch", "--raw", "--skip-column-names", "app", "-e", "SELECT * FROM programs"],
    ["mariadb", "--xml", "app", "-e", "SELECT a, b FROM programs"],
    ["mariadb", "nothing", "-e", "SELECT 1"],
    ["mariadb-dump", "--skip-dump-date", "app", "programs"],
    ["mariadb-dump", "--skip-dump-date", "--xml", "app", "absent"],
    ["mariadb-admin", "ping"],
    ["mariadb-admin", "--force", "create", "app"],
    ["mariadb-check", "app", "programs"],
    ["mariadb-import", "--local", "--delete", "app", "{folder}/programs.txt"],
    ["mariadb", "--table", "app", "-e", "SELECT * FROM programs"],
    ["mariadb-show", "app", "programs"],
    ["mariadb-slap", "--create-schema=slap", "--no-drop", "--iterations=2", "--concurrency=3",
     "--number-of-queries=30", "--query=SELECT 1"],
]
DURATION = re.compile(r"\(\d+\.\d+ sec\)|\b\d+\.\d{3} seconds")


def outcome(lab, command, environment):
    done_ = lab.exec(*command, env=environment, check=False, errors="backslashreplace")
    return done_.returncode, DURATION.sub("(time)", done_.stdout), done_.stderr


def compare(lab, command, directory, text, **more):
    """Runs it without and with the library; how it went without."""
    alone = outcome(lab, command, environ.plain(**more))
    under = outcome(lab, command, dict(w.environment(directory), **more))
    ok(alone == under, f"{text}: the same to the byte", f"without: {alone}\nwith: {under}")
    return alone


def programs(lab, login, directory):
    with open(os.path.join(directory, "script"), "w") as out:
        out.write(SCRIPT)
    with open(os.path.join(directory, "programs.txt"), "w") as out:
        out.write("7\tseven\t\\N\n8\teight\tx\n")
    for number, words in enumerate(PROGRAMS, 1):
        words = [word.replace("{folder}", directory) for word in words]
        at = words.index("mariadb", 1) if words[0] == "sh" else 0
        command = [*words[:at + 1], *login, *words[at + 1:]]
        fails = {"nothing", "absent", "create", "sh"} & set(words)
        status, out, err = compare(lab, command, directory, f"{words[at]} {number}")
        ok(fails or (status == 0 and out), f"{words[at]} {number}: and it did its work", (out, err))


def mysqltest(lab, login, host, directory):
    program, problem = debs.unpack("mariadb-test", "/usr/bin/mariadb-test")
    if problem:
        return skip("mysqltest prints the same", problem)
    script = os.path.join(CLIENTS, "shell", "statements.test")
    status, out, err = compare(lab, [program, *login, "--database=app", "--test-file=" + script],
                               directory, "mysqltest", HOST=host)
    ok(status == 0 and "deux" in out, "mysqltest: and it came to its end", (status, out, err))


def main():
    directory = tempfile.mkdtemp(prefix="pelorus-programs-")
    with Lab(instances=1, name="programs") as lab:
        host = lab.host(lab.writer)
        login = ["-h", host, "-uapp", "-papp"]
        lab.sql(lab.writer, TABLE)
        programs(lab, login, directory)
        mysqltest(lab, login, host, directory)
    shutil.rmtree(directory, ignore_errors=True)
    done()


main()
