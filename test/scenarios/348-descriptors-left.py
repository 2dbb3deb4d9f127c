#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A prober that a program has started has none of the program's descriptors, however high their
number, and on kernels that cannot close a range of them at once."""
import os
import subprocess

from lib.paths import BUILD, LIBRARY, PELORUSD
from lib.prober import Prober
from lib.tap import as_root, done, ok
from lib.waiting import wait_for

WRITER = "db.cluster-abc.test-region-1.rds.amazonaws.com"
NUMBERS = (7, 1000, 4096, 5000, 19999)
PROGRAM = """
import os, resource, socket, sys
limit = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(20000, limit[1]), limit[1]))
kept = os.open(sys.argv[1], os.O_RDONLY)
for number in map(int, sys.argv[3:]):
    os.dup2(kept, number, inheritable=True)
try:
    socket.getaddrinfo(sys.argv[2], 3306)
except OSError:
    pass
sys.stdin.read()
"""


def left_in(pid, path):
    """Numbers of a process's descriptors that lead to a path."""
    numbers = []
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            if os.readlink(f"/proc/{pid}/fd/{number}") == path:
                numbers.append(int(number))
        except OSError:
            pass
    return numbers


def check(text, prefix):
    with Prober() as prober:
        path = os.path.join(prober.folder, "kept")
        with open(path, "w"):
            pass
        env = {**prober.environment, "PELORUS_PROBER": PELORUSD, "LD_PRELOAD": LIBRARY}
        child = subprocess.Popen([*prefix, "env", f"LD_PRELOAD={env.pop('LD_PRELOAD')}",
                                  "/usr/bin/python3", "-c", PROGRAM, path, WRITER,
                                  *map(str, NUMBERS)], env=env, stdin=subprocess.PIPE)
        try:
            wait_for(prober.is_up)
            left = {pid: left_in(pid, path) for pid in prober.note_pids()}
            ok(len(left_in(child.pid, path)) > len(NUMBERS), f"{text}: the program has them open")
            ok(not any(left.values()), f"{text}: its prober has none of them", left)
        finally:
            child.communicate()


def main():
    if not as_root("its descriptors"):
        done()
    check("this kernel", [])
    check("an old kernel", [os.path.join(BUILD, "test", "guests", "old_kernel")])
    done()


main()
