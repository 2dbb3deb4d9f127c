#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What programs do by chance while their connects wait: no file of theirs is touched but those that
wait, and each of these ends where the map says.

By hand, for longer: test/scenarios/353-hold-histories.py --deeds 100000 --seed 7, and with --races
under the thread sanitizer.
"""
import argparse
import os
import subprocess
import time

from lib import builds
from lib.paths import BUILD
from lib.programs import loopback
from lib.tap import done, note, ok

DEEDS, SEEDS = 5000, 2


def play(folder, program, seed, deeds, prefix=(), **environment):
    directory = os.path.join(folder, "run")
    os.makedirs(directory, 0o700, exist_ok=True)
    ran = subprocess.run([*prefix, program, directory, str(seed), str(deeds)],
                         env={**os.environ, **environment}, capture_output=True, text=True)
    last = ran.stdout.splitlines()[-1:]
    note("\n".join(last))
    ok(ran.returncode == 0, f"seed {seed}: {deeds} deeds, and nothing is touched or left waiting",
       f"status {ran.returncode}\n{ran.stdout[-6000:]}{ran.stderr[-6000:]}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--deeds", type=int, default=DEEDS)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--races", action="store_true")
    options = parser.parse_args()
    program, prefix, more = os.path.join(BUILD, "test", "guests", "histories"), (), {}
    if options.races and loopback.INSIDE not in os.environ:
        builds.make("races", "lib/pelorus")
        builds.make("races", "test/guests/histories")
    if options.races:
        program = os.path.join(builds.folder("races"), "test", "guests", "histories")
        # The sanitizer cannot place its shadow where addresses are fully random.
        library = os.path.join(builds.folder("races"), "lib", "libpelorus.so")
        prefix = ("setarch", "-R", "env", f"LD_PRELOAD={library}")
        more = {"LD_PRELOAD": "", "TSAN_OPTIONS": "halt_on_error=1 die_after_fork=0"}
    folder = loopback.enter()
    for seed in range(options.seed, options.seed + options.seeds):
        play(folder, program, seed, options.deeds, prefix, **more)
    done()


main()
