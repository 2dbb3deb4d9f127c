# SPDX-License-Identifier: Apache-2.0
"""What the measurements share: programs, instruction counts, figures against their bounds.

Instructions are counted by callgrind, which sees user space alone: a system call counts as the one
instruction that makes it.  A program runs with n and with 2n repetitions, and the difference over n
is the cost of one, free of whatever starting and ending cost; the same with and without the preload
gives what the library adds.
"""
import os
import re
import subprocess

from lib import environ
from lib.paths import BUILD

HERE = os.path.dirname(os.path.abspath(__file__))



class Figures:
    """Collected as they are measured; a bound that is not held makes the run fail."""

    def __init__(self):
        self.missed = []
        self.rows = []  # (what, value with its unit, bound) as they are shown
        self.notes = []  # sentences that stand above them

    def add(self, what, value, unit, bound=None):
        held = bound is None or value <= bound
        text = f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}".rstrip("0").rstrip(".")
        limit = "" if bound is None else f"  (bound {bound} {unit}{'' if held else ', MISSED'})"
        print(f"{what}: {text} {unit}{limit}", flush=True)
        self.rows.append((what, f"{text} {unit}".strip(), "" if bound is None else
                          f"{bound} {unit}".strip() + ("" if held else ", missed")))
        if not held:
            self.missed.append(what)

    def skip(self, what, reason):
        print(f"{what}: not measured: {reason}", flush=True)
        self.rows.append((what, f"not measured: {reason}", ""))

    def note(self, text):
        print(text, flush=True)
        self.notes.append(text)

    def part(self):
        """Figures of a part: what they miss is missed in all."""
        made = Figures()
        made.missed = self.missed
        return made


def program(name):
    """test/bench/programs/NAME.c, as the build made it."""
    return os.path.join(BUILD, "test", "bench", "programs", name)


def preloaded(folder, **more):
    """The environment of a guest: a runtime directory of its own and no prober to start."""
    return environ.plain(**environ.preload(os.path.join(folder, "run"), **more))


def instructions(command, environment):
    """All instructions of one run, by callgrind."""
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                           *command], env=environment, capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if not found or done.returncode != 0:
        raise RuntimeError(f"{command}: {done.returncode}: {done.stderr[-2000:]}")
    return int(found.group(1))


def instructions_each(command, environment, n):
    """Of one repetition; the last word of `command` is the number of them."""
    once, twice = (instructions([*command, str(k)], environment) for k in (n, 2 * n))
    return (twice - once) / n
