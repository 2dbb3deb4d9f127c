# SPDX-License-Identifier: Apache-2.0
"""Programs of test/fuzz: built under clang's sanitizers, fed with seeds and what comes of them."""
import os
import subprocess

from lib import tap
from lib.paths import ROOT

FUZZER = "fuzzer,address,undefined"


def build(name, folder, sources, sanitizers=FUZZER):
    """test/fuzz/NAME.c with sources, or other words for the compiler; the path of the program."""
    binary = os.path.join(folder, name)
    made = subprocess.run(["clang", "-g", "-O1", "-D_GNU_SOURCE", "-std=gnu11",
                           f"-fsanitize={sanitizers}", "-fno-sanitize-recover=undefined",
                           "-I", "include", "-I", "lib", "-I", "probes", f"test/fuzz/{name}.c", *sources,
                           "-o", binary], cwd=ROOT, capture_output=True, text=True)
    tap.ok(made.returncode == 0, f"{name} is built", made.stderr)
    return binary


def fuzz(name, folder, sources, seeds, runs, most=2048):
    """A case: nothing is found in so many inputs of at most so many bytes."""
    corpus = os.path.join(folder, name + ".corpus")
    os.mkdir(corpus)
    for i, seed in enumerate(seeds):
        with open(os.path.join(corpus, str(i)), "wb") as out:
            out.write(seed)
    binary = build(name, folder, sources)
    ran = subprocess.run([binary, f"-runs={runs}", f"-max_len={most}", "-verbosity=1", corpus],
                         cwd=folder, capture_output=True, text=True)
    last = [line for line in ran.stderr.splitlines() if "DONE" in line]
    tap.ok(ran.returncode == 0 and last, f"{name} finds nothing in {runs} inputs",
           ran.stderr[-4000:])
    tap.note("".join(last))
