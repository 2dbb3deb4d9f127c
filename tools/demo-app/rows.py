# SPDX-License-Identifier: Apache-2.0
"""Any other program: what it writes is counted by the servers, for nothing is known of it.

Each server counts the rows that each user has inserted, updated and deleted (MariaDB's userstat;
what is rolled back counts too).  They are asked every few milliseconds by sockets that no failover
touches.  A server that is gone takes its counters along, so only what they grow by is added up.
"""
import os
import subprocess
import threading
import time

import wire
from experiment import PREFIXES, Trouble

EVERY = 0.01
LIMIT = 60.0
ENOUGH = 3  # of the last seconds a copy must have written in, to count as being at work
QUESTION = ("SELECT USER, ROWS_INSERTED + ROWS_UPDATED + ROWS_DELETED "
            "FROM information_schema.USER_STATISTICS WHERE USER LIKE 'demo\\_with%'")


class Server:
    """The counters of one server, by user; nothing while it does not answer."""

    def __init__(self, path):
        self.path = path
        self.connection = None
        self.seen = {}

    def growth(self):
        try:
            if self.connection is None:
                self.connection = wire.Connection(self.path, timeout=1.0)
            now = {user: int(rows) for user, rows in self.connection.query(QUESTION)}
        except (OSError, wire.SqlError):
            self.connection, self.seen = None, {}
            return {}
        grown = {user: rows - self.seen.get(user, 0) for user, rows in now.items()}
        self.seen = now
        return grown


class Rows:
    def __init__(self, experiment, command):
        self.experiment = experiment
        self.command = command
        self.written = {name: [] for name in PREFIXES}  # (moment, rows) of each growth
        self.ended = {}  # (moment, status) of a program that is no more
        self.stopping = threading.Event()
        self.threads = []

    def start(self):
        for path in self.experiment.sockets():
            self.begin(self.count, Server(path))
        for name in PREFIXES:
            with open(self.said(name), "w") as out:
                self.experiment.start(name, self.command, stdin=subprocess.DEVNULL, stdout=out,
                                      stderr=subprocess.STDOUT, start_new_session=True)
            self.begin(self.watch, name)

    def begin(self, what, about):
        self.threads.append(threading.Thread(target=what, args=(about,), daemon=True))
        self.threads[-1].start()

    def said(self, name):
        return os.path.join(self.experiment.folder, name + ".out")

    def count(self, server):
        while not self.stopping.wait(EVERY):
            grown = server.growth()
            moment = time.time()
            for name, rows in grown.items():
                if rows > 0:
                    self.written[name].append((moment, rows))

    def watch(self, name):
        """Writes down when a copy has ended by itself, and how."""
        status = self.experiment.children[name].wait()
        if not self.stopping.is_set():
            self.ended[name] = time.time(), status

    def wait_working(self):
        limit = time.monotonic() + LIMIT
        while not all(self.works(name) for name in PREFIXES):
            for name, (_, status) in dict(self.ended).items():
                raise self.trouble(name, f"ended with status {status} before the failover")
            if time.monotonic() > limit:
                idle = next(name for name in PREFIXES if not self.works(name))
                raise self.trouble(idle, f"did not come to write each second within {LIMIT:.0f} s")
            time.sleep(0.1)

    def trouble(self, name, what):
        copy = "with" if name == "demo_with" else "without"
        said = self.last_words(name)
        return Trouble(f"the program {copy} Pelorus {what}. It said" +
                       (f" last:\n{said}" if said else " nothing."))

    def works(self, name):
        now = time.time()
        return all(any(now - i - 1 <= moment < now - i for moment, _ in list(self.written[name]))
                   for i in range(ENOUGH))

    def finish(self):
        self.stopping.set()
        for child in self.experiment.children.values():
            if child.poll() is None:
                child.terminate()
        for thread in self.threads:
            thread.join(5)

    def last_words(self, name):
        with open(self.said(name), errors="replace") as text:
            return "\n".join("   " + line[:200] for line in text.read().splitlines()[-5:])

    def cell(self, name, low, high):
        """Whether it wrote between two moments, and what there is to say of that."""
        moment, status = self.ended.get(name, (None, None))
        if moment is not None and moment < low:
            return False, "  - ended"
        rows = sum(n for when, n in self.written[name] if low <= when < high)
        text = f"{rows:5} rows" if rows else "    - no row"
        if moment is not None and moment < high:
            text += f", ended with status {status}"
        return rows > 0, text

    def first(self, name, zero):
        return min((moment for moment, _ in self.written[name] if moment >= zero), default=None)

    def remark(self, name):
        if name in self.ended:
            return f" (it ended with status {self.ended[name][1]})"
        return ""
