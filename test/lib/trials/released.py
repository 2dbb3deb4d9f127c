# SPDX-License-Identifier: Apache-2.0
"""Library and daemon of the last release, built from the history that the clone has.

That is the newest tag vN; as long as there is none, the commit that fixed what releases promise
each other, by its subject: a hash would be another's after the next rebase.  PELORUS_RELEASED names
any other commit.
"""
import contextlib
import fcntl
import os
import shutil
import subprocess

from lib.paths import ROOT

FIRST = "map: say what format 1 promises"
OPTIONS = ["-Dtests=disabled", "-Dman=disabled", "-Dlab=false", "-Dzookeeper=disabled"]
LIBRARY, PELORUSD = os.path.join("lib", "libpelorus.so"), os.path.join("probes", "pelorusd")


def git(*words):
    made = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    return made.stdout.strip() if made.returncode == 0 else ""


def commit():
    """Its hash and its name, or two empty strings: there is no such history here."""
    told = os.environ.get("PELORUS_RELEASED")
    if told:
        return git("rev-parse", told + "^{commit}"), told
    tag = git("describe", "--tags", "--abbrev=0", "--match", "v[0-9]*")
    found = git("log", "-1", "--format=%H", *([tag] if tag else ["--fixed-strings",
                                                                  f"--grep={FIRST}"]))
    return found, tag or (FIRST if found else "")


def build(hash_):
    """The folder of its build, made once; RuntimeError with what went wrong."""
    folder = os.path.join(ROOT, "build", "released")
    whole = os.path.join(folder, "whole")
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with open(folder + ".lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError), open(whole) as made:
            if made.read() == hash_:
                return os.path.join(folder, "build")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(os.path.join(folder, "source"))
        for line in (f"git archive {hash_} | tar -x -C {folder}/source",
                     f"meson setup {folder}/build {folder}/source {' '.join(OPTIONS)}",
                     f"ninja -C {folder}/build {LIBRARY} {PELORUSD}"):
            made = subprocess.run(["bash", "-o", "pipefail", "-c", line], cwd=ROOT,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if made.returncode != 0:
                raise RuntimeError(f"{line}: {made.stdout[-2000:]}{made.stderr[-1000:]}")
        with open(whole, "w") as out:
            out.write(hash_)
    return os.path.join(folder, "build")
