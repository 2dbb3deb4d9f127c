# SPDX-License-Identifier: Apache-2.0
"""Instructions that the library adds to a connect(), or to receiving, that is none of its business.

Method: test/bench/programs/unrelated.c under callgrind (see bench.py), per kind of socket, with the
preload less without it.  The connects fail (nobody listens), which is the same on both sides and
keeps the kernel out of it.  What is received comes from another port than 53, or does not look like
an answer of DNS; recv() and read(), by which programs take what a statement brought, have no hook.
"""
import bench

from lib import environ

BOUND = 60
CALLS = {"tcp4": "connect(), tcp4", "tcp6": "connect(), tcp6", "udp4": "connect(), udp4",
         "unix": "connect(), unix", "recvfrom": "recvfrom()", "recvmsg": "recvmsg()",
         "recvfrom-stream": "recvfrom() of a stream, without a sender"}


def measure(figures, folder, quick):
    n = 500 if quick else 5000
    program = bench.program("unrelated")
    for kind, call in CALLS.items():
        plain = bench.instructions_each([program, kind], environ.plain(), n)
        under = bench.instructions_each([program, kind], bench.preloaded(folder), n)
        figures.add(f"unrelated {call}", under - plain, "instructions", BOUND)
