#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A reader that scales out is warmed first, by one of three probers; no application is led to it.

Clients connect to the readers all the time; the new instance then gets its even share.  One that is
held by hand stays so, whatever becomes of the prober.
"""
import contextlib
import os
import signal

from lib import tap
from lib.lab import Lab, now
from lib.prober import Prober, cluster_section
from lib.programs.readers import Admissions, Readers

STATEMENTS = 40
S = 1_000_000_000


def prepare(lab, folder):
    lab.sql("writer", "CREATE TABLE warm (n INT PRIMARY KEY, t VARCHAR(200)); INSERT INTO warm"
            " SELECT seq, REPEAT('x', 200) FROM seq_1_to_20000")
    path = os.path.join(folder, "statements.sql")
    with open(path, "w") as out:
        out.write("-- what the application asks; not the first\nUSE app;\n")
        for n in range(STATEMENTS):
            out.write(f"SELECT COUNT(*), MAX(t) FROM warm WHERE n % 7 >= 0 /* {n}; */;\n")
        out.write("SELECT * FROM no_such_table;\nDELETE FROM warm;\n")
    return path


def logged(prober, code):
    return [line for line in prober.log().splitlines() if f"code={code}" in line]


def scale_out(lab, probers, readers, id, lowest):
    watch = Admissions(probers[0], id)
    lab.run("add", id)
    for prober in probers:
        prober.wait(lambda c: id in c.instances and c.instances[id].admission == "admitted", 40)
    admitted = now()
    readers.wait_for(1500, admitted)
    watch.end()
    early = [who for who in readers.between(0, watch.last_not_admitted()) if who == id]
    tap.ok(not early, "no reader connection reaches it before it is admitted", len(early))
    words = watch.words()
    warming = [p for p in probers if any("is warming" in line
                                         for line in logged(p, "instance-warming"))]
    tap.ok(words[0] == "new" and words[-1] == "admitted" and warming,
           "it is new, warming, admitted", words)
    steps = [done for (word, done, total), _, _ in watch.seen
             if word == "warming" and total == STATEMENTS + 1]
    tap.ok(steps == sorted(steps), "progress only grows", steps)
    since = watch.last_not_admitted()
    soon = readers.between(since, since + 2 * S)
    later = readers.between(since + 2 * S, now())
    even = 1 / (lowest + 1)
    share = [who.count(id) / max(1, len(who)) for who in (soon, later)]
    tap.note(f"even share {even:.2f}; first 2 s {share[0]:.2f} of {len(soon)}, then {share[1]:.2f} "
             f"of {len(later)}")
    tap.ok(0.5 * even < share[0] < 2 * even, "then it takes its share within 2 s, and no flood")
    tap.ok(0.7 * even < share[1] < 1.4 * even, "and an even one from then on")


def check_once(lab, probers, id):
    working = [p for p in probers if any("warmed with" in line for line in logged(p, "warmed"))]
    others = [p for p in probers
              if any("by another prober" in line for line in logged(p, "warmed"))]
    tap.ok(len(working) == 1 and len(others) == len(probers) - 1,
           "one of the probers has warmed it, the others waited", "\n".join(
               line for p in probers for line in logged(p, "warmed")))
    reads = lab.sql(id, "SELECT ROWS_READ FROM information_schema.TABLE_STATISTICS"
                    " WHERE TABLE_SCHEMA = 'app' AND TABLE_NAME = 'warm'")
    tap.ok(reads == [(str(20000 * STATEMENTS),)], "each statement ran once, to its end", reads)
    log = working[0].log()
    tap.ok(f"{STATEMENTS + 1} statements" in log and "1 failed" in log and "no_such_table" in log,
           "the statement that failed is counted, and the first told", log[-2000:])
    tap.ok(any("1 statements of the warm-up are no plain reads" in line
               for line in logged(working[0], "warm-up-refused")), "the write was refused")
    tap.ok(lab.sql("writer", "SELECT COUNT(*) FROM warm") == [("20000",)], "and not run")


def by_hand(prober, verb, id):
    done = prober.pelorus(verb, id)
    if done.returncode != 0:
        raise RuntimeError(f"{verb} {id}: {done.stderr}")
    word = {"hold": "held", "admit": "admitted"}[verb]
    prober.wait(lambda c: c.instances[id].admission == word)


def renewed(prober, end):
    """Ends a worker by end(), and waits until another one has asked everybody."""
    before = prober.worker()
    asked = {id: i.evidence_ns for id, i in prober.cluster().instances.items()}
    end()
    prober.wait(lambda c: prober.worker() != before and c.state == "known" and
                all(id in c.instances and c.instances[id].evidence_ns > then
                    for id, then in asked.items()), 40)


def kill_worker(prober):
    renewed(prober, lambda: prober.lab.exec("kill", "-9", str(prober.worker())))


def start_anew(prober, number):
    def restart():
        prober.signal(number)
        prober.process.wait(20)
        prober.begin()
    renewed(prober, restart)


def check_held(prober, id):
    by_hand(prober, "hold", id)
    watch = Admissions(prober, id)
    kill_worker(prober)
    watch.end()
    tap.ok(watch.words() == ["held"], "held by hand: so it stays when the worker is killed",
           watch.words())
    for number in (signal.SIGTERM, signal.SIGKILL):
        start_anew(prober, number)
        tap.ok(prober.cluster().instances[id].admission == "held",
               f"and when the prober is ended by {number.name} and started anew")
    by_hand(prober, "admit", id)
    kill_worker(prober)
    start_anew(prober, signal.SIGTERM)
    tap.ok(prober.cluster().instances[id].admission == "admitted", "admitted by hand, too")


def main():
    with contextlib.ExitStack() as stack:
        lab = stack.enter_context(Lab(instances=3, server=["userstat=1"]))
        path = prepare(lab, os.path.dirname(lab.state))
        config = cluster_section(lab, user="app", password="app", admit_stable="1s",
                                 warm_up=f"file:{path}", warm_up_parallel=2)
        probers = [stack.enter_context(Prober(lab, config)) for _ in range(3)]
        for prober in probers:
            settled = prober.wait_settled(3)
            tap.ok(all(i.admission == "admitted" for i in settled.instances.values()),
                   "who is there from the first is admitted")
        with Readers(lab, probers[0].directory) as readers:
            readers.wait_for(100, now())
            scale_out(lab, probers, readers, "demo-4", 2)
            tap.ok(not readers.errors, "and no client saw an error", readers.errors[:3])
        check_once(lab, probers, "demo-4")
        check_held(probers[0], "demo-3")
    tap.done()


main()
