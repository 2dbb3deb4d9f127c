#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What libpelorus.so asks of its hosts is what the lists in test/gates allow (test/lib/libgates.py)."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import guests
import libgates
from tap import done, ok


def main():
    if ok(os.path.exists(guests.LIBRARY), "the build makes libpelorus.so", guests.LIBRARY):
        libgates.gate_own(libgates.check(guests.LIBRARY))
    done()


main()
