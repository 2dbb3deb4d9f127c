# SPDX-License-Identifier: Apache-2.0
"""One cluster's REPLICA_HOST_STATUS, kept up to date: it measures the instances and writes the
rows.

A cluster that a switchover has retired goes on to have a board of its own.
"""
import os
import threading
import time
from collections import deque

from status import Table
from wire import SqlError

MONITOR_TIMEOUT = 0.3  # one server that hangs must not stop the table


def later(delay, action):
    timer = threading.Timer(max(delay, 0), action)
    timer.daemon = True
    timer.start()


class Board:
    def __init__(self, file, behaviour, events):
        self.file = file
        self.events = events
        self.table = Table(behaviour)
        self.instances = []   # those whose rows it has; replaced as a whole, never changed
        self.writer = None
        self._lock = threading.Lock()
        self._positions = deque(maxlen=600)
        self._cpu = {}

    def tick(self):
        """Measures, and moves the timestamps of those that live."""
        samples = {}
        for instance in self.instances:
            if instance.live:
                cpu, lag = self._cpu_of(instance), self._lag_of(instance)
                samples[instance.id] = (float(instance.overrides.get("cpu", cpu)),
                                        float(instance.overrides.get("lag", lag)))
        with self._lock:
            self.table.tick(time.time(), samples)
            self._publish()

    def _cpu_of(self, instance):
        """Percent of one processor since the last look."""
        try:
            with open(f"/proc/{instance.process.pid}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            return 0.0
        spent = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        now = time.monotonic()
        before, at = self._cpu.get(instance.process.pid, (spent, now - 1))
        self._cpu[instance.process.pid] = (spent, now)
        return 100 * (spent - before) / max(now - at, 0.1)

    def _lag_of(self, instance):
        """How long ago the writer was where this instance is now, in ms."""
        try:
            if instance.monitor is None:
                instance.monitor = instance.connect(MONITOR_TIMEOUT)
            position = instance.position(instance.monitor)
        except (OSError, SqlError):
            instance.monitor = None
            return 0.0
        now = time.monotonic()
        if instance is self.writer:
            self._positions.append((now, position))
            return 0.0
        ahead = [at for at, writer in self._positions if writer > position]
        return 1000 * (now - ahead[0]) if ahead else 0.0

    def _publish(self):
        with open(self.file + ".new", "w") as file:
            file.write(self.table.text())
        os.rename(self.file + ".new", self.file)

    def show_writer(self, instance):
        """Shows a writer, or none, without any transition."""
        with self._lock:
            self.writer = instance
            self.table.writer_is(instance.id if instance else None)
            self._publish()

    def promoted(self, instance):
        """Begins the transition to a new writer, bad manners and all."""
        with self._lock:
            self.writer = instance
            settles = self.table.promoted(time.time(), instance.id)
            self._publish()
        later(settles - time.time(), self._settle)

    def _settle(self):
        with self._lock:
            settled = self.table.settle(time.time())
            if settled:
                self._publish()
        if settled:
            self.events.emit("topology", writer=sorted(self.table.masters),
                             members=list(self.table.rows))

    def rename(self, names):
        """The instances have got other names: {old: new}."""
        with self._lock:
            self.table.rename(names)
            self._publish()

    def row(self, instance):
        return self.table.rows.get(instance.id)
