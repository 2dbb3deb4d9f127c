#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The splitter of warm-ups, fuzzed for a short while under ASan and UBSan.

By hand, for longer: FUZZ_RUNS=10000000 test/scenarios/803-fuzzed-statements.py
"""
import os
import tempfile

from lib import tap
from lib.fuzzing import fuzz

RUNS = int(os.environ.get("FUZZ_RUNS", "30000"))
SEEDS = [b"select 1;select 'a;b' from t;", b"-- a\nselect 1\nselect \"x\"\n", b"use `a``b`;select 1",
         b"/* a; */ select 1 # b;\n;/*!50000 select 2 */", b"select 'it\\'s;';delete from t"]

with tempfile.TemporaryDirectory() as folder:
    shared = [f"lib/common/sql_{part}.c" for part in ("fast", "lex", "plain", "set", "words")]
    fuzz("fuzz_warm", folder, ["probes/warm/list.c", *shared], SEEDS, RUNS)
tap.done()
