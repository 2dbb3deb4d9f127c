# SPDX-License-Identifier: Apache-2.0
"""Writers that tell of each statement how it went, and what the table says in the end.

A writer is a program of test/clients, started inside a lab.  It ends when its input does.
"""
import os
import subprocess
import threading
import time

from lib import environ
from lib.paths import BUILD, CLIENTS, PELORUSD

TABLE = "CREATE TABLE IF NOT EXISTS journal (writer INT, n INT, at TIMESTAMP(6) DEFAULT NOW(6))"

PROGRAMS = {
    "C": [os.path.join(BUILD, "test", "clients", "c", "writer")],
    "C, linked with pelorus": [os.path.join(BUILD, "test", "clients", "c", "writer-linked")],
    "Python mysqlclient": ["/usr/bin/python3", os.path.join(CLIENTS, "python", "writer.py")],
    "Ruby mysql2": ["/usr/bin/ruby", os.path.join(CLIENTS, "ruby", "writer.rb")],
    "Perl DBD::MariaDB": ["/usr/bin/perl", os.path.join(CLIENTS, "perl", "writer.pl")],
}


def environment(directory, preload=True, **more):
    """What a program needs to be served by this build, with a prober of its own."""
    made = environ.preload(directory, prober=PELORUSD,
                           **{"PELORUS_USER": "app", "PELORUS_PASSWORD": "app", **more})
    if not preload:
        del made["LD_PRELOAD"]
    return environ.plain(**made)


def program(name):
    """One of test/clients, as meson built it."""
    return os.path.join(BUILD, "test", "clients", *name.split("/"))


def count(lab, writers):
    """Of each writer: rows that are in the table twice, and acknowledged ones that are not."""
    rows = lab.sql(lab.writer, "SELECT writer, n, COUNT(*) FROM journal GROUP BY writer, n")
    for writer in writers:
        mine = {int(n): int(times) for who, n, times in rows if int(who) == writer.number}
        yield writer, [n for n, times in mine.items() if times > 1], \
            writer.acknowledged() - set(mine), len(mine)


class Writer:
    def __init__(self, lab, kind, number, env, pause_ms=5, command=None, more=(), host=None):
        self.kind, self.number = kind, number
        self.lines = []  # (ns, "ok" or "error", n, rest)
        self.process = lab.popen(*(command or PROGRAMS[kind]), host or lab.writer_name,
                                 str(number), str(pause_ms), *more, env=env, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.readers = [threading.Thread(target=self.read, daemon=True),
                        threading.Thread(target=self.read_errors, daemon=True)]
        self.stderr = ""
        for thread in self.readers:
            thread.start()

    def read(self):
        for line in self.process.stdout:
            ns, word, n, *rest = line.rstrip("\n").split(" ", 3) + [""] * 2
            if not ns.isdigit() or not line.endswith("\n"):
                continue  # some libraries write their log there; or it was killed in the middle
            self.lines.append((int(ns), word, int(n), rest[0] if rest else ""))

    def read_errors(self):
        self.stderr = self.process.stderr.read()

    def wait_for(self, after_ns=0, limit=60):
        """Waits until a write that was acknowledged after a moment is told."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if any(ns > after_ns and word == "ok" and n > 0
                   for ns, word, n, _ in self.lines[-50:]):
                return True
            if self.process.poll() is not None:
                return False
            time.sleep(0.02)
        return False

    def end(self):
        """Its exit status, when everything that it said has been read."""
        self.process.stdin.close()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
        for thread in self.readers:
            thread.join(10)
        return self.process.wait()

    def errors(self, after_ns=0, before_ns=1 << 63):
        return [line for line in self.lines
                if line[1] == "error" and after_ns < line[0] < before_ns]

    def acknowledged(self):
        return {n for _, word, n, _ in self.lines if word == "ok" and n > 0}

    def told(self):
        return {n for _, _, n, _ in self.lines if n > 0}
