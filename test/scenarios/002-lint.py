#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a machine can say of how the tree is written: clang-format, shellcheck, ruff.

The settings are .clang-format and ruff.toml; of clang-format another release would say otherwise.
"""
import os
import re
import subprocess

from lib.paths import ROOT
from lib.programs import wheels
from lib.tap import done, ok, skip

CLANG_FORMAT = "14"
RUFF = ("ruff", "0.17.6", "aa3b08254a732acba246891089a152c47c5733dc36b8ecb76ce8602f8326e5e4",
        "435241c61af5909a022f76219d3d1bf24730dc1bf0acabb5ddf4b569ab3cbb30")


def run(*command):
    done_ = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True,
                           text=True)
    return done_.returncode, done_.stdout + done_.stderr


def files():
    listed = run("git", "ls-files", "-co", "--exclude-standard")[1].splitlines()
    return [f for f in listed if os.path.isfile(os.path.join(ROOT, f))]


def first_line(path):
    with open(os.path.join(ROOT, path), "rb") as file:
        return file.readline(80)


def check(text, count, command):
    status, said = run(*command)
    ok(count > 5 and status == 0, f"{text}: {count} files", said[-4000:])


def main():
    every = files()
    sources = [f for f in every if f.endswith((".c", ".h"))]
    found = re.search(r"version (\d+)", run("clang-format", "--version")[1])
    if found and found.group(1) == CLANG_FORMAT:
        check("clang-format", len(sources), ["clang-format", "--dry-run", "-Werror", *sources])
    else:
        skip("clang-format", f"there is none of release {CLANG_FORMAT}")
    scripts = [f for f in every if re.match(rb"#!\S*[/ ](env )?(ba)?sh\b", first_line(f))]
    check("shellcheck", len(scripts), ["shellcheck", *scripts])
    folder, why = wheels.unpack(*RUFF)
    if folder:
        program = os.path.join(folder, f"{RUFF[0]}-{RUFF[1]}.data", "scripts", "ruff")
        os.chmod(program, 0o755)
        python = [f for f in every if f.endswith(".py") or b"python" in first_line(f)]
        check("ruff", len(python), [program, "check", "--no-cache", "--quiet", *python])
    else:
        skip("ruff", why)
    done()


main()
