#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The trap on a distribution's kernel, Debian's, in a machine that is emulated: at each of Yama's
four scopes, as root and as an ordinary user without capabilities.
"""
import json
import os
import subprocess
import sys
import tempfile

from lib import environ
from lib.paths import BUILD
from lib.programs import loopback, machine
from lib.published import Map
from lib.tap import done, note, ok, skip

WRITER, HOST = "db.cluster-abc.test-region-1.rds.amazonaws.com", "127.0.77.1"
TRAP = os.path.join(BUILD, "tools", "trap", "pelorus-trap")
PROGRAM = os.path.join(BUILD, "test", "guests", "trapped-static")
SCOPE = "/proc/sys/kernel/yama/ptrace_scope"
USER = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all",
        "--inh-caps=-all"]
CONNECTS = 40
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


def inside():
    """There, as root.  A scope may be made narrower, but for ever once it is 3."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
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


def main():
    kernel, why = machine.kernel("x86_64")
    if why:
        skip("the trap on another kernel", why)
        done()
    said, status = machine.run(kernel, ["/usr/bin/python3", "-B", __file__, "inside"], 600)
    note(f"Linux {kernel.name}")
    parts = ("\n" + said).split("\nnow ")[1:]
    ok(status == "ended 0" and len(parts) == 8, "the machine comes up, and goes",
       (status, said[-2000:]))
    for part in parts:
        check(part)
    done()


if sys.argv[1:2] == ["connect"]:
    connect(len(sys.argv) > 2)
elif sys.argv[1:2] == ["inside"]:
    inside()
else:
    main()
