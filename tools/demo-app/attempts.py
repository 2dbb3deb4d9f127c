# SPDX-License-Identifier: Apache-2.0
"""The demo's own program: it tells of each attempt, whether it wrote and what it was told else."""
import json
import os
import subprocess
import time

from experiment import HERE, PREFIXES, Trouble

TEXT = "one Node program, a pool of four connections, an INSERT every 20 ms"
SHORT = {"ER_OPTION_PREVENTS_STATEMENT": "1290 read-only", "PROTOCOL_CONNECTION_LOST": "lost",
         "ECONNREFUSED": "refused", "ECONNRESET": "reset"}
ENOUGH = 75  # writes until a copy counts as being at work
LIMIT = 30.0


class Attempts:
    def __init__(self, experiment):
        self.experiment = experiment
        self.logs = {}

    def start(self):
        for name in PREFIXES:
            writer = json.loads(self.experiment.lab("status", "--json"))["writer"]
            self.experiment.sql(f"CREATE TABLE {name}.demo_writes (id BIGINT AUTO_INCREMENT "
                                "PRIMARY KEY, at DATETIME(6), server VARCHAR(64))", writer)
            self.logs[name] = open(os.path.join(self.experiment.folder, name), "w+")
            self.experiment.start(name, ["node", os.path.join(HERE, "app.js")],
                                  stdin=subprocess.PIPE, stdout=self.logs[name])

    def wait_working(self):
        limit = time.monotonic() + LIMIT
        while any(sum("error" not in a for a in self.read(n)) < ENOUGH for n in PREFIXES):
            if time.monotonic() > limit:
                raise Trouble("the program does not write: " +
                              str([self.read(n)[-1:] for n in PREFIXES]))
            time.sleep(0.1)

    def finish(self):
        children = self.experiment.children
        for child in children.values():
            child.stdin.close()
        for child in children.values():
            child.wait(20)
        self.runs = {n: self.read(n) for n in PREFIXES}

    def read(self, name):
        log = self.logs[name]
        log.seek(0)
        told = []
        for line in log.read().splitlines():
            try:
                told.append(json.loads(line))
            except ValueError:
                continue  # a line that is still being written
        return told

    def cell(self, name, low, high):
        """Whether it wrote between two moments, and what there is to say of that."""
        tries = [a for a in self.runs[name] if low <= a["end"] / 1000 < high]
        if not tries:
            return False, "  - waiting, nothing answers"
        bad = [a for a in tries if "error" in a]
        text = f"{len(tries) - len(bad):3} written"
        if bad:
            names = sorted({SHORT.get(a["error"], str(a["error"])) for a in bad})
            text += f", {len(bad):2} failed: " + ", ".join(names)
        return len(bad) < len(tries), text

    def first(self, name, zero):
        """When the first attempt that began behind this moment had succeeded."""
        return min((a["end"] / 1000 for a in self.runs[name]
                    if "error" not in a and a["begin"] / 1000 >= zero), default=None)

    def remark(self, name):
        return f" ({sum('error' in a for a in self.runs[name])} failed attempts)"
