#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The splitter of warm-ups, fuzzed for a short while under ASan and UBSan.

By hand, for longer: FUZZ_RUNS=10000000 test/scenarios/803-fuzzed-statements.py
"""
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "test", "lib"))
import tap  # noqa: E402

RUNS = int(os.environ.get("FUZZ_RUNS", "30000"))
SEEDS = ["select 1;select 'a;b' from t;", "-- a\nselect 1\nselect \"x\"\n", "use `a``b`;select 1",
         "/* a; */ select 1 # b;\n;/*!50000 select 2 */", "select 'it\\'s;';delete from t"]

with tempfile.TemporaryDirectory() as folder:
    corpus = os.path.join(folder, "corpus")
    os.mkdir(corpus)
    for i, seed in enumerate(SEEDS):
        with open(os.path.join(corpus, str(i)), "w") as out:
            out.write(seed)
    binary = os.path.join(folder, "fuzz_warm")
    shared = [f"lib/shared/sql_{part}.c" for part in ("fast", "lex", "plain", "set", "words")]
    made = subprocess.run(["clang", "-g", "-O1", "-D_GNU_SOURCE", "-std=gnu11",
                           "-fsanitize=fuzzer,address,undefined",
                           "-fno-sanitize-recover=undefined", "-I", "include", "-I", "probes",
                           "test/fuzz/fuzz_warm.c", "probes/warm_list.c", *shared, "-o", binary],
                          cwd=ROOT, capture_output=True, text=True)
    tap.ok(made.returncode == 0, "fuzz_warm is built", made.stderr)
    ran = subprocess.run([binary, f"-runs={RUNS}", "-max_len=2048", "-verbosity=1", corpus],
                         cwd=folder, capture_output=True, text=True)
    tap.ok(ran.returncode == 0 and "DONE" in ran.stderr, f"finds nothing in {RUNS} inputs",
           ran.stderr[-4000:])
tap.done()
