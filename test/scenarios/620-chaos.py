#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Everything goes wrong, in an order that a seed decides, while many programs write and read.

    620-chaos.py [--minutes N] [--seed S] [--steps NAME,NAME...]

The history of all attempts is checked afterwards: nothing acknowledged is lost, nothing is there
twice, nothing was written by who was not the writer, and all were back soon after each step.  In
the end two writers are led astray on purpose, and the same checks must find them.
"""
import argparse
import glob
import os
import random
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import clients  # noqa: E402
import history  # noqa: E402
import published  # noqa: E402
from apps import Apps  # noqa: E402
from chaos import Chaos  # noqa: E402
from lab import Lab, now  # noqa: E402
from race import TABLE, clock_offset  # noqa: E402
from tap import done, note, ok  # noqa: E402
from writer import CLIENTS, Writer, program  # noqa: E402

SYSTEM_PYTHON = "/usr/bin/python3"
# name: (command, pause in ms)
WRITERS = {
    "C": ([program("c/writer")], 15),
    "C, another": ([program("c/writer")], 40),
    "Python mysqlclient": ([SYSTEM_PYTHON, os.path.join(CLIENTS, "python", "writer.py")], 25),
    "PHP mysqli": (["php", os.path.join(CLIENTS, "php", "writer.php")], 20),
    "Node mysql2 pool": (["node", os.path.join(CLIENTS, "node", "writer.mjs")], 20),
    "short-lived processes": (["bash", os.path.join(CLIENTS, "shell", "writer.sh")], 200),
}
READERS = {"reader 1": 20, "reader 2": 50}
BACK_MS = 2000      # the bound; a loaded machine gets BACK_SLACK_MS more before it is a failure
BACK_SLACK_MS = 1500
# No process starts another prober before the last one's heartbeat is 5 s old.
LATER_MS = {"failover_without_prober": 6000}
WAIT_S = 20
# A reader may refuse a write while there is no prober that could know, and on connections that a
# writer keeps when it becomes a reader, until it has said so.
UNKNOWABLE = ("failover_without_prober", "prober_stopped", "handover", "switchover")


class Run:
    def __init__(self, lab, apps, seed):
        self.lab, self.apps = lab, apps
        self.chaos = Chaos(lab, apps, seed)
        self.writers, self.readers = {}, {}
        self.first = lab.writer
        self.steps, self.slow, self.worst_ms = [], [], 0.0
        self.excused = []

    def start(self):
        env = self.apps.env(BOOT_MINUS_MONOTONIC_NS=clock_offset())
        for number, (name, (command, pause)) in enumerate(WRITERS.items(), 1):
            if command[0] == "node" and clients.node_problem():
                continue
            self.writers[name] = Writer(self.lab, name, number, env, pause, command)
        command = [SYSTEM_PYTHON, os.path.join(CLIENTS, "python", "chaos_reader.py")]
        for name, pause in READERS.items():
            self.readers[name] = Writer(self.lab, name, 0, env, pause, command,
                                        host=self.lab.reader_name)
        begin = now()
        for name, one in self.all().items():
            ok(one.wait_for(begin, WAIT_S), f"{name} works", one.stderr)

    def all(self):
        return {**self.writers, **self.readers}

    def step(self, name):
        writer, begin = self.lab.writer, now()
        well = self.chaos.play(name)
        end = time.monotonic() + WAIT_S
        took = {}
        while len(took) < len(self.all()) and time.monotonic() < end:
            for who, one in self.all().items():
                ns = history.back_after(list(one.lines), well)
                if ns is not None:
                    took[who] = ns / 1e6
            time.sleep(0.02)
        worst = max(took.values(), default=0.0)
        self.worst_ms = max(self.worst_ms, worst)
        limit_ms = LATER_MS.get(name, BACK_MS) + BACK_SLACK_MS
        if name in UNKNOWABLE:
            self.excused.append((begin, well + limit_ms * 1000000))
        note(f"step {len(self.steps) + 1} at {begin}: {name}, writer {writer} -> {self.lab.writer}; all back "
             f"after {worst:.0f} ms, the last {max(took, key=took.get, default='none')}")
        self.steps.append(name)
        for who in self.all():
            if took.get(who, 1e9) > limit_ms:
                told = "not back" if who not in took else f"back after {took[who]:.0f} ms"
                self.slow.append(f"step {len(self.steps)}, {name}: {who} {told}: "
                                 f"{self.all()[who].lines[-2:]}")

    def measure_leaks(self):
        """(descriptors, threads) of each program that lives on."""
        return {name: (len(os.listdir(f"/proc/{one.process.pid}/fd")),
                       len(os.listdir(f"/proc/{one.process.pid}/task")))
                for name, one in self.all().items() if one.process.poll() is None}

    def check(self):
        for one in self.all().values():
            one.end()
        wrong = check_writers(self.lab, self.first, self.writers, self.excused)
        ok(not wrong, "nothing is lost, twice, or at the wrong instance", "\n".join(wrong))
        ok(not self.slow, f"all are back {BACK_MS} ms after each step", "\n".join(self.slow))
        written = sum(len(w.acknowledged()) for w in self.writers.values())
        errors = sum(len(w.errors()) for w in self.writers.values())
        note(f"{len(self.steps)} steps, {written} rows acknowledged, {errors} errors told, the "
             f"slowest was back after {self.worst_ms:.0f} ms")


def check_writers(lab, first, writers, excused=()):
    found = {}
    for number, n, server in lab.sql(lab.writer, "SELECT writer, n, server FROM journal ORDER BY id"):
        found.setdefault(int(number), {}).setdefault(int(n), []).append(server)
    reign = history.reigns(first, lab.events())
    return [text for name, one in writers.items() for text in
            history.violations(name, one.lines, found.get(one.number, {}), reign, excused)]


def check_leaks(before, after):
    grown = {name: (before[name], after[name]) for name in before if name in after and
             (after[name][0] > before[name][0] + 4 or after[name][1] > before[name][1] + 2)}
    ok(not grown, "no descriptor or thread is left behind", str(grown))
    ok(set(after) == set(before), "every program lives", str(set(before) - set(after)))


def astray(lab, folder):
    """A map that names a reader as the writer, and a plain writer whose DNS leads to a reader that
    takes writes: both must be found by the checks above."""
    first, reader = lab.writer, next(i for i in lab.status()["instances"] if i["role"] == "reader")
    events = len(lab.events())
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PELORUS_", "LD_PRELOAD"))}
    env["BOOT_MINUS_MONOTONIC_NS"] = clock_offset()
    with published.Map(folder) as wrong:
        wrong.tell(f"name 0 writer {lab.writer_name}")
        wrong.tell(f"instance 0 0 {reader['id']} 3306 {reader['addresses'][0]}")
        wrong.tell("writer 0 0")
        led = Writer(lab, "led astray", 91, {
            **env, "LD_PRELOAD": published.guests.LIBRARY, "PELORUS_PROBER": "off",
            "PELORUS_RUNTIME_DIR": wrong.directory}, 20, WRITERS["PHP mysqli"][0])
        wait_lines(led, 20)
        led.end()
    ok(history.refused(led.lines), "the checks find a map that names a wrong writer",
       str(led.lines[-3:]) + led.stderr)
    # After a switchover there are retired ones of the same name.
    folders = glob.glob(os.path.join(lab.state, "servers", reader["id"] + ".*"))
    socket = os.path.join(max(folders, key=lambda f: int(f.rsplit(".", 1)[1])), "sock")
    lab.exec("mariadb", "-uroot", "-S", socket, "-e", "SET GLOBAL read_only = 0")
    lab.run("dns", "point", "writer", reader["id"])
    plain = Writer(lab, "plain", 92, env, 20, [program("c/writer")])
    wait_lines(plain, 20)
    plain.end()
    rows = {int(n): [server] for n, server in lab.sql(
        reader["id"], "SELECT n, server FROM journal WHERE writer = 92")}
    reign = history.reigns(first, lab.events()[events:])
    ok(history.misplaced(plain.lines, rows, reign), "the checks find rows of who is not the writer",
       str(plain.lines[-3:]) + plain.stderr)
    ok(check_writers(lab, first, {"plain": plain}), "the checks find lost rows", str(rows))


def wait_lines(writer, count):
    end = time.monotonic() + WAIT_S
    while len(writer.lines) < count and time.monotonic() < end and writer.process.poll() is None:
        time.sleep(0.02)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=0.6)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 31))
    parser.add_argument("--steps", help="these alone, in this order")
    return parser.parse_args()


def main():
    args = arguments()
    note(f"replay this with --seed {args.seed} --minutes {args.minutes:g}")
    with tempfile.TemporaryDirectory(prefix="pchaos-") as folder, \
            Lab(instances=4, dns_lag="5s") as lab, Apps(lab) as apps:
        lab.sql("writer", TABLE)
        run = Run(lab, apps, args.seed)
        run.start()
        time.sleep(1)
        before = run.measure_leaks()
        end = time.monotonic() + args.minutes * 60
        todo = args.steps.split(",") if args.steps else None
        while (todo if todo is not None else time.monotonic() < end):
            run.step(todo.pop(0) if todo else run.chaos.next())
        after = run.measure_leaks()
        run.check()
        check_leaks(before, after)
        files = sorted(os.listdir(apps.runtime))
        note(f"the runtime directory holds {' '.join(files)}")
        ok(len(files) <= 8, "no file is left behind for each process", str(files))
        astray(lab, folder)
    note(f"seed {args.seed}")
    done()


main()
