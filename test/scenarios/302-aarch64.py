#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""libpelorus.so for 64-bit ARM: cross-built, gated by the same lists, and run under qemu-user."""
import os
import subprocess
import tempfile

from lib.paths import ROOT
from lib.programs import guests, libgates
from lib.programs.unchanged import check_failover, check_libc
from lib.tap import done, ok, skip

FOLDER = os.path.join(ROOT, "build", "aarch64")


def build():
    setup = ["meson", "setup", FOLDER, "--cross-file",
             os.path.join(ROOT, "tools", "cross", "aarch64-linux-gnu.ini"),
             "-Donly_library=true", "-Dwerror=true"]
    if os.path.exists(os.path.join(FOLDER, "build.ninja")):
        setup.append("--reconfigure")
    for step in (setup, ["meson", "compile", "-C", FOLDER]):
        made = subprocess.run(step, cwd=ROOT, capture_output=True, text=True)
        if made.returncode != 0:
            return f"{' '.join(step)}: {made.stdout[-2000:]}{made.stderr[-500:]}"
    return None


def main():
    libc = guests.aarch64()
    if libc.absent:
        skip("the library is built for aarch64, gated and run", libc.absent)
        done()
    wrong = build()
    if not ok(not wrong, "the library is built for aarch64 without a warning", wrong):
        done()
    libgates.check(libc.library, "aarch64-linux-gnu-", libgates.AARCH64_MAX)
    with tempfile.TemporaryDirectory(prefix="pelorus-aarch64-") as folder:
        check_libc(libc, folder)
        check_failover(libc, folder)
    done()


main()
