# SPDX-License-Identifier: Apache-2.0
"""What it costs a process that the library is loaded, though the process never needs it.

Size: of the file, stripped.  Resident memory: the Rss of the library's own mappings in a process
that has just started, from /proc/PID/smaps (what it shares with others counts in full), and the
growth of the process's anonymous memory.  Process start: /bin/true, spawned and waited for, without
and with the preload in turns, so that both see the same machine; the difference of the lower
quartiles, which a busy machine moves less than the medians.
"""
import os
import re
import statistics
import subprocess
import time

import bench

from lib import environ
from lib.paths import LIBRARY
from lib.programs import elfgate


def mappings(environment):
    """(KiB resident of libpelorus.so, KiB of anonymous memory) of a cat that waits for input."""
    child = subprocess.Popen(["cat"], env=environment, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
    child.stdin.write(b"x")
    child.stdin.flush()
    os.read(child.stdout.fileno(), 1)
    with open(f"/proc/{child.pid}/smaps") as smaps:
        text = smaps.read()
    child.stdin.close()
    child.wait()
    ours = anonymous = 0
    for part in re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", text, flags=re.M):
        head = part.split("\n", 1)[0]
        size = {k: int(v) for k, v in re.findall(r"^(\w+):\s+(\d+) kB", part, re.M)}
        if "libpelorus" in head:
            ours += size.get("Rss", 0)
        anonymous += size.get("Anonymous", 0)
    return ours, anonymous


def start_ms(environments, rounds):
    """Milliseconds from spawn to end, per environment: the lower quartile."""
    took = [[] for _ in environments]
    for _ in range(rounds):
        for i, environment in enumerate(environments):
            begin = time.perf_counter_ns()
            pid = os.posix_spawn("/bin/true", ["true"], environment)
            os.waitpid(pid, 0)
            took[i].append((time.perf_counter_ns() - begin) / 1e6)
    return [statistics.quantiles(t)[0] for t in took]


def measure(figures, folder, quick):
    plain, under = environ.plain(), bench.preloaded(folder)
    figures.add("library: size", elfgate.Library(LIBRARY).stripped_size() / 1024, "KiB", 128)
    _, before = mappings(plain)
    ours, after = mappings(under)
    figures.add("library: resident memory", ours, "KiB", 200)
    figures.add("library: anonymous memory of the process grows by", after - before, "KiB")
    a, b = start_ms([plain, under], 150 if quick else 1500)
    figures.add("library: process start", b - a, "ms", 0.2)
    figures.add("(a process start without it)", a, "ms")
