#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A session that was moved has the collation that it had.

libmariadb logs in with a collation of its own; when it connects anew it names the character set
alone, and MySQL's collation for that is another.
"""
import tempfile

from lib.lab import Lab
from lib.programs import writer as w
from lib.programs.handles import await_writer
from lib.programs.shell import Shell
from lib.servers import mysql97
from lib.tap import done, ok, skip

ASK = "query SELECT @@collation_connection"
LOGIN, SERVER = "ok utf8mb4_general_ci", "ok utf8mb4_0900_ai_ci"
# What the program does, and the collation that it has then.
CASES = [
    ("a login's", [], LOGIN),
    ("that of a change of user", ["charset utf8mb4", "user app"], LOGIN),
    ("that of a change of the character set", ["charset utf8mb4"], SERVER),
    ("that of SET NAMES", ["query SET NAMES utf8mb4"], SERVER),
    ("one that was named", ["query SET NAMES utf8mb4 COLLATE utf8mb4_bin"], "ok utf8mb4_bin"),
    ("that of a reset", ["reset"], SERVER),
]


class Case:
    def __init__(self, lab, env, title, lines, expected):
        self.title, self.expected, self.shell = title, expected, Shell(lab, env)
        self.heard = [self.shell(line) for line in ("connect " + lab.writer_name, *lines, ASK)]

    def judge(self):
        ok(self.heard[-1] == self.expected, f"{self.title} is there", self.heard)
        heard = [self.shell(line) for line in ("query SELECT 5", ASK)]
        ok(heard == ["ok 5", self.expected], "... and behind a move", heard)
        self.shell.close()


def main():
    with tempfile.TemporaryDirectory(prefix="pelorus-collation-") as directory, \
            Lab(instances=2, name="collation", server="mysql") as lab:
        env = w.environment(directory)
        cases = [Case(lab, env, *case) for case in CASES]
        lab.failover("graceful")
        await_writer(lab, env)
        for case in cases:
            case.judge()
    done()


try:
    mysql97.fetch()
except mysql97.Unavailable as error:
    skip("collations of MySQL 9.7", error)
    done()
main()
