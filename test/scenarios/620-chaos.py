#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Everything goes wrong, in an order that a seed decides, while many programs write and read.

    620-chaos.py [--minutes N] [--seed S] [--steps NAME,NAME...] [--detect TIME [--hold TIME]]

With --minutes it is the long form, on a machine of its own: no client may be missing, and all are
back within BACK_MS.  The short one runs among other scenarios, which slow it down.  --detect is how
long the lab takes to notice that its writer is gone: the errors that writers are told meanwhile are
counted, and where a prober lives they are few; with --hold 0 they are counted alone.

The history of all attempts is checked afterwards: nothing acknowledged is lost, nothing is there
twice, nothing was written by who was not the writer, nobody was sent to a reader that lags, and all
were back soon after each step.  In the end writers and a reader are led astray on purpose, and the
same checks must find them.
"""
import argparse
import glob
import os
import random
import tempfile
import time

from lib import environ, published
from lib.lab import Lab, now
from lib.paths import CLIENTS
from lib.programs import clients
from lib.programs.apps import Apps, children
from lib.programs.writer import Writer, program
from lib.tap import done, note, ok, skip
from lib.trials import history
from lib.trials.chaos import MAX_LAG, Chaos
from lib.trials.race import TABLE, clock_offset

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
READER = [SYSTEM_PYTHON, os.path.join(CLIENTS, "python", "chaos_reader.py")]
READERS = {"reader 1": 20, "reader 2": 50}
BACK_MS = 2000
AMONG_OTHERS_MS = 1500  # more, for the short form
SHORT_MINUTES = 0.6
WAIT_S = 20
# A reader may refuse a write while a prober is stopped, for it may wake at any moment, and on
# connections that a writer keeps when it becomes a reader, until it has said so.  When both of a
# prober's processes were killed, nobody can know for as long as one may take to be back: its
# heartbeat must be overdue before anyone asks whether it lives, and the next one has to find the
# writer first.
UNKNOWABLE = ("prober_stopped", "handover", "switchover")
# What was under way is told, and a connect that met the writer as it died; nothing later.
HELD, HELD_MOST = ("crash", "graceful", "blackhole", "reboot"), 3
FILES = {"clients.slots", "control", "failed", "history", "lock", "prober.log", "start",
         "topology.map"}


class Run:
    def __init__(self, lab, apps, seed, long):
        self.lab, self.apps, self.long = lab, apps, long
        self.limit_ms = BACK_MS + (0 if long else AMONG_OTHERS_MS)
        self.chaos = Chaos(lab, apps, seed)
        self.writers, self.readers = {}, {}
        self.first = lab.writer
        self.steps, self.slow, self.worst_ms = [], [], 0.0
        self.excused, self.many = [], []

    def start(self):
        env = self.apps.env(BOOT_MINUS_MONOTONIC_NS=clock_offset())
        for number, (name, (command, pause)) in enumerate(WRITERS.items(), 1):
            problem = clients.node_problem() if command[0] == "node" else None
            if problem and self.long:
                raise RuntimeError(f"{name} cannot take part: {problem}")
            if problem:
                skip(name, problem)
                continue
            self.writers[name] = Writer(self.lab, name, number, env, pause, command)
        for name, pause in READERS.items():
            self.readers[name] = Writer(self.lab, name, 0, env, pause, READER,
                                        host=self.lab.reader_name)
        begin = now()
        for name, one in self.all().items():
            ok(one.wait_for(begin, WAIT_S), f"{name} works", one.stderr)

    def all(self):
        return {**self.writers, **self.readers}

    def step(self, name):
        writer, begin = self.lab.writer, now()
        told = {who: len(one.lines) for who, one in self.all().items()}
        well = self.chaos.play(name)
        end = time.monotonic() + WAIT_S
        took = {}
        while len(took) < len(self.all()) and time.monotonic() < end:
            for who, one in self.all().items():
                ns = history.back_after(one.lines[told[who]:], well)
                if ns is not None:
                    took[who] = ns / 1e6
            time.sleep(0.02)
        worst, errors = max(took.values(), default=0.0), self.told(told)
        self.worst_ms = max(self.worst_ms, worst)
        if name in UNKNOWABLE:
            self.excused.append((begin, well + self.limit_ms * 1000000))
        note(f"step {len(self.steps) + 1} at {begin}: {name}, writer {writer} -> "
             f"{self.lab.writer}; all back "
             f"after {worst:.0f} ms, the last {max(took, key=took.get, default='none')}; errors "
             f"told: {errors or 'none'}")
        self.many += [f"step {len(self.steps) + 1}, {name}: {who} was told {n} errors"
                      for who, n in errors.items() if name in HELD and n > HELD_MOST]
        self.steps.append(name)
        for who in self.all():
            if took.get(who, 1e9) > self.limit_ms:
                told = "not back" if who not in took else f"back after {took[who]:.0f} ms"
                self.slow.append(f"step {len(self.steps)}, {name}: {who} {told}: "
                                 f"{self.all()[who].lines[-2:]}")

    def told(self, before):
        """The errors of each writer since it had said so many lines, but for those without any."""
        found = {who: sum(line[1] == "error" for line in one.lines[before[who]:])
                 for who, one in self.writers.items()}
        return {who: n for who, n in found.items() if n}

    def measure_leaks(self):
        """(descriptors, threads) of each program that lives on."""
        return {name: (len(os.listdir(f"/proc/{pid_of(one)}/fd")),
                       len(os.listdir(f"/proc/{pid_of(one)}/task")))
                for name, one in self.all().items() if one.process.poll() is None}

    def check(self, held):
        for one in self.all().values():
            one.end()
        excused = self.excused + history.handovers(self.lab.events()) + \
            [(lost, lost + self.limit_ms * 1000000) for lost in self.chaos.prober_lost]
        wrong = check_writers(self.lab, self.first, self.writers, excused)
        ok(not wrong, "nothing is lost, twice, or at the wrong instance", "\n".join(wrong))
        ok(not self.slow, f"all are back {self.limit_ms} ms at most after each step",
           "\n".join(self.slow))
        if held:
            ok(not self.many, "no writer is told more than what it met at the failure",
               "\n".join(self.many))
        late = {name: history.lagging(r.lines, self.chaos.lagged)
                for name, r in self.readers.items()}
        ok(not any(late.values()), "no reader connects to an instance above max-lag", str(late))
        written = sum(len(w.acknowledged()) for w in self.writers.values())
        errors = sum(len(w.errors()) for w in self.writers.values())
        failovers = sum(e["event"] == "writable" for e in self.lab.events())
        note(f"{len(self.steps)} steps, {failovers} failovers, {written} rows acknowledged, "
             f"{errors} errors "
             f"told, {len(self.chaos.lagged)} spans of lag, {len(self.chaos.prober_lost)} times "
             "no prober; "
             f"the slowest was back after {self.worst_ms:.0f} ms")


def pid_of(one):
    """The program's own: the process that was started is the lab's, which waits for it."""
    return children(one.process.pid)[0]


def check_writers(lab, first, writers, excused=()):
    found = {}
    for number, n, server in lab.sql(lab.writer,
                                     "SELECT writer, n, server FROM journal ORDER BY id"):
        found.setdefault(int(number), {}).setdefault(int(n), []).append(server)
    reign = history.reigns(first, lab.events())
    return [text for name, one in writers.items() for text in
            history.violations(name, one.lines, found.get(one.number, {}), reign, excused)]


def check_leaks(before, after):
    note(f"descriptors and threads, before and after: "
         f"{'; '.join(f'{name} {before[name]} {after.get(name)}' for name in before)}")
    grown = {name: (before[name], after[name]) for name in before if name in after and
             (after[name][0] > before[name][0] + 4 or after[name][1] > before[name][1] + 2)}
    ok(not grown, "no descriptor or thread is left behind", str(grown))
    ok(set(after) == set(before), "every program lives", str(set(before) - set(after)))


def check_left_behind(run):
    """Of processes and files."""
    end = time.monotonic() + WAIT_S
    # the last step may have killed it
    while len(run.apps.probers()) != 2 and time.monotonic() < end:
        time.sleep(0.1)
    probers = run.apps.probers()
    ok(len(probers) == 2, "there is one prober, of two processes", str(probers))
    own = {name: children(pid_of(one)) for name, one in run.all().items() if "short" not in name}
    ok(not any(own.values()), "no program has a child that it did not start", str(own))
    files = set(os.listdir(run.apps.runtime))
    ok(files <= FILES, "no file is left behind", str(files - FILES))


def make_writable(lab, id):
    """A reader takes writes, though it is none's writer."""
    # After a switchover there are retired ones of the same name.
    folders = glob.glob(os.path.join(lab.state, "servers", id + ".*"))
    socket = os.path.join(max(folders, key=lambda f: int(f.rsplit(".", 1)[1])), "sock")
    lab.exec("mariadb", "-uroot", "-S", socket, "-e", "SET GLOBAL read_only = 0")


def wrote(lab, number, env, command, id):
    """A writer that is led to that instance for 20 answers, and its rows there."""
    one = Writer(lab, f"led to {id}", number, env, 20, command)
    wait_lines(one, 20)
    one.end()
    return one, {int(n): [server] for n, server in lab.sql(
        id, f"SELECT n, server FROM journal WHERE writer = {number}")}


def astray(lab, folder):
    """The library with a map that names a reader as the writer, and a plain writer whose DNS leads
    there: what they then do must be found by the checks above."""
    first, reader = lab.writer, next(i for i in lab.status()["instances"] if i["role"] == "reader")
    reign = history.reigns(first, [])
    env = environ.plain(BOOT_MINUS_MONOTONIC_NS=clock_offset())
    with published.Map(folder) as wrong:
        wrong.tell(f"name 0 writer {lab.writer_name}")
        wrong.tell(f"instance 0 0 {reader['id']} 3306 {reader['addresses'][0]}")
        wrong.tell("writer 0 0")
        misrouted = {**env, **environ.preload(wrong.directory)}
        led, _ = wrote(lab, 91, misrouted, WRITERS["PHP mysqli"][0], reader["id"])
        ok(history.refused(led.lines), "the checks find writes misrouted to a reader",
           str(led.lines[-3:]) + led.stderr)
        make_writable(lab, reader["id"])
        led, rows = wrote(lab, 92, misrouted, WRITERS["PHP mysqli"][0], reader["id"])
        ok(history.misplaced(led.lines, rows, reign),
           "the checks find misrouted writes that succeed",
           str(led.lines[-3:]) + led.stderr)
    lab.run("dns", "point", "writer", reader["id"])
    plain, rows = wrote(lab, 93, env, [program("c/writer")], reader["id"])
    ok(history.misplaced(plain.lines, rows, reign), "the checks find rows of who is not the writer",
       str(plain.lines[-3:]) + plain.stderr)
    ok(check_writers(lab, first, {"plain": plain}), "the checks find lost rows", str(rows))
    lab.run("dns", "point", "reader", reader["id"])
    begin = now()
    bare = Writer(lab, "bare reader", 0, env, 20, READER, host=lab.reader_name)
    wait_lines(bare, 20)
    bare.end()
    ok(history.lagging(bare.lines, [(reader["id"], begin, now())]),
       "the checks find readers at an instance that lags", str(bare.lines[-3:]) + bare.stderr)


def wait_lines(writer, count):
    end = time.monotonic() + WAIT_S
    while len(writer.lines) < count and time.monotonic() < end and writer.process.poll() is None:
        time.sleep(0.02)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 31))
    parser.add_argument("--steps", help="these alone, in this order")
    parser.add_argument("--detect", help="how long the lab is without a writer, as 15s")
    parser.add_argument("--hold", help="PELORUS_HOLD of all programs")
    return parser.parse_args()


def configuration(folder):
    path = os.path.join(folder, "pelorus.conf")
    with open(path, "w") as f:
        f.write(f"[pelorus]\nmax-lag = {MAX_LAG}\n")
    return path


def main():
    args = arguments()
    long = f" --minutes {args.minutes:g}" if args.minutes else ""
    slow = {"detect": args.detect} if args.detect else {}
    hold = {"PELORUS_HOLD": args.hold} if args.hold else {}
    note(f"replay this with --seed {args.seed}{long}{' --detect ' + args.detect if slow else ''}")
    with tempfile.TemporaryDirectory(prefix="pchaos-") as folder, \
            Lab(instances=4, dns_lag="5s", **slow) as lab, \
            Apps(lab, PELORUS_CONFIG=configuration(folder), **hold) as apps:
        lab.sql("writer", TABLE)
        run = Run(lab, apps, args.seed, args.minutes is not None)
        run.start()
        time.sleep(1)
        before = run.measure_leaks()
        end = time.monotonic() + (args.minutes or SHORT_MINUTES) * 60
        todo = args.steps.split(",") if args.steps else None
        while (todo if todo is not None else time.monotonic() < end):
            run.step(todo.pop(0) if todo else run.chaos.next())
        after = run.measure_leaks()
        check_left_behind(run)
        run.check(args.detect and not hold)
        check_leaks(before, after)
        astray(lab, folder)
    note(f"seed {args.seed}")
    done()


main()
