# SPDX-License-Identifier: Apache-2.0
"""A map that a test publishes itself, without a prober: mapctl's commands as a Python object.

It stands in FOLDER/run, which is where unchanged.environment() and the measurements look.
"""
import os
import subprocess

from lib.paths import MAPCTL


class Map:
    def __init__(self, folder):
        self.directory = os.path.join(folder, "run")
        os.makedirs(self.directory, 0o700, exist_ok=True)

    def __enter__(self):
        self.child = subprocess.Popen([MAPCTL, self.directory], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True, bufsize=1)
        return self

    def __exit__(self, *failure):
        self.child.stdin.close()
        self.child.wait(30)
        self.child.stdout.close()

    def tell(self, line):
        """One command; when it had been carried out (CLOCK_BOOTTIME, nanoseconds)."""
        self.child.stdin.write(line + "\n")
        word, _, value = self.child.stdout.readline().partition(" ")
        if word != "ok":
            raise RuntimeError(f"mapctl: {line}: {word} {value}")
        return int(value)

    def cluster(self, number, instances, port, writer="0"):
        """Publishes a cluster of (id, address) pairs under a name of its own, which is returned."""
        name = f"c{number}.cluster-abc.test-region-1.rds.amazonaws.com"
        self.tell(f"name {number} writer {name}")
        for i, (identity, address) in enumerate(instances):
            self.tell(f"instance {number} {i} {identity} {port} {address}")
        self.tell(f"writer {number} {writer}")
        return name
