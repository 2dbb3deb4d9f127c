#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One libpelorus.so lives in every libc: small and threaded guests do under it what they do alone.

Each guest is built for the libc, run without and with the preload, and must print, end and fail the
same; that the library was really loaded is read from the guest's own /proc/self/maps.
"""
import os
import tempfile

from lib.paths import LIBRARY
from lib.programs import guests
from lib.programs.unchanged import check_failover, check_libc
from lib.tap import done, ok, skip


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
    done()


main()
