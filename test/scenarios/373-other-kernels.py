#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The trap on a distribution's kernel, Debian's, in a machine that is emulated: at each of Yama's
four scopes, as root and as an ordinary user without capabilities.

With PELORUS_LONG the unit tests and 371-trap-life run there, too; with --arm64 FOLDER all of that
on 64-bit ARM, whose Debian is put there first (1 GB).
"""
import argparse
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

from lib import environ
from lib.machines import arm64, machine
from lib.paths import BUILD
from lib.programs import loopback
from lib.published import Map
from lib.tap import done, note, ok, skip

WRITER, HOST = "db.cluster-abc.test-region-1.rds.amazonaws.com", "127.0.77.1"
TRAP = os.path.join(BUILD, "tools", "trap", "pelorus-trap")
PROGRAM = os.path.join(BUILD, "test", "guests", "trapped-static")
SCOPE = "/proc/sys/kernel/yama/ptrace_scope"
USER = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all",
        "--inh-caps=-all"]
HERE = os.path.dirname(os.path.abspath(__file__))
CONNECTS = 40
# A signal each ms is faster there than a connect is taken up: docs/clients.md.
SLOW = "the program's first connect finds a worker"
LONG = bool(os.environ.get("PELORUS_LONG"))
REFUSED = "--trap cannot work: kernel.yama.ptrace_scope is above 1"


def trapped(env, *words):
    got = subprocess.run([TRAP, "--", PROGRAM, *map(str, words)], env=env, text=True,
                         capture_output=True, timeout=120)
    return [got.returncode, got.stdout.strip(), got.stderr.strip()]


def connect(leads):
    """There, as whoever that is: where a virtual address leads, or the host's own."""
    with tempfile.TemporaryDirectory() as folder, Map(folder) as published:
        port = loopback.Servers(HOST).port
        published.tell(f"name 0 writer {WRITER} {HOST}")
        published.tell(f"instance 0 0 i0 {port} {HOST}")
        published.tell("writer 0 0")
        env = environ.plain(PELORUS_RUNTIME_DIR=published.directory, PELORUS_PROBER="off")
        looked = subprocess.run(["getent", "ahostsv4", WRITER], capture_output=True, text=True,
                                env={**env, **environ.preload(published.directory)})
        to = looked.stdout.split()[0] if leads else HOST
        print("got", json.dumps([to, trapped(env, to, port, "greet"),
                                 trapped(env, to, port, "forks", CONNECTS)]), flush=True)


def looked_into():
    """How often the kernel's log says that somebody was."""
    log = subprocess.run(["dmesg"], capture_output=True, text=True)
    return log.stdout.count("ptrace attach of")


def inside_long():
    with open(SCOPE, "w") as file:
        file.write("1")
    units = [p for p in glob.glob(os.path.join(BUILD, "test", "unit", "test_*"))
             if os.path.isfile(p) and os.access(p, os.X_OK)]
    for program in units:
        for _ in range(2):  # some compare speeds
            got = subprocess.run([program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 text=True, timeout=900, start_new_session=True)
            if got.returncode == 0:
                break
        else:
            print("failed", os.path.basename(program), got.stdout[-1000:], flush=True)
    print("units", len(units), flush=True)
    subprocess.run(["/usr/bin/python3", "-B", os.path.join(HERE, "371-trap-life.py")], check=False)


def inside():
    """There, as root.  Of the scopes 3 is the last, for it stays."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    if "long" in sys.argv:
        inside_long()
    for scope in range(4):
        with open(SCOPE, "w") as file:
            file.write(str(scope))
        for who in ([], USER):
            before = looked_into()
            leads = scope < 2 or scope == 2 and not who
            print("now", scope, "user" if who else "root", flush=True)
            subprocess.run([*who, "/usr/bin/python3", "-B", __file__, "connect", *["1"][:leads]],
                           check=False)
            print("told", looked_into() - before, flush=True)


def check(part):
    """One scope, as one user."""
    head, *lines = part.split("\n")
    scope, who = head.split()
    text = f"ptrace_scope {scope}, {who}: "
    got = [json.loads(line[4:]) for line in lines if line.startswith("got ")]
    told = [int(line[5:]) for line in lines if line.startswith("told ")]
    if not ok(len(got) == len(told) == 1, text + "it is tried", lines):
        return
    to, greeted, forked = got[0]
    if to != HOST:
        ok(greeted == [0, HOST, ""] and to.startswith("198.18."),
           text + "a virtual address leads to the writer", got)
        ok(forked == [0, str(CONNECTS), ""], text + "so it does for forked children", got)
        ok(told[0] <= 4, text + f"the kernel's log says nothing for each of {CONNECTS} connects",
           told)
    else:
        ok(greeted[:2] == [0, HOST] and REFUSED in greeted[2] and "\n" not in greeted[2],
           text + "one line says why not, and the program runs as without", greeted)


def check_long(said):
    """What of the unit tests, and of 371, failed."""
    units = re.search(r"^units (\d+)$", said, re.M)
    failed = re.findall(r"^failed (.*)", said, re.M)
    ok(units and int(units[1]) > 50 and not failed, "the unit tests pass there", failed or said)
    plan, bad = re.search(r"^1\.\.(\d+)$", said, re.M), re.findall(r"^not ok .*\n.*", said, re.M)
    slow = [line for line in bad if SLOW in line]
    for line in re.findall(r"^(?:# .* natively .*|ok .* # SKIP .*)", said, re.M) + slow:
        note(line.removeprefix("# "))
    bad = [line for line in bad if line not in slow]
    ok(plan and int(plan[1]) > 70 and not bad, "371-trap-life passes there", bad or said[-2000:])


def find_kernel(folder):
    """(a build, a kernel for it, or None, and why there is none)"""
    if folder:
        root, build = arm64.make(folder)
        return build, *machine.kernel("aarch64", root, build)
    return BUILD, *machine.kernel("x86_64")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--arm64", metavar="FOLDER", help="on 64-bit ARM")
    folder = parser.parse_args().arm64
    is_long = LONG or folder
    build, kernel, why = find_kernel(folder)
    if why:
        skip("the trap on another kernel", why)
        done()
    said, status = machine.run(kernel, [
        "/usr/bin/env", f"PELORUS_BUILD={build}", f"PYTHONPATH={os.path.dirname(HERE)}",
        "/usr/bin/python3", "-B", os.path.abspath(__file__), "inside", *["long"][:bool(is_long)]],
        3600 if is_long else 600)
    note(f"Linux {kernel.name}")
    before, *parts = ("\n" + said).split("\nnow ")
    ok(status == "ended 0" and len(parts) == 8, "the machine comes up, and goes",
       (status, said[-2000:]))
    if is_long:
        check_long(before)
    for part in parts:
        check(part)
    done()


if sys.argv[1:2] == ["connect"]:
    connect(len(sys.argv) > 2)
elif sys.argv[1:2] == ["inside"]:
    inside()
else:
    main()
