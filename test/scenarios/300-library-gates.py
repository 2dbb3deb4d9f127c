#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What libpelorus.so asks of its hosts is what the lists in test/gates allow
(test/lib/libgates.py)."""
import os

from lib.paths import LIBRARY
from lib.programs import libgates
from lib.tap import done, ok


def main():
    if ok(os.path.exists(LIBRARY), "the build makes libpelorus.so", LIBRARY):
        libgates.gate_own(libgates.check(LIBRARY))
    done()


main()
