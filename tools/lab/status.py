# SPDX-License-Identifier: Apache-2.0
"""The rows of REPLICA_HOST_STATUS, as badly behaved as Aurora's.

Pure: facts and the moment go in, rows come out.  Timestamps move only when tick() is called, about
once a second.  After a promotion the table lags by a random time; meanwhile it shows no MASTER row
or two.  The row of an instance that is gone lingers and is not refreshed.
"""
import random
import uuid
from datetime import datetime, timezone

MASTER = "MASTER_SESSION_ID"


class Behaviour:
    """What is adjustable; the defaults are Aurora's bad ones."""
    period = 1.0
    lag = (0.2, 1.2)
    no_master = 0.5      # share of failovers without any MASTER row, the others show two
    linger = 86400.0
    jitter = 0.04
    late = 0.2           # how long the old writer may go on to say that it is one

    def __init__(self, **given):
        for name, value in given.items():
            if not hasattr(Behaviour, name):
                raise ValueError(f"the table has no setting {name}")
            if name == "lag" and len(value) != 2 or name == "period" and value <= 0:
                raise ValueError(f"{name} is a range such as lag=200ms..1200ms, or above 0")
            setattr(self, name, value)


class Row:
    def __init__(self):
        self.session = str(uuid.uuid4())
        self.cpu = 0.0
        self.lag = 0.0
        self.updated = None  # seconds since the epoch; None: never seen alive


class Table:
    def __init__(self, behaviour=None, rand=None):
        self.behaviour = behaviour or Behaviour()
        self.random = rand or random.Random()
        self.rows = {}
        self.masters = set()
        self._next = set()
        self._settles = None

    def tick(self, now, samples):
        """`samples`: {id: (cpu, lag in ms)} of those that live."""
        for name, (cpu, lag) in samples.items():
            row = self.rows.setdefault(name, Row())
            row.cpu, row.lag = cpu, lag
            row.updated = now - self.random.uniform(0, self.behaviour.jitter)
        for name, row in list(self.rows.items()):
            if row.updated is None or now - row.updated > self.behaviour.linger:
                del self.rows[name]

    def writer_is(self, name):
        """From the start, or without any transition."""
        self.masters, self._settles = ({name} if name else set()), None

    def promoted(self, now, name):
        """Begins the transition to a new writer.  Returns the moment at which it ends."""
        if self.random.random() < self.behaviour.no_master:
            self.masters = set()
        else:
            self.masters = self.masters | {name}
            self.rows.setdefault(name, Row()).updated = now
        self._next = {name}
        self._settles = now + self.random.uniform(*self.behaviour.lag)
        return self._settles

    def settle(self, now):
        """Ends the transition if its time has come.  Returns whether it did."""
        if self._settles is None or now < self._settles:
            return False
        self.masters, self._settles = self._next, None
        for name in self.masters:
            self.rows.setdefault(name, Row()).updated = now
        return True

    def rename(self, names):
        self.rows = {names.get(name, name): row for name, row in self.rows.items()}
        self.masters = {names.get(name, name) for name in self.masters}

    def text(self):
        lines = []
        for name, row in self.rows.items():
            if row.updated is None:
                continue
            master = name in self.masters
            stamp = datetime.fromtimestamp(row.updated, timezone.utc)
            lines.append("\t".join((name, MASTER if master else row.session,
                                    "1" if master else "0", f"{row.cpu:.2f}",
                                    stamp.strftime("%Y-%m-%d %H:%M:%S.%f"),
                                    "0" if master else f"{row.lag:.3f}")) + "\n")
        return "".join(lines)
