#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""`pelorus disable` while calls of a client library wait for a writer: a connect goes where DNS
leads, and a statement is told of its loss, as without the library.

There is no writer, and will be none: who goes on waiting does so for half a minute.  And of a write
that is refused then the daemon hears nothing.
"""
import os
import shutil
import tempfile
import time

from lib.paths import CLIENTS
from lib.prober import Prober, cluster_section
from lib.programs import writer as w
from lib.programs.handles import Handle
from lib.servers import fakes
from lib.tap import done, note, ok, skip
from lib.waiting import wait_for

POOL = ["/usr/bin/python3", os.path.join(CLIENTS, "python", "pool.py")]
HOLD_S, SOON_S = 30, 10
LOST = (2006, 2013)


class Server(fakes.Server):
    def _answer(self, connection, query):
        if query.startswith("INSERT"):
            self._send(connection, 1, self._error(
                1290, "The server is running with the --read-only option"))
        else:
            super()._answer(connection, query)


class Program:
    """One whose call is under way."""

    def __init__(self, prober, cluster, *tracer):
        self.prober = prober
        env = w.environment(prober.directory, PELORUS_PROBER="off")
        preload = ["-E", "LD_PRELOAD=" + env.pop("LD_PRELOAD")] if tracer else []
        self.handle = Handle(cluster, None, env, [*tracer, *preload, *POOL])

    def tell(self, line):
        return [int(word) for word in self.handle(line).split()[1:]]

    def waits(self):
        """Asleep in a futex, not in a read of its input or of a server's answer."""
        with open(f"/proc/{self.handle.process.pid}/wchan") as wchan:
            return wchan.read().startswith("futex")

    def let_go(self, line, *words):
        """What the call told, and the seconds behind the command."""
        self.handle.say(line)
        wait_for(self.waits)
        begin = time.monotonic()
        self.prober.pelorus(*words)
        heard = [int(word) for word in self.handle.hear().split()[1:]]
        return heard, time.monotonic() - begin


def judge(heard, seconds, numbers, text):
    note(f"{text}: {heard} {seconds:.2f} s behind it")
    ok(heard[0] == int(0 not in numbers) and heard[2] in numbers, text, heard)
    ok(seconds < SOON_S, "... at once", f"{seconds:.1f} s")


def turn(prober, cluster, read_only):
    cluster.servers["demo-1"].read_only = read_only
    prober.ask("refresh")
    prober.wait(lambda c: c.state == ("writerless" if read_only else "known"))


def check_statement(prober, cluster, program):
    heard = program.tell(f"connect {cluster.writer_name} 1")
    ok(heard[0] == 0, "a program is connected", heard)
    turn(prober, cluster, True)
    judge(*program.let_go("query SELECT 1", "disable"), LOST, "a statement that was to be moved")
    prober.pelorus("enable")
    turn(prober, cluster, False)


def check_connect(prober, cluster, program):
    turn(prober, cluster, True)
    judge(*program.let_go(f"connect {cluster.writer_name} 1", "disable", cluster.writer_name),
          (0,), "a connect without a writer")
    asked = cluster.servers["demo-2"].questions
    ok(program.tell("query SELECT 1")[0] == 0 and "SELECT 1" in asked, "... is where DNS leads",
       asked[-3:])


def check_refused(prober, cluster):
    """By one file for both: what is sent when it is led, and when it is not."""
    turn(prober, cluster, False)
    prober.pelorus("enable", cluster.writer_name)
    with tempfile.NamedTemporaryFile("r") as trace:
        program = Program(prober, cluster, "strace", "-f", "-qq", "-e", "trace=sendto", "-o",
                          trace.name)
        program.tell(f"connect {cluster.writer_name} 1")
        for text, told in (("led", True), ("not led", False)):
            trace.read()
            heard = program.tell("query INSERT INTO t VALUES (1)")
            ok(heard[2] == 1290 and ('"hint' in trace.read()) == told,
               f"a write is refused, {text}: the daemon is {'' if told else 'not '}told", heard)
            prober.pelorus("disable")
        program.handle.end()


def main():
    fakes.enter()
    fakes.Cluster.kind = Server
    dns = fakes.Dns()
    cluster = fakes.Cluster(dns, 3, 1, "let")
    with Prober(cluster, cluster_section(cluster, hold=f"{HOLD_S}s")) as prober:
        prober.wait(lambda c: c.state == "known" and all(i.routable for i in c.instances.values()))
        dns.aliases[cluster.writer_name] = f"demo-2.{cluster.domain}"
        for check in (check_statement, check_connect):
            program = Program(prober, cluster)
            check(prober, cluster, program)
            program.handle.end()
        if shutil.which("strace"):
            check_refused(prober, cluster)
        else:
            skip("what a refused write tells the daemon", "there is no strace")
    cluster.close()
    done()


main()
