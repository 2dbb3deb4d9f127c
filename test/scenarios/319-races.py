#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tables of the library, used by many threads at once under the thread sanitizer.

By hand, for longer: RACE_ROUNDS=1000000 test/scenarios/319-races.py
"""
import os
import subprocess
import tempfile

from lib import tap
from lib.fuzzing import build

ROUNDS = os.environ.get("RACE_ROUNDS", "5000")
SOURCES = ["lib/connections/sockets.c", "lib/known/block.c", "lib/known/followed.c",
           "lib/client/table.c", "lib/base/process.c", "lib/base/futex.c", "lib/base/real.c",
           "lib/rules/route.c", "lib/common/names.c"]

with tempfile.TemporaryDirectory() as folder:
    binary = build("lib_race", folder, [*SOURCES, "-lpthread"], "thread")
    # The sanitizer cannot place its shadow where addresses are fully random.
    ran = subprocess.run(["setarch", "-R", binary, ROUNDS], capture_output=True, text=True,
                         env=dict(os.environ, TSAN_OPTIONS="halt_on_error=1"))
    tap.ok(ran.returncode == 0, "sockets, names and handles: no race, nothing torn or mixed",
           ran.stdout + ran.stderr[-4000:])
    tap.note(ran.stdout)
tap.done()
