# SPDX-License-Identifier: Apache-2.0
"""Writers side by side through failovers of one lab, each with what it takes to be back.

    with Race(lab, apps) as race:
        race.start("C", [...], pelorus=True)
        race.failover("crash", wait_for=["C"], limit=4)     {"C": 12.3, ...} milliseconds, or None

Outage is the moment at which a write by the new writer is told to the application, minus the moment
at which it became writable.  The rows themselves say who wrote them.
"""
import threading
import time

from lib.lab import now
from lib.programs.writer import Writer

TABLE = """CREATE TABLE IF NOT EXISTS journal (id BIGINT AUTO_INCREMENT PRIMARY KEY,
writer INT, n INT, server VARCHAR(64) DEFAULT (@@aurora_server_id))"""
LOOK_S = 0.05


def clock_offset():
    """What runtimes without CLOCK_BOOTTIME must add to CLOCK_MONOTONIC."""
    return str(now() - time.clock_gettime_ns(time.CLOCK_MONOTONIC))


class Entry:
    def __init__(self, name, number, command, env, host, more, pause_ms):
        self.name, self.number, self.command, self.env = name, number, command, env
        self.host, self.more, self.pause_ms = host, more, pause_ms
        self.writer = None
        self.retired = []  # earlier processes of this entry, with all that they told

    def start(self, lab):
        # Each process counts from 1: numbers tell them apart.
        self.retired += [self.writer] if self.writer else []
        self.number += 100
        self.writer = Writer(lab, self.name, self.number, self.env, self.pause_ms,
                             command=self.command, more=self.more, host=self.host)

    def stop(self):
        if self.writer.process.poll() is None:
            self.writer.process.stdin.close()
            self.writer.process.kill()
        self.writer.process.wait()


class Race:
    def __init__(self, lab, apps):
        self.lab, self.apps = lab, apps
        self.entries = {}
        self.instances = len(lab.status()["instances"])

    def __enter__(self):
        self.lab.sql("writer", TABLE)
        return self

    def __exit__(self, *_):
        for entry in self.entries.values():
            entry.stop()

    def start(self, name, command, host=None, more=(), pelorus=False, pause_ms=5, **environment):
        env = self.apps.env(plain=not pelorus, BOOT_MINUS_MONOTONIC_NS=clock_offset(),
                            **environment)
        entry = Entry(name, len(self.entries) + 1, command, env, host or self.lab.writer_name, more,
                      pause_ms)
        self.entries[name] = entry
        entry.start(self.lab)

    def stop(self, name):
        self.entries.pop(name).stop()

    def wait_writing(self):
        """All write; who is stuck on what is no writer any more is started anew."""
        begin, end = now(), time.monotonic() + 5
        for entry in self.entries.values():
            if not entry.writer.wait_for(begin, max(end - time.monotonic(), 0.1)):
                entry.stop()
                entry.start(self.lab)
        for entry in self.entries.values():
            if not entry.writer.wait_for(begin, 40):
                raise RuntimeError(f"{entry.name} does not write: {entry.writer.lines[-1:]} "
                                   f"{entry.writer.stderr}")

    def wait_settled(self):
        """The prober finds every instance well."""
        writer = self.lab.writer
        self.apps.prober.wait(lambda c: c.writer == writer and c.is_settled(self.instances), 60)

    def first_on(self, writer, last_id):
        """{number: the first n} of the rows that a writer made since."""
        rows = self.lab.sql(writer, "SELECT writer, MIN(n) FROM journal WHERE "
                                    f"id > {last_id} AND server = '{writer}' GROUP BY writer")
        return {int(number): int(n) for number, n in rows}

    def outages(self, writable, last_id, names):
        """Milliseconds of each entry that is back; those that are not are left out."""
        firsts, found = self.first_on(writable["id"], last_id), {}
        for name in names:
            writer = self.entries[name].writer
            first = firsts.get(writer.number)
            told = first and next((ns for ns, word, n, _ in list(writer.lines)
                                   if word == "ok" and n >= first), None)
            if told:
                found[name] = (told - writable["boot_ns"]) / 1e6
        return found

    def tell_floor(self, floor, address, after_s):
        def tell():
            stream = self.entries[floor].writer.process.stdin
            stream.write(address + "\n")
            stream.flush()
        if after_s:
            threading.Timer(after_s, tell).start()
        else:
            tell()

    def failover(self, mode, wait_for=None, limit=5, floor=None, detect_s=None):
        """One failover: its events and, of each entry, the outage; None if it is not back by then.

        `floor` is the entry that is told beforehand who will be the new writer, a moment before it
        is one if the servers take `detect_s` to choose it."""
        status = self.lab.status()
        target = next(i for i in status["instances"] if i["role"] == "reader")
        last_id = self.lab.sql("writer", "SELECT COALESCE(MAX(id), 0) FROM journal")[0][0]
        if floor:
            self.tell_floor(floor, target["addresses"][0], detect_s and detect_s - 1)
        detect = ("--detect", f"{detect_s}s") if detect_s else ()
        events = self.lab.failover(mode, "--to", target["id"], *detect)
        end = time.monotonic() + limit
        names = list(self.entries)
        while True:
            found = self.outages(events["writable"], last_id, names)
            if all(n in found for n in wait_for or names) or time.monotonic() > end:
                break
            time.sleep(LOOK_S)
        self.recover(mode, events)
        return events, {name: found.get(name) for name in names}

    def recover(self, mode, events):
        if mode == "blackhole":
            self.lab.run("heal", events["failure"]["id"])
        self.lab.wait_event("back", events["failure"]["boot_ns"], id=events["failure"]["id"])
        self.lab.run("dns", "follow")
