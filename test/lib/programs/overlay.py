# SPDX-License-Identifier: Apache-2.0
"""This system, seen through an overlay that nobody else sees and that is gone afterwards: what
packages are installed into, by a script that runs as its root."""
import os
import subprocess

from lib.tap import ok, skip

# $1: a folder for the overlay; $2: what is to be seen as /tmp; $3: the script; the rest is its own.
INSIDE = r"""
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o lowerdir=/,upperdir="$1/upper",workdir="$1/work" "$1/root"
mount --rbind /proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mount -t tmpfs tmpfs "$1/root/tmp"
cp -r "$2/." "$1/root/tmp"
root=$1/root script=$3
shift 3
exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive PELORUS_PROBER=off PELORUS_RUNTIME_DIR=/nonexistent \
    bash -euc "$script" script "$@"
"""

# What a script begins with: `step NAME COMMAND...` is a section of what it says.
STEPS = 'step() { echo "== $1"; shift; "$@" 2>&1; echo "== status $?"; }\nset +e\n'


def sections(text):
    """name -> (status, output)"""
    found, name, lines = {}, None, []
    for line in text.splitlines():
        if line.startswith("== status "):
            found[name] = (int(line[10:]), "\n".join(lines))
        elif line.startswith("== "):
            name, lines = line[3:], []
        else:
            lines.append(line)
    return found


def judge(made, rows, fails=()):
    """A claim for each of (section, what it must say, text) of what `run` gave; all of them end
    well but for those that are named in `fails`, with 1."""
    got = sections(made.stdout)
    if not got and "mount:" in made.stderr:
        skip("the package is installed, runs, is removed",
             f"no overlay here: {made.stderr.strip().splitlines()[-1:]}")
        return
    for name, wanted, text in rows:
        status, output = got.get(name, (-1, ""))
        good = status == (1 if name in fails else 0) and wanted in output and \
            "left:" not in output and "cannot be preloaded" not in output
        ok(good, text, f"{name}: {status}\n{output}\n{made.stderr[-800:]}")


def output_of(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          stdin=subprocess.DEVNULL).stdout


def run(script, folder, files, *words):
    """The finished process, with texts; `folder` is one to work in, `files` the script's /tmp."""
    mounts = os.path.join(folder, "system")
    os.mkdir(mounts)
    alone = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]
    if os.getuid() != 0:
        alone += ["--user", "--map-root-user"]
    return subprocess.run([*alone, "bash", "-euc", INSIDE, "inside", mounts, files, STEPS + script,
                           *words], text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120)
