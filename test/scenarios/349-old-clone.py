#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""glibc 2.17 to 2.23: a program's thread keeps its identity when the library starts a prober.

The clone() of those versions spoils the calling thread's id in memory, by which recursive mutexes
know their owner. Its effect is brought about beside the glibc of now; that of the old one itself is
not to be had here.
"""
import os
import platform
import subprocess

from lib.paths import BUILD, LIBRARY, PELORUSD
from lib.prober import Prober
from lib.tap import done, ok, skip
from lib.waiting import wait_for

WRITER = "db.cluster-abc.test-region-1.rds.amazonaws.com"
TEXT = "after a prober was started a recursive mutex is still its owner's"


def check(prober):
    shim, program = (os.path.join(BUILD, "test", "guests", name)
                     for name in ("old_clone.so", "own_mutex"))
    env = {**prober.environment, "PELORUS_PROBER": PELORUSD}
    child = subprocess.Popen(["env", f"LD_PRELOAD={shim}:{LIBRARY}", program, WRITER], env=env,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    told = child.stdout.readline().strip()
    if told.startswith("not to be shown"):
        skip(TEXT, "this glibc keeps the id elsewhere")
    else:
        wait_for(prober.is_up)
        ok(told == "taken again", TEXT, told)
    child.communicate()


def main():
    if platform.machine() != "x86_64":
        skip(TEXT, "where a thread's id lies is known of x86-64 alone")
    else:
        with Prober() as prober:
            check(prober)
    done()


main()
