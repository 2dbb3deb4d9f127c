#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
# alone
"""Trouble that is no failure: nothing is called unreachable, nobody is woken to sever anything.

PELORUS_SECONDS sets how long the cores are loaded (4; 600 for the long form).
"""
import os
import signal
import subprocess
import threading
import time

from lib import tap
from lib.lab import Lab
from lib.paths import BUILD
from lib.prober import Prober

SECONDS = float(os.environ.get("PELORUS_SECONDS", "4"))


class Calm(threading.Thread):
    """Looks at the map all the time; judges a block of the scenario."""

    def __init__(self, prober):
        super().__init__(daemon=True)
        self.prober, self.bad, self.over = prober, [], False
        self.healths, self.states = set(), set()

    def run(self):
        while not self.over:
            cluster = self.prober.cluster()
            self.states.add((cluster.state, cluster.writer))
            for i in cluster.instances.values():
                self.healths.add((i.id, i.health))
                if i.health == "unreachable":
                    self.bad.append(i.id)
            time.sleep(0.01)


class Judge:
    def __init__(self, prober, text):
        self.prober, self.text = prober, text

    def __enter__(self):
        self.before = self.prober.wait_settled(3, 60)
        self.wake = self.prober.view.wake
        self.calm = Calm(self.prober)
        self.calm.start()
        return self

    def __exit__(self, kind, *_):
        if kind:
            return
        after = self.prober.wait_settled(3, 60)
        self.calm.over = True
        self.calm.join()
        same = self.prober.view.wake == self.wake and after.writer == self.before.writer
        tap.ok(not self.calm.bad, f"{self.text}: nothing is unreachable", self.calm.bad)
        tap.ok(same, f"{self.text}: nobody is woken", f"{self.wake} {self.prober.view.wake}\n" +
               self.prober.log()[-1500:])


def run_for(seconds, *command):
    """A load that ends by itself, and with us."""
    return subprocess.Popen(["timeout", str(seconds), *command], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)


def loaded_cores(prober):
    with Judge(prober, f"all cores loaded for {SECONDS:.0f} s"):
        loads = [run_for(SECONDS, "sh", "-c", "while :; do :; done")
                 for _ in range(2 * os.cpu_count())]
        for load in loads:
            load.wait()


def stopped_prober(prober):
    with Judge(prober, "the prober stopped for 3 s"):
        prober.signal(signal.SIGSTOP)
        time.sleep(3)  # the length of the stop is what is tested
        prober.signal(signal.SIGCONT)
    with Judge(prober, "the prober stopped for 6 s, its heartbeat stale"):
        prober.signal(signal.SIGSTOP)
        time.sleep(6)
        prober.signal(signal.SIGCONT)


def killed_worker(lab, prober):
    with Judge(prober, "the worker killed") as judge:
        before = prober.view.pid
        lab.exec("kill", "-9", str(before))
        prober.view.wait(lambda v: v.pid != before, 10)
    tap.ok(judge.calm.states == {("known", judge.before.writer)},
           "the worker killed: what is published stays", judge.calm.states)


def jumping_clock(lab):
    shim = os.path.join(BUILD, "test", "lib", "wall_clock.so")
    jumping, hours = ["env", f"LD_PRELOAD={shim}"], set()
    with Prober(lab, prefix=jumping) as prober:
        with Judge(prober, "the wall clock jumps by hours"):
            for _ in range(4):
                time.sleep(1)
                shown = int(lab.exec(*jumping, "date", "+%s").stdout)
                hours.add(round((shown - time.time()) / 3600))
        tap.ok(len(hours) > 1, "it does jump", hours)


def paused_server(lab, prober, victim, who):
    with Judge(prober, f"{who} paused for 3 s") as judge:
        lab.run("pause", victim)
        prober.wait(lambda c: c.instances[victim].health == "stalled", 10)
        time.sleep(1.2)
        lab.run("resume", victim)
    tap.ok((victim, "stalled") in judge.calm.healths, f"{who} paused: it is stalled meanwhile")


def full_server(lab, prober, victim):
    with Judge(prober, "every connection slot taken"):
        lab.run("set", victim, "full=1")
        time.sleep(2)
        lab.run("set", victim, "full=0")


def busy_server(lab, prober, victim):
    statement = "SELECT BENCHMARK(1000000000, MD5('x'))"
    with Judge(prober, "a server at 100 % CPU for 2 s"):
        queries = [lab.popen("timeout", "2", "mariadb", "-h", lab.host(victim), "-uapp", "-papp",
                             "-e", statement, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL) for _ in range(4)]
        for query in queries:
            query.wait()


def bad_line(lab, prober, victim, what, seconds=3):
    done = lab.run("set", victim, what, check=False)
    if done.returncode:
        tap.skip(f"{what} on the way to the writer", done.stderr.strip())
        return
    with Judge(prober, f"{what} on the way to the writer"):
        time.sleep(seconds)
        lab.run("set", victim, what.split("=")[0] + "=0")


with Lab(instances=3) as lab, Prober(lab) as prober:
    cluster = prober.wait_settled(3)
    writer = cluster.writer
    reader = next(i for i in cluster.instances if i != writer)
    loaded_cores(prober)
    stopped_prober(prober)
    killed_worker(lab, prober)
    jumping_clock(lab)
    paused_server(lab, prober, reader, "a reader")
    paused_server(lab, prober, writer, "the writer")
    full_server(lab, prober, writer)
    busy_server(lab, prober, writer)
    bad_line(lab, prober, writer, "delay=300")
    bad_line(lab, prober, writer, "loss=5")
tap.done()
