# SPDX-License-Identifier: Apache-2.0
"""From the new writer's becoming writable to the published wake word.

The lab says, by the clock that the map uses, when the promoted instance took its first write; a
sleeper on the wake word says when it was woken to the new writer in the map.  `kept` is a graceful
handover that breaks no connection.

A Witness writes to all instances meanwhile: what it could do, and when, is the floor.

A writer that falls silent has not recanted, and who claims beside it for the third time in ten
seconds is disputed on purpose: many black holes must be CALM_S from one another.
"""
import os
import subprocess
import threading
import time

from lib.paths import CLIENTS
from lib.prober import Watch

WORDS = {"kept": ("graceful", "--keep-connections")}
CALM_S = 11


class Witness:
    """Writes to all instances of a lab: who let a row in, when, and are all there in the end."""

    def __init__(self, lab):
        self.lab, self.seen, self.news = lab, [], threading.Condition()
        self.late = []  # milliseconds from the first row that a new writer let in to published
        lab.sql("writer", "CREATE TABLE everywhere (host INT, number INT, PRIMARY KEY (host, "
                "number))")
        self.ids = [i["id"] for i in lab.status()["instances"]]
        self.process = lab.popen("/usr/bin/python3", os.path.join(CLIENTS, "python",
                                                                  "everywhere.py"),
                                 *map(lab.host, self.ids), stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def _listen(self):
        for line in self.process.stdout:
            with self.news:
                self.seen.append(tuple(map(int, line.split())))
                self.news.notify_all()

    def note(self, published, failure, writer):
        """One failover."""
        number = self.ids.index(writer)
        with self.news:
            self.news.wait_for(lambda: self._first(failure, number), 10)
            first = self._first(failure, number)
        self.late.append((published - first) / 1e6 if first else None)

    def _first(self, since_ns, number):
        return next((t for t, n, _ in self.seen if n == number and t > since_ns), None)

    def end(self):
        """(rows that were acknowledged, how many of them are lost)"""
        self.process.stdin.close()
        self.process.wait(30)
        self.listener.join()
        said = {(str(n), str(count)) for _, n, count in self.seen}
        rows = set(self.lab.sql(self.lab.writer, "SELECT host, number FROM everywhere"))
        return len(said), len(said - rows)


def one_round(lab, watch, mode, witness=None):
    """The milliseconds of one failover; None if no sleeper saw the new writer."""
    events = lab.failover(*WORDS.get(mode, (mode,)))
    writable = events["writable"]
    published = watch.wait_first(events["failure"]["boot_ns"],
                                 lambda c: c.state == "known" and c.writer == writable["id"], 30)
    if mode == "blackhole":
        lab.run("heal", events["failure"]["id"])
    if witness and published:
        witness.note(published, events["failure"]["boot_ns"], writable["id"])
    return (published - writable["boot_ns"]) / 1e6 if published else None


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


def rounds(lab, prober, mode, count, each=None, calm_s=0, witness=None):
    """The milliseconds of so many failovers, from writable to published; None where it was not."""
    instances = len(prober.cluster().instances)
    watch = Watch(prober)
    figures = []
    for _ in range(count):
        figures.append(one_round(lab, watch, mode, witness))
        if each:
            each(figures[-1])
        prober.wait_settled(instances, 60)
        time.sleep(calm_s)
    watch.end()
    most = max(sum(i.role == "writer" for i in c.instances.values()) for _, c in watch.seen)
    if most > 1:
        raise AssertionError(f"{most} writers were published at one time")
    return figures


def summary(mode, figures):
    values = [f for f in figures if f is not None]
    missed = [str(i + 1) for i, f in enumerate(figures) if f is None]
    text = f"{mode}: {len(values)} rounds"
    if values:
        text += (f", median {quantile(values, 0.5):.1f} ms, p99 {quantile(values, 0.99):.1f} ms, "
                 f"max {max(values):.1f} ms")
    return text + (f", never seen in round {' '.join(missed)}" if missed else "")
