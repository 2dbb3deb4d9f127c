# SPDX-License-Identifier: Apache-2.0
"""What the trap of `pelorus run --trap` adds to a program that is none of its business.

Method: test/guests/trapped.c with and without the trap, in turns: a connect() of a datagram socket
on loopback, which is nothing but the system call; 64 bytes sent and received by a socketpair, as a
statement is, which the filter lets pass without telling anybody; and the start of /bin/true by
`pelorus run` with and without --trap. Each is the least of all rounds, for what else runs only
adds.
"""
import os
import subprocess
import time

from lib import environ
from lib.paths import BUILD, PELORUS

PROGRAM = os.path.join(BUILD, "test", "guests", "trapped-static")
KEEPER = os.path.join(BUILD, "tools", "trap", "pelorus-trap")
CONNECT_US, START_MS = 10, 5


def least(words, rounds, env):
    """Of all rounds, without and with the trap, in nanoseconds."""
    found = {"": [], KEEPER: []}
    for _ in range(rounds):
        for keeper, values in found.items():
            said = subprocess.run([*([keeper, "--"] if keeper else []), PROGRAM, "127.0.0.1", "9",
                                   *words], env=env, capture_output=True, text=True, check=True)
            values.append(int(said.stdout))
    return min(found[""]), min(found[KEEPER])


def start_ms(rounds, env):
    found = {(): [], ("--trap",): []}
    for _ in range(rounds):
        for words, values in found.items():
            begin = time.monotonic()
            subprocess.run([PELORUS, "run", *words, "--", "/bin/true"], env=env, check=True)
            values.append((time.monotonic() - begin) * 1e3)
    return tuple(min(v) for v in found.values())


def measure(figures, folder, quick):
    env = environ.plain(PELORUS_RUNTIME_DIR=os.path.join(folder, "run"), PELORUS_PROBER="off")
    rounds = 3 if quick else 10
    plain, trapped = least(["time", "2000"], rounds, env)
    figures.add("connect of an unrelated program, plain", plain / 1e3, "us")
    figures.add("connect of an unrelated program, added by the trap", (trapped - plain) / 1e3, "us",
                CONNECT_US)
    plain, trapped = least(["pair", "20000"], rounds, env)
    figures.add("64 bytes sent and received, plain", plain, "ns")
    figures.add("64 bytes sent and received, added by the trap", trapped - plain, "ns")
    plain, trapped = start_ms(5 * rounds, env)
    figures.add("`pelorus run` of /bin/true", plain, "ms")
    figures.add("`pelorus run` of /bin/true, added by --trap", trapped - plain, "ms", START_MS)
