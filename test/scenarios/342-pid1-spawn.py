#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where orphans come to a program, it never gets a prober for a child.

The first process of a container, and a subreaper, inherit what the library starts: a child that
they do not know, which their wait() would wait for, while it waits for their end. There none is
started, and one line says what to start instead.
"""
import json
import os
import shutil
import signal
import subprocess
import tempfile

from lib.paths import LIBRARY, PELORUS, PELORUSD
from lib.tap import done, note, ok

WRITER = "db.cluster-abc.test-region-1.rds.amazonaws.com"
# Looks the name up, which misses a prober, runs a child of its own, and waits for all of its
# children.
PROGRAM = """
import ctypes, os, signal, socket, subprocess, sys
if sys.argv[1] == "subreaper":
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
print("pid1" if os.getpid() == 1 else "not pid1")
try:
    socket.getaddrinfo(sys.argv[2], 3306)
except OSError:
    pass
children = open(f"/proc/self/task/{os.getpid()}/children").read().split()
print(" ".join(open(f"/proc/{c}/comm").read().strip() for c in children), flush=True)
if os.fork() == 0:
    os._exit(0)
signal.signal(signal.SIGALRM, lambda *_: os._exit(99))  # which PID 1 ignores by default
signal.alarm(8)
waited = 0
while True:
    try:
        os.wait()
        waited += 1
    except ChildProcessError:
        break
print("waited for", waited, flush=True)
"""
INSIDE = {"pid1": ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc",
                   "--kill-child"],
          "subreaper": [], "neither": []}


def run(kind, folder):
    """What it says, how it ended, and what the library says meanwhile."""
    directory, said = os.path.join(folder, kind), os.path.join(folder, kind + ".log")
    env = {k: v for k, v in os.environ.items() if not k.startswith("PELORUS_")}
    env.update(LD_PRELOAD=LIBRARY, PELORUS_RUNTIME_DIR=directory, PELORUS_PROBER=PELORUSD,
               PELORUS_LOG=said, PELORUS_LOG_FORMAT="json")
    words = ["env", f"LD_PRELOAD={env.pop('LD_PRELOAD')}", "/usr/bin/python3", "-c", PROGRAM, kind,
             WRITER]
    child = subprocess.run([*INSIDE[kind], *words], env=env, stdout=subprocess.PIPE, text=True,
                           stdin=subprocess.DEVNULL, timeout=60)
    lines = open(said).read().splitlines() if os.path.exists(said) else []
    return child.stdout.splitlines(), child.returncode, lines, directory


def stop_prober(directory):
    """The one that an ordinary program has started."""
    env = dict(os.environ, PELORUS_RUNTIME_DIR=directory)
    subprocess.run([PELORUS, "stop"], env=env, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, timeout=30)


def status_text(code):
    return signal.Signals(-code).name if code < 0 else f"status {code}"


def check(kind, folder):
    out, code, said, directory = run(kind, folder)
    note(f"{kind}: {out}, {status_text(code)}; {said}")
    ok(out[:1] == ["pid1" if kind == "pid1" else "not pid1"],
       f"{kind}: it is what it should be", out)
    ok(out[1:2] == [""], f"{kind}: after a lookup it has no child", out)
    ok(out[2:] == ["waited for 1"] and code == 0,
       f"{kind}: it waits for its own child alone, and ends", f"{out} {status_text(code)}")
    ok(len(said) == 1 and json.loads(said[0])["code"] == "L13" and
       "pelorusd" in json.loads(said[0])["text"], f"{kind}: one line says what to start", said)
    stop_prober(directory)


def check_ordinary(folder):
    """The same program elsewhere, to show that it would start one."""
    out, code, said, directory = run("neither", folder)
    started = os.path.exists(os.path.join(directory, "topology.map"))
    ok(started and code == 0 and out[1:] == ["", "waited for 1"],
       "elsewhere a prober is started, as nobody's child", f"{out} {status_text(code)} {said}")
    stop_prober(directory)


def main():
    folder = tempfile.mkdtemp(prefix="pelorus-first-")
    check_ordinary(folder)
    for kind in ("pid1", "subreaper"):
        check(kind, folder)
    shutil.rmtree(folder, ignore_errors=True)
    done()


main()
