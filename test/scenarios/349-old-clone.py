#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""glibc 2.17 to 2.23: a program's thread keeps its identity when the library starts a prober.

The clone() of those versions spoils the calling thread's and process's ids in memory, by which
recursive mutexes know their owner and raise() whom to tell.  Its effect is brought about beside the
machine's own glibc.  An old one itself is tried where there is one, with whatever else is asked of
every libc.
"""
import os
import platform
import subprocess
import tempfile

from lib.paths import BUILD, LIBRARY, PELORUSD
from lib.prober import Prober
from lib.programs import guests
from lib.programs.unchanged import check_failover, check_libc
from lib.tap import done, ok, skip
from lib.waiting import wait_for

WRITER = "db.cluster-abc.test-region-1.rds.amazonaws.com"
TEXT = "after a prober was started a thread is still itself"
SHIM = os.path.join(BUILD, "test", "guests", "old_clone.so")


def check(libc, folder, preload):
    text = f"{libc.name}: {TEXT}"
    with Prober() as prober:
        env = {**prober.environment, "PELORUS_PROBER": PELORUSD}
        child = subprocess.Popen(["env", f"LD_PRELOAD={preload}", libc.build("own_mutex", folder),
                                  WRITER], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 text=True)
        told = child.stdout.readline().strip()
        if told.startswith("not to be shown"):
            skip(text, "this glibc keeps the id elsewhere")
        else:
            wait_for(prober.is_up)
            ok(told == "the same", text, told)
        child.communicate()


def main():
    old = guests.given_glibc()
    with tempfile.TemporaryDirectory(prefix="pelorus-clone-") as folder:
        if platform.machine() == "x86_64":
            check(guests.host(), folder, f"{SHIM}:{LIBRARY}")
        else:
            skip(TEXT, "where a thread's id lies is known of x86-64 alone")
        if old.absent:
            skip(f"{old.name}: {TEXT}", old.absent)
        else:
            check(old, folder, LIBRARY)
            check_libc(old, folder)
            check_failover(old, folder)
    done()


main()
