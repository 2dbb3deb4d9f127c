#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Go programs in the trap of `pelorus run --trap`, through failovers while DNS never moves: a
static one that asks DNS by itself, and one that asks libc; both dial by their own system calls.
One of them is an ordinary user's, with a daemon of his own.

Judged is that they are back within a second and lose nothing; what a failover adds is a figure,
beside a floor that knows the new writer. With PELORUS_LONG there are 30 of each kind.
"""
import os
import shutil
import statistics
import tempfile
import time

from lib.lab import Lab, now
from lib.paths import BUILD, LIBRARY, PELORUS, PELORUSD
from lib.programs import clients
from lib.programs.apps import Apps
from lib.programs.writer import Writer, program
from lib.tap import done, note, ok, skip
from lib.trials.publishing import CALM_S
from lib.trials.race import Race

FLOOR, STATIC, CGO, POOL = "floor", "Go, static", "Go, cgo", "Go, a pool of four"
USER = "Go, static, of an ordinary user"
NOBODY = 65534
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
KEEPER = os.path.join(BUILD, "tools", "trap", "pelorus-trap")
TRAP = [PELORUS, "run", "--trap", "--"]
PLAIN_USER = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]  # as to what it may do
LONG = bool(os.environ.get("PELORUS_LONG"))
ROUNDS = 30 if LONG else 1
BACK_MS, MEDIAN_MS = 1000, 40
LOST = 2
HOLD_S = 15 if LONG else 3
CGO_ENV = {"GODEBUG": "netdns=cgo"}


def start_as_user(race, folder, static):
    """He may look neither into the tree nor into root's runtime directory."""
    os.chmod(folder, 0o755)
    own = {os.path.basename(path): shutil.copy(path, folder)
           for path in (PELORUS, PELORUSD, LIBRARY, KEEPER, static)}
    run = os.path.join(folder, "run")
    os.mkdir(run, 0o700)
    os.chown(run, NOBODY, NOBODY)
    race.start(USER, [*AS_NOBODY, own["pelorus"], *TRAP[1:], own[os.path.basename(static)]],
               pelorus=True, LD_PRELOAD="", PELORUS_RUNTIME_DIR=run,
               PELORUS_PROBER=own["pelorusd"], PELORUS_LIBRARY=own[os.path.basename(LIBRARY)],
               PELORUS_TRAP_PROGRAM=own["pelorus-trap"])


def start(race, folder, static, cgo):
    address = next(i for i in race.lab.status()["instances"]
                   if i["role"] == "writer")["addresses"][0]
    race.start(FLOOR, [program("c/floor")], host=address)
    race.start(STATIC, PLAIN_USER + TRAP + [static], pelorus=True)
    race.start(POOL, TRAP + [static], pelorus=True, pause_ms=20, more=("4",))
    if os.getuid() == 0:
        start_as_user(race, folder, static)
    else:
        skip(USER, "needs root to become somebody else")
    if cgo:
        race.start(CGO, TRAP + [cgo], pelorus=True, **CGO_ENV)
    return [n for n in (STATIC, POOL, USER, CGO) if n in race.entries]


def check_set_user_id(race, folder):
    """As documented: no privileges below the trap."""
    entry = race.entries.get(USER)
    if not entry:
        skip("a set-user-ID program", "needs root to make one")
        return
    program = shutil.copy("/usr/bin/id", folder)
    os.chmod(program, 0o4755)
    plain, trapped = (race.lab.exec(*words, program, "-u", env=entry.env, check=False)
                      for words in (AS_NOBODY, entry.command[:-1]))
    ok((plain.stdout, trapped.stdout) == ("0\n", f"{NOBODY}\n") and
       "gains no privileges under --trap\n" in trapped.stderr,
       "a set-user-ID program is told to run with no more rights than its user's",
       (plain, trapped))


def check_mode(race, mode, ours):
    """The moment at which the last new writer could be written at."""
    added = {name: [] for name in ours}
    for i in range(ROUNDS):
        race.wait_writing()
        race.wait_settled()
        if mode == "blackhole" and i > 0:
            time.sleep(CALM_S)
        events, found = race.failover(mode, [FLOOR, *ours], floor=FLOOR)
        for name in ours:
            late = found[name] is None or found[FLOOR] is None
            added[name].append(None if late else found[name] - found[FLOOR])
    for name, values in added.items():
        known = [v for v in values if v is not None]
        note(f"{mode}, {name}: {[v and round(v, 1) for v in values]} ms beside the floor")
        ok(len(known) == len(values) and max(known) < BACK_MS,
           f"{mode}: {name} is back within {BACK_MS} ms of the floor", values)
        if LONG:
            ok(statistics.median(known) <= MEDIAN_MS,
               f"{mode}: {name}: median at most {MEDIAN_MS} ms", statistics.median(known))
    return events["writable"]["boot_ns"]


def check_lookups(lab, static, env):
    """Go's own resolver: only names that are followed are answered otherwise than natively."""
    other = f"{lab.writer}.{lab.writer_name.split('.cluster-', 1)[1]}"
    here = next(i["addresses"] for i in lab.status()["instances"] if i["id"] == lab.writer)
    for network in ("udp", "tcp"):
        got = lab.exec(*TRAP, static, lab.writer_name, other, "no.such.example", check=False,
                       env={**env, "LOOKUP": network}).stdout.split("\n")
        ok(got[0].startswith("198.18.") and " " not in got[0] and got[1].split() == here[:1] and
           got[2] == "none", f"by {network}: a followed name is virtual, others are as they were",
           got)


def check_hold(race, ours):
    """Nobody is refused while there is no writer."""
    race.wait_writing()
    race.wait_settled()
    before = now()
    _, found = race.failover("crash", [FLOOR, *ours], HOLD_S + 10, floor=FLOOR, detect_s=HOLD_S)
    for name in ours:
        width = 4 if name == POOL else 1
        errors = race.entries[name].writer.errors(before)
        note(f"{HOLD_S} s without a writer, {name}: {len(errors)} errors, back "
             f"{found[name] or 0:.0f} ms behind the writer: {[e[3][:80] for e in errors[:4]]}")
        ok(found[name] is not None and len(errors) <= width,
           f"without a writer: {name} waits, with no more errors than statements in flight", errors)


def check_killed(race, reader):
    """The reader that it reads from crashes: its statement may be lost, and a login behind that."""
    def answers(since=0):
        return [line for line in list(reader.lines) if line[1] == "ok" and line[0] > since]

    race.wait_settled()
    victim, before = answers()[-1][3], len(reader.errors())
    race.lab.run("kill", victim)
    killed = now()
    back = reader.wait_for(killed, 20)
    errors = reader.errors()[before:]
    ok(back and answers(killed)[-1][3] != victim and len(errors) <= LOST,
       f"the {reader.kind} one reads on when its reader is killed, from another",
       (victim, reader.lines[-3:], errors))
    race.lab.run("start", victim)


def check_idle(lab, race, ours, static, apps):
    """A connection that nobody uses while the writer changes is gone when it is used again."""
    idle = Writer(lab, "idle", 77, apps.env(), 3000, command=TRAP + [static])
    reader, idle_reader = (
        Writer(lab, kind, number, apps.env(READ="1"), pause_ms, command=TRAP + [static],
               host=lab.reader_name)
        for kind, number, pause_ms in (("reader", 78, 5), ("idle reader", 79, 3000)))
    ok(idle_reader.wait_for(), "an idle reader reads", idle_reader.stderr)
    ok(idle.wait_for() and reader.wait_for(), "an idle one writes, and a reader reads",
       (idle.stderr, reader.stderr, idle.lines[-2:], reader.lines[-2:]))
    listed = lab.exec(PELORUS, "ps", env=apps.env(), check=False).stdout
    ok(listed.count("static") >= 4, "`pelorus ps` lists them by the program's name", listed)
    writable = check_mode(race, "graceful", ours)
    ok(idle.wait_for(writable, 10) and len(idle.errors()) <= 1,
       "the idle one writes to the new writer", idle.lines[-3:])
    ok(reader.wait_for(now(), 10), "the reader reads", reader.lines[-3:])
    read = {line[3] for line in reader.lines if line[1] == "ok" and line[2] > 0}
    note(f"the reader was answered by {sorted(read)}, errors: {len(reader.errors())}")
    for one in (reader, idle_reader):
        check_killed(race, one)
    for one in (idle, reader, idle_reader):
        ok(one.end() == 0, f"the {one.kind} one ends as the program does", one.stderr)


def check_rows(lab, race, ours):
    for name in ours:
        writer = race.entries[name].writer
        status = writer.end()
        rows = lab.sql("writer", "SELECT n, COUNT(*) FROM journal WHERE "
                                 f"writer = {writer.number} GROUP BY n")
        kept = {int(n) for n, _ in rows}
        lost, twice = writer.acknowledged() - kept, [n for n, c in rows if c != "1"]
        ok(status == 0 and not lost and not twice,
           f"{name}: nothing lost, nothing twice, and it ends as the program does",
           (status, sorted(lost)[:5], twice[:5], writer.stderr[-300:]))


def main():
    static, why = clients.go(static=True)
    cgo, why_cgo = clients.go(static=False)
    if why:
        skip("Go in the trap", why)
        done()
    if why_cgo:
        skip("Go with libc's resolver", why_cgo)
    with tempfile.TemporaryDirectory(prefix="ptrap-") as folder, \
            Lab(instances=3, dns_lag="never") as lab, Apps(lab) as apps, Race(lab, apps) as race:
        ours = start(race, folder, static, cgo)
        check_mode(race, "crash", ours)
        check_lookups(lab, static, apps.env())
        check_set_user_id(race, folder)
        check_hold(race, ours)
        check_idle(lab, race, ours, static, apps)
        check_mode(race, "blackhole", ours)
        check_rows(lab, race, ours)
    done()


main()
