# SPDX-License-Identifier: Apache-2.0
"""Programs of test/fuzz, made under clang's sanitizers: fed with seeds and what comes of them, or
with many threads."""
import os
import subprocess

from lib import builds, tap


def fuzz(name, folder, seeds, runs, most=2048):
    """A case: nothing is found in so many inputs of at most so many bytes."""
    corpus = os.path.join(folder, name + ".corpus")
    os.mkdir(corpus)
    for i, seed in enumerate(seeds):
        with open(os.path.join(corpus, str(i)), "wb") as out:
            out.write(seed)
    program = builds.make("build-clang", f"test/fuzz/{name}")
    ran = subprocess.run([program, f"-runs={runs}", f"-max_len={most}", "-verbosity=1", corpus],
                         cwd=folder, capture_output=True, text=True)
    last = [line for line in ran.stderr.splitlines() if "DONE" in line]
    tap.ok(ran.returncode == 0 and last, f"{name} finds nothing in {runs} inputs",
           ran.stderr[-4000:])
    tap.note("".join(last))


def race(name, text, *arguments):
    """A case: the thread sanitizer, and what the program itself looks at, find nothing."""
    program = builds.make("races", f"test/fuzz/{name}")
    # The sanitizer cannot place its shadow where addresses are fully random.
    ran = subprocess.run(["setarch", "-R", program, *arguments], capture_output=True, text=True,
                         env=dict(os.environ, TSAN_OPTIONS="halt_on_error=1"))
    tap.ok(ran.returncode == 0, text, ran.stdout + ran.stderr[-4000:])
    tap.note(ran.stdout)
