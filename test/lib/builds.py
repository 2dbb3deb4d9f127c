# SPDX-License-Identifier: Apache-2.0
"""The builds that are tested: folders below build/, each made under a lock of its own, for the
runner and a scenario may want one at the same time."""
import contextlib
import fcntl
import os
import subprocess

from lib.paths import ROOT

SANITIZED = ("-Db_sanitize=address,undefined", "-Db_lundef=false")

# name: (folder, compiler, options)
BUILDS = {
    "build": ("main", "gcc", ()),
    # A sanitizer sees as much of what is less optimized, which takes less time to compile; gcc
    # warns of other things then.
    "build-clang": ("clang", "clang", ("-Dfuzz=true", "-Doptimization=1", *SANITIZED)),
    "build-sanitized": ("asan", "gcc", SANITIZED),
    # made for its two programs alone, by the scenarios that run them
    "races": ("races", "clang", ("-Db_sanitize=thread", "-Db_lundef=false")),
}


def folder(name):
    return os.path.join(ROOT, "build", BUILDS[name][0])


def setup(name, options=()):
    """The command that configures it, anew if it is there."""
    words = ["env", f"CC={BUILDS[name][1]}", "meson", "setup", folder(name), *BUILDS[name][2],
             *options]
    return words + (["--reconfigure"] if os.path.exists(ninja(name)) else [])


def compilation(name):
    """The command that makes it.  Of gcc's with sanitizers what the unit tests need is enough: gcc
    has had its say about the whole tree in the first build."""
    part = "meson-test-prereq" if name == "build-sanitized" else "all"
    return ["ninja", "-C", folder(name), part]


def ninja(name):
    return os.path.join(folder(name), "build.ninja")


def commit():
    """What figures are told to be of; changes that are not committed are not seen."""
    return subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True,
                          text=True).stdout.strip() or "no commit"


@contextlib.contextmanager
def lock(name):
    os.makedirs(os.path.dirname(folder(name)), exist_ok=True)
    with open(folder(name) + ".lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def has(name, target):
    """True if it is configured, by this tree or an older one, and knows that target."""
    if not os.path.exists(ninja(name)):
        return False
    with open(ninja(name)) as rules:
        return target in rules.read()


def make(name, target):
    """The path of one program, test/FOLDER/NAME, made anew; RuntimeError with what went wrong."""
    with lock(name):
        for step in ([setup(name)] if not has(name, target) else []) + \
                [["meson", "compile", "-C", folder(name), target]]:
            made = subprocess.run(step, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True)
            if made.returncode != 0:
                raise RuntimeError(f"{' '.join(step)}: {made.stdout[-3000:]}{made.stderr[-1000:]}")
    return os.path.join(folder(name), target)
