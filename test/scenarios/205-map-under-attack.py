#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The map, and DNS replies to the prober and to programs: fuzzed under sanitizers; one writer and
eight readers under the thread sanitizer; files that are no map.

By hand, for longer: FUZZ_RUNS=10000000 RACE_UPDATES=1000000 test/scenarios/205-map-under-attack.py
"""
import os
import random
import subprocess
import tempfile

from lib import tap
from lib.fuzzing import fuzz, race
from lib.paths import BUILD

RUNS = int(os.environ.get("FUZZ_RUNS", "40000"))
UPDATES = os.environ.get("RACE_UPDATES", "20000")
ATTACH = os.path.join(BUILD, "test", "lib", "attach")
SEEDS = {
    "fuzz_map": [b"", b"\0\0\x20\1\x10" + bytes(16), b"\0\1\x20\1\4\xff\xff\xff\xff"],
    "fuzz_dns": [b"\x81\x80\0\1\0\0\0\0\xc0\x0c\0\1\0\1\0\0\0\5\0\4\1\2\3\4",
                 b"\x81\x80\0\2\0\0\0\0\xc0\x0c\0\5\0\1\0\0\0\5\0\4\1x\xc0\x0f"
                 b"\1x\xc0\x0f\0\1\0\1\0\0\0\5\0\4\1\2\3\4"],
    "fuzz_answer": [kind + b"\x81\x80\0\1\0\2\0\0\0\1"
                    b"\xc0\x0c\0\5\0\1\0\0\0\5\0\4\1x\xc0\x0f"
                    b"\1x\xc0\x0f\0\1\0\1\0\0\0\5\0\4\1\2\3\4"
                    b"\0\0\x29\4\xd0\0\0\0\0\0\0" for kind in (b"\2", b"\3")] +
                   [b"\5\0\x2c\x12\x34\x81\x80\0\1\0\1\0\0\0\0\2db\7example\0\0\1\0\1"
                    b"\xc0\x0c\0\1\0\1\0\0\0\5\0\4\1\2\3\4"],
}


def no_map(folder):
    """Files that are none are refused, whatever their size."""
    path = os.path.join(folder, "topology.map")
    codes = set()
    for size in (0, 1, 4095, 4096, 100000, 1 << 20, 3 << 20):
        with open(path, "wb") as out:
            out.write(random.Random(size).randbytes(size))
        codes.add(subprocess.run([ATTACH, folder]).returncode)
    os.unlink(path)
    os.mkfifo(path)
    codes.add(subprocess.run([ATTACH, folder], timeout=10).returncode)
    tap.ok(codes == {71}, "random bytes, short files and a pipe are no map", codes)


with tempfile.TemporaryDirectory() as temporary:
    for each in SEEDS:
        fuzz(each, temporary, SEEDS[each], RUNS)
    race("map_race", "one writer, eight readers: no race, no torn copy", UPDATES, temporary)
    os.unlink(os.path.join(temporary, "topology.map"))
    no_map(temporary)
tap.done()
