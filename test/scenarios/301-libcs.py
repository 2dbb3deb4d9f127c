#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One libpelorus.so lives in every libc: small and threaded guests do under it what they do alone.

Each guest is built for the libc, run without and with the preload, and must print, end and fail the
same; that the library was really loaded is read from the guest's own /proc/self/maps.  And of libc
daemon and command ask for nothing that musl, with libucontext, would not have.
"""
import os
import re
import subprocess
import tempfile

from lib.paths import BUILD, LIBRARY, PELORUS, PELORUSD
from lib.programs import guests
from lib.programs.unchanged import check_failover, check_libc
from lib.tap import done, ok, skip

PROGRAMS = (PELORUSD, PELORUS, os.path.join(BUILD, "probes", "pelorus-http.so"),
            os.path.join(BUILD, "tools", "trap", "pelorus-trap"))
# What is called otherwise there, what libucontext has, and what is compiled for glibc alone.
OTHERWISE = {"fcntl64", "getcontext", "makecontext", "swapcontext",
             "posix_spawn_file_actions_addclosefrom_np"}


def symbols(*words):
    made = subprocess.run(["nm", "-D", *words], capture_output=True, text=True, check=True)
    return made.stdout


def check_portable():
    musl = f"/lib/ld-musl-{os.uname().machine}.so.1"
    there = {line.split()[-1] for line in symbols("--defined-only", musl).splitlines()}
    for program in filter(os.path.exists, PROGRAMS):
        needs = set(re.findall(r"U (\w+)@GLIBC_", symbols("-u", program)))
        ok(needs and not needs - there - OTHERWISE,
           f"{os.path.basename(program)}: musl has what it asks libc for",
           needs - there - OTHERWISE)


def main():
    if not os.path.exists(LIBRARY):
        ok(False, "the build makes libpelorus.so", f"no {LIBRARY}")
        done()
    with tempfile.TemporaryDirectory(prefix="pelorus-libcs-") as folder:
        for libc in (guests.host(), guests.old_glibc(), guests.musl()):
            if libc.absent:
                skip(f"{libc.name}: guests run unchanged", libc.absent)
            else:
                check_libc(libc, folder)
                check_failover(libc, folder)
        if not libc.absent:
            check_portable()
    done()


main()
