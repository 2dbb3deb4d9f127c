#!/usr/bin/env -S /usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The map and DNS replies: fuzzed under sanitizers; one writer and eight readers under the thread
sanitizer; files that are no map.

By hand, for longer: FUZZ_RUNS=10000000 RACE_UPDATES=1000000 test/scenarios/205-map-under-attack.py
"""
import os
import random
import subprocess
import tempfile

from lib import tap
from lib.fuzzing import build, fuzz
from lib.paths import ROOT

RUNS = int(os.environ.get("FUZZ_RUNS", "40000"))
UPDATES = int(os.environ.get("RACE_UPDATES", "20000"))
SHARED = ["lib/common/map_read.c", "lib/common/names.c"]
SEEDS = {
    "fuzz_map": [b"", b"\0\0\x20\1\x10" + bytes(16), b"\0\1\x20\1\4\xff\xff\xff\xff"],
    "fuzz_dns": [b"\x81\x80\0\1\0\0\0\0\xc0\x0c\0\1\0\1\0\0\0\5\0\4\1\2\3\4",
                 b"\x81\x80\0\2\0\0\0\0\xc0\x0c\0\5\0\1\0\0\0\5\0\4\1x\xc0\x0f"
                 b"\1x\xc0\x0f\0\1\0\1\0\0\0\5\0\4\1\2\3\4"],
}
SOURCES = {"fuzz_map": [], "fuzz_dns": ["probes/net/dns_packet.c"]}


def race(folder):
    binary = build("map_race", folder, ["probes/map/held.c", "-lpthread", *SHARED], "thread")
    ran = subprocess.run(["setarch", "-R", binary, str(UPDATES), folder], capture_output=True,
                         text=True, env=dict(os.environ, TSAN_OPTIONS="halt_on_error=1"))
    tap.ok(ran.returncode == 0, "one writer, eight readers: no race, no torn copy",
           ran.stdout + ran.stderr[-4000:])
    tap.note(ran.stdout)


def no_map(folder):
    """Files that are none are refused, whatever their size."""
    program = os.path.join(folder, "attach")
    source = os.path.join(folder, "attach.c")
    with open(source, "w") as out:
        out.write("#include <pelorus/map.h>\n#include <fcntl.h>\nint main(int c, char **v) {"
                  " const struct pel_map *m;"
                  " return -pel_map_attach(open(v[1], O_RDONLY | O_DIRECTORY), &m); }\n")
    subprocess.run(["cc", "-D_GNU_SOURCE", "-I", "include", source, *SHARED, "-o", program],
                   cwd=ROOT, check=True)
    path = os.path.join(folder, "topology.map")
    codes = set()
    for size in (0, 1, 4095, 4096, 100000, 1 << 20, 3 << 20):
        with open(path, "wb") as out:
            out.write(random.Random(size).randbytes(size))
        codes.add(subprocess.run([program, folder]).returncode)
    os.unlink(path)
    os.mkfifo(path)
    codes.add(subprocess.run([program, folder], timeout=10).returncode)
    tap.ok(codes == {71}, "random bytes, short files and a pipe are no map", codes)


with tempfile.TemporaryDirectory() as temporary:
    for each in SEEDS:
        fuzz(each, temporary, SOURCES[each] + SHARED, SEEDS[each], RUNS)
    race(temporary)
    os.unlink(os.path.join(temporary, "topology.map"))
    no_map(temporary)
tap.done()
