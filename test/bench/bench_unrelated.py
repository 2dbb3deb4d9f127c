# SPDX-License-Identifier: Apache-2.0
"""Instructions that the library adds to a connect() that is none of its business.

Method: test/bench/programs/unrelated.c under callgrind (see bench.py), per kind of socket, with the
preload less without it.  The connects fail (nobody listens), which is the same on both sides and
keeps the kernel out of it.
"""
import bench

from lib import environ

BOUND = 60


def measure(figures, folder, quick):
    n = 500 if quick else 5000
    program = bench.program("unrelated")
    for kind in ("tcp4", "tcp6", "udp4", "unix"):
        plain = bench.instructions_each([program, kind], environ.plain(), n)
        under = bench.instructions_each([program, kind], bench.preloaded(folder), n)
        figures.add(f"unrelated connect(), {kind}", under - plain, "instructions", BOUND)
