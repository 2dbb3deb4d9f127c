# SPDX-License-Identifier: Apache-2.0
"""A map that a test publishes itself, without a prober: mapctl's commands as a Python object.

It stands in FOLDER/run, which is where unchanged.environment() and the measurements look.
"""
import os
import socket
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

    def park(self, place):
        """Tells where connects are parked: a Park, or None for nowhere."""
        self.tell(f"park {place.port4} {place.port6}" if place else "park 0 0")

    def cluster(self, number, instances, port, writer="0"):
        """Publishes a cluster of (id, address) pairs under a name of its own, which is returned."""
        name = f"c{number}.cluster-abc.test-region-1.rds.amazonaws.com"
        self.tell(f"name {number} writer {name}")
        for i, (identity, address) in enumerate(instances):
            self.tell(f"instance {number} {i} {identity} {port} {address}")
        self.tell(f"writer {number} {writer}")
        return name


class Park:
    """A port that never answers, on 127.0.0.1 and on ::1: its queue is full of one connection."""

    def __init__(self):
        self.kept = []
        self.port4 = self._fill(socket.AF_INET, "127.0.0.1")
        self.port6 = self._fill(socket.AF_INET6, "::1") if socket.has_ipv6 else 0

    def _fill(self, family, address):
        listener = socket.create_server((address, 0), family=family, backlog=0)
        port = listener.getsockname()[1]
        self.kept += [listener, socket.create_connection((address, port))]
        return port

    def close(self):
        for sock in reversed(self.kept):
            sock.close()
