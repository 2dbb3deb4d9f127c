#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The readers of statements, fuzzed under sanitizers: what may be executed again, and what a
warm-up takes of any text.

By hand, for longer: FUZZ_RUNS=10000000 test/scenarios/803-fuzzed-statements.py
"""
import os
import tempfile

from lib import tap
from lib.fuzzing import fuzz

RUNS = int(os.environ.get("FUZZ_RUNS", "30000"))
SEEDS = {
    "fuzz_warm": [
        b"select 1;select 'a;b' from t;", b"-- a\nselect 1\nselect \"x\"\n",
        b"use `a``b`;select 1", b"/* a; */ select 1 # b;\n;/*!50000 select 2 */",
        b"select 'it\\'s;';delete from t",
    ],
    "fuzz_sql": [
        b"SELECT a, b FROM t WHERE c = 'x' LIMIT 1", b"select @a := 1", b"insert into t values (1)",
        b"SET NAMES utf8mb4", b"set session sql_mode = 'ANSI', @@autocommit = 0",
        b"SELECT 1; DELETE FROM t", b"/*!50000 SELECT */ sleep(1)", b"select 'it\\'s' for update",
        b"SELECT GET_LOCK('a', 1) -- b", b"with x as (select 1) select * from x",
    ],
}

with tempfile.TemporaryDirectory() as folder:
    for name, seeds in SEEDS.items():
        fuzz(name, folder, seeds, RUNS)
tap.done()
