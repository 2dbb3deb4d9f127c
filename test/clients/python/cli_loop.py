#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The mariadb command, one process that is typed to; see test/clients/node/loop.mjs.

When it finds the connection gone it says so (2006), connects again and executes the statement: that
counts as no error.

This program itself is only its terminal, and is not preloaded: the command gets the environment.
"""
import json
import os
import pty
import select
import subprocess
import sys
import time

HOST, PORT = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "3306"
INSERT = "INSERT INTO writes (client, server) VALUES ('mariadb', @@hostname);"
MARK = "SELECT CONCAT('ser', 'ved');"  # what is typed is echoed, and must not look like the answer


class Command:
    """On a terminal: only there it connects again by itself."""

    def __init__(self):
        self.terminal, slave = pty.openpty()
        env = {**os.environ, "LD_PRELOAD": os.environ.pop("CLI_PRELOAD", ""), "TERM": "dumb"}
        self.child = subprocess.Popen(
            ["mariadb", "-h", HOST, "-P", PORT, "-uapp", "-papp", "app"], stdin=slave,
            stdout=slave, stderr=slave, env=env, start_new_session=True)
        os.close(slave)
        self.read_until(b"> ")

    def read_until(self, mark):
        said, end = b"", time.monotonic() + 30
        while mark not in said and time.monotonic() < end:
            if select.select([self.terminal], [], [], 0.2)[0]:
                said += os.read(self.terminal, 65536)
        return said.decode(errors="replace")

    def write(self):
        os.write(self.terminal, f"{INSERT}\n{MARK}\n".encode())
        said = self.read_until(b"served")
        return [x.strip() for x in said.splitlines()]


def main():
    command = Command()
    line = "write 1"
    while line:
        answer = {"ok": 0, "errors": [], "ms": 0}
        for _ in range(int(line.split()[1])):
            begin = time.monotonic()
            said = command.write()
            errors = [x for x in said if x.startswith("ERROR") and "2006" not in x]
            errors += [] if any("Query OK" in x for x in said) else said[-1:]
            answer["ms"] = max(answer["ms"], (time.monotonic() - begin) * 1e3)
            answer["errors"] += errors
            answer["ok"] += not errors
        print(json.dumps(answer), flush=True)
        line = sys.stdin.readline()


main()
