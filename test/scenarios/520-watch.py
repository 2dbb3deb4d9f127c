#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`pelorus watch` and `pelorus topology -W` on a real terminal: tmux holds it, resizes it, presses
keys, and tells what stands on it."""
import re
import subprocess
import time

from lib.lab import Lab
from lib.paths import PELORUS
from lib.prober import Prober
from lib.tap import done, ok
from lib.terminal import Terminal, shows

BEFORE = "what was here before"


def is_back(terminal, text):
    """The shell is there, its screen as it was, and it echoes what is typed."""
    terminal.wait(lambda s: shows(s, BEFORE) and not shows(s, "SEEN"),
                  f"{text}: the old screen is back")
    terminal.type("echo status $?; stty -a | grep -o -e '-\\?icanon' -e '-\\?echo '")
    terminal.wait(lambda s: "status 0" in s and "icanon" in s and "-icanon" not in s,
                  f"{text}: it ended with 0, and the terminal is as it was")
    ok(terminal.setting() == "1 0", f"{text}: the cursor shows", terminal.setting())
    terminal.type(f"clear; echo {BEFORE}")
    terminal.wait(lambda s: BEFORE in s and not shows(s, "status"), f"{text}: the shell goes on")


IDLE = """
import os, pymysql, sys
db = pymysql.connect(host=os.environ["DB_HOST"], user="app", password="app", database="app")
print("connected", flush=True)
sys.stdin.read()
"""


class Idlers:
    """Programs of their own, each with a connection to the writer that it only keeps."""

    def __init__(self, n, lab, environment):
        environment = dict(environment, DB_HOST=lab.writer_name, PELORUS_PROBER="off")
        self.processes = [
            lab.popen(PELORUS, "run", "--", "/usr/bin/python3", "-c", IDLE, env=environment,
                      stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(n)]
        ok(all(p.stdout.readline() == b"connected\n" for p in self.processes),
           f"{n} programs are connected to the writer")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for p in self.processes:
            p.stdin.close()
            p.wait(20)


def watch(terminal, lab):
    terminal.type(f"{PELORUS} watch")
    terminal.wait(lambda s: shows(s, "demo-1 writer ok", "demo-3 reader ok", "last events",
                                  "instance-joined", "processes, "),
                  "watch shows roles, health, events, connections")
    ok(not shows(terminal.lines(), BEFORE), "on a screen of its own")
    terminal.resize(40, 12)
    terminal.wait(lambda s: shows(s, "pelorus  ", "demo-1 writer ok") and
                  all(len(line) <= 40 for line in s) and
                  not any(line.startswith("aws.com") for line in s),
                  "a small terminal: lines are cut, none wraps, the long sentence neither")
    terminal.resize(130, 40)
    terminal.wait(lambda s: shows(s, "with 2 readers.", "last events"),
                  "a large one: everything is there again")
    with Idlers(3, lab, terminal.environment):
        terminal.wait(lambda s: shows(s, "PID COMMAND") and
                      sum(bool(re.match(r" *\d+ python3 +1 ", line)) for line in s) == 3,
                      "and processes, with their connections")
        # The server would end them itself; kept, they are to be severed.
        lab.failover("graceful", "--to", "demo-2", "--keep-connections")
        terminal.wait(lambda s: shows(s, "demo-2 writer ok", "the writer is demo-2"),
                      "a failover shows while it happens")
        terminal.wait(lambda s: shows(s, "3 severed") and severed(s) == (3, 3),
                      "so do the connections that were severed, and in how many processes")
    terminal.key("q")
    is_back(terminal, "watch and q")


def severed(lines):
    """What the events on the screen, or of the command, count: connections, processes."""
    told = [re.search(r" severed .*\b(\d+) connections? .* in (\d+) process", line)
            for line in lines]
    return tuple(sum(int(t[i]) for t in told if t) for i in (1, 2))


def events(lab, environment):
    made = subprocess.run([PELORUS, "events"], env=environment, stdout=subprocess.PIPE, text=True)
    lines = [line for line in made.stdout.splitlines() if " severed " in line]
    ok(severed(lines) == (3, 3) and all(f" {lab.writer_name}: " in line for line in lines),
       "events names their cluster", made.stdout)


def topology(terminal, lab):
    terminal.type(f"{PELORUS} topology -f tree -W 1 {lab.writer_name}")
    terminal.wait(lambda s: shows(s, "demo-2", "|-demo-", "`-demo-"), "topology -W draws the tree")
    terminal.resize(130, 20)
    terminal.wait(lambda s: shows(s, "`-demo-") and len(s) <= 20, "and again after a resize")
    lab.run("failover", "--mode", "graceful", "--to", "demo-3")
    terminal.wait(lambda s: any(line.startswith("demo-3 ") for line in s),
                  "the new writer becomes the root")
    terminal.key("C-c")
    is_back(terminal, "topology -W and Ctrl-C")


def main():
    with Lab(instances=3) as lab, Prober(lab) as prober:
        prober.wait_settled(3)
        environment = prober.environment
        with Terminal(environment) as terminal:
            terminal.type(f"clear; echo {BEFORE}")
            terminal.wait(lambda s: BEFORE in s, "a terminal")
            watch(terminal, lab)
            events(lab, environment)
            topology(terminal, lab)
        # Not on a terminal: one text after the other, and no escape in it.
        begin = time.monotonic()
        plain = subprocess.run(["timeout", "-s", "INT", "2.5", PELORUS, "topology", "-W", "1"],
                               env=environment, stdout=subprocess.PIPE, text=True)
        ok(plain.stdout.count("the writer is demo-3") >= 2 and "\033" not in plain.stdout,
           f"into a pipe, lines without escapes ({time.monotonic() - begin:.1f} s)", plain.stdout)
    done()


main()
