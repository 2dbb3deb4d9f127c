#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs with a resolver of their own through a crash of the writer, while DNS never moves:
c-ares in Node (dns.resolve) and in Python (aiodns), Netty's in Vert.x by epoll; and a static one
with musl's, whose names stand in /etc/hosts, in the trap of `pelorus run --trap`.  hickory in Rust
is led to the writer, too.  By hand there are rows of Vert.x by NIO, R2DBC, and sqlx with hickory.

Each is a row of the client matrix: its resolver finds the virtual address, it writes to the new
writer at once, and nothing that was acknowledged is lost; the control beside them, without the
preload, stays where DNS leads.  Each also rests through a handover, and loses the reader that it
reads from, at rest and at work.

PELORUS_LONG=1 goes through ten crashes, handovers and black holes beside a floor that knows the new
writer beforehand, and through 15 s without a writer, and prints what each adds and is told; or
through some of that: PELORUS_LONG=blackhole,pause.  How they fare idle and in a transaction through
all ways to fail: PELORUS_ROUNDS=4 of 600-clients.
"""
import functools
import ipaddress
import os
import statistics
import subprocess
import tempfile
import time

from lib.lab import Lab, now
from lib.paths import CLIENTS, PELORUS
from lib.programs import clients, guests
from lib.programs import writer as w
from lib.programs.apps import Apps
from lib.tap import done, note, ok, skip
from lib.trials import matrix, outage
from lib.trials.publishing import CALM_S
from lib.trials.race import Race

LONG = os.environ.get("PELORUS_LONG")
MODES, ROUNDS, PAUSE = ("crash", "graceful", "blackhole"), 10, "pause"
CHOSEN = (*MODES, PAUSE) if LONG == "1" else (LONG or "").split(",")
MEDIAN_MS = 40
BLOCK = ipaddress.ip_network("198.18.0.0/16")
PAUSE_S, LIMIT_S, FOLLOWED_S = 0.005, 15, 20
LATE_S = 0.5  # how long they write on after they could
FLOOR, CONTROL, STATIC = "floor", "control", "C on musl, static, in the trap"
# Told of a connect that was led on while Netty looked at it: its NIO takes "not yet" for a fault.
KNOWN = {"Vert.x, pool, nio": "finishConnect is not supported"}
RESOLVE = "require('dns').promises.resolve4(process.argv[1]).then((found) => console.log(found[0]))"


def address_of(lab, instance):
    return next(i["addresses"][0] for i in lab.status()["instances"] if i["id"] == instance)


def is_virtual(address):
    return ipaddress.ip_address(address or "::") in BLOCK


class Trial:
    def __init__(self, lab, apps, folder):
        self.lab, self.apps = lab, apps
        self.start = functools.partial(matrix.Row, lab, ca="-", folder=folder)
        self.rows, self.control = [], None

    def begin(self, kinds):
        for kind in kinds:
            if why := matrix.problem(kind):
                skip(f"{kind.name}: through a crash", why)
                continue
            self.rows.append(self.start(kind, env=self.apps.env()))
            if not self.control:
                kind = matrix.node(CONTROL, "mysql2-resolve", width=4, tls="")
                self.control = self.start(kind, env=self.apps.env(plain=True))
        return [*self.rows, *([self.control] if self.control else [])]

    def end(self):
        for row in [*self.rows, *([self.control] if self.control else [])]:
            row.end()

    def settle(self):
        """The prober finds all well, also by the reader's name."""
        writer = self.lab.writer
        self.apps.prober.wait(lambda c: c.writer == writer and c.is_settled(3) and
                              self.lab.reader_name in c.names, 60)

    def busy(self, rows, n=1):
        for row in rows:
            row.busy(PAUSE_S, n)

    def sort(self, row, events):
        """(in flight, of its own time limit, others), and how many were acknowledged."""
        told, known = row.rest(), KNOWN.get(row.kind.name)
        errors = [(begun / 1e9, ended / 1e9, text) for begun, ended, text in told["errors"]
                  if not known or known not in text]
        if n := len(told["errors"]) - len(errors):
            note(f"{row.kind.name}: {n} times: {known}")
        return outage.sort(errors, events["failure"]["boot_ns"] / 1e9, row.kind.connections)


def static(lab, env, folder):
    """A row, whose libc looks into a file that has the lines of `pelorus hosts`; it is tried
    without the trap, where it finds nobody."""
    libc, out = guests.musl(), os.path.join(folder, "static")
    if libc.absent:
        skip(STATIC, libc.absent)
        return []
    subprocess.run([*libc.compiler, "-static", "-D_GNU_SOURCE", "-O1", "-o", out,
                    os.path.join(CLIENTS, "c", "wire.c")], check=True)
    hosts = os.path.join(folder, "hosts")
    names = (lab.writer_name, lab.reader_name)
    with open(hosts, "w") as file:
        for command in (("cat", "/etc/hosts"), (PELORUS, "hosts", *names)):
            file.write(lab.exec(*command, env=env).stdout)
    inside = ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', hosts]
    plain = lab.exec(*inside, "timeout", "2", out, *names, check=False, input="w 1 SELECT 1\n",
                     stdin=None)
    ok('"ok": 1' not in plain.stdout, "without the trap a static program finds nobody there",
       plain.stdout)
    if "--trap" not in lab.exec(PELORUS, "run", "--help").stdout:
        skip(STATIC, "there is no trap in this build")
        return []
    return [matrix.Kind(STATIC, matrix.SINGLE, *inside, PELORUS, "run", "--trap", "--", out,
                        tls="")]


def check_connect(trial, rows):
    trial.settle()
    for row in rows:
        name = row.kind.name
        if name != STATIC:
            given = row.ask("a", n=1)["value"]
            ok(is_virtual(given) == (name != CONTROL),
               f"{name}: its resolver finds {'DNS' if name == CONTROL else 'virtual'}", given)
        told = row.write()
        ok(told["ok"] == row.kind.connections, f"{name}: it writes", told)
    for row in trial.rows:
        told = row.ask("r", matrix.READ, 1)
        ok(told["value"] not in (None, "", trial.lab.writer), f"{row.kind.name}: it reads", told)


def check_crash(trial, rows):
    trial.busy(rows)
    events = trial.lab.failover("crash")
    writable = events["writable"]["boot_ns"]
    for row in trial.rows:
        late = row.first_after(writable, LIMIT_S)
        ok(late is not None, f"{row.kind.name}: it writes to the new writer within {LIMIT_S} s",
           row.told)
        note(f"{row.kind.name}: writes {late or -1:.0f} ms after the new writer could")
    time.sleep(LATE_S)
    for row in trial.rows:
        flight, own, others = trial.sort(row, events)
        ok(not others and not own, f"{row.kind.name}: nothing fails but what was in flight",
           (flight, own, others))
    if trial.control:
        trial.control.rest()
        ok(not any(m > writable + 10**8 for m in trial.control.moments),
           "without us it stays where DNS leads", trial.control.told["errors"][-3:])


def check_told(text, row, told, again):
    """An idle one's next statements."""
    ok(len(told["errors"]) <= row.told_once() and again["ok"] and not again["errors"],
       f"{row.kind.name}: {text}", (told, again))


def check_idle(trial):
    """It rests while the writer hands over."""
    trial.settle()
    for row in trial.rows:
        row.write()
    lab, old = trial.lab, address_of(trial.lab, trial.lab.writer)
    with matrix.all_hear(trial.rows, old, "idle"):
        lab.failover("graceful")
        writer = lab.writer
        trial.apps.prober.wait(lambda c: c.writer == writer, 60)
    for row in trial.rows:
        check_told("idle while the writer changes, it writes", row, row.write(), row.write())


def kill_reader(trial, text):
    """One that they read from is no more, and they have heard of it."""
    trial.settle()
    values = [row.read()["value"] for row in trial.rows]
    victim = max(set(values), key=values.count)
    with matrix.all_hear(trial.rows, address_of(trial.lab, victim), text):
        trial.lab.run("kill", victim)
        killed_s = now() / 1e9
        trial.apps.prober.wait(lambda c: victim not in c.instances or
                               c.instances[victim].health != "ok", 60)
    return victim, killed_s


def check_reader(trial):
    """The reader that they read from crashes: at rest, and while they read."""
    victim, _ = kill_reader(trial, "a reader")
    for row in trial.rows:
        told, again = row.read(), row.read()
        check_told("idle while its reader is killed, it reads", row, told, again)
        ok(again["value"] != victim, f"{row.kind.name}: ... from another", again)
    trial.lab.run("start", victim)
    trial.settle()
    for row in trial.rows:
        row.busy(PAUSE_S, 1, row.read)
    victim, killed_s = kill_reader(trial, "a reader, busy")
    time.sleep(LATE_S)
    for row in trial.rows:
        told = row.rest()
        flight, own, others = outage.sort([(a / 1e9, b / 1e9, text) for a, b, text in
                                           told["errors"]], killed_s, 1)
        again = row.read()
        ok(not own and not others and again["value"] not in (None, victim),
           f"{row.kind.name}: it reads on while its reader is killed, and nothing fails but what "
           "was in flight", (flight, own, others, again))
    trial.lab.run("start", victim)


def check_rows(trial):
    """What is in the table, and where errors say that they come from."""
    status = trial.lab.status()["instances"]
    real = [address for i in status for address in i["addresses"]]
    for row in trial.rows:
        n = int(trial.lab.sql(trial.lab.writer, "SELECT COUNT(*) FROM writes WHERE client = "
                              f"'{row.kind.name}'")[0][0])
        ok(row.acknowledged <= n <= row.acknowledged + len(row.errors),
           f"{row.kind.name}: nothing is lost, nothing is there twice", (row.acknowledged, n))
        past = [e for e in row.errors if any(a in e for a in real)]
        ok(not past, f"{row.kind.name}: it was never led past us", past[:3])


def measure(trial, race):
    """{mode: {row: milliseconds above the floor's}}; None in the place of one that was given up."""
    found = {}
    for mode in [m for m in MODES if m in CHOSEN]:
        for _ in range(ROUNDS):
            trial.busy(trial.rows)
            race.wait_writing()
            events, floors = race.failover(mode, [FLOOR], 5, floor=FLOOR)
            for row in trial.rows:
                late = row.first_after(events["writable"]["boot_ns"], 5)
                row.rest()
                found.setdefault(mode, {}).setdefault(row.kind.name, []).append(
                    None if None in (late, floors[FLOOR]) else (late, floors[FLOOR]))
            trial.settle()
            time.sleep(CALM_S if mode == "blackhole" else 0)
    return found


def tell(found):
    for mode, rows in found.items():
        for name, pairs in rows.items():
            back, lost = [p for p in pairs if p], pairs.count(None)
            late, floor, above = (statistics.median(v) if v else -1 for v in (
                [p[0] for p in back], [p[1] for p in back], [p[0] - p[1] for p in back]))
            most = max((p[0] - p[1] for p in back), default=-1)
            note(f"{mode}: {name}: median {late:.1f} ms, floor {floor:.1f} ms, added {above:.1f} "
                 f"ms, most {most:.1f} ms, n={len(pairs)}, {lost} lost")
            ok(not lost and above <= MEDIAN_MS,
               f"{mode}: {name}: adds at most {MEDIAN_MS} ms", pairs)


def check_pause(trial, race):
    """As many statements at once as the client has connections, while there is no writer."""
    trial.busy(trial.rows, None)
    race.wait_writing()
    events, floors = race.failover("crash", [FLOOR], 20, FLOOR, 15)
    late = {row: row.first_after(events["writable"]["boot_ns"], 15) for row in trial.rows}
    time.sleep(LATE_S)
    for row in trial.rows:
        flight, own, others = trial.sort(row, events)
        note(f"15 s: {row.kind.name}: {len(flight)} in flight, {len(own)} of its own time limit, "
             f"{len(others)} others; writes after {late[row] or -1:.0f} ms, floor "
             f"{floors[FLOOR] or -1:.0f} ms")
        ok(not others and late[row] is not None, f"15 s without a writer: {row.kind.name}: errors "
           "as with a connect that waits", (flight, own, others))
    trial.settle()


def ask_hickory(lab, env, program):
    """(what it was given, whom it is connected to)"""
    port = str(lab.options.get("port", 3306))
    said = lab.exec(program, lab.writer_name, port, env=env, check=False)
    if said.returncode != 0:
        note(said.stderr[-300:])
    return (said.stdout.split() + ["::"] * 2)[:2]


def check_hickory(lab, env, program, why):
    if why:
        skip("hickory: led to the writer", why)
        return
    given, peer = ask_hickory(lab, env, program)
    here = next(i["addresses"] for i in lab.status()["instances"] if i["id"] == lab.writer)
    ok(is_virtual(given) and peer in here,
       "hickory: finds the virtual address, and is led to the writer", f"{given} {peer} {here}")


def check_alone(lab, env, text, ask, why):
    """Nobody else has asked for the name: the first answer stays, and has the daemon look."""
    if why:
        skip(text, why)
        return
    end, given = time.monotonic() + FOLLOWED_S, "::"
    while not is_virtual(given) and time.monotonic() < end:
        given = ask()
    ok(is_virtual(given), text, given)
    lab.exec(PELORUS, "stop", env=env, check=False)


def check_all_alone(lab, directory, hickory):
    env = w.environment(directory)
    check_alone(lab, env, "c-ares, whose socket is connected: a process that never asks libc is "
                "followed", lambda: lab.exec("node", "-e", RESOLVE, lab.writer_name, env=env,
                                             check=False).stdout.strip() or "::",
                clients.node_problem())
    program, why = hickory
    named = w.environment(directory, PELORUS_CLUSTER=lab.writer_name)
    check_alone(lab, named, "hickory, whose socket is not: so is one that PELORUS_CLUSTER names",
                lambda: ask_hickory(lab, named, program)[0], why)


def long(trial, race):
    address = next(i for i in trial.lab.status()["instances"]
                   if i["role"] == "writer")["addresses"][0]
    race.start(FLOOR, [w.program("c/floor")], host=address)
    tell(measure(trial, race))
    if PAUSE in CHOSEN:
        check_pause(trial, race)


def main():
    # What is made takes longer than a daemon waits for somebody who uses it.
    kinds, hickory = matrix.own_resolvers(bool(LONG)), clients.hickory()
    with tempfile.TemporaryDirectory(prefix="pelorus-resolvers-") as folder, \
            Lab(instances=3, name="resolvers", dns_lag="never") as lab, Apps(lab) as apps, \
            Race(lab, apps) as race:
        lab.sql("writer", matrix.TABLE)
        for name in (lab.writer_name, lab.reader_name):
            lab.exec("getent", "hosts", name, env=apps.env(), check=False)
        trial = Trial(lab, apps, folder)
        try:
            rows = trial.begin([*kinds, *static(lab, apps.env(), folder)])
            check_connect(trial, rows)
            check_crash(trial, rows)
            check_idle(trial)
            check_reader(trial)
            check_hickory(lab, apps.env(), *hickory)
            if LONG:
                lab.run("dns", "follow")
                trial.settle()
                long(trial, race)
        finally:
            trial.end()
        check_rows(trial)
        check_all_alone(lab, os.path.join(folder, "alone"), hickory)
    done()


main()
